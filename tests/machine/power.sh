#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# dom0's power-off turns the machine off (by ACPI), its reboot resets it: QEMU
# tells the two apart. Services are stopped in order before, none by force.
. "$(dirname "$0")/lib.sh"

in_dom0 --cpus 1 --until poweroff --timeout 300 <<'END' || fail "power-off"
systemctl poweroff
END
in_dom0 --cpus 1 --until reboot --timeout 300 <<'END' || fail "reboot"
systemctl reboot
END
