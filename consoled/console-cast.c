/* SPDX-License-Identifier: GPL-3.0-or-later */
/* asciicast v2 (docs.asciinema.org): one JSON header line, one line an event. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/console-filter.h"
#include "console.h"

struct cast {
	FILE *f;
	uint64_t start_ms;
};

static bool put_json(FILE *f, struct json_object *o)
{
	const char *t = json_object_to_json_string_ext(
		o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	bool ok = t && fprintf(f, "%s\n", t) > 0;

	json_object_put(o);
	return ok;
}

struct cast *cast_create(const char *path, unsigned cols, unsigned rows, uint64_t ms,
			 const char *title)
{
	struct cast *c = calloc(1, sizeof(*c));
	struct json_object *o;
	int fd = c ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;

	c = fd < 0 ? (free(c), NULL) : c;
	if (!c)
		return NULL;
	c->f = fdopen(fd, "w");
	c->start_ms = ms;
	o = json_object_new_object();
	if (!c->f || !o) {
		close(fd);
		free(c);
		return NULL;
	}
	json_object_object_add(o, "version", json_object_new_int(2));
	json_object_object_add(o, "width", json_object_new_int((int)cols));
	json_object_object_add(o, "height", json_object_new_int((int)rows));
	json_object_object_add(o, "timestamp",
			       json_object_new_int64((int64_t)(ms / 1000)));
	json_object_object_add(o, "title", json_object_new_string(title));
	put_json(c->f, o);
	return c;
}

bool cast_output(struct cast *c, uint64_t ms, const uint8_t *p, size_t n)
{
	struct json_object *a = json_object_new_array();
	uint64_t t = ms > c->start_ms ? ms - c->start_ms : 0;
	char seconds[32];

	if (!a)
		return false;
	snprintf(seconds, sizeof(seconds), "%llu.%03u", (unsigned long long)(t / 1000),
		 (unsigned)(t % 1000));
	json_object_array_add(a, json_object_new_double_s((double)t / 1000, seconds));
	json_object_array_add(a, json_object_new_string("o"));
	json_object_array_add(a, json_object_new_string_len((const char *)p, (int)n));
	return put_json(c->f, a);
}

int cast_close(struct cast *c)
{
	int e = ferror(c->f) ? -EIO : 0;

	if (fclose(c->f) != 0)
		e = -errno;
	free(c);
	return e;
}

/* ---- from history ---- */

typedef bool piece_fn(void *ctx, uint64_t ms, const uint8_t *p, size_t n);

/* History in pieces, cut where the time marks are, filtered as live output is. */
static bool each_piece(const struct kcon_history *h, piece_fn *fn, void *ctx)
{
	uint8_t out[4096 + KFILTER_SEQ_MAX];
	struct kfilter f;
	size_t at = 0, mark = 0;

	kfilter_init(&f, false);
	while (at < h->len) {
		uint64_t end = mark + 1 < h->nmarks ? h->marks[mark + 1].offset - h->first
						    : h->len;
		uint64_t ms = h->nmarks ? h->marks[mark].ms : 0;

		if (end > h->len)
			end = h->len;
		while (at < end) {
			size_t n = end - at < 4096 ? (size_t)(end - at) : 4096;
			size_t o = kfilter_run(&f, h->bytes + at, n, out);

			at += n;
			if (o && !fn(ctx, ms, out, o))
				return false;
		}
		mark++;
	}
	return true;
}

static int load(struct kcon *k, const struct options *o, struct kcon_history *h)
{
	struct kcon_history_req req = {0};

	memcpy(req.name, o->guest, sizeof(req.name));
	memcpy(req.console, o->console, sizeof(req.console));
	return kcon_history(k, &req, h);
}

static bool to_cast(void *ctx, uint64_t ms, const uint8_t *p, size_t n)
{
	return cast_output(ctx, ms, p, n);
}

