/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Token bucket; time in ms of any clock that does not run backwards. */
#ifndef KEEL_BUCKET_H
#define KEEL_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct bucket {
	uint64_t rate, burst; /* tokens per second; most tokens kept; rate 0: no limit */
	uint64_t tokens, last_ms;
};

static inline void bucket_init(struct bucket *b, uint64_t rate, uint64_t burst,
			       uint64_t now_ms)
{
	*b = (struct bucket){rate, burst, burst, now_ms};
}

/* Tokens there are now. */
static inline uint64_t bucket_level(struct bucket *b, uint64_t now_ms)
{
	uint64_t dt = now_ms > b->last_ms ? now_ms - b->last_ms : 0, add;

	if (!b->rate)
		return UINT64_MAX;
	if (dt > 60000)
		dt = 60000; /* keeps the product small */
	add = b->rate * dt / 1000;
	if (add) {
		b->tokens = add > b->burst - b->tokens ? b->burst : b->tokens + add;
		b->last_ms = now_ms;
	}
	return b->tokens;
}

static inline void bucket_take(struct bucket *b, uint64_t n)
{
	if (b->rate)
		b->tokens -= n < b->tokens ? n : b->tokens;
}

/* How long until n tokens are there (n <= burst), in ms. */
static inline uint64_t bucket_wait(const struct bucket *b, uint64_t n)
{
	if (!b->rate || b->tokens >= n)
		return 0;
	return ((n - b->tokens) * 1000 + b->rate - 1) / b->rate;
}

#endif
