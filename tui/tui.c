/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keel-tui: the loop that everything hangs on. */
#include "tui/tui.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curses.h>

#include "config.h"
#include "tui/app.h"

#define INTERVAL_MS 1000

static int signal_pipe[2] = {-1, -1};

/* The terminal went away, or we are told to end: leave it as it was. */
static void on_end(int sig)
{
	int saved = errno;
	char byte = (char)sig;

	/* A full pipe means that the loop is going to see one anyway. */
	if (write(signal_pipe[1], &byte, 1) < 0)
		errno = saved;
	errno = saved;
}

static void show_error(struct app *app)
{
	if (app->last_error)
		dialog_text(app, "The last error", app->last_error);
	else
		app_say(app, STYLE_NORMAL, "There was no error.");
}

static void cancel(struct app *app)
{
	struct job *job = job_active();

	if (job)
		job_cancel(job);
	else
		app_say(app, STYLE_NORMAL, "Nothing runs. q quits.");
}

/* Keys that mean the same everywhere; true when it was one. */
static bool global_key(struct app *app, int key)
{
	switch (key) {
	case KEY_RESIZE:
		draw_resize();
		app->repaint = true;
		app_update_want(app); /* more or fewer pictures fit */
		return true;
	case KEY_CTRL('l'):
		app->repaint = true;
		return true;
	case KEY_CTRL('c'):
		cancel(app);
		return true;
	case KEY_F(9):
		if (app->last_command[0])
			app->show_command = true;
		else
			app_say(app, STYLE_NORMAL, "No command was run yet.");
		return true;
	default:
		return false;
	}
}

/* Keys that every view shares, once it did not take them itself. */
static void common_key(struct app *app, int key)
{
	switch (key) {
	case '?':
	case KEY_F(1):
		dialog_help(app);
		break;
	case KEY_F(10):
	case 'q':
		if (app->depth == 1)
			app->quit = true;
		else
			app_pop(app);
		break;
	case KEY_ESCAPE:
		app_pop(app);
		break;
	case 'e':
		if (app_view(app) != &view_events)
			app_push(app, &view_events);
		break;
	case 'h':
		if (app_view(app) != &view_host)
			app_push(app, &view_host);
		break;
	case 'W':
		if (app_view(app) != &view_wall)
			app_push(app, &view_wall);
		break;
	case 'E':
		show_error(app);
		break;
	case '<':
		app->shift -= 10;
		break;
	case '>':
		app->shift += 10;
		break;
	default:
		break;
	}
}

static void handle_key(struct app *app, int key)
{
	if (key != KEY_RESIZE)
		app->show_command = false;
	if (global_key(app, key))
		return;
	if (app->dialog.open)
		dialog_key(app, key);
	else if (!app_view(app)->key(app, key))
		common_key(app, key);
	/* A view that was left shows nothing of what was asked for it. */
	if (app->shift < -draw_cols())
		app->shift = -draw_cols();
	if (app->shift > draw_cols())
		app->shift = draw_cols();
}

/* Milliseconds until the screen changes by itself. */
static int poll_limit(void)
{
	int limit = key_wait_ms();

	if (limit < 0 || limit > 1000)
		limit = 1000; /* the clock, and the elapsed time of an action */
	return limit;
}

static void loop(struct app *app)
{
	struct pollfd pfds[3 + 2 * MAX_JOBS];

	while (!app->quit) {
		struct snapshot *snap;
		int count = 3, key;

		frame_draw(app);
		pfds[0] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
		pfds[1] = (struct pollfd){.fd = model_fd(app->model), .events = POLLIN};
		pfds[2] = (struct pollfd){.fd = signal_pipe[0], .events = POLLIN};
		count += job_poll_fds(pfds + 3, 2 * MAX_JOBS);
		if (poll(pfds, (nfds_t)count, poll_limit()) < 0 && errno != EINTR)
			break;
		/* Also without input: curses has noted a change of size, or an Esc is
		 * due. */
		while ((key = key_read()) >= 0 && !app->quit)
			handle_key(app, key);
		if (pfds[2].revents || (pfds[0].revents & (POLLHUP | POLLERR)))
			app->quit = true;
		job_service();
		snap = model_take(app->model);
		if (snap)
			app_snapshot(app, snap);
	}
}

static void free_app(struct app *app)
{
	snapshot_free(app->snap);
	free(app->visible);
	free(app->checks);
	free(app->last_error);
	pager_set(&app->log, NULL);
	pager_set(&app->pager, NULL);
	pager_set(&app->config, NULL);
	for (size_t i = 0; i < app->event_count; i++)
		free(app->events[i].detail);
}

static int run(void)
{
	struct sigaction act = {.sa_handler = on_end};
	static struct app app;

	if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK)) {
		perror("keel-tui");
		return KEEL_EFAIL;
	}
	sigaction(SIGHUP, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	signal(SIGPIPE, SIG_IGN);
	app.model = model_start(INTERVAL_MS);
	if (!app.model) {
		fprintf(stderr, "keel-tui: cannot start a thread\n");
		return KEEL_EFAIL;
	}
	if (!draw_begin()) {
		model_stop(app.model);
		fprintf(stderr,
			"keel-tui: this is no terminal that it can use (TERM=%s)\n"
			"          keel list and keel help work everywhere\n",
			getenv("TERM") ? getenv("TERM") : "");
		return KEEL_EHOST;
	}
	app_push(&app, &view_list);
	loop(&app);
	draw_end();
	job_end_all();
	model_stop(app.model);
	free_app(&app);
	return KEEL_OK;
}

int keel_tui_main(int argc, char **argv)
{
	keel_set_program("keel-tui");
	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		printf("keel-tui %s\n", PACKAGE_VERSION);
		return KEEL_OK;
	}
	if (argc > 1) {
		fprintf(stderr,
			"usage: keel tui\n       the dashboard; ? in it tells its "
			"keys\n");
		return strcmp(argv[1], "--help") == 0 ? KEEL_OK : KEEL_EUSAGE;
	}
	return run();
}
