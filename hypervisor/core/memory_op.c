/* SPDX-License-Identifier: GPL-3.0-or-later */
/* XENMEM_*: how much memory a domain has, and what the machine's looks like. Reservation calls return
 * the number of extents done; the rest return 0, a value, or an error. */
#include "core/domain.h"
#include "core/grant.h"
#include "core/hypercall.h"
#include <string.h>

/* Sub-operation number and start extent share the first argument. */
#define MEMOP_EXTENT_SHIFT 6
#define CMD_MASK     ((1u << MEMOP_EXTENT_SHIFT) - 1)
#define CMD(a)       ((u32)(a) & CMD_MASK)
#define DONE(a)      ((u64)(a) >> MEMOP_EXTENT_SHIFT)
#define MAX_EXTENTS  (~0ULL >> MEMOP_EXTENT_SHIFT)
#define MAX_E820     128

/* Larger requests in one step would hold the CPU and the heap too long. */
static u32 max_order(const struct domain *caller)
{
	return caller->is_control ? 12 : 9;
}

static u64 heap_flags(u32 mem_flags)
{
	u32 bits = XENMEMF_get_address_bits(mem_flags);

	return bits ? HEAP_BITS(MAX(bits, (u32)PAGE_SHIFT)) : 0;
}

/* ---- increase, decrease, populate ---- */

static bool write_extent(const struct xen_memory_reservation *r, u64 i, mfn_t mfn)
{
	xen_pfn_t out = mfn.n;

	return handle_write(r->extent_start, i, &out);
}

static bool increase_one(struct domain *d, const struct xen_memory_reservation *r, u64 i)
{
	struct page_info *pg =
	        domain_alloc_pages(d, r->extent_order, heap_flags(r->mem_flags));

	if (!pg)
		return false;
	return handle_is_null(r->extent_start) || write_extent(r, i, page_to_mfn(pg));
}

static bool populate_one(struct domain *d, const struct xen_memory_reservation *r, u64 i)
{
	struct page_info *pg;
	xen_pfn_t gpfn;

	if (!handle_read(&gpfn, r->extent_start, i))
		return false;
	pg = domain_alloc_pages(d, r->extent_order, heap_flags(r->mem_flags));
	if (!pg)
		return false;
	for (u64 j = 0; j < 1ULL << r->extent_order; j++)
		m2p_set(mfn_add(page_to_mfn(pg), j), gpfn + j);
	return write_extent(r, i, page_to_mfn(pg));
}

static bool remove_frame(struct domain *d, mfn_t mfn)
{
	struct page_info *pg = get_page_by_mfn(mfn, d);
	bool ok;

	if (!pg)
		return false;
	m2p_set(mfn, M2P_INVALID);
	ok = domain_release_page(d, pg) == 0;
	put_page(pg);
	return ok;
}

static bool decrease_one(struct domain *d, const struct xen_memory_reservation *r, u64 i)
{
	xen_pfn_t first;

	if (!handle_read(&first, r->extent_start, i))
		return false;
	for (u64 j = 0; j < 1ULL << r->extent_order; j++)
		if (!remove_frame(d, MFN(first + j)))
			return false;
	return true;
}

typedef bool extent_fn(struct domain *d, const struct xen_memory_reservation *r, u64 i);

static long reservation_op(const u64 a[6], extent_fn *fn, bool needs_list)
{
	u64 done = DONE(a[0]);
	struct xen_memory_reservation r;
	struct domain *d;

	if (!guest_read(&r, a[1]) || r.nr_extents > MAX_EXTENTS || done >= r.nr_extents)
		return (long)done;
	if (r.extent_order > max_order(current->domain) ||
	    ((needs_list || !handle_is_null(r.extent_start)) &&
	     !guest_range_ok((u64)r.extent_start.p, r.nr_extents * sizeof(xen_pfn_t))))
		return (long)done;
	d = domain_get_for_caller(r.domid);
	if (!d)
		return (long)done;
	for (u64 first = done; done < r.nr_extents; done++) {
		if (done != first && hypercall_should_preempt()) {
			u64 next[] = {CMD(a[0]) | done << MEMOP_EXTENT_SHIFT, a[1]};

			put_domain(d);
			return hypercall_continue(__HYPERVISOR_memory_op, 2, next);
		}
		if (!fn(d, &r, done))
			break;
	}
	put_domain(d);
	return (long)done;
}

