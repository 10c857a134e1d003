/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names of addresses in a backtrace (logic/symbols.c).
 *
 * Argument: tables of every size up to 40, each offset in and around them, against a linear search.
 */
#include <string.h>
#include "logic/symbols.h"
#include "must.h"
#include "run_suite.h"

#define MAX_N 40

static u32 offsets[MAX_N], names[MAX_N];
static char text[MAX_N * 4];

static void make_table(struct symbol_table *t, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		offsets[i] = 10 + i * i;
		names[i] = i * 4;
		text[i * 4] = (char)('A' + i / 26);
		text[i * 4 + 1] = (char)('a' + i % 26);
		text[i * 4 + 2] = '\0';
	}
	*t = (struct symbol_table){offsets, names, n, text, sizeof(text)};
}

START_TEST(every_offset_finds_its_function)
{
	for (u32 n = 0; n <= MAX_N; n++) {
		struct symbol_table t;

		make_table(&t, n);
		for (u32 at = 0; at < 10 + MAX_N * MAX_N + 5; at++) {
			const char *want = NULL, *got;
			u32 start = 0, want_start = 0;

			for (u32 i = 0; i < n && offsets[i] <= at; i++) {
				want = text + names[i];
				want_start = offsets[i];
			}
			got = symbol_lookup(&t, at, &start);
			MUST(got == want);
			MUST_OP(start, ==, want_start);
		}
	}
}
END_TEST

START_TEST(a_damaged_table_gives_nothing)
{
	struct symbol_table t;
	u32 start;

	make_table(&t, 3);
	names[1] = sizeof(text);
	ck_assert_ptr_null(symbol_lookup(&t, offsets[1], &start));
	ck_assert_ptr_nonnull(symbol_lookup(&t, offsets[2], &start));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("symbols");

	tcase_add_test(t, every_offset_finds_its_function);
	tcase_add_test(t, a_damaged_table_gives_nothing);
	return run_case("symbols", t);
}
