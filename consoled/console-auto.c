/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What scripts use: lists, tail, grep, expect. */
#include <errno.h>
#include <json-c/json.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/console-filter.h"
#include "console.h"

static struct json_object *str(const char *s)
{
	return json_object_new_string(s);
}

static void print_json(struct json_object *o)
{
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
						       JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}

/* ---- lists ---- */

static void item_json(const struct kcon_list_item *i, void *ctx)
{
	struct json_object *o = json_object_new_object();
	char stamp[32];

	json_object_object_add(o, "name", str(i->name));
	json_object_object_add(o, "uuid", str(i->uuid));
	json_object_object_add(o, "console", str(i->console));
	json_object_object_add(o, "state", str(kcon_state_name(i->state)));
	if (i->state != KCON_GONE)
		json_object_object_add(o, "domid", json_object_new_int64(i->domid));
	json_object_object_add(o, "viewers", json_object_new_int(i->viewers));
	json_object_object_add(o, "writer", *i->writer ? str(i->writer) : NULL);
	json_object_object_add(o, "bytes", json_object_new_int64((int64_t)i->bytes));
	json_object_object_add(o, "dropped", json_object_new_int64((int64_t)i->dropped));
	json_object_object_add(o, "logged",
			       json_object_new_boolean(i->flags & KCON_ITEM_LOGGED));
	json_object_object_add(o, "log_trouble",
			       json_object_new_boolean(i->flags & KCON_ITEM_LOG_TROUBLE));
	json_object_object_add(o, "held",
			       json_object_new_boolean(i->flags & KCON_ITEM_HELD));
	text_stamp(i->last_ms, stamp);
	json_object_object_add(o, "last_output", i->last_ms ? str(stamp) : NULL);
	json_object_array_add(ctx, o);
}

/* In both tables a row of ordinary names fits into 80 columns. */
static void item_text(const struct kcon_list_item *i, void *ctx)
{
	char stamp[32] = "-", domid[16] = "-";

	(void)ctx;
	if (i->last_ms)
		text_stamp(i->last_ms, stamp);
	if (i->state != KCON_GONE)
		snprintf(domid, sizeof(domid), "%u", i->domid);
	printf("%-19s %-7s %5s %-11s %2u %-9s %.19s%s%s\n", i->name, i->console, domid,
	       kcon_state_name(i->state), i->viewers, *i->writer ? i->writer : "-", stamp,
	       i->flags & KCON_ITEM_LOG_TROUBLE ? " log-trouble" : "",
	       i->flags & KCON_ITEM_HELD ? " held" : "");
}

int auto_list(struct kcon *k, const struct options *o)
{
	struct json_object *a = json_object_new_array();
	int e;

	if (!o->json)
		printf("%-19s %-7s %5s %-11s %2s %-9s %s\n", "GUEST", "CONSOLE", "DOMID",
		       "STATE", "ON", "WRITER", "OUTPUT (UTC)");
	e = kcon_list(k, o->json ? item_json : item_text, a);
	if (!e && o->json)
		print_json(a);
	else
		json_object_put(a);
	return e ? complain(k, e) : EXIT_OK;
}

static void who_json(const struct kcon_who_item *i, void *ctx)
{
	struct json_object *o = json_object_new_object();
	char stamp[32];

	text_stamp(i->since_ms, stamp);
	json_object_object_add(o, "guest", str(i->name));
	json_object_object_add(o, "console", str(i->console));
	json_object_object_add(o, "id", json_object_new_int64(i->id));
	json_object_object_add(o, "user", str(i->user));
	json_object_object_add(o, "uid", json_object_new_int64(i->uid));
	json_object_object_add(o, "pid", json_object_new_int64(i->pid));
	json_object_object_add(o, "role", str(kcon_role_name(i->role)));
	json_object_object_add(o, "kind", str(i->kind ? "pty" : "socket"));
	json_object_object_add(o, "since", str(stamp));
	json_object_object_add(o, "lagging", json_object_new_boolean(i->lagging));
	json_object_object_add(o, "queued", json_object_new_int64((int64_t)i->queued));
	json_object_array_add(ctx, o);
}

static void who_text(const struct kcon_who_item *i, void *ctx)
{
	char stamp[32];

	(void)ctx;
	text_stamp(i->since_ms, stamp);
	printf("%-15s %-7s %5u %-12s %6u %-9s %.19s%s\n", i->name, i->console, i->id,
	       i->user, i->uid, kcon_role_name(i->role), stamp,
	       i->lagging ? " lagging" : "");
}

