#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What kernels and programs seldom ask of a hypervisor, in a machine whose CPU says it is Intel's: NMIs from
# CPU to CPU, 32-bit programs by each of their system calls, code in an LDT, a guest whose TSC is emulated,
# and a guest whose watchdog runs out.
. "$(dirname "$0")/lib.sh"

in_dom0 --alone --cpus 2 --cpu max,-smap,-rdtscp,vendor=GenuineIntel --memory 3072 --timeout 400 \
	--add "$(command -v busybox):/root/busybox" \
	--add "$top_srcdir/tests/machine/guest-init:/root/guest-init" \
	--add "$top_srcdir/tests/machine/guest.sh:/root/guest.sh" \
	--add "$top_builddir/tests/machine/compat:/root/compat" \
	--add "$top_builddir/tests/machine/ldt:/root/ldt" <<'END'
. /root/guest.sh
grep -q GenuineIntel /proc/cpuinfo || fail "another vendor's CPU"
same "system calls of a 32-bit program" "int 0x80 vdso" "$(/root/compat | paste -sd' ')"
/root/ldt || fail "code in an LDT"
echo l >/proc/sysrq-trigger
until_true 30 sh -c 'dmesg | grep -q "NMI backtrace for cpu [01]$\|NMI backtrace for cpu [01] "' ||
	fail "no CPU took the other's NMI"

make_guest_initrd xen_wdt
vif='vif = [ "bridge=xenbr0" ]'
guest_cfg slow 2 "$vif" 'tsc_mode = "always_emulate"'
xl create -q /root/slow.cfg || fail "create"
until_true 120 guest_answers 2 || fail "the guest with an emulated TSC does not answer"
xl debug-keys s
xl dmesg | grep -q "d$(xl domid slow): TSC mode 1, [0-9]* kHz, emulated" || fail "its TSC is not emulated"
up() { in_guest 2 'cut -d. -f1 /proc/uptime'; }
first=$(up) began=$SECONDS
five_later() { [ "$(up)" -ge $((first + 5)) ]; }
until_true 60 five_later || fail "time stands still in it: $first, $(up)"
passed=$(($(up) - first))
[ $passed -le $((SECONDS - began + 2)) ] || fail "$passed s passed in it within $((SECONDS - began)) s"
xl destroy slow

guest_cfg dog 3 "$vif" 'on_watchdog = "preserve"'
xl create -q /root/dog.cfg || fail "create"
until_true 120 guest_answers 3 || fail "the guest does not answer"
# Written to once, and never again.
in_guest 3 'rmmod xen_wdt; insmod /modules/xen_wdt.ko timeout=3; mknod /dev/wd c 10 130; (echo 3; tail -f /dev/null) >/dev/wd 2>/dev/null </dev/null & echo'
down() { xl list dog | awk 'NR == 2 { print $5 }' | grep -q s; }
until_true 90 down || { xl list; fail "the watchdog does not bite"; }
xl dmesg | grep -q 'watchdog' || fail "the log does not say why the guest went down"
xl destroy dog
END
