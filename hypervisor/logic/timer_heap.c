/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "logic/timer_heap.h"

/* Makes the later of two roots the leftmost child of the other. */
static struct timer_node *meld(struct timer_node *a, struct timer_node *b)
{
	if (!a)
		return b;
	if (!b)
		return a;
	if (b->expires < a->expires) {
		struct timer_node *t = a;

		a = b;
		b = t;
	}
	b->next = a->child;
	if (b->next)
		b->next->prev = b;
	b->prev = a;
	a->child = b;
	a->next = a->prev = NULL;
	return a;
}

/* Melds a list of siblings into one tree: pairs from left to right, then all from right to left. */
static struct timer_node *meld_siblings(struct timer_node *n)
{
	struct timer_node *pairs = NULL, *root = NULL;

	while (n) {
		struct timer_node *a = n, *b = n->next, *pair;

		n = b ? b->next : NULL;
		a->next = a->prev = NULL;
		if (b)
			b->next = b->prev = NULL;
		pair = meld(a, b);
		pair->next = pairs;
		pairs = pair;
	}
	while (pairs) {
		struct timer_node *next = pairs->next;

		pairs->next = NULL;
		root = meld(root, pairs);
		pairs = next;
	}
	return root;
}

void timer_heap_insert(struct timer_heap *h, struct timer_node *n, ns_t expires)
{
	*n = (struct timer_node){.expires = expires, .queued = true};
	h->root = meld(h->root, n);
	h->count++;
}

void timer_heap_remove(struct timer_heap *h, struct timer_node *n)
{
	struct timer_node *sub = meld_siblings(n->child);

	if (h->root == n) {
		h->root = sub;
	} else {
		if (n->prev->child == n)
			n->prev->child = n->next;
		else
			n->prev->next = n->next;
		if (n->next)
			n->next->prev = n->prev;
		h->root = meld(h->root, sub);
	}
	*n = (struct timer_node){.expires = n->expires};
	h->count--;
}
