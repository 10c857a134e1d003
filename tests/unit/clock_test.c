/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Clock arithmetic (logic/clock.c).
 *
 * Argument: scales are made for frequencies over the whole range and must turn one to many seconds of
 * ticks into nanoseconds within the precision that 32 bits of multiplier allow, never running fast
 * enough to overtake. Dates are compared with the C library's timegm() for every day of 200 years.
 * mul_div() is compared with 128-bit arithmetic and at its overflow.
 */
#define _DEFAULT_SOURCE
#include <time.h>
#include "logic/clock.h"
#include "must.h"
#include "run_suite.h"

START_TEST(scales_are_exact_enough)
{
	for (u64 hz = 1000; hz < 1000000000000ULL; hz += hz / 7 + 1) {
		u32 mul;
		s8 shift;

		clock_make_scale(hz, &mul, &shift);
		MUST(mul >= 1u << 31);
		for (u64 s = 1; s <= 1000; s *= 10) {
			ns_t want = (ns_t)(s * 1000000000ULL), got = clock_scale(hz * s, mul, shift);

			/* one part in 2^31, and the ticks shifted out */
			MUST_OP(got, <=, want);
			MUST_OP(want - got, <=, (want >> 31) + 2);
		}
	}
}
END_TEST

START_TEST(dates_as_the_library_has_them)
{
	struct tm tm = {.tm_year = 70, .tm_mday = 1};

	for (time_t t = 0; t < (time_t)200 * 365 * 86400; t += 86400) {
		gmtime_r(&t, &tm);
		MUST_OP(clock_seconds((u32)tm.tm_year + 1900, (u32)tm.tm_mon + 1, (u32)tm.tm_mday, 13,
		                      14, 15), ==, t + (13 * 60 + 14) * 60 + 15);
	}
}
END_TEST

START_TEST(fractions)
{
	ck_assert_uint_eq(mul_div(10, 20, 7), 28);
	ck_assert_uint_eq(mul_div(UINT64_MAX, UINT64_MAX, UINT64_MAX), UINT64_MAX);
	ck_assert_uint_eq(mul_div(1ULL << 63, 2, 1), UINT64_MAX);
	ck_assert_uint_eq(mul_div(1ULL << 63, 6, 4), 3ULL << 62);
	ck_assert_uint_eq(mul_div(0, 5, 3), 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("clock");

	tcase_add_test(t, scales_are_exact_enough);
	tcase_add_test(t, dates_as_the_library_has_them);
	tcase_add_test(t, fractions);
	return run_case("clock", t);
}
