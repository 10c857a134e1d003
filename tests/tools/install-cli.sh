#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# keel-install's command line: each exit status, what is made, and that a refusal, a
# failure or ^C leaves nothing.
. "$top_srcdir/tests/tools/install-common.sh"

mini "$work/t"
iso "$work/t" "$work/var/iso/mini.iso"
image=$work/var/iso/mini.iso
guest() {
	"$install" --name web1 --iso "$image" --memory 768 --vcpus 2 --no-osinfo "$@"
}

echo "wrong usage"
status 2 "$install" --colour red
status 2 "$install" --name web1
status 2 "$install" --iso "$image"
status 2 "$install" --name web1 --iso "$image" --image x
status 2 guest --vcpus 0
status 2 guest --memory lots
status 2 guest --disk size=big
says "--disk size=8G"
status 2 guest --nic bridge=x,mac=1
status 2 guest surplus
status 0 "$install" --help
says "Exit status"

echo "the medium"
status 4 "$install" --name web1 --iso "$work/absent.iso" --no-start
says "try:"
status 4 "$install" --name web1 --iso /bin/sh --no-start
mkdir "$work/empty" && echo x >"$work/empty/x"
status 4 "$install" --name web1 --iso "$work/empty" --no-osinfo --no-start
says "tried: debian-installer"
says "--kernel and --initrd"
status 0 "$install" --detect "$image" --no-osinfo
says "debian-mini: kernel linux, initramfs initrd.gz: decided"
says "Debian netboot installer (mini ISO) 12.5"
status 0 "$install" --list "$image" .disk
says "info"
status 4 "$install" --list "$image" nowhere
echo "[broken" >"$work/rules"
status 4 guest --rules "$work/rules" --no-start
says "$work/rules:1:"
nothing

echo "dry run"
status 0 guest --no-start --dry-run
says "take kernel linux"
says 'kernel = "'
says "keel install --name web1"
nothing
status 0 guest --no-start --dry-run --json
python3 - "$work/out" <<'PY'
import json, sys
plans = [o for o in map(json.loads, open(sys.argv[1])) if o["event"] == "plan"]
assert len(plans) == 1, plans
plan = plans[0]
assert plan["kernel"] == "linux" and plan["rule"] == "debian-mini", plan
assert any(s["path"] == plan["guest_file"] for s in plan["steps"]), plan
PY
nothing

echo "refused"
status 3 "$install" --name 123 --iso "$image" --no-osinfo --no-start
status 3 guest # no hypervisor here to start it on
says "--no-start"
status 3 guest --no-start --disk path=relative.raw,size=1G
status 3 guest --no-start --disk "path=$work/absent,keep=yes"
nothing

echo "made"
status 0 guest --no-start --json
python3 - "$work/out" <<'PY'
import json, sys
events = [json.loads(line) for line in open(sys.argv[1])]
assert events[-1] == {"event": "ready", "name": "web1"}, events[-1]
assert [e["step"] for e in events if e["event"] == "done"] == list(range(1, events[-2]["steps"] + 1))
PY
cmp "$work/t/linux" "$KEEL_VAR/guests/web1/kernel"
qemu-img info "$KEEL_VAR/disks/web1-0.qcow2" | grep -q "virtual size: 8 GiB"
sum=$(find "$KEEL_ETC" "$KEEL_VAR" -type f -exec sha256sum {} + | sort)
status 3 guest --no-start
says "exists"
[ "$sum" = "$(find "$KEEL_ETC" "$KEEL_VAR" -type f -exec sha256sum {} + | sort)" ] ||
	fail "a refused install changed something"
# Its disk is another guest's for everybody else.
status 3 "$install" --name web2 --iso "$image" --no-osinfo --no-start --replace \
	--disk "path=$KEEL_VAR/disks/web1-0.qcow2,size=1G"
says "belongs to guest web1"
status 0 guest --no-start --replace

echo "finished"
status 0 "$install" --finish web1 --no-start
grep -q '^kernel = "/usr/lib/grub-xen/' "$KEEL_ETC/guests/web1.cfg"
! grep -q 'keel:install' "$KEEL_ETC/guests/web1.cfg" || fail "marks are left"
[ ! -e "$KEEL_VAR/guests/web1/kernel" ] || fail "the installer's kernel is left"
status 0 "$install" --finish web1 --no-start
status 1 "$install" --finish nobody --no-start
status 1 "$install" --finish ../../etc/x --no-start
rm -rf "$KEEL_ETC" "$KEEL_VAR/guests" "$KEEL_VAR/disks"

echo "interrupted"
mini "$work/slow"
truncate -s 3G "$work/slow/initrd.gz"
"$install" --name web1 --iso "$work/slow" --no-start --no-osinfo >"$work/out" 2>&1 &
pid=$!
tries=0
until grep -q "take initramfs" "$work/out"; do
	tries=$((tries + 1))
	[ $tries -lt 2000 ] || fail "it never came to the initramfs"
	kill -0 $pid 2>/dev/null || break
done
kill -INT $pid || true
got=0
wait $pid || got=$?
[ $got = 5 ] || {
	cat "$work/out"
	fail "interrupted: status $got, not 5"
}
says "undo: removed $KEEL_VAR/guests/web1/initrd"
says "cancelled"
nothing

echo "answers go into the initramfs"
echo "d-i netcfg/get_hostname string web1" >"$work/preseed"
status 0 guest --no-start --answers "$work/preseed"
grep -q 'auto=true priority=critical' "$KEEL_ETC/guests/web1.cfg"
# After the ten bytes of the initramfs come two of padding, then the archive.
tail -c +13 "$KEEL_VAR/guests/web1/initrd" >"$work/extra.cpio"
(cd "$work" && cpio -i --quiet --to-stdout preseed.cfg <extra.cpio) | cmp - "$work/preseed"
status 3 "$install" --name web2 --iso "$image" --no-osinfo --no-start --answers "$work/absent"

echo "the netboot ISO"
mkdir -p "$work/images/boot-screens" "$work/images/grub"
cp "$work/t/linux" "$work/t/initrd.gz" "$work/images/"
echo "kernel debian-installer/amd64/linux" >"$work/images/boot-screens/txt.cfg"
echo "linux /debian-installer/amd64/linux" >"$work/images/grub/grub.cfg"
status 0 "$top_srcdir/installer/make-netboot-iso" "$work/a.iso" "$work/images"
status 0 "$top_srcdir/installer/make-netboot-iso" "$work/b.iso" "$work/images"
cmp "$work/a.iso" "$work/b.iso"
status 0 "$install" --detect "$work/a.iso" --no-osinfo
says "debian-mini: kernel linux"
status 1 "$top_srcdir/installer/make-netboot-iso" "$work/c.iso" "$work/empty"
[ ! -e "$work/c.iso" ] || fail "a failed run left an image"
