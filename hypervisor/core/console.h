/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The console's side for the panic path. Output and the ring are core/log.h. */
#pragma once
#include "logic/abi.h"

/* Panic path: other CPUs are stopped; frees the console's lock whoever holds it. */
void console_lock_bust(void);
