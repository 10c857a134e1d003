#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The kernel package hook: installing a kernel makes the ELF kernel and the
# initramfs that Keel boots; a further one takes over; a removed one's files go;
# a broken image changes nothing.
. "$(dirname "$0")/lib.sh"
dom0=$top_builddir/dom0 root=$scratch/root
release=$(cat "$dom0/pkg/release")

mkdir -p "$root/usr/libexec/keel" "$root/usr/share/keel" "$root/boot" "$root/lib/modules"
cp "$dom0"/stage/usr/libexec/keel/{extract-vmlinux,mkinitramfs,keel-init} "$root/usr/libexec/keel/"
cp "$dom0/stage/usr/share/keel/initramfs-modules.txt" "$root/usr/share/keel/"
cp "$dom0/pkg/linux/boot/vmlinuz-$release" "$root/boot/"
cp -r "$dom0/pkg/linux/lib/modules/$release" "$root/lib/modules/"
hook() { KEEL_ROOT=$root "$dom0/stage/etc/kernel/postinst.d/zz-keel" "$@"; }

hook "$release" || fail "hook"
cmp "$root/boot/keel/vmlinux" "$dom0/vmlinux" || fail "another kernel than the build's"
cmp "$root/boot/keel/initrd.img" "$dom0/initrd.img" || fail "another initramfs than the build's"

# A second kernel: here the same under another name.
mv "$root/lib/modules/$release" "$root/lib/modules/9.9-test"
mv "$root/boot/vmlinuz-$release" "$root/boot/vmlinuz-9.9-test"
depmod -b "$root" 9.9-test
hook 9.9-test || fail "hook for a second kernel"
[ "$(readlink "$root/boot/keel/vmlinux")" = vmlinux-9.9-test ] || fail "the newer kernel is not used"
[ ! -e "$root/boot/keel/vmlinux-$release" ] || fail "a removed kernel's files stay"

head -c 100000 /dev/urandom >"$root/boot/vmlinuz-bad"
mkdir "$root/lib/modules/bad"
! hook bad || fail "took a file that is no kernel"
[ "$(readlink "$root/boot/keel/vmlinux")" = vmlinux-9.9-test ] || fail "a broken kernel is used"
hook none || fail "a kernel without modules is none of its business"
