/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A byte queue that grows by doubling and never beyond what the caller allows. */
#include <stdlib.h>
#include <string.h>

#include "daemon.h"

static bool grow(struct queue *q, size_t need)
{
	size_t cap = q->cap ? q->cap : 4096;
	uint8_t *b;

	if (q->start) {
		memmove(q->buf, q->buf + q->start, q->len);
		q->start = 0;
	}
	while (cap < need)
		cap *= 2;
	if (cap == q->cap)
		return true;
	b = realloc(q->buf, cap);
	if (!b)
		return false;
	q->buf = b;
	q->cap = cap;
	return true;
}

bool queue_put(struct queue *q, const void *p, size_t n, size_t max)
{
	if (n > max || q->len > max - n)
		return false;
	if (!n)
		return true;
	if (q->start + q->len + n > q->cap && !grow(q, q->len + n))
		return false;
	memcpy(q->buf + q->start + q->len, p, n);
	q->len += n;
	return true;
}

const uint8_t *queue_peek(const struct queue *q, size_t *n)
{
	*n = q->len;
	return q->buf + q->start;
}

void queue_drop(struct queue *q, size_t n)
{
	q->start += n;
	q->len -= n;
	if (q->len)
		return;
	q->start = 0;
	if (q->cap > 65536) /* what a burst needed is not kept */
		queue_free(q);
}

void queue_free(struct queue *q)
{
	free(q->buf);
	memset(q, 0, sizeof(*q));
}
