#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Stock Linux comes up as dom0 in machines of 512 MiB, and of 6 GiB (where RAM
# goes on above the hole below 4 GiB), and has the memory it was given.
. "$(dirname "$0")/lib.sh"

for sizes in "512 320 --cpus=1" "6144 1024 --alone"; do
	read -r machine dom0 how <<<"$sizes"
	in_dom0 $how --memory "$machine" --dom0-mem "$dom0" --timeout 300 \
		--append-linux "keel.test_memory=$machine,$dom0" <<'END' ||
read -r machine dom0 < <(sed 's/.*keel.test_memory=\([0-9]*\),\([0-9]*\).*/\1 \2/' /proc/cmdline)
total=$(xl_info total_memory)
# Firmware and video keep some of it.
[ "$total" -le "$machine" ] && [ "$total" -ge $((machine - 8)) ] ||
	fail "the machine has $total MiB of $machine"
given=$(xl list | awk '$2 == 0 { print $3 }')
[ "$given" -le "$dom0" ] && [ "$given" -ge $((dom0 - 4)) ] ||
	fail "dom0 has $given MiB of $dom0"
free=$(xl_info free_memory)
[ "$free" -le $((total - given)) ] && [ "$free" -ge $((total - given - total / 32 - 64)) ] ||
	fail "$free MiB free of $total with $given in dom0: the hypervisor keeps too much"
# dom0's memory can be used: fill much of what is available, and read it back.
size=$(awk '/MemAvailable/ { print int($2 / 1024 / 2) }' /proc/meminfo)
mount -t tmpfs -o size=100% none /mnt
head -c "${size}M" /dev/urandom | tee /mnt/data | sha256sum >/tmp/sum || fail "filling $size MiB"
same "memory read back" "$(cat /tmp/sum)" "$(sha256sum </mnt/data)"
END
		fail "with $machine MiB"
done
