#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A running guest is saved to a file and restored from it: it goes on where it was, its disks (a block
# device of dom0's kernel, and qcow2 through qemu) and network work, and no page is lost. A core of it can be dumped while it runs.
. "$(dirname "$0")/lib.sh"

in_dom0 --alone --cpus 2 --memory 3072 --timeout 600 --add "$(command -v busybox):/root/busybox" \
	--add "$top_srcdir/tests/machine/guest-init:/root/guest-init" \
	--add "$top_srcdir/tests/machine/guest.sh:/root/guest.sh" <<'END'
. /root/guest.sh
make_guest_initrd
free_before=$(xl info free_memory)
truncate -s 16M /root/disk.raw
qemu-img create -q -f qcow2 /root/second.qcow2 16M || fail "qemu-img"
guest_cfg g1 2 'vcpus = 2' 'vif = [ "bridge=xenbr0, mac=00:16:3e:00:00:02" ]' \
	'disk = [ "format=raw, vdev=xvda, access=rw, target=/root/disk.raw",
		"format=qcow2, vdev=xvdb, access=rw, target=/root/second.qcow2" ]'
xl create /root/g1.cfg || fail create
until_true 120 guest_answers 2 || fail "the guest does not answer"
in_guest 2 'echo remembered >/note; echo $$ >/dev/null' >/dev/null
started=$(in_guest 2 'cat /proc/sys/kernel/random/boot_id')

xl dump-core g1 /root/g1.core || fail dump-core
[ "$(stat -c %s /root/g1.core)" -gt $((100 << 20)) ] || fail "the core is small: $(stat -c %s /root/g1.core)"
same "core is ELF" ELF "$(dd if=/root/g1.core bs=1 skip=1 count=3 status=none)"
rm /root/g1.core
until_true 30 guest_answers 2 || fail "does not answer after dump-core"

xl save g1 /root/g1.save || { xl dmesg | tail -n 20; fail save; }
until_true 30 guest_gone g1 || fail "still there after save"
xl restore /root/g1.save || { xl dmesg | tail -n 20; fail restore; }
until_true 120 guest_answers 2 || { xl list; xl dmesg | tail -n 20; fail "does not answer after restore"; }
same "what it remembers" remembered "$(in_guest 2 'cat /note')"
same "the same boot" "$started" "$(in_guest 2 'cat /proc/sys/kernel/random/boot_id')"
same "its CPUs" 2 "$(in_guest 2 nproc)"
in_guest 2 'echo written after >/w; dd if=/w of=/dev/xvda conv=sync bs=512 2>/dev/null; sync' >/dev/null
sync
same "its disk" "written after" "$(head -n 1 /root/disk.raw)"
in_guest 2 'echo written by qemu >/w; dd if=/w of=/dev/xvdb conv=sync bs=512 2>/dev/null; sync' >/dev/null
same "its qcow2 disk" "written by qemu" "$(in_guest 2 'head -n 1 /dev/xvdb')"
xl destroy g1 || fail destroy
until_true 30 guest_gone g1 || fail "still there after destroy"
same "qcow2 file" "written by qemu" "$(qemu-img dd -f qcow2 -O raw if=/root/second.qcow2 of=/root/second.raw bs=512 count=1 &&
	head -n 1 /root/second.raw)"
all_back() { [ "$(xl info free_memory)" = "$free_before" ]; }
until_true 30 all_back || fail "memory: $free_before before, $(xl info free_memory) after"
END
