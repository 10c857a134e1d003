#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Stock Linux comes up as dom0 on 1, 2, 4 and 8 CPUs, uses all of them, and all
# of its services run: each CPU gets interrupts, time passes on each, and a
# process bound to it ends. Two run side by side in the emulator; four and eight take turns on one CPU of
# the host, which has no more of them.
. "$(dirname "$0")/lib.sh"

for how in 1 "4 --one-thread" "8 --one-thread" 2; do
	cpus=${how%% *}
	# shellcheck disable=SC2086
	in_dom0 --cpus $how --timeout 400 --append-linux "keel.test_cpus=$cpus" <<'END' ||
wanted=$(sed 's/.*keel.test_cpus=\([0-9]*\).*/\1/' /proc/cmdline)
same "online CPUs" "$wanted" "$(nproc --all)"
same "CPUs of the hypervisor" "$wanted" "$(xl_info nr_cpus)"
for ((cpu = 0; cpu < wanted; cpu++)); do
	taskset -c $cpu bash -c 'for ((i = 0; i < 1000; i++)); do :; done' ||
		fail "CPU $cpu runs nothing"
done
timers=$(awk '/virq.*timer/ { n = 0; for (i = 2; i <= NF; i++) if ($i ~ /^[0-9]+$/) n += $i; if (n) print }' /proc/interrupts | wc -l)
same "CPUs with timer interrupts" "$wanted" "$timers"
until_true 60 systemctl is-system-running --quiet ||
	{ systemctl --failed; fail "units failed"; }
same "domain 0" Domain-0 "$(xl list | awk '$2 == 0 { print $1 }')"
END
		fail "with $cpus CPUs"
done
