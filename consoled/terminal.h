/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A console's screen: the filter and, behind it, a terminal model (libvterm).
 * Runs in the screen helper only.
 */
#ifndef KEEL_TERMINAL_H
#define KEEL_TERMINAL_H

#include <stddef.h>
#include <stdint.h>

#include "lib/console-filter.h"
#include "lib/console-proto.h"

struct terminal;

/* NULL when memory is short. */
struct terminal *terminal_new(unsigned cols, unsigned rows);
void terminal_free(struct terminal *t);
/* Also resets margins and the saved cursor. */
void terminal_resize(struct terminal *t, unsigned cols, unsigned rows);
void terminal_size(const struct terminal *t, unsigned *cols, unsigned *rows);
/* Feeds bytes that went through the filter already. */
void terminal_feed(struct terminal *t, const void *bytes, size_t n);
/*
 * Bytes that bring any terminal of this size from any state to what the model
 * shows, modes of filter f included.  malloc()ed; NULL when memory is short.
 */
uint8_t *terminal_paint(struct terminal *t, const struct kfilter *f, size_t *n);
void terminal_cell(struct terminal *t, unsigned row, unsigned col, struct kcon_cell *c);
void terminal_cursor(struct terminal *t, unsigned *x, unsigned *y, bool *visible);

#endif
