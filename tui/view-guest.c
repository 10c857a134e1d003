/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The page of one guest: a row of tabs, each in a file of its own (tab-*.c). */
#include <stdio.h>
#include <string.h>

#include <curses.h>

#include "tui/app.h"

static const struct tab *const tabs[] = {&tab_overview, &tab_vcpus,    &tab_memory,
					 &tab_disks,	&tab_networks, &tab_console,
					 &tab_log,	&tab_config};
#define TABS ((int)(sizeof(tabs) / sizeof(*tabs)))

const struct tab *guest_tab(const struct app *app)
{
	return tabs[app->tab];
}

static void draw_tabs(const struct app *app, const struct row *row)
{
	int col = 1;

	draw_format(3, 0, draw_cols(), STYLE_BOLD, " %s   %s%s", app->selected,
		    row ? keel_state_name(row->g.state) : "gone",
		    row && row->g.unit_failed ? ", its unit failed" : "");
	for (int i = 0; i < TABS; i++) {
		char label[24];

		snprintf(label, sizeof(label), "%d %s", i + 1, tabs[i]->name);
		draw_text(4, col, 0, i == app->tab ? STYLE_SELECTED : STYLE_HEAD, label);
		col += (int)strlen(label) + 1;
	}
	draw_line(5, 0, draw_cols());
}

static void draw(struct app *app)
{
	const struct row *row = app_selected(app);

	draw_tabs(app, row);
	if (row)
		tabs[app->tab]->draw(app, row);
	else
		draw_text(7, 2, 0, STYLE_WARN,
			  "This guest is not there any more. Esc goes back.");
}

static void enter(struct app *app)
{
	app->tab_selected = 0;
	app->dialog.open = false;
	if (tabs[app->tab]->enter)
		tabs[app->tab]->enter(app);
	app_update_want(app);
}

static void go(struct app *app, int tab)
{
	app->tab = (tab + TABS) % TABS;
	enter(app);
}

static bool key(struct app *app, int key_code)
{
	const struct row *row = app_selected(app);

	if (row && tabs[app->tab]->key && tabs[app->tab]->key(app, row, key_code))
		return true;
	if (key_code >= '1' && key_code < '1' + TABS)
		go(app, key_code - '1');
	else if (key_code == '\t' || key_code == KEY_RIGHT)
		go(app, app->tab + 1);
	else if (key_code == KEY_BTAB || key_code == KEY_LEFT)
		go(app, app->tab - 1);
	else
		return action_key(app, key_code);
	return true;
}

static const struct help help[] = {
	{"1..8 Tab", "the pages (also Left, Right)"},
	{"s S p", "start, stop, pause"},
	{"c", "console (its own keys bring you back here)"},
	{"+ -", "on vCPUs and Memory: more, less, at once"},
	{"P", "on vCPUs: pin the chosen one to CPUs"},
	{"A D", "on Disks and Networks: add, take away"},
	{"I J", "on Disks: insert a CD image, eject it"},
	{"E", "on Config: edit; checked before it is stored"},
	{"/ n", "on Log and Config: search"},
	{NULL, NULL},
};

const struct view view_guest = {
	.name = "Guest",
	.keys = "",
	.help = help,
	.draw = draw,
	.key = key,
	.enter = enter,
};
