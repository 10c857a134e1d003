/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A live picture of the guest's console, as keel-consoled holds it. */
#include <stdio.h>
#include <string.h>

#include <curses.h>

#include "tui/app.h"

#define TOP 6

/* First row of the guest's screen to show: the part with the cursor, when not all fits. */
static unsigned first_row(const struct kcon_screen *s, unsigned rows)
{
	unsigned first = 0;

	if (s->rows > rows && s->cy + 1 > rows)
		first = s->cy + 1 - rows;
	return first;
}

static void draw_screen(struct app *app, const struct kcon_screen *s)
{
	unsigned rows = (unsigned)(draw_rows() - TOP - 2), first = first_row(s, rows);
	unsigned cols = (unsigned)draw_cols() < s->cols ? (unsigned)draw_cols() : s->cols;
	int left = ((int)draw_cols() - (int)cols) / 2;

	for (unsigned y = 0; y < rows && first + y < s->rows; y++)
		for (unsigned x = 0; x < cols; x++) {
			const struct kcon_cell *c = &s->cells[(first + y) * s->cols + x];
			bool cursor = s->cursor_visible && x == s->cx && first + y == s->cy;

			draw_char(TOP + (int)y, left + (int)x, STYLE_NORMAL, c->ch,
				  c->attr & KCON_A_BOLD,
				  ((c->attr & KCON_A_REVERSE) != 0) != cursor);
		}
	app->focus_row = TOP + (int)(s->cy - first);
}

static void draw(struct app *app, const struct row *row)
{
	const struct details *d = &app->snap->details;

	if (!d->valid || strcmp(d->name, row->g.name) != 0 ||
	    (!d->has_screen && !d->screen_error[0]))
		draw_text(7, 2, 0, STYLE_DIM, "Reading ...");
	else if (d->has_screen)
		draw_screen(app, &d->screen);
	else
		draw_format(7, 2, draw_cols() - 4, STYLE_WARN, "No picture: %s",
			    d->screen_error);
}

static bool key(struct app *app, const struct row *row, int key_code)
{
	(void)row;
	if (key_code != '\r' && key_code != '\n' && key_code != KEY_ENTER)
		return false;
	return action_key(app, 'c');
}

static void enter(struct app *app)
{
	app_update_want(app);
}

const struct tab tab_console = {
	.name = "Console",
	.keys = "Enter c Attach  1-8 Tab Pages  F1 Help  Esc Back",
	.wants_screen = true,
	.draw = draw,
	.key = key,
	.enter = enter,
};
