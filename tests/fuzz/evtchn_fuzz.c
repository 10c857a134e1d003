/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * FIFO events against a guest whose every write comes from the fuzzer: words, heads and ready bits take
 * any value between two sends. What must hold: every call returns, no write lands outside the guest's
 * memory (the sanitizer watches), tails only ever name ports that were sent, and when the guest
 * behaves from then on, what is sent next is found on a queue.
 */
#include <string.h>
#include "core_fuzz.h"
#include "logic/evtchn_fifo.h"

#define PORTS  32u
#define QUEUES 4u

static u32 *word;
static u32 head[QUEUES], ready, locked;
static struct fifo_queue queue[QUEUES];
static u32 last[PORTS], want[PORTS];

static struct fifo_queue *op_lock(void *ctx, u32 q)
{
	(void)ctx;
	if (q >= QUEUES)
		return NULL;
	HOLD(!(locked & 1u << q));
	locked |= 1u << q;
	return &queue[q];
}

static void op_unlock(void *ctx, u32 q)
{
	(void)ctx;
	HOLD(locked & 1u << q);
	locked &= ~(1u << q);
}

static u32 *op_word(void *ctx, u32 port)
{
	(void)ctx;
	HOLD(port < PORTS); /* only our own tails are looked up, never a guest's link */
	return &word[port];
}

static u32 *op_head(void *ctx, u32 q)
{
	(void)ctx;
	return &head[q];
}

static void op_ready(void *ctx, u32 q)
{
	(void)ctx;
	ready |= 1u << q;
}

static const struct fifo_ops ops = {op_lock, op_unlock, op_word, op_head, op_ready};

static void send(u32 port)
{
	u32 old = fifo_set(&word[port], FIFO_PENDING);

	if (!(old & (FIFO_MASKED | FIFO_LINKED)))
		fifo_link(&ops, NULL, port, &word[port], &last[port], want[port]);
	HOLD(!locked);
}

/* From a clean slate the event must be reachable from its queue's head. */
static void check_found(u32 port)
{
	u32 q = want[port], at;

	memset(word, 0, PORTS * sizeof(*word));
	memset(head, 0, sizeof(head));
	ready = 0;
	send(port);
	HOLD(last[port] == q);
	HOLD(ready & 1u << q);
	at = head[q];
	HOLD(at == port && queue[q].tail == port);
	HOLD(word[port] == (FIFO_PENDING | FIFO_LINKED));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};

	word = calloc(PORTS, sizeof(*word)); /* on the heap: red zones around it */
	HOLD(word);
	memset(queue, 0, sizeof(queue));
	memset(head, 0, sizeof(head));
	memset(last, 0, sizeof(last));
	memset(want, 0, sizeof(want));
	while (in.left > 0) {
		u32 port = 1 + take(&in, PORTS - 1);

		switch (take(&in, 6)) {
		case 0:
			word[port] = take(&in, 0) << 16 | take(&in, 0);
			break;
		case 1:
			head[take(&in, QUEUES)] = take(&in, 0);
			break;
		case 2:
			want[port] = take(&in, QUEUES);
			break;
		case 3:
			fifo_clear(&word[port], FIFO_MASKED);
			/* fall through */
		default:
			send(port);
		}
		for (u32 q = 0; q < QUEUES; q++)
			HOLD(queue[q].tail < PORTS);
	}
	check_found(1 + take(&in, PORTS - 1));
	free(word);
	return 0;
}
