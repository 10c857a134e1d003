/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whose frames may be mapped. dom0 owns its memory, may map devices, and other domains' frames only by saying
 * so. Here are all kinds of frames that are not for it: the hypervisor's own memory (each MiB of the machine's
 * RAM is tried, and exactly what the M2P calls ours may be mapped), interrupt controllers, frames that do not
 * exist, frames said to be another's or a device's that are not.
 */
#include "lib/pt.h"

const char test_title[] = "pt_foreign_frames";

static void *window;
static u64 window_pte;

static long map_as(u64 mfn, u64 flags, u32 owner)
{
	return update_maddr(window_pte, mfn << 12 | flags, MMU_NORMAL_PT_UPDATE, owner);
}

static bool is_ours(u64 mfn)
{
	u64 pfn;

	if (probe_read((u64 *)MACH2PHYS_VIRT_START + mfn, &pfn) != -1 || pfn >= start_info->nr_pages)
		return false;
	return pfn_to_mfn(pfn) == mfn;
}

static void every_frame_of_ram(void)
{
	struct {
		u64 addr, size;
		u32 type;
	} __attribute__((packed)) map[64];
	struct xen_memory_map arg = {.nr_entries = 64};
	u32 others = 0;

	set_xen_guest_handle(arg.buffer, map);
	CHECK_EQ(hc_memory_op(XENMEM_machine_memory_map, &arg), 0);
	for (u32 i = 0; i < arg.nr_entries; i++) {
		if (map[i].type != 1)
			continue;
		for (u64 mfn = map[i].addr >> 12; mfn + 1 <= (map[i].addr + map[i].size) >> 12; mfn += 13) {
			if (is_ours(mfn))
				continue;
			others++;
			if (map_as(mfn, PTE_RO_ENTRY, DOMID_SELF) == 0)
				test_failure("frame %lx is not ours and could be mapped", mfn);
		}
	}
	printk("%u frames of others refused\n", others);
	CHECK(others > 16);
}

void test_main(void)
{
	u64 own;

	window = alloc_page();
	own = va_to_mfn(alloc_page());
	(void)pte_of(window, &window_pte);
	every_frame_of_ram();

	CHECK(map_as(0xfee00, PTE_RW_ENTRY, DOMID_SELF) < 0); /* local APIC */
	CHECK(map_as(0xfee01, PTE_RO_ENTRY, DOMID_SELF) < 0); /* where MSIs go */
	CHECK(map_as(0xfec00, PTE_RW_ENTRY, DOMID_SELF) < 0); /* I/O APIC */
	CHECK(map_as(1UL << 39, PTE_RO_ENTRY, DOMID_SELF) < 0);
	CHECK(map_as((1UL << 40) - 1, PTE_RO_ENTRY, DOMID_SELF) < 0);
	CHECK_EQ(map_as(0xb0000, PTE_RW_ENTRY | PTE_PCD, DOMID_SELF), 0); /* a device: PCI's MMCFG */
	CHECK_EQ(map_as(0xb0000, PTE_RW_ENTRY | PTE_PCD, DOMID_IO), 0);
	CHECK(map_as(own, PTE_RO_ENTRY, DOMID_IO) < 0);       /* memory is no device */
	CHECK(map_as(own, PTE_RO_ENTRY, DOMID_XEN) < 0);      /* nor the hypervisor's */
	CHECK(map_as(own, PTE_RO_ENTRY, 77) < 0);             /* nor of a domain that is not */
	CHECK(map_as(own, PTE_RO_ENTRY, DOMID_INVALID) < 0);
	CHECK(map_as(own, PTE_RO_ENTRY, 78U << 16 | DOMID_SELF) < 0); /* nor are the tables */
	CHECK_EQ(map_as(own, PTE_RO_ENTRY, DOMID_SELF), 0);
	CHECK_EQ(map_as(own, PTE_RO_ENTRY, 1U << 16 | DOMID_SELF), 0); /* the caller as table owner: id 0 + 1 */
	/* a table below of another is never had: device and hypervisor frames in upper entries */
	CHECK(update_entry(l2e_of(window, NULL) + 1, 0xb0000000UL | PTE_RW_ENTRY) < 0);
	CHECK(update_entry(l2e_of(window, NULL) + 1, 0x200000UL | PTE_RW_ENTRY) < 0);
	/* tables are written by their machine address only if they are ours */
	CHECK(update_maddr(0x200000, 0, MMU_NORMAL_PT_UPDATE, DOMID_SELF) < 0);
	CHECK(update_maddr(0xfee00000, 0, MMU_NORMAL_PT_UPDATE, DOMID_SELF) < 0);
	CHECK(update_maddr(~7UL, 0, MMU_NORMAL_PT_UPDATE, DOMID_SELF) < 0);
	CHECK(update_maddr(0x200000, 5, MMU_MACHPHYS_UPDATE, DOMID_SELF) < 0);
	CHECK(mmuext(MMUEXT_CLEAR_PAGE, 0x200, 0) < 0);
	CHECK(mmuext(MMUEXT_COPY_PAGE, 0x200, own) < 0);
	CHECK(mmuext(MMUEXT_COPY_PAGE, own, 0x200) < 0);
}
