#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Consoles of real guests: two viewers and a writer on one, its writer role stolen, a
# flooding guest beside it, the daemon killed and upgraded in the middle, the guest
# rebooted.  Both viewers' bytes, the history and the log must be the same text.
# The guests are GRUB, built for Xen: it answers on its console, and needs no disk.
. "$top_srcdir/tests/machine/lib.sh"

grub=/usr/lib/grub-xen/grub-x86_64-xen.bin
[ -e $grub ] || {
	echo "no GRUB for Xen guests here (grub-xen-host)"
	exit 77
}
in_dom0 --alone --timeout 300 --add $grub:/root/pvgrub \
	--add "$top_builddir/consoled/keel-consoled:/root/keel-consoled" \
	--add "$top_builddir/consoled/keel-console:/usr/bin/keel-console" "$@" <<'END'
export PATH=/usr/bin:$PATH
systemctl stop keel-consoled xenconsoled 2>/dev/null
mkdir -p /run/keel
daemon() {
	/root/keel-consoled &
	daemon=$!
	until_true 60 keel-console --list >/dev/null 2>&1 || fail "the daemon does not answer"
}

# guest NAME: starts it; its console is watched from the first byte.
guest() {
	printf 'name="%s"\ntype="pv"\nkernel="/root/pvgrub"\nmemory=64\n' "$1" >/root/"$1".cfg
	xl create -q /root/"$1".cfg || fail "xl create $1"
	keel-console "$1" --history --timeout 120 --expect 'grub>' >/dev/null ||
		fail "$1 does not come up"
}

# asks TEXT: as writer; GRUB types it back, then says it.
asks() {
	keel-console g1 "$@" --timeout 90 >/dev/null || {
		keel-console --list
		keel-console g1 --who
		keel-console g1 --tail=10
		fail "g1: $*"
	}
}

text() {
	keel-console g1 --tail=100000
}

reborn() {
	[ "$(xl domid g1 2>/dev/null || echo 0)" -gt "$before" ]
}

# What came after the answer to the first command.
from_first_answer() {
	tail -c "+$(grep -abo -m1 one "$1" | head -n 1 | cut -d: -f1)" "$1"
}

daemon
guest g1
keel-console g1 --view </dev/null >/root/v1 2>/root/e1 &
v1=$!
keel-console g1 --view </dev/null >/root/v2 2>/root/e2 &
v2=$!
until_true 60 sh -c '[ "$(keel-console g1 --who | wc -l)" = 3 ]' || fail "two viewers"
asks --send 'echo on"e"\r' --expect 'one'
echo "ok: input and output"

tty=$(xenstore-read /local/domain/"$(xl domid g1)"/console/tty)
same "mode of the pty" 600 "$(stat -c %a "$tty")"
mkfifo /root/keys /root/silence
exec 7<>/root/keys 8<>/root/silence
script -qfc "xl console g1" /root/xl.out </root/keys >/dev/null &
xl=$!
until_true 60 sh -c 'keel-console g1 --who | grep -q /dev/pts' || fail "xl console does not attach"
printf 'echo by"xl"\r' >&7
until_true 60 grep -q byxl /root/xl.out || fail "xl console shows nothing: $(cat -v /root/xl.out)"
printf '\035' >&7
wait $xl
echo "ok: xl console"

keel-console --exclusive g1 </root/silence >/dev/null 2>/root/ew &
until_true 60 sh -c 'keel-console g1 --who | grep -q exclusive' || fail "exclusive writer"
keel-console g1 --send x 2>/dev/null
same "status while somebody writes exclusively" 5 $?
asks --force --send 'echo st"olen"\r' --expect 'stolen'
grep -q 'forced the writer role' /root/ew || fail "the old writer was not told"
echo "ok: writer role stolen"

guest g2
keel-console g2 --send 'while true; do echo flood flood flood flood; done\r'
asks --take --send 'echo be"side"\r' --expect 'beside'
echo "ok: beside a flood"

kill -9 $daemon
wait $daemon 2>/dev/null
daemon
asks --take --send 'echo af"ter kill"\r' --expect 'after kill'
kill -USR1 $daemon
asks --take --send 'echo af"ter upgrade"\r' --expect 'after upgrade'
kill -0 $daemon || fail "the daemon is another process"
echo "ok: killed and upgraded"

# The toolstack gives up after ten seconds: the flood goes on, but leaves it time.
xl sched-credit2 -d g2 -c 10
before=$(xl domid g1)
keel-console g1 --take --send 'reboot\r'
until_true 120 reborn || fail "no reboot"
until_true 120 sh -c 'keel-console g1 --grep "Minimal BASH" | wc -l | grep -qx 2' ||
	fail "nothing of the second life: $(keel-console g1 --tail=5)"
asks --take --send 'echo re"born"\r' --expect 'reborn'
xl destroy g2

# Everything said by now: the same for all.
until_true 60 sh -c 'grep -aq reborn /root/v1 && grep -aq reborn /root/v2' || fail "viewers"
until_true 60 grep -q reborn /var/log/keel/console/g1.log || fail "log"
kill $v1 $v2
wait $v1 $v2
cmp /root/v1 /root/v2 || fail "two viewers saw different bytes"
text >/root/history
grep -v '^\[keel' /var/log/keel/console/g1.log | cut -c26- >/root/logged
diff /root/history /root/logged >/root/diff || { head -n 20 /root/diff; fail "log and history"; }
keel-console g1 --replay --speed 0 >/root/replay
# What a viewer saw after its repaint is what the guest wrote.
from_first_answer /root/v1 >/root/seen
from_first_answer /root/replay | cmp - /root/seen || fail "a viewer's bytes"
grep -aq reborn /root/seen || fail "a viewer did not see all"
for w in one byxl stolen beside 'after kill' 'after upgrade' reborn; do
	same "times '$w' was said" 1 "$(grep -c "^$w\$" /root/logged)"
done
head -n 1 /var/log/keel/console/hypervisor.log | grep -q Xen || [ -e /proc/keel ] ||
	head -n 3 /var/log/keel/console/hypervisor.log
kill $daemon
exit 0
END
