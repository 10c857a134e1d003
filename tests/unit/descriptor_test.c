/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Segment descriptors of guests (logic/descriptor.c).
 *
 * Argument: what the hypervisor must refuse depends on 8 bits of a descriptor (type, S, DPL, P), so all of
 * them are tried, with random other bits; the expectation is written from the manual's table, not from the code.
 */
#include <check.h>
#include <stdlib.h>
#include "logic/descriptor.h"

static u64 with_access(u64 other, u32 access)
{
	return (other & ~(0xffULL << 40)) | (u64)access << 40;
}

START_TEST(every_access_byte)
{
	u64 other = 0x123456789abcdef0ULL;

	for (u32 access = 0; access < 256; access++) {
		u64 d = with_access(other, access), before = d;
		bool present = access & 0x80, code_or_data = access & 0x10;
		bool ok = descriptor_fix(&d);

		ck_assert_int_eq(ok, !present || code_or_data);
		if (!present || !ok)
			ck_assert_uint_eq(d, before);
		else
			ck_assert_uint_eq(d, with_access(before, access | 0x60));
		other = other * 6364136223846793005ULL + 1;
	}
}
END_TEST

START_TEST(whole_page)
{
	static u64 page[DESC_PER_PAGE];

	for (u32 i = 0; i < DESC_PER_PAGE; i++)
		page[i] = with_access(i, 0x93);
	ck_assert(descriptor_page_fix(page));
	for (u32 i = 0; i < DESC_PER_PAGE; i++)
		ck_assert_uint_eq(page[i], with_access(i, 0xf3));
	page[DESC_PER_PAGE - 1] = with_access(0, 0x8c); /* a call gate */
	ck_assert(!descriptor_page_fix(page));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("descriptor");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_test(t, every_access_byte);
	tcase_add_test(t, whole_page);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
