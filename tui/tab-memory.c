/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>

#include "lib/size.h"
#include "tui/app.h"

/* What + and - change, in MiB. */
#define STEP 64

static void draw(struct app *app, const struct row *row)
{
	const struct keel_guest *g = &row->g;
	char now[16], limit[16], left[16];

	draw_text(7, 2, 12, STYLE_HEAD, "Memory");
	draw_bar(7, 15, 42,
		 g->max_memory_kib ? (double)g->memory_kib / (double)g->max_memory_kib
				   : 0,
		 STYLE_GOOD);
	draw_format(
		7, 59, 20, STYLE_NORMAL, "%s of %s",
		keel_format_size_short(g->memory_kib * 1024, now, sizeof(now)),
		keel_format_size_short(g->max_memory_kib * 1024, limit, sizeof(limit)));
	draw_text(9, 2, 12, STYLE_HEAD, "Now");
	draw_text(9, 15, 0, STYLE_NORMAL,
		  keel_format_size(g->memory_kib * 1024, now, sizeof(now)));
	draw_text(10, 2, 12, STYLE_HEAD, "Limit");
	draw_text(10, 15, 0, STYLE_NORMAL,
		  keel_format_size(g->max_memory_kib * 1024, limit, sizeof(limit)));
	draw_text(11, 2, 12, STYLE_HEAD, "Host has");
	draw_format(
		11, 15, 0, STYLE_NORMAL, "%s free",
		keel_format_size(app->snap->info.free_kib * 1024, left, sizeof(left)));
	draw_format(13, 2, 0, STYLE_NORMAL,
		    "+ and - change it by %d MiB at once; m sets it.", STEP);
	draw_text(14, 2, 0, STYLE_DIM,
		  "The guest's balloon driver gives memory back or takes it, which can");
	draw_text(15, 2, 0, STYLE_DIM,
		  "take a moment; it never gets more than the limit.");
}

static bool key(struct app *app, const struct row *row, int key_code)
{
	const struct keel_guest *g = &row->g;
	char amount[24];
	const char *argv[] = {"keel", "mem", g->name, amount, NULL};
	int64_t mib = (int64_t)(g->memory_kib / 1024);

	if (key_code != '+' && key_code != '-' && key_code != '=')
		return false;
	if (g->domid == KEEL_NO_DOMAIN) {
		app_say(app, STYLE_WARN,
			"%s is off: m sets the memory of its next start.", g->name);
		return true;
	}
	mib = (mib + (key_code == '-' ? -1 : STEP)) / STEP * STEP;
	if (mib < STEP || (uint64_t)mib * 1024 > g->max_memory_kib) {
		app_say(app, STYLE_WARN, "That is beyond its limits.");
		return true;
	}
	snprintf(amount, sizeof(amount), "%" PRId64, mib);
	app_run(app, argv, "Memory of %s: %s MiB", g->name, amount);
	return true;
}

const struct tab tab_memory = {
	.name = "Memory",
	.keys = "+ - More, less (at once)  m Set  1-8 Tab Pages  F1 Help  Esc Back",
	.draw = draw,
	.key = key,
};
