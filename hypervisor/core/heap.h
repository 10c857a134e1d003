/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames and small objects. Buddy rules are logic/buddy.c; locks here. core/heap.c, core/xmalloc.c */
#pragma once
#include "core/machine.h"

struct domain;
struct page_info;

#define HEAP_MAX_ORDER 18 /* 1 GiB */
#define HEAP_LOW       BIT(0) /* below 4 GiB wanted (else above 4 GiB first, DMA reserve last) */
#define HEAP_DIRTY_OK  BIT(1) /* caller overwrites every byte: need not be scrubbed */
#define HEAP_BITS(n)   ((u64)(n) << 8) /* address must fit in n bits (0 = any) */

/* Boot: gives [start, end) to the heap. */
void heap_add(mfn_t start, mfn_t end);
/* 2^order contiguous, naturally aligned frames with no owner; scrubbed unless HEAP_DIRTY_OK, and no
 * CPU holds a stale translation of them (flushed here if need be). NULL when there are none. */
struct page_info *heap_alloc(u32 order, u64 flags);
/* The same on behalf of @d: uses up its claim first. Others' claims are never touched. */
struct page_info *heap_alloc_for(struct domain *d, u32 order, u64 flags);
void heap_free(struct page_info *pg, u32 order); /* from any context but interrupts; stamps them */
u64 heap_free_pages(void);
u64 heap_total_pages(void);
u64 heap_scrub_pending(void);
/* Scrubs a few free frames; false when there is none left to scrub. For the idle loop. */
bool heap_scrub_some(void);
/* Claims (XENMEM_claim_pages): total set aside and not yet allocated. Lock: LOCK_HEAP. */
/* Sets @pages more aside for @d; 0 drops the claim. -XEN_ENOMEM, -XEN_EINVAL if it has one. */
int heap_claim(struct domain *d, u64 pages);
u64 heap_claimed_pages(void);

/* Zeroed frames for the hypervisor itself, by address; NULL if none. */
void *alloc_xen_pages(u32 order);
void free_xen_pages(void *p, u32 order);
static inline void *alloc_xen_page(void)
{
	return alloc_xen_pages(0);
}
static inline void free_xen_page(void *p)
{
	free_xen_pages(p, 0);
}

/* Zeroed, 16-byte aligned; larger than a page is whole pages. NULL if no memory. */
void *xzalloc_bytes(size_t n);
void xfree(void *p);
#define xzalloc(T)          ((T *)xzalloc_bytes(sizeof(T)))
void *xzalloc_array_bytes(size_t elem, size_t n); /* overflow-checked */
#define xzalloc_array(T, n) ((T *)xzalloc_array_bytes(sizeof(T), (n)))
