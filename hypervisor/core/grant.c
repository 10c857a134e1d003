/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Grant tables, version 1.
 *
 * A use of a grant is counted in the granter's active entry (granter's lock) and, when it is a
 * mapping, remembered in the mapper's maptrack under a handle (mapper's lock). The two locks are
 * never held together: a handle is reserved first and comes alive last, and ending a mapping marks
 * the handle busy first, so that two racing unmaps of one handle cannot both succeed.
 *
 * References: the first use of a grant takes a general reference on its frame, the first writing use
 * a PT_WRITABLE one; they are dropped with the last use, after the mapper's TLBs were flushed. The
 * page-table entries of the mapper hold their own (pv_grant_map), so nothing depends on what the
 * guest does to its tables meanwhile.
 */
#include "core/grant.h"
#include "logic/grant.h"
#include <string.h>

#define ENTRIES_PER_FRAME  (PAGE_SIZE / sizeof(struct grant_entry_v1))
#define HANDLES_PER_CHUNK  (PAGE_SIZE / sizeof(struct maptrack))
#define DEFAULT_MAX_FRAMES 64
#define LIMIT_MAX_FRAMES   4096
#define DEFAULT_MAX_CHUNKS 1024
#define LIMIT_MAX_CHUNKS   65536
#define NO_HANDLE          (~0U)
#define UNMAP_BATCH        32

#define MT_LIVE BIT(15) /* usable by its guest */
#define MT_BUSY BIT(14) /* being unmapped */

/* One mapping of another domain's grant; or, when free, @ref is the next free handle. */
struct maptrack {
	u32 ref;
	domid_t domid; /* the granter */
	u16 flags;     /* GNTMAP_device_map, _host_map, _readonly, _contains_pte; MT_* */
};

struct grant_table {
	spinlock_t lock; /* all below */
	u32 nr_frames, max_frames;
	struct grant_entry_v1 **shared; /* [max_frames] pages shared with the guest */
	struct grant_active **active;   /* [max_frames] arrays of ENTRIES_PER_FRAME */
	u32 nr_chunks, max_chunks;
	struct maptrack **maptrack;     /* [max_chunks] pages */
	u32 free_handle;
	u32 release_next;               /* grant_domain_release_maps() goes on here */
};

static struct grant_entry_v1 *shared_entry(struct grant_table *gt, u32 ref)
{
	return &gt->shared[ref / ENTRIES_PER_FRAME][ref % ENTRIES_PER_FRAME];
}

static struct grant_active *active_entry(struct grant_table *gt, u32 ref)
{
	return &gt->active[ref / ENTRIES_PER_FRAME][ref % ENTRIES_PER_FRAME];
}

static struct maptrack *maptrack_entry(struct grant_table *gt, u32 handle)
{
	if (handle >= gt->nr_chunks * HANDLES_PER_CHUNK)
		return NULL;
	return &gt->maptrack[handle / HANDLES_PER_CHUNK][handle % HANDLES_PER_CHUNK];
}

/* ---- the table's frames ---- */

/* Lock held. */
static int grow_one(struct domain *d, struct grant_table *gt)
{
	struct grant_active *active = xzalloc_array(struct grant_active, ENTRIES_PER_FRAME);
	void *frame = alloc_xen_page();

	if (!active || !frame) {
		xfree(active);
		if (frame)
			free_xen_page(frame);
		return -XEN_ENOMEM;
	}
	share_xen_page(d, frame, false);
	gt->active[gt->nr_frames] = active;
	gt->shared[gt->nr_frames] = frame;
	gt->nr_frames++;
	return 0;
}

/* Lock held. Makes the table at least @frames long. */
static int grow_to(struct domain *d, struct grant_table *gt, u32 frames)
{
	if (frames > gt->max_frames)
		return -XEN_EINVAL;
	while (gt->nr_frames < frames) {
		int rc = grow_one(d, gt);

		if (rc)
			return rc;
	}
	return 0;
}

