/* SPDX-License-Identifier: GPL-3.0-or-later */
/* History as lines of plain text, each with the time it began. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/console-filter.h"
#include "console.h"

void text_stamp(uint64_t ms, char out[32])
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;
	size_t n;

	if (!gmtime_r(&t, &tm)) {
		strcpy(out, "-");
		return;
	}
	n = strftime(out, 24, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, 32 - n, ".%03uZ", (unsigned)(ms % 1000));
}

struct collector {
	struct lines_of *out;
	size_t cap;
	char *text; /* of the line being collected */
	size_t len, text_cap;
	uint64_t ms;
	bool failed;
};

static void add_line(struct collector *c)
{
	struct line *l;

	if (c->out->n == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 256;

		l = realloc(c->out->line, cap * sizeof(*l));
		if (!l) {
			c->failed = true;
			return;
		}
		c->out->line = l;
		c->cap = cap;
	}
	l = &c->out->line[c->out->n];
	l->ms = c->ms;
	l->text = strndup(c->text ? c->text : "", c->len);
	if (l->text)
		c->out->n++;
	else
		c->failed = true;
	c->len = 0;
}

static void add_text(struct collector *c, const uint8_t *p, size_t n)
{
	if (c->len + n > c->text_cap) {
		size_t cap = (c->len + n) * 2 + 128;
		char *t = realloc(c->text, cap);

		if (!t) {
			c->failed = true;
			return;
		}
		c->text = t;
		c->text_cap = cap;
	}
	memcpy(c->text + c->len, p, n);
	c->len += n;
}

static uint64_t time_of(const struct kcon_history *h, uint64_t offset, size_t *at)
{
	while (*at + 1 < h->nmarks && h->marks[*at + 1].offset <= offset)
		++*at;
	return h->nmarks ? h->marks[*at].ms : 0;
}

static void collect(const struct kcon_history *h, struct collector *c)
{
	uint8_t out[4096 + KFILTER_SEQ_MAX];
	struct kfilter f;
	size_t mark = 0, i = 0;

	kfilter_init(&f, true);
	while (i < h->len && !c->failed) {
		const uint8_t *nl = memchr(h->bytes + i, '\n', h->len - i);
		size_t end = nl ? (size_t)(nl - h->bytes) : h->len;

		c->ms = time_of(h, h->first + i, &mark);
		while (i < end) {
			size_t part = end - i < 4096 ? end - i : 4096;

			add_text(c, out, kfilter_run(&f, h->bytes + i, part, out));
			i += part;
		}
		if (nl) {
			/* A line feed ends whatever sequence was unfinished. */
			kfilter_run(&f, nl, 1, out);
			add_line(c);
			i++;
		}
	}
	if (c->len)
		add_line(c);
}

int text_load(struct kcon *k, const char *guest, const char *console, uint64_t upto,
	      struct lines_of *out)
{
	struct kcon_history_req req = {0};
	struct collector c = {.out = out};
	struct kcon_history h;
	int e;

	memset(out, 0, sizeof(*out));
	snprintf(req.name, sizeof(req.name), "%s", guest);
	snprintf(req.console, sizeof(req.console), "%s", console);
	e = kcon_history(k, &req, &h);
	if (e)
		return e;
	if (h.first + h.len > upto)
		h.len = upto > h.first ? (size_t)(upto - h.first) : 0;
	collect(&h, &c);
	free(c.text);
	kcon_history_free(&h);
	if (!c.failed)
		return 0;
	text_free(out);
	return -ENOMEM;
}

void text_free(struct lines_of *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->line[i].text);
	free(l->line);
	memset(l, 0, sizeof(*l));
}
