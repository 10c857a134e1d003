/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "logic/buddy.h"

static struct page_info *frame(struct buddy *b, u64 n)
{
	return &b->frames[n];
}

static bool block_dirty(const struct buddy *b, u64 n, u32 order)
{
	for (u64 i = 0; i < BIT(order); i++)
		if (heap_frame(&b->frames[n + i], HEAPF_DIRTY))
			return true;
	return false;
}

static bool head_dirty(const struct page_info *pg)
{
	return pg->shadow & HEAPF_MIXED;
}

/* The list that a free block's head is on. */
static struct page_list *list_of(struct buddy *b, u64 n)
{
	return &b->list[buddy_zone(n)][frame(b, n)->order][head_dirty(frame(b, n))];
}

u32 buddy_zone(u64 n)
{
	return n ? 63 - (u32)__builtin_clzll(n) : 0;
}

void buddy_init(struct buddy *b, struct page_info *frames, bool (*valid)(u64 frame))
{
	*b = (struct buddy){.frames = frames, .valid = valid};
	for (u32 z = 0; z < BUDDY_ZONES; z++)
		for (u32 o = 0; o <= BUDDY_MAX_ORDER; o++)
			for (u32 d = 0; d < 2; d++)
				page_list_init(&b->list[z][o][d]);
}

static void insert(struct buddy *b, u64 n, u32 order, bool dirty)
{
	struct page_info *pg = frame(b, n);

	pg->shadow |= HEAPF_HEAD | (dirty ? HEAPF_MIXED : 0);
	pg->order = order;
	page_list_add(b->frames, list_of(b, n), pg);
}

static void remove_block(struct buddy *b, u64 n)
{
	struct page_info *pg = frame(b, n);

	page_list_del(b->frames, list_of(b, n), pg);
	pg->shadow &= ~(u32)(HEAPF_HEAD | HEAPF_MIXED);
	pg->order = 0;
}

static void account(struct buddy *b, u64 n, u32 order, bool add)
{
	u64 dirty = 0;

	for (u64 i = 0; i < BIT(order); i++)
		dirty += heap_frame(frame(b, n + i), HEAPF_DIRTY);
	if (add) {
		b->free += BIT(order);
		b->dirty += dirty;
		b->free_in_zone[buddy_zone(n)] += BIT(order);
	} else {
		b->free -= BIT(order);
		b->dirty -= dirty;
		b->free_in_zone[buddy_zone(n)] -= BIT(order);
	}
}

/* The free buddy of block @n, or ~0. Its zone is the same, so merged blocks never span zones. */
static u64 free_buddy(struct buddy *b, u64 n, u32 order)
{
	u64 other = n ^ BIT(order);

	if (order >= BUDDY_MAX_ORDER || buddy_zone(other) != buddy_zone(n) || !b->valid(other))
		return ~0ULL;
	if (!heap_frame(frame(b, other), HEAPF_HEAD) || frame(b, other)->order != order)
		return ~0ULL;
	return other;
}

static void insert_merging(struct buddy *b, u64 n, u32 order, bool dirty, bool mix)
{
	u64 other;

	while ((other = free_buddy(b, n, order)) != ~0ULL) {
		bool other_dirty = head_dirty(frame(b, other));

		if (other_dirty != dirty && !mix)
			break;
		remove_block(b, other);
		dirty |= other_dirty;
		n = MIN(n, other);
		order++;
	}
	insert(b, n, order, dirty);
}

void buddy_free(struct buddy *b, u64 n, u32 order)
{
	account(b, n, order, true);
	insert_merging(b, n, order, block_dirty(b, n, order), false);
}

/* Unlinks block @n of order @have and gives back all but its first 2^order frames. Halves of a
 * block that counts as dirty count as dirty too until somebody looks at their frames. */
static void split(struct buddy *b, u64 n, u32 have, u32 order)
{
	bool dirty = head_dirty(frame(b, n));

	remove_block(b, n);
	while (have > order) {
		have--;
		insert(b, n + BIT(have), have, dirty);
	}
	account(b, n, order, false);
}

static u64 alloc_in_zone(struct buddy *b, u32 zone, u32 order, bool prefer_dirty)
{
	for (u32 o = order; o <= BUDDY_MAX_ORDER; o++) {
		for (u32 i = 0; i < 2; i++) {
			u64 n = b->list[zone][o][prefer_dirty ? !i : i].first;

			if (n == PAGE_LINK_END)
				continue;
			split(b, n, o, order);
			return n;
		}
	}
	return ~0ULL;
}

u64 buddy_alloc(struct buddy *b, u32 order, u32 first, u32 last, bool prefer_dirty)
{
	if (order > BUDDY_MAX_ORDER)
		return ~0ULL;
	for (u32 z = MIN(last, BUDDY_ZONES - 1u) + 1; z-- > first;) {
		u64 n;

		if (b->free_in_zone[z] < BIT(order))
			continue;
		n = alloc_in_zone(b, z, order, prefer_dirty);
		if (n != ~0ULL)
			return n;
	}
	return ~0ULL;
}

u64 buddy_take_dirty(struct buddy *b, u32 order, u32 *got)
{
	for (u32 z = 0; z < BUDDY_ZONES; z++) {
		if (b->free_in_zone[z] == 0)
			continue;
		for (u32 o = 0; o <= BUDDY_MAX_ORDER; o++) {
			u64 n = b->list[z][o][true].first;

			if (n == PAGE_LINK_END)
				continue;
			*got = MIN(o, order);
			split(b, n, o, *got);
			return n;
		}
	}
	return ~0ULL;
}

void buddy_coalesce(struct buddy *b, u32 order)
{
	for (u32 z = 0; z < BUDDY_ZONES; z++) {
		for (u32 o = 0; o < MIN(order, (u32)BUDDY_MAX_ORDER); o++) {
			struct page_list *l = &b->list[z][o][false];

			/* Clean blocks look for a buddy of either kind. Those that stay have stayed
			 * when the next one is known; what merges goes to higher orders. */
			for (u32 n = l->first, next; n != PAGE_LINK_END; n = next) {
				next = frame(b, n)->link.next;
				if (free_buddy(b, n, o) == ~0ULL)
					continue;
				if (next == (n ^ BIT(o)))
					next = frame(b, next)->link.next;
				remove_block(b, n);
				insert_merging(b, n, o, false, true);
			}
		}
	}
}

u64 buddy_free_in_zones(const struct buddy *b, u32 first, u32 last)
{
	u64 n = 0;

	for (u32 z = first; z <= last && z < BUDDY_ZONES; z++)
		n += b->free_in_zone[z];
	return n;
}
