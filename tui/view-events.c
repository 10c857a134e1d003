/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What has happened since the dashboard was opened, and what the commands said. */
#include <stdio.h>
#include <time.h>

#include <curses.h>

#include "tui/app.h"

static int rows(void)
{
	return draw_rows() - 6;
}

static void enter(struct app *app)
{
	app->event_selected = (int)app->event_count - 1;
}

static void draw(struct app *app)
{
	int count = (int)app->event_count, first;

	draw_text(3, 0, draw_cols(), STYLE_HEAD, " TIME      EVENT");
	if (app->event_selected >= count)
		app->event_selected = count - 1;
	if (app->event_selected < 0)
		app->event_selected = 0;
	first = app->event_selected - rows() + 1;
	if (first < 0)
		first = 0;
	for (int i = 0; i < rows() && first + i < count; i++) {
		const struct event *event = &app->events[first + i];
		bool selected = first + i == app->event_selected;
		char when[16] = "";
		struct tm tm;

		if (localtime_r(&event->when, &tm))
			strftime(when, sizeof(when), "%H:%M:%S", &tm);
		draw_format(4 + i, 0, draw_cols(),
			    selected ? STYLE_SELECTED : event->style, " %s%s %s", when,
			    event->detail ? "+" : " ", event->text);
	}
	if (!count)
		draw_text(5, 2, 0, STYLE_DIM, "Nothing has happened yet.");
	app->focus_row = 4 + app->event_selected - first;
}

static bool key(struct app *app, int key_code)
{
	switch (key_code) {
	case KEY_UP:
	case 'k':
		app->event_selected--;
		return true;
	case KEY_DOWN:
	case 'j':
		app->event_selected++;
		return true;
	case KEY_PPAGE:
		app->event_selected -= rows();
		return true;
	case KEY_NPAGE:
		app->event_selected += rows();
		return true;
	case '\r':
	case '\n':
	case KEY_ENTER:
		if (app->event_selected < (int)app->event_count &&
		    app->events[app->event_selected].detail)
			dialog_text(app, "Event",
				    app->events[app->event_selected].detail);
		return true;
	default:
		return false;
	}
}

static const struct help help[] = {
	{"Up Down", "choose an event"},
	{"Enter", "all that the command said (events marked +)"},
	{NULL, NULL},
};

const struct view view_events = {
	.name = "Events",
	.keys = "Up Down Choose  Enter Details (events marked +)  F1 Help  Esc Back",
	.help = help,
	.draw = draw,
	.key = key,
	.enter = enter,
};
