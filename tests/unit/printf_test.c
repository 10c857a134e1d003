/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Formatting (core/printf.c).
 *
 * Argument: for the subset that it has, the C library's snprintf() says what is right. Every
 * combination of flag, width, precision, length and conversion is tried with telling values, in
 * buffers of every size around the length of the result, and the bytes behind the buffer are watched.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include "core/log.h"
#include "must.h"

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
#pragma GCC diagnostic ignored "-Wformat"

static const char *const flags[] = {"", "-", "0", "+", " ", "#", "-0", "+0", "-+", "0#"};
static const char *const widths[] = {"", "1", "5", "12", "30"};
static const char *const precisions[] = {"", ".0", ".1", ".3", ".12"};

static void same(const char *fmt, u64 arg)
{
	char mine[64], theirs[64];
	int want = snprintf(theirs, sizeof(theirs), fmt, arg), got;

	memset(mine, 0x5a, sizeof(mine));
	got = ksnprintf(mine, sizeof(mine), fmt, arg);
	if (got != want || strcmp(mine, theirs) != 0)
		ck_abort_msg("\"%s\" of %llx: \"%s\" (%d), not \"%s\" (%d)", fmt,
		             (unsigned long long)arg, mine, got, theirs, want);
}

static void every_form(const char *lengths_and_conversion, const u64 *values, size_t n)
{
	for (size_t f = 0; f < ARRAY_SIZE(flags); f++)
		for (size_t w = 0; w < ARRAY_SIZE(widths); w++)
			for (size_t p = 0; p < ARRAY_SIZE(precisions); p++)
				for (size_t v = 0; v < n; v++) {
					char fmt[64];

					snprintf(fmt, sizeof(fmt), "<%%%s%s%s%s>", flags[f], widths[w],
					         precisions[p], lengths_and_conversion);
					same(fmt, values[v]);
				}
}

START_TEST(integers_as_the_library_has_them)
{
	static const u64 values[] = {0, 1, 9, 10, 255, 4096, 0x7fffffff, 0x80000000, 0xffffffff,
	                             0x7fffffffffffffff, 0x8000000000000000, ~0ULL};
	static const char *const forms[] = {"d",  "i",  "u",  "x",   "X",   "ld",  "lu",  "lx",
	                                    "lX", "lld", "llu", "llx", "zu", "zx", "hhd", "hhu",
	                                    "hd", "hu",  "hx",  "hhx"};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		every_form(forms[i], values, ARRAY_SIZE(values));
}
END_TEST

START_TEST(strings_and_characters)
{
	static const char *const words[] = {"", "a", "hypervisor", "with %d inside"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		for (size_t w = 0; w < ARRAY_SIZE(widths); w++)
			for (size_t p = 0; p < ARRAY_SIZE(precisions); p++) {
				char fmt[64];

				snprintf(fmt, sizeof(fmt), "%%%s%ss|", widths[w], precisions[p]);
				same(fmt, (u64)words[i]);
				snprintf(fmt, sizeof(fmt), "%%-%s%ss|", widths[w], precisions[p]);
				same(fmt, (u64)words[i]);
			}
	same("%c%%", 'x');
	same("%5c", 'x');
	same("no conversion", 0);
}
END_TEST

START_TEST(stars_pointers_and_null)
{
	char buf[64];

	ksnprintf(buf, sizeof(buf), "%*d|%-*d|%.*s", 5, 42, 5, 42, 2, "abc");
	ck_assert_str_eq(buf, "   42|42   |ab");
	ksnprintf(buf, sizeof(buf), "%*d", -5, 42);
	ck_assert_str_eq(buf, "42   ");
	ksnprintf(buf, sizeof(buf), "%p", (void *)0xabcdUL);
	ck_assert_str_eq(buf, "000000000000abcd");
	ksnprintf(buf, sizeof(buf), "%s", (char *)NULL);
	ck_assert_str_eq(buf, "(null)");
	ksnprintf(buf, sizeof(buf), "100%");
	ck_assert_str_eq(buf, "100%");
	ksnprintf(buf, sizeof(buf), "%q");
	ck_assert_str_eq(buf, "%q");
}
END_TEST

/* Hypervisor messages may carry a guest's bytes as arguments: widths stay bounded. */
START_TEST(never_writes_past_the_buffer)
{
	char buf[40];

	for (size_t size = 0; size <= 20; size++) {
		int n;

		memset(buf, 0x5a, sizeof(buf));
		n = ksnprintf(buf, size, "%s-%d", "0123456", 789);
		ck_assert_int_eq(n, 11);
		for (size_t i = size; i < sizeof(buf); i++)
			MUST_OP(buf[i], ==, 0x5a);
		if (size)
			MUST_OP(strlen(buf), ==, MIN(size - 1, (size_t)11));
	}
	ck_assert_int_le(ksnprintf(buf, sizeof(buf), "%999999999999d", 1), 1024);
	ck_assert_int_le(ksnprintf(buf, sizeof(buf), "%*d", 2147483647, 1), 1024);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("printf");
	TCase *t = tcase_create("printf");
	SRunner *r;
	int failed;

	tcase_add_test(t, integers_as_the_library_has_them);
	tcase_add_test(t, strings_and_characters);
	tcase_add_test(t, stars_pointers_and_null);
	tcase_add_test(t, never_writes_past_the_buffer);
	tcase_set_timeout(t, 120);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
