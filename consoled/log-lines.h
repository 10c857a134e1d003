/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Turns console bytes into stamped lines.  Pure: time and buffers are arguments. */
#ifndef KEEL_LOG_LINES_H
#define KEEL_LOG_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/console-filter.h"

#define STAMP_LEN 25 /* "2026-11-20T14:00:00.123Z " */

/* When the byte `back` bytes before the end of the chunk came (UTC ms). */
typedef uint64_t lines_time_fn(void *ctx, size_t back);

struct lines {
	bool raw;      /* bytes as they are; else text only */
	bool mid_line; /* the last line is not ended yet */
	struct kfilter filter;
	uint64_t stamp_ms; /* of `stamp` */
	char stamp[STAMP_LEN + 1];
};

void lines_init(struct lines *l, bool raw, bool mid_line);
/* Room that lines_run() needs for n bytes: every byte may be a line. */
#define LINES_ROOM(n) (((n) + KFILTER_SEQ_MAX) * (STAMP_LEN + 1))
/*
 * Formats n bytes into out.  Returns how many were written; *pending tells how
 * many of the input bytes a fresh start would have to see again.
 */
size_t lines_run(struct lines *l, const uint8_t *in, size_t n, uint8_t *out,
		 lines_time_fn *when, void *ctx, size_t *pending);
/* A line of the daemon's own, in brackets; ends an unfinished line first. */
size_t lines_marker(struct lines *l, const char *text, uint64_t ms, uint8_t *out,
		    size_t cap);
void lines_stamp(uint64_t ms, char out[STAMP_LEN + 1]);

#endif
