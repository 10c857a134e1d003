#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# dom0's images: under 700 MiB on disk; same inputs, same bytes (the root image
# and the initramfs are made a second time and compared); the kernel is an
# uncompressed ELF file with Xen's notes.
. "$(dirname "$0")/lib.sh"
dom0=$top_builddir/dom0 make=$top_srcdir/dom0-kernel

size=$(du -m "$dom0/root.img" | cut -f1)
echo "root.img: $size MiB on disk"
[ "$size" -lt 700 ] || fail "root.img takes $size MiB"
# Not merely because the file has holes: used blocks, by its own account.
used=$(dumpe2fs -h "$dom0/root.img" 2>/dev/null | awk -F: '
	/^Block count/ { all = $2 } /^Free blocks/ { free = $2 } /^Block size/ { size = $2 }
	END { print int((all - free) * size / 1048576) }')
[ "$used" -lt 700 ] || fail "root.img uses $used MiB"
e2fsck -fn "$dom0/root.img" >"$scratch/fsck" 2>&1 || { cat "$scratch/fsck"; fail "root.img is damaged"; }

readelf -n "$dom0/vmlinux" | grep -q Xen || fail "vmlinux has no notes for Xen"

strip -o "$scratch/init" "$top_builddir/dom0-kernel/keel-init"
"$make/mkinitramfs" "$dom0/pkg/linux" "$(cat "$dom0/pkg/release")" "$scratch/init" \
	"$make/initramfs-modules.txt" "$scratch/initrd.img" || fail "mkinitramfs"
cmp "$scratch/initrd.img" "$dom0/initrd.img" || fail "another initramfs from the same inputs"

as_root=()
[ "$(id -u)" = 0 ] || as_root=(fakeroot)
cp -a "$dom0/stage" "$scratch/stage"
"${as_root[@]}" "$make/build-image" "$dom0/base.tar" "$scratch/stage" "$scratch/root.img" ||
	fail "build-image"
cmp "$scratch/root.img" "$dom0/root.img" || fail "another root image from the same inputs"
