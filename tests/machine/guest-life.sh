#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A Linux guest from creation to its end, by stock xl: create, list, vcpu-list, console output, disk and
# network through blkback and netback, vCPU hot-plug, ballooning, pause, pinning, weight, attaching and
# detaching devices, rename, sysrq, trigger, reboot, shutdown; and all its memory back afterwards.
. "$(dirname "$0")/lib.sh"

in_dom0 --alone --cpus ${KEEL_TEST_CPUS:-2} --memory 3072 --timeout 600 --add "$(command -v busybox):/root/busybox" \
	--add "$top_srcdir/tests/machine/guest-init:/root/guest-init" \
	--add "$top_srcdir/tests/machine/guest.sh:/root/guest.sh" <<'END'
. /root/guest.sh
make_guest_initrd
free_before=$(xl info free_memory)
truncate -s 64M /root/disk.raw /root/second.raw
dd if=/dev/urandom of=/root/disk.raw bs=1M count=4 conv=notrunc status=none
guest_cfg g1 2 'vcpus = 1' 'maxvcpus = 3' 'maxmem = 192' \
	'disk = [ "format=raw, vdev=xvda, access=rw, target=/root/disk.raw" ]' \
	'vif = [ "bridge=xenbr0, mac=00:16:3e:00:00:02" ]'
xl create /root/g1.cfg || fail "create"
until_true 120 guest_answers 2 || { xl list; xl dmesg | tail -n 20; fail "the guest does not answer"; }
id=$(xl domid g1)
same "name by id" g1 "$(xl domname "$id")"
same "state" 1 "$(xl list g1 | awk 'NR == 2 { print $4 }')"

# block and network
same "disk seen" "$(md5sum </root/disk.raw)" "$(in_guest 2 'md5sum < /dev/xvda')"
in_guest 2 'yes keel | head -c 2097152 >/two; dd if=/two of=/dev/xvda bs=1M seek=8 2>/dev/null; sync' >/dev/null
sync
same "disk written" "$(yes keel 2>/dev/null | head -c 2097152 | md5sum)" \
	"$(dd if=/root/disk.raw bs=1M skip=8 count=2 status=none | md5sum)"
ping -c 3 -W 5 10.9.9.2 >/dev/null || fail "ping"
same "1 MiB over the network" "$(yes 0123456789 | head -c 1048576 | md5sum)" \
	"$(in_guest 2 'yes 0123456789 | head -c 1048576' | head -c 1048576 | md5sum)"

# vCPUs
xl vcpu-set --ignore-host g1 3 || fail "vcpu-set"
cpus_are() { [ "$(in_guest 2 nproc)" = "$1" ]; }
until_true 60 cpus_are 3 || fail "added vCPUs do not come online: $(in_guest 2 nproc)"
xl vcpu-set g1 2 || fail "vcpu-set down"
until_true 60 cpus_are 2 || fail "vCPU does not go"
last=$(($(xl info nr_cpus) - 1))
xl vcpu-pin g1 0 $last || fail "vcpu-pin"
[ $last = 0 ] || same "pinned" $last "$(xl vcpu-list g1 | awk '$3 == 0 { print $7 }')"
xl vcpu-pin g1 0 all || fail "unpin"
xl sched-credit2 -d g1 -w 512 -c 50 || fail "sched-credit2"
same "weight and cap" "512 50" "$(xl sched-credit2 -d g1 | awk 'END { print $3, $4 }')"
xl sched-credit2 -d g1 -w 256 -c 0

# memory
total() { in_guest 2 "sed -n 's/MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo"; }
first=$(total)
xl mem-set g1 128 || fail "mem-set"
smaller() { [ "$(total)" -lt $((first - 20000)) ]; }
until_true 60 smaller || fail "the balloon does not grow: $first, $(total)"
xl mem-set g1 160
grown() { [ "$(total)" -gt $((first - 8000)) ]; }
until_true 60 grown || fail "the balloon does not shrink: $first, $(total)"
xl mem-max g1 200 || fail "mem-max"

# pause
xl pause g1 || fail pause
same "paused" p "$(xl list g1 | awk 'NR == 2 { print $5 }' | grep -o p)"
xl unpause g1
until_true 30 guest_answers 2 || fail "does not answer after unpause"

# devices
xl block-attach g1 format=raw,vdev=xvdb,access=rw,target=/root/second.raw || fail "block-attach"
sees() { in_guest 2 "ls /dev/xvdb" | grep -q ^/dev/xvdb; }
until_true 60 sees || fail "attached disk"
xl block-detach g1 xvdb || fail "block-detach"
xl network-attach g1 bridge=xenbr0 mac=00:16:3e:00:00:77 || fail "network-attach"
second() { in_guest 2 'cat /sys/class/net/eth1/address' | grep -q 00:16:3e:00:00:77; }
until_true 60 second || fail "attached NIC"
xl network-detach g1 00:16:3e:00:00:77 || fail "network-detach"

# the rest
xl rename g1 other && same "renamed" "$id" "$(xl domid other)" && xl rename other g1
xl sysrq g1 h || fail sysrq
xl trigger g1 nmi 0 || fail trigger
xl uptime g1 | grep -q g1 || fail uptime
xentop -b -i 1 | grep -q ' g1 ' || fail xentop
xl debug-keys q || fail debug-keys
xl dmesg | grep -q 'd'"$id" || fail "dmesg shows no report"
xenstore-ls "/local/domain/$id" | grep -q 'console' || fail xenstore-ls

xl reboot g1 || fail reboot
rebooted() { [ "$(xl domid g1 2>/dev/null)" -gt "$id" ] 2>/dev/null && guest_answers 2; }
until_true 180 rebooted || { xl list; fail "no reboot"; }
xl shutdown -w g1 || fail shutdown
until_true 60 guest_gone g1 || fail "still there"
all_back() { [ "$(xl info free_memory)" = "$free_before" ]; }
until_true 30 all_back || fail "memory: $free_before before, $(xl info free_memory) after"
END
