#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Guests as units of systemd, in dom0: keel starts one, which runs Debian's kernel; an
# added vCPU ends as an online CPU in the guest; it reboots; xl's death, by SIGKILL and by
# SIGTERM, leaves the guest running and the unit takes it over; a taken-over guest reboots
# and stops as any other.
. "$top_srcdir/tests/machine/lib.sh"

# The guest: one static program in an initramfs.
root=$scratch/guest
mkdir -p "$root/sbin" "$root/dev"
cp "$top_builddir/tests/tools/guest-init" "$root/init"
ln "$root/init" "$root/sbin/poweroff"
ln "$root/init" "$root/sbin/reboot"
(cd "$root" && find . | cpio --quiet -o -H newc | gzip) >"$scratch/guest-initrd.gz" ||
	fail "cannot make the guest's initramfs"

in_dom0 --timeout 900 --add "$scratch/guest-initrd.gz:/var/lib/guest-initrd.gz" "$@" <<'END'
unit=keel-guest@lin.service
cat >/root/lin.cfg <<X
name = "lin"
type = "pv"
kernel = "$(ls /boot/vmlinuz-* | head -n 1)"
ramdisk = "/var/lib/guest-initrd.gz"
extra = "console=hvc0 quiet"
memory = 160
maxmem = 256
vcpus = 1
maxvcpus = 4
X

# said N REGEX: the guest's console, whose history outlives reboots, has it N times.
said() {
	[ "$(keel console lin --grep "$2" | wc -l)" -ge "$1" ]
}

says() {
	until_true 200 said "$1" "$2" || {
		keel console --list
		keel console lin --tail=20
		fail "the guest does not say for the $1. time: $2"
	}
	echo "ok: the guest says for the $1. time: $2"
}

# What there is to know when the guest does not do as it should.
why() {
	keel list
	keel console lin --tail=20
	journalctl -u $unit --no-pager -o short-monotonic | tail -n 30
	tail -n 20 /var/log/xen/xl-lin.log
}

main_pid() {
	systemctl show -p MainPID --value $unit
}

# taken_over OLDPID: the unit's main process is another one, and the domain the same.
taken_over() {
	local now
	now=$(main_pid)
	[ "$now" != "$1" ] && [ "$now" -gt 1 ] && grep -q guest-unit "/proc/$now/cmdline"
}

domid() {
	keel info --json lin | sed -n 's/.*"domid": \([0-9]*\).*/\1/p'
}

keel define /root/lin.cfg || fail "define"
keel start lin || fail "start"
same "state of the unit" active "$(systemctl is-active $unit)"
same "what it runs" xl "$(cat "/proc/$(main_pid)/comm")"
says 1 "guest: up"

keel vcpu --wait 60 lin 3 || fail "vCPUs did not come online"
says 1 "guest: cpu 2 is online"
keel vcpu --wait 60 lin 2 || fail "a vCPU did not go"
keel vcpu --json lin | grep -c '"online": true' | grep -qx 2 || fail "not 2 vCPUs online"
keel mem lin 128 || fail "mem"
until_true 30 sh -c 'keel mem lin | grep -q "128 MiB"' || fail "the balloon did not grow"

before=$(domid)
keel reboot --timeout 300 lin || { why; fail "reboot"; }
[ "$(domid)" != "$before" ] || fail "rebooted into the same domain"
says 2 "guest: up"

for signal in KILL TERM; do
	before=$(domid)
	pid=$(main_pid)
	[ "$pid" -gt 1 ] || fail "the unit has no main process"
	kill -$signal "$pid"
	until_true 60 taken_over "$pid" || { systemctl status $unit; fail "SIG$signal: not taken over"; }
	same "domain after SIG$signal" "$before" "$(domid)"
	until_true 60 systemctl is-active --quiet $unit || fail "SIG$signal: unit not active"
done

before=$(domid)
keel reboot --timeout 300 lin || { why; fail "reboot after take-over"; }
[ "$(domid)" != "$before" ] || fail "rebooted into the same domain"
says 3 "guest: up"
same "what the unit runs" xl "$(cat "/proc/$(main_pid)/comm")"

keel stop lin || fail "stop"
same "state after stop" off "$(keel list --json | grep -A3 '"name": "lin"' | sed -n 's/.*"state": "\(.*\)".*/\1/p')"
same "unit after stop" inactive "$(systemctl is-active $unit)"
keel list --names --running | grep -qx lin && fail "the domain is still there"
keel autostart lin on && systemctl is-enabled --quiet $unit || fail "autostart on"
keel undefine lin || fail "undefine"
systemctl is-enabled --quiet $unit && fail "still enabled"
exit 0
END
