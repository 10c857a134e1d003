/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any guest output through the filter into the terminal model, which changes its
 * size in the middle where the first byte says so, and its repaint
 * through the filter again: nothing that makes a terminal answer comes out, a
 * repaint contains nothing the filter would take away, and a model fed with the
 * repaint shows the same text.
 */
#include <stdlib.h>
#include <string.h>

#include "consoled/terminal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* No C0 but the drawing ones, no string sequence, no report. */
static void harmless(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == 0x05 || p[i] == 0x7f ||
		    (p[i] < 0x20 && !strchr("\a\b\t\n\v\f\r\016\017\033", p[i])) || !p[i])
			abort();
		if (p[i] == 0xc2 && i + 1 < n && p[i + 1] < 0xa0)
			abort();
		if (p[i] != 0x1b)
			continue;
		if (i + 1 == n || strchr("]PX^_Z", p[i + 1]))
			abort();
		if (p[i + 1] != '[')
			continue;
		for (i += 2; i < n && p[i] < 0x40; i++)
			;
		if (i == n || strchr("nctixyvwq", p[i])) {
			if (i == n || p[i] != 'q' || p[i - 1] != ' ')
				abort();
		}
	}
}

static void same_text(struct terminal *a, struct terminal *b)
{
	struct kcon_cell x, y;
	unsigned cols, rows;

	terminal_size(a, &cols, &rows);
	for (unsigned row = 0; row < rows; row++) {
		for (unsigned col = 0; col < cols; col++) {
			terminal_cell(a, row, col, &x);
			terminal_cell(b, row, col, &y);
			if (x.ch != y.ch && x.ch >= 0x20 && x.ch < 0x7f)
				abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *out = malloc(size + KFILTER_SEQ_MAX), *paint, *again;
	unsigned cols = 20, rows = 10;
	struct terminal *t = terminal_new(cols, rows), *u;
	struct kfilter f, g;
	size_t n, m, k;

	kfilter_init(&f, false);
	n = kfilter_run(&f, data, size, out);
	harmless(out, n);
	terminal_feed(t, out, n / 2);
	if (size && data[0] >= 0xe0) {
		cols = 20 + data[0] % 16;
		rows = 5 + data[size - 1] % 16;
		terminal_resize(t, cols, rows);
	}
	terminal_feed(t, out + n / 2, n - n / 2);
	u = terminal_new(cols, rows);
	paint = terminal_paint(t, &f, &m);
	harmless(paint, m);
	again = malloc(m + KFILTER_SEQ_MAX);
	kfilter_init(&g, false);
	k = kfilter_run(&g, paint, m, again);
	if (k != m || memcmp(paint, again, m))
		abort();
	terminal_feed(u, paint, m);
	same_text(t, u);
	terminal_free(t);
	terminal_free(u);
	free(out);
	free(paint);
	free(again);
	return 0;
}
