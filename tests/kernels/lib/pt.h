/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Page-table hypercalls in one line, for kernels that test the rules of page types. */
#pragma once
#include "lib/test.h"

#define PTE_PWT  0x008UL
#define PTE_PCD  0x010UL
#define PTE_A    0x020UL
#define PTE_D    0x040UL
#define PTE_PSE  0x080UL
#define PTE_G    0x100UL
#define PTE_RW_ENTRY (PTE_P | PTE_W | PTE_U | PTE_A | PTE_D)
#define PTE_RO_ENTRY (PTE_P | PTE_U | PTE_A)
#define PIN_LEVEL(l) ((u32)(l) - 1 + MMUEXT_PIN_L1_TABLE)

#define TRAP_PF 14

static inline long mmuext(u32 cmd, u64 arg1, u64 arg2)
{
	struct mmuext_op op = {.cmd = cmd, .arg1.mfn = arg1, .arg2.src_mfn = arg2};

	return hc_mmuext_op(&op, 1, NULL, DOMID_SELF);
}

/* Pins the frame behind @va as a table of @level. */
static inline long pin(const void *va, u32 level)
{
	return mmuext(PIN_LEVEL(level), va_to_mfn(va), 0);
}

static inline long unpin(const void *va)
{
	return mmuext(MMUEXT_UNPIN_TABLE, va_to_mfn(va), 0);
}

/* mmu_update of one entry by its machine address. */
static inline long update_maddr(u64 maddr, u64 val, u32 cmd, u32 foreign)
{
	struct mmu_update req = {.ptr = maddr | cmd, .val = val};

	return hc_mmu_update(&req, 1, NULL, foreign);
}

/* The same for an entry in a table that the kernel maps at @slot. */
static inline long update_entry(const u64 *slot, u64 val)
{
	return update_maddr(maddr_of(slot), val, MMU_NORMAL_PT_UPDATE, DOMID_SELF);
}

static inline u64 entry(const void *va, u64 flags)
{
	return va_to_mfn(va) << 12 | flags;
}

/* A page that is mapped read-only, filled beforehand with one entry (0: empty), ready to be a table. */
static inline u64 *table_page(u32 slot, u64 val)
{
	u64 *t = alloc_page();

	t[slot] = val;
	make_readonly(t);
	return t;
}