int grant_domain_init(struct domain *d, u32 max_frames, u32 max_maptrack)
{
	struct grant_table *gt = xzalloc(struct grant_table);

	if (!gt)
		return -XEN_ENOMEM;
	if ((s32)max_frames < 0)
		max_frames = DEFAULT_MAX_FRAMES;
	if ((s32)max_maptrack < 0)
		max_maptrack = DEFAULT_MAX_CHUNKS;
	spin_lock_init(&gt->lock, LOCK_GRANT, "grant");
	gt->max_frames = MAX(1U, MIN(max_frames, (u32)LIMIT_MAX_FRAMES));
	gt->max_chunks = MIN(max_maptrack, (u32)LIMIT_MAX_CHUNKS);
	gt->free_handle = NO_HANDLE;
	gt->shared = xzalloc_array(struct grant_entry_v1 *, gt->max_frames);
	gt->active = xzalloc_array(struct grant_active *, gt->max_frames);
	gt->maptrack = xzalloc_array(struct maptrack *, MAX(gt->max_chunks, 1U));
	d->grant = gt;
	if (!gt->shared || !gt->active || !gt->maptrack || grow_one(d, gt)) {
		grant_domain_free(d);
		return -XEN_ENOMEM;
	}
	return 0;
}

void grant_domain_free(struct domain *d)
{
	struct grant_table *gt = d->grant;

	if (!gt)
		return;
	for (u32 i = 0; i < gt->nr_frames; i++) {
		unshare_xen_page(d, gt->shared[i]);
		xfree(gt->active[i]);
	}
	for (u32 i = 0; i < gt->nr_chunks; i++)
		free_xen_page(gt->maptrack[i]);
	xfree(gt->shared);
	xfree(gt->active);
	xfree(gt->maptrack);
	xfree(gt);
	d->grant = NULL;
}

int grant_frame_mfn(struct domain *d, u32 idx, mfn_t *out)
{
	struct grant_table *gt = d->grant;
	int rc;

	if (idx >= gt->max_frames)
		return -XEN_EINVAL;
	spin_lock(&gt->lock);
	rc = d->dying ? -XEN_EINVAL : grow_to(d, gt, idx + 1);
	if (!rc)
		*out = virt_to_mfn(gt->shared[idx]);
	spin_unlock(&gt->lock);
	return rc;
}

u32 grant_max_frames(struct domain *d)
{
	return d->grant->max_frames;
}

/* ---- handles ---- */

/* Lock held. */
static bool add_chunk(struct grant_table *gt)
{
	struct maptrack *chunk;
	u32 first = gt->nr_chunks * HANDLES_PER_CHUNK;

	if (gt->nr_chunks == gt->max_chunks || !(chunk = alloc_xen_page()))
		return false;
	for (u32 i = 0; i < HANDLES_PER_CHUNK; i++)
		chunk[i].ref = i + 1 < HANDLES_PER_CHUNK ? first + i + 1 : NO_HANDLE;
	gt->maptrack[gt->nr_chunks++] = chunk;
	gt->free_handle = first;
	return true;
}

static u32 handle_reserve(struct grant_table *gt)
{
	u32 handle = NO_HANDLE;

	spin_lock(&gt->lock);
	if (gt->free_handle != NO_HANDLE || add_chunk(gt)) {
		struct maptrack *mt = maptrack_entry(gt, gt->free_handle);

		handle = gt->free_handle;
		gt->free_handle = mt->ref;
		mt->flags = 0;
	}
	spin_unlock(&gt->lock);
	return handle;
}

static void handle_free(struct grant_table *gt, u32 handle)
{
	struct maptrack *mt;

	spin_lock(&gt->lock);
	mt = maptrack_entry(gt, handle);
	mt->flags = 0;
	mt->ref = gt->free_handle;
	gt->free_handle = handle;
	spin_unlock(&gt->lock);
}

/* Makes a reserved or busy handle usable with these contents. */
static void handle_publish(struct grant_table *gt, u32 handle, struct maptrack mt)
{
	spin_lock(&gt->lock);
	mt.flags = (mt.flags & (u16)~MT_BUSY) | MT_LIVE;
	*maptrack_entry(gt, handle) = mt;
	spin_unlock(&gt->lock);
}

