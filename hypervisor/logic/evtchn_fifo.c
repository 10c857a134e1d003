/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "logic/bitmap.h"
#include "logic/evtchn_fifo.h"

#define LINK_TRIES 8

/* One try: 1 = linked, 0 = not LINKED any more, -1 = the word changed meanwhile. */
static int try_set_link(u32 *word, u32 port)
{
	u32 old = READ_ONCE(*word), new;

	if (!(old & FIFO_LINKED))
		return 0;
	new = (old & ~(u32)(FIFO_BUSY | EVTCHN_FIFO_LINK_MASK)) | port;
	return __atomic_compare_exchange_n(word, &old, new, false, __ATOMIC_SEQ_CST,
	                                   __ATOMIC_RELAXED)
	               ? 1
	               : -1;
}

bool fifo_set_link(u32 *word, u32 port)
{
	int rc = try_set_link(word, port);

	/* BUSY asks the guest to leave the word alone; one that does not is not waited for. */
	for (u32 i = 0; i < LINK_TRIES && rc < 0; i++) {
		if (i == 0)
			fifo_set(word, FIFO_BUSY);
		rc = try_set_link(word, port);
	}
	if (rc != 1)
		fifo_clear(word, FIFO_BUSY);
	return rc == 1;
}

bool fifo_enqueue(struct fifo_queue *q, u32 port, u32 *tail_word, u32 *head)
{
	bool linked = q->tail && tail_word && fifo_set_link(tail_word, port);

	if (!linked)
		__atomic_store_n(head, port, __ATOMIC_SEQ_CST);
	q->tail = port;
	return !linked;
}

static void enqueue(const struct fifo_ops *ops, void *ctx, struct fifo_queue *q, u32 queue, u32 port)
{
	u32 *tail_word = q->tail ? ops->word(ctx, q->tail) : NULL;

	/* Not the head: the guest was told of this queue and is not done with it. */
	if (fifo_enqueue(q, port, tail_word, ops->head(ctx, queue)))
		ops->ready(ctx, queue);
}

void fifo_link(const struct fifo_ops *ops, void *ctx, u32 port, u32 *word, u32 *last, u32 want)
{
	for (;;) {
		u32 old = READ_ONCE(*last);
		struct fifo_queue *q = ops->lock(ctx, old);

		if (!q)
			return;
		if (old != READ_ONCE(*last)) {
			ops->unlock(ctx, old);
			continue;
		}
		if (fifo_set(word, FIFO_LINKED) & FIFO_LINKED) {
			ops->unlock(ctx, old);
			return;
		}
		/* Not linked, and yet the tail: the guest has taken it, and the queue is empty. A
		 * word linked to itself or to another queue would be lost. */
		if (q->tail == port)
			q->tail = 0;
		if (old == want) {
			enqueue(ops, ctx, q, want, port);
			ops->unlock(ctx, old);
			return;
		}
		WRITE_ONCE(*last, want);
		ops->unlock(ctx, old);

		q = ops->lock(ctx, want);
		if (!q)
			return;
		enqueue(ops, ctx, q, want, port);
		ops->unlock(ctx, want);
		return;
	}
}

enum evtchn_2l_result evtchn_2l_set(u64 *pending, const u64 *mask, u64 *sel, u32 port)
{
	if (bit_test_and_set_atomic(pending, port))
		return EVTCHN_2L_NOTHING;
	if (bit_test(mask, port) || bit_test_and_set_atomic(sel, port / 64))
		return EVTCHN_2L_PENDED;
	return EVTCHN_2L_UPCALL;
}

bool evtchn_2l_unmask(const u64 *pending, u64 *mask, u64 *sel, u32 port)
{
	return bit_test_and_clear_atomic(mask, port) && bit_test(pending, port) &&
	       !bit_test_and_set_atomic(sel, port / 64);
}
