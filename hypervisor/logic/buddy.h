/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Buddy allocator over the frame table. PURE: the caller owns the lock and scrubs.
 *
 * A free block is 2^order frames, aligned to its size, described by its first frame. Blocks are kept
 * by zone (position of the highest set bit of their frame number, so that "fits in n address bits" is
 * a range of zones), by order, and by whether a frame of theirs is dirty. Two buddies are merged when
 * they are free, of the same order and equally clean; buddy_coalesce() merges the rest on demand. */
#pragma once
#include "logic/page_list.h"

#define BUDDY_MAX_ORDER 18
#define BUDDY_ZONES     40 /* frames below 2^40: 52 address bits */

/* page_info.shadow of frames that the heap holds; 0 in frames that it gave away. In the place of the type
 * word's upper half, whose top bit no type has. */
#define HEAPF_MAGIC   0xb0dd0000u
#define HEAPF_HEAD    BIT(0) /* first frame of a free block; page_info.order is its order */
#define HEAPF_DIRTY   BIT(1) /* holds somebody's data */
#define HEAPF_STAMPED BIT(2) /* a CPU may have stale translations: see tlb_stamp */
#define HEAPF_MIXED   BIT(3) /* with HEAD: a frame of the block may be dirty */

struct buddy {
	struct page_info *frames;            /* indexed by frame number */
	bool (*valid)(u64 frame);            /* has it a page_info? (buddies in holes have not) */
	u64 free, dirty;                     /* frames */
	u64 free_in_zone[BUDDY_ZONES];
	struct page_list list[BUDDY_ZONES][BUDDY_MAX_ORDER + 1][2]; /* [zone][order][is dirty] */
};

static inline bool heap_frame(const struct page_info *pg, u32 flags)
{
	u32 s = READ_ONCE(pg->shadow); /* of a frame in use it may change at any time */

	return (s & 0xffff0000u) == HEAPF_MAGIC && (s & flags) == flags;
}

void buddy_init(struct buddy *b, struct page_info *frames, bool (*valid)(u64 frame));
u32 buddy_zone(u64 frame);
/* Gives a block; its frames' shadow words say HEAPF_MAGIC | DIRTY | STAMPED. Their buddy must not be
 * in use for anything else. @frame is aligned to the order. */
void buddy_free(struct buddy *b, u64 frame, u32 order);
/* Takes a block from the zones first..last (searched from last down). Frames keep their flags but
 * HEAD. ~0 if there is none. */
u64 buddy_alloc(struct buddy *b, u32 order, u32 first, u32 last, bool prefer_dirty);
/* Takes a dirty block of at most @order, for the scrubber; *got is its order. ~0 if none. */
u64 buddy_take_dirty(struct buddy *b, u32 order, u32 *got);
/* Merges free buddies below @order that were kept apart because one is clean and one dirty. */
void buddy_coalesce(struct buddy *b, u32 order);
u64 buddy_free_in_zones(const struct buddy *b, u32 first, u32 last);
