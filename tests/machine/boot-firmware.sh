#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# GRUB boots the hypervisor and dom0 by multiboot2 from a CD, on BIOS and on
# UEFI firmware. On UEFI the RSDP is not where BIOS has it: dom0 finds ACPI only if
# the hypervisor passes it on.
. "$(dirname "$0")/lib.sh"

in_dom0 --cpus 1 --firmware bios --timeout 400 <<'END' || fail "BIOS"
[ ! -d /sys/firmware/efi ] || fail "EFI on a BIOS machine"
[ -e /sys/firmware/acpi/tables/FACP ] || fail "no ACPI"
echo "ok: BIOS"
END
in_dom0 --cpus 1 --firmware uefi --timeout 400 <<'END' || fail "UEFI"
[ -e /sys/firmware/acpi/tables/FACP ] || fail "no ACPI"
dmesg | grep -q 'ACPI: Interpreter enabled' || fail "ACPI is not in use"
echo "ok: UEFI"
END
