#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What tools are told about CPUs and the host is what stock Xen tells on the same
# emulated machine: CPU policies of the host and of PV guests leaf by leaf
# (xen-cpuid -p), the features that dom0's kernel sees, and the lines of xl info
# that are not measurements or names. Not compared: the raw policy, whose leaf 0xd
# follows the XCR0 in use; leaf 0x8000000a and HVM policies, which follow the
# features of hardware virtualization in use.
. "$(dirname "$0")/lib.sh"

[ -e "$top_builddir/dom0/xen" ] || {
	echo "no stock Xen to compare with"
	exit 77
}

ask() {
	in_dom0 --hypervisor "$1" --timeout 300 <<'END' >"$scratch/$1.out" || fail "$1"
PATH=$PATH:/usr/lib/xen-4.17/bin
echo "--- policies"
xen-cpuid -p 2>/dev/null | awk '
	/^Xen reports/ { print }
	/policy:/ { on = $0 ~ /^(Host|PV Max|PV Default) policy/ }
	/not supported/ { on = 0 }
	on && $1 !~ /^8000000a/'
echo "--- dom0's CPU"
grep -m1 '^flags' /proc/cpuinfo | tr ' ' '\n' | sort
echo "--- xl info"
for f in nr_cpus max_cpu_id nr_nodes cores_per_socket threads_per_core xen_major xen_minor \
	xen_scheduler xen_pagesize platform_params; do
	echo "$f $(xl_info $f)"
done
xl_info xen_caps | tr ' ' '\n' | grep '^xen-'
echo "--- end"
END
	sed -n '/^--- policies/,/^--- end/p' "$scratch/$1.out" >"$scratch/$1"
	grep -q '^--- end' "$scratch/$1" || fail "$1: no answer"
	grep -q '^PV Default policy' "$scratch/$1" || fail "$1: no policies"
}

ask xen
ask "$hypervisor"
diff -u "$scratch/xen" "$scratch/$hypervisor" || fail "they differ (- stock, + $hypervisor)"
wc -l <"$scratch/xen"