/* Takes a live handle for unmapping: nobody else can until it is published or freed. */
static bool handle_take(struct grant_table *gt, u32 handle, struct maptrack *out)
{
	struct maptrack *mt;
	bool ok;

	spin_lock(&gt->lock);
	mt = maptrack_entry(gt, handle);
	ok = mt && (mt->flags & MT_LIVE) && !(mt->flags & MT_BUSY);
	if (ok) {
		mt->flags |= MT_BUSY;
		*out = *mt;
	}
	spin_unlock(&gt->lock);
	return ok;
}

/* ---- uses ---- */

/* References for the first use, and the first writing one. Lock held. */
static s16 get_frame(struct domain *rd, const struct grant_active *a, u64 frame, bool write)
{
	struct page_info *pg = get_page_by_mfn(MFN(frame), rd);

	if (!pg)
		return GNTST_bad_page;
	if (write && a->writers == 0 && get_page_type(pg, PT_WRITABLE) != 0) {
		put_page(pg);
		return GNTST_bad_page;
	}
	if (grant_in_use(a)) /* its first use's reference keeps the frame */
		put_page(pg);
	return GNTST_okay;
}

/* Begins one use of @rd's grant @ref by domain @user. */
static s16 use_begin(struct domain *rd, u32 ref, domid_t user, bool write, mfn_t *mfn)
{
	struct grant_table *gt = rd->grant;
	s16 status = GNTST_bad_gntref;
	u64 frame;

	if (!gt)
		return GNTST_bad_domain;
	spin_lock(&gt->lock);
	if (!rd->dying && ref < gt->nr_frames * ENTRIES_PER_FRAME) {
		struct grant_entry_v1 *e = shared_entry(gt, ref);
		struct grant_active *a = active_entry(gt, ref);

		status = grant_claim(e, a, user, write, &frame);
		if (status == GNTST_okay) {
			status = get_frame(rd, a, frame, write);
			if (status == GNTST_okay)
				grant_count(a, user, write, frame);
			else
				grant_unclaim(e, a);
		}
	}
	spin_unlock(&gt->lock);
	if (status == GNTST_okay)
		*mfn = MFN(frame);
	return status;
}

static void use_end(struct domain *rd, u32 ref, bool write)
{
	struct grant_table *gt = rd->grant;
	struct grant_active *a;
	bool last, last_write;
	struct page_info *pg;

	spin_lock(&gt->lock);
	a = active_entry(gt, ref);
	pg = mfn_to_page(MFN(a->frame));
	grant_uncount(shared_entry(gt, ref), a, write);
	last = !grant_in_use(a);
	last_write = write && a->writers == 0;
	spin_unlock(&gt->lock);
	if (last_write)
		put_page_type(pg);
	if (last)
		put_page(pg);
}

/* ---- map ---- */

static s16 map_one(struct gnttab_map_grant_ref *op)
{
	struct domain *ld = current->domain, *rd;
	bool write = !(op->flags & GNTMAP_readonly);
	bool host = op->flags & GNTMAP_host_map, dev = op->flags & GNTMAP_device_map;
	u32 handle;
	mfn_t mfn;
	s16 status;

	if (!host && !dev)
		return GNTST_bad_gntref;
	rd = domain_get_by_id(op->dom);
	if (!rd)
		return GNTST_bad_domain;
	handle = handle_reserve(ld->grant);
	if (handle == NO_HANDLE) {
		put_domain(rd);
		return GNTST_no_space;
	}
	status = use_begin(rd, op->ref, ld->id, write, &mfn);
	if (status == GNTST_okay && host && dev) { /* each half is a use of its own */
		status = use_begin(rd, op->ref, ld->id, write, &mfn);
		if (status != GNTST_okay)
			use_end(rd, op->ref, write);
	}
	if (status == GNTST_okay && host) {
		status = pv_grant_map(op->host_addr, mfn, op->flags, !write);
		if (status != GNTST_okay) {
			use_end(rd, op->ref, write);
			if (dev)
				use_end(rd, op->ref, write);
		}
	}
	if (status == GNTST_okay) {
		struct maptrack mt = {.ref = op->ref, .domid = rd->id, .flags = op->flags & 0x1f};

		handle_publish(ld->grant, handle, mt);
		op->handle = handle;
		op->dev_bus_addr = dev ? mfn_to_maddr(mfn) : 0;
	} else {
		handle_free(ld->grant, handle);
	}
	put_domain(rd);
	return status;
}

