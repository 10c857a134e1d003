/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A live picture of the guest's console, as keel-consoled holds it. */
#include <string.h>

#include <curses.h>

#include "tui/app.h"

#define TOP 6

static void draw(struct app *app, const struct row *row)
{
	const struct details *d = &app->snap->details;

	if (!d->valid || strcmp(d->name, row->g.name) != 0 || !d->has_picture) {
		draw_text(7, 2, 0, STYLE_DIM, "Reading ...");
		return;
	}
	app->focus_row = picture_draw(&d->picture, TOP, 0, draw_rows() - TOP - 2,
				      draw_cols(), true);
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
