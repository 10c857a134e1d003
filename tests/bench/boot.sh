# SPDX-License-Identifier: GPL-3.0-or-later
# In dom0, under -icount: time is instructions then.
read -r up _ </proc/uptime
echo "KEEL-BENCH boot_uptime_ms ${up/./}0"
