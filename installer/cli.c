/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Installing from the command line, with progress as text or as JSON lines. */
#include "cli.h"

#include <json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

void ki_interrupt(void)
{
	interrupted = 1;
}

bool ki_interrupted(void *arg)
{
	(void)arg;
	return interrupted;
}

void ki_catch_signals(void)
{
	struct sigaction act = {.sa_handler = on_signal};

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int ki_look_at_source(const struct ki_options *o, struct ki_spec *spec,
		      struct ki_medium **m, struct ki_detection *found,
		      struct ki_error *err)
{
	bool asks = spec->source == KI_SRC_MEDIUM || spec->source == KI_SRC_TREE;
	struct ki_rules rules = {0};
	int rc;

	memset(found, 0, sizeof(*found));
	*m = NULL;
	if (asks && ki_rules_find(&rules, &o->paths, o->rules,
				  KEEL_DATADIR "/media-rules.conf", err))
		return -1;
	rc = ki_source_look(spec, &rules, o->no_osinfo ? NULL : ki_osinfo_ask, m, found,
			    err);
	ki_rules_free(&rules);
	return rc;
}

/* --- progress ------------------------------------------------------------- */

struct reporter {
	bool json;
	bool tty;
	bool bar; /* a bar is on the current line */
	struct timespec begun, shown;
};

static double since(const struct timespec *then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - then->tv_sec) +
	       (double)(now.tv_nsec - then->tv_nsec) / 1e9;
}

static void json_line(struct json_object *o)
{
	printf("%s\n",
	       json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
							 JSON_C_TO_STRING_NOSLASHESCAPE));
	fflush(stdout);
	json_object_put(o);
}

static void report_json(const struct ki_progress *p)
{
	static const char *const events[] = {"step", "bytes", "done", "undo"};
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "event", json_object_new_string(events[p->kind]));
	json_object_object_add(o, "step", json_object_new_int64((int64_t)p->step));
	json_object_object_add(o, "steps", json_object_new_int64((int64_t)p->n_steps));
	json_object_object_add(o, "title", json_object_new_string(p->title));
	if (p->kind == KI_STEP_BYTES) {
		json_object_object_add(o, "done",
				       json_object_new_int64((int64_t)p->done));
		json_object_object_add(o, "total",
				       json_object_new_int64((int64_t)p->total));
	}
	json_line(o);
}

static void report_bytes(struct reporter *r, const struct ki_progress *p)
{
	char done[24], total[24], rate[24];
	double seconds = since(&r->begun);
	double speed = seconds > 0.01 ? (double)p->done / seconds : 0;

	if (!r->tty || p->done >= p->total || since(&r->shown) < 0.2)
		return;
	clock_gettime(CLOCK_MONOTONIC, &r->shown);
	ki_format_size(p->done, done);
	ki_format_size(p->total, total);
	ki_format_size((uint64_t)speed, rate);
	printf("\r    %3d%%  %s of %s, %s/s, %.0f s left\033[K",
	       p->total ? (int)(p->done * 100 / p->total) : 0, done, total, rate,
	       speed > 1 ? (double)(p->total - p->done) / speed : 0);
	fflush(stdout);
	r->bar = true;
}

static void report_text(struct reporter *r, const struct ki_progress *p)
{
	if (r->bar && p->kind != KI_STEP_BYTES) {
		printf("\r\033[K");
		r->bar = false;
	}
	if (p->kind == KI_STEP_BEGIN)
		printf("[%zu/%zu] %s\n", p->step, p->n_steps, p->title);
	else if (p->kind == KI_UNDO)
		printf("undo: %s\n", p->title);
	fflush(stdout);
}

static void report(void *arg, const struct ki_progress *p)
{
	struct reporter *r = arg;

	if (p->kind == KI_STEP_BEGIN) {
		clock_gettime(CLOCK_MONOTONIC, &r->begun);
		r->shown = r->begun;
	}
	if (r->json) {
		/* Ten lines a second are plenty for a program, too. */
		if (p->kind == KI_STEP_BYTES && p->done < p->total &&
		    since(&r->shown) < 0.1)
			return;
		clock_gettime(CLOCK_MONOTONIC, &r->shown);
		report_json(p);
	} else if (p->kind == KI_STEP_BYTES) {
		report_bytes(r, p);
	} else {
		report_text(r, p);
	}
}

/* --- results -------------------------------------------------------------- */

static void print_error(bool json, const char *event, const struct ki_error *err)
{
	struct json_object *o;

	if (!json) {
		fprintf(stderr, "keel-install: %s: %s\n", err->what, err->why);
		if (err->hint[0])
			fprintf(stderr, "    try: %s\n", err->hint);
		return;
	}
	o = json_object_new_object();
	json_object_object_add(o, "event", json_object_new_string(event));
	json_object_object_add(o, "what", json_object_new_string(err->what));
	json_object_object_add(o, "why", json_object_new_string(err->why));
	json_object_object_add(o, "try", json_object_new_string(err->hint));
	json_line(o);
}

static struct json_object *string_or_null(const char *text)
{
	return text ? json_object_new_string(text) : NULL;
}

static struct json_object *steps_json(const struct ki_plan *plan)
{
	struct json_object *steps = json_object_new_array();

	for (size_t i = 0; i < plan->n_steps; i++) {
		const struct ki_step *s = &plan->steps[i];
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "title", json_object_new_string(s->title));
		json_object_object_add(o, "path", string_or_null(s->path));
		json_object_object_add(o, "bytes",
				       json_object_new_int64((int64_t)s->bytes));
		json_object_object_add(o, "replaces",
				       json_object_new_boolean(s->replace));
		json_object_array_add(steps, o);
	}
	return steps;
}

