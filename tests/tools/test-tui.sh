#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The dashboard as a person sees it, on the terminals that people have.
. "$top_srcdir/tests/tools/tui-common.sh"

guests() {
	fresh
	define web1 mail lazy-slow nope-fail
	running 4 hang-stuck 7 2
	running 5 vm-noudev 3 2
	running 6 db1 2 4
}

# Each terminal kind at the smallest full size: the table, a guest's page, vCPUs live, the
# dialog that wants a name, help, F-keys as Esc and a digit, repaint, quit.
for term in xterm xterm-256color linux vt100 vt220; do
	echo "== $term 80x24"
	guests
	drive 80x24 $term <<-'END'
		row 0 testhost
		row 1 CPUs 8
		row 2 Attention:  1 crashed
		row 3 NAME
		cell 4 1 Domain-0
		cell 5 1 db1
		expect 4/8
		row -1 Enter Open
		# The selected guest's page; its vCPUs; one more, which comes online.
		send \r
		row 3 db1
		expect 4 online, at most 8
		send 2
		expect 4 asked for, 4 online
		send +
		expect 5 asked for, 5 online
		row -2 done
		# The command behind it: F9 as Esc and 9.
		send \e9
		row -2 $ keel vcpu --wait 10 db1 5
		send 3
		expect 512M of 1G
		send +
		expect 576M of 1G
		send \e
		expect NAME
		# Force off wants the name; the wrong one does nothing.
		send S
		expect Force off
		send 3
		expect ends at once
		expect $ keel destroy db1
		send wrong\r
		expect That is not "db1"
		send \x15db1\r
		expect off
		expect Destroying db1: done
		# Help, by F1 as Esc and 1.
		send \e1
		expect choose a guest
		send G
		expect quits
		gone choose a guest
		send g
		expect choose a guest
		send \e
		gone choose a guest
		# Everything is drawn again after a disturbance.
		wipe
		send \x0c
		row 0 testhost
		row 3 NAME
		expect vm-noudev
		row -1 Enter Open
		send q
		exit 0
	END
done

echo "== a vCPU that does not come, and why"
guests
drive 80x24 vt100 <<'END'
expect vm-noudev
send G
send kk
send /noudev\r
gone db1
send \r2
expect 2 asked for, 2 online
send +
expect 3 asked for, 2 online
expect the guest's kernel has
send \x03
expect cancelled
send q
expect NAME
send q
exit 0
END

echo "== slow work: elapsed time, the screen lives on, cancel"
guests
drive 80x24 xterm <<END
expect lazy-slow
send /lazy\r
gone db1
send s
row -2 Starting lazy-slow ...
row -2 2 s
send h
expect keel-consoled
send \e
expect lazy-slow
send \x03
expect Starting lazy-slow: cancelled
send s
row -2 Starting lazy-slow ...
touch $KEEL_FAKE_GO
expect Starting lazy-slow: done
expect running
send q
exit 0
END

echo "== a failure says why, and all of it is one key away"
guests
drive 80x24 xterm <<'END'
expect nope-fail
send /nope\r
gone db1
send s
row -2 cannot start nope-fail
send E
expect The last error
expect $ keel start nope-fail
send \e
send e
expect Starting nope-fail: cannot start
send q
send q
exit 0
END

echo "== resizing, down to where it scrolls"
guests
drive 80x24 xterm <<'END'
expect vm-noudev
resize 132x43
row -1 Enter Open
expect BOOT
resize 40x12
row -1 40x12: wants 80x24
send G
expect vm-noudev
send >>>>
expect 512M
send <<<<
resize 20x5
row -1 20x5
resize 1x1
resize 200x60
row -1 Enter Open
expect BOOT
send \r
expect Overview
resize 80x24
row -1 1-8 Tab Pages
send qq
exit 0
END

for size in 40x12 132x43 200x60; do
	echo "== begins at $size"
	guests
	drive $size xterm <<-'END'
		row 0 testhost
		expect db1
		send S
		expect Stop db1
		send \e
		gone Stop db1
		send q
		exit 0
	END
done

echo "== a serial line that knows no size: the terminal is asked"
guests
"$ptydrive" -n -s 132x43 -t vt220 - "$fake/keel" <<'END'
row -1 Enter Open
expect BOOT
send q
exit 0
END

echo "== 120 guests: scrolling, sorting, searching"
guests
i=10
while [ $i -lt 130 ]; do
	running $i guest$i 3 1
	i=$((i + 1))
done
drive 80x24 vt220 <<'END'
expect Guests 127
send G
row 21 web1
send g
row 4 Domain-0
send oo
expect sorted by CPU
send /guest12\r
expect guest129
gone guest119
send \e
expect guest11
send q
exit 0
END

echo "== no hypervisor: says so, and comes to life"
guests
KEEL_FAKE_BROKEN=1 drive 80x24 linux <<'END'
expect does not run on a hypervisor
expect What to try
send h
expect does not answer
send q
send q
exit 0
END

echo "== the terminal goes away: it ends"
guests
if TERM=nonsense-terminal "$fake/keel" </dev/null >"$work/out" 2>&1; then
	fail "started without a terminal"
fi
grep -q "no terminal" "$work/out" || fail "no reason was given"
