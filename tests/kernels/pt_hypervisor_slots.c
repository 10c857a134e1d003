/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Slots 256 to 271 of every top table are the hypervisor's: updates there are refused, nothing in
 * there can be touched from the guest save the read-only M2P table, and no hypercall takes an address in there.
 * Every 2 MiB step would take too long; each slot's first and last page and a spread in between are tried.
 */
#include "lib/pt.h"

const char test_title[] = "pt_hypervisor_slots";
#define HOLE_START 0xffff800000000000UL
#define SLOT_SIZE  (1UL << 39)

static void writes_are_refused(u64 *l4)
{
	u64 *l3 = table_page(0, 0);

	CHECK_EQ(pin(l3, 3), 0);
	for (u32 slot = 256; slot <= 271; slot++) {
		u64 before = l4[slot];

		CHECK_EQ(update_entry(&l4[slot], entry(l3, PTE_RW_ENTRY)), -XEN_EINVAL);
		CHECK_EQ(l4[slot], before);
		CHECK_EQ(update_entry(&l4[slot], 0), -XEN_EINVAL);
		CHECK_EQ(l4[slot], before);
		CHECK_EQ(probe_write(&l4[slot], 0), TRAP_PF);
	}
	CHECK_EQ(unpin(l3), 0);
	make_writable(l3); /* no reference was taken */
}

/* A table that arrives with entries in these slots: they are replaced, not validated. */
static void validation_replaces_them(void)
{
	u64 *l4 = alloc_page();

	for (u32 slot = 256; slot <= 271; slot++)
		l4[slot] = entry(l4, PTE_RW_ENTRY);
	make_readonly(l4);
	CHECK_EQ(pin(l4, 4), 0);
	for (u32 slot = 256; slot <= 271; slot++)
		CHECK(PTE_MFN(l4[slot]) != va_to_mfn(l4));
	CHECK_EQ(unpin(l4), 0);
	make_writable(l4);
}

static void nothing_can_be_touched(void)
{
	for (u64 slot = 256; slot <= 271; slot++) {
		u64 base = HOLE_START + (slot - 256) * SLOT_SIZE;

		for (u64 k = 0; k < 40; k++) {
			u64 va = base + (SLOT_SIZE / 40 * k & ~4095UL);
			u64 v;

			if (slot > 256)
				CHECK_EQ(probe_read((void *)va, &v), TRAP_PF);
			CHECK_EQ(probe_write((void *)va, 0), TRAP_PF);
		}
		CHECK_EQ(probe_write((void *)(base + SLOT_SIZE - 8), 0), TRAP_PF);
	}
}

static void no_mapping_in_there(void)
{
	void *page = alloc_page();

	for (u64 slot = 256; slot <= 271; slot++)
		CHECK(set_pte((void *)(HOLE_START + (slot - 256) * SLOT_SIZE), entry(page, PTE_RW_ENTRY)) < 0);
	CHECK(set_pte((void *)0x0000800000000000UL, entry(page, PTE_RW_ENTRY)) < 0);
}

void test_main(void)
{
	u64 v;

	CHECK_EQ(probe_read((void *)MACH2PHYS_VIRT_START, &v), -1);
	CHECK_EQ(probe_write((void *)MACH2PHYS_VIRT_START, v), TRAP_PF);
	writes_are_refused((u64 *)start_info->pt_base);
	validation_replaces_them();
	nothing_can_be_touched();
	no_mapping_in_there();
}
