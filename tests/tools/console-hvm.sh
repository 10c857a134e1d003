#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The serial line of a real HVM guest, whose device model offers a pty: seen from its first byte,
# typed into, kept over a reboot of the guest, over an upgrade and over the end of the daemon, which hands
# the pty back. On stock Xen, which runs HVM guests; the guest is a boot sector that echoes.
. "$top_srcdir/tests/machine/lib.sh"

hypervisor=xen
in_dom0 --alone --timeout 400 --add "$top_builddir/tests/tools/console-hvm.img:/root/boot.img" \
	"$@" <<'END'
cat >/root/h.cfg <<X
name = "h"
type = "hvm"
memory = 64
disk = [ "/root/boot.img,raw,hda,w" ]
serial = "pty"
vnc = 0
nographic = 1
X
# hears TEXT [OPTION]...: on its serial line, and here.
hears() {
	local text=$1
	shift
	keel-console h:serial0 --timeout 120 "$@" --expect "$text" >/root/heard || {
		keel-console --list
		keel-console h:serial0 --tail=20
		fail "serial line: no '$text'"
	}
}
xs() { xenstore-read "/local/domain/$(xl domid h)/$1"; }

xl create -q /root/h.cfg || fail "create: $(cat /var/log/xen/qemu-dm-h.log)"
hears 'hello from the serial line' --history
hears 'typed in' --send 'typed in'
echo "ok: output and input"

emulators=$(xs serial/0/keel-tty)
ours=$(xs serial/0/tty)
[ "$emulators" != "$ours" ] || fail "the daemon publishes no pty of its own: $ours"
same "mode of the pty" 600 "$(stat -c %a "$ours")"
keel-console h:serial0 --take --break 2>/root/break && fail "a break was sent into a pty"
grep -q "carries no break" /root/break || fail "refusal of a break: $(cat /root/break)"

keel-console --upgrade || fail "upgrade"
hears 'after the upgrade' --send 'after the upgrade'
same "history" 1 "$(keel-console h:serial0 --grep 'hello from' | wc -l)"
echo "ok: upgrade"

systemctl stop keel-consoled
same "the emulator's pty, handed back" "$emulators" "$(xs serial/0/tty)"
systemctl start keel-consoled
until_true 60 keel-console --list >/dev/null 2>&1 || fail "the daemon does not answer"
hears 'after the daemon' --send 'after the daemon'
echo "ok: daemon stopped and started"

before=$(xl domid h)
keel-console h:serial0 --take --send '\x12' || fail "asking for a reset"
two() { [ "$(keel-console h:serial0 --grep 'hello from' | wc -l)" = 2 ]; }
until_true 120 two || fail "not seen after a reboot: $(keel-console h:serial0 --tail=5)"
hears 'after the reboot' --send 'after the reboot'
[ "$(xl domid h)" -gt "$before" ] || fail "the same domain: $before"
echo "ok: reboot of the guest"
xl destroy h
gone() { ! keel-console --list | grep -q '^h .*running'; }
until_true 60 gone || fail "still listed as running"
END