/* ---- exchange ---- */

/* A request up to this many pages happens wholly or not at all; a larger one in such steps. */
#define EXCHANGE_STEP 4096

static void free_all(struct page_list *pages, u32 order)
{
	struct page_info *pg;

	while ((pg = page_list_take(frame_table, pages)) != NULL)
		heap_free(pg, order);
}

/* Gives stolen single pages back to their domain; it had them a moment ago, so it may have them. */
static void exchange_undo(struct domain *d, struct page_list *stolen)
{
	struct page_info *pg;

	while ((pg = page_list_take(frame_table, stolen)) != NULL)
		if (domain_assign_pages(d, pg, 0, 0) != 0)
			heap_free(pg, 0); /* dying, or its limit shrank meanwhile */
}

static long exchange_steal(struct domain *d, const struct xen_memory_exchange *x, u64 first,
                           u64 count, struct page_list *stolen)
{
	for (u64 i = first; i < first + count; i++) {
		xen_pfn_t mfn;

		if (!handle_read(&mfn, x->in.extent_start, i))
			return -XEN_EFAULT;
		for (u64 j = 0; j < 1ULL << x->in.extent_order; j++) {
			struct page_info *pg = get_page_by_mfn(MFN(mfn + j), d);
			int rc;

			if (!pg)
				return -XEN_EINVAL;
			rc = domain_steal_page(d, pg, 0);
			if (rc) {
				put_page(pg);
				return rc;
			}
			/* stolen: our reference went with it, nobody can find the page now */
			page_list_add_tail(frame_table, stolen, pg);
		}
	}
	return 0;
}

static long exchange_alloc(const struct xen_memory_exchange *x, u64 count, struct page_list *fresh)
{
	for (u64 i = 0; i < count; i++) {
		struct page_info *pg =
		        heap_alloc(x->out.extent_order, heap_flags(x->out.mem_flags));

		if (!pg)
			return -XEN_ENOMEM;
		page_list_add_tail(frame_table, fresh, pg);
	}
	return 0;
}

/* The step that gives: its output slots were seen to be readable and writable just before. */
static long exchange_give(struct domain *d, const struct xen_memory_exchange *x, u64 first,
                          struct page_list *fresh)
{
	struct page_info *pg;
	long rc = 0;

	for (u64 i = first; (pg = page_list_take(frame_table, fresh)) != NULL; i++) {
		mfn_t mfn = page_to_mfn(pg);
		xen_pfn_t gpfn;

		if (domain_assign_pages(d, pg, x->out.extent_order, 0) != 0) {
			heap_free(pg, x->out.extent_order);
			rc = -XEN_EINVAL; /* dying */
			continue;
		}
		if (!handle_read(&gpfn, x->out.extent_start, i)) {
			rc = -XEN_EFAULT;
			continue;
		}
		for (u64 j = 0; j < 1ULL << x->out.extent_order; j++)
			m2p_set(mfn_add(mfn, j), gpfn + j);
		if (!write_extent(&x->out, i, mfn))
			rc = -XEN_EFAULT;
	}
	return rc;
}

/* Extents [in_first, +in_n) for [out_first, +out_n): all or nothing, but for a caller that unmaps its
 * arrays while we write them. */
static long exchange_step(struct domain *d, const struct xen_memory_exchange *x, u64 in_first,
                          u64 in_n, u64 out_first, u64 out_n)
{
	struct page_list stolen, fresh;
	struct page_info *pg;
	long rc;

	page_list_init(&stolen);
	page_list_init(&fresh);
	for (u64 i = out_first; i < out_first + out_n; i++) {
		xen_pfn_t gpfn;

		if (!handle_read(&gpfn, x->out.extent_start, i) ||
		    !handle_write(x->out.extent_start, i, &gpfn))
			return -XEN_EFAULT;
	}
	rc = exchange_steal(d, x, in_first, in_n, &stolen);
	if (!rc)
		rc = exchange_alloc(x, out_n, &fresh);
	if (rc) {
		free_all(&fresh, x->out.extent_order);
		exchange_undo(d, &stolen);
		return rc;
	}
	rc = exchange_give(d, x, out_first, &fresh);
	page_list_for_each(pg, frame_table, &stolen)
		m2p_set(page_to_mfn(pg), M2P_INVALID);
	free_all(&stolen, 0);
	return rc;
}

