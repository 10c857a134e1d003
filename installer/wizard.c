/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The new-guest wizard: its frame, and the run of the install at its end. */
#include "wizard.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

size_t wizard_plan(struct wizard *w, struct ki_plan *plan)
{
	bool installer =
		w->spec->source == KI_SRC_MEDIUM || w->spec->source == KI_SRC_TREE;
	struct ki_spec spec;
	struct ki_error err;
	size_t fatal;

	/* On a copy: default disk paths follow the name when it is changed later. */
	ki_spec_copy(&spec, w->spec);
	ki_spec_complete(&spec, &w->o->paths, ki_random);
	if (installer && w->looked && ki_spec_take_answers(&spec, &w->found, &err))
		ki_set(&spec.answers, NULL);
	ki_plan_make(plan, &spec, &w->o->paths,
		     installer && w->looked ? &w->found : NULL);
	fatal = ki_plan_check(plan, &w->host);
	ki_spec_free(&spec);
	return fatal;
}

/* F9: the command that does what was answered so far. */
static void show_command(void *arg)
{
	struct wizard *w = arg;
	struct ki_plan plan;

	wizard_plan(w, &plan);
	ui_message("The command for this", plan.command);
	ki_plan_free(&plan);
}

static void forget_source(struct wizard *w)
{
	ki_medium_close(w->m);
	w->m = NULL;
	ki_detection_free(&w->found);
	w->looked = false;
}

int wizard_look(struct wizard *w)
{
	struct ki_error err;
	int rc;

	if (w->looked && w->looked_at && w->spec->location &&
	    !strcmp(w->looked_at, w->spec->location))
		return 0;
	forget_source(w);
	ki_set(&w->spec->kernel, NULL);
	ki_set(&w->spec->initrd, NULL);
	ui_idle("Reading it ...");
	rc = ki_look_at_source(w->o, w->spec, &w->m, &w->found, &err);
	ui_idle_end();
	if (rc) {
		ui_error(&err);
		return -1;
	}
	w->looked = true;
	ki_set(&w->looked_at, w->spec->location ? w->spec->location : "");
	return 0;
}

/* --- the install itself -------------------------------------------------------- */

struct gauge {
	newtComponent form, title, scale, figures;
	struct ki_buf undone;
	struct timespec begun, drawn;
	bool cancel;
};

static double since(const struct timespec *then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - then->tv_sec) +
	       (double)(now.tv_nsec - then->tv_nsec) / 1e9;
}

static void show_bytes(struct gauge *g, const struct ki_progress *p)
{
	char done[24], total[24], rate[24];
	double seconds = since(&g->begun), speed;
	char *text;

	speed = seconds > 0.01 ? (double)p->done / seconds : 0;
	ki_format_size(p->done, done);
	ki_format_size(p->total, total);
	ki_format_size((uint64_t)speed, rate);
	text = ki_printf("%s of %s, %s/s, %.0f s left", done, total, rate,
			 speed > 1 && p->total > p->done
				 ? (double)(p->total - p->done) / speed
				 : 0);
	newtLabelSetText(g->figures, text);
	free(text);
}

/* The bar is over all steps; within a step its bytes move it. */
static void draw_gauge(struct gauge *g, const struct ki_progress *p)
{
	double part = p->total ? (double)p->done / (double)p->total : 0;
	unsigned long long permille;

	if (p->kind == KI_STEP_END)
		part = 1;
	permille = (unsigned long long)(((double)p->step - 1 + part) * 1000 /
					(double)p->n_steps);
	newtScaleSet(g->scale, permille);
	newtDrawForm(g->form);
	newtRefresh();
	clock_gettime(CLOCK_MONOTONIC, &g->drawn);
}

