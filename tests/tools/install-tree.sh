#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Network trees, from a server on 127.0.0.1: recognised by the same rules, sums checked,
# transfers that break off resumed, and what cannot be had refused with nothing left.
. "$top_srcdir/tests/tools/install-common.sh"
export no_proxy='*'

tree=$work/tree
images=$tree/dists/stable/main/installer-amd64/current/images
mkdir -p "$images/netboot/debian-installer/amd64"
head -c 300000 /dev/urandom >"$images/netboot/debian-installer/amd64/linux"
head -c 900001 /dev/urandom >"$images/netboot/debian-installer/amd64/initrd.gz"
(cd "$images" && find . -type f ! -name SHA256SUMS -exec sha256sum {} + >SHA256SUMS)
mkdir -p "$work/fedora/images/pxeboot"
echo kernel >"$work/fedora/images/pxeboot/vmlinuz"
echo initrd >"$work/fedora/images/pxeboot/initrd.img"
cat >"$work/fedora/.treeinfo" <<END
[general]
family = Fedora
version = 38
[images-x86_64]
kernel = images/pxeboot/vmlinuz
initrd = images/pxeboot/initrd.img
[checksums]
images/pxeboot/vmlinuz = sha256:$(sha256sum <"$work/fedora/images/pxeboot/vmlinuz" | cut -c1-64)
END
mkdir "$work/nothing"

serve() {
	rm -f "$work/port"
	python3 "$top_srcdir/tests/tools/install-server.py" "$1" "$work/port" &
	server=$!
	trap 'kill $server 2>/dev/null; rm -rf "$work"' EXIT
	tries=0
	while [ ! -s "$work/port" ]; do
		kill -0 $server 2>/dev/null || fail "the server did not start"
		tries=$((tries + 1))
		[ $tries -lt 1000000 ] || fail "the server did not come up"
	done
	url=http://127.0.0.1:$(cat "$work/port")
}

tree_guest() {
	"$install" --name net1 --tree "$1" --no-start --memory 1024
}

serve "$work"

echo "a Debian tree"
status 0 "$install" --detect "$url/tree/"
says "debian-netboot-tree"
says "SHA256SUMS lists kernel and initramfs"
status 0 tree_guest "$url/tree"
cmp "$images/netboot/debian-installer/amd64/linux" "$KEEL_VAR/guests/net1/kernel"
cmp -n 900001 "$images/netboot/debian-installer/amd64/initrd.gz" "$KEEL_VAR/guests/net1/initrd"
! grep -q cdrom "$KEEL_ETC/guests/net1.cfg" || fail "a tree is no drive"
rm -rf "$KEEL_ETC" "$KEEL_VAR"

echo "resumed"
status 0 tree_guest "$url/flaky/tree"
cmp "$images/netboot/debian-installer/amd64/linux" "$KEEL_VAR/guests/net1/kernel"
cmp -n 900001 "$images/netboot/debian-installer/amd64/initrd.gz" "$KEEL_VAR/guests/net1/initrd"
rm -rf "$KEEL_ETC" "$KEEL_VAR"

echo "not to be had"
status 1 tree_guest "$url/dumb/tree"
says "the network tree cannot be read"
nothing
status 4 tree_guest "$url/nothing"
says "no kernel was found"
status 4 tree_guest "http://127.0.0.1:1/x"
status 4 tree_guest "file:///etc"
says "http://HOST/PATH"
status 4 "$install" --name net1 --iso "$url/tree" --no-start
says "--tree for a tree"
nothing

echo "a sum that does not fit"
sed 's/^..../0000/' "$images/SHA256SUMS" >"$images/wrong"
mv "$images/wrong" "$images/SHA256SUMS"
status 1 tree_guest "$url/tree"
says "the medium is damaged"
nothing

echo "a tree with .treeinfo"
status 0 tree_guest "$url/fedora/"
says "net1 is made"
grep -q "inst.repo=$url/fedora" "$KEEL_ETC/guests/net1.cfg" || fail "no inst.repo"
grep -q "^# Guest net1: Fedora 38" "$KEEL_ETC/guests/net1.cfg" || fail "not named"
rm -rf "$KEEL_ETC" "$KEEL_VAR"