static bool exchange_args_ok(const struct xen_memory_exchange *x)
{
	const struct xen_memory_reservation *in = &x->in, *out = &x->out;
	u32 limit = max_order(current->domain);
	u64 pages;

	if (in->extent_order > limit || out->extent_order > limit || in->domid != out->domid ||
	    in->nr_extents > MAX_EXTENTS >> in->extent_order ||
	    out->nr_extents > MAX_EXTENTS >> out->extent_order)
		return false;
	pages = in->nr_extents << in->extent_order;
	return pages == out->nr_extents << out->extent_order && x->nr_exchanged <= in->nr_extents &&
	       guest_range_ok((u64)in->extent_start.p, in->nr_extents * sizeof(xen_pfn_t)) &&
	       guest_range_ok((u64)out->extent_start.p, out->nr_extents * sizeof(xen_pfn_t));
}

static long memory_exchange(const u64 a[6])
{
	struct xen_memory_exchange x;
	struct domain *d;
	u64 step;
	long rc = 0;

	if (!guest_read(&x, a[1]))
		return -XEN_EFAULT;
	if (!exchange_args_ok(&x))
		return -XEN_EINVAL;
	d = domain_get_for_caller(x.in.domid);
	if (!d)
		return -XEN_ESRCH;

	step = MAX(EXCHANGE_STEP, 1ULL << MAX(x.in.extent_order, x.out.extent_order));
	while (x.nr_exchanged < x.in.nr_extents && !rc) {
		u64 done = x.nr_exchanged << x.in.extent_order;
		u64 pages = MIN(step, (x.in.nr_extents << x.in.extent_order) - done);

		if (done & ((1ULL << x.out.extent_order) - 1)) { /* nobody but a liar resumes here */
			rc = -XEN_EINVAL;
			break;
		}
		rc = exchange_step(d, &x, x.nr_exchanged, pages >> x.in.extent_order,
		                   done >> x.out.extent_order, pages >> x.out.extent_order);
		if (!rc)
			x.nr_exchanged += pages >> x.in.extent_order;
		if (!rc && x.nr_exchanged < x.in.nr_extents && hypercall_should_preempt())
			rc = -XEN_ERESTART;
	}
	put_domain(d);
	if (copy_to_guest_va(a[1] + offsetof(struct xen_memory_exchange, nr_exchanged),
	                     &x.nr_exchanged, sizeof(x.nr_exchanged)))
		return -XEN_EFAULT;
	return rc == -XEN_ERESTART ? hypercall_continue(__HYPERVISOR_memory_op, 2, a) : rc;
}

/* ---- what a domain has ---- */

static long domain_query(u32 cmd, u64 va)
{
	struct xen_memory_domain arg;
	struct domain *d;
	long rc;

	if (!guest_read(&arg, va))
		return -XEN_EFAULT;
	d = domain_get_for_caller(arg.domid);
	if (!d)
		return -XEN_ESRCH;
	switch (cmd) {
	case XENMEM_current_reservation:
		rc = (long)READ_ONCE(d->tot_pages);
		break;
	case XENMEM_maximum_reservation:
		rc = (long)MIN(READ_ONCE(d->max_pages), (u64)INT32_MAX);
		break;
	default: /* XENMEM_maximum_gpfn: a PV guest tells how many it has; before it does, stock says 0 */
		rc = d->shared_info ? (long)(READ_ONCE(d->shared_info->arch.max_pfn) & INT64_MAX)
		                    : -XEN_EINVAL;
		if (rc > 0)
			rc--;
	}
	put_domain(d);
	return rc;
}

static long claim_pages(u64 va)
{
	struct xen_memory_reservation r;
	struct domain *d;
	u64 have;
	long rc;

	if (!current->domain->is_control)
		return -XEN_EPERM;
	if (!guest_read(&r, va))
		return -XEN_EFAULT;
	if (!handle_is_null(r.extent_start) || r.extent_order || r.mem_flags)
		return -XEN_EINVAL;
	d = domain_get_for_caller(r.domid);
	if (!d)
		return -XEN_ESRCH;
	have = READ_ONCE(d->tot_pages);
	if (r.nr_extents == 0)
		rc = heap_claim(d, 0);
	else if (r.nr_extents < have || r.nr_extents > d->max_pages)
		rc = -XEN_EINVAL;
	else
		rc = heap_claim(d, r.nr_extents - have);
	put_domain(d);
	return rc;
}

