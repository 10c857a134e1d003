/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Descriptor tables. While the hypervisor lets the CPU read descriptors from a frame, the guest cannot write
 * it; what is in it, or is written there by update_descriptor, is never a gate or a system segment, and never
 * more privileged than ring 3. The GDT's reserved end stays the hypervisor's. LDT pages come by faults.
 */
#include "lib/pt.h"

const char test_title[] = "pt_descriptors";
#define DATA3  0x00cff3000000ffffUL /* flat data, DPL 3 */
#define DATA0  0x00cf93000000ffffUL
#define GATE   0x00008e000008ffffUL /* interrupt gate, present */
#define TSS    0x0000e9000000ffffUL

static u64 *desc_page(u64 d)
{
	u64 *p = alloc_page();

	p[1] = d;
	return p;
}

static long set_gdt(const u64 *page, u32 entries)
{
	u64 frames[16];

	for (u32 i = 0; i < 16; i++)
		frames[i] = va_to_mfn(page);
	return hypercall2(__HYPERVISOR_set_gdt, frames, entries);
}

static void gdt(void)
{
	u64 *page = desc_page(DATA0), *bad = desc_page(GATE), *tss = desc_page(TSS);

	CHECK(set_gdt(page, 512) < 0); /* mapped writable */
	make_readonly(page);
	make_readonly(bad);
	make_readonly(tss);
	CHECK(set_gdt(bad, 512) < 0);
	CHECK(set_gdt(tss, 512) < 0);
	CHECK(set_gdt(page, 14 * 512 + 1) < 0);
	CHECK(set_gdt(page, 0xffffffff) < 0);
	CHECK_EQ(hypercall2(__HYPERVISOR_set_gdt, 0xffff830000000000UL, 512), -XEN_EFAULT);
	CHECK_EQ(set_gdt(page, 512), 0);
	CHECK_EQ(page[1], DATA3); /* raised */
	CHECK(set_pte(page, entry(page, PTE_RW_ENTRY)) < 0);
	CHECK(pin(page, 1) < 0);
	CHECK_EQ(probe_write(&page[2], GATE), TRAP_PF);
	__asm__ volatile("mov %0, %%fs; mov %1, %%fs" ::"r"(1 << 3 | 3), "r"(0)); /* it is in force */
	CHECK_EQ(hypercall2(__HYPERVISOR_update_descriptor, maddr_of(&page[2]), DATA0), 0);
	CHECK_EQ(page[2], DATA3);
	CHECK(hypercall2(__HYPERVISOR_update_descriptor, maddr_of(&page[2]), GATE) < 0);
	CHECK(hypercall2(__HYPERVISOR_update_descriptor, maddr_of(&page[2]), TSS) < 0);
	CHECK(hypercall2(__HYPERVISOR_update_descriptor, maddr_of(&page[2]) + 4, DATA3) < 0);
	CHECK(hypercall2(__HYPERVISOR_update_descriptor, 0x200000, DATA3) < 0);
	CHECK(hypercall2(__HYPERVISOR_update_descriptor, start_info->pt_base, DATA3) < 0);
	CHECK_EQ(page[2], DATA3);
	CHECK_EQ(set_gdt(page, 0), 0);
	make_writable(page);
}

static void no_table_by_update_descriptor(void)
{
	u64 *l1 = table_page(0, 0);

	CHECK_EQ(pin(l1, 1), 0);
	CHECK(hypercall2(__HYPERVISOR_update_descriptor, maddr_of(l1), DATA3) < 0);
	CHECK_EQ(l1[0], 0);
	CHECK_EQ(unpin(l1), 0);
}

static void load_gs(void *selector)
{
	__asm__ volatile("mov %0, %%gs" ::"r"((u64)selector));
}

static void ldt(void)
{
	u64 *page = desc_page(DATA0), *bad = desc_page(GATE);

	CHECK(mmuext(MMUEXT_SET_LDT, P(page) + 8, 512) < 0);
	CHECK(mmuext(MMUEXT_SET_LDT, P(page), 8193) < 0);
	CHECK(mmuext(MMUEXT_SET_LDT, 0xffff830000000000UL, 512) < 0);
	/* writable: the hypervisor does not take it, the load faults at the guest's own address */
	CHECK_EQ(mmuext(MMUEXT_SET_LDT, P(page), 512), 0);
	CHECK_EQ(probe_call(load_gs, (void *)0xfUL), TRAP_PF);
	CHECK_EQ(last_trap_cr2, P(&page[1]));
	make_readonly(page);
	CHECK_EQ(probe_call(load_gs, (void *)0xfUL), -1);
	load_gs(NULL);
	/* in use now; the guest has its page back at once, or when it gives up the table */
	if (set_pte(page, entry(page, PTE_RW_ENTRY)) != 0) {
		CHECK_EQ(mmuext(MMUEXT_SET_LDT, 0, 0), 0);
		make_writable(page);
		CHECK_EQ(mmuext(MMUEXT_SET_LDT, P(page), 512), 0);
	}
	page[1] = GATE;
	CHECK(probe_call(load_gs, (void *)0xfUL) != -1);
	make_readonly(page);
	CHECK(probe_call(load_gs, (void *)0xfUL) != -1); /* a gate in it: not taken */
	make_readonly(bad);
	CHECK_EQ(mmuext(MMUEXT_SET_LDT, P(bad), 512), 0);
	CHECK(probe_call(load_gs, (void *)0xfUL) != -1);
	CHECK_EQ(mmuext(MMUEXT_SET_LDT, 0, 0), 0);
}

void test_main(void)
{
	gdt();
	no_table_by_update_descriptor();
	ldt();
}
