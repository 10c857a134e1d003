/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The page-type state machine. PURE: the glue gives it the frame table and the contents of frames
 * (the pt_env_* functions below). States, rules and the reason they suffice: docs/page-types.md. */
#pragma once
#include "logic/types.h"

#define PAGE_LINK_END (~0U)

struct page_link {
	u32 next, prev; /* frame numbers; logic/page_list.h */
};

/* One a frame. count and type are atomic words; the link belongs to whoever owns the frame (heap: LOCK_HEAP;
 * a domain's lists: page_alloc_lock). */
struct page_info {
	u64 count; /* PC_*: general references and allocation state */
	union {
		u64 type; /* PT_*: what it is used as, type references, validation progress */
		struct {  /* frames of the hypervisor's own: their heap's notes, where no type has its bits */
			u32 order;  /* free: buddy order */
			u32 shadow; /* heap flags: dirty, on which list */
		};
	};
	struct page_link link;
	u32 owner; /* page frame of the owner's struct domain, 0 = none (structs are in the direct map) */
	union {
		u32 tlb_stamp; /* no type in use: tlb_clock() when it lost its last reference or was freed */
		struct {       /* a page table that is being filled or emptied; lock: the owner's page tables */
			u16 valid_entries; /* entries below hold their references */
			u8 partial;        /* the entry at valid_entries holds those of an interrupted table */
		};
	};
};

_Static_assert(sizeof(struct page_info) == 32, "the frame table is the largest thing that is kept");

/* page_info.count */
#define PC_ALLOCATED BIT(63) /* the owner's own reference */
#define PC_XEN       BIT(62) /* a hypervisor page shared with a guest: never freed by put_page */
#define PC_LEAVING   BIT(61) /* a dying domain's, which has given up its own reference or is about to */
#define PC_COUNT     (BIT(56) - 1)

/* page_info.type. Count 0: unused, the type it had last. Count > 0 and neither VALIDATED nor PARTIAL:
 * somebody is changing it right now. */
#define PT_NONE      (0ULL << 60)
#define PT_L1        (1ULL << 60)
#define PT_L2        (2ULL << 60)
#define PT_L3        (3ULL << 60)
#define PT_L4        (4ULL << 60)
#define PT_SEGDESC   (5ULL << 60)
#define PT_WRITABLE  (7ULL << 60)
#define PT_TYPE_MASK (15ULL << 60)
#define PT_PINNED    BIT(59) /* one reference is the guest's pin */
#define PT_VALIDATED BIT(58)
#define PT_PARTIAL   BIT(57) /* interrupted: one reference is the interrupted operation's */
#define PT_HELD      BIT(56) /* one reference waits for the operation that asked for it to be repeated */
#define PT_FOREIGN   BIT(55) /* others than the owner may have stale writable translations */
#define PT_COUNT     (BIT(48) - 1)

static inline u64 pt_type(u64 word)
{
	return word & PT_TYPE_MASK;
}

/* 1..4 for page tables, else 0 */
static inline u32 pt_level(u64 word)
{
	u32 l = (u32)(word >> 60);
	return l <= 4 ? l : 0;
}

static inline u64 pt_of_level(u32 level)
{
	return (u64)level << 60;
}

/* ---- entries of page tables (Intel SDM vol. 3, 4.5; AMD APM vol. 2, 5.3) ---- */
#define PTE_P     BIT(0)
#define PTE_RW    BIT(1)
#define PTE_USER  BIT(2)
#define PTE_PWT   BIT(3)
#define PTE_PCD   BIT(4)
#define PTE_A     BIT(5)
#define PTE_D     BIT(6)
#define PTE_PAT   BIT(7) /* level 1 */
#define PTE_PSE   BIT(7) /* levels 2, 3: a large page */
#define PTE_G     BIT(8)
#define PTE_AVAIL (7ULL << 9)
#define PTE_NX    BIT(63)
#define PTE_CACHE (PTE_PWT | PTE_PCD | PTE_PAT)
#define PTE_FRAME (BIT(52) - BIT(12))

static inline mfn_t pte_mfn(u64 e)
{
	return MFN((e & PTE_FRAME) >> PAGE_SHIFT);
}

/* Shape of the tables; the model test uses smaller ones. */
#ifndef PT_ENTRIES
#define PT_ENTRIES  512
#define PT_HYP_SLOT_FIRST 256
#define PT_HYP_SLOT_LAST  271
#endif

static inline bool pt_slot_is_hyp(u32 level, u32 slot)
{
	return level == 4 && slot >= PT_HYP_SLOT_FIRST && slot <= PT_HYP_SLOT_LAST;
}

/* ---- an address space's owner, as far as page tables go. Lock: its page-table lock. ---- */
struct pt_space {
	u32 owner;                 /* value of page_info.owner of its frames */
	bool privileged;           /* dom0: may map MMIO and frames of other domains */
	bool no_preempt;           /* boot and tests: never return -XEN_ERESTART */
	/* The one interrupted operation. It holds a general and the one type reference of a frame. */
	struct page_info *pending; /* NULL = none */
	bool pending_drop;         /* true: it gives the type up; false: it validates it */
	/* How an interrupted validation ended when somebody else finished it; told once. */
	struct page_info *failed;
	u64 failed_type;
	int failed_err;
};

