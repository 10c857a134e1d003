/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What may become a page table. A frame is validated when it is pinned, so for each rule a table is made that
 * breaks only this rule; pinning must fail, leave the frame as it was (it can be mapped writable again, so no
 * reference stayed behind), and succeed once the offending entry is gone.
 */
#include "lib/pt.h"

const char test_title[] = "pt_pinning";

/* A table of @level with one good entry besides the offender, which has @val. */
static void refused(const char *rule, u32 level, u64 val)
{
	static u64 *below[5];
	u64 *t = alloc_page();
	long rc;

	if (!below[1]) {
		below[1] = table_page(0, entry(alloc_page(), PTE_RW_ENTRY));
		for (u32 l = 2; l <= 3; l++)
			below[l] = table_page(0, entry(below[l - 1], PTE_RW_ENTRY));
	}
	t[7] = val;
	t[3] = level > 1 ? entry(below[level - 1], PTE_RW_ENTRY) : 0;
	make_readonly(t);
	rc = pin(t, level);
	if (rc >= 0)
		test_failure("level %u: pinned although %s", level, rule);
	make_writable(t);
	t[7] = 0;
	make_readonly(t);
	rc = pin(t, level);
	if (rc)
		test_failure("level %u: %ld without the entry that breaks: %s", level, rc, rule);
	CHECK_EQ(unpin(t), 0);
	make_writable(t);
	if (level > 1)
		make_writable(below[level - 1]), make_readonly(below[level - 1]);
}

static void upper_levels(void)
{
	u64 *l1 = table_page(0, 0), *page = alloc_page();
	u64 *other[5];

	for (u32 l = 1; l <= 4; l++)
		other[l] = table_page(0, 0);
	for (u32 level = 2; level <= 4; level++) {
		u64 *good = other[level - 1];

		refused("a large page is asked for", level, entry(good, PTE_RW_ENTRY | PTE_PSE));
		refused("an entry is writable data", level, entry(page, PTE_RW_ENTRY));
		refused("an entry is beyond all memory", level, 0xffffffff000UL | PTE_RW_ENTRY);
		refused("an entry is no memory", level, 0xfed00000UL | PTE_RW_ENTRY);
		refused("an entry is the hypervisor's", level, 0x200000UL | PTE_RW_ENTRY);
	}
	/* a table of the wrong level: the entry's frame is already something else */
	CHECK_EQ(pin(l1, 1), 0);
	refused("an L3's entry is an L1", 3, entry(l1, PTE_RW_ENTRY));
	refused("an L4's entry is an L1", 4, entry(l1, PTE_RW_ENTRY));
	CHECK_EQ(unpin(l1), 0);
}

static void first_level(void)
{
	u64 *t = table_page(0, 0);

	CHECK_EQ(pin(t, 2), 0);
	refused("an entry is a writable table", 1, entry(t, PTE_RW_ENTRY));
	refused("an entry is the hypervisor's", 1, 0x200000UL | PTE_RO_ENTRY);
	refused("an entry is the local APIC", 1, 0xfee00000UL | PTE_RW_ENTRY);
	refused("an entry is the I/O APIC", 1, 0xfec00000UL | PTE_RO_ENTRY);
	refused("an entry is beyond all memory", 1, 0xfffffffff000UL | PTE_RO_ENTRY);
	CHECK_EQ(unpin(t), 0);
}

static void pins_themselves(void)
{
	u64 *t = table_page(0, 0);

	CHECK(unpin(t) < 0);
	CHECK_EQ(pin(t, 1), 0);
	CHECK(pin(t, 1) < 0); /* one pin a frame */
	CHECK(pin(t, 2) < 0); /* one type a frame */
	CHECK_EQ(unpin(t), 0);
	CHECK(unpin(t) < 0);
	CHECK_EQ(pin(t, 4), 0);
	CHECK_EQ(unpin(t), 0);
	CHECK(mmuext(MMUEXT_PIN_L1_TABLE, 0x200, 0) < 0);      /* the hypervisor's */
	CHECK(mmuext(MMUEXT_PIN_L1_TABLE, 0xfee00, 0) < 0);    /* no memory */
	CHECK(mmuext(MMUEXT_PIN_L4_TABLE, ~0UL, 0) < 0);
	CHECK(mmuext(MMUEXT_UNPIN_TABLE, ~0UL >> 12, 0) < 0);
	make_writable(t);
}

void test_main(void)
{
	upper_levels();
	first_level();
	pins_themselves();
}