static void on_progress(void *arg, const struct ki_progress *p)
{
	struct gauge *g = arg;
	char *title;

	if (p->kind == KI_UNDO) {
		ki_buf_printf(&g->undone, "%s\n", p->title);
		return;
	}
	if (p->kind == KI_STEP_BYTES && since(&g->drawn) < 0.1)
		return;
	if (p->kind == KI_STEP_BEGIN) {
		clock_gettime(CLOCK_MONOTONIC, &g->begun);
		title = ki_printf("Step %zu of %zu: %.52s", p->step, p->n_steps,
				  p->title);
		newtLabelSetText(g->title, title);
		free(title);
		newtLabelSetText(g->figures, "");
	}
	if (p->kind == KI_STEP_BYTES && p->total)
		show_bytes(g, p);
	draw_gauge(g, p);
}

/* Esc cancels, and so does a signal. */
static bool on_cancelled(void *arg)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	struct gauge *g = arg;
	char c;

	if (ki_interrupted(NULL))
		g->cancel = true;
	while (!g->cancel && poll(&in, 1, 0) > 0 && read(STDIN_FILENO, &c, 1) == 1)
		if ((c == '\033' && poll(&in, 1, 100) == 0) || c == 3)
			g->cancel = true;
	return g->cancel;
}

static void gauge_open(struct gauge *g, const char *name)
{
	char *title = ki_printf("Installing %s", name);

	memset(g, 0, sizeof(*g));
	newtPushHelpLine(" Esc cancels, and takes everything back");
	newtCenteredWindow(70, 8, title);
	g->form = newtForm(NULL, NULL, 0);
	g->title = newtLabel(1, 1, "");
	g->scale = newtScale(1, 3, 68, 1000);
	g->figures = newtLabel(1, 5, "");
	newtFormAddComponents(g->form, g->title, g->scale, g->figures, NULL);
	newtDrawForm(g->form);
	newtRefresh();
	free(title);
}

static void gauge_close(struct gauge *g)
{
	newtFormDestroy(g->form);
	newtPopWindow();
	newtPopHelpLine();
}

static int run_install(struct wizard *w, struct ki_plan *plan, struct ki_error *err)
{
	struct gauge g;
	struct ki_run run = {
		.progress = on_progress, .cancelled = on_cancelled, .arg = &g};
	char *text;
	int rc;

	gauge_open(&g, plan->spec.name);
	rc = ki_execute(plan, w->m, &run, err);
	gauge_close(&g);
	if (rc && g.undone.len) {
		text = ki_printf("%s\n\nTaken back:\n%s", err->why, g.undone.data);
		ui_message(err->what, text);
		free(text);
	} else if (rc) {
		ui_error(err);
	}
	ki_buf_free(&g.undone);
	return rc;
}

enum outcome { DONE, RETRY, GIVEN_UP };

static enum outcome install(struct wizard *w)
{
	struct ki_error err = {0};
	struct ki_plan plan;
	int rc;

	if (wizard_plan(w, &plan)) { /* the host may have changed since the summary */
		ki_plan_free(&plan);
		return RETRY;
	}
	rc = run_install(w, &plan, &err);
	ki_plan_free(&plan);
	if (!rc)
		return DONE;
	return ki_interrupted(NULL) ? GIVEN_UP : RETRY;
}

/* --- the frame ------------------------------------------------------------------ */

static enum ui_answer (*const pages[])(struct wizard *) = {
	page_name,    page_source,  page_found,	  page_cpu,
	page_devices, page_answers, page_summary,
};

#define PAGES (sizeof(pages) / sizeof(*pages))

static bool really_leave(struct wizard *w)
{
	return ki_interrupted(NULL) ||
	       ui_ask("Leave?",
		      "Nothing has been made yet. The answers given so far are lost.",
		      "Leave", "Stay", !w->spec->name || !*w->spec->name);
}

static size_t page_index(enum ki_page page)
{
	static const size_t index[] = {
		[KI_PAGE_NAME] = 0,  [KI_PAGE_SOURCE] = 1, [KI_PAGE_CPU] = 3,
		[KI_PAGE_DISKS] = 4, [KI_PAGE_NICS] = 4,   [KI_PAGE_ANSWERS] = 5,
	};

	return index[page];
}

