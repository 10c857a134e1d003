/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which vCPU runs next, and for how long. PURE; the caller owns the lock and the clock.
 *
 * Weighted fair queueing: running for t ns moves an entity's virtual time on by t * 256 / weight, and
 * the least virtual time runs next. One that wakes starts at most one boost behind the queue's
 * clock: it runs soon, but cannot save up time by sleeping. Moving between queues keeps the
 * distance to the queue's clock. */
#pragma once
#include "logic/list.h"

#define RQ_WEIGHT_DEFAULT 256
#define RQ_WEIGHT_MAX     65535
#define RQ_SLICE          10000000 /* ns one runs while others of its kind wait */
#define RQ_BOOST          5000000  /* virtual ns of credit on waking */
#define RQ_RATELIMIT      1000000  /* ns one runs before an awakened one may preempt it */
#define RQ_MIN_TIMER      100000   /* ns, shortest slice handed out */
#define RQ_ROTATE         50000000 /* ns a queue keeps more than its share before an odd one goes on */

struct rq_entity {
	struct list link; /* in the queue; empty list when it is not queued */
	s64 vtime;        /* virtual ns; on the scale of the queue it belongs to */
	u32 weight;       /* 1..RQ_WEIGHT_MAX */
};

struct runqueue {
	struct list waiting; /* by vtime, least first */
	u32 count;
	u64 load;            /* sum of the weights of those that wait */
	s64 clock;           /* virtual time; never goes back */
};

void rq_init(struct runqueue *q);
void rq_entity_init(struct rq_entity *e, u32 weight);
void rq_insert(struct runqueue *q, struct rq_entity *e);
void rq_remove(struct runqueue *q, struct rq_entity *e);
/* Charges @e, which ran for @ns on @q and is not queued there. */
void rq_charge(struct runqueue *q, struct rq_entity *e, ns_t ns);
/* @e woke up: clamps its virtual time. */
void rq_wake(struct runqueue *q, struct rq_entity *e);
/* @e, not queued, leaves @from for @to. */
void rq_move(struct rq_entity *e, const struct runqueue *from, const struct runqueue *to);
/* @weight while it is queued on @q, too. */
void rq_set_weight(struct runqueue *q, struct rq_entity *e, u32 weight);
/* @e gives way once: puts it behind the first of those that wait. */
void rq_yield(struct runqueue *q, struct rq_entity *e);
/* Shall @next (waiting) run instead of @cur, which has run for @ran ns? @ratelimit in ns. */
bool rq_preempts(const struct rq_entity *next, const struct rq_entity *cur, ns_t ran,
                 ns_t ratelimit);

/* Is an entity of @weight, counted in the load @mine, better off with the load @theirs? Moving it must not
 * turn the difference round; with @rotate, when a difference has lasted, it may: of three on two
 * queues none shall have one to itself for ever. */
static inline bool rq_better_there(u64 mine, u64 theirs, u32 weight, bool rotate)
{
	return rotate ? mine > theirs : mine >= theirs + 2 * (u64)weight;
}

static inline bool rq_queued(const struct rq_entity *e)
{
	return !list_empty(&e->link);
}

static inline struct rq_entity *rq_first(const struct runqueue *q)
{
	return list_empty(&q->waiting) ? NULL : list_first(&q->waiting, struct rq_entity, link);
}

/* A domain's share of CPU time when it is capped. */
#define CAP_PERIOD 10000000 /* ns */

struct cap {
	u32 percent; /* of one CPU; 0 = no cap */
	s64 budget;  /* ns left in this period; below 0 is owed to the next ones */
};

s64 cap_quota(u32 percent);                  /* ns a period */
void cap_set(struct cap *c, u32 percent);
void cap_refill(struct cap *c, u64 periods); /* unused time is not saved up */
