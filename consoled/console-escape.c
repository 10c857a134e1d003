/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The two-key escape.  Pure: one byte in, what to do out. */
#include <string.h>

#include "console.h"

void escape_init(struct escape *e, int prefix)
{
	*e = (struct escape){.prefix = prefix};
}

/* What is pasted is text, whatever bytes are in it. */
static void watch_paste(struct escape *e, uint8_t c)
{
	static const char begin[] = "\033[200~", end[] = "\033[201~";
	const char *want = e->paste ? end : begin;

	if (c != (uint8_t)want[e->matched])
		e->matched = 0;
	if (c == (uint8_t)want[e->matched] && ++e->matched == sizeof(begin) - 1) {
		e->paste = !e->paste;
		e->matched = 0;
	}
}

enum escape_result escape_feed(struct escape *e, uint8_t c)
{
	if (e->armed) {
		e->armed = false;
		return c == e->prefix ? ESCAPE_PASS : ESCAPE_COMMAND;
	}
	watch_paste(e, c);
	if (c != e->prefix || e->paste)
		return ESCAPE_PASS;
	e->armed = true;
	return ESCAPE_HELD;
}

int escape_parse(const char *text)
{
	size_t n = strlen(text);

	if (n == 1)
		return (unsigned char)text[0];
	if (n != 2 || text[0] != '^')
		return -1;
	if (text[1] >= '@' && text[1] <= '_')
		return text[1] - '@';
	return text[1] >= 'a' && text[1] <= 'z' ? text[1] - '`' : -1;
}

void escape_name(int prefix, char out[8])
{
	if (prefix < 0x20)
		snprintf(out, 8, "^%c", prefix + '@');
	else
		snprintf(out, 8, "%c", prefix);
}
