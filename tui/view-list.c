/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The dashboard's first screen: the table of guests. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <curses.h>

#include "lib/size.h"
#include "tui/app.h"

#define FIRST_ROW 4

static const char *const sort_names[SORT_COUNT] = {"name",   "state", "CPU",
						   "memory", "disk",  "network"};

/* What qsort() compares by: it takes no argument for it. */
static enum sort_key sort_key;
static int sort_sign;

static int compare_numbers(double a, double b)
{
	return a > b ? -1 : a < b; /* the most first */
}

static int compare(const void *pa, const void *pb)
{
	const struct row *a = *(const struct row *const *)pa;
	const struct row *b = *(const struct row *const *)pb;
	int cmp = 0;

	/* The control domain stays on top: it is the machine itself. */
	if ((a->g.domid == 0) != (b->g.domid == 0))
		return a->g.domid == 0 ? -1 : 1;
	switch (sort_key) {
	case SORT_STATE:
		/* Those with a domain first. */
		cmp = (a->g.domid == KEEL_NO_DOMAIN) - (b->g.domid == KEEL_NO_DOMAIN);
		if (!cmp)
			cmp = (int)a->g.state - (int)b->g.state;
		break;
	case SORT_CPU:
		cmp = compare_numbers(a->cpu, b->cpu);
		break;
	case SORT_MEMORY:
		cmp = compare_numbers((double)a->g.memory_kib, (double)b->g.memory_kib);
		break;
	case SORT_DISK:
		cmp = compare_numbers(a->disk, b->disk);
		break;
	case SORT_NET:
		cmp = compare_numbers(a->net, b->net);
		break;
	default:
		break;
	}
	if (!cmp)
		cmp = strcmp(a->g.name, b->g.name);
	return sort_sign * cmp;
}

static int index_of(const struct app *app, const char *name)
{
	for (size_t i = 0; i < app->visible_count; i++)
		if (strcmp(app->visible[i]->g.name, name) == 0)
			return (int)i;
	return -1;
}

static void select_index(struct app *app, int index)
{
	if (!app->visible_count) {
		app->selected[0] = '\0';
		return;
	}
	if (index < 0)
		index = 0;
	if (index >= (int)app->visible_count)
		index = (int)app->visible_count - 1;
	snprintf(app->selected, sizeof(app->selected), "%s", app->visible[index]->g.name);
}

void list_update(struct app *app)
{
	const struct snapshot *s = app->snap;
	int before = index_of(app, app->selected);
	const struct row **visible = calloc(s->count + 1, sizeof(*visible));

	free(app->visible);
	app->visible = visible;
	app->visible_count = 0;
	for (size_t i = 0; visible && i < s->count; i++)
		if (!app->filter[0] || strcasestr(s->rows[i].g.name, app->filter) ||
		    strcasestr(keel_state_name(s->rows[i].g.state), app->filter))
			visible[app->visible_count++] = &s->rows[i];
	sort_key = app->sort;
	sort_sign = app->reverse ? -1 : 1;
	qsort(visible, app->visible_count, sizeof(*visible), compare);
	/*
	 * The selection follows its guest; when that is gone, it stays at its place.  On
	 * a guest's own page it stays with the guest, shown or not.
	 */
	if (index_of(app, app->selected) >= 0 || app_view(app) == &view_guest)
		return;
	if (before < 0 && app->visible_count > 1 && app->visible[0]->g.domid == 0)
		before = 1; /* at first: the first real guest */
	select_index(app, before);
}

static enum style state_style(const struct keel_guest *g)
{
	if (g->broken || g->unit_failed || g->state == KEEL_STATE_CRASHED)
		return STYLE_BAD;
	if (g->state == KEEL_STATE_RUNNING || g->state == KEEL_STATE_IDLE)
		return STYLE_GOOD;
	if (g->state == KEEL_STATE_OFF)
		return STYLE_DIM;
	return STYLE_WARN;
}

static const char *state_text(const struct keel_guest *g)
{
	if (g->broken)
		return "bad file";
	if (g->unit_failed && g->state == KEEL_STATE_OFF)
		return "failed";
	return keel_state_name(g->state);
}

/* Columns grow with the terminal: first the name, then sparklines, then more facts. */
struct layout {
	int name, cpu_spark, disk_spark, net_spark, type, start;
};

static struct layout layout_for(int cols)
{
	struct layout l = {.name = 17, .cpu_spark = 8};
	int left = cols - 80;

