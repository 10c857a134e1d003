/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A guest may keep a writable translation in the TLB when it asks for a frame to become something that it must
 * not write: it drops the mapping without a flush. The hypervisor has to flush by itself before the new use
 * begins. The write through the old translation must fault, for tables of all levels and descriptor pages.
 * (An emulator whose TLB forgets early cannot fail this; those that keep translations can.)
 */
#include "lib/pt.h"

const char test_title[] = "pt_stale_tlb";

/* Maps a fresh frame a second time, writes by this mapping, and takes both writable mappings away unflushed. */
static u64 *stale_window(u64 **frame)
{
	u64 *window = alloc_page(), *page = alloc_page();

	CHECK_EQ(hc_update_va_mapping(window, entry(page, PTE_RW_ENTRY), UVMF_NONE), 0);
	*(volatile u64 *)&window[9] = 0;
	CHECK_EQ(mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0), 0);
	make_readonly(page);
	*(volatile u64 *)&window[9] = 0; /* now it is in the TLB, as writable and dirty */
	CHECK_EQ(hc_update_va_mapping(window, entry(page, PTE_RO_ENTRY), UVMF_NONE), 0);
	*frame = page;
	return window;
}

void test_main(void)
{
	u64 *page, *window;

	for (u32 level = 1; level <= 4; level++) {
		window = stale_window(&page);
		CHECK_EQ(pin(page, level), 0);
		/* an L1 table's entries may be written by emulation; what counts is that the write is checked */
		CHECK_EQ(probe_write(&window[9], 0x200000UL | PTE_RW_ENTRY), TRAP_PF);
		CHECK_EQ(page[9], 0);
		CHECK_EQ(unpin(page), 0);
	}
	window = stale_window(&page);
	{
		u64 frames[1] = {va_to_mfn(page)};

		CHECK_EQ(hypercall2(__HYPERVISOR_set_gdt, frames, 512), 0);
	}
	CHECK_EQ(probe_write(&window[9], ~0UL), TRAP_PF);
	CHECK_EQ(page[9], 0);
	CHECK_EQ(hypercall2(__HYPERVISOR_set_gdt, NULL, 0), 0);
	make_writable(page);
}