/* ---- unmap: page tables first, then one flush, then the references ---- */

struct unmap_work {
	struct maptrack mt; /* as it was taken */
	struct domain *rd;  /* the granter, referenced */
	u32 handle;
	u16 done;           /* GNTMAP_host_map, _device_map: halves that ended */
};

/* The frame in use: a live handle is a use, so there is one. */
static mfn_t use_frame(struct domain *rd, u32 ref)
{
	mfn_t mfn;

	spin_lock(&rd->grant->lock);
	mfn = MFN(active_entry(rd->grant, ref)->frame);
	spin_unlock(&rd->grant->lock);
	return mfn;
}

static s16 unmap_begin(struct unmap_work *w, u32 handle, u64 host_addr, u64 dev_addr,
                       u64 replace_va)
{
	struct domain *ld = current->domain;
	s16 status = GNTST_okay;

	w->done = 0;
	w->handle = handle;
	if (!handle_take(ld->grant, handle, &w->mt))
		return GNTST_bad_handle;
	/* The use keeps a reference on a frame of the granter's, so the granter is still there. */
	w->rd = domain_get_by_id(w->mt.domid);
	ASSERT(w->rd);
	if (host_addr && (w->mt.flags & GNTMAP_host_map)) {
		status = pv_grant_unmap(host_addr, use_frame(w->rd, w->mt.ref),
		                        w->mt.flags & 0x1f, replace_va);
		if (status == GNTST_okay)
			w->done |= GNTMAP_host_map;
	}
	if (status == GNTST_okay && dev_addr && (w->mt.flags & GNTMAP_device_map))
		w->done |= GNTMAP_device_map;
	if (status != GNTST_okay) { /* nothing came off: the handle stays as it was */
		handle_publish(ld->grant, handle, w->mt);
		put_domain(w->rd);
	}
	return status;
}

/* After the flush. */
static void unmap_finish(struct unmap_work *w)
{
	struct grant_table *gt = current->domain->grant;
	bool write = !(w->mt.flags & GNTMAP_readonly);

	if (w->done & GNTMAP_host_map)
		use_end(w->rd, w->mt.ref, write);
	if (w->done & GNTMAP_device_map)
		use_end(w->rd, w->mt.ref, write);
	put_domain(w->rd);
	w->mt.flags &= (u16)~w->done;
	if (w->mt.flags & (GNTMAP_host_map | GNTMAP_device_map))
		handle_publish(gt, w->handle, w->mt);
	else
		handle_free(gt, w->handle);
}

static void unmap_flush(struct unmap_work *work, u32 n)
{
	bool any = false;

	for (u32 i = 0; i < n; i++)
		any |= work[i].done & GNTMAP_host_map;
	if (any)
		tlb_flush_mask(&current->domain->dirty_cpus);
	for (u32 i = 0; i < n; i++)
		unmap_finish(&work[i]);
}

/* Both unmap calls, in batches that share a flush. Returns operations done, or -errno. */
static long unmap_many(u32 cmd, u64 uop, u32 count)
{
	bool replace = cmd == GNTTABOP_unmap_and_replace;
	u64 size = replace ? sizeof(struct gnttab_unmap_and_replace)
	                   : sizeof(struct gnttab_unmap_grant_ref);
	u32 done = 0;

	while (done < count) {
		struct unmap_work work[UNMAP_BATCH];
		u32 n = 0;
		bool fault = false;

		for (; n < UNMAP_BATCH && done < count && !fault; done++) {
			union {
				struct gnttab_unmap_grant_ref plain;
				struct gnttab_unmap_and_replace replace;
			} op;
			s16 status;

			if (copy_from_guest_va(&op, uop + done * size, size)) {
				fault = true;
				break;
			}
			if (replace)
				op.replace.status = status = unmap_begin(
				        &work[n], op.replace.handle, op.replace.host_addr, 0,
				        op.replace.new_addr);
			else
				op.plain.status = status = unmap_begin(
				        &work[n], op.plain.handle, op.plain.host_addr,
				        op.plain.dev_bus_addr, 0);
			if (status == GNTST_okay)
				n++;
			fault = copy_to_guest_va(uop + done * size, &op, size) != 0;
		}
		unmap_flush(work, n);
		if (fault)
			return -XEN_EFAULT;
		if (hypercall_should_preempt())
			break;
	}
	return done;
}