int auto_who(struct kcon *k, const struct options *o)
{
	struct json_object *a = json_object_new_array();
	int e;

	if (!o->json)
		printf("%-15s %-7s %5s %-12s %6s %-9s %s\n", "GUEST", "CONSOLE", "ID",
		       "USER", "UID", "ROLE", "SINCE (UTC)");
	e = kcon_who(k, o->guest, o->console, o->json ? who_json : who_text, a);
	if (!e && o->json)
		print_json(a);
	else
		json_object_put(a);
	return e ? complain(k, e) : EXIT_OK;
}

static size_t utf8(uint32_t c, char out[4])
{
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};

	if (n == 1) {
		out[0] = c < 0x20 || c == 0x7f ? ' ' : (char)c;
		return 1;
	}
	if (c < 0xa0 || c > 0x10ffff) {
		out[0] = '?';
		return 1;
	}
	for (size_t i = n; i > 1; i--, c >>= 6)
		out[i - 1] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(lead[n] | c);
	return n;
}

static void row_text(const struct kcon_screen *s, unsigned row, char *out)
{
	size_t n = 0, end = 0;

	for (unsigned col = 0; col < s->cols; col++) {
		uint32_t c = s->cells[(size_t)row * s->cols + col].ch;

		if (!c)
			continue;
		n += utf8(c, out + n);
		if (c != ' ')
			end = n;
	}
	out[end] = '\0';
}

int auto_screen(struct kcon *k, const struct options *o)
{
	struct json_object *j = json_object_new_object(), *rows = json_object_new_array();
	char text[4 * KCON_COLS_MAX + 1];
	struct kcon_screen s;
	int e = kcon_snapshot(k, o->guest, o->console, &s);

	for (unsigned row = 0; !e && row < s.rows; row++) {
		row_text(&s, row, text);
		if (o->json)
			json_object_array_add(rows, str(text));
		else
			puts(text);
	}
	json_object_object_add(j, "rows", rows);
	if (!e) {
		json_object_object_add(j, "cols", json_object_new_int((int)s.cols));
		json_object_object_add(j, "cursor_x", json_object_new_int((int)s.cx));
		json_object_object_add(j, "cursor_y", json_object_new_int((int)s.cy));
		kcon_screen_free(&s);
	}
	if (!e && o->json)
		print_json(j);
	else
		json_object_put(j);
	return e ? complain(k, e) : EXIT_OK;
}

/* ---- lines ---- */

static void print_line(const struct options *o, uint64_t ms, const char *text)
{
	struct json_object *j;
	char stamp[32];

	if (!o->json) {
		puts(text);
		return;
	}
	text_stamp(ms, stamp);
	j = json_object_new_object();
	json_object_object_add(j, "time", str(stamp));
	json_object_object_add(j, "text", str(text));
	print_json(j);
}

static uint64_t utc_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Plain text of live output, cut into lines. */
struct live {
	struct kfilter f;
	char line[4096];
	size_t len;
};

static void follow_bytes(struct live *l, const struct options *o, const uint8_t *p,
			 size_t n)
{
	uint8_t out[KCON_MAX_PAYLOAD + KFILTER_SEQ_MAX];
	size_t m = kfilter_run(&l->f, p, n, out);

	for (size_t i = 0; i < m; i++) {
		if (out[i] != '\n' && l->len < sizeof(l->line) - 1) {
			l->line[l->len++] = (char)out[i];
			continue;
		}
		l->line[l->len] = '\0';
		l->len = 0;
		print_line(o, utc_ms(), l->line);
		fflush(stdout);
		if (out[i] != '\n')
			l->line[l->len++] = (char)out[i];
	}
}

static int attach_quietly(struct kcon *k, const struct options *o, uint8_t role,
			  struct kcon_attached *a)
{
	struct kcon_attach req = {.role = role, .flags = KCON_ATTACH_NOREPAINT};

	memcpy(req.name, o->guest, sizeof(req.name));
	memcpy(req.console, o->console, sizeof(req.console));
	if (o->role == WANT_TAKE || o->role == WANT_FORCE)
		req.flags |= KCON_ATTACH_FORCE;
	return kcon_attach(k, &req, a);
}