/* ---- general references; lock-free ---- */
bool pt_ref(struct page_info *pg, u32 owner) __must_check; /* only if @owner owns it */
bool pt_ref_any(struct page_info *pg) __must_check;        /* whoever owns it */
void pt_unref(struct page_info *pg);                       /* the last calls pt_env_free() */

/* ---- type references on top of a general one ---- */

/* PT_WRITABLE and PT_SEGDESC; lock-free, may wait for other CPUs' TLB flush. @mapper: who will hold the
 * translations. 0, -XEN_EINVAL: bad contents, -XEN_EBUSY: in use as something else, or too many. */
int pt_get_plain(struct page_info *pg, u64 type, u32 mapper) __must_check;
void pt_put_plain(struct page_info *pg);

/*
 * PT_L1..PT_L4 of a frame of @s; its page-table lock is held and pt_finish() returned 0 since it was
 * taken. Validates the contents. 0; -XEN_EINVAL and others: contents or use forbid it; -XEN_ERESTART:
 * interrupted: unlock, come back, pt_finish(), ask again.
 */
int pt_get_table(struct pt_space *s, struct page_info *pg, u64 type) __must_check;
/* Drops a type and a general reference; always done. A long devalidation may be left to pt_finish(). */
void pt_put_table(struct pt_space *s, struct page_info *pg);
/* The same two without the lock, where the frame stays a validated table before and after: every switch
 * of address space makes such a pair. False: nothing was done, ask the others. */
bool pt_get_table_again(struct page_info *pg, u64 type) __must_check;
bool pt_put_table_unless_last(struct page_info *pg) __must_check;
/* Goes on with the interrupted operation, if any. 0 or -XEN_ERESTART. */
int pt_finish(struct pt_space *s) __must_check;

/* The guest's pin. Same returns as above. @pg is referenced by the caller. */
int pt_pin(struct pt_space *s, struct page_info *pg, u64 type) __must_check;
int pt_unpin(struct pt_space *s, struct page_info *pg) __must_check; /* -XEN_EINVAL: was not pinned */
/* A dying owner: drops a pin and a held reference if there are any. */
int pt_strip(struct pt_space *s, struct page_info *pg) __must_check;

/*
 * Changes entry @slot of @table, which is a validated table of @s (lock held, pt_finish() as above).
 * @data_owner: who must own the new frame (s->owner; another when a privileged caller says so).
 * @keep_ad: accessed and dirty bits set by CPUs meanwhile are kept. Returns as pt_get_table().
 */
int pt_write_entry(struct pt_space *s, struct page_info *table, u32 slot, u64 val, u32 data_owner,
                   bool keep_ad) __must_check;
/* The same for an L1 entry, but only if it still is *expect (but for A/D bits that CPUs set: then *expect
 * is updated and -XEN_EAGAIN returned). For emulated compare-and-exchange. */
int pt_cmpxchg_entry(struct pt_space *s, struct page_info *table, u32 slot, u64 *expect, u64 val) __must_check;
/* Puts a mapping of @pg (any owner, the caller vouches for the right) in an L1 entry; @val without
 * frame and PTE_P. For grants. 0 or -XEN_EINVAL.. */
int pt_map_granted(struct pt_space *s, struct page_info *table, u32 slot, struct page_info *pg,
                   u64 flags) __must_check;
/* Moves an L1 entry with its references over another; the source is 0 then. -XEN_EINVAL: no L1 tables. */
int pt_move_entry(struct pt_space *s, struct page_info *from, u32 from_slot, struct page_info *to,
                  u32 to_slot) __must_check;

/* ---- the environment: core/mm.c and pv/mm.c in the hypervisor, the model in tests ---- */
u64 *pt_env_table(const struct page_info *pg);          /* its contents: PT_ENTRIES entries */
struct page_info *pt_env_page(mfn_t m);                 /* NULL: not RAM */
mfn_t pt_env_mfn(const struct page_info *pg);
u32 pt_env_tlb_clock(void);
/* No CPU that runs the owner (@foreign: any CPU) keeps a translation from @stamp or before. */
void pt_env_flush(const struct page_info *pg, bool foreign, u32 stamp);
bool pt_env_preempt(void);
void pt_env_free(struct page_info *pg);                 /* its last general reference is gone */
bool pt_env_owner_mappable(u32 owner);                  /* a domain whose frames @privileged may map */
/* A privileged mapper's entry for a frame that is no RAM: 0 (it may clear PTE_RW), or an error. */
int pt_env_mmio(u32 data_owner, mfn_t m, u64 *e);
bool pt_env_segdesc_ok(struct page_info *pg);           /* checks and fixes a page of descriptors */
void pt_env_l4_enter(struct pt_space *s, struct page_info *pg); /* fills the hypervisor's slots */
void pt_env_l4_leave(struct pt_space *s, struct page_info *pg); /* and clears them */
void pt_env_relax(void);
