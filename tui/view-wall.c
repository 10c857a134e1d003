/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The console wall: the screens of all guests that run, small, live. */
#include <stdio.h>
#include <string.h>

#include <curses.h>

#include "tui/app.h"

#define FIRST_ROW 3
#define TILE_COLS 39
#define TILE_ROWS 9

static int per_row(void)
{
	return draw_cols() / (TILE_COLS + 1);
}

/* Tiles on one page. */
static int page(void)
{
	int count = per_row() * ((draw_rows() - FIRST_ROW - 2) / TILE_ROWS);

	return count < MAX_WALL ? count : MAX_WALL;
}

/* The guests on the wall: those with a domain but the control domain, as in the list. */
static size_t guests_of(const struct app *app, const struct row **out, size_t max)
{
	size_t count = 0;

	for (size_t i = 0; i < app->visible_count; i++) {
		const struct keel_guest *g = &app->visible[i]->g;

		if (g->domid == 0 || g->domid == KEEL_NO_DOMAIN)
			continue;
		if (count < max)
			out[count] = app->visible[i];
		count++;
	}
	return count < max ? count : max;
}

#define MAX_GUESTS 4096

void wall_want(const struct app *app, struct want *want)
{
	static const struct row *rows[MAX_GUESTS];
	size_t count = guests_of(app, rows, MAX_GUESTS);
	size_t first = (size_t)app->wall_selected / (size_t)page() * (size_t)page();

	want->wall_count = 0;
	for (size_t i = first; i < count && want->wall_count < (size_t)page(); i++)
		memcpy(want->wall[want->wall_count++], rows[i]->g.name,
		       sizeof(want->wall[0]));
}

static const struct picture *picture_of(const struct app *app, const char *name)
{
	for (size_t i = 0; i < app->snap->wall_count; i++)
		if (strcmp(app->snap->wall[i].name, name) == 0)
			return &app->snap->wall[i];
	return NULL;
}

static void draw_tile(const struct app *app, const struct row *row, int place,
		      bool selected)
{
	int top = FIRST_ROW + place / per_row() * TILE_ROWS;
	int left = place % per_row() * (TILE_COLS + 1);
	const struct picture *picture = picture_of(app, row->g.name);

	draw_format(top, left, TILE_COLS, selected ? STYLE_SELECTED : STYLE_HEAD,
		    " %.24s  %s%s", row->g.name, keel_state_name(row->g.state),
		    row->talking ? " *" : "");
	if (picture)
		picture_draw(picture, top + 1, left, TILE_ROWS - 2, TILE_COLS, false);
}

static void draw(struct app *app)
{
	static const struct row *rows[MAX_GUESTS];
	int count, first;

	if (!app->snap || !app->snap->ok)
		return;
	count = (int)guests_of(app, rows, MAX_GUESTS);
	if (app->wall_selected >= count)
		app->wall_selected = count - 1;
	if (app->wall_selected < 0)
		app->wall_selected = 0;
	first = app->wall_selected / page() * page();
	for (int i = first; i < count && i < first + page(); i++)
		draw_tile(app, rows[i], i - first, i == app->wall_selected);
	if (!count)
		draw_text(FIRST_ROW + 2, 2, 0, STYLE_NORMAL, "No guest runs.");
	app->focus_row = FIRST_ROW + (app->wall_selected - first) / per_row() * TILE_ROWS;
	app->focus_col = (app->wall_selected - first) % per_row() * (TILE_COLS + 1);
}

/* The keys that act on a guest take the one that is chosen here. */
static void choose(struct app *app)
{
	static const struct row *rows[MAX_GUESTS];
	size_t count = guests_of(app, rows, MAX_GUESTS);

	if ((size_t)app->wall_selected < count)
		memcpy(app->selected, rows[app->wall_selected]->g.name,
		       sizeof(app->selected));
}

static bool key(struct app *app, int key_code)
{
	switch (key_code) {
	case KEY_LEFT:
		app->wall_selected--;
		break;
	case KEY_RIGHT:
	case '\t':
		app->wall_selected++;
		break;
	case KEY_UP:
		app->wall_selected -= per_row();
		break;
	case KEY_DOWN:
		app->wall_selected += per_row();
		break;
	case KEY_NPAGE:
		app->wall_selected += page();
		break;
	case KEY_PPAGE:
		app->wall_selected -= page();
		break;
	case '\r':
	case '\n':
	case KEY_ENTER:
		choose(app);
		return action_key(app, 'c');
	default:
		choose(app);
		return action_key(app, key_code);
	}
	if (app->wall_selected < 0)
		app->wall_selected = 0;
	app_update_want(app);
	return true;
}

static const struct help help[] = {
	{"Arrows", "choose a guest (also Tab, PgUp, PgDn)"},
	{"Enter c", "attach to its console"},
	{"s S p", "start, stop, pause"},
	{"v m", "vCPUs, memory"},
	{NULL, NULL},
};

const struct view view_wall = {
	.name = "Wall",
	.keys = "Arrows Choose  Enter Attach  S Stop  F1 Help  Esc Back",
	.help = help,
	.draw = draw,
	.key = key,
};
