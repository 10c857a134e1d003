/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checks for loops of millions: Check's own note each passed one in a pipe. */
#pragma once
#include <check.h>

#define MUST(cond)                                                                         \
	do {                                                                               \
		if (!(cond))                                                               \
			ck_abort_msg("%s:%d: %s", __FILE__, __LINE__, #cond);              \
	} while (0)
#define MUST_OP(a, op, b)                                                                  \
	do {                                                                               \
		long long must_a = (long long)(a), must_b = (long long)(b);                \
		if (!(must_a op must_b))                                                   \
			ck_abort_msg("%s:%d: %s " #op " %s: %lld, %lld", __FILE__,         \
			             __LINE__, #a, #b, must_a, must_b);                    \
	} while (0)
