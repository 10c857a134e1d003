/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a kernel finds when it starts as dom0, against public xen.h ("Start-of-day memory layout") and
 * hypervisor.md. If the pieces below hold, a kernel can find its memory, its tables and its module by
 * the documented fields alone.
 */
#include "lib/test.h"

const char test_title[] = "start_of_day";

static void magic_and_flags(void)
{
	CHECK(memcmp(start_info->magic, "xen-3.0-x86_64", 14) == 0);
	CHECK_EQ(start_info->flags & (SIF_PRIVILEGED | SIF_INITDOMAIN),
	         SIF_PRIVILEGED | SIF_INITDOMAIN);
	CHECK_EQ(start_info->store_mfn, 0);
	CHECK_EQ(start_info->store_evtchn, 0);
	CHECK(start_info->nr_pages > 1024);
	CHECK_EQ(start_info->shared_info % PAGE_SIZE, 0);
}

static void memory_is_ours(void)
{
	struct xen_memory_domain self = {.domid = DOMID_SELF};

	for (u64 pfn = 0; pfn < start_info->nr_pages; pfn++)
		CHECK_EQ(mfn_to_pfn(pfn_to_mfn(pfn)), pfn);
	CHECK_EQ(hc_memory_op(XENMEM_current_reservation, &self), start_info->nr_pages);
}

static void tables_are_mapped_read_only(void)
{
	u64 *l4 = (u64 *)start_info->pt_base;

	CHECK_EQ(P(l4) % PAGE_SIZE, 0);
	for (u64 i = 0; i < start_info->nr_pt_frames; i++) {
		u64 *table = (u64 *)(start_info->pt_base + i * PAGE_SIZE);

		CHECK_EQ(*pte_of(table, NULL) & (PTE_P | PTE_W), PTE_P);
	}
	CHECK_EQ(*pte_of(&test_title, NULL) & (PTE_P | PTE_W), PTE_P | PTE_W);
}

static void selectors_and_flags(void)
{
	u16 cs, ss, ds, es;

	__asm__("mov %%cs, %0; mov %%ss, %1; mov %%ds, %2; mov %%es, %3"
	        : "=r"(cs), "=r"(ss), "=r"(ds), "=r"(es));
	CHECK_EQ(cs, FLAT_KERNEL_CS);
	CHECK_EQ(ss, FLAT_KERNEL_SS);
	CHECK_EQ(shared_info->vcpu_info[0].evtchn_upcall_mask, 1);
}

static void hypercall_page_works(void)
{
	extern char hypercall_page[];
	u64 a = XENVER_version;
	long ret;

	__asm__ volatile("call *%[slot]"
	                 : "=a"(ret), "+D"(a)
	                 : [slot] "r"(hypercall_page + 32 * __HYPERVISOR_xen_version), "S"(0L)
	                 : "rcx", "r11", "memory");
	CHECK_EQ(ret, 4 << 16 | 17);
}

void test_main(void)
{
	magic_and_flags();
	memory_is_ours();
	tables_are_mapped_read_only();
	selectors_and_flags();
	hypercall_page_works();
	CHECK_EQ(hc_xen_version(XENVER_version, NULL), 4 << 16 | 17);
}
