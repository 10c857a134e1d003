/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ACPI sleep, for pv/platform.c. */
#pragma once
#include "logic/types.h"

/* Writes dom0's values with SLP_EN into the PM1 control registers. Does not return for S5; false if
 * the machine has no such registers or did not react. */
bool acpi_enter_sleep(u32 val_a, u32 val_b);