/* ---- maps of memory ---- */

static long copy_map_out(u64 va, const struct e820_entry *e, u32 n)
{
	struct xen_memory_map map;

	if (!guest_read(&map, va))
		return -XEN_EFAULT;
	if (handle_is_null(map.buffer)) {
		map.nr_entries = n; /* asked for the size */
	} else {
		if (map.nr_entries < n)
			return -XEN_EINVAL;
		map.nr_entries = n;
		if (copy_to_guest_va((u64)map.buffer.p, e, n * sizeof(*e)))
			return -XEN_EFAULT;
	}
	return guest_write(va, &map) ? 0 : -XEN_EFAULT;
}

static long memory_map(u64 va)
{
	struct domain *d = current->domain;
	struct e820_entry *copy;
	u32 n;
	long rc;

	copy = xzalloc_array(struct e820_entry, MAX_E820);
	if (!copy)
		return -XEN_ENOMEM;
	spin_lock(&d->lock);
	n = d->nr_e820;
	if (d->e820)
		memcpy(copy, d->e820, n * sizeof(*copy));
	spin_unlock(&d->lock);
	rc = n ? copy_map_out(va, copy, n) : -XEN_ENOSYS;
	xfree(copy);
	return rc;
}

static long machine_memory_map(u64 va)
{
	const struct e820_entry *e;
	u32 n = machine_e820(&e);

	return current->domain->is_control ? copy_map_out(va, e, n) : -XEN_EPERM;
}

static long set_memory_map(u64 va)
{
	struct xen_foreign_memory_map fmap;
	struct e820_entry *fresh, *old;
	struct domain *d;

	if (!guest_read(&fmap, va))
		return -XEN_EFAULT;
	if (!current->domain->is_control)
		return -XEN_EPERM;
	if (fmap.map.nr_entries > MAX_E820)
		return -XEN_EINVAL;
	fresh = xzalloc_array(struct e820_entry, MAX_E820);
	if (!fresh)
		return -XEN_ENOMEM;
	if (copy_from_guest_va(fresh, (u64)fmap.map.buffer.p,
	                       fmap.map.nr_entries * sizeof(*fresh))) {
		xfree(fresh);
		return -XEN_EFAULT;
	}
	d = domain_get_for_caller(fmap.domid);
	if (!d) {
		xfree(fresh);
		return -XEN_ESRCH;
	}
	spin_lock(&d->lock);
	old = d->e820;
	d->e820 = fresh;
	d->nr_e820 = fmap.map.nr_entries;
	spin_unlock(&d->lock);
	put_domain(d);
	xfree(old);
	return 0;
}

static long machphys_mapping(u64 va)
{
	struct xen_machphys_mapping m = {
	        .v_start = MACH2PHYS_VIRT_START,
	        .v_end = MACH2PHYS_VIRT_END,
	        .max_mfn = MACH2PHYS_NR_ENTRIES - 1,
	};

	return guest_write(va, &m) ? 0 : -XEN_EFAULT;
}

/* One MFN for each 2 MiB of the table. A hole shows the nearest chunk below it, never MFN 0, since
 * the toolstack maps every entry it is given. */
static long machphys_mfn_list(u64 va)
{
	u64 chunks = DIV_ROUND_UP(max_mfn * sizeof(u64), 2ULL << 20);
	struct xen_machphys_mfn_list list;
	xen_pfn_t last = 0;
	u32 i;

	if (!guest_read(&list, va))
		return -XEN_EFAULT;
	for (i = 0; i < list.max_extents && i < chunks; i++) {
		mfn_t m = machine_m2p_chunk(i);

		if (m.n)
			last = m.n;
		if (!handle_write(list.extent_start, i, &last))
			return -XEN_EFAULT;
	}
	list.nr_extents = i;
	return guest_write(va, &list) ? 0 : -XEN_EFAULT;
}

/* ---- resources ---- */

static long acquire_frames(struct domain *d, const struct xen_mem_acquire_resource *r)
{
	for (u32 i = 0; i < r->nr_frames; i++) {
		mfn_t mfn;
		xen_pfn_t out;
		int rc = grant_frame_mfn(d, (u32)r->frame + i, &mfn);

		if (rc)
			return rc;
		out = mfn.n;
		if (!handle_write(r->frame_list, i, &out))
			return -XEN_EFAULT;
	}
	return 0;
}

