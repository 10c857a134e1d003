/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * memory_op: dom0 can give memory back and get it again, exchange pages for contiguous ones (all or
 * nothing), and ask for the machine's map; counts and the M2P table always agree with what was done;
 * absurd requests are refused and change nothing.
 */
#include "lib/test.h"

const char test_title[] = "memory";

static struct xen_memory_domain self = {.domid = DOMID_SELF};

static u64 reservation(void)
{
	return (u64)hc_memory_op(XENMEM_current_reservation, &self);
}

static void given_back_and_taken_again(void)
{
	void *page = alloc_page();
	u64 pfn = va_to_pfn(page), before = reservation();
	xen_pfn_t frame = pfn_to_mfn(pfn);

	/* still mapped writable: the frame leaves us only when the mapping is gone */
	CHECK_EQ(set_pte(page, 0), 0);
	CHECK_EQ(reserve(XENMEM_decrease_reservation, &frame, 1, 0), 1);
	CHECK_EQ(reservation(), before - 1);
	CHECK(set_pte(page, frame << 12 | PTE_P | PTE_U) != 0); /* not ours any more */
	frame = pfn;
	CHECK_EQ(reserve(XENMEM_populate_physmap, &frame, 1, 0), 1);
	CHECK_EQ(mfn_to_pfn(frame), pfn);
	CHECK_EQ(reservation(), before);
	((u64 *)start_info->mfn_list)[pfn] = frame;
	CHECK_EQ(set_pte(page, frame << 12 | PTE_P | PTE_W | PTE_U), 0);
	for (u32 i = 0; i < 512; i++)
		CHECK_EQ(((u64 *)page)[i], 0); /* nobody's old contents */
}

static void refused_reservations(void)
{
	xen_pfn_t frames[2] = {0, 0xfffffffffffff};
	u64 before = reservation();
	struct xen_memory_reservation r = {.nr_extents = ~0UL, .domid = DOMID_SELF};

	CHECK_EQ(reserve(XENMEM_decrease_reservation, frames + 1, 1, 0), 0);
	CHECK_EQ(reserve(XENMEM_populate_physmap, frames, 1, 63), 0);
	CHECK(hc_memory_op(XENMEM_populate_physmap, &r) <= 0);
	r.nr_extents = 1;
	r.domid = 1234;
	CHECK_EQ(hc_memory_op(XENMEM_populate_physmap, &r), 0);
	CHECK_EQ(reservation(), before);
}

static long exchange(xen_pfn_t *in, u64 n_in, u32 o_in, xen_pfn_t *out, u64 n_out, u32 o_out,
                     u32 bits, u64 *done)
{
	struct xen_memory_exchange x = {
	        .in = {.nr_extents = n_in, .extent_order = o_in, .domid = DOMID_SELF},
	        .out = {.nr_extents = n_out, .extent_order = o_out, .mem_flags = bits,
	                .domid = DOMID_SELF}};
	long rc;

	set_xen_guest_handle(x.in.extent_start, in);
	set_xen_guest_handle(x.out.extent_start, out);
	rc = hc_memory_op(XENMEM_exchange, &x);
	*done = x.nr_exchanged;
	return rc;
}

static void exchange_all_or_nothing(void)
{
	xen_pfn_t in[8], out;
	void *pages[8];
	u64 done, first_pfn, before = reservation();

	for (int i = 0; i < 8; i++) {
		pages[i] = alloc_page();
		in[i] = va_to_mfn(pages[i]);
	}
	first_pfn = va_to_pfn(pages[0]);
	/* while one is mapped, nothing happens */
	for (int i = 0; i < 7; i++)
		CHECK_EQ(set_pte(pages[i], 0), 0);
	out = first_pfn;
	CHECK(exchange(in, 8, 0, &out, 1, 3, 32, &done) != 0);
	CHECK_EQ(done, 0);
	CHECK_EQ(reservation(), before);
	for (int i = 0; i < 7; i++)
		CHECK_EQ(set_pte(pages[i], in[i] << 12 | PTE_P | PTE_W | PTE_U), 0);
	for (int i = 0; i < 8; i++)
		CHECK_EQ(set_pte(pages[i], 0), 0);
	out = first_pfn;
	CHECK_EQ(exchange(in, 8, 0, &out, 1, 3, 32, &done), 0);
	CHECK_EQ(done, 8);
	CHECK_EQ(reservation(), before);
	CHECK_EQ(out % 8, 0);
	CHECK(out + 8 <= 1UL << 20); /* below 4 GiB, as asked */
	for (u64 i = 0; i < 8; i++) {
		CHECK_EQ(mfn_to_pfn(out + i), first_pfn + i);
		((u64 *)start_info->mfn_list)[first_pfn + i] = out + i;
		CHECK_EQ(set_pte(pages[i], (out + i) << 12 | PTE_P | PTE_W | PTE_U), 0);
	}
}

static void refused_exchanges(void)
{
	xen_pfn_t in = va_to_mfn(alloc_page()), out = 0;
	u64 done, before = reservation();

	CHECK_EQ(exchange(&in, 1, 0, &out, 2, 0, 0, &done), -XEN_EINVAL);
	CHECK(exchange(&in, 1, 60, &out, 1, 60, 0, &done) < 0);
	CHECK(exchange(&in, ~0UL, 0, &out, ~0UL, 0, 0, &done) < 0);
	CHECK_EQ(reservation(), before);
}

static void maps(void)
{
	static u8 map[20 * 128];
	struct xen_memory_map m = {.nr_entries = 128};
	struct xen_machphys_mapping mm;
	u64 ram = 0;

	set_xen_guest_handle(m.buffer, map);
	CHECK_EQ(hc_memory_op(XENMEM_machine_memory_map, &m), 0);
	CHECK(m.nr_entries > 0 && m.nr_entries <= 128);
	for (u32 i = 0; i < m.nr_entries; i++) {
		u64 size;
		u32 type;

		memcpy(&size, map + i * 20 + 8, 8);
		memcpy(&type, map + i * 20 + 16, 4);
		if (type == 1)
			ram += size;
	}
	CHECK(ram / PAGE_SIZE > start_info->nr_pages);
	CHECK_EQ(hc_memory_op(XENMEM_machphys_mapping, &mm), 0);
	CHECK_EQ(mm.v_start, MACH2PHYS_VIRT_START);
	CHECK(hc_memory_op(XENMEM_maximum_ram_page, NULL) > (long)start_info->nr_pages);
	CHECK(hc_memory_op(XENMEM_maximum_reservation, &self) > 0);
	self.domid = 1234;
	CHECK_EQ(hc_memory_op(XENMEM_current_reservation, &self), -XEN_ESRCH);
	self.domid = DOMID_SELF;
	CHECK_EQ(hc_memory_op(63, &self), -XEN_ENOSYS);
}

void test_main(void)
{
	given_back_and_taken_again();
	refused_reservations();
	exchange_all_or_nothing();
	refused_exchanges();
	maps();
}
