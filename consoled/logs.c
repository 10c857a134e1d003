/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The daemon's side of the log helper: which console logs where, and how. */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "daemon.h"
#include "log-file.h"

#define STALL_MS 1000 /* a log that stands still for so long holds nobody */

/*
 * A file name for any guest name: letters, digits and -_+ stay, the rest is
 * %XX, so that two names never meet and none leaves the directory.
 */
static void file_name(const struct session *s, char *out, size_t cap)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t n = 0;

	for (const char *p = s->rec.h->name; *p && n + 40 < cap; p++) {
		unsigned char c = (unsigned char)*p;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '+' ||
		    (c == '.' && n)) {
			out[n++] = (char)c;
			continue;
		}
		out[n++] = '%';
		out[n++] = hex[c >> 4];
		out[n++] = hex[c & 15];
	}
	if (!strcmp(s->rec.h->console, "pv0"))
		snprintf(out + n, cap - n, ".log");
	else
		snprintf(out + n, cap - n, "@%s.log", s->rec.h->console);
}

static void fill(const struct session *s, struct log_open *o)
{
	char name[sizeof(o->name)];

	memset(o, 0, sizeof(*o));
	/* A name of 255 bytes, all of them encoded, would not be a file name. */
	file_name(s, name, sizeof(name));
	if (strlen(name) > 200)
		snprintf(name, sizeof(name), "%s@%s.log", s->rec.h->uuid,
			 s->rec.h->console);
	memcpy(o->name, name, sizeof(name));
	o->on = s->conf.log && !s->rec.h->log_off;
	o->raw = s->conf.log_format == LOG_RAW;
	o->compress = s->conf.log_compress;
	o->size = s->conf.log_size;
	o->age_s = s->conf.log_age_s;
	o->keep = s->conf.log_keep;
	o->flood_bytes = s->conf.flood_policy == FLOOD_DISCARD ? s->conf.flood_bytes : 0;
}

static void tell(struct session *s, uint32_t type, const void *p, size_t n, int fd)
{
	struct hmsg m = {.type = type,
			 .slot = s->rec.h->slot,
			 .off = s->rec.head,
			 .len = (uint32_t)n};

	if (s->d->log && helper_alive(s->d->log))
		helper_send(s->d->log, &m, p, fd);
}

void logs_open(struct session *s)
{
	struct log_open o;
	int fd;

	if (!s->d->log || !helper_alive(s->d->log))
		return; /* told when it starts */
	fd = rec_reader_fd(s->d->state_dir, s->file);
	if (fd < 0)
		return;
	fill(s, &o);
	tell(s, HM_LOG_OPEN, &o, sizeof(o), fd);
	close(fd);
	helper_ring(s->d->log, s->rec.h->slot);
}

void logs_configure(struct session *s)
{
	struct log_open o;

	fill(s, &o);
	tell(s, HM_LOG_CONF, &o, sizeof(o), -1);
	if (s->d->log)
		helper_ring(s->d->log, s->rec.h->slot);
}

void logs_note(struct session *s, const char *text)
{
	tell(s, HM_LOG_NOTE, text, strlen(text), -1);
}

void logs_close(struct session *s)
{
	tell(s, HM_LOG_CLOSE, NULL, 0, -1);
}

/* What the log helper committed last, where the daemon can look without asking. */
static const struct log_commit *committed(const struct session *s)
{
	const struct log_state *l = &s->d->log_states[s->rec.h->slot];

	return &l->c[__atomic_load_n(&l->seq, __ATOMIC_ACQUIRE) & 1];
}

uint64_t logs_lost(const struct session *s)
{
	const struct log_state *l = &s->d->log_states[s->rec.h->slot];
	char id[sizeof(l->id)];

	/* Until the helper has opened this log, the slot is an earlier console's. */
	snprintf(id, sizeof(id), "%s.%s", s->rec.h->uuid, s->rec.h->console);
	if (strncmp(l->id, id, sizeof(id)) != 0)
		return 0;
	return __atomic_load_n(&committed(s)->lost, __ATOMIC_RELAXED);
}

/*
 * Nothing is believed but a number: a log helper gone mad holds only guests of
 * the policy `hold`, and only while that number grows.
 */
bool logs_behind(struct session *s)
{
	uint64_t cursor = __atomic_load_n(&committed(s)->cursor, __ATOMIC_RELAXED);
	uint64_t now = uv_now(s->d->loop);

	if (s->conf.flood_policy != FLOOD_HOLD || !s->conf.log || s->rec.h->log_off ||
	    s->log_trouble || cursor > s->rec.head ||
	    s->rec.head - cursor < s->rec.h->size / 2) {
		s->log_seen_ms = 0;
		return false;
	}
	if (!s->log_seen_ms || cursor != s->log_seen) {
		s->log_seen = cursor;
		s->log_seen_ms = now;
	}
	return now - s->log_seen_ms < STALL_MS;
}

static void on_message(void *ctx, const struct hmsg *m)
{
	struct daemon *d = ctx;
	struct session *s = m->slot < DOORBELL_SLOTS ? d->slots[m->slot] : NULL;

	if (!s || m->type != HM_LOG_STATE)
		return;
	if (s->log_trouble == (int)m->a)
		return;
	s->log_trouble = (int)m->a;
	if (s->log_trouble)
		say(d, LOG_ERR, "%s (%s): log file: %s", s->rec.h->name,
		    s->rec.h->console, strerror(s->log_trouble));
	else
		say(d, LOG_NOTICE, "%s (%s): log file: written again", s->rec.h->name,
		    s->rec.h->console);
	clients_changed(s);
}

static void on_started(void *ctx)
{
	struct daemon *d = ctx;
	struct session *s;

	TAILQ_FOREACH(s, &d->sessions, all)
	logs_open(s);
}

static void on_died(void *ctx, int status, uint32_t busy)
{
	struct daemon *d = ctx;

	(void)busy;
	if (!d->stopping)
		say(d, LOG_ERR, "the log process ended (%s %d); it is started anew",
		    WIFSIGNALED(status) ? "signal" : "status",
		    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

void logs_start(struct daemon *d)
{
	struct helper_conf conf = {
		.kind = "log",
		.user = d->conf.user,
		.dir = d->conf.log_dir,
		.dir_fd = d->log_dir,
		.state_fd = d->log_state,
		.priority = PRIORITY_LOG,
		.message = on_message,
		.started = on_started,
		.died = on_died,
		.ctx = d,
	};

	d->log = helper_new(d->loop, &conf);
}