static long acquire_resource(u64 va)
{
	struct xen_mem_acquire_resource r;
	struct domain *d;
	u32 frames;
	long rc;

	if (!guest_read(&r, va))
		return -XEN_EFAULT;
	if (r.pad)
		return -XEN_EINVAL;
	if (!current->domain->is_control)
		return -XEN_EPERM;
	d = domain_get_by_id(r.domid);
	if (!d)
		return -XEN_ESRCH;
	if (r.type != XENMEM_resource_grant_table || !d->grant) {
		rc = -XEN_EOPNOTSUPP;
	} else if (r.id != XENMEM_resource_grant_table_id_shared) {
		rc = -XEN_EINVAL; /* status frames belong to version 2 */
	} else {
		frames = grant_max_frames(d);
		if (handle_is_null(r.frame_list)) {
			rc = r.nr_frames ? -XEN_EINVAL : 0;
			r.nr_frames = frames;
			if (!rc && !guest_write(va, &r))
				rc = -XEN_EFAULT;
		} else if (r.frame > frames || r.nr_frames > frames - r.frame) {
			rc = -XEN_EINVAL;
		} else {
			rc = acquire_frames(d, &r);
		}
	}
	put_domain(d);
	return rc;
}

static long reserved_device_memory(u64 va)
{
	struct xen_reserved_device_memory_map m;

	if (!current->domain->is_control)
		return -XEN_EPERM;
	if (!guest_read(&m, va))
		return -XEN_EFAULT;
	if (m.flags & ~XENMEM_RDM_ALL)
		return -XEN_EINVAL;
	m.nr_entries = 0; /* no IOMMU is in use, so no region is reserved for one */
	return guest_write(va, &m) ? 0 : -XEN_EFAULT;
}

/* For guests with a translated physmap only; the caller's right to name the domain comes first. */
static long physmap_op(u64 va)
{
	domid_t id;
	struct domain *d;

	if (copy_from_guest_va(&id, va, sizeof(id)))
		return -XEN_EFAULT;
	d = domain_get_for_caller(id);
	if (!d)
		return -XEN_ESRCH;
	put_domain(d);
	return -XEN_EACCES;
}

long hc_memory_op(const u64 a[6])
{
	u32 cmd = CMD(a[0]);

	switch (cmd) {
	case XENMEM_increase_reservation:
		return reservation_op(a, increase_one, false);
	case XENMEM_decrease_reservation:
		return reservation_op(a, decrease_one, true);
	case XENMEM_populate_physmap:
		return reservation_op(a, populate_one, true);
	}
	if (DONE(a[0]) != 0)
		return -XEN_EINVAL;

	switch (cmd) {
	case XENMEM_exchange:
		return memory_exchange(a);
	case XENMEM_maximum_ram_page:
		return (long)max_mfn;
	case XENMEM_current_reservation:
	case XENMEM_maximum_reservation:
	case XENMEM_maximum_gpfn:
		return domain_query(cmd, a[1]);
	case XENMEM_machphys_mfn_list:
		return machphys_mfn_list(a[1]);
	case XENMEM_machphys_mapping:
		return machphys_mapping(a[1]);
	case XENMEM_memory_map:
		return memory_map(a[1]);
	case XENMEM_machine_memory_map:
		return machine_memory_map(a[1]);
	case XENMEM_set_memory_map:
		return set_memory_map(a[1]);
	case XENMEM_claim_pages:
		return claim_pages(a[1]);
	case XENMEM_acquire_resource:
		return acquire_resource(a[1]);
	case XENMEM_reserved_device_memory_map:
		return reserved_device_memory(a[1]);
	case XENMEM_add_to_physmap:
	case XENMEM_add_to_physmap_batch:
	case XENMEM_remove_from_physmap:
		return physmap_op(a[1]);
	case XENMEM_get_sharing_freed_pages:
	case XENMEM_get_sharing_shared_pages:
		return 0; /* pages are never shared behind guests' backs */
	case XENMEM_get_vnumainfo:
		return -XEN_EOPNOTSUPP; /* no guest has virtual NUMA nodes */
	case XENMEM_set_pod_target:
	case XENMEM_get_pod_target:
		return -XEN_EINVAL; /* HVM only */
	default:
		return -XEN_ENOSYS;
	}
}