	if (left >= 10) {
		l.name += 9;
		left -= 9;
	}
	if (left >= 18) {
		l.disk_spark = l.net_spark = 8;
		left -= 18;
	}
	if (left >= 11) {
		l.type = 4;
		l.start = 5;
		left -= 11;
	}
	if (left > 8) {
		l.cpu_spark = 16;
		left -= 8;
	}
	if (left > 0)
		l.name += left < 24 ? left : 24;
	return l;
}

static void draw_head(const struct app *app, const struct layout *l)
{
	int col = 1;
	char note[120];

	draw_text(FIRST_ROW - 1, 0, draw_cols(), STYLE_HEAD, "");
	draw_text(FIRST_ROW - 1, col, l->name, STYLE_HEAD, "NAME");
	col += l->name + 1;
	draw_text(FIRST_ROW - 1, col, 9, STYLE_HEAD, "STATE");
	draw_right(FIRST_ROW - 1, col + 10, 5, STYLE_HEAD, "VCPU");
	draw_right(FIRST_ROW - 1, col + 16, 5, STYLE_HEAD, "CPU%");
	col += 22 + l->cpu_spark + 1;
	draw_right(FIRST_ROW - 1, col, 5, STYLE_HEAD, "MEM");
	draw_right(FIRST_ROW - 1, col + 6, 6, STYLE_HEAD, "DISK/s");
	col += 13 + (l->disk_spark ? l->disk_spark + 1 : 0);
	draw_right(FIRST_ROW - 1, col, 5, STYLE_HEAD, "NET/s");
	col += 6 + (l->net_spark ? l->net_spark + 1 : 0);
	draw_right(FIRST_ROW - 1, col, 9, STYLE_HEAD, "UPTIME");
	col += 10;
	if (l->type) {
		draw_text(FIRST_ROW - 1, col + 1, 4, STYLE_HEAD, "TYPE");
		draw_text(FIRST_ROW - 1, col + 6, 5, STYLE_HEAD, "BOOT");
	}
	if (app->filter[0] || app->sort != SORT_NAME || app->reverse) {
		snprintf(note, sizeof(note), "sorted by %s%s%s%.40s",
			 sort_names[app->sort], app->reverse ? ", reversed" : "",
			 app->filter[0] ? "  only: " : "", app->filter);
		draw_right(2, 30, draw_cols() - 31, STYLE_WARN, note);
	}
}

/* A rate as short text; nothing when there is none. */
static void draw_rate(int row, int col, int width, enum style style, double value)
{
	char text[16] = "";

	if (value >= 1)
		keel_format_size_short((uint64_t)value, text, sizeof(text));
	draw_right(row, col, width, style, text);
}

static void draw_cells(int row, const struct row *r, const struct layout *l,
		       bool selected)
{
	const struct keel_guest *g = &r->g;
	enum style base = selected		       ? STYLE_SELECTED
			  : g->state == KEEL_STATE_OFF ? STYLE_DIM
						       : STYLE_NORMAL;
	bool up = g->domid != KEEL_NO_DOMAIN;
	char text[32];
	int col = 1;

	draw_text(row, 0, draw_cols(), base, "");
	draw_text(row, col, l->name, base, g->name);
	col += l->name + 1;
	draw_text(row, col, 9, selected ? base : state_style(g), state_text(g));
	if (up)
		snprintf(text, sizeof(text), "%u/%u", g->vcpus_online, g->vcpus_max);
	else
		snprintf(text, sizeof(text), "-/%u", g->vcpus_max);
	draw_right(row, col + 10, 5, base, text);
	snprintf(text, sizeof(text), "%.1f", r->cpu);
	draw_right(row, col + 16, 5, base, up ? text : "");
	col += 22;
	if (up)
		draw_spark(row, col, l->cpu_spark, r->cpu_spark, SPARK,
			   100.0 * (g->vcpus_online ? g->vcpus_online : 1), base);
	col += l->cpu_spark + 1;
	draw_right(row, col, 5, base,
		   keel_format_size_short(g->memory_kib * 1024, text, sizeof(text)));
	draw_rate(row, col + 6, 6, base, r->disk);
	col += 13;
	if (l->disk_spark) {
		draw_spark(row, col, l->disk_spark, r->disk_spark, SPARK, 0, base);
		col += l->disk_spark + 1;
	}
	draw_rate(row, col, 5, base, r->net);
	col += 6;
	if (l->net_spark) {
		draw_spark(row, col, l->net_spark, r->net_spark, SPARK, 0, base);
		col += l->net_spark + 1;
	}
	text[0] = '\0';
	if (up && g->started)
		keel_format_duration((uint64_t)(time(NULL) - g->started), text,
				     sizeof(text));
	draw_right(row, col, 9, base, text);
	draw_text(row, col + 9, 1, base, r->talking ? "*" : "");
	if (l->type) {
		draw_text(row, col + 11, 4, base, keel_guest_type_name(g->type));
		draw_text(row, col + 16, 5, base, g->autostart ? "auto" : "-");
	}
}

