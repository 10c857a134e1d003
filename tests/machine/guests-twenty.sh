#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Twenty guests of 64 MiB run at once beside dom0 on two CPUs: each gets to its prompt, dom0 stays
# usable, and all go again.
. "$(dirname "$0")/lib.sh"

in_dom0 --alone --cpus 2 --memory 3072 --timeout 900 <<'END'
# Busy guests must not leave dom0 one share among twenty-one.
same "dom0's weight" 2048 "$(xl sched-credit2 -d 0 | awk 'END { print $(NF - 1) }')"
free_before=$(xl info free_memory)
for ((i = 1; i <= 20; i++)); do
	cat >/root/t$i.cfg <<X
name = "t$i"
type = "pv"
kernel = "/usr/lib/grub-xen/grub-x86_64-xen.bin"
memory = 64
X
	xl create -q /root/t$i.cfg || fail "guest $i"
done
same "guests" 20 "$(xl list | grep -c '^t[0-9]')"
# Each has run: a guest that never got the CPU has used no time.
all_ran() { [ "$(xl list | awk '/^t[0-9]/ && $6 >= 0.1' | wc -l)" = 20 ]; }
until_true 180 all_ran || { xl list; fail "some guests do not run"; }
timeout 20 xl info >/dev/null || fail "dom0 is not usable"
for ((i = 1; i <= 20; i++)); do
	xl destroy t$i || fail "destroy $i"
done
all_back() { [ "$(xl info free_memory)" = "$free_before" ]; }
until_true 60 all_back || fail "memory: $free_before before, $(xl info free_memory) after"
END
