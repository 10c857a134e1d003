/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Input of a fuzz target as a stream of decisions; zeros after its end. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct input {
	const uint8_t *at;
	size_t left;
};

static inline uint32_t take(struct input *in, uint32_t n)
{
	uint32_t v = 0;

	for (int i = 0; i < 2 && in->left > 0; i++, in->left--)
		v = v << 8 | *in->at++;
	return n ? v % n : v;
}

#define HOLD(cond)                                                                         \
	do {                                                                               \
		if (!(cond))                                                               \
			abort();                                                           \
	} while (0)
