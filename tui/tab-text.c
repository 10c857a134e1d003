/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The log of a guest (its unit's journal) and its file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/app.h"

#define TOP 6

static int rows(void)
{
	return draw_rows() - TOP - 2;
}

static void enter_log(struct app *app)
{
	char unit[KEEL_UNIT_MAX];
	const char *argv[] = {"journalctl", "-q",  "--no-pager", "-o", "short-iso",
			      "-n",	    "500", "-u",	 unit, NULL};

	if (!keel_name_valid(app->selected)) {
		pager_set(&app->log,
			  strdup("This domain has no unit, so no log of one.\n"));
		return;
	}
	keel_name_to_unit(app->selected, unit, sizeof(unit));
	pager_command(&app->log, argv);
}

static void draw_log(struct app *app, const struct row *row)
{
	(void)row;
	pager_draw(app, &app->log, TOP, rows());
}

static bool log_key(struct app *app, const struct row *row, int key)
{
	(void)row;
	if (key == 'R') {
		enter_log(app);
		return true;
	}
	return pager_key(app, &app->log, key, rows());
}

static void enter_config(struct app *app)
{
	const char *argv[] = {"keel", "config", app->selected, NULL};

	pager_command(&app->config, argv);
	/* A file is read from its begin, unlike a log. */
	app->config.top = 0;
}

static void draw_config(struct app *app, const struct row *row)
{
	if (!row->g.defined) {
		draw_text(7, 2, 0, STYLE_NORMAL,
			  row->g.domid == 0 ? "The control domain has no guest file."
					    : "This guest has no file: it was started "
					      "without one.");
		return;
	}
	pager_draw(app, &app->config, TOP, rows());
}

static bool config_key(struct app *app, const struct row *row, int key)
{
	const char *argv[] = {"keel", "config", "--edit", row->g.name, NULL};

	if (key != 'E')
		return pager_key(app, &app->config, key, rows());
	if (row->g.defined) {
		app_run_foreground(app, argv);
		enter_config(app);
	}
	return true;
}

const struct tab tab_log = {
	.name = "Log",
	.keys = "Arrows Scroll  / Search  R Read again  1-8 Tab Pages  F1 Help  Esc Back",
	.draw = draw_log,
	.key = log_key,
	.enter = enter_log,
};

const struct tab tab_config = {
	.name = "Config",
	.keys = "E Edit  Arrows Scroll  / Search  1-8 Tab Pages  F1 Help  Esc Back",
	.draw = draw_config,
	.key = config_key,
	.enter = enter_config,
};
