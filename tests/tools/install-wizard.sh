#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The wizard as a person sees it, on pseudo-terminals of several kinds: Enter all the way
# makes a guest; Back and Esc keep what was typed; wrong answers are explained; help and
# the command are a key away; other sizes are repainted; leaving leaves nothing.
. "$top_srcdir/tests/tools/install-common.sh"

mini "$work/t"
iso "$work/t" "$work/var/iso/debian.iso"
mkdir -p "$work/etc"
# libosinfo's database takes seconds to load and is not what is tested here.
cat >"$work/wizard" <<END
#!/bin/sh
exec "$install" --no-osinfo
END
chmod +x "$work/wizard"

drive() {
	"$ptydrive" -s "$1" -t "$2" - "$work/wizard" || fail "wizard at $1 on $2: $3"
}

for term in xterm vt100 linux; do
	drive 80x24 $term "Enter all the way" <<'END'
expect 1 of 6: name and kind
expect guest1
expect does not run on Keel or Xen
send \r
expect 2 of 6: install image
expect debian.iso
send \r
expect 2 of 6: what is on it
expect Debian netboot installer
expect debian-mini
send \r
expect 3 of 6: vCPUs and memory
send \r
expect 4 of 6: disks and network cards
expect xvda
send \r
expect 5 of 6: unattended answers
send \r
expect 6 of 6: summary
expect take kernel linux
send \r
exit 0
END
	grep -q '^name = "guest1"' "$KEEL_ETC/guests/guest1.cfg" || fail "no guest on $term"
	cmp "$work/t/linux" "$KEEL_VAR/guests/guest1/kernel"
	rm -rf "$KEEL_ETC/guests" "$KEEL_VAR/guests" "$KEEL_VAR/disks"
done

drive 80x24 xterm "back keeps answers, errors explain, help and command" <<'END'
expect guest1
send \b\b\b\b\b\b
send bad name\r
expect That name cannot be used
send \r
gone That name cannot be used
send \b\b\b\b\b\b\b\b
send shop7\r
expect 2 of 6: install image
send \r
expect what is on it
send \e1
expect What was recognised can
send \r
gone What was recognised can
send \e
expect 2 of 6: install image
send \e
expect 1 of 6
expect shop7
send \r
expect 2 of 6: install image
send \r
expect what is on it
send \r
expect 3 of 6
send \b\b9999
send \r
expect vCPUs
expect 1 to 512
send \r
gone 1 to 512
send \e9
expect keel install --name shop7 --iso
send \r
gone keel install --name
send \e
expect what is on it
send \e
expect install image
send \e
expect 1 of 6
send \e
expect Leave?
send \r
gone Leave?
expect shop7
send \e
expect Leave?
send \t\r
exit 5
END
nothing

drive 80x24 xterm "disks, cards, what was tried, install by F12" <<'END'
expect guest1
send \e[24~
expect 2 of 6: install image
send \r
expect what is on it
send \e[Z\r
expect What was tried
expect no .treeinfo
send \r
gone no .treeinfo
send \e[24~
expect 3 of 6
send \e[24~
expect 4 of 6
send \e[Z\r
expect no disk and no network card
send \e[Z\e[Z\e[Z\r
expect Size
send \b\b\b\b2x\r
expect is not a size
send \r
gone is not a size
send \b\b2G\r
expect 4 of 6
expect 2 GiB
send \e[24~
expect 5 of 6
send /nonexistent/preseed\r
expect the answers file cannot be read
send \r
gone cannot be read
send \e
expect 4 of 6
send \e[24~
expect /nonexistent/preseed
send \x15
send \e[24~
expect 6 of 6
send \e[24~
exit 0
END
qemu-img info "$KEEL_VAR/disks/guest1-0.qcow2" | grep -q "virtual size: 2 GiB" ||
	fail "the disk is not the one asked for"

drive 80x24 xterm "a name that is taken" <<'END'
expect guest2
send \b1\r
expect The name is taken
send \r
expect Replace a guest
send wrong\r
expect 1 of 6
send \r
expect The name is taken
send \r
expect Replace a guest
send guest1\r
expect 2 of 6
send \e
expect 1 of 6
send \e
expect Leave?
send \t\r
exit 5
END

drive 80x24 xterm "interrupted" <<'END'
expect guest2
send \x03
exit 5
END

drive 100x40 xterm "other sizes" <<'END'
expect 1 of 6
resize 80x24
row 2 1 of 6
row -1 Enter next
resize 132x50
row 15 1 of 6
row -1 Enter next
resize 40x10
expect 80 x 24 is needed
resize 80x24
row 2 1 of 6
row -1 Enter next
wipe
send \x0c
row 2 1 of 6
row -1 Enter next
send \e
expect Leave?
send \t\r
exit 5
END

"$ptydrive" -s 60x20 -t xterm - "$work/wizard" <<'END' || fail "a small terminal"
expect smaller than 80 columns
exit 2
END
status 2 "$work/wizard"
says "needs a terminal"

# Esc in the middle of the work takes everything back, and the answers are still there.
mini "$work/slow"
truncate -s 3G "$work/slow/initrd.gz"
rm -rf "$KEEL_ETC/guests" "$KEEL_VAR/guests" "$KEEL_VAR/disks"
{
	cat <<'END'
expect guest1
send \r
expect 2 of 6: install image
send \e[B\r
expect Directory
send \t\r
expect Path of the file, device or directory
send \x15
END
	echo "send $work/slow\\r"
	cat <<'END'
expect what is on it
send \e[24~
expect 3 of 6
send \e[24~
expect 4 of 6
send \e[24~
expect 5 of 6
send \e[24~
expect 6 of 6
send \r
expect Step 6 of
send \e
expect Taken back:
expect removed
send \r
expect 6 of 6: summary
send \e
expect 5 of 6
send \e
expect 4 of 6
send \e
expect 3 of 6
send \e
expect what is on it
send \e
expect install image
send \e
expect guest1
send \e
expect Leave?
send \t\r
exit 5
END
} | "$ptydrive" -s 80x24 -t xterm - "$work/wizard" || fail "cancelling in the wizard"
nothing
