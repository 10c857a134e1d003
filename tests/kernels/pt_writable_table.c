/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A page table is never writable to its guest. Each way to get a writable mapping of a frame is tried on a
 * table of each level, first with the table in place and then the other way round (the mapping first, then the
 * frame is made a table); every one must be refused, and afterwards the tables must be unchanged and still
 * read-only. There are three ways an L1 entry comes to be: update_va_mapping, mmu_update, and a whole L1 table
 * that is validated; the emulated write is the fourth (also in pt_emulated_writes).
 */
#include "lib/pt.h"

const char test_title[] = "pt_writable_table";

static u64 *tables[5]; /* [level], each holds the one below */

static void build(void)
{
	tables[1] = table_page(1, entry(alloc_page(), PTE_RW_ENTRY));
	for (u32 level = 2; level <= 4; level++)
		tables[level] = table_page(1, entry(tables[level - 1], PTE_RW_ENTRY));
	CHECK_EQ(pin(tables[4], 4), 0);
}

static void check_read_only(const u64 *table)
{
	u64 before = table[1];

	CHECK_EQ(*pte_of(table, NULL) & PTE_W, 0);
	CHECK_EQ(probe_write((void *)&table[2], 0), (u64)table == P(tables[1]) ? -1 : TRAP_PF);
	CHECK_EQ(table[1], before);
}

static void map_table_writable(u64 *table)
{
	void *window = alloc_page(), *in_l1;
	u64 pte_maddr, old = *pte_of(window, &pte_maddr);
	u64 *l1;

	CHECK_EQ(set_pte(window, entry(table, PTE_RW_ENTRY)), -XEN_EBUSY);
	CHECK_EQ(*pte_of(window, NULL), old);
	CHECK_EQ(update_maddr(pte_maddr, entry(table, PTE_RW_ENTRY), MMU_NORMAL_PT_UPDATE, DOMID_SELF),
	         -XEN_EBUSY);
	CHECK_EQ(update_maddr(pte_maddr, entry(table, PTE_RW_ENTRY), MMU_PT_UPDATE_PRESERVE_AD, DOMID_SELF),
	         -XEN_EBUSY);
	/* its own read-only mapping may not grow either */
	CHECK_EQ(set_pte(table, *pte_of(table, NULL) | PTE_W), -XEN_EBUSY);
	/* a writable entry that waits in a table to be */
	l1 = table_page(3, entry(table, PTE_RW_ENTRY));
	CHECK(pin(l1, 1) < 0);
	CHECK_EQ(l1[3], entry(table, PTE_RW_ENTRY));
	/* an emulated write */
	in_l1 = pte_of(window, NULL);
	CHECK_EQ(probe_write(in_l1, entry(table, PTE_RW_ENTRY)), TRAP_PF);
	check_read_only(table);
	/* reading stays allowed */
	CHECK_EQ(set_pte(window, entry(table, PTE_RO_ENTRY)), 0);
	CHECK_EQ(((u64 *)window)[1], table[1]);
}

static void make_writable_page_a_table(u32 level)
{
	u64 *page = alloc_page();

	CHECK(pin(page, level) < 0); /* mapped writable by us */
	make_readonly(page);
	CHECK_EQ(pin(page, level), 0);
	CHECK_EQ(set_pte(page, entry(page, PTE_RW_ENTRY)), -XEN_EBUSY);
	CHECK_EQ(unpin(page), 0);
	make_writable(page);
	page[0] = 0;
}

static void entry_to_writable_page(u32 level)
{
	u64 *page = alloc_page();

	CHECK(update_entry(&tables[level][5], entry(page, PTE_RW_ENTRY)) < 0);
	CHECK_EQ(tables[level][5], 0);
}

void test_main(void)
{
	build();
	for (u32 level = 1; level <= 4; level++) {
		map_table_writable(tables[level]);
		make_writable_page_a_table(level);
		if (level > 1)
			entry_to_writable_page(level);
	}
	/* the tables in use now */
	CHECK(set_pte((void *)start_info->pt_base, entry((void *)start_info->pt_base, PTE_RW_ENTRY)) < 0);
	CHECK_EQ(unpin(tables[4]), 0);
	for (u32 level = 1; level <= 4; level++)
		make_writable(tables[level]); /* nothing holds them any more */
}
