/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The console's other sides: the log ring for tools, and input. Output is core/log.h. */
#pragma once
#include "logic/abi.h"

/* XEN_SYSCTL_readconsole: copies from the ring to the guest, updates index and count.
 * 0 or -XEN_EFAULT. Takes LOCK_CONSOLE. */
int console_ring_read(struct xen_sysctl_readconsole *op);
/* Panic path: other CPUs are stopped; frees the console's lock whoever holds it. */
void console_lock_bust(void);
