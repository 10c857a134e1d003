/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The run queue (logic/runqueue.c).
 *
 * Argument: the queue is driven as a CPU drives it, by a small simulation with its own clock. What users
 * rely on is measured there: time in proportion to weight, no gain from sleeping, quick service
 * after waking, nobody starved by yields or moves, a cap that holds over any stretch of time. Order and
 * clock are checked against their definition in random sequences.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "logic/runqueue.h"
#include "must.h"

#define MS ((ns_t)1000000)

static u64 seed;

static u32 rnd(u32 n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (u32)(seed >> 33) % n;
}

static struct rq_entity *take_first(struct runqueue *q)
{
	struct rq_entity *e = rq_first(q);

	rq_remove(q, e);
	return e;
}

static void run(struct runqueue *q, struct rq_entity *e, ns_t ns, ns_t *used)
{
	rq_charge(q, e, ns);
	*used += ns;
}

START_TEST(time_is_shared_by_weight)
{
	static const u32 weight[] = {1, 128, 256, 256, 512, 4096, 65535};
	struct rq_entity e[ARRAY_SIZE(weight)];
	ns_t used[ARRAY_SIZE(weight)] = {0}, total = 0, sum = 0;
	struct runqueue q;

	seed = 7;
	rq_init(&q);
	for (size_t i = 0; i < ARRAY_SIZE(e); i++) {
		rq_entity_init(&e[i], weight[i]);
		rq_insert(&q, &e[i]);
		sum += weight[i];
	}
	while (total < 2000000 * MS) {
		struct rq_entity *c = take_first(&q);
		ns_t ns = MS + rnd(10000000);

		run(&q, c, ns, &used[c - e]);
		total += ns;
		rq_insert(&q, c);
	}
	for (size_t i = 0; i < ARRAY_SIZE(e); i++) {
		ns_t fair = total / sum * weight[i];

		/* One slice of error, more for the heavy ones whose virtual time hardly moves. */
		MUST_OP(llabs(used[i] - fair), <, 11 * MS + fair / 100);
	}
}
END_TEST

/* One that sleeps long and wakes often competes with one that always runs. */
START_TEST(sleeping_saves_nothing_up)
{
	struct rq_entity hog, sleeper;
	ns_t used_hog = 0, used_sleeper = 0;
	struct runqueue q;

	rq_init(&q);
	rq_entity_init(&hog, 256);
	rq_entity_init(&sleeper, 256);
	run(&q, &hog, 10000 * MS, &used_hog); /* the sleeper slept for 10 s */
	rq_wake(&q, &sleeper);
	rq_insert(&q, &hog);
	rq_insert(&q, &sleeper);
	used_hog = 0;
	for (u32 i = 0; i < 100; i++) {
		struct rq_entity *c = take_first(&q);

		run(&q, c, MS, c == &hog ? &used_hog : &used_sleeper);
		rq_insert(&q, c);
	}
	MUST_OP(used_sleeper - used_hog, <=, RQ_BOOST + 2 * MS);
	MUST_OP(used_sleeper, >=, used_hog - 2 * MS);
}
END_TEST

START_TEST(who_wakes_runs_soon)
{
	struct rq_entity hog, other, waker;
	ns_t used = 0;
	struct runqueue q;

	rq_init(&q);
	rq_entity_init(&hog, 256);
	rq_entity_init(&other, 256);
	rq_entity_init(&waker, 256);
	run(&q, &hog, 500 * MS, &used);
	run(&q, &other, 500 * MS, &used);
	rq_insert(&q, &other);
	rq_wake(&q, &waker);
	rq_insert(&q, &waker);
	MUST(rq_first(&q) == &waker);
	MUST(!rq_preempts(&waker, &hog, RQ_RATELIMIT - 1, RQ_RATELIMIT));
	MUST(rq_preempts(&waker, &hog, RQ_RATELIMIT, RQ_RATELIMIT));
	MUST(rq_preempts(&waker, &hog, 0, 0));
	/* An equal one waits for the end of the slice. */
	MUST(!rq_preempts(&other, &hog, RQ_SLICE, 0));
	run(&q, &hog, 1, &used);
	MUST(!rq_preempts(&other, &hog, RQ_SLICE - 1, 0));
	MUST(rq_preempts(&other, &hog, RQ_SLICE, 0));
}
END_TEST

START_TEST(yielding_lets_the_next_one_run)
{
	struct rq_entity a, b;
	struct runqueue q;

	rq_init(&q);
	rq_entity_init(&a, 256);
	rq_entity_init(&b, 256);
	rq_yield(&q, &a); /* nobody waits: nothing changes */
	MUST_OP(a.vtime, ==, 0);
	b.vtime = 5;
	rq_insert(&q, &b);
	rq_yield(&q, &a);
	rq_insert(&q, &a);
	MUST(rq_first(&q) == &b);
}
END_TEST

/* Entities that wander between queues of different age are neither favoured nor starved. */
START_TEST(moving_keeps_the_distance)
{
	struct rq_entity e, resident[2];
	struct runqueue q[2];
	ns_t used = 0;

	for (u32 i = 0; i < 2; i++) {
		rq_init(&q[i]);
		rq_entity_init(&resident[i], 256);
	}
	run(&q[0], &resident[0], 90000 * MS, &used);
	run(&q[1], &resident[1], 3 * MS, &used);
	rq_entity_init(&e, 256);
	rq_wake(&q[0], &e);
	for (u32 i = 0; i < 1000; i++) {
		s64 behind = e.vtime - q[i % 2].clock;

		rq_move(&e, &q[i % 2], &q[(i + 1) % 2]);
		MUST_OP(e.vtime - q[(i + 1) % 2].clock, ==, behind);
	}
}
END_TEST

