/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lists of frames, linked by frame number: half of what pointers would take in every page_info. The
 * functions take the table that the numbers index, and the list's owner has the lock. */
#pragma once
#include "logic/page_type.h"

struct page_list {
	u32 first, last; /* PAGE_LINK_END when empty */
};

static inline void page_list_init(struct page_list *l)
{
	l->first = l->last = PAGE_LINK_END;
}

static inline bool page_list_empty(const struct page_list *l)
{
	return l->first == PAGE_LINK_END;
}

/* NULL at the end of the list. */
static inline struct page_info *page_list_at(struct page_info *frames, u32 link)
{
	return link == PAGE_LINK_END ? NULL : &frames[link];
}

static inline void page_list_insert(struct page_info *frames, struct page_list *l, struct page_info *pg,
                                    u32 prev, u32 next)
{
	u32 n = (u32)(pg - frames);

	pg->link = (struct page_link){.next = next, .prev = prev};
	*(prev == PAGE_LINK_END ? &l->first : &frames[prev].link.next) = n;
	*(next == PAGE_LINK_END ? &l->last : &frames[next].link.prev) = n;
}

static inline void page_list_add(struct page_info *frames, struct page_list *l, struct page_info *pg)
{
	page_list_insert(frames, l, pg, PAGE_LINK_END, l->first);
}

static inline void page_list_add_tail(struct page_info *frames, struct page_list *l, struct page_info *pg)
{
	page_list_insert(frames, l, pg, l->last, PAGE_LINK_END);
}

/* @pg is on @l. */
static inline void page_list_del(struct page_info *frames, struct page_list *l, struct page_info *pg)
{
	struct page_link at = pg->link;

	*(at.prev == PAGE_LINK_END ? &l->first : &frames[at.prev].link.next) = at.next;
	*(at.next == PAGE_LINK_END ? &l->last : &frames[at.next].link.prev) = at.prev;
}

/* Takes the first one off; NULL if there is none. */
static inline struct page_info *page_list_take(struct page_info *frames, struct page_list *l)
{
	struct page_info *pg = page_list_at(frames, l->first);

	if (pg)
		page_list_del(frames, l, pg);
	return pg;
}

#define page_list_for_each(pos, frames, l)                                                 \
	for (pos = page_list_at(frames, (l)->first); pos;                                  \
	     pos = page_list_at(frames, (pos)->link.next))
