/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small things about xenstore: bounded reads, and printable copies of what guests wrote.
 */
#ifndef KEEL_XS_H
#define KEEL_XS_H

#include <stdbool.h>
#include <stddef.h>
#include <xenstore.h>

/*
 * Reads the node at a path built from fmt into buf, cut to size and made printable.
 * Returns false when it is not there (buf is then empty).
 */
bool keel_xs_read(struct xs_handle *xs, char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Copies src into dst, cut to size; bytes that are not printable ASCII become '?'. */
void keel_printable(char *dst, size_t size, const char *src);

/*
 * Waits at most limit_ms for an event of a watch that was set before, and eats all that
 * are there.  Returns 1 when there was one, 0 when not, -1 when the connection is gone.
 */
int keel_xs_wait(struct xs_handle *xs, int limit_ms);

#endif