static int follow(struct kcon *k, const struct options *o)
{
	static struct live l;
	struct kcon_event ev;
	int e;

	kfilter_init(&l.f, true);
	while ((e = kcon_next(k, &ev, -1)) > 0) {
		if (ev.type == KCON_OUTPUT)
			follow_bytes(&l, o, ev.bytes, ev.len);
		else if (ev.type == KCON_LOST)
			fprintf(stderr, "[keel: %llu bytes not shown]\n",
				(unsigned long long)ev.offset);
		if (ferror(stdout))
			return EXIT_FAILED;
	}
	return complain(k, e);
}

int auto_tail(struct kcon *k, const struct options *o)
{
	struct kcon_attached a;
	struct lines_of l;
	int e = 0;

	/* Attached first: nothing falls between history and live output. */
	if (o->follow)
		e = attach_quietly(k, o, KCON_VIEWER, &a);
	if (!e)
		e = text_load(k, o->guest, o->console, o->follow ? a.offset : UINT64_MAX,
			      &l);
	if (e)
		return complain(k, e);
	for (size_t i = l.n > (size_t)o->tail ? l.n - (size_t)o->tail : 0; i < l.n; i++)
		print_line(o, l.line[i].ms, l.line[i].text);
	text_free(&l);
	fflush(stdout);
	return o->follow ? follow(k, o) : EXIT_OK;
}

static bool compile(regex_t *re, const char *pattern)
{
	char text[256];
	int e = regcomp(re, pattern, REG_EXTENDED | REG_NEWLINE);

	if (!e)
		return true;
	regerror(e, re, text, sizeof(text));
	fprintf(stderr, "keel-console: '%s': %s\n", pattern, text);
	return false;
}

int auto_grep(struct kcon *k, const struct options *o)
{
	struct lines_of l;
	bool found = false;
	regex_t re;
	int e;

	if (!compile(&re, o->grep))
		return EXIT_USAGE;
	e = text_load(k, o->guest, o->console, UINT64_MAX, &l);
	for (size_t i = 0; !e && i < l.n; i++) {
		if (regexec(&re, l.line[i].text, 0, NULL, 0) != 0)
			continue;
		found = true;
		print_line(o, l.line[i].ms, l.line[i].text);
	}
	regfree(&re);
	if (e)
		return complain(k, e);
	text_free(&l);
	return found ? EXIT_OK : EXIT_NO_MATCH;
}

/* ---- expect and send ---- */

#define WINDOW 65536u /* of plain text in which a match is looked for */

struct talk {
	struct kfilter f;
	char *text; /* since the last match */
	size_t len;
	uint64_t deadline;
};

static uint64_t mono_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void hear(struct talk *t, const uint8_t *p, size_t n)
{
	uint8_t out[4096 + KFILTER_SEQ_MAX];

	while (n) {
		size_t part = n < 4096 ? n : 4096, m = kfilter_run(&t->f, p, part, out);

		if (t->len + m >= WINDOW) {
			memmove(t->text, t->text + WINDOW / 2, t->len - WINDOW / 2);
			t->len -= WINDOW / 2;
		}
		memcpy(t->text + t->len, out, m);
		t->len += m;
		p += part;
		n -= part;
	}
	t->text[t->len] = '\0';
}

static void report_match(const struct options *o, const struct step *s, const char *p,
			 size_t n)
{
	struct json_object *j;

	if (!o->json) {
		printf("%.*s\n", (int)n, p);
		return;
	}
	j = json_object_new_object();
	json_object_object_add(j, "expect", str(s->text));
	json_object_object_add(j, "match", json_object_new_string_len(p, (int)n));
	print_json(j);
}