static bool applies(const struct wizard *w, enum ui_answer (*page)(struct wizard *))
{
	enum ki_source source = w->spec->source;

	if (page == page_source)
		return source != KI_SRC_EMPTY;
	if (page == page_found)
		return source == KI_SRC_MEDIUM || source == KI_SRC_TREE;
	if (page == page_answers)
		return source != KI_SRC_EMPTY && source != KI_SRC_ARCHIVE;
	return true;
}

/* From page to page until Install is chosen (true) or the wizard is left. */
static bool ask_all(struct wizard *w, size_t *at)
{
	for (;;) {
		enum ui_answer answer = pages[*at](w);

		if (answer == UI_NEXT && *at + 1 == PAGES)
			return true;
		if (w->mending) {
			w->mending = false;
			*at = page_index(w->mend);
			continue;
		}
		if (answer == UI_NEXT)
			++*at;
		else if (answer == UI_BACK && *at)
			--*at;
		else if (answer == UI_BACK && really_leave(w))
			return false;
		else if (answer == UI_CANCEL)
			return false;
		/* Pages that do not apply pass on in the same direction. */
		while (answer == UI_BACK && *at && !applies(w, pages[*at]))
			--*at;
	}
}

static char *free_name(const struct wizard *w)
{
	for (unsigned i = 1;; i++) {
		char *name = ki_printf("guest%u", i);
		char *cfg = ki_guest_cfg_path(&w->o->paths, name);
		bool taken =
			access(cfg, F_OK) == 0 || ki_strv_has(&w->host.running, name);

		free(cfg);
		if (!taken)
			return name;
		free(name);
	}
}

static void wizard_init(struct wizard *w, struct ki_options *o)
{
	memset(w, 0, sizeof(*w));
	w->o = o;
	w->spec = &o->spec;
	ki_host_gather(&w->host, &o->paths);
	if (!w->spec->name)
		w->spec->name = free_name(w);
	if (!w->host.xen)
		w->spec->start = false;
	w->spec->attach = w->spec->start;
	w->vcpus = ki_printf("%u", w->spec->vcpus);
	w->max_vcpus = ki_printf("%u", w->spec->max_vcpus);
	w->memory = ki_printf("%llu", (unsigned long long)w->spec->memory);
	w->max_memory = ki_printf("%llu", (unsigned long long)w->spec->memory);
	w->dir = ki_printf("%s/iso", o->paths.state);
}

static void wizard_free(struct wizard *w)
{
	forget_source(w);
	ki_host_free(&w->host);
	free(w->looked_at);
	free(w->vcpus);
	free(w->max_vcpus);
	free(w->memory);
	free(w->max_memory);
	free(w->dir);
}

static int after_install(struct wizard *w)
{
	struct ki_error err;
	char *text;

	printf("%s is %s.\n", w->spec->name,
	       w->spec->start ? "running" : "made, not started");
	fflush(stdout);
	if (!w->spec->attach || !w->spec->start)
		return KI_EXIT_OK;
	ki_guest_attach(w->spec->name, &err);
	text = ki_error_text(&err);
	fprintf(stderr, "keel-install: %s\n", text);
	free(text);
	return KI_EXIT_ATTACH;
}

int ki_wizard(struct ki_options *o)
{
	enum outcome outcome = RETRY;
	const char *why;
	struct wizard w;
	size_t at = 0;
	int rc;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		fprintf(stderr, "keel-install: the wizard needs a terminal\n"
				"    try: keel install --help\n");
		return KI_EXIT_USAGE;
	}
	wizard_init(&w, o);
	if (!ui_start(&why)) {
		fprintf(stderr, "keel-install: %s\n    try: keel install --help\n", why);
		wizard_free(&w);
		return KI_EXIT_USAGE;
	}
	ui_on_command(show_command, &w);
	while (outcome == RETRY)
		outcome = ask_all(&w, &at) ? install(&w) : GIVEN_UP;
	ui_end();
	rc = outcome == DONE ? after_install(&w) : KI_EXIT_CANCELLED;
	if (outcome == GIVEN_UP)
		printf("Nothing was installed.\n");
	wizard_free(&w);
	return rc;
}
