/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tui/app.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct view *app_view(const struct app *app)
{
	return app->stack[app->depth - 1];
}

void app_push(struct app *app, const struct view *view)
{
	if (app->depth == MAX_STACK)
		return;
	app->stack[app->depth++] = view;
	if (view->enter)
		view->enter(app);
	app_update_want(app);
}

void app_pop(struct app *app)
{
	if (app->depth == 1)
		return;
	app->depth--;
	app_update_want(app);
}

void app_say(struct app *app, enum style style, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(app->message, sizeof(app->message), fmt, ap);
	va_end(ap);
	app->message_style = style;
	app->message_time = time(NULL);
}

void app_event(struct app *app, enum style style, const char *detail, const char *fmt,
	       ...)
{
	struct event *event;
	va_list ap;

	if (app->event_count == MAX_EVENTS) {
		free(app->events[0].detail);
		memmove(app->events, app->events + 1,
			(MAX_EVENTS - 1) * sizeof(app->events[0]));
		app->event_count--;
	}
	event = &app->events[app->event_count++];
	memset(event, 0, sizeof(*event));
	event->when = time(NULL);
	event->style = style;
	event->detail = detail && *detail ? strdup(detail) : NULL;
	va_start(ap, fmt);
	vsnprintf(event->text, sizeof(event->text), fmt, ap);
	va_end(ap);
}

const struct row *app_selected(const struct app *app)
{
	return app->selected[0] ? snapshot_row(app->snap, app->selected) : NULL;
}

/* The first line of what a failed command wrote, without the program's name. */
static void first_line(const char *output, char *buf, size_t size)
{
	const char *line = output ? output : "";

	if (strncmp(line, "keel: ", 6) == 0)
		line += 6;
	snprintf(buf, size, "%.*s", (int)strcspn(line, "\n"), line);
}

static void job_ended(void *arg, struct job *job)
{
	struct app *app = arg;
	char why[200];

	model_refresh(app->model);
	if (job->status == 0) {
		app_say(app, STYLE_GOOD, "%s: done.", job->title);
		app_event(app, STYLE_GOOD, job->output, "%s: done  ($ %s)", job->title,
			  job->command);
		return;
	}
	if (job->cancelled) {
		app_say(app, STYLE_WARN, "%s: cancelled.", job->title);
		app_event(app, STYLE_WARN, job->output, "%s: cancelled  ($ %s)",
			  job->title, job->command);
		return;
	}
	first_line(job->output, why, sizeof(why));
	if (!why[0])
		snprintf(why, sizeof(why), "failed with status %d", job->status);
	app_say(app, STYLE_BAD, "%s   (E shows all)", why);
	app_event(app, STYLE_BAD, job->output, "%s: %s", job->title, why);
	free(app->last_error);
	if (asprintf(&app->last_error, "$ %s\n\n%s", job->command,
		     job->output ? job->output : "(it wrote nothing)") < 0)
		app->last_error = NULL;
}

void app_run(struct app *app, const char *const *argv, const char *title, ...)
{
	char text[96];
	va_list ap;

	va_start(ap, title);
	vsnprintf(text, sizeof(text), title, ap);
	va_end(ap);
	job_command_text(argv, app->last_command, sizeof(app->last_command));
	if (!job_run(text, argv, false, job_ended, app))
		app_say(app, STYLE_BAD, "Too many commands are running; wait for one.");
}

void app_run_foreground(struct app *app, const char *const *argv)
{
	int status;

	job_command_text(argv, app->last_command, sizeof(app->last_command));
	draw_suspend();
	status = job_foreground(argv);
	draw_resume();
	app->repaint = true;
	model_refresh(app->model);
	if (status != 0)
		app_say(app, STYLE_WARN, "%.120s ended with status %d.",
			app->last_command, status);
	app_event(app, status ? STYLE_WARN : STYLE_NORMAL, NULL, "$ %s: status %d",
		  app->last_command, status);
}

/* Tells changes of guests that nobody at this screen caused, too. */
static void note_changes(struct app *app, const struct snapshot *old,
			 const struct snapshot *now)
{
	for (size_t i = 0; i < now->count; i++) {
		const struct keel_guest *g = &now->rows[i].g;
		const struct row *before = snapshot_row(old, g->name);
		bool alive = keel_state_alive(g->state);

		if (!before) {
			app_event(app, STYLE_NORMAL, NULL, "%s: new, %s", g->name,
				  keel_state_name(g->state));
			continue;
		}
		if (alive && !keel_state_alive(before->g.state))
			app_event(app, STYLE_GOOD, NULL, "%s: runs", g->name);
		else if (alive && before->g.domid != g->domid)
			app_event(app, STYLE_NORMAL, NULL, "%s: has rebooted", g->name);
		else if (!alive && before->g.state != g->state)
			app_event(app,
				  g->state == KEEL_STATE_CRASHED ? STYLE_BAD
								 : STYLE_NORMAL,
				  NULL, "%s: %s", g->name, keel_state_name(g->state));
		if (before->g.vcpus_online != g->vcpus_online && alive)
			app_event(app, STYLE_NORMAL, NULL, "%s: %u of %u vCPUs online",
				  g->name, g->vcpus_online, g->vcpus_max);
	}
	for (size_t i = 0; i < old->count; i++)
		if (!snapshot_row(now, old->rows[i].g.name))
			app_event(app, STYLE_NORMAL, NULL, "%s: gone",
				  old->rows[i].g.name);
}

/* What the open view needs. */
static void make_want(const struct app *app, struct want *want)
{
	memset(want, 0, sizeof(*want));
	if (app_view(app) == &view_guest) {
		memcpy(want->focus, app->selected, sizeof(want->focus));
		want->screen = guest_tab(app)->wants_screen;
	}
	if (app_view(app) == &view_wall)
		wall_want(app, want);
	want->checks = app_view(app) == &view_host && !app->checks;
}

void app_snapshot(struct app *app, struct snapshot *snap)
{
	struct snapshot *old = app->snap;
	struct want want;

	if (old && old->ok && snap->ok)
		note_changes(app, old, snap);
	if (snap->checks) {
		free(app->checks);
		app->checks = snap->checks;
		app->check_count = snap->check_count;
		snap->checks = NULL;
	}
	app->snap = snap;
	list_update(app);
	snapshot_free(old);
	/* Guests that came or went change what the wall shows. */
	make_want(app, &want);
	if (memcmp(&want, &app->want, sizeof(want)) != 0 && app_view(app) == &view_wall)
		app_update_want(app);
}

void app_update_want(struct app *app)
{
	make_want(app, &app->want);
	model_want(app->model, &app->want);
}
