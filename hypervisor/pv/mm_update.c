/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mmu_update and update_va_mapping: guests change entries of their page tables. */
#include "pv/mm_internal.h"
#include "x86/x86.h"

#define CHUNK 16 /* requests read, and done, in one go */

/* ---- what all page-table calls share ---- */

int mm_batch_begin(struct mm_batch *b, const u64 a[6], u64 size)
{
	u32 count = (u32)a[1];
	bool continued = count & BATCH_CONTINUED;

	*b = (struct mm_batch){.reqs = a[0], .size = size, .count = count & ~BATCH_CONTINUED, .pdone = a[2]};
	if (!guest_range_ok(b->reqs, b->count * size))
		return -XEN_EFAULT;
	if (continued && b->pdone && !guest_read(&b->before, b->pdone))
		return -XEN_EFAULT;
	return 0;
}

long mm_batch_end(struct mm_batch *b, const u64 a[6], u64 nr, long rc)
{
	u32 done = b->before + b->i;

	/* A guest that cannot be told has lost only that; a continued call would read it, though. */
	if (b->pdone && !guest_write(b->pdone, &done) && rc == -XEN_ERESTART)
		return -XEN_EFAULT;
	if (rc == -XEN_ERESTART) {
		u64 next[] = {b->reqs + b->i * b->size, (b->count - b->i) | BATCH_CONTINUED, a[2], a[3]};

		return hypercall_continue(nr, 4, next);
	}
	return rc;
}

int mm_data_owner(u32 domid, struct domain **out)
{
	struct domain *self = current->domain, *d = NULL;

	if (domid == DOMID_IO)
		d = dom_io;
	else if (domid == DOMID_XEN && self->is_control)
		d = dom_xen;
	if (d)
		*out = get_domain(d) ? d : NULL;
	else if (domid > DOMID_MASK)
		return -XEN_EINVAL;
	else
		*out = domain_get_for_caller((domid_t)domid);
	if (*out)
		return 0;
	return self->is_control ? -XEN_ESRCH : -XEN_EPERM;
}

static bool wants_writable_segdesc(u64 val)
{
	struct page_info *pg = (val & PTE_P) && (val & PTE_RW) ? pt_env_page(pte_mfn(val)) : NULL;

	return pg && pt_type(READ_ONCE(pg->type)) == PT_SEGDESC;
}

int mm_write_l1(struct domain *d, struct page_info *table, u32 slot, u64 val, u32 data_owner, bool keep_ad)
{
	int rc = pt_write_entry(&d->pv->pt, table, slot, val, data_owner, keep_ad);

	/* LDT pages are mapped by faults, behind the guest's back: it cannot be told to let go of them. */
	if (rc == -XEN_EBUSY && wants_writable_segdesc(val) && pv_release_ldt_pages(d))
		rc = pt_write_entry(&d->pv->pt, table, slot, val, data_owner, keep_ad);
	return rc;
}

int mm_flush_va(struct domain *d, u64 va, u64 flags)
{
	u64 type = flags & UVMF_FLUSHTYPE_MASK, where = flags & ~(u64)UVMF_FLUSHTYPE_MASK;
	cpumask_t mask;

	if (type != UVMF_TLB_FLUSH && type != UVMF_INVLPG)
		return 0;
	mask = cpumask_of(smp_cpu_id());
	if (where == UVMF_ALL)
		mask = cpumask_and(&d->dirty_cpus, &cpu_online_map);
	else if (where != UVMF_LOCAL && !pv_vcpumask_to_cpus(d, where, &mask))
		return -XEN_EFAULT;
	if (type == UVMF_TLB_FLUSH)
		tlb_flush_mask(&mask);
	else
		tlb_flush_mask_one(&mask, va);
	return 0;
}

/* ---- mmu_update ---- */

struct update_run {
	struct domain *pt_owner, *data_owner; /* references held */
	u32 data_tag;
};

static void run_end(struct update_run *r)
{
	if (r->pt_owner)
		put_domain(r->pt_owner);
	if (r->data_owner)
		put_domain(r->data_owner);
}

/* @foreign: low 16 bits the owner of the data, high 16 that of the tables + 1 (0 = the caller). */
static int run_begin(struct update_run *r, u32 foreign)
{
	u32 pt_id = foreign >> 16;
	int rc;

	*r = (struct update_run){0};
	r->pt_owner = domain_get_for_caller(pt_id ? (domid_t)(pt_id - 1) : DOMID_SELF);
	if (!r->pt_owner)
		return current->domain->is_control ? -XEN_ESRCH : -XEN_EPERM;
	rc = r->pt_owner->pv ? mm_data_owner(foreign & 0xffff, &r->data_owner) : -XEN_EINVAL;
	if (rc)
		run_end(r);
	else
		r->data_tag = domain_owner_tag(r->data_owner);
	return rc;
}

/* A frame that is no page table now: the guest could write it by itself. */
static int plain_write(struct domain *d, struct page_info *pg, u64 addr, u64 val)
{
	u64 *p = maddr_to_virt(addr);
	int rc = pt_get_plain(pg, PT_WRITABLE, d->pv->pt.owner);

	if (rc)
		return rc;
	WRITE_ONCE(*p, val);
	pt_put_plain(pg);
	return 0;
}

