/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Boot options: one table (options.def), parsed by logic/cmdline.c into this. PURE. */
#pragma once
#include "logic/types.h"

struct options {
	char console[64];
	char com1[64], com2[64];
	char dom0_mem[64];
	u32 dom0_max_vcpus;
	char loglvl[16], guest_loglvl[16];
	bool noreboot, sync_console, smt, watchdog;
	bool smap, smep, spec_ctrl, pv_unsafe; /* pv_unsafe: PV guests on Meltdown/L1TF machines */
	char command_line[1024];
};


