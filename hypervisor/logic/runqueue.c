/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "logic/runqueue.h"

void rq_init(struct runqueue *q)
{
	list_init(&q->waiting);
	q->count = 0;
	q->load = 0;
	q->clock = 0;
}

void rq_entity_init(struct rq_entity *e, u32 weight)
{
	list_init(&e->link);
	e->vtime = 0;
	e->weight = weight;
}

/* The clock follows the least virtual time among those that wait. */
static void advance_clock(struct runqueue *q)
{
	const struct rq_entity *e = rq_first(q);

	if (e && e->vtime > q->clock)
		q->clock = e->vtime;
}

void rq_insert(struct runqueue *q, struct rq_entity *e)
{
	struct rq_entity *pos;
	struct list *at = &q->waiting;

	/* Equal ones stay in order of arrival; most newcomers belong near the end. */
	for (struct list *l = q->waiting.prev; l != &q->waiting; l = l->prev) {
		pos = list_entry(l, struct rq_entity, link);
		if (pos->vtime <= e->vtime)
			break;
		at = l;
	}
	list_insert_before(at, &e->link);
	q->count++;
	q->load += e->weight;
}

void rq_remove(struct runqueue *q, struct rq_entity *e)
{
	list_del(&e->link);
	q->count--;
	q->load -= e->weight;
}

void rq_charge(struct runqueue *q, struct rq_entity *e, ns_t ns)
{
	const struct rq_entity *first = rq_first(q);
	s64 delta;

	if (ns <= 0)
		return;
	/* Longer than an hour in one go is a clock's fault, not the entity's. */
	ns = MIN(ns, (ns_t)3600 * 1000000000);
	delta = ns * RQ_WEIGHT_DEFAULT / e->weight;
	e->vtime += MAX(delta, 1);
	if (!first || e->vtime < first->vtime)
		q->clock = MAX(q->clock, e->vtime);
	else
		advance_clock(q);
}

void rq_wake(struct runqueue *q, struct rq_entity *e)
{
	e->vtime = MAX(e->vtime, q->clock - RQ_BOOST);
}

void rq_move(struct rq_entity *e, const struct runqueue *from, const struct runqueue *to)
{
	e->vtime += to->clock - from->clock;
}

void rq_set_weight(struct runqueue *q, struct rq_entity *e, u32 weight)
{
	if (rq_queued(e))
		q->load = q->load - e->weight + weight;
	e->weight = weight;
}

void rq_yield(struct runqueue *q, struct rq_entity *e)
{
	const struct rq_entity *first = rq_first(q);

	if (first && e->vtime <= first->vtime)
		e->vtime = first->vtime + 1;
}

bool rq_preempts(const struct rq_entity *next, const struct rq_entity *cur, ns_t ran,
                 ns_t ratelimit)
{
	if (next->vtime >= cur->vtime)
		return false;
	if (ran >= RQ_SLICE)
		return true;
	/* Within its slice only somebody clearly behind, as one that has just woken is. */
	return ran >= ratelimit && cur->vtime - next->vtime >= RQ_RATELIMIT;
}

s64 cap_quota(u32 percent)
{
	return (s64)CAP_PERIOD / 100 * percent;
}

void cap_set(struct cap *c, u32 percent)
{
	c->percent = percent;
	c->budget = cap_quota(percent);
}

void cap_refill(struct cap *c, u64 periods)
{
	s64 quota = cap_quota(c->percent);

	periods = MIN(periods, 1000000u);
	if (c->budget < 0 && (u64)(-c->budget) > (u64)quota * periods)
		c->budget += quota * (s64)periods;
	else
		c->budget = MIN(c->budget + quota * (s64)periods, quota);
}
