# SPDX-License-Identifier: GPL-3.0-or-later
# For tests that run a script in dom0; sourced by them (bash).
#   in_dom0 [OPTION of run]... <<'END' ... END
# runs what stands on standard input in dom0, on the hypervisor that
# KEEL_HYPERVISOR names (keel; xen shows how stock Xen does). Its status is
# the script's, whose helpers are in dom0.sh.
set -u
: "${top_srcdir:=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}"
: "${top_builddir:=$top_srcdir/build}"
export top_srcdir top_builddir
hypervisor=${KEEL_HYPERVISOR:-keel}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

if ! [ -e "$top_builddir/dom0/root.img" ]; then
	echo "no dom0 image here (configured with --disable-dom0)"
	exit 77
fi

in_dom0() {
	{
		cat "$top_srcdir/tests/machine/dom0.sh"
		cat
	} >"$scratch/script"
	"$top_srcdir/tests/machine/run" --hypervisor "$hypervisor" --times \
		"$@" "$scratch/script"
}

fail() {
	echo "FAILED: $*"
	exit 1
}
