#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Destroying a guest frees every page: the hypervisor's free memory, in pages, is the same after 100
# rounds of a small guest without devices, and after 5 of Debian's kernel with disk and NIC.
. "$(dirname "$0")/lib.sh"

in_dom0 --alone --cpus 2 --memory 3072 --timeout 1200 --add "$(command -v busybox):/root/busybox" \
	--add "$top_srcdir/tests/machine/guest-init:/root/guest-init" \
	--add "$top_srcdir/tests/machine/guest.sh:/root/guest.sh" <<'END'
. /root/guest.sh
make_guest_initrd
truncate -s 16M /root/disk.raw
guest_cfg big 2 'vif = [ "bridge=xenbr0, mac=00:16:3e:00:00:02" ]' \
	'disk = [ "format=raw, vdev=xvda, access=rw, target=/root/disk.raw" ]'
cat >/root/small.cfg <<X
name = "small"
type = "pv"
kernel = "/usr/lib/grub-xen/grub-x86_64-xen.bin"
memory = 64
X
# The first of each kind may leave caches filled, dom0's and the hypervisor's for dom0's mappings.
round() {
	xl create -q "/root/$1.cfg" || fail "create $1, round $2"
	[ "$1" = small ] || until_true 120 guest_answers 2 || fail "round $2: no answer"
	xl destroy "$1" || fail "destroy $1, round $2"
	until_true 30 only_dom0 || { xl list; fail "$1 stays, round $2"; }
}
only_dom0() { [ "$(xl list | wc -l)" = 2 ]; } # a dying domain is listed until its last page is free
round small 0
before=$(free_kib)
for ((i = 1; i <= 100; i++)); do round small $i; done
same_free() { [ "$(free_kib)" = "$before" ]; }
until_true 30 same_free || fail "small: $before KiB before, $(free_kib) after"
echo "ok: 100 rounds of a small guest, $before KiB free as before"
round big 0
before=$(free_kib)
for ((i = 1; i <= 5; i++)); do round big $i; done
until_true 30 same_free || fail "big: $before KiB before, $(free_kib) after"
echo "ok: 5 rounds of a large guest, $before KiB free as before"
END
