#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# From power-on to an installer's first screen, as a person sees it on a terminal of 80x24: the machine of
# ./try starts, the dashboard comes up, n opens the wizard, Enter takes what it proposes (Debian's netboot
# ISO among it), the guest starts from the ISO's own kernel, and its console shows Debian's installer.
. "$(dirname "$0")/lib.sh"

export PTYDRIVE_LIMIT=300 TERM=xterm-256color
"$top_builddir/tests/tools/ptydrive" -s 80x24 -t $TERM - "$top_srcdir/tests/machine/interactive" \
	--alone --accel tcg <<'END' || fail "see the screen above"
expect Domain-0
expect There are no guests yet. n installs one.
send n
expect 1 of 6: name and kind
expect guest1
send \r
expect 2 of 6: install image
expect debian-12-mini.iso
send \r
expect 2 of 6: what is on it
expect Debian netboot installer
send \r
expect 3 of 6: vCPUs and memory
send \r
expect 4 of 6: disks and network cards
send \r
expect 5 of 6: unattended answers
send \r
expect 6 of 6: summary
expect take kernel linux
send \r
expect Select a language
expect English
show
END
