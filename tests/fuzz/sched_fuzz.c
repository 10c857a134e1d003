/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Run queue and timer heap under any sequence of operations: order, counts and clock keep their meaning,
 * and no arithmetic overflows (the sanitizer watches) even for absurd times.
 */
#include <string.h>
#include "core_fuzz.h"
#include "logic/runqueue.h"
#include "logic/timer_heap.h"

#define N 16u

static struct runqueue q[2];
static struct rq_entity e[N];
static u32 where[N]; /* queue whose scale it is on */
static struct timer_node t[N];
static struct timer_heap heap;

static void check(void)
{
	u32 queued = 0;
	ns_t least = INT64_MAX;

	for (u32 i = 0; i < 2; i++) {
		const struct rq_entity *pos, *prev = NULL;
		u32 n = 0;
		u64 load = 0;

		list_for_each(pos, &q[i].waiting, link) {
			HOLD(!prev || prev->vtime <= pos->vtime);
			prev = pos;
			load += pos->weight;
			n++;
		}
		HOLD(n == q[i].count && load == q[i].load);
	}
	for (u32 i = 0; i < N; i++) {
		queued += t[i].queued;
		if (t[i].queued)
			least = MIN(least, t[i].expires);
	}
	HOLD(heap.count == queued);
	HOLD(!queued || timer_heap_first(&heap)->expires == least);
}

static void one_timer(struct input *in, u32 i)
{
	if (t[i].queued)
		timer_heap_remove(&heap, &t[i]);
	else
		timer_heap_insert(&heap, &t[i], (ns_t)take(in, 0) - 1000);
}

static void one_entity(struct input *in, u32 i, u32 what)
{
	struct runqueue *mine = &q[where[i]];
	s64 clock = mine->clock;

	if (what == 6) {
		rq_set_weight(mine, &e[i], 1 + take(in, RQ_WEIGHT_MAX));
		return;
	}
	if (rq_queued(&e[i])) {
		rq_remove(mine, &e[i]);
		return;
	}
	switch (what) {
	case 0:
		rq_charge(mine, &e[i], (ns_t)take(in, 0) << take(in, 40));
		break;
	case 1:
		rq_wake(mine, &e[i]);
		break;
	case 2:
		rq_move(&e[i], mine, &q[!where[i]]);
		where[i] = !where[i];
		break;
	case 3:
		rq_yield(mine, &e[i]);
		break;
	default:
		rq_insert(mine, &e[i]);
		if (rq_first(mine) != &e[i])
			HOLD(!rq_preempts(&e[i], rq_first(mine), INT64_MAX, 0));
		break;
	}
	HOLD(mine->clock >= clock);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct cap c;

	rq_init(&q[0]);
	rq_init(&q[1]);
	memset(t, 0, sizeof(t));
	memset(where, 0, sizeof(where));
	heap = (struct timer_heap){0};
	for (u32 i = 0; i < N; i++)
		rq_entity_init(&e[i], 1 + take(&in, RQ_WEIGHT_MAX));
	cap_set(&c, take(&in, 0));
	for (u32 steps = 0; in.left > 0 && steps < 2000; steps++) {
		u32 i = take(&in, N), what = take(&in, 8);

		if (what == 5)
			one_timer(&in, i);
		else if (what == 7)
			cap_refill(&c, take(&in, 0));
		else
			one_entity(&in, i, what);
		HOLD(c.budget <= cap_quota(c.percent));
		check();
	}
	return 0;
}
