/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A guest's screen on ours, or the part of it with the cursor when there is less room. */
#include "tui/app.h"

/* First row to show, so that the cursor's row is the last one when not all fits. */
static unsigned first_row(const struct kcon_screen *s, unsigned rows)
{
	return s->rows > rows && s->cy + 1 > rows ? s->cy + 1 - rows : 0;
}

int picture_draw(const struct picture *p, int row, int col, int rows, int cols,
		 bool center)
{
	const struct kcon_screen *s = &p->screen;
	unsigned first, width;

	if (!p->has_screen) {
		draw_format(row, col + 1, cols - 2, STYLE_WARN, "No picture: %s",
			    p->error);
		return row;
	}
	first = first_row(s, (unsigned)rows);
	width = (unsigned)cols < s->cols ? (unsigned)cols : s->cols;
	if (center)
		col += (cols - (int)width) / 2;
	for (unsigned y = 0; y < (unsigned)rows && first + y < s->rows; y++)
		for (unsigned x = 0; x < width; x++) {
			const struct kcon_cell *c = &s->cells[(first + y) * s->cols + x];
			bool cursor =
				s->cursor_visible && x == s->cx && first + y == s->cy;

			draw_char(row + (int)y, col + (int)x, STYLE_NORMAL, c->ch,
				  c->attr & KCON_A_BOLD,
				  ((c->attr & KCON_A_REVERSE) != 0) != cursor);
		}
	return row + (int)(s->cy - first);
}
