/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A top table's entry for itself. Read-only it shows the guest its tables as data, and nothing more: what can be
 * reached through it cannot be written, whatever the entries below allow; the hypervisor's part stays out of
 * reach. Writable it would be the end of all rules, so it must be refused, however it comes about.
 */
#include "lib/pt.h"

const char test_title[] = "pt_self_map";
#define SLOT 300

static void *through(u64 l4, u64 l3, u64 l2, u64 l1)
{
	u64 va = l4 << 39 | l3 << 30 | l2 << 21 | l1 << 12;

	return (void *)(l4 & 256 ? va | 0xffff000000000000UL : va);
}

void test_main(void)
{
	u64 *l4 = (u64 *)start_info->pt_base, val;
	u64 *page = alloc_page(), *fresh;
	u64 va = P(page);
	u64 *e;

	CHECK(update_entry(&l4[SLOT], entry(l4, PTE_RW_ENTRY)) < 0);
	CHECK_EQ(l4[SLOT], 0);
	if (update_entry(&l4[SLOT], entry(l4, PTE_RO_ENTRY)) != 0)
		test_skip("no linear page tables here");
	/* all four levels as data */
	CHECK_EQ(probe_read(through(SLOT, SLOT, SLOT, SLOT), &val), -1);
	CHECK_EQ(val, l4[0]);
	e = (u64 *)((u64)through(SLOT, va >> 39 & 511, va >> 30 & 511, va >> 21 & 511) + (va >> 12 & 511) * 8);
	CHECK_EQ(probe_read(e, &val), -1);
	CHECK_EQ(PTE_MFN(val), va_to_mfn(page));
	/* not to be written: an L2 entry (writable itself) and an L1 table's contents */
	CHECK_EQ(probe_write(through(SLOT, SLOT, SLOT, va >> 39 & 511), 0), TRAP_PF);
	CHECK_EQ(probe_write(through(SLOT, SLOT, va >> 39 & 511, va >> 30 & 511), 0), TRAP_PF);
	/* the hypervisor's own tables and memory do not show */
	CHECK_EQ(probe_read(through(SLOT, 262, 0, 0), &val), TRAP_PF);
	CHECK_EQ(probe_read(through(SLOT, SLOT, 262, 0), &val), TRAP_PF);
	CHECK_EQ(probe_read(through(SLOT, SLOT, SLOT, 262), &val), TRAP_PF);
	/* the entry may not become writable */
	CHECK(update_entry(&l4[SLOT], entry(l4, PTE_RW_ENTRY)) < 0);
	CHECK(update_maddr(maddr_of(&l4[SLOT]), l4[SLOT] | PTE_W, MMU_PT_UPDATE_PRESERVE_AD, DOMID_SELF) < 0);
	/* nor in a table that is validated as a whole */
	fresh = alloc_page();
	fresh[SLOT] = entry(fresh, PTE_RW_ENTRY);
	make_readonly(fresh);
	CHECK(pin(fresh, 4) < 0);
	make_writable(fresh);
	CHECK_EQ(update_entry(&l4[SLOT], 0), 0);
	CHECK_EQ(mmuext(MMUEXT_TLB_FLUSH_ALL, 0, 0), 0);
	CHECK_EQ(probe_read(through(SLOT, SLOT, SLOT, SLOT), &val), TRAP_PF);
}
