#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Guests that misbehave (tests/guests/hostile: they crash, loop, flood the console, lie in their rings,
# take all grants, ports and memory, call at random) leave dom0, its daemons and a well-behaved guest
# unharmed, and destroying them frees all their memory.
. "$(dirname "$0")/lib.sh"

in_dom0 --alone --cpus 2 --memory 3072 --timeout 600 --add "$(command -v busybox):/root/busybox" \
	--add "$top_srcdir/tests/machine/guest-init:/root/guest-init" \
	--add "$top_srcdir/tests/machine/guest.sh:/root/guest.sh" \
	--add "$top_builddir/tests/guests/hostile.elf:/root/hostile.elf" <<'END'
. /root/guest.sh
make_guest_initrd
truncate -s 16M /root/disk.raw /root/bad.raw
guest_cfg good 2 'vif = [ "bridge=xenbr0, mac=00:16:3e:00:00:02" ]' \
	'disk = [ "format=raw, vdev=xvda, access=rw, target=/root/disk.raw" ]'
xl create -q /root/good.cfg || fail "create"
until_true 120 guest_answers 2 || fail "the well-behaved guest does not answer"

# start NAME MISDEED[,MISDEED]... [LINE]...
start() {
	local name=$1 misdeeds=$2
	shift 2
	cat >"/root/$name.cfg" <<X
name = "$name"
type = "pv"
kernel = "/root/hostile.elf"
memory = 16
vcpus = 4
extra = "hostile=$misdeeds seed=$name"
on_poweroff = "preserve"
on_reboot = "preserve"
on_crash = "preserve"
X
	printf '%s\n' "$@" >>"/root/$name.cfg"
	xl create -q "/root/$name.cfg" || fail "create $name"
}

in_state() { xl list "$1" | awk 'NR == 2 { print $5 }' | grep -q "$2"; }
said() { xenstore-read "/local/domain/$(xl domid "$1")/data/said" 2>/dev/null; }
says() { [ "$(said "$1")" = "$2" ]; }

# reaches NAME STATE [SAID]: ends so, having said so.
reaches() {
	until_true 60 in_state "$1" "$2" || { xl dmesg | tail -n 8; fail "$1 is not in state $2: $(said "$1")"; }
	[ $# = 2 ] || says "$1" "$3" || fail "$1 said '$(said "$1")' last, not $3"
}

daemons() { systemctl show -p MainPID --value xenstored keel-consoled xenconsoled | tr '\n' ' '; }
daemons_before=$(daemons)
free_before=$(xl info free_memory)

# What must hold whatever a guest does.
unharmed() {
	timeout 40 xl list >/dev/null || fail "$1: xl list"
	timeout 40 xenstore-ls /local/domain >/dev/null || fail "$1: xenstore-ls"
	until_true 40 guest_answers 2 || fail "$1: the other guest does not answer"
	[ "$(timeout 60 bash -c "in_guest 2 'dd if=/dev/zero of=/dev/xvda bs=64k count=16 2>/dev/null; sync; echo written'")" = written ] ||
		fail "$1: the other guest cannot write to its disk"
	[ "$(daemons)" = "$daemons_before" ] || fail "$1: a daemon of dom0 died: $daemons_before, $(daemons)"
	echo "ok: unharmed by $1 ($SECONDS s)"
}

all_back() { [ "$(xl info free_memory)" = "$free_before" ]; }
destroyed() {
	local name
	for name; do
		xl destroy "$name" || fail "destroy $name"
	done
	for name; do
		until_true 30 guest_gone "$name" || fail "$name stays"
	done
	until_true 30 all_back || fail "memory after $*: $free_before before, $(xl info free_memory) after"
}

devices='vif = [ "bridge=xenbr0", "bridge=xenbr0" ]
disk = [ "format=raw, vdev=xvda, access=rw, target=/root/bad.raw" ]'

crashes="asked without_handler on_bad_stack in_iret in_failsafe by_event"
for way in $crashes; do start "$way" "crash_$way"; done
for way in $crashes; do reaches "$way" c; done
unharmed "crashes"
destroyed $crashes

start a privileged_instructions,ports_exhausted,memory_abused,tables_abused
start b grants_exhausted 'max_maptrack_frames = 8'
start c disk_bad_requests,disk_bad_index,net_bad_requests,net_bad_index "$devices"
for name in b a c; do reaches "$name" s "done"; done
unharmed "exhausted grants, ports and memory, lies to blkback and netback"
destroyed a b c

start a console_garbage,store_garbage
start b store_large_header
start c all_memory_given_back
reaches a s store_garbage
reaches b s store_large_header
reaches c s "done"
unharmed "garbage for console and store, all memory given back"
destroyed a b c

# One after the other: each shares the CPUs evenly, so three at once leave dom0 a fraction.
for misdeed in spin storm console_flood hypervisor_console_flood; do
	start a "$misdeed"
	until_true 60 says a "$misdeed" || fail "$misdeed: $(said a)"
	unharmed "$misdeed"
	destroyed a
done

names="d e f g"
for name in $names; do start "$name" random_hypercalls; done
over() { in_state "$1" '[sc]'; }
for name in $names; do
	until_true 60 over "$name" || fail "$name: $(said "$name")"
done
unharmed "hypercalls at random"
destroyed $names

if dmesg | grep -E 'BUG|Oops|WARNING|general protection'; then
	fail "dom0's kernel"
fi
END
