/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The timer heap (logic/timer_heap.c).
 *
 * Argument: against a plain array of deadlines, after every step of a long random sequence the first
 * node has the least deadline, the count is right and exactly the queued nodes are marked so. Taking
 * everything out afterwards yields sorted order, so the structure held every node.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "logic/timer_heap.h"
#include "must.h"

#define NODES 300u

static struct timer_node node[NODES];
static struct timer_heap heap;
static u64 seed;

static u32 rnd(u32 n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (u32)(seed >> 33) % n;
}

static void check_first(const bool *queued, const ns_t *when)
{
	ns_t least = INT64_MAX;
	u32 count = 0;

	for (u32 i = 0; i < NODES; i++) {
		MUST_OP(node[i].queued, ==, queued[i]);
		if (!queued[i])
			continue;
		count++;
		least = MIN(least, when[i]);
	}
	MUST_OP(heap.count, ==, count);
	if (!count)
		MUST(!timer_heap_first(&heap));
	else
		MUST_OP(timer_heap_first(&heap)->expires, ==, least);
}

START_TEST(random_sequences_agree_with_an_array)
{
	bool queued[NODES] = {false};
	ns_t when[NODES] = {0}, last = INT64_MIN;

	seed = (u64)_i + 1;
	memset(node, 0, sizeof(node));
	heap = (struct timer_heap){0};
	for (u32 step = 0; step < 20000; step++) {
		u32 i = rnd(NODES);

		if (queued[i]) {
			timer_heap_remove(&heap, &node[i]);
			queued[i] = false;
		} else if (rnd(10) == 0 && heap.count) {
			i = (u32)(timer_heap_first(&heap) - node);
			timer_heap_remove(&heap, &node[i]);
			queued[i] = false;
		} else {
			when[i] = (ns_t)rnd(1000) - 100; /* many are equal, some are past */
			timer_heap_insert(&heap, &node[i], when[i]);
			queued[i] = true;
		}
		check_first(queued, when);
	}
	while (heap.count) {
		struct timer_node *n = timer_heap_first(&heap);

		MUST_OP(n->expires, >=, last);
		last = n->expires;
		timer_heap_remove(&heap, n);
	}
	MUST(!heap.root);
}
END_TEST

/* A sorted run of insertions makes one long list of siblings: removal must not recurse over it. */
START_TEST(a_hundred_thousand_siblings)
{
	u32 n = 100000;
	struct timer_node *many = calloc(n, sizeof(*many));

	MUST(many);
	heap = (struct timer_heap){0};
	for (u32 i = 0; i < n; i++)
		timer_heap_insert(&heap, &many[i], i);
	for (u32 i = 0; i < n; i++) {
		MUST(timer_heap_first(&heap) == &many[i]);
		timer_heap_remove(&heap, &many[i]);
	}
	for (u32 i = n; i-- > 0;)
		timer_heap_insert(&heap, &many[i], i);
	for (u32 i = n; i-- > 0;)
		timer_heap_remove(&heap, &many[i]);
	MUST(!heap.root);
	free(many);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("timer heap");
	TCase *t = tcase_create("timer heap");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, random_sequences_agree_with_an_array, 0, 8);
	tcase_add_test(t, a_hundred_thousand_siblings);
	tcase_set_timeout(t, 300);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
