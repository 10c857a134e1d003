/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PCI configuration space: MMCFG where the firmware describes it, else CF8/CFC under LOCK_PCI. */
#pragma once
#include "core/lock.h"
#include "logic/types.h"

/* @bdf is bus << 8 | devfn; @reg is naturally aligned to @len (1, 2, 4). Reads of what is not there
 * give all ones. */
u32 pci_read(u16 seg, u16 bdf, u32 reg, u32 len);
void pci_write(u16 seg, u16 bdf, u32 reg, u32 len, u32 val);
/* First capability @id of a device, 0 if none. */
u32 pci_find_cap(u16 seg, u16 bdf, u8 id);

/* Guards CF8/CFC: guests' virtualized accesses take it too. */
extern spinlock_t pci_lock;
