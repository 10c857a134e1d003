/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The page-type state machine. PURE: the glue gives it the frame table and the contents of frames. */
#pragma once
#include "logic/list.h"
#include "logic/types.h"

/* One a frame, 48 bytes. count and type are atomic words; the links belong to whoever owns the frame
 * (heap: LOCK_HEAP; a domain's page_list: page_alloc_lock). */
struct page_info {
	u64 count;       /* PC_*: general references and allocation state */
	u64 type;        /* PT_*: what it is used as, type references, validation progress */
	struct list link;
	u32 owner;       /* page frame of the owner's struct domain, 0 = none (structs are in the direct map) */
	u32 tlb_stamp;   /* tlb_clock() when it lost its last type reference or was freed */
	union {
		u32 order;       /* free: buddy order */
		struct {         /* page tables: validation progress when interrupted */
			u16 valid_entries; /* entries below are validated */
			u8 partial;        /* the entry at valid_entries holds a reference itself */
		};
	};
	u32 shadow;      /* spare for the glue (heap flags: dirty, on which list) */
};

/* page_info.count */
#define PC_ALLOCATED BIT(63) /* the owner's own reference */
#define PC_XEN       BIT(62) /* a hypervisor page shared with a guest: never freed by put_page */
#define PC_COUNT     (BIT(56) - 1)

/* page_info.type */
#define PT_NONE      (0ULL << 60)
#define PT_L1        (1ULL << 60)
#define PT_L2        (2ULL << 60)
#define PT_L3        (3ULL << 60)
#define PT_L4        (4ULL << 60)
#define PT_SEGDESC   (5ULL << 60)
#define PT_WRITABLE  (7ULL << 60)
#define PT_TYPE_MASK (15ULL << 60)
#define PT_PINNED    BIT(59)
#define PT_VALIDATED BIT(58)
#define PT_PARTIAL   BIT(57)
#define PT_COUNT     (BIT(48) - 1)
