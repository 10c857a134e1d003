/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Event bits and queues in memory that the guest writes too. PURE: words come as pointers, the caller
 * owns the queue's lock. Nothing here trusts a word: every loop is bounded, and a guest that
 * plays with its words loses its own events only.
 *
 * FIFO (public header event_channel.h): a queue is a list of event words linked by port number. The
 * guest takes words off the head, clearing LINKED and the link together; we add after the tail if the
 * tail is still LINKED, else the queue ran empty and the port becomes its new head. */
#pragma once
#include "logic/abi.h"

#define FIFO_PENDING BIT(EVTCHN_FIFO_PENDING)
#define FIFO_MASKED  BIT(EVTCHN_FIFO_MASKED)
#define FIFO_LINKED  BIT(EVTCHN_FIFO_LINKED)
#define FIFO_BUSY    BIT(EVTCHN_FIFO_BUSY)

struct fifo_queue {
	u32 tail; /* port, 0 = empty as far as we know */
};

/* Sets @flag (FIFO_*) atomically with full barriers; returns the word before. */
static inline u32 fifo_set(u32 *word, u32 flag)
{
	return __atomic_fetch_or(word, flag, __ATOMIC_SEQ_CST);
}

static inline u32 fifo_clear(u32 *word, u32 flag)
{
	return __atomic_fetch_and(word, ~flag, __ATOMIC_SEQ_CST);
}

/* Makes @word, the tail, link to @port. False if it is no longer linked (the guest consumed it), or
 * if the guest keeps changing it. */
bool fifo_set_link(u32 *word, u32 port);

/* Adds @port, whose word we have just set LINKED. @tail_word is the word of @q->tail, NULL if that is
 * 0. True if the port became the queue's head: *head is written, the ready bit has to be set. */
bool fifo_enqueue(struct fifo_queue *q, u32 port, u32 *tail_word, u32 *head);

/* How fifo_link() reaches the queues of a domain; queue number = vCPU * 16 + priority. */
struct fifo_ops {
	struct fifo_queue *(*lock)(void *ctx, u32 queue); /* NULL = there is no such queue */
	void (*unlock)(void *ctx, u32 queue);
	u32 *(*word)(void *ctx, u32 port);  /* NULL = the array does not reach so far */
	u32 *(*head)(void *ctx, u32 queue); /* queue locked */
	void (*ready)(void *ctx, u32 queue); /* queue locked: set its ready bit, tell the vCPU */
};

/* Puts a pending, unmasked event on queue @want unless it is LINKED already. *@last is the queue it
 * was on last; it changes only with that queue locked. An event that is still linked stays
 * where it is. */
void fifo_link(const struct fifo_ops *ops, void *ctx, u32 port, u32 *word, u32 *last, u32 want);

/* 2-level: marks @port pending. What the caller has to do: */
enum evtchn_2l_result {
	EVTCHN_2L_NOTHING, /* it was pending */
	EVTCHN_2L_PENDED,  /* now pending but masked, or the selector bit was set */
	EVTCHN_2L_UPCALL   /* the vCPU has to be told */
};
/* @pending, @mask: 64 words of shared_info; @sel: the vCPU's selector word. */
enum evtchn_2l_result evtchn_2l_set(u64 *pending, const u64 *mask, u64 *sel, u32 port);
/* Unmasks @port; true if the vCPU has to be told. */
bool evtchn_2l_unmask(const u64 *pending, u64 *mask, u64 *sel, u32 port);
