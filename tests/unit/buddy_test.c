/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The buddy allocator (logic/buddy.c).
 *
 * Argument: a reference model keeps one state a frame (absent, free clean, free dirty, given away).
 * Long random sequences of all operations must agree with it: what is given is aligned, free, in the
 * zones asked for and keeps its dirt; what is refused is refused only if, after coalescing, no
 * suitable block exists at all (found by trying every one). The lists are checked whole from time to
 * time: every free frame is in exactly one block, and equally clean buddies are never left apart.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include "logic/buddy.h"
#include "must.h"

#define FRAMES 8192u

enum state { ABSENT, CLEAN, DIRTY, GIVEN };

static struct page_info frames[FRAMES];
static u8 model[FRAMES];
static struct buddy b;

static u64 seed;

static u32 rnd(u32 n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (u32)(seed >> 33) % n;
}

static bool valid(u64 n)
{
	return n < FRAMES && model[n] != ABSENT;
}

static void mark(u64 n, u32 order, bool dirty)
{
	for (u64 i = n; i < n + BIT(order); i++) {
		frames[i] = (struct page_info){.shadow = HEAPF_MAGIC | (dirty ? HEAPF_DIRTY : 0)};
		model[i] = dirty ? DIRTY : CLEAN;
	}
}

static void give_back(u64 n, u32 order, bool dirty)
{
	mark(n, order, dirty);
	buddy_free(&b, n, order);
}

static bool is_free(u64 n)
{
	return model[n] == CLEAN || model[n] == DIRTY;
}

static bool block_free(u64 n, u32 order)
{
	for (u64 i = n; i < n + BIT(order); i++)
		if (i >= FRAMES || !is_free(i))
			return false;
	return true;
}

/* A block of the model that the allocator ought to find once everything is coalesced. */
static bool any_block(u32 order, u32 first, u32 last)
{
	for (u64 n = 0; n + BIT(order) <= FRAMES; n += BIT(order)) {
		u32 zone = buddy_zone(n);

		if (zone >= first && zone <= last && buddy_zone(n + BIT(order) - 1) == zone &&
		    block_free(n, order))
			return true;
	}
	return false;
}

static void check_taken(u64 n, u32 order, u32 first, u32 last)
{
	MUST_OP(n % BIT(order), ==, 0);
	MUST_OP(buddy_zone(n), >=, first);
	MUST_OP(buddy_zone(n), <=, last);
	MUST(block_free(n, order));
	for (u64 i = n; i < n + BIT(order); i++) {
		MUST_OP(heap_frame(&frames[i], HEAPF_DIRTY), ==, model[i] == DIRTY);
		MUST(!(frames[i].shadow & (HEAPF_HEAD | HEAPF_MIXED)));
		MUST_OP(frames[i].order, ==, 0);
		frames[i].type = 0;
		model[i] = GIVEN;
	}
}

static void check_block(const struct page_info *pg, u32 zone, u32 order, u32 dirty, u8 *seen)
{
	u64 n = (u64)(pg - frames), other = n ^ BIT(order);
	bool any_dirty = false;

	MUST(heap_frame(pg, HEAPF_HEAD));
	MUST_OP(pg->order, ==, order);
	MUST_OP(n % BIT(order), ==, 0);
	MUST_OP(buddy_zone(n), ==, zone);
	for (u64 i = n; i < n + BIT(order); i++) {
		MUST(is_free(i));
		MUST_OP(seen[i]++, ==, 0);
		any_dirty |= model[i] == DIRTY;
	}
	if (!dirty)
		MUST(!any_dirty);
	if (order < BUDDY_MAX_ORDER && other < FRAMES && model[other] != ABSENT &&
	    buddy_zone(other) == zone && heap_frame(&frames[other], HEAPF_HEAD) &&
	    frames[other].order == order)
		MUST_OP(heap_frame(&frames[other], HEAPF_MIXED), !=, dirty);
}

static void check_lists(void)
{
	static u8 seen[FRAMES];
	struct page_info *pg;
	u64 free = 0, dirty = 0, zones[BUDDY_ZONES] = {0};

	memset(seen, 0, sizeof(seen));
	for (u32 z = 0; z < BUDDY_ZONES; z++)
		for (u32 o = 0; o <= BUDDY_MAX_ORDER; o++)
			for (u32 d = 0; d < 2; d++)
				page_list_for_each(pg, frames, &b.list[z][o][d])
					check_block(pg, z, o, d, seen);
	for (u64 i = 0; i < FRAMES; i++) {
		MUST_OP(seen[i], ==, is_free(i));
		free += is_free(i);
		dirty += model[i] == DIRTY;
		zones[buddy_zone(i)] += is_free(i);
	}
	MUST_OP(b.free, ==, free);
	MUST_OP(b.dirty, ==, dirty);
	for (u32 z = 0; z < BUDDY_ZONES; z++)
		MUST_OP(b.free_in_zone[z], ==, zones[z]);
	MUST_OP(buddy_free_in_zones(&b, 0, BUDDY_ZONES - 1), ==, free);
}