/* What a CPU would do every slice: gives one away, or, when the difference has lasted, the odd one. */
START_TEST(loads_become_level)
{
	u64 load[4] = {0};
	u32 weight = 256;

	load[0] = 9 * weight;
	for (u32 i = 0; i < 20; i++) {
		for (u32 to = 1; to < ARRAY_SIZE(load); to++) {
			if (rq_better_there(load[0], load[to], weight, false)) {
				load[0] -= weight;
				load[to] += weight;
			}
		}
	}
	MUST_OP(load[0], ==, 3 * weight);
	for (u32 i = 1; i < ARRAY_SIZE(load); i++) {
		MUST_OP(load[i], ==, 2 * weight);
		MUST(rq_better_there(load[0], load[i], weight, true));
		MUST(!rq_better_there(load[i], load[0], weight, true));
	}
	/* A heavy one stays where it is alone with a light one. */
	MUST(!rq_better_there(4096 + 256, 256, 4096, false));
	MUST(rq_better_there(4096 + 256, 256, 256, false));
}
END_TEST

START_TEST(order_and_clock_in_random_sequences)
{
	struct rq_entity e[40];
	bool in[ARRAY_SIZE(e)] = {false};
	struct runqueue q;
	s64 clock = 0;
	ns_t used = 0;

	seed = (u64)_i + 1;
	rq_init(&q);
	for (size_t i = 0; i < ARRAY_SIZE(e); i++)
		rq_entity_init(&e[i], 1 + rnd(RQ_WEIGHT_MAX));
	for (u32 step = 0; step < 50000; step++) {
		u32 i = rnd(ARRAY_SIZE(e)), count = 0;
		u64 load = 0;
		const struct rq_entity *pos, *prev = NULL;

		if (rnd(8) == 0)
			rq_set_weight(&q, &e[i], 1 + rnd(RQ_WEIGHT_MAX));
		if (in[i]) {
			rq_remove(&q, &e[i]);
		} else {
			if (rnd(2))
				run(&q, &e[i], rnd(20000000), &used);
			if (rnd(4) == 0)
				rq_wake(&q, &e[i]);
			rq_insert(&q, &e[i]);
		}
		in[i] = !in[i];
		MUST_OP(rq_queued(&e[i]), ==, in[i]);
		list_for_each(pos, &q.waiting, link) {
			MUST(!prev || prev->vtime <= pos->vtime);
			prev = pos;
			count++;
			load += pos->weight;
		}
		MUST_OP(count, ==, q.count);
		MUST_OP(load, ==, q.load);
		MUST_OP(q.clock, >=, clock);
		clock = q.clock;
	}
}
END_TEST

START_TEST(absurd_times_do_no_harm)
{
	struct rq_entity e;
	struct runqueue q;

	rq_init(&q);
	rq_entity_init(&e, 1);
	rq_charge(&q, &e, -5);
	MUST_OP(e.vtime, ==, 0);
	for (u32 i = 0; i < 1000; i++)
		rq_charge(&q, &e, INT64_MAX);
	MUST_OP(e.vtime, >, 0);
	MUST_OP(q.clock, ==, e.vtime);
	rq_entity_init(&e, RQ_WEIGHT_MAX);
	rq_charge(&q, &e, 1);
	MUST_OP(e.vtime, ==, 1); /* never free of charge */
}
END_TEST

/* Always wanting to run, in stretches that overdraw the budget, it still gets its percentage. */
START_TEST(a_cap_holds)
{
	static const u32 percents[] = {1, 10, 50, 99, 100, 250};

	for (size_t i = 0; i < ARRAY_SIZE(percents); i++) {
		ns_t used = 0, now = 0, last = 0;
		struct cap c;

		seed = i + 1;
		cap_set(&c, percents[i]);
		while (now < 100000 * MS) {
			/* As many CPUs as it could use, one stretch each. */
			for (u32 cpu = 0; cpu * 100 < percents[i] && c.budget > 0; cpu++) {
				ns_t ns = 100000 + rnd(3000000);

				c.budget -= ns;
				used += ns;
			}
			now += MS;
			if (now - last >= CAP_PERIOD) {
				cap_refill(&c, (u64)(now - last) / CAP_PERIOD);
				last += (now - last) / CAP_PERIOD * CAP_PERIOD;
			}
		}
		MUST_OP(used, <=, now / 100 * percents[i] + 20 * MS);
		if (percents[i] < 100)
			MUST_OP(used, >=, now / 100 * percents[i] * 95 / 100);
	}
}
END_TEST

START_TEST(unused_budget_is_lost_and_debts_are_kept)
{
	struct cap c;

	cap_set(&c, 50);
	cap_refill(&c, 1000);
	MUST_OP(c.budget, ==, cap_quota(50));
	c.budget = -3 * cap_quota(50);
	cap_refill(&c, 1);
	MUST_OP(c.budget, ==, -2 * cap_quota(50));
	cap_refill(&c, UINT64_MAX);
	MUST_OP(c.budget, ==, cap_quota(50));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("run queue");
	TCase *t = tcase_create("run queue");
	SRunner *r;
	int failed;

	tcase_add_test(t, time_is_shared_by_weight);
	tcase_add_test(t, sleeping_saves_nothing_up);
	tcase_add_test(t, who_wakes_runs_soon);
	tcase_add_test(t, yielding_lets_the_next_one_run);
	tcase_add_test(t, moving_keeps_the_distance);
	tcase_add_test(t, loads_become_level);
	tcase_add_loop_test(t, order_and_clock_in_random_sequences, 0, 4);
	tcase_add_test(t, absurd_times_do_no_harm);
	tcase_add_test(t, a_cap_holds);
	tcase_add_test(t, unused_budget_is_lost_and_debts_are_kept);
	tcase_set_timeout(t, 300);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