static void plan_json(const struct ki_plan *plan)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "event", json_object_new_string("plan"));
	json_object_object_add(o, "name", json_object_new_string(plan->spec.name));
	json_object_object_add(o, "uuid", json_object_new_string(plan->spec.uuid));
	json_object_object_add(o, "system", json_object_new_string(plan->found.os));
	json_object_object_add(o, "rule", string_or_null(plan->found.rule));
	json_object_object_add(o, "kernel", string_or_null(plan->found.kernel));
	json_object_object_add(o, "initrd", string_or_null(plan->found.initrd));
	json_object_object_add(o, "steps", steps_json(plan));
	json_object_object_add(o, "guest_file", json_object_new_string(plan->cfg_path));
	json_object_object_add(o, "guest_text", json_object_new_string(plan->cfg));
	json_object_object_add(o, "command", json_object_new_string(plan->command));
	json_object_object_add(o, "bytes_now",
			       json_object_new_int64((int64_t)plan->bytes_now));
	json_object_object_add(o, "bytes_max",
			       json_object_new_int64((int64_t)plan->bytes_max));
	json_line(o);
}

static void print_problems(const struct ki_plan *plan, bool json)
{
	for (size_t i = 0; i < plan->n_problems; i++) {
		const struct ki_problem *p = &plan->problems[i];

		if (!json)
			fprintf(stderr, "%s: %s: %s\n", p->fatal ? "error" : "warning",
				p->text.what, p->text.why);
		else
			print_error(true, p->fatal ? "refused" : "warning", &p->text);
		if (!json && p->text.hint[0])
			fprintf(stderr, "    try: %s\n", p->text.hint);
	}
}

static void print_dry_run(const struct ki_plan *plan, bool json)
{
	char *text;

	if (json) {
		plan_json(plan);
		return;
	}
	if (plan->found.log.n)
		printf("How the medium was recognised:\n");
	for (size_t i = 0; i < plan->found.log.n; i++)
		printf("  %s\n", plan->found.log.v[i]);
	text = ki_plan_text(plan);
	printf("%s", strstr(text, "Steps ("));
	free(text);
}

static int finished(const struct ki_options *o, const struct ki_plan *plan)
{
	struct ki_error err;

	if (o->json) {
		struct json_object *line = json_object_new_object();

		json_object_object_add(line, "event", json_object_new_string("ready"));
		json_object_object_add(line, "name",
				       json_object_new_string(plan->spec.name));
		json_line(line);
	} else {
		printf("%s is %s. Console: keel console %s\n", plan->spec.name,
		       plan->spec.start ? "running" : "made, not started",
		       plan->spec.name);
		fflush(stdout);
	}
	if (!o->spec.attach || !o->spec.start)
		return KI_EXIT_OK;
	ki_guest_attach(plan->spec.name, &err);
	print_error(o->json, "error", &err);
	return KI_EXIT_ATTACH;
}

static int carry_out(struct ki_options *o, struct ki_plan *plan, struct ki_medium *m)
{
	struct reporter r = {.json = o->json, .tty = isatty(1) == 1};
	struct ki_run run = {.progress = report, .cancelled = ki_interrupted, .arg = &r};
	struct ki_error err;
	int rc = ki_execute(plan, m, &run, &err);

	if (!rc)
		return finished(o, plan);
	print_error(o->json, rc > 0 ? "cancelled" : "error", &err);
	return rc > 0 ? KI_EXIT_CANCELLED : KI_EXIT_FAILED;
}

static int plan_and_run(struct ki_options *o, struct ki_medium *m,
			const struct ki_detection *found)
{
	struct ki_host host;
	struct ki_plan plan;
	size_t fatal;
	int rc;

	ki_spec_complete(&o->spec, &o->paths, ki_random);
	ki_host_gather(&host, &o->paths);
	ki_plan_make(&plan, &o->spec, &o->paths, found);
	fatal = ki_plan_check(&plan, &host);
	print_problems(&plan, o->json);
	if (o->dry_run)
		print_dry_run(&plan, o->json);
	if (fatal)
		rc = KI_EXIT_REFUSED;
	else
		rc = o->dry_run ? KI_EXIT_OK : carry_out(o, &plan, m);
	ki_plan_free(&plan);
	ki_host_free(&host);
	return rc;
}

int ki_cli_install(struct ki_options *o)
{
	struct ki_detection found;
	struct ki_medium *m;
	struct ki_error err;
	bool installer;
	int rc;

	if (ki_look_at_source(o, &o->spec, &m, &found, &err)) {
		print_error(o->json, "error", &err);
		return KI_EXIT_MEDIUM;
	}
	installer = o->spec.source == KI_SRC_MEDIUM || o->spec.source == KI_SRC_TREE;
	if (installer && !found.kernel) {
		for (size_t i = 0; i < found.log.n; i++)
			fprintf(stderr, "tried: %s\n", found.log.v[i]);
		ki_fail(&err, "--kernel and --initrd, after a look with --list FILE",
			"no kernel was found", "%s is not a medium that the rules know",
			o->spec.location);
		print_error(o->json, "error", &err);
		rc = KI_EXIT_MEDIUM;
	} else if (installer && ki_spec_take_answers(&o->spec, &found, &err)) {
		print_error(o->json, "error", &err);
		rc = KI_EXIT_REFUSED;
	} else {
		rc = plan_and_run(o, m, installer ? &found : NULL);
	}
	ki_medium_close(m);
	ki_detection_free(&found);
	return rc;
}
