# SPDX-License-Identifier: GPL-3.0-or-later
# Shell functions for the tests of keel-install: directories of their own. Sourced.
set -eu

work=$(mktemp -d "${TMPDIR:-/tmp}/keel-install-XXXXXX")
trap 'rm -rf "$work"' EXIT
install=$top_builddir/installer/keel-install
ptydrive=$top_builddir/tests/tools/ptydrive
export KEEL_ETC=$work/etc KEEL_VAR=$work/var LC_ALL=C.UTF-8
export KEEL_MEDIA_RULES=$top_srcdir/installer/media-rules.conf
command -v xorriso >/dev/null || {
	echo "xorriso is needed"
	exit 77
}

# mini DIR: the files of Debian's mini ISO, small.
mini() {
	mkdir -p "$1/.disk"
	echo "Debian GNU/Linux 12.5 mini" >"$1/.disk/info"
	echo kernel >"$1/linux"
	echo initramfs >"$1/initrd.gz"
}

# iso TREE FILE
iso() {
	mkdir -p "$(dirname "$2")"
	xorriso -as mkisofs -quiet -r -J -V TEST -o "$2" "$1" 2>/dev/null
}

fail() {
	echo "FAIL: $*" >&2
	exit 1
}

# status WANT COMMAND...: runs it, output in $work/out, and compares its exit status.
status() {
	want=$1
	shift
	got=0
	"$@" >"$work/out" 2>&1 || got=$?
	[ "$got" = "$want" ] || {
		cat "$work/out"
		fail "$*: status $got, not $want"
	}
}

says() {
	grep -qF -- "$1" "$work/out" || {
		cat "$work/out"
		fail "does not say: $1"
	}
}

# nothing: no file of a guest exists.
nothing() {
	left=$(find "$KEEL_ETC" "$KEEL_VAR" -path "$KEEL_VAR/iso" -prune -o -print 2>/dev/null |
		grep -vx -e "$KEEL_ETC" -e "$KEEL_VAR" || true)
	[ -z "$left" ] || fail "left behind: $left"
}
