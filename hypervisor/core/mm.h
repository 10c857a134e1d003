/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames: who owns each, what it is used as, and how often. The rules and the state machine are
 * logic/page_type.c (pure, model-tested); docs/page-types proves them. Glue: core/mm.c, pv/mm*.c */
#pragma once
#include "core/heap.h"
#include "logic/page_list.h"

struct domain;

/* The frame table, one entry a frame, sparse over holes (x86/paging.c maps it at boot). */
#define FRAME_TABLE_START 0xffff820000000000UL
#define frame_table       ((struct page_info *)FRAME_TABLE_START)

static inline struct page_info *mfn_to_page(mfn_t m) /* m must be RAM: see mfn_valid() */
{
	return &frame_table[m.n];
}

static inline mfn_t page_to_mfn(const struct page_info *pg)
{
	return MFN((u64)(pg - frame_table));
}

static inline void *page_to_virt(const struct page_info *pg)
{
	return mfn_to_virt(page_to_mfn(pg));
}

static inline struct page_info *virt_to_page(const void *p)
{
	return mfn_to_page(virt_to_mfn(p));
}

static inline bool mfn_valid(mfn_t m)
{
	return mfn_is_ram(m);
}

struct domain *page_owner(const struct page_info *pg); /* NULL if none; stable while referenced */

/* A general reference keeps the frame and its owner; fails if @d does not own it or it is being
 * freed. The last put_page() frees the frame. Lock-free. */
bool get_page(struct page_info *pg, const struct domain *d) __must_check;
void put_page(struct page_info *pg);
/* The same by number; NULL if it is not RAM or not @d's. */
struct page_info *get_page_by_mfn(mfn_t m, const struct domain *d) __must_check;

/* A type reference, on top of a general one. Only PT_WRITABLE and PT_SEGDESC, lock-free; they may wait
 * for TLB flushes of other CPUs (interrupts on). Page-table types are pv/'s own business. PT_WRITABLE
 * for the caller's own use, not for translations of another domain's (those: pt_get_plain()). */
int get_page_type(struct page_info *pg, u64 type) __must_check; /* 0, -XEN_EINVAL, -XEN_EBUSY */
void put_page_type(struct page_info *pg);
bool get_page_and_type(struct page_info *pg, struct domain *d, u64 type) __must_check; /* PT_NONE: general only */
void put_page_and_type(struct page_info *pg);

/* ---- a domain's memory (core/mm.c); lock: d->page_alloc_lock ---- */

#define MEMF_NO_COUNT BIT(16) /* tot_pages stays as it is: for a steal that an assign makes up for */
/* 2^order frames owned by @d (one allocation reference each, on d->page_list); fails over max_pages. */
struct page_info *domain_alloc_pages(struct domain *d, u32 order, u64 heap_flags);
/* Gives frames with no owner and no reference to @d: fresh from the heap, or stolen from @d itself. 0, -XEN_ENOMEM over the limit, -XEN_EINVAL dying. */
int domain_assign_pages(struct domain *d, struct page_info *pg, u32 order, u64 memf);
/* Drops the allocation reference: the frame goes when nobody uses it any more. -XEN_EINVAL if it had none. */
int domain_release_page(struct domain *d, struct page_info *pg);
/* Takes a page out of @d (no owner, no list, count 0 then). The caller holds one general reference; the
 * page must have just that and the allocation reference, and no type in use. On success both are gone;
 * on error (-XEN_EINVAL) nothing changed and the caller still holds its own. */
int domain_steal_page(struct domain *d, struct page_info *pg, u64 memf);
/* A dying domain's next page, referenced, which is not met again; NULL when all have been. */
struct page_info *domain_leave_page(struct domain *d);
/* It is to be met again after all, first; drops the reference. */
void domain_leave_later(struct domain *d, struct page_info *pg);
/* Lets guests of @d map a page of the hypervisor's (shared_info, grant frames, trace buffers):
 * owner @d, PT_WRITABLE pinned or read-only forever. The page stays the hypervisor's to free. */
void share_xen_page(struct domain *d, void *page, bool readonly);
/* Frees such a page (order 0, by free_xen_page()) when the last guest mapping is gone. @page is zeroed then. */
void unshare_xen_page(struct domain *d, void *page);

/* Machine-to-physical table: one u64 a frame, read-only to guests at MACH2PHYS_VIRT_START. */
#define M2P_INVALID (~0ULL)
#define M2P_SHARED  (~0ULL >> 1)
void m2p_set(mfn_t m, u64 gpfn);
u64 m2p_get(mfn_t m);

/* Boot, after domains_init(): lets dom0 map the M2P table's frames read-only (owner dom_xen). */
void m2p_share(void);
/* Value of page_info.owner for frames of @d. */
u32 domain_owner_tag(const struct domain *d);

extern struct domain *dom_xen, *dom_io; /* DOMID_XEN: hypervisor's shared pages; DOMID_IO: MMIO frames */
