/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mappings of granted frames in the current guest's page tables. The entry holds references of its own
 * on the frame, so it is safe even if the guest overwrites it behind the grant table's back. */
#include "core/grant.h"
#include "pv/mm_internal.h"
#include <string.h>

#define PTE_AVAIL_SHIFT 9
#define GUEST_AVAIL_BITS 7u

/* An L1 entry, referenced (put_page) and found under the lock. */
struct l1_slot {
	struct page_info *table;
	u32 slot;
};

/* With @is_pte @addr is the entry's machine address, else a virtual address that it maps. Lock held. */
static bool find_slot(u64 addr, bool is_pte, struct l1_slot *out)
{
	struct vcpu *v = current;
	u64 type;

	if (!is_pte) {
		out->table = pv_walk_l1(v->pv->kernel_l4, addr, &out->slot);
		return out->table && get_page(out->table, v->domain);
	}
	if (addr & (sizeof(u64) - 1))
		return false;
	out->table = get_page_by_mfn(maddr_to_mfn(addr), v->domain);
	out->slot = (addr & ~PAGE_MASK) / sizeof(u64);
	if (!out->table)
		return false;
	type = READ_ONCE(out->table->type);
	if (pt_type(type) == PT_L1 && (type & PT_VALIDATED) && (type & PT_COUNT))
		return true;
	put_page(out->table);
	return false;
}

static int bad_address(u32 flags)
{
	return flags & GNTMAP_contains_pte ? GNTST_general_error : GNTST_bad_virt_addr;
}

int pv_grant_map(u64 host_addr, mfn_t frame, u32 flags, bool readonly)
{
	struct domain *d = current->domain;
	u64 bits = PTE_A | PTE_D | (u64)(flags >> _GNTMAP_guest_avail0 & GUEST_AVAIL_BITS) << PTE_AVAIL_SHIFT;
	struct page_info *pg = pt_env_page(frame);
	struct l1_slot at;
	int rc = GNTST_general_error;

	if (!pg || !d->pv)
		return GNTST_general_error;
	if (!readonly)
		bits |= PTE_RW;
	spin_lock(&d->pv->mm_lock);
	if (!find_slot(host_addr, flags & GNTMAP_contains_pte, &at)) {
		rc = bad_address(flags);
	} else {
		if (pt_map_granted(&d->pv->pt, at.table, at.slot, pg, bits) == 0)
			rc = GNTST_okay;
		put_page(at.table);
	}
	spin_unlock(&d->pv->mm_lock);
	return rc;
}

/* The entry must show that very frame: else the guest could end the use of a grant that it still maps. */
static bool slot_maps(const struct l1_slot *at, mfn_t frame)
{
	u64 e = READ_ONCE(pt_env_table(at->table)[at->slot]);

	return (e & PTE_P) && mfn_eq(pte_mfn(e), frame);
}

static int unmap_slot(struct domain *d, struct l1_slot *at, u64 replace_va)
{
	struct l1_slot from;
	int rc;

	if (!replace_va)
		return pt_write_entry(&d->pv->pt, at->table, at->slot, 0, d->pv->pt.owner, false);
	if (!find_slot(replace_va, false, &from))
		return -XEN_EINVAL;
	rc = pt_move_entry(&d->pv->pt, from.table, from.slot, at->table, at->slot);
	put_page(from.table);
	return rc;
}

int pv_grant_unmap(u64 host_addr, mfn_t frame, u32 flags, u64 replace_va)
{
	struct domain *d = current->domain;
	struct l1_slot at;
	int rc = GNTST_general_error;

	if (!d->pv)
		return GNTST_general_error;
	spin_lock(&d->pv->mm_lock);
	if (!find_slot(host_addr, flags & GNTMAP_contains_pte, &at)) {
		rc = bad_address(flags);
	} else {
		if (slot_maps(&at, frame) && unmap_slot(d, &at, replace_va) == 0)
			rc = GNTST_okay;
		put_page(at.table);
	}
	spin_unlock(&d->pv->mm_lock);
	return rc;
}
