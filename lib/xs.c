/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/xs.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void keel_printable(char *dst, size_t size, const char *src)
{
	size_t n = 0;

	for (; *src && n + 1 < size; src++)
		dst[n++] = *src >= 0x20 && *src < 0x7f ? *src : '?';
	dst[n] = '\0';
}

bool keel_xs_read(struct xs_handle *xs, char *buf, size_t size, const char *fmt, ...)
{
	char path[512], *value;
	unsigned len;
	va_list ap;

	buf[0] = '\0';
	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	/* The library adds a zero byte after the value. */
	value = xs_read(xs, XBT_NULL, path, &len);
	if (!value)
		return false;
	keel_printable(buf, size, value);
	free(value);
	return true;
}

int keel_xs_wait(struct xs_handle *xs, int limit_ms)
{
	struct pollfd pfd = {.fd = xs_fileno(xs), .events = POLLIN};
	int seen = 0, rc = poll(&pfd, 1, limit_ms);
	char **event;

	if (rc < 0)
		return errno == EINTR ? 0 : -1;
	if (rc == 0)
		return 0;
	while ((event = xs_check_watch(xs))) {
		free(event);
		seen = 1;
	}
	return errno == EAGAIN ? seen : -1;
}
