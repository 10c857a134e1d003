#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# dom0 drives its own hardware: root on AHCI, on NVMe and on virtio, network by
# e1000e and virtio-net, USB keyboard, RTC; with message-signalled interrupts
# and without them (pci=nomsi: IO-APIC lines, level-triggered and shared). What
# is read from a disk is what was written to it. No interrupt is lost while lines
# go from CPU to CPU at random (a lost one stops its device).
. "$(dirname "$0")/lib.sh"

common() {
	cat <<'END'
# Lets each line of a device that may be moved be delivered to one CPU after the other.
move_lines() {
	echo $BASHPID >/tmp/mover
	while :; do
		for line in /proc/irq/*/smp_affinity; do
			printf '%x' $((1 << RANDOM % $(nproc))) 2>/dev/null >"$line" && echo yes >/tmp/moved
		done
	done 2>/dev/null
}
until_true 60 sh -c 'ip -4 -o addr show xenbr0 | grep -q "inet 10\.0\.2\."' || fail "no address by DHCP"
[ "$(nproc)" = 1 ] || move_lines &
ping -q -c 300 -i 0.01 -W 5 10.0.2.2 || fail "no answer from the network"
head -c 32M /dev/urandom >/var/tmp/data
before=$(sha256sum </var/tmp/data)
sync
echo 3 >/proc/sys/vm/drop_caches
same "data read back from $(findmnt -no SOURCE /)" "$before" "$(sha256sum </var/tmp/data)"
! [ -e /tmp/mover ] || { kill $(cat /tmp/mover); same "lines moved" yes "$(cat /tmp/moved)"; }
[ -e /sys/class/rtc/rtc0 ] || fail "no RTC"
[ "$(cat /sys/class/rtc/rtc0/since_epoch)" -gt 1600000000 ] || fail "the RTC has no date"
END
}

{ common; cat <<'END'; } |
findmnt -no SOURCE / | grep -q '^/dev/sd' || fail "root is not on AHCI"
grep -q 'msi.*ahci' /proc/interrupts || fail "AHCI has no MSI"
grep -q 'msi-x.*en' /proc/interrupts || fail "e1000e has no MSI-X"
grep -q 'Handlers=.*kbd' /proc/bus/input/devices || fail "no keyboard"
until_true 60 grep -qi 'usb.*keyboard' /proc/bus/input/devices || fail "no USB keyboard"
END
	in_dom0 --cpus 4 --one-thread --root-bus ahci --net e1000e --device qemu-xhci --device usb-kbd \
		--timeout 400 || fail "AHCI, e1000e, USB"

{ common; cat <<'END'; } |
findmnt -no SOURCE / | grep -q '^/dev/nvme' || fail "root is not on NVMe"
grep -q 'msi-x.*nvme' /proc/interrupts || fail "NVMe has no MSI-X"
END
	in_dom0 --cpus 1 --root-bus nvme --timeout 400 || fail "NVMe"

{ common; cat <<'END'; } |
! grep -q -- '-msi' /proc/interrupts || fail "message-signalled interrupts in spite of pci=nomsi"
awk '/ioapic-level/ { for (i = 2; $i ~ /^[0-9]+$/; i++) n += $i } END { exit n < 100 }' /proc/interrupts ||
	fail "hardly any level-triggered interrupts"
END
	in_dom0 --cpus 4 --one-thread --root-bus virtio --net virtio --append-linux pci=nomsi \
		--timeout 400 || fail "IO-APIC lines"