/* ---- copy ---- */

struct copy_side {
	struct domain *d; /* referenced */
	struct page_info *page; /* by frame number: referenced */
	bool by_ref;
	u32 ref;
	mfn_t mfn;
};

static s16 copy_begin(struct copy_side *s, const struct gnttab_copy_ptr *p, bool by_ref, bool write)
{
	struct domain *ld = current->domain;
	s16 status;

	s->by_ref = by_ref;
	s->ref = p->u.ref;
	s->page = NULL;
	if (by_ref) {
		s->d = domain_get_by_id(p->domid == DOMID_SELF ? ld->id : p->domid);
		if (!s->d)
			return GNTST_bad_domain;
		status = use_begin(s->d, s->ref, ld->id, write, &s->mfn);
		if (status != GNTST_okay)
			put_domain(s->d);
		return status;
	}
	if (p->domid != DOMID_SELF && p->domid != ld->id)
		return GNTST_permission_denied;
	s->d = NULL;
	s->mfn = MFN(p->u.gmfn);
	s->page = get_page_by_mfn(s->mfn, ld);
	if (!s->page)
		return GNTST_bad_page;
	if (write && get_page_type(s->page, PT_WRITABLE) != 0) {
		put_page(s->page);
		return GNTST_bad_page;
	}
	return GNTST_okay;
}

static void copy_end(struct copy_side *s, bool write)
{
	if (s->by_ref) {
		use_end(s->d, s->ref, write);
		put_domain(s->d);
	} else {
		if (write)
			put_page_type(s->page);
		put_page(s->page);
	}
}

static s16 copy_one(const struct gnttab_copy *op)
{
	struct copy_side src, dst;
	s16 status;

	if (!grant_copy_fits(op))
		return GNTST_bad_copy_arg;
	status = copy_begin(&src, &op->source, op->flags & GNTCOPY_source_gref, false);
	if (status != GNTST_okay)
		return status;
	status = copy_begin(&dst, &op->dest, op->flags & GNTCOPY_dest_gref, true);
	if (status == GNTST_okay) {
		char *to = (char *)mfn_to_virt(dst.mfn) + op->dest.offset;
		const char *from = (char *)mfn_to_virt(src.mfn) + op->source.offset;

		if (mfn_eq(src.mfn, dst.mfn))
			memmove(to, from, op->len);
		else
			memcpy(to, from, op->len);
		copy_end(&dst, true);
	}
	copy_end(&src, false);
	return status;
}

/* ---- queries ---- */

static s16 setup_table(struct gnttab_setup_table *op)
{
	struct domain *d = domain_get_for_caller(op->dom);
	struct grant_table *gt;
	s16 status = GNTST_okay;

	if (!d)
		return GNTST_bad_domain;
	gt = d->grant;
	if (!gt || op->nr_frames > gt->max_frames) {
		put_domain(d);
		return GNTST_general_error;
	}
	for (u32 i = 0; i < op->nr_frames && status == GNTST_okay; i++) {
		mfn_t mfn;
		xen_pfn_t out;

		if (grant_frame_mfn(d, i, &mfn)) {
			status = GNTST_general_error;
			break;
		}
		out = mfn.n;
		if (!handle_write(op->frame_list, i, &out))
			status = GNTST_bad_virt_addr;
	}
	put_domain(d);
	return status;
}

static s16 query_size(struct gnttab_query_size *op)
{
	struct domain *d = domain_get_for_caller(op->dom);

	if (!d || !d->grant) {
		if (d)
			put_domain(d);
		return GNTST_bad_domain;
	}
	op->nr_frames = READ_ONCE(d->grant->nr_frames);
	op->max_nr_frames = d->grant->max_frames;
	put_domain(d);
	return GNTST_okay;
}

