/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A pairing heap of timers: no memory of its own, so arming a timer cannot fail. PURE; the caller
 * owns the lock. Insert and first are O(1), removal O(log n) amortized; nothing recurses. */
#pragma once
#include "logic/types.h"

struct timer_node {
	ns_t expires;
	struct timer_node *child; /* leftmost */
	struct timer_node *next;  /* right sibling */
	struct timer_node *prev;  /* left sibling, or the parent of a leftmost child */
	bool queued;
};

struct timer_heap {
	struct timer_node *root;
	u32 count;
};

void timer_heap_insert(struct timer_heap *h, struct timer_node *n, ns_t expires);
void timer_heap_remove(struct timer_heap *h, struct timer_node *n); /* must be queued in @h */

/* The node that expires first, NULL if the heap is empty. */
static inline struct timer_node *timer_heap_first(const struct timer_heap *h)
{
	return h->root;
}