/* Waits until the pattern is there; forgets the text up to its end. */
static int expect(struct kcon *k, struct talk *t, const struct options *o,
		  const struct step *s)
{
	struct kcon_event ev;
	regmatch_t m;
	regex_t re;
	int e = 1;

	if (!compile(&re, s->text))
		return EXIT_USAGE;
	while (regexec(&re, t->text, 1, &m, 0) != 0 && e > 0) {
		uint64_t now = mono_ms();

		e = now < t->deadline ? kcon_next(k, &ev, (int)(t->deadline - now)) : 0;
		if (e > 0 && ev.type == KCON_OUTPUT)
			hear(t, ev.bytes, ev.len);
	}
	regfree(&re);
	if (e < 0)
		return complain(k, e);
	if (e == 0) {
		fprintf(stderr, "keel-console: '%s' did not come in time\n", s->text);
		return EXIT_TIMEOUT;
	}
	report_match(o, s, t->text + m.rm_so, (size_t)(m.rm_eo - m.rm_so));
	memmove(t->text, t->text + m.rm_eo, t->len - (size_t)m.rm_eo + 1);
	t->len -= (size_t)m.rm_eo;
	return EXIT_OK;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* \r \n \t \e \\ \xHH; returns the length. */
static size_t unescape(const char *s, char *out)
{
	static const char from[] = "rnte\\", to[] = "\r\n\t\033\\";
	const char *f;
	size_t n = 0;

	for (; *s; s++) {
		if (*s != '\\' || !s[1]) {
			out[n++] = *s;
		} else if (s[1] == 'x' && hex(s[2]) >= 0 && hex(s[3]) >= 0) {
			out[n++] = (char)(hex(s[2]) * 16 + hex(s[3]));
			s += 3;
		} else if ((f = strchr(from, s[1]))) {
			out[n++] = to[f - from];
			s++;
		} else {
			out[n++] = *s;
		}
	}
	return n;
}

static int send_text(struct kcon *k, const char *text)
{
	char *b = malloc(strlen(text) + 1);
	int e;

	if (!b)
		return EXIT_FAILED;
	e = kcon_send(k, b, unescape(text, b));
	free(b);
	return e ? complain(k, e) : EXIT_OK;
}

static int hear_history(struct kcon *k, struct talk *t, const struct options *o,
			uint64_t upto)
{
	struct kcon_history_req req = {.max = WINDOW / 2, .tail = 1};
	struct kcon_history h;
	int e;

	memcpy(req.name, o->guest, sizeof(req.name));
	memcpy(req.console, o->console, sizeof(req.console));
	e = kcon_history(k, &req, &h);
	if (e)
		return e;
	if (h.first + h.len > upto)
		h.len = upto > h.first ? (size_t)(upto - h.first) : 0;
	hear(t, h.bytes, h.len);
	kcon_history_free(&h);
	return 0;
}

static bool sends(const struct options *o)
{
	for (unsigned i = 0; i < o->nsteps; i++) {
		if (o->steps[i].send)
			return true;
	}
	return false;
}

/* The role that the steps need. */
static int attach_for_steps(struct kcon *k, const struct options *o,
			    struct kcon_attached *a)
{
	struct kcon_attach req = {.flags = KCON_ATTACH_NOREPAINT};

	memcpy(req.name, o->guest, sizeof(req.name));
	memcpy(req.console, o->console, sizeof(req.console));
	req.role = sends(o) ? KCON_WRITER : KCON_VIEWER;
	if (o->role == WANT_TAKE || o->role == WANT_FORCE)
		req.flags |= KCON_ATTACH_FORCE;
	return kcon_attach(k, &req, a);
}

int auto_expect(struct kcon *k, const struct options *o)
{
	struct talk t = {.text = calloc(1, WINDOW + 8192)};
	struct kcon_attached a;
	int e, status = EXIT_OK;

	if (!t.text)
		return EXIT_FAILED;
	kfilter_init(&t.f, true);
	e = attach_for_steps(k, o, &a);
	if (!e && o->history)
		e = hear_history(k, &t, o, a.offset);
	if (e)
		status = complain(k, e);
	t.deadline = mono_ms() + (uint64_t)(o->timeout * 1000);
	for (unsigned i = 0; i < o->nsteps && status == EXIT_OK; i++) {
		if (o->steps[i].send)
			status = send_text(k, o->steps[i].text);
		else
			status = expect(k, &t, o, &o->steps[i]);
	}
	/* What was sent has arrived once a later request is answered. */
	if (status == EXIT_OK && (e = kcon_detach(k)))
		status = complain(k, e);
	free(t.text);
	return status;
}

int auto_verb(struct kcon *k, const struct options *o)
{
	struct kcon_attached a;
	int e = 0;

	if (o->verb != KCON_V_RELOAD && o->verb != KCON_V_UPGRADE)
		e = attach_quietly(k, o,
				   o->verb == KCON_V_KICK ||
						   o->verb == KCON_V_RELEASE_RING
					   ? KCON_VIEWER
					   : KCON_WRITER,
				   &a);
	if (!e)
		e = kcon_verb(k, o->verb, o->verb_id, o->verb_arg);
	return e ? complain(k, e) : EXIT_OK;
}