int cast_export(struct kcon *k, const struct options *o, const char *path)
{
	struct kcon_history h;
	struct cast *c;
	bool ok;
	int e = load(k, o, &h);

	if (e)
		return complain(k, e);
	c = cast_create(path, 80, 24, h.nmarks ? h.marks[0].ms : 0, o->guest);
	if (!c) {
		fprintf(stderr, "keel-console: %s: %s\n", path, strerror(errno));
		kcon_history_free(&h);
		return EXIT_FAILED;
	}
	ok = each_piece(&h, to_cast, c);
	kcon_history_free(&h);
	e = cast_close(c);
	if (ok && !e)
		return EXIT_OK;
	fprintf(stderr, "keel-console: %s: %s\n", path, strerror(e ? -e : EIO));
	return EXIT_FAILED;
}

/* ---- replay ---- */

struct pace {
	double speed;
	uint64_t last_ms;
	bool started;
};

/* Waits as long as the recording did, a pause of ten seconds at most; q ends it. */
static bool wait_until(struct pace *p, uint64_t ms)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	uint64_t dt = p->started && ms > p->last_ms ? ms - p->last_ms : 0;
	char key;

	p->started = true;
	p->last_ms = ms;
	if (p->speed <= 0)
		return true;
	dt = (uint64_t)((double)(dt > 10000 ? 10000 : dt) / p->speed);
	if (!isatty(STDIN_FILENO)) {
		poll(NULL, 0, (int)dt);
		return true;
	}
	if (poll(&in, 1, (int)dt) > 0 && read(STDIN_FILENO, &key, 1) == 1)
		return key != 'q' && key != 3;
	return true;
}

static bool to_terminal(void *ctx, uint64_t ms, const uint8_t *p, size_t n)
{
	return wait_until(ctx, ms) && tty_write(p, n);
}

int cast_replay_history(struct kcon *k, const struct options *o)
{
	struct pace pace = {.speed = o->speed};
	struct kcon_history h;
	int e = load(k, o, &h);

	if (e)
		return complain(k, e);
	if (tty_is())
		tty_raw();
	each_piece(&h, to_terminal, &pace);
	if (tty_is())
		tty_reset_modes();
	tty_restore();
	kcon_history_free(&h);
	return EXIT_OK;
}

/* One event line; false: not one, or the viewer had enough. */
static bool play_line(const char *line, struct pace *pace, struct kfilter *f)
{
	struct json_object *a = json_tokener_parse(line), *t, *kind, *data;
	size_t n, i = 0;
	const char *s;
	bool ok = a && json_object_is_type(a, json_type_array) &&
		  json_object_array_length(a) >= 3;

	t = ok ? json_object_array_get_idx(a, 0) : NULL;
	kind = ok ? json_object_array_get_idx(a, 1) : NULL;
	data = ok ? json_object_array_get_idx(a, 2) : NULL;
	ok = ok && kind && data && json_object_is_type(data, json_type_string);
	if (ok && !strcmp(json_object_get_string(kind), "o")) {
		ok = wait_until(pace, (uint64_t)(json_object_get_double(t) * 1000));
		s = json_object_get_string(data);
		n = (size_t)json_object_get_string_len(data);
		/* A recording is as little to be trusted as a guest. */
		while (ok && i < n) {
			uint8_t out[4096 + KFILTER_SEQ_MAX];
			size_t part = n - i < 4096 ? n - i : 4096;

			ok = tty_write(out,
				       kfilter_run(f, (const uint8_t *)s + i, part, out));
			i += part;
		}
	}
	json_object_put(a);
	return ok;
}

int cast_replay(FILE *f, double speed)
{
	struct pace pace = {.speed = speed};
	struct json_object *head, *v = NULL;
	struct kfilter filter;
	char *line = NULL;
	size_t cap = 0;
	bool ok;

	ok = getline(&line, &cap, f) > 0;
	head = ok ? json_tokener_parse(line) : NULL;
	ok = head && json_object_object_get_ex(head, "version", &v) &&
	     json_object_get_int(v) == 2;
	json_object_put(head);
	if (!ok) {
		fprintf(stderr, "keel-console: not an asciicast v2 recording\n");
		free(line);
		return EXIT_FAILED;
	}
	kfilter_init(&filter, false);
	if (tty_is())
		tty_raw();
	while (ok && getline(&line, &cap, f) > 0)
		ok = play_line(line, &pace, &filter);
	if (tty_is())
		tty_reset_modes();
	tty_restore();
	free(line);
	return EXIT_OK;
}
