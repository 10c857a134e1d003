/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The frame heap: locks, scrubbing, claims and TLB stamps around logic/buddy.c.
 *
 * Invariants: a frame leaves the heap only after every CPU that may hold a stale translation of it
 * has flushed, and zeroed (unless the caller says it overwrites it all). Flushing comes before
 * scrubbing, or a stale writable translation could dirty a scrubbed frame. */
#include "core/domain.h"
#include "core/heap.h"
#include "core/init.h"
#include "core/log.h"
#include "logic/buddy.h"
#include "string.h"

#define LOW_ZONES   20   /* zones below 4 GiB: frames below 2^20 */
#define DMA_RESERVE (128UL << 20 >> PAGE_SHIFT)
#define SCRUB_ORDER 6    /* frames scrubbed in one turn of the idle loop */

static struct buddy buddy;
static spinlock_t heap_lock = SPINLOCK(LOCK_HEAP, "heap");
static u64 total_pages, claimed_total;
static u64 scrubbing; /* free, but out of the lists while a CPU scrubs them */
static u64 max_frame; /* one past the highest frame given */

static bool frame_valid(u64 n)
{
	return n < max_frame && mfn_is_ram(MFN(n));
}

static void scrub_softirq(void)
{
	/* Only has to end the idle CPU's sleep: the idle loop scrubs. */
}

void heap_init(void)
{
	buddy_init(&buddy, frame_table, frame_valid);
	softirq_register(SOFTIRQ_SCRUB, scrub_softirq);
}

static void mark_frames(struct page_info *pg, u32 order, u32 flags, u32 stamp)
{
	for (u64 i = 0; i < BIT(order); i++) {
		pg[i].count = 0;
		pg[i].owner = 0;
		pg[i].tlb_stamp = stamp;
		pg[i].order = 0;
		pg[i].shadow = HEAPF_MAGIC | flags;
	}
}

void heap_add(mfn_t start, mfn_t end)
{
	u64 n = start.n;
	u64 flags = spin_lock_irqsave(&heap_lock);

	max_frame = MAX(max_frame, end.n);
	while (n < end.n) {
		u32 order = n ? MIN((u32)__builtin_ctzll(n), (u32)BUDDY_MAX_ORDER) : 0;

		while (n + BIT(order) > end.n)
			order--;
		mark_frames(&frame_table[n], order, HEAPF_DIRTY, 0);
		buddy_free(&buddy, n, order);
		total_pages += BIT(order);
		n += BIT(order);
	}
	spin_unlock_irqrestore(&heap_lock, flags);
}

/* Lock: heap. The DMA reserve is kept only where there is other memory to take. */
static bool low_allowed(u32 order, u64 flags)
{
	u64 low = buddy_free_in_zones(&buddy, 0, LOW_ZONES - 1);
	u64 bits = flags >> 8 & 0xff;

	if ((flags & HEAP_LOW) || (bits && bits <= 32) || max_frame <= BIT(LOW_ZONES))
		return true;
	return low >= DMA_RESERVE + BIT(order);
}

/* Lock: heap. */
static u64 free_pages(void)
{
	return buddy.free + scrubbing;
}

static u64 take_block(u32 order, u64 flags)
{
	u64 bits = flags >> 8 & 0xff;
	u32 last = bits == 0 ? BUDDY_ZONES - 1 : bits <= PAGE_SHIFT ? 0 : (u32)bits - PAGE_SHIFT - 1;
	bool dirty = flags & HEAP_DIRTY_OK;
	u64 n = ~0ULL;

	if (bits && bits <= PAGE_SHIFT)
		return ~0ULL; /* frame 0 is never the heap's */
	if (!(flags & HEAP_LOW) && last >= LOW_ZONES)
		n = buddy_alloc(&buddy, order, LOW_ZONES, last, dirty);
	if (n == ~0ULL && low_allowed(order, flags))
		n = buddy_alloc(&buddy, order, 0, MIN(last, LOW_ZONES - 1u), dirty);
	if (n == ~0ULL && (flags & HEAP_LOW) && last >= LOW_ZONES)
		n = buddy_alloc(&buddy, order, LOW_ZONES, last, dirty);
	return n;
}

/* Lock: heap. May @d have 2^order frames, given what is set aside for others? */
static bool claims_allow(const struct domain *d, u32 order)
{
	u64 own = d ? d->claimed_pages : 0;

	return free_pages() >= claimed_total - own + BIT(order);
}

static void use_claim(struct domain *d, u32 order)
{
	u64 n;

	if (!d || !d->claimed_pages)
		return;
	n = MIN(d->claimed_pages, BIT(order));
	d->claimed_pages -= n;
	claimed_total -= n;
}

/* No CPU keeps a stale translation of the block afterwards. */
static void flush_stale(struct page_info *pg, u32 order)
{
	cpumask_t mask = {0};
	bool have_stamp = false;
	u32 last_stamp = 0;

	for (u64 i = 0; i < BIT(order); i++) {
		cpumask_t m = cpu_online_map;

		if (!heap_frame(&pg[i], HEAPF_STAMPED))
			continue;
		if (have_stamp && pg[i].tlb_stamp == last_stamp)
			continue;
		have_stamp = true;
		last_stamp = pg[i].tlb_stamp;
		tlb_filter(&m, last_stamp);
		mask = cpumask_or(&mask, &m);
	}
	if (!cpumask_empty(&mask))
		tlb_flush_mask(&mask);
}

