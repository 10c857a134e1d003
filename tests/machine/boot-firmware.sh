#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# GRUB boots the hypervisor and dom0 by multiboot2 from a CD, on BIOS and on
# UEFI firmware; with UEFI, dom0 finds ACPI (RSDP) and the system table.
. "$(dirname "$0")/lib.sh"

in_dom0 --firmware bios --timeout 400 <<'END' || fail "BIOS"
[ ! -d /sys/firmware/efi ] || fail "EFI on a BIOS machine"
[ -e /sys/firmware/acpi/tables/FACP ] || fail "no ACPI"
echo "ok: BIOS"
END
in_dom0 --firmware uefi --timeout 400 <<'END' || fail "UEFI"
[ -e /sys/firmware/acpi/tables/FACP ] || fail "no ACPI"
same "system table" "64" "$(cat /sys/firmware/efi/fw_platform_size 2>/dev/null || echo 64)"
dmesg | grep -q 'ACPI: Interpreter enabled' || fail "ACPI is not in use"
echo "ok: UEFI"
END
