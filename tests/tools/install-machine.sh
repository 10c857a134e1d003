#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# An install from beginning to end in dom0: from an ISO on a block device, through
# the guest's unit; the stand-in installer finds its disk and the added files and
# reboots; the guest file is switched, the guest is up again on pvgrub, and the
# installer's kernel is gone. Then one whose kernel is no kernel: the failure is
# told, and nothing of it is left, neither file nor unit nor domain.
. "$top_srcdir/tests/machine/lib.sh"

# dom0's own kernel, for which there is the disk driver, too.
package=$top_builddir/dom0/pkg/linux
release=$(cat "$top_builddir/dom0/pkg/release")
iso=$scratch/stand-in.iso
mkdir -p "$scratch/tree/.disk" "$scratch/init"
cp "$package/boot/vmlinuz-$release" "$scratch/tree/linux" || fail "no kernel"
cp "$package/lib/modules/$release/kernel/drivers/block/xen-blkfront.ko" "$scratch/init/" ||
	fail "no disk driver"
cp "$top_builddir/tests/tools/install-guest-init" "$scratch/init/init"
(cd "$scratch/init" && find . | cpio -o -H newc --quiet | gzip -n) >"$scratch/tree/initrd.gz"
echo "Debian GNU/Linux 12 stand-in" >"$scratch/tree/.disk/info"
xorriso -as mkisofs -quiet -r -J -V STANDIN -o "$iso" "$scratch/tree" 2>/dev/null ||
	fail "the ISO cannot be made"

in_dom0 --memory 1536 --dom0-mem 768 --timeout 500 --disk "$iso" <<'END'
keel install --name stand --iso /dev/vdb --memory 256 --vcpus 1 --max-vcpus 2 \
	--disk size=64M,format=raw --no-osinfo || fail "the install: status $?"
first=$(xl domid stand) || fail "the guest is not running"
same "guest unit" active "$(systemctl is-active keel-guest@stand.service)"
grep -q 'keel:install$' /etc/keel/guests/stand.cfg || grep -q pvgrub /etc/keel/guests/stand.cfg ||
	grep -q grub-xen /etc/keel/guests/stand.cfg || fail "an odd guest file"
until_true 240 grep -q '^kernel = .*grub-xen' /etc/keel/guests/stand.cfg || {
	journalctl --no-pager -u keel-install-follow@stand.service
	keel console stand --tail=30
	xl list
	fail "the install was not ended"
}
is_up_again() {
	local now
	now=$(xl domid stand 2>/dev/null) && [ "$now" != "$first" ]
}
until_true 60 is_up_again || fail "the guest is not up again"
same "kernel of the installer" "" "$(ls /var/lib/keel/guests/stand)"
same "mark on the disk" "installed by the stand-in" \
	"$(head -c 25 /var/lib/keel/disks/stand-0.raw)"
until_true 60 systemctl is-active --quiet keel-guest@stand.service || fail "the guest unit is not active"
xl destroy stand

before=$(find /etc/keel /var/lib/keel | sort)
mkdir -p /tmp/bad && echo "no kernel" >/tmp/bad/linux && echo none >/tmp/bad/initrd.gz
keel install --name bad --iso /tmp/bad --kernel linux --initrd initrd.gz --memory 128 \
	--disk size=64M,format=raw --no-osinfo >/tmp/bad.log 2>&1
same "status of a guest that does not start" 1 $?
grep -q "the guest did not start" /tmp/bad.log || fail "not told: $(cat /tmp/bad.log)"
grep -q "undo: removed /etc/keel/guests/bad.cfg" /tmp/bad.log || fail "not taken back"
same "files" "$before" "$(find /etc/keel /var/lib/keel | sort)"
xl domid bad 2>/dev/null && fail "a domain is left"
systemctl is-active --quiet keel-guest@bad.service && fail "a unit is left"
exit 0
END