static s16 swap_refs(const struct gnttab_swap_grant_ref *op)
{
	struct grant_table *gt = current->domain->grant;
	s16 status = GNTST_bad_gntref;
	u32 limit;

	spin_lock(&gt->lock);
	limit = gt->nr_frames * ENTRIES_PER_FRAME;
	if (op->ref_a < limit && op->ref_b < limit) {
		struct grant_entry_v1 *a = shared_entry(gt, op->ref_a);
		struct grant_entry_v1 *b = shared_entry(gt, op->ref_b);

		if (grant_in_use(active_entry(gt, op->ref_a)) ||
		    grant_in_use(active_entry(gt, op->ref_b))) {
			status = GNTST_eagain;
		} else {
			struct grant_entry_v1 tmp = *a;

			*a = *b;
			*b = tmp;
			status = GNTST_okay;
		}
	}
	spin_unlock(&gt->lock);
	return status;
}

static long set_version(struct gnttab_set_version *op)
{
	long rc = op->version == 1 ? 0 : op->version == 2 ? -XEN_ENOSYS : -XEN_EINVAL;

	op->version = 1; /* what is in force */
	return rc;
}

static long get_version(struct gnttab_get_version *op)
{
	struct domain *d = domain_get_for_caller(op->dom);

	if (!d)
		return -XEN_ESRCH;
	op->version = 1;
	put_domain(d);
	return 0;
}

/* Caches are coherent on x86: only the arguments are checked. */
static long cache_flush_one(const struct gnttab_cache_flush *op)
{
	if (op->offset >= PAGE_SIZE || op->length > PAGE_SIZE - op->offset ||
	    (op->op & ~(GNTTAB_CACHE_INVAL | GNTTAB_CACHE_CLEAN | GNTTAB_CACHE_SOURCE_GREF)))
		return -XEN_EINVAL;
	if (op->length == 0 || (op->op & ~GNTTAB_CACHE_SOURCE_GREF) == 0)
		return 0;
	return -XEN_EOPNOTSUPP; /* stock x86 answers the same: there is nothing to flush */
}

static s16 refuse_status_frames(struct gnttab_get_status_frames *op)
{
	return GNTST_general_error; /* version 2 only */
}

void grant_dump(struct domain *d)
{
	struct grant_table *gt = d->grant;
	u32 shown = 0;

	if (!gt)
		return;
	spin_lock(&gt->lock);
	printk("d%u: grant table v1, %u of %u frames, %u maptrack pages\n", d->id, gt->nr_frames,
	       gt->max_frames, gt->nr_chunks);
	for (u32 ref = 0; ref < gt->nr_frames * ENTRIES_PER_FRAME && shown < 64; ref++) {
		struct grant_active *a = active_entry(gt, ref);

		if (!grant_in_use(a))
			continue;
		printk("  ref %u: d%u mfn %llx readers %u writers %u\n", ref, a->domid,
		       (unsigned long long)a->frame, a->readers, a->writers);
		shown++;
	}
	spin_unlock(&gt->lock);
}

static s16 dump_table(const struct gnttab_dump_table *op)
{
	struct domain *d;

	if (!current->domain->is_control)
		return GNTST_permission_denied;
	d = domain_get_for_caller(op->dom);
	if (!d)
		return GNTST_bad_domain;
	grant_dump(d);
	put_domain(d);
	return GNTST_okay;
}

/* ---- a dying domain ---- */

#define RELEASE_STEP 256

int grant_domain_release_maps(struct domain *d)
{
	struct grant_table *gt = d->grant;

	if (!gt)
		return 0;
	for (u32 n = 0; gt->release_next < gt->nr_chunks * HANDLES_PER_CHUNK; n++) {
		struct maptrack *mt = maptrack_entry(gt, gt->release_next);
		bool write = !(mt->flags & GNTMAP_readonly);
		struct domain *rd;

		if (n == RELEASE_STEP)
			return -XEN_ERESTART;
		gt->release_next++;
		if (!(mt->flags & MT_LIVE))
			continue;
		rd = domain_get_by_id(mt->domid);
		ASSERT(rd); /* as in unmap_begin() */
		if (mt->flags & GNTMAP_host_map)
			use_end(rd, mt->ref, write);
		if (mt->flags & GNTMAP_device_map)
			use_end(rd, mt->ref, write);
		mt->flags = 0;
		put_domain(rd);
	}
	return 0;
}

/* ---- the hypercall ---- */

