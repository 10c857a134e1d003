/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What every screen has: header, status line, key bar. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "config.h"
#include "lib/size.h"
#include "tui/app.h"

/* Seconds that a message stays on the status line. */
#define MESSAGE_S 12

static void draw_title(struct app *app)
{
	const struct snapshot *s = app->snap;
	char left[120], right[64], when[32] = "";
	time_t now = time(NULL);
	struct tm tm;

	if (localtime_r(&now, &tm))
		strftime(when, sizeof(when), "%H:%M:%S", &tm);
	if (s && s->ok) {
		snprintf(left, sizeof(left), " %.40s   %.40s   keel %s", s->info.hostname,
			 s->info.hypervisor, PACKAGE_VERSION);
		snprintf(right, sizeof(right), "load %.2f %.2f %.2f   %s ", s->load[0],
			 s->load[1], s->load[2], when);
	} else {
		snprintf(left, sizeof(left), " keel %s", PACKAGE_VERSION);
		snprintf(right, sizeof(right), "%s ", when);
	}
	draw_text(0, 0, draw_cols(), STYLE_TITLE, left);
	draw_right(0, draw_cols() - (int)strlen(right), (int)strlen(right), STYLE_TITLE,
		   right);
}

static enum style level(double used)
{
	return used > 0.95 ? STYLE_BAD : used > 0.85 ? STYLE_WARN : STYLE_GOOD;
}

static void draw_machine(const struct snapshot *s)
{
	double mem = s->info.memory_kib
			     ? 1.0 - (double)s->info.free_kib / (double)s->info.memory_kib
			     : 0;
	double disk = s->storage_total
			      ? 1.0 - (double)s->storage_free / (double)s->storage_total
			      : 0;
	char amount[16], total[16];

	draw_format(1, 1, 9, STYLE_HEAD, "CPUs %u", s->info.cpus);
	draw_bar(1, 10, 10, s->cpu / 100, level(s->cpu / 100));
	draw_format(1, 21, 5, STYLE_NORMAL, "%3.0f%%", s->cpu);
	draw_text(1, 27, 6, STYLE_HEAD, "Memory");
	draw_bar(1, 34, 10, mem, level(mem));
	keel_format_size_short(s->info.free_kib * 1024, amount, sizeof(amount));
	keel_format_size_short(s->info.memory_kib * 1024, total, sizeof(total));
	draw_format(1, 45, 15, STYLE_NORMAL, "%s of %s", amount, total);
	draw_text(1, 58, 4, STYLE_NORMAL, "free");
	draw_text(1, 64, 4, STYLE_HEAD, "Disk");
	keel_format_size_short(s->storage_free, amount, sizeof(amount));
	draw_format(1, 69, 11, level(disk), "%s free", amount);
}

/* One line: how many guests, and what needs attention. */
static void draw_summary(const struct app *app)
{
	const struct snapshot *s = app->snap;
	unsigned guests = 0, alive = 0, crashed = 0, failed = 0, broken = 0;
	char text[160];
	int n;

	for (size_t i = 0; i < s->count; i++) {
		const struct keel_guest *g = &s->rows[i].g;

		if (g->domid == 0)
			continue;
		guests++;
		alive += keel_state_alive(g->state);
		crashed += g->state == KEEL_STATE_CRASHED;
		failed += g->unit_failed;
		broken += g->broken;
	}
	n = snprintf(text, sizeof(text), "Guests %u, %u running", guests, alive);
	draw_text(2, 1, n, STYLE_NORMAL, text);
	text[0] = '\0';
	n = 0;
	if (crashed)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "  %u crashed",
			      crashed);
	if (failed)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "  %u failed", failed);
	if (broken)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "  %u with a bad file",
			      broken);
	if (s->storage_total && s->storage_free < (64u << 20))
		n += snprintf(text + n, sizeof(text) - (size_t)n, "  storage full");
	if (n)
		draw_format(2, 27, 53, STYLE_BAD, "Attention:%s", text);
}

/* What the status line says now: the command asked for, what runs, or the last message.
 */
static enum style status_text(const struct app *app, char *buf, size_t size)
{
	struct job *job = job_active();
	char spent[32];

	buf[0] = '\0';
	if (app->show_command) {
		snprintf(buf, size, "$ %s", app->last_command);
		return STYLE_HEAD;
	}
	if (job) {
		keel_format_duration((uint64_t)job_elapsed_ms(job) / 1000, spent,
				     sizeof(spent));
		snprintf(buf, size, "%s%s   %s   ^C cancels", job->title,
			 job->cancelled ? " (cancelling)" : " ...", spent);
		return STYLE_BOLD;
	}
	if (time(NULL) - app->message_time < MESSAGE_S)
		snprintf(buf, size, "%s", app->message);
	return app->message_style;
}

static void draw_keys(struct app *app)
{
	const char *keys = app_view(app)->keys;

	if (app_view(app) == &view_guest)
		keys = guest_tab(app)->keys;
	draw_format(draw_rows() - 1, 0, draw_cols(), STYLE_TITLE, " %s", keys);
}

/* In place of the view when there is nothing to show yet, or no host. */
static bool draw_trouble(struct app *app)
{
	const struct snapshot *s = app->snap;

	if (!s) {
		draw_text(4, 2, 0, STYLE_DIM, "Reading the host's state ...");
		return true;
	}
	if (s->ok)
		return false;
	draw_format(4, 2, draw_cols() - 4, STYLE_BAD, "%s.", s->error.text);
	if (s->error.hint[0])
		draw_format(6, 2, draw_cols() - 4, STYLE_NORMAL, "What to try: %s.",
			    s->error.hint);
	draw_text(8, 2, 0, STYLE_NORMAL,
		  "This screen comes to life as soon as that works. h checks the host.");
	return true;
}

void frame_draw(struct app *app)
{
	const struct view *view = app_view(app);
	char status[sizeof(app->last_command) + 8];
	enum style style = status_text(app, status, sizeof(status));

	draw_clear();
	app->focus_row = app->focus_col = 0;
	draw_title(app);
	if (app->snap && app->snap->ok) {
		draw_machine(app->snap);
		draw_summary(app);
	}
	if ((view != &view_list && view != &view_guest && view != &view_wall) ||
	    !draw_trouble(app))
		view->draw(app);
	draw_format(draw_rows() - 2, 0, draw_cols(), style, " %s", status);
	draw_keys(app);
	if (app->dialog.open)
		dialog_draw(app);
	draw_show(app->focus_row, app->focus_col, app->shift, status, app->repaint);
	app->repaint = false;
}
