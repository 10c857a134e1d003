/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Top tables in use and the flush operations. A base must be a valid L4 of the caller, and stays one while it
 * is a base: it cannot be unpinned away under a CPU. Flushes take any address and mask without harm, and do
 * what they say: after each kind a changed mapping is seen.
 */
#include "lib/pt.h"

const char test_title[] = "pt_bases_and_flushes";

static void bases(void)
{
	u64 *l4 = (u64 *)start_info->pt_base, *copy = alloc_page(), *other = alloc_page();
	u64 own = va_to_mfn(l4);

	CHECK(mmuext(MMUEXT_NEW_BASEPTR, va_to_mfn(copy), 0) < 0); /* writable */
	CHECK(mmuext(MMUEXT_NEW_BASEPTR, 0, 0) < 0);
	CHECK(mmuext(MMUEXT_NEW_BASEPTR, 0x200, 0) < 0);
	CHECK(mmuext(MMUEXT_NEW_BASEPTR, ~0UL, 0) < 0);
	CHECK(mmuext(MMUEXT_NEW_USER_BASEPTR, va_to_mfn(copy), 0) < 0);
	CHECK(mmuext(MMUEXT_NEW_USER_BASEPTR, 0xfee00, 0) < 0);
	for (u32 i = 0; i < 512; i++)
		copy[i] = i >= 256 && i <= 271 ? 0 : l4[i];
	make_readonly(copy);
	/* a base need not be pinned, and is in use without a pin */
	CHECK_EQ(mmuext(MMUEXT_NEW_BASEPTR, va_to_mfn(copy), 0), 0);
	CHECK(set_pte(copy, entry(copy, PTE_RW_ENTRY)) < 0);
	CHECK_EQ(mfn_to_pfn(own), va_to_pfn(l4)); /* the M2P is there */
	CHECK_EQ(mmuext(MMUEXT_NEW_BASEPTR, own, 0), 0);
	make_writable(copy);
	/* a pinned one can be unpinned while it is a base, and stays a table */
	CHECK_EQ(unpin(l4), 0);
	CHECK(set_pte(l4, entry(l4, PTE_RW_ENTRY)) < 0);
	CHECK_EQ(pin(l4, 4), 0);
	/* user bases, and none */
	make_readonly(other);
	CHECK_EQ(mmuext(MMUEXT_NEW_USER_BASEPTR, va_to_mfn(other), 0), 0);
	CHECK(set_pte(other, entry(other, PTE_RW_ENTRY)) < 0);
	CHECK_EQ(mmuext(MMUEXT_NEW_USER_BASEPTR, 0, 0), 0);
	make_writable(other);
}

static u64 *window, *pages[2];

/* Changes the window without a flush, then flushes by @flags or by @cmd: the other page must show. */
static void shows(u32 which)
{
	if (*(volatile u64 *)window != which)
		test_failure("an old translation is used after a flush");
}

static void flushes(void)
{
	static const u32 cmds[] = {MMUEXT_TLB_FLUSH_LOCAL, MMUEXT_INVLPG_LOCAL, MMUEXT_TLB_FLUSH_MULTI,
	                           MMUEXT_INVLPG_MULTI, MMUEXT_TLB_FLUSH_ALL, MMUEXT_INVLPG_ALL};
	u64 mask = 1;
	u64 flags[] = {UVMF_TLB_FLUSH | UVMF_LOCAL, UVMF_INVLPG | UVMF_LOCAL, UVMF_TLB_FLUSH | UVMF_ALL,
	               UVMF_INVLPG | UVMF_ALL, UVMF_TLB_FLUSH | P(&mask), UVMF_INVLPG | P(&mask)};
	u32 now = 0;

	window = alloc_page();
	for (u64 i = 0; i < 2; i++) {
		pages[i] = alloc_page();
		pages[i][0] = i;
	}
	for (u32 i = 0; i < ARRAY_SIZE(cmds); i++) {
		struct mmuext_op op = {.cmd = cmds[i], .arg1.linear_addr = P(window)};

		set_xen_guest_handle(op.arg2.vcpumask, (const void *)&mask);
		now ^= 1;
		CHECK_EQ(hc_update_va_mapping(window, entry(pages[now], PTE_RW_ENTRY), UVMF_NONE), 0);
		CHECK_EQ(hc_mmuext_op(&op, 1, NULL, DOMID_SELF), 0);
		shows(now);
		now ^= 1;
		CHECK_EQ(hc_update_va_mapping(window, entry(pages[now], PTE_RW_ENTRY), flags[i]), 0);
		shows(now);
	}
}

static void odd_flushes(void)
{
	struct mmuext_op op = {.cmd = MMUEXT_TLB_FLUSH_MULTI};

	op.arg2.vcpumask.p = (void *)0xffff830000000000UL;
	CHECK(hc_mmuext_op(&op, 1, NULL, DOMID_SELF) < 0);
	op.cmd = MMUEXT_INVLPG_MULTI;
	CHECK(hc_mmuext_op(&op, 1, NULL, DOMID_SELF) < 0);
	CHECK_EQ(mmuext(MMUEXT_INVLPG_LOCAL, 0xffff830000000000UL, 0), 0);
	CHECK_EQ(mmuext(MMUEXT_INVLPG_ALL, 0x0000800000000000UL, 0), 0);
	CHECK_EQ(mmuext(MMUEXT_FLUSH_CACHE, 0, 0), 0);
	CHECK_EQ(mmuext(MMUEXT_FLUSH_CACHE_GLOBAL, 0, 0), 0);
	CHECK(hc_update_va_mapping(window, entry(pages[0], PTE_RW_ENTRY),
	                           UVMF_TLB_FLUSH | 0xffff830000000000UL) < 0);
}

static void pages_cleared_and_copied(void)
{
	u64 *a = alloc_page(), *b = alloc_page(), *t = table_page(0, 0);

	a[7] = 77;
	CHECK_EQ(mmuext(MMUEXT_COPY_PAGE, va_to_mfn(b), va_to_mfn(a)), 0);
	CHECK_EQ(b[7], 77);
	CHECK_EQ(mmuext(MMUEXT_CLEAR_PAGE, va_to_mfn(a), 0), 0);
	CHECK_EQ(a[7], 0);
	CHECK_EQ(pin(t, 1), 0);
	CHECK(mmuext(MMUEXT_CLEAR_PAGE, va_to_mfn(t), 0) < 0); /* a table */
	CHECK(mmuext(MMUEXT_COPY_PAGE, va_to_mfn(t), va_to_mfn(b)) < 0);
	CHECK_EQ(mmuext(MMUEXT_COPY_PAGE, va_to_mfn(b), va_to_mfn(t)), 0);
	CHECK_EQ(b[7], 0);
	CHECK_EQ(unpin(t), 0);
}

void test_main(void)
{
	bases();
	flushes();
	odd_flushes();
	pages_cleared_and_copied();
}
