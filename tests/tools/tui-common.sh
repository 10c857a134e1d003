# SPDX-License-Identifier: GPL-3.0-or-later
# Shell functions for the tests of keel and keel-tui: a host of their own in a directory
# of their own.  Sourced; leaves $work and the environment of the fake host.
set -eu

work=$(mktemp -d "${TMPDIR:-/tmp}/keel-tui-XXXXXX")
trap 'rm -rf "$work"' EXIT
fake=$top_builddir/tests/tools/fake
ptydrive=$top_builddir/tests/tools/ptydrive
export KEEL_FAKE_HOST=$work/state KEEL_ETC=$work/etc KEEL_FAKE_GO=$work/go
export KEEL_EXEC_PATH=$fake KEEL_PROGRAM=$fake/keel LC_ALL=C.UTF-8
# No console daemon of the machine's may be seen.
export KEEL_CONSOLE_SOCKET=$work/no-consoled.sock
mkdir -p "$KEEL_ETC/guests"

# define NAME...: guests with a file.
define() {
	for name; do
		printf 'name = "%s"\ntype = "pv"\nkernel = "/boot/vmlinuz"\nmemory = 512\nmaxmem = 1024\nvcpus = 2\nmaxvcpus = 8\n' \
			"$name" >"$KEEL_ETC/guests/$name.cfg"
	done
}

# running ID NAME STATE ONLINE: a line of the host's state; 2 running, 3 idle, 4 paused,
# 7 crashed.
running() {
	printf '%s %s %s %s %s 8 524288 1048576 20 %s 1 0 all\n' "$1" "$2" "$3" "$4" "$4" \
		"$(($(date +%s) - 600))" >>"$KEEL_FAKE_HOST"
}

fresh() {
	rm -rf "$KEEL_ETC/guests" "$KEEL_FAKE_GO"
	mkdir -p "$KEEL_ETC/guests"
	printf '0 Domain-0 2 2 2 2 1048576 1048576 12 %s 0 0 all\n' \
		"$(($(date +%s) - 90000))" >"$KEEL_FAKE_HOST"
}

# drive SIZE TERM <SCRIPT: plays the script in front of the dashboard.
drive() {
	"$ptydrive" -s "$1" -t "$2" - "$fake/keel"
}

fail() {
	echo "FAIL: $*" >&2
	exit 1
}
