/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Frames given back. A frame goes only when nothing refers to it any more: one that is still mapped stays usable
 * until the mapping goes, one that is a table stays a table until it is unpinned; and no frame goes twice, nor
 * one that is the hypervisor's although the guest has it mapped. The reservation's size tells what has gone.
 */
#include "lib/pt.h"

const char test_title[] = "pt_release";

static long release(u64 mfn)
{
	xen_pfn_t frame = mfn;
	struct xen_memory_reservation r = {.nr_extents = 1, .domid = DOMID_SELF};

	set_xen_guest_handle(r.extent_start, &frame);
	return hc_memory_op(XENMEM_decrease_reservation, &r);
}

static long reservation(void)
{
	struct xen_memory_domain self = {.domid = DOMID_SELF};

	return hc_memory_op(XENMEM_current_reservation, &self);
}

static void mapped_frame(void)
{
	u64 *page = alloc_page();
	u64 mfn = va_to_mfn(page);
	long before = reservation();

	CHECK_EQ(release(mfn), 1);
	page[5] = 55; /* still ours */
	CHECK_EQ(page[5], 55);
	CHECK(release(mfn) <= 1); /* whatever it says, nothing happens */
	page[5] = 56;
	CHECK_EQ(reservation(), before);
	CHECK_EQ(set_pte(page, 0), 0);
	CHECK_EQ(reservation(), before - 1);
	CHECK(set_pte(page, mfn << 12 | PTE_RW_ENTRY) < 0); /* gone for good */
	CHECK_EQ(release(mfn), 0);
}

static void table(void)
{
	u64 *page = table_page(0, 0);
	u64 mfn = va_to_mfn(page);
	long before;

	CHECK_EQ(pin(page, 1), 0);
	before = reservation();
	(void)release(mfn);
	CHECK_EQ(set_pte(page, mfn << 12 | PTE_RO_ENTRY), 0);
	if (reservation() == before) { /* it may stay pinned, then it stays a table */
		CHECK(set_pte(page, mfn << 12 | PTE_RW_ENTRY) < 0);
		(void)mmuext(MMUEXT_UNPIN_TABLE, mfn, 0);
	}
	CHECK_EQ(set_pte(page, 0), 0);
	CHECK_EQ(reservation(), before - 1);
	CHECK(mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0) < 0);
}

static void not_ours(void)
{
	long before = reservation();

	CHECK_EQ(release(start_info->shared_info >> 12), 0);
	CHECK_EQ(release(0x200), 0);
	CHECK_EQ(release(0xfee00), 0);
	CHECK_EQ(release(~0UL), 0);
	CHECK_EQ(reservation(), before);
	/* what it would have become if it had been freed: somebody's memory */
	for (u32 i = 0; i < 64; i++)
		(void)alloc_page();
	shared_info->evtchn_mask[0] = 0x5a5a;
	CHECK_EQ(shared_info->evtchn_mask[0], 0x5a5a);
}

void test_main(void)
{
	mapped_frame();
	table();
	not_ours();
}
