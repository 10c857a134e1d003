/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames of domains: whose they are, how they come and go, pages of the hypervisor's that guests may
 * map, and the machine-to-physical table. */
#include "core/mm.h"
#include "core/domain.h"
#include "core/hypercall.h"
#include <string.h>

#define M2P_WRITE ((u64 *)0xffff818000000000UL) /* its writable alias; see docs/memory-map */

u32 domain_owner_tag(const struct domain *d)
{
	return d ? (u32)virt_to_mfn(d).n : 0;
}

struct domain *page_owner(const struct page_info *pg)
{
	u32 tag = READ_ONCE(pg->owner);

	return tag ? mfn_to_virt(MFN(tag)) : NULL;
}

bool get_page(struct page_info *pg, const struct domain *d)
{
	return pt_ref(pg, domain_owner_tag(d));
}

void put_page(struct page_info *pg)
{
	pt_unref(pg);
}

struct page_info *get_page_by_mfn(mfn_t m, const struct domain *d)
{
	struct page_info *pg = mfn_valid(m) ? mfn_to_page(m) : NULL;

	return pg && get_page(pg, d) ? pg : NULL;
}

int get_page_type(struct page_info *pg, u64 type)
{
	return pt_get_plain(pg, type, pg->owner);
}

void put_page_type(struct page_info *pg)
{
	pt_put_plain(pg);
}

bool get_page_and_type(struct page_info *pg, struct domain *d, u64 type)
{
	if (!get_page(pg, d))
		return false;
	if (type == PT_NONE || get_page_type(pg, type) == 0)
		return true;
	put_page(pg);
	return false;
}

void put_page_and_type(struct page_info *pg)
{
	put_page_type(pg);
	put_page(pg);
}

/* ---- the environment of logic/page_type.c, save what is about guests' address spaces (pv/mm.c) ---- */

u64 *pt_env_table(const struct page_info *pg)
{
	return page_to_virt(pg);
}

struct page_info *pt_env_page(mfn_t m)
{
	return mfn_valid(m) ? mfn_to_page(m) : NULL;
}

mfn_t pt_env_mfn(const struct page_info *pg)
{
	return page_to_mfn(pg);
}

u32 pt_env_tlb_clock(void)
{
	return tlb_clock();
}

void pt_env_flush(const struct page_info *pg, bool foreign, u32 stamp)
{
	const struct domain *d = page_owner(pg);
	cpumask_t mask = cpu_online_map;

	if (d && !foreign)
		mask = cpumask_and(&mask, &d->dirty_cpus);
	tlb_filter(&mask, stamp);
	if (!cpumask_empty(&mask))
		tlb_flush_mask(&mask);
}

bool pt_env_preempt(void)
{
	return hypercall_should_preempt();
}

void pt_env_relax(void)
{
	cpu_relax();
}

bool pt_env_owner_mappable(u32 owner)
{
	const struct domain *d = owner ? mfn_to_virt(MFN(owner)) : NULL;

	return d && !d->is_special && !d->is_idle; /* dom_xen's must be asked for by DOMID_XEN */
}

/* ---- coming and going ---- */

/* A domain that has pages stays in memory until the last is gone. Lock: page_alloc_lock. */
static bool count_pages(struct domain *d, u64 add)
{
	if (d->tot_pages == 0 && !get_domain(d))
		return false;
	d->tot_pages += add;
	return true;
}

/* True: the caller drops the domain's reference for its pages, after unlocking. */
static bool uncount_pages(struct domain *d, u64 n)
{
	d->tot_pages -= n;
	return d->tot_pages == 0;
}

int domain_assign_pages(struct domain *d, struct page_info *pg, u32 order, u64 memf)
{
	u64 n = 1ULL << order;
	int rc = 0;

	spin_lock(&d->page_alloc_lock);
	if (d->dying != DOMDYING_alive)
		rc = -XEN_EINVAL;
	else if (!(memf & MEMF_NO_COUNT) && (d->tot_pages > d->max_pages || n > d->max_pages - d->tot_pages))
		rc = -XEN_ENOMEM;
	else if (!(memf & MEMF_NO_COUNT) && !count_pages(d, n))
		rc = -XEN_EINVAL;
	if (!rc) {
		for (u64 i = 0; i < n; i++) {
			WRITE_ONCE(pg[i].owner, domain_owner_tag(d));
			page_list_add_tail(frame_table, &d->page_list, &pg[i]);
			/* from now on others may find it */
			__atomic_store_n(&pg[i].count, PC_ALLOCATED | 1, __ATOMIC_RELEASE);
		}
	}
	spin_unlock(&d->page_alloc_lock);
	return rc;
}

struct page_info *domain_alloc_pages(struct domain *d, u32 order, u64 heap_flags)
{
	struct page_info *pg = heap_alloc_for(d, order, heap_flags);

	if (!pg)
		return NULL;
	if (domain_assign_pages(d, pg, order, 0) == 0)
		return pg;
	heap_free(pg, order);
	return NULL;
}

