/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Circular intrusive doubly linked list. The owner of the list head owns the lock. */
#pragma once
#include "logic/types.h"

struct list {
	struct list *next, *prev;
};

#define LIST_INIT(name) {&(name), &(name)}

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

static inline void list_insert_before(struct list *at, struct list *n)
{
	n->prev = at->prev;
	n->next = at;
	at->prev->next = n;
	at->prev = n;
}

static inline void list_add_tail(struct list *head, struct list *n)
{
	list_insert_before(head, n);
}

static inline void list_add(struct list *head, struct list *n)
{
	list_insert_before(head->next, n);
}

/* Unlinks @n and leaves it an empty list, so that list_empty(n) says "not queued". */
static inline void list_del(struct list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}

#define list_entry(p, T, m) container_of(p, T, m)
#define list_first(head, T, m) list_entry((head)->next, T, m)
#define list_for_each(pos, head, m)                                                        \
	for (pos = list_entry((head)->next, typeof(*pos), m); &pos->m != (head);           \
	     pos = list_entry(pos->m.next, typeof(*pos), m))
#define list_for_each_safe(pos, tmp, head, m)                                              \
	for (pos = list_entry((head)->next, typeof(*pos), m),                              \
	    tmp = list_entry(pos->m.next, typeof(*pos), m);                                \
	     &pos->m != (head); pos = tmp, tmp = list_entry(pos->m.next, typeof(*pos), m))
