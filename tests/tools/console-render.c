/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tells what a terminal shows after the bytes on stdin: every cell with its
 * attributes, the cursor.  [COLUMNS ROWS] as arguments.  Lets tests compare
 * screens, whatever bytes led to them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consoled/terminal.h"

static void print_row(struct terminal *t, unsigned row, unsigned cols)
{
	struct kcon_cell c, last;

	memset(&last, 0, sizeof(last));
	for (unsigned x = 0; x < cols; x++) {
		terminal_cell(t, row, x, &c);
		if (c.attr != last.attr || memcmp(c.fg, last.fg, 3) ||
		    memcmp(c.bg, last.bg, 3))
			printf("{%x %02x%02x%02x %02x%02x%02x}", c.attr, c.fg[0], c.fg[1],
			       c.fg[2], c.bg[0], c.bg[1], c.bg[2]);
		last = c;
		if (c.ch >= 0x20 && c.ch < 0x7f)
			putchar((int)c.ch);
		else
			printf("<%x>", c.ch);
	}
	putchar('\n');
}

int main(int argc, char **argv)
{
	unsigned cols = argc > 2 ? (unsigned)atoi(argv[1]) : 80;
	unsigned rows = argc > 2 ? (unsigned)atoi(argv[2]) : 24, x, y;
	struct terminal *t = terminal_new(cols, rows);
	uint8_t in[4096];
	bool visible;
	size_t n;

	if (!t)
		return 1;
	while ((n = fread(in, 1, sizeof(in), stdin)))
		terminal_feed(t, in, n);
	for (unsigned row = 0; row < rows; row++)
		print_row(t, row, cols);
	terminal_cursor(t, &x, &y, &visible);
	printf("cursor %u,%u %s\n", x, y, visible ? "shown" : "hidden");
	terminal_free(t);
	return 0;
}
