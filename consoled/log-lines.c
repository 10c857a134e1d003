/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "log-lines.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

void lines_init(struct lines *l, bool raw, bool mid_line)
{
	memset(l, 0, sizeof(*l));
	l->raw = raw;
	l->mid_line = mid_line;
	kfilter_init(&l->filter, true);
}

void lines_stamp(uint64_t ms, char out[STAMP_LEN + 1])
{
	time_t sec = (time_t)(ms / 1000);
	struct tm tm;

	/* Before the year 10000, and after 1970, this is STAMP_LEN bytes. */
	if (sec < 0 || sec > 253402300799)
		sec = 0;
	gmtime_r(&sec, &tm);
	snprintf(out, STAMP_LEN + 1, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ ",
		 (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)(tm.tm_mon + 1) % 100,
		 (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100,
		 (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100,
		 (unsigned)(ms % 1000));
}

static size_t put_stamp(struct lines *l, uint64_t ms, uint8_t *out)
{
	if (ms != l->stamp_ms || !l->stamp[0]) {
		lines_stamp(ms, l->stamp);
		l->stamp_ms = ms;
	}
	memcpy(out, l->stamp, STAMP_LEN);
	return STAMP_LEN;
}

/* One piece of text that contains no line feed, or ends with its only one. */
static size_t put_piece(struct lines *l, const uint8_t *p, size_t n, uint8_t *out,
			uint64_t ms)
{
	size_t o = 0;

	if (!n)
		return 0;
	if (!l->mid_line)
		o = put_stamp(l, ms, out);
	memcpy(out + o, p, n);
	l->mid_line = p[n - 1] != '\n';
	return o + n;
}

/*
 * A line is filtered as a whole, so that the stamp of a line is the time of its
 * first byte, also when that byte was part of an escape sequence.
 */
static size_t put_line(struct lines *l, const uint8_t *p, size_t n, uint8_t *out,
		       uint64_t ms)
{
	uint8_t text[512 + KFILTER_SEQ_MAX];
	size_t o = 0;

	if (l->raw)
		return put_piece(l, p, n, out, ms);
	while (n) {
		size_t part = n < 512 ? n : 512;
		size_t m = kfilter_run(&l->filter, p, part, text);

		o += put_piece(l, text, m, out + o, ms);
		p += part;
		n -= part;
	}
	return o;
}

size_t lines_run(struct lines *l, const uint8_t *in, size_t n, uint8_t *out,
		 lines_time_fn *when, void *ctx, size_t *pending)
{
	size_t o = 0, i = 0;

	while (i < n) {
		const uint8_t *nl = memchr(in + i, '\n', n - i);
		size_t end = nl ? (size_t)(nl - in) + 1 : n;
		uint64_t ms = l->mid_line ? 0 : when(ctx, n - i);

		o += put_line(l, in + i, end - i, out + o, ms);
		i = end;
	}
	*pending = l->raw ? 0 : kfilter_pending(&l->filter);
	return o;
}

size_t lines_marker(struct lines *l, const char *text, uint64_t ms, uint8_t *out,
		    size_t cap)
{
	char stamp[STAMP_LEN + 1];
	int n;

	lines_stamp(ms, stamp);
	n = snprintf((char *)out, cap, "%s%s[%s]\n", l->mid_line ? "\n" : "", stamp,
		     text);
	if (n < 0 || (size_t)n >= cap)
		return 0;
	l->mid_line = false;
	return (size_t)n;
}
