/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The firmware's memory map and the ranges taken from it while booting (logic/e820.c).
 *
 * Argument: the map is compared, byte of a small address space by byte, with an array that holds the
 * highest type given for it. Random maps with overlaps must come out ascending, disjoint, merged and
 * with exactly the array's types, save that RAM loses its broken pages. Ranges are compared with an
 * array of free pages in the same way.
 */
#include <stdlib.h>
#include <string.h>
#include "logic/e820.h"
#include "must.h"
#include "run_suite.h"

static struct e820_map map, scratch;
static u64 seed;

static u32 rnd(u32 n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (u32)(seed >> 33) % n;
}

#define SPACE (64 * 4096u)
#define UNIT  1024u /* boundaries are multiples of it */

static u8 model[SPACE / UNIT];

static void random_map(void)
{
	u32 n = 1 + rnd(12);

	map.n = 0;
	memset(model, 0, sizeof(model));
	for (u32 i = 0; i < n; i++) {
		u32 at = rnd(SPACE / UNIT), len = 1 + rnd(SPACE / UNIT - at), type = 1 + rnd(5);

		if (rnd(3))
			len = 1 + rnd(MIN(len, 20u));
		MUST(e820_add(&map, at * (u64)UNIT, len * (u64)UNIT, type));
		for (u32 k = at; k < at + len; k++)
			model[k] = MAX(model[k], (u8)type);
	}
}

/* RAM counts only in pages that are RAM throughout one run. */
static void trim_model(void)
{
	u32 per_page = 4096 / UNIT;

	for (u32 p = 0; p < SPACE / 4096; p++) {
		bool whole = true;

		for (u32 k = 0; k < per_page; k++)
			whole &= model[p * per_page + k] == E820_RAM;
		for (u32 k = 0; k < per_page && !whole; k++)
			if (model[p * per_page + k] == E820_RAM)
				model[p * per_page + k] = 0;
	}
}

START_TEST(random_maps_agree_with_the_model)
{
	seed = (u64)_i + 1;
	for (u32 round = 0; round < 3000; round++) {
		random_map();
		MUST(e820_sanitize(&map, &scratch));
		trim_model();
		for (u32 k = 0; k < SPACE / UNIT; k++)
			MUST_OP(e820_type(&map, k * (u64)UNIT + rnd(UNIT)), ==, model[k]);
		for (u32 i = 1; i < map.n; i++) {
			u64 end = map.e[i - 1].addr + map.e[i - 1].size;

			MUST(end <= map.e[i].addr);
			MUST(end < map.e[i].addr || map.e[i - 1].type != map.e[i].type);
		}
	}
}
END_TEST

START_TEST(covers_agrees_with_type)
{
	seed = 99;
	for (u32 round = 0; round < 2000; round++) {
		u32 at, len, type;
		bool all = true;

		random_map();
		MUST(e820_sanitize(&map, &scratch));
		trim_model();
		at = rnd(SPACE / UNIT);
		len = 1 + rnd(SPACE / UNIT - at);
		type = 1 + rnd(5);
		for (u32 k = at; k < at + len; k++)
			all &= model[k] == type;
		MUST_OP(e820_covers(&map, at * (u64)UNIT, len * (u64)UNIT, type), ==, all);
	}
}
END_TEST

START_TEST(absurd_entries_are_refused)
{
	map.n = 0;
	ck_assert(!e820_add(&map, 0, 0, E820_RAM));
	ck_assert(!e820_add(&map, ~0ULL - 10, 20, E820_RAM));
	ck_assert(!e820_add(&map, 0, 4096, 0));
	for (u32 i = 0; i < E820_MAX; i++)
		ck_assert(e820_add(&map, i * 8192ULL, 4096, E820_RAM));
	ck_assert(!e820_add(&map, 0, 4096, E820_RAM));
	ck_assert(e820_sanitize(&map, &scratch));
	ck_assert_uint_eq(map.n, E820_MAX);
	ck_assert(!e820_covers(&map, ~0ULL - 5, 10, E820_RAM));
}
END_TEST

START_TEST(the_top_of_the_address_space_does_not_wrap)
{
	map.n = 0;
	ck_assert(e820_add(&map, 0xfffffffffffff000, 0xfff, E820_RAM));
	ck_assert(e820_add(&map, 0x1000, 0x1000, E820_RAM));
	ck_assert(e820_sanitize(&map, &scratch));
	ck_assert_uint_eq(map.n, 1);
	ck_assert_uint_eq(e820_ram_end(&map), 0x2000);
}
END_TEST

/* ---- ranges ---- */

#define PAGES 512u

static struct ranges rs;
static u8 is_free[PAGES];

static void check_ranges(void)
{
	static u8 seen[PAGES];

	memset(seen, 0, sizeof(seen));
	for (u32 i = 0; i < rs.n; i++)
		for (u64 a = rs.r[i].start; a < rs.r[i].end; a += 4096) {
			MUST(!seen[a / 4096]);
			seen[a / 4096] = 1;
		}
	MUST(memcmp(seen, is_free, PAGES) == 0);
}

static bool block_free(u64 page, u64 n)
{
	for (u64 k = page; k < page + n; k++)
		if (k >= PAGES || !is_free[k])
			return false;
	return true;
}

static void take_one(void)
{
	u32 n = 1 + rnd(16), shift = 12 + rnd(4), limit = rnd(2) ? 0 : rnd(PAGES);
	u64 got = ranges_take(&rs, n * 4096ULL, shift, limit * 4096ULL), best = 0;

	for (u64 p = 1; p < PAGES; p++) /* page 0 is never handed out */
		if (!(p * 4096 & (BIT(shift) - 1)) && (!limit || p + n <= limit) && block_free(p, n))
			best = p;
	MUST_OP(got / 4096, ==, best);
	for (u64 k = best; best && k < best + n; k++)
		is_free[k] = 0;
}

START_TEST(ranges_agree_with_the_model)
{
	seed = (u64)_i + 77;
	for (u32 round = 0; round < 300; round++) {
		u32 half = 100 + rnd(300);

		rs.n = 0;
		memset(is_free, 1, PAGES);
		MUST(ranges_add(&rs, half * 4096ULL, PAGES * 4096ULL));
		MUST(ranges_add(&rs, 0, (half - 1) * 4096ULL));
		is_free[half - 1] = 0; /* the firmware's map is merged: ranges never touch */
		for (u32 op = 0; op < 40; op++) {
			if (rnd(2)) {
				u32 at = rnd(PAGES), len = rnd(PAGES - at) % 40;

				MUST(ranges_remove(&rs, at * 4096ULL, (at + len) * 4096ULL));
				memset(is_free + at, 0, len);
			} else {
				take_one();
			}
			check_ranges();
		}
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("e820");

	tcase_add_loop_test(t, random_maps_agree_with_the_model, 0, 4);
	tcase_add_test(t, covers_agrees_with_type);
	tcase_add_test(t, absurd_entries_are_refused);
	tcase_add_test(t, the_top_of_the_address_space_does_not_wrap);
	tcase_add_loop_test(t, ranges_agree_with_the_model, 0, 4);
	return run_case("e820", t);
}