/* Memory with holes, some of it never given to the heap. */
static void set_up(void)
{
	memset(frames, 0, sizeof(frames));
	for (u64 i = 0; i < FRAMES; i++)
		model[i] = i >= 3000 && i < 3500 ? ABSENT : GIVEN;
	buddy_init(&b, frames, valid);
	for (u64 i = 1; i < FRAMES; i++)
		if (model[i] != ABSENT && (i < 600 || i >= 640))
			give_back(i, 0, i % 3 == 0);
}

struct held {
	u64 n;
	u32 order;
};

static void one_alloc(struct held *held, u32 *nheld)
{
	u32 order = rnd(8) ? rnd(6) : rnd(12), first = rnd(8), last = rnd(3) ? 39 : first + rnd(6);
	u64 n;

	n = buddy_alloc(&b, order, first, last, rnd(2));
	if (n == ~0ULL) {
		buddy_coalesce(&b, order);
		n = buddy_alloc(&b, order, first, last, rnd(2));
	}
	if (n == ~0ULL) {
		MUST(!any_block(order, first, MIN(last, BUDDY_ZONES - 1u)));
		return;
	}
	check_taken(n, order, first, last);
	held[(*nheld)++] = (struct held){n, order};
}

static void one_free(struct held *held, u32 *nheld)
{
	u32 i = rnd(*nheld);

	give_back(held[i].n, held[i].order, rnd(4) != 0);
	held[i] = held[--*nheld];
}

static void one_scrub(void)
{
	u32 want = rnd(8), order = 99;
	u64 n = buddy_take_dirty(&b, want, &order);

	if (n == ~0ULL) {
		MUST_OP(b.dirty, ==, 0);
		return;
	}
	MUST_OP(order, <=, want);
	check_taken(n, order, 0, BUDDY_ZONES - 1);
	give_back(n, order, false);
}

START_TEST(random_sequences_agree_with_the_model)
{
	static struct held held[FRAMES];
	u32 nheld = 0;

	seed = (u64)_i + 1;
	set_up();
	check_lists();
	for (u32 step = 0; step < 30000; step++) {
		u32 what = rnd(100);

		if (what < 45)
			one_alloc(held, &nheld);
		else if (what < 80 && nheld)
			one_free(held, &nheld);
		else if (what < 99)
			one_scrub();
		else
			buddy_coalesce(&b, rnd(BUDDY_MAX_ORDER + 1));
		if (step % 500 == 0)
			check_lists();
	}
	while (nheld)
		one_free(held, &nheld);
	check_lists();
}
END_TEST

/* The scrubber reaches every dirty frame in the end, and then all merges back. */
START_TEST(scrubbing_ends)
{
	u32 order, turns = 0;
	u64 n;

	seed = 5;
	set_up();
	while ((n = buddy_take_dirty(&b, 6, &order)) != ~0ULL) {
		check_taken(n, order, 0, BUDDY_ZONES - 1);
		give_back(n, order, false);
		MUST_OP(++turns, <, FRAMES);
	}
	MUST_OP(b.dirty, ==, 0);
	check_lists();
	MUST_OP(buddy_alloc(&b, 12, 12, 12, false), !=, ~0ULL);
}
END_TEST

START_TEST(impossible_requests_are_refused)
{
	set_up();
	MUST_OP(buddy_alloc(&b, BUDDY_MAX_ORDER + 1, 0, 39, false), ==, ~0ULL);
	MUST_OP(buddy_alloc(&b, 0, 20, 39, false), ==, ~0ULL);
	MUST_OP(buddy_alloc(&b, 13, 0, 39, false), ==, ~0ULL);
	MUST_OP(buddy_zone(0), ==, 0);
	MUST_OP(buddy_zone(4095), ==, 11);
	MUST_OP(buddy_zone(4096), ==, 12);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("buddy");
	TCase *t = tcase_create("buddy");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, random_sequences_agree_with_the_model, 0, 8);
	tcase_add_test(t, scrubbing_ends);
	tcase_add_test(t, impossible_requests_are_refused);
	tcase_set_timeout(t, 300);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
