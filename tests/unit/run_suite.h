/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One suite of one case, as most test programs are. */
#pragma once
#include <check.h>

static int run_case(const char *name, TCase *t)
{
	Suite *s = suite_create(name);
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 300);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