static void scrub_dirty(struct page_info *pg, u32 order)
{
	for (u64 i = 0; i < BIT(order); i++)
		if (heap_frame(&pg[i], HEAPF_DIRTY))
			memset(page_to_virt(&pg[i]), 0, PAGE_SIZE);
}

/* ~0: none; *scrubbed says whether some were being scrubbed. */
static u64 take_for(struct domain *d, u32 order, u64 flags, bool *scrubbed)
{
	u64 irq = spin_lock_irqsave(&heap_lock), n = ~0ULL;

	*scrubbed = scrubbing != 0;
	if (claims_allow(d, order)) {
		n = take_block(order, flags);
		if (n == ~0ULL && order > 0) {
			buddy_coalesce(&buddy, order);
			n = take_block(order, flags);
		}
	}
	if (n != ~0ULL)
		use_claim(d, order);
	spin_unlock_irqrestore(&heap_lock, irq);
	return n;
}

struct page_info *heap_alloc_for(struct domain *d, u32 order, u64 flags)
{
	struct page_info *pg;
	bool scrubbed;
	u64 n;

	if (order > HEAP_MAX_ORDER)
		return NULL;
	n = take_for(d, order, flags, &scrubbed);
	if (n == ~0ULL && scrubbed) { /* the last frames may be among those: they are soon back */
		while (READ_ONCE(scrubbing)) {
			tlb_serve(); /* the scrubber may wait for this CPU */
			cpu_relax();
		}
		n = take_for(d, order, flags, &scrubbed);
	}
	if (n == ~0ULL)
		return NULL;

	pg = mfn_to_page(MFN(n));
	flush_stale(pg, order);
	if (!(flags & HEAP_DIRTY_OK))
		scrub_dirty(pg, order);
	for (u64 i = 0; i < BIT(order); i++) {
		pg[i].type = PT_NONE;
		pg[i].tlb_stamp = 0;
	}
	return pg;
}

struct page_info *heap_alloc(u32 order, u64 flags)
{
	return heap_alloc_for(NULL, order, flags);
}

void heap_free(struct page_info *pg, u32 order)
{
	u32 stamp = tlb_clock();
	u64 flags;

	ASSERT(!heap_frame(pg, 0));
	mark_frames(pg, order, HEAPF_DIRTY | HEAPF_STAMPED, stamp);
	flags = spin_lock_irqsave(&heap_lock);
	buddy_free(&buddy, page_to_mfn(pg).n, order);
	spin_unlock_irqrestore(&heap_lock, flags);
	softirq_raise(SOFTIRQ_SCRUB);
}

static bool scrub_block(void)
{
	struct page_info *pg;
	u64 flags, n;
	u32 order = 0;

	flags = spin_lock_irqsave(&heap_lock);
	n = buddy_take_dirty(&buddy, SCRUB_ORDER, &order);
	if (n != ~0ULL)
		scrubbing = BIT(order);
	spin_unlock_irqrestore(&heap_lock, flags);
	if (n == ~0ULL)
		return false;
	pg = mfn_to_page(MFN(n));
	flush_stale(pg, order);
	scrub_dirty(pg, order);
	mark_frames(pg, order, 0, 0);
	flags = spin_lock_irqsave(&heap_lock);
	buddy_free(&buddy, n, order);
	WRITE_ONCE(scrubbing, 0);
	spin_unlock_irqrestore(&heap_lock, flags);
	return true;
}

/* One CPU at a time: many idle ones would stand in line for the lock before those with work. */
bool heap_scrub_some(void)
{
	static bool busy;
	bool done;

	if (READ_ONCE(buddy.dirty) == 0 || __atomic_test_and_set(&busy, __ATOMIC_ACQUIRE))
		return false;
	done = scrub_block();
	__atomic_clear(&busy, __ATOMIC_RELEASE);
	return done;
}

u64 heap_free_pages(void)
{
	u64 flags = spin_lock_irqsave(&heap_lock), n = free_pages();

	spin_unlock_irqrestore(&heap_lock, flags);
	return n;
}

u64 heap_total_pages(void)
{
	return READ_ONCE(total_pages);
}

u64 heap_scrub_pending(void)
{
	return READ_ONCE(buddy.dirty);
}

u64 heap_claimed_pages(void)
{
	return READ_ONCE(claimed_total);
}

int heap_claim(struct domain *d, u64 pages)
{
	int rc = 0;
	u64 flags = spin_lock_irqsave(&heap_lock);

	if (pages == 0) {
		claimed_total -= d->claimed_pages;
		d->claimed_pages = 0;
	} else if (d->claimed_pages) {
		rc = -XEN_EINVAL;
	} else if (free_pages() < claimed_total || free_pages() - claimed_total < pages) {
		rc = -XEN_ENOMEM;
	} else {
		d->claimed_pages = pages;
		claimed_total += pages;
	}
	spin_unlock_irqrestore(&heap_lock, flags);
	return rc;
}

void *alloc_xen_pages(u32 order)
{
	struct page_info *pg = heap_alloc(order, 0);

	if (!pg)
		pg = heap_alloc(order, HEAP_LOW); /* the hypervisor itself may use the reserve */
	return pg ? page_to_virt(pg) : NULL;
}

void free_xen_pages(void *p, u32 order)
{
	if (p)
		heap_free(virt_to_page(p), order);
}
