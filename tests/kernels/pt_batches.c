/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mmu_update and mmuext_op take arrays. A request that fails ends the batch: those before it are done and
 * counted, those after it are not. Counts, pointers and foreign domains that make no sense are refused. A batch
 * long enough to be interrupted, and a table that takes long to validate, come out whole.
 */
#include "lib/pt.h"

const char test_title[] = "pt_batches";
#define MANY 4096

static struct mmu_update reqs[MANY];

static void stops_at_errors(u64 *l1)
{
	u32 done = 99;

	for (u32 i = 0; i < 5; i++)
		reqs[i] = (struct mmu_update){maddr_of(&l1[i]), entry(l1, PTE_RO_ENTRY)};
	reqs[3].val = 0x200000UL | PTE_RO_ENTRY;
	CHECK(hc_mmu_update(reqs, 5, &done, DOMID_SELF) < 0);
	CHECK_EQ(done, 3);
	CHECK(l1[2] != 0);
	CHECK_EQ(l1[3], 0);
	CHECK_EQ(l1[4], 0);
	reqs[3].val = 0;
	CHECK_EQ(hc_mmu_update(reqs, 5, &done, DOMID_SELF), 0);
	CHECK_EQ(done, 5);
	CHECK_EQ(hc_mmu_update(reqs, 0, &done, DOMID_SELF), 0);
	CHECK_EQ(done, 0);
}

static void long_batch(u64 *l1)
{
	u32 done = 0;

	for (u32 round = 0; round < 8; round++) {
		for (u32 i = 0; i < MANY; i++)
			reqs[i] = (struct mmu_update){maddr_of(&l1[i % 512]),
			                              (round + i / 512) % 2 ? 0 : entry(l1, PTE_RO_ENTRY)};
		CHECK_EQ(hc_mmu_update(reqs, MANY, &done, DOMID_SELF), 0);
		CHECK_EQ(done, MANY);
	}
	for (u32 i = 0; i < 512; i++)
		CHECK_EQ(update_entry(&l1[i], 0), 0);
}

static void bad_arguments(u64 *l1)
{
	struct mmuext_op op = {.cmd = MMUEXT_TLB_FLUSH_LOCAL};
	u32 done;

	reqs[0] = (struct mmu_update){maddr_of(l1), 0};
	CHECK_EQ(hc_mmu_update(NULL, 1, &done, DOMID_SELF), -XEN_EFAULT);
	CHECK_EQ(hc_mmu_update(0xffff830000000000UL, 1, &done, DOMID_SELF), -XEN_EFAULT);
	CHECK_EQ(hc_mmu_update(0xffff7ffffffffff8UL, 2, &done, DOMID_SELF), -XEN_EFAULT);
	CHECK_EQ(hc_mmu_update(reqs, 1, 0xffff830000000000UL, DOMID_SELF), 0); /* it just cannot be told */
	CHECK(hc_mmu_update(reqs, 0x7fffffff, NULL, DOMID_SELF) < 0);
	CHECK(hc_mmu_update(reqs, 1, NULL, 99) < 0);
	CHECK(hc_mmu_update(reqs, 1, NULL, 100U << 16 | DOMID_SELF) < 0);
	CHECK_EQ(hc_mmuext_op(NULL, 1, &done, DOMID_SELF), -XEN_EFAULT);
	CHECK_EQ(hc_mmuext_op(0xffff830000000000UL, 1, NULL, DOMID_SELF), -XEN_EFAULT);
	CHECK(hc_mmuext_op(&op, 1, NULL, 99) < 0);
	op.cmd = 0x1000;
	done = 7;
	CHECK(hc_mmuext_op(&op, 1, &done, DOMID_SELF) < 0);
	CHECK_EQ(done, 0);
	CHECK(mmuext(MMUEXT_MARK_SUPER, va_to_mfn(l1), 0) < 0);
	CHECK(update_maddr(maddr_of(l1) + 4, 0, MMU_NORMAL_PT_UPDATE, DOMID_SELF) < 0);
}

/* 100 L1 tables with 512 entries each below one L2, pinned and unpinned as a whole. */
static void long_validation(void)
{
	u64 *l2 = alloc_page(), *page = alloc_page();

	for (u32 i = 0; i < 100; i++) {
		u64 *l1 = alloc_page();

		for (u32 k = 0; k < 512; k++)
			l1[k] = entry(page, PTE_RW_ENTRY);
		make_readonly(l1);
		l2[i] = entry(l1, PTE_RW_ENTRY);
	}
	make_readonly(l2);
	for (u32 round = 0; round < 4; round++) {
		CHECK_EQ(pin(l2, 2), 0);
		CHECK(set_pte(l2, entry(l2, PTE_RW_ENTRY)) < 0);
		CHECK_EQ(unpin(l2), 0);
	}
	make_writable(l2);
	CHECK_EQ(set_pte(page, 0), 0); /* the last of its 51,201 mappings */
}

void test_main(void)
{
	u64 *l1 = table_page(0, 0);

	CHECK_EQ(pin(l1, 1), 0);
	stops_at_errors(l1);
	long_batch(l1);
	bad_arguments(l1);
	CHECK_EQ(unpin(l1), 0);
	long_validation();
}