static int page_rows(void)
{
	return draw_rows() - FIRST_ROW - 2;
}

static void draw(struct app *app)
{
	struct layout l = layout_for(draw_cols());
	int selected = index_of(app, app->selected), rows = page_rows();

	draw_head(app, &l);
	if (selected >= 0 && selected < app->list_top)
		app->list_top = selected;
	if (selected >= app->list_top + rows)
		app->list_top = selected - rows + 1;
	if (app->list_top > (int)app->visible_count - rows)
		app->list_top = (int)app->visible_count - rows;
	if (app->list_top < 0)
		app->list_top = 0;
	for (int i = 0; i < rows && app->list_top + i < (int)app->visible_count; i++)
		draw_cells(FIRST_ROW + i, app->visible[app->list_top + i], &l,
			   app->list_top + i == selected);
	app->focus_row = FIRST_ROW + (selected < 0 ? 0 : selected - app->list_top);
	if (app->visible_count <= 1 && !app->filter[0])
		draw_text(FIRST_ROW + 3, 4, 0, STYLE_NORMAL,
			  "There are no guests yet. n installs one.");
	if (!app->visible_count && app->filter[0])
		draw_format(FIRST_ROW + 1, 4, 60, STYLE_NORMAL,
			    "No guest matches \"%s\". / changes that.", app->filter);
}

static void filter_done(struct app *app, int choice, const char *text)
{
	(void)choice;
	snprintf(app->filter, sizeof(app->filter), "%.63s", text);
	if (app->snap)
		list_update(app);
}

static bool move_key(struct app *app, int key)
{
	int index = index_of(app, app->selected);

	switch (key) {
	case KEY_UP:
	case 'k':
		index--;
		break;
	case KEY_DOWN:
	case 'j':
		index++;
		break;
	case KEY_PPAGE:
		index -= page_rows() - 1;
		break;
	case KEY_NPAGE:
		index += page_rows() - 1;
		break;
	case KEY_HOME:
	case 'g':
		index = 0;
		break;
	case KEY_END:
	case 'G':
		index = (int)app->visible_count;
		break;
	default:
		return false;
	}
	select_index(app, index);
	return true;
}

static void install(struct app *app)
{
	static const char *const argv[] = {"keel", "install", NULL};

	app_run_foreground(app, argv);
}

static bool other_key(struct app *app, int key)
{
	switch (key) {
	case '\r':
	case '\n':
	case KEY_ENTER:
	case KEY_RIGHT:
		if (app_selected(app)) {
			app->tab = 0;
			app_push(app, &view_guest);
		}
		return true;
	case 'n':
		install(app);
		return true;
	case '/':
		dialog_prompt(app, "Show only", NULL, app->filter, "", "", filter_done);
		dialog_body(app, "Guests whose name or state contains (empty: all):");
		return true;
	case 'o':
		app->sort = (app->sort + 1) % SORT_COUNT;
		break;
	case 'r':
		app->reverse = !app->reverse;
		break;
	case KEY_ESCAPE:
		app->filter[0] = '\0';
		break;
	default:
		return false;
	}
	if (app->snap)
		list_update(app);
	return true;
}

static bool key(struct app *app, int key_code)
{
	return move_key(app, key_code) || other_key(app, key_code) ||
	       action_key(app, key_code);
}

static const struct help help[] = {
	{"Arrows", "choose a guest (also j k g G, PgUp PgDn)"},
	{"Enter", "the guest's page"},
	{"n", "install a new guest"},
	{"s", "start"},
	{"S", "stop: shut down, reboot or force off"},
	{"p", "pause, or run on"},
	{"c", "console (its own keys bring you back here)"},
	{"v m", "vCPUs, memory"},
	{"d w l", "disks, networks, log"},
	{"a", "start at boot, or not"},
	{"x", "migrate to another host, while it runs"},
	{"X", "remove the guest's file"},
	{"o r", "sort by the next column, reverse"},
	{"/", "show only some; Esc shows all again"},
	{"e h W", "events, host, wall of all consoles"},
	{"*", "in the last column: its console wrote just now"},
	{NULL, NULL},
};

const struct view view_list = {
	.name = "Guests",
	.keys = "Enter Open  c Console  n New  s Start  S Stop  v vCPUs  m Memory  h "
		"Host  ?",
	.help = help,
	.draw = draw,
	.key = key,
};
