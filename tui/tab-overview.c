/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <time.h>

#include "lib/size.h"
#include "tui/app.h"

static void field(int row, const char *name, const char *value)
{
	draw_text(row, 2, 14, STYLE_HEAD, name);
	draw_text(row, 17, draw_cols() - 18, STYLE_NORMAL, value);
}

static const char *start_text(const struct keel_guest *g)
{
	if (g->domid == 0)
		return "it is the control domain";
	if (!g->defined)
		return "no guest file: it lives until it is stopped";
	return g->autostart ? "when the host boots (a changes that)"
			    : "by hand (a changes that)";
}

static void draw_usage(const struct row *row, int at)
{
	const struct keel_guest *g = &row->g;
	double top = 100.0 * (g->vcpus_online ? g->vcpus_online : 1);
	char text[32];

	draw_text(at, 2, 14, STYLE_HEAD, "CPU");
	draw_format(at, 17, 12, STYLE_NORMAL, "%.1f %%", row->cpu);
	draw_spark(at, 30, SPARK, row->cpu_spark, SPARK, top, STYLE_NORMAL);
	draw_text(at + 1, 2, 14, STYLE_HEAD, "Disks");
	draw_format(at + 1, 17, 12, STYLE_NORMAL, "%s/s",
		    keel_format_size((uint64_t)row->disk, text, sizeof(text)));
	draw_spark(at + 1, 30, SPARK, row->disk_spark, SPARK, 0, STYLE_NORMAL);
	draw_text(at + 2, 2, 14, STYLE_HEAD, "Networks");
	draw_format(at + 2, 17, 12, STYLE_NORMAL, "%s/s",
		    keel_format_size((uint64_t)row->net, text, sizeof(text)));
	draw_spark(at + 2, 30, SPARK, row->net_spark, SPARK, 0, STYLE_NORMAL);
}

static void draw(struct app *app, const struct row *row)
{
	const struct keel_guest *g = &row->g;
	char text[200], now[16], limit[16];
	bool up = g->domid != KEEL_NO_DOMAIN;

	(void)app;
	if (up)
		snprintf(text, sizeof(text), "%s, domain %u",
			 keel_guest_type_name(g->type), g->domid);
	else
		snprintf(text, sizeof(text), "%s, no domain",
			 keel_guest_type_name(g->type));
	field(7, "Type", text);
	field(8, "UUID", g->uuid[0] ? g->uuid : "given at its start");
	field(9, "Starts", start_text(g));
	snprintf(text, sizeof(text), up ? "%u online, at most %u" : "%.0u%u at most",
		 up ? g->vcpus_online : 0, g->vcpus_max);
	field(10, "vCPUs", text);
	snprintf(text, sizeof(text), "%s, at most %s",
		 keel_format_size(g->memory_kib * 1024, now, sizeof(now)),
		 keel_format_size(g->max_memory_kib * 1024, limit, sizeof(limit)));
	field(11, "Memory", text);
	if (!up) {
		field(13, "",
		      g->broken ? "Its file cannot be read: see Config."
				: "It is off. s starts it.");
		return;
	}
	if (g->started)
		field(12, "Up for",
		      keel_format_duration((uint64_t)(time(NULL) - g->started), text,
					   sizeof(text)));
	field(13, "CPU time",
	      keel_format_duration(g->cpu_ns / 1000000000, text, sizeof(text)));
	snprintf(text, sizeof(text), "%u attached%s", row->viewers,
		 row->talking ? ", writing now" : "");
	field(14, "Console", text);
	draw_usage(row, 16);
}

const struct tab tab_overview = {
	.name = "Overview",
	.keys = "1-8 Tab Pages  s Start  S Stop  p Pause  c Console  F1 Help  Esc Back",
	.draw = draw,
};