int domain_release_page(struct domain *d, struct page_info *pg)
{
	u64 old = __atomic_load_n(&pg->count, __ATOMIC_RELAXED);

	do {
		if (!(old & PC_ALLOCATED) || (old & PC_XEN)) /* those are the hypervisor's to release */
			return -XEN_EINVAL;
	} while (!__atomic_compare_exchange_n(&pg->count, &old, old & ~PC_ALLOCATED, false,
	                                      __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
	put_page(pg);
	return 0;
}

/* Takes a frame without references off its domain's lists; it is nobody's then. Lock: page_alloc_lock. */
static void disown(struct domain *d, struct page_info *pg)
{
	struct page_list *on = pg->count & PC_XEN       ? &d->xenpage_list
	                       : pg->count & PC_LEAVING ? &d->leaving_list
	                                                : &d->page_list;

	page_list_del(frame_table, on, pg);
	WRITE_ONCE(pg->owner, 0);
	pg->count = 0;
}

int domain_steal_page(struct domain *d, struct page_info *pg, u64 memf)
{
	u64 expect = PC_ALLOCATED | 2; /* type references come with general ones: there are none then */
	bool last = false;

	if (!__atomic_compare_exchange_n(&pg->count, &expect, 0, false, __ATOMIC_SEQ_CST,
	                                 __ATOMIC_RELAXED))
		return -XEN_EINVAL;
	spin_lock(&d->page_alloc_lock);
	disown(d, pg);
	if (!(memf & MEMF_NO_COUNT))
		last = uncount_pages(d, 1);
	spin_unlock(&d->page_alloc_lock);
	if (last)
		put_domain(d);
	return 0;
}

/* The last general reference is gone, so the last type reference is too. */
void pt_env_free(struct page_info *pg)
{
	struct domain *d = page_owner(pg);
	bool xen = pg->count & PC_XEN, last = false;

	ASSERT(d);
	spin_lock(&d->page_alloc_lock);
	disown(d, pg);
	if (xen)
		d->xen_pages--;
	else
		last = uncount_pages(d, 1);
	spin_unlock(&d->page_alloc_lock);
	m2p_set(page_to_mfn(pg), M2P_INVALID);
	pg->type = PT_NONE; /* heap_alloc() sees to stale translations */
	if (xen)
		free_xen_page(page_to_virt(pg));
	else
		heap_free(pg, 0);
	if (last)
		put_domain(d);
}

struct page_info *domain_leave_page(struct domain *d)
{
	struct page_info *pg;

	spin_lock(&d->page_alloc_lock);
	while ((pg = page_list_take(frame_table, &d->page_list)) != NULL) {
		page_list_add_tail(frame_table, &d->leaving_list, pg);
		__atomic_fetch_or(&pg->count, PC_LEAVING, __ATOMIC_SEQ_CST);
		if (get_page(pg, d))
			break; /* else it is just being freed, which takes it off the list */
	}
	spin_unlock(&d->page_alloc_lock);
	return pg;
}

void domain_leave_later(struct domain *d, struct page_info *pg)
{
	spin_lock(&d->page_alloc_lock);
	page_list_del(frame_table, &d->leaving_list, pg);
	__atomic_fetch_and(&pg->count, ~PC_LEAVING, __ATOMIC_SEQ_CST);
	page_list_add(frame_table, &d->page_list, pg);
	spin_unlock(&d->page_alloc_lock);
	put_page(pg);
}

/* ---- pages of the hypervisor's that guests may map ---- */

static void xenpage_enlist(struct domain *d, struct page_info *pg)
{
	spin_lock(&d->page_alloc_lock);
	WRITE_ONCE(pg->owner, domain_owner_tag(d));
	page_list_add_tail(frame_table, &d->xenpage_list, pg);
	d->xen_pages++;
	spin_unlock(&d->page_alloc_lock);
}

void share_xen_page(struct domain *d, void *page, bool readonly)
{
	struct page_info *pg = virt_to_page(page);

	/* One type reference forever, so that the type never changes: nobody gets PT_WRITABLE on a
	 * frame whose type is PT_NONE with a reference. */
	pg->type = (readonly ? PT_NONE : PT_WRITABLE) | PT_VALIDATED | 1;
	xenpage_enlist(d, pg);
	__atomic_store_n(&pg->count, PC_ALLOCATED | PC_XEN | 1, __ATOMIC_RELEASE);
}

/* @d may be about to vanish while others still map the page, so it becomes dom_xen's first. Those only put
 * their references, which does not ask whose it is. */
void unshare_xen_page(struct domain *d, void *page)
{
	struct page_info *pg = virt_to_page(page);

	ASSERT(page_owner(pg) == d);
	memset(page, 0, PAGE_SIZE);
	spin_lock(&d->page_alloc_lock);
	page_list_del(frame_table, &d->xenpage_list, pg);
	d->xen_pages--;
	spin_unlock(&d->page_alloc_lock);
	xenpage_enlist(dom_xen, pg);
	__atomic_fetch_and(&pg->count, ~PC_ALLOCATED, __ATOMIC_SEQ_CST);
	put_page(pg);
}

/* ---- machine to physical ---- */

void m2p_set(mfn_t m, u64 gpfn)
{
	if (mfn_valid(m)) /* the table is sparse like RAM */
		WRITE_ONCE(M2P_WRITE[m.n], gpfn);
}

u64 m2p_get(mfn_t m)
{
	return mfn_valid(m) ? READ_ONCE(M2P_WRITE[m.n]) : M2P_INVALID;
}

void m2p_share(void)
{
	u64 chunks = DIV_ROUND_UP(max_mfn * sizeof(u64), 2UL << 20);

	for (u64 c = 0; c < chunks; c++) {
		mfn_t first = machine_m2p_chunk(c);

		for (u64 i = 0; first.n && i < 512; i++)
			if (mfn_valid(mfn_add(first, i)) && !mfn_to_page(mfn_add(first, i))->owner)
				share_xen_page(dom_xen, mfn_to_virt(mfn_add(first, i)), true);
	}
}
