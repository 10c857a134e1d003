/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vCPUs: how many, live; asked for and online, and why one is not as asked. */
#include <stdio.h>
#include <string.h>

#include <curses.h>

#include "tui/app.h"

#define TABLE 9

static const struct details *details_of(const struct app *app, const struct row *row)
{
	const struct details *d = &app->snap->details;

	return d->valid && strcmp(d->name, row->g.name) == 0 ? d : NULL;
}

static unsigned requested_of(const struct details *d)
{
	unsigned count = 0;

	for (size_t i = 0; i < d->vcpu_count; i++)
		count += d->vcpus[i].v.requested;
	return count;
}

/* "1 [####......] 8": one cell a vCPU when they fit. */
static void draw_slider(const struct keel_guest *g, unsigned requested)
{
	int width = (int)g->vcpus_max <= draw_cols() - 46 ? (int)g->vcpus_max : 32;
	char text[64];

	draw_text(7, 2, 6, STYLE_HEAD, "vCPUs");
	draw_text(7, 9, 1, STYLE_NORMAL, "1");
	draw_bar(7, 11, width + 2, (double)requested / g->vcpus_max, STYLE_GOOD);
	snprintf(text, sizeof(text), "%u   %u asked for, %u online", g->vcpus_max,
		 requested, g->vcpus_online);
	draw_text(7, 14 + width, 0,
		  requested == g->vcpus_online ? STYLE_NORMAL : STYLE_WARN, text);
}

static void draw_vcpu(int row, const struct keel_guest *g, const struct vcpu_row *v,
		      bool selected)
{
	const char *reason = keel_vcpu_reason(g, &v->v);
	enum style style = selected  ? STYLE_SELECTED
			   : *reason ? STYLE_WARN
				     : STYLE_NORMAL;
	char cpu[12] = "-";

	if (v->v.cpu != UINT32_MAX)
		snprintf(cpu, sizeof(cpu), "%u", v->v.cpu);
	draw_format(row, 0, draw_cols(), style, "  %4u  %-8s %-8s %5.1f %5s  %-9s %s",
		    v->v.id, v->v.requested ? "online" : "offline",
		    !v->v.online   ? "offline"
		    : v->v.running ? "running"
				   : "online",
		    v->cpu, cpu, v->v.affinity, reason);
}

static int first_shown(const struct app *app, int rows, int count)
{
	int first = app->tab_selected - rows + 1;

	if (first > count - rows)
		first = count - rows;
	return first < 0 ? 0 : first;
}

static void draw(struct app *app, const struct row *row)
{
	const struct details *d = details_of(app, row);
	int rows = draw_rows() - TABLE - 3, first;

	if (row->g.domid == KEEL_NO_DOMAIN) {
		draw_format(
			7, 2, 0, STYLE_NORMAL,
			"It is off; its file allows %u vCPUs. v sets how many it starts "
			"with.",
			row->g.vcpus_max);
		return;
	}
	if (!d) {
		draw_text(7, 2, 0, STYLE_DIM, "Reading ...");
		return;
	}
	if (d->error[0]) {
		draw_text(7, 2, draw_cols() - 4, STYLE_BAD, d->error);
		return;
	}
	draw_slider(&row->g, requested_of(d));
	draw_text(TABLE, 0, draw_cols(), STYLE_HEAD,
		  "  VCPU  ASKED    IS        CPU%   CPU  AFFINITY  WHY NOT AS ASKED");
	if (app->tab_selected >= (int)d->vcpu_count)
		app->tab_selected = (int)d->vcpu_count - 1;
	if (app->tab_selected < 0)
		app->tab_selected = 0;
	first = first_shown(app, rows, (int)d->vcpu_count);
	for (int i = 0; i < rows && first + i < (int)d->vcpu_count; i++)
		draw_vcpu(TABLE + 1 + i, &row->g, &d->vcpus[first + i],
			  first + i == app->tab_selected);
	app->focus_row = TABLE + 1 + app->tab_selected - first;
}

static void pin_done(struct app *app, int choice, const char *text)
{
	char vcpu[12];
	const char *argv[] = {"keel",	"vcpu", "--pin",	   text,
			      "--vcpu", vcpu,	app->dialog.guest, NULL};

	(void)choice;
	snprintf(vcpu, sizeof(vcpu), "%d", app->tab_selected);
	app_run(app, argv, "Pinning vCPU %s of %s", vcpu, app->dialog.guest);
}

static void ask_pin(struct app *app, const struct row *row)
{
	char command[160];

	snprintf(command, sizeof(command), "keel vcpu --pin %%s --vcpu %d %s",
		 app->tab_selected, row->g.name);
	dialog_prompt(app, "Pin a vCPU", row->g.name, "all", "", command, pin_done);
	dialog_body(app, "CPUs that vCPU %d of %s may run on (2, 0-3, 0,2-3, all):",
		    app->tab_selected, row->g.name);
}

/* One more or one less, at once. */
static void change(struct app *app, const struct row *row, int by)
{
	const struct details *d = details_of(app, row);
	int count = d ? (int)requested_of(d) + by : 0;

	if (!d || row->g.domid == KEEL_NO_DOMAIN)
		return;
	if (count < 1 || count > (int)row->g.vcpus_max)
		app_say(app, STYLE_WARN, "%s can have 1 to %u vCPUs.", row->g.name,
			row->g.vcpus_max);
	else
		action_set_vcpus(app, &row->g, (unsigned)count);
}

static bool key(struct app *app, const struct row *row, int key_code)
{
	switch (key_code) {
	case '+':
	case '=':
		change(app, row, 1);
		return true;
	case '-':
		change(app, row, -1);
		return true;
	case KEY_UP:
		app->tab_selected--;
		return true;
	case KEY_DOWN:
		app->tab_selected++;
		return true;
	case 'P':
		if (row->g.domid != KEEL_NO_DOMAIN)
			ask_pin(app, row);
		return true;
	default:
		return false;
	}
}

const struct tab tab_vcpus = {
	.name = "vCPUs",
	.keys = "+ - More, less (at once)  v Set  P Pin  1-8 Tab Pages  F1 Help  Esc "
		"Back",
	.draw = draw,
	.key = key,
};