static int update_entry(struct update_run *r, u64 addr, u64 val, bool keep_ad)
{
	struct domain *d = r->pt_owner;
	struct page_info *pg = get_page_by_mfn(maddr_to_mfn(addr), d);
	u32 slot = (addr & ~PAGE_MASK) / sizeof(u64);
	u64 type;
	int rc;

	if (!pg)
		return -XEN_EINVAL;
	type = READ_ONCE(pg->type);
	if (addr & (sizeof(u64) - 1))
		rc = -XEN_EINVAL;
	else if (!pt_level(type) || (type & PT_COUNT) == 0)
		rc = plain_write(d, pg, addr, val);
	else if (pt_type(type) == PT_L1)
		rc = mm_write_l1(d, pg, slot, val, r->data_tag, keep_ad);
	else
		rc = pt_write_entry(&d->pv->pt, pg, slot, val, r->data_tag, keep_ad);
	put_page(pg);
	return rc;
}

static int update_machphys(struct update_run *r, u64 addr, u64 gpfn)
{
	mfn_t m = maddr_to_mfn(addr);
	struct page_info *pg = get_page_by_mfn(m, r->data_owner);

	if (!pg)
		return -XEN_EINVAL;
	m2p_set(m, gpfn);
	put_page(pg);
	return 0;
}

/* Lock held, nothing pending. */
static int update_one(struct update_run *r, const struct mmu_update *req)
{
	u64 addr = req->ptr & ~3ULL;

	switch (req->ptr & 3) {
	case MMU_NORMAL_PT_UPDATE:
	case MMU_PT_UPDATE_NO_TRANSLATE:
		return update_entry(r, addr, req->val, false);
	case MMU_PT_UPDATE_PRESERVE_AD:
		return update_entry(r, addr, req->val, true);
	default: /* MMU_MACHPHYS_UPDATE */
		return update_machphys(r, addr, req->val);
	}
}

/* One chunk under the lock. Advances b->i by what was done. */
static int update_chunk(struct update_run *r, struct mm_batch *b)
{
	struct mmu_update reqs[CHUNK];
	u32 n = MIN(b->count - b->i, (u32)CHUNK);
	int rc;

	if (copy_from_guest_va(reqs, b->reqs + b->i * sizeof(*reqs), n * sizeof(*reqs)))
		return -XEN_EFAULT;
	rc = pv_mm_lock(r->pt_owner);
	if (rc)
		return rc;
	if (r->pt_owner != current->domain && READ_ONCE(r->pt_owner->dying) != DOMDYING_alive)
		rc = -XEN_EINVAL;
	for (u32 k = 0; k < n && !rc; k++) {
		rc = pt_finish(&r->pt_owner->pv->pt);
		if (!rc)
			rc = update_one(r, &reqs[k]);
		if (!rc)
			b->i++;
	}
	pv_mm_unlock(r->pt_owner);
	return rc;
}

/* What an entry that went away left to be taken apart is this call's work. */
static int finish_work(struct domain *d)
{
	int rc = 0;

	if (pv_mm_pending(d)) {
		rc = pv_mm_lock(d);
		if (!rc)
			pv_mm_unlock(d);
	}
	return rc;
}

long hc_mmu_update(const u64 a[6])
{
	struct update_run r;
	struct mm_batch b;
	int rc = mm_batch_begin(&b, a, sizeof(struct mmu_update));

	if (rc)
		return rc;
	rc = run_begin(&r, (u32)a[3]);
	if (rc)
		return rc;
	while (!rc && b.i < b.count) {
		rc = update_chunk(&r, &b);
		if (!rc && b.i < b.count && hypercall_should_preempt())
			rc = -XEN_ERESTART;
	}
	if (!rc)
		rc = finish_work(r.pt_owner);
	run_end(&r);
	return mm_batch_end(&b, a, __HYPERVISOR_mmu_update, rc);
}

/* ---- update_va_mapping ---- */

static long update_va(const u64 a[6], u64 nr, u32 nargs, const struct domain *data_owner)
{
	struct vcpu *v = current;
	struct domain *d = v->domain;
	struct page_info *table;
	u32 slot;
	int rc = pv_mm_lock(d);

	if (!rc) {
		table = pv_walk_l1(v->pv->kernel_l4, a[0], &slot);
		rc = table ? mm_write_l1(d, table, slot, a[1], domain_owner_tag(data_owner), false) : -XEN_EINVAL;
		pv_mm_unlock(d);
	}
	if (rc == -XEN_ERESTART)
		return hypercall_continue(nr, nargs, a);
	return rc ? rc : mm_flush_va(d, a[0], a[2]);
}

long hc_update_va_mapping(const u64 a[6])
{
	return update_va(a, __HYPERVISOR_update_va_mapping, 3, current->domain);
}

long hc_update_va_mapping_otherdomain(const u64 a[6])
{
	struct domain *data_owner;
	long rc = mm_data_owner((u32)a[3], &data_owner);

	if (rc)
		return rc;
	rc = update_va(a, __HYPERVISOR_update_va_mapping_otherdomain, 4, data_owner);
	put_domain(data_owner);
	return rc;
}
