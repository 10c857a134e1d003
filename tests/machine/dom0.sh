# SPDX-License-Identifier: GPL-3.0-or-later
# Put before each script that lib.sh's in_dom0 runs: helpers inside dom0.
set -u

fail() {
	echo "FAILED: $*"
	exit 1
}

# same WHAT WANTED GOT
same() {
	[ "$2" = "$3" ] || fail "$1: wanted '$2', got '$3'"
	echo "ok: $1: $3"
}

# xl_info FIELD: one line of xl info.
xl_info() {
	xl info | awk -F' *: *' -v field="$1" '$1 == field { print $2 }'
}

# free_kib: the hypervisor's free memory, to the page (xl info tells MiB).
free_kib() {
	keel host --json | sed -n 's/.*"free_kib": *\([0-9]*\).*/\1/p'
}

# until_true SECONDS COMMAND...: poll until it succeeds.
until_true() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		read -r -t 0.2 <> <(:) || :
	done
}