/* One operation of each kind: reads it, runs it, writes it back. */
#define RUN_STATUS(T, fn)                                                                  \
	do {                                                                               \
		struct T op;                                                               \
		if (!guest_read(&op, va))                                                  \
			return -XEN_EFAULT;                                                \
		op.status = fn(&op);                                                       \
		return guest_write(va, &op) ? 0 : -XEN_EFAULT;                             \
	} while (0)

#define RUN_RESULT(T, fn)                                                                  \
	do {                                                                               \
		struct T op;                                                               \
		long rc;                                                                   \
		if (!guest_read(&op, va))                                                  \
			return -XEN_EFAULT;                                                \
		rc = fn(&op);                                                              \
		return guest_write(va, &op) ? rc : -XEN_EFAULT;                            \
	} while (0)

static long run_one(u32 cmd, u64 va)
{
	switch (cmd) {
	case GNTTABOP_map_grant_ref:
		RUN_STATUS(gnttab_map_grant_ref, map_one);
	case GNTTABOP_copy:
		RUN_STATUS(gnttab_copy, copy_one);
	case GNTTABOP_setup_table:
		RUN_STATUS(gnttab_setup_table, setup_table);
	case GNTTABOP_query_size:
		RUN_STATUS(gnttab_query_size, query_size);
	case GNTTABOP_dump_table:
		RUN_STATUS(gnttab_dump_table, dump_table);
	case GNTTABOP_swap_grant_ref:
		RUN_STATUS(gnttab_swap_grant_ref, swap_refs);
	case GNTTABOP_get_status_frames:
		RUN_STATUS(gnttab_get_status_frames, refuse_status_frames);
	case GNTTABOP_set_version:
		RUN_RESULT(gnttab_set_version, set_version);
	case GNTTABOP_get_version:
		RUN_RESULT(gnttab_get_version, get_version);
	case GNTTABOP_cache_flush:
		RUN_RESULT(gnttab_cache_flush, cache_flush_one);
	default: /* transfer too: a frame's owner never changes behind its tables */
		return -XEN_ENOSYS;
	}
}

/* Size of one element of the argument array; 0: a single structure, count must be 1. */
static u64 element_size(u32 cmd)
{
	switch (cmd) {
	case GNTTABOP_map_grant_ref:
		return sizeof(struct gnttab_map_grant_ref);
	case GNTTABOP_unmap_grant_ref:
		return sizeof(struct gnttab_unmap_grant_ref);
	case GNTTABOP_unmap_and_replace:
		return sizeof(struct gnttab_unmap_and_replace);
	case GNTTABOP_copy:
		return sizeof(struct gnttab_copy);
	case GNTTABOP_swap_grant_ref:
		return sizeof(struct gnttab_swap_grant_ref);
	case GNTTABOP_cache_flush:
		return sizeof(struct gnttab_cache_flush);
	case GNTTABOP_get_version: /* stock takes any count for these and does one */
	case GNTTABOP_set_version:
	default:
		return 0;
	}
}

long hc_grant_table_op(const u64 a[6])
{
	u32 cmd = (u32)a[0], count = (u32)a[2], done = 0;
	u64 uop = a[1], size = element_size(cmd);
	long rc = 0;

	if ((s32)count < 0)
		return -XEN_EINVAL;
	if (!size)
		return count == 1 || cmd == GNTTABOP_get_version || cmd == GNTTABOP_set_version
		               ? run_one(cmd, uop)
		               : (cmd > GNTTABOP_cache_flush || cmd == GNTTABOP_transfer
		                          ? -XEN_ENOSYS
		                          : -XEN_EINVAL);
	if (!guest_range_ok(uop, count * size))
		return -XEN_EFAULT;

	if (cmd == GNTTABOP_unmap_grant_ref || cmd == GNTTABOP_unmap_and_replace) {
		rc = unmap_many(cmd, uop, count);
		done = rc < 0 ? 0 : (u32)rc;
	} else {
		for (rc = 0; done < count && rc == 0; done++) {
			if (done && hypercall_should_preempt())
				break;
			rc = run_one(cmd, uop + done * size);
		}
	}
	if (rc < 0)
		return rc;
	if (done < count) {
		u64 next[] = {cmd, uop + done * size, count - done};

		return hypercall_continue(__HYPERVISOR_grant_table_op, 3, next);
	}
	return 0;
}
