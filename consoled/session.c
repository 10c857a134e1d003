/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sessions: a console's life over all the domains its guest has.  Bytes: flow.c. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "daemon.h"

uint64_t utc_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

struct session *session_by_uuid(struct daemon *d, const char *uuid, const char *console)
{
	struct session *s;

	TAILQ_FOREACH(s, &d->sessions, all)
	{
		if (!strcmp(s->rec.h->uuid, uuid) && !strcmp(s->rec.h->console, console))
			return s;
	}
	return NULL;
}

static struct session *by_domain(struct daemon *d, uint32_t domid, const char *console)
{
	struct session *s;

	TAILQ_FOREACH(s, &d->sessions, all)
	{
		if (s->state != KCON_GONE && s->desc.domid == domid &&
		    (!*console || !strcmp(s->desc.console, console)))
			return s;
	}
	return NULL;
}

/* ---- making and finding ---- */

static int free_slot(struct daemon *d)
{
	for (unsigned i = 0; i < DOORBELL_SLOTS; i++) {
		if (!d->slots[i])
			return (int)i;
	}
	return -1;
}

static struct session *session_alloc(struct daemon *d)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->d = d;
	s->tty_fd = -1;
	s->rec.fd = -1;
	s->state = KCON_GONE;
	TAILQ_INIT(&s->clients);
	return s;
}

/* Takes a session with a mapped record into the daemon's lists. */
static bool session_enter(struct session *s)
{
	struct daemon *d = s->d;
	int slot = free_slot(d);

	if (slot < 0)
		return false;
	/* A slot is kept where possible: the log helper's state lies there. */
	if (s->rec.h->slot < DOORBELL_SLOTS && !d->slots[s->rec.h->slot])
		slot = (int)s->rec.h->slot;
	s->rec.h->slot = (uint32_t)slot;
	d->slots[slot] = s;
	uv_timer_init(d->loop, &s->timer);
	s->timer.data = s;
	uv_unref((uv_handle_t *)&s->timer);
	s->shown = s->checked = s->rec.head;
	s->checked_ms = uv_now(d->loop);
	TAILQ_INSERT_TAIL(&d->sessions, s, all);
	d->nsessions++;
	session_configure(s);
	logs_open(s);
	return true;
}

static void timer_closed(uv_handle_t *h)
{
	free(h->data);
}

/* Who is not attached may still be on its way through this session's history. */
static void disappoint(struct session *s)
{
	struct client *c;

	TAILQ_FOREACH(c, &s->d->clients, all)
	{
		if (c->history.active && c->history.s == s) {
			c->history.active = false;
			client_error(c, c->history.tag, KCON_E_UNKNOWN,
				     "the guest is forgotten");
		}
		if (c->snap_tag && c->snap_session == s) {
			client_error(c, c->snap_tag, KCON_E_UNKNOWN,
				     "the guest is forgotten");
			c->snap_tag = 0;
		}
	}
}

static void session_free(struct session *s)
{
	struct daemon *d = s->d;

	disappoint(s);
	session_close_source(s);
	feed_close(s);
	logs_close(s);
	pty_destroy(s);
	flow_leave(s);
	d->slots[s->rec.h->slot] = NULL;
	TAILQ_REMOVE(&d->sessions, s, all);
	d->nsessions--;
	queue_free(&s->input);
	rec_close(&s->rec);
	uv_close((uv_handle_t *)&s->timer, timer_closed);
}

void session_configure(struct session *s)
{
	config_guest(&s->d->conf, s->rec.h->name, s->rec.h->uuid, &s->conf);
	flow_configure(s);
}

static struct session *session_make(struct daemon *d, const struct console_desc *c)
{
	struct session *s = session_alloc(d);
	struct guest_conf conf;
	int e;

	if (!s)
		return NULL;
	snprintf(s->file, sizeof(s->file), "%s.%s.rec", c->uuid, c->console);
	config_guest(&d->conf, c->name, c->uuid, &conf);
	e = rec_create(&s->rec, d->state_dir, s->file, (uint32_t)conf.history);
	if (e < 0) {
		say(d, LOG_ERR, "%s: no record %s: %s", c->name, s->file, strerror(-e));
		free(s);
		return NULL;
	}
	snprintf(s->rec.h->uuid, sizeof(s->rec.h->uuid), "%s", c->uuid);
	snprintf(s->rec.h->console, sizeof(s->rec.h->console), "%s", c->console);
	snprintf(s->rec.h->name, sizeof(s->rec.h->name), "%s", c->name);
	s->rec.h->cols = (uint16_t)conf.cols;
	s->rec.h->rows = (uint16_t)conf.rows;
	s->desc = *c;
	if (!session_enter(s)) {
		say(d, LOG_ERR, "%s: more than %u consoles", c->name, DOORBELL_SLOTS);
		rec_close(&s->rec);
		free(s);
		return NULL;
	}
	return s;
}

static void load_one(struct daemon *d, const char *file)
{
	struct session *s = session_alloc(d);
	int e;

	if (!s)
		return;
	snprintf(s->file, sizeof(s->file), "%s", file);
	e = rec_open(&s->rec, d->state_dir, file);
	if (e < 0) {
		say(d, LOG_WARNING, "record %s is left alone: %s", file, strerror(-e));
		free(s);
		return;
	}
	snprintf(s->desc.uuid, sizeof(s->desc.uuid), "%s", s->rec.h->uuid);
	snprintf(s->desc.name, sizeof(s->desc.name), "%s", s->rec.h->name);
	snprintf(s->desc.console, sizeof(s->desc.console), "%s", s->rec.h->console);
	if (!s->rec.h->gone_ms)
		s->rec.h->gone_ms = utc_ms();
	if (session_by_uuid(d, s->rec.h->uuid, s->rec.h->console) || !session_enter(s)) {
		rec_close(&s->rec);
		free(s);
	}
}

/* Finds the records that an earlier daemon left. */
int sessions_load(struct daemon *d)
{
	int fd = openat(d->state_dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return -errno;
	}
	while ((e = readdir(dir))) {
		size_t n = strlen(e->d_name);

		if (n > 4 && n < 96 && !strcmp(e->d_name + n - 4, ".rec"))
			load_one(d, e->d_name);
	}
	closedir(dir);
	return 0;
}

/* A guest's main console: pv0, but serial0 where that one speaks. */
static int rank(const struct session *s)
{
	if (!strcmp(s->rec.h->console, "pv0"))
		return s->rec.head ? 3 : 1;
	return !strcmp(s->rec.h->console, "serial0") ? 2 : 0;
}

static bool name_matches(const struct session *s, const char *guest, size_t prefix)
{
	if (!prefix)
		return !strcmp(s->rec.h->name, guest) ||
		       !strcasecmp(s->rec.h->uuid, guest);
	return !strncmp(s->rec.h->name, guest, prefix) ||
	       (prefix >= 4 && !strncasecmp(s->rec.h->uuid, guest, prefix));
}

/* "1" stands for pv1, as libxl counts them. */
static bool console_matches(const struct session *s, const char *console)
{
	if (!*console || !strcmp(s->rec.h->console, console))
		return true;
	return console[0] >= '0' && console[0] <= '9' &&
	       !strncmp(s->rec.h->console, "pv", 2) &&
	       !strcmp(s->rec.h->console + 2, console);
}

static struct session *better(struct session *a, struct session *b)
{
	if (!a)
		return b;
	if ((a->state == KCON_GONE) != (b->state == KCON_GONE))
		return a->state == KCON_GONE ? b : a;
	if (strcmp(a->rec.h->uuid, b->rec.h->uuid)) /* two gone guests of one name */
		return a->rec.h->gone_ms >= b->rec.h->gone_ms ? a : b;
	return rank(b) > rank(a) ? b : a;
}

static struct session *search(struct daemon *d, const char *guest, const char *console,
			      size_t prefix, bool *ambiguous)
{
	struct session *s, *best = NULL;

	TAILQ_FOREACH(s, &d->sessions, all)
	{
		if (!name_matches(s, guest, prefix) || !console_matches(s, console))
			continue;
		if (prefix && best && strcmp(best->rec.h->uuid, s->rec.h->uuid))
			*ambiguous = true;
		best = better(best, s);
	}
	return best;
}

struct session *session_find(struct daemon *d, const char *guest, const char *console,
			     unsigned *error)
{
	bool ambiguous = false;
	struct session *s = search(d, guest, console, 0, &ambiguous);

	*error = 0;
	if (!s && *guest)
		s = search(d, guest, console, strlen(guest), &ambiguous);
	if (!s)
		*error = KCON_E_UNKNOWN;
	else if (ambiguous)
		*error = KCON_E_AMBIGUOUS;
	return *error ? NULL : s;
}

/* ---- the guest's side ---- */

void session_quarantine(struct session *s, const char *why)
{
	struct daemon *d = s->d;

	say(d, LOG_ERR, "%s (%s): ring quarantined: %s", s->rec.h->name,
	    s->rec.h->console, why);
	logs_note(s, "keel: the guest's console ring is not sound; not followed further");
	d->ops->close(d->backend, &s->ch);
	s->open = false;
	s->rung = false;
	s->state = KCON_QUARANTINED;
	clients_changed(s);
}

void session_close_source(struct session *s)
{
	if (s->tty_fd >= 0)
		serial_close(s);
	if (s->open)
		s->d->ops->close(s->d->backend, &s->ch);
	s->open = false;
	s->rung = false;
	uv_timer_stop(&s->timer);
}

static void open_ring(struct session *s)
{
	struct daemon *d = s->d;
	uint32_t cons;
	int e = d->ops->open(d->backend, &s->desc, s, &s->ch);

	if (e < 0) {
		say(d, LOG_ERR, "%s (%s): cannot open its ring: %s", s->rec.h->name,
		    s->rec.h->console, strerror(-e));
		return;
	}
	s->open = true;
	s->state = KCON_RUNNING;
	cons = __atomic_load_n(&s->ch.ring->out_cons, __ATOMIC_ACQUIRE);
	s->in_prod = __atomic_load_n(&s->ch.ring->in_prod, __ATOMIC_ACQUIRE);
	if (rec_same_ring(&s->rec, s->desc.domid, s->desc.ref, s->desc.port)) {
		/* Our own index is the truth: the ring may have missed its update. */
		ring_out_release(s->ch.ring, rec_cons(&s->rec));
	} else {
		s->rec.h->boots++;
		rec_bind_ring(&s->rec, s->desc.domid, s->desc.ref, s->desc.port, cons);
	}
	s->rung = true;
	flow_ready(s);
}

static void open_source(struct session *s)
{
	int e;

	if (!*s->desc.tty) {
		open_ring(s);
		return;
	}
	e = serial_open(s);
	if (e < 0)
		say(s->d, LOG_ERR, "%s (%s): cannot open %s: %s", s->rec.h->name,
		    s->rec.h->console, s->desc.tty, strerror(-e));
	else
		s->state = KCON_RUNNING;
}

static void tell_viewers(struct session *s, uint8_t kind, const char *text)
{
	struct client *c;

	TAILQ_FOREACH(c, &s->clients, of_session)
	client_notice(c, kind, "%s", text);
}

static void renamed(struct session *s, const char *name)
{
	if (!strcmp(s->rec.h->name, name))
		return;
	snprintf(s->rec.h->name, sizeof(s->rec.h->name), "%s", name);
	snprintf(s->desc.name, sizeof(s->desc.name), "%s", name);
	session_configure(s);
	logs_configure(s);
	clients_changed(s);
}

static bool same_source(const struct session *s, const struct console_desc *c)
{
	return (s->open || s->tty_fd >= 0 || s->state == KCON_QUARANTINED) &&
	       s->desc.domid == c->domid && s->desc.ref == c->ref &&
	       s->desc.port == c->port && !strcmp(s->desc.tty, c->tty);
}

static void on_found(void *ctx, const struct console_desc *c)
{
	struct daemon *d = ctx;
	struct session *s = session_by_uuid(d, c->uuid, c->console);
	bool fresh = !s || s->state == KCON_GONE;

	if (s && same_source(s, c))
		return;
	if (!s)
		s = session_make(d, c);
	if (!s)
		return;
	session_close_source(s);
	if (s->rec.h->boots && s->rec.h->ring_domid != c->domid)
		tell_viewers(s, KCON_N_REBOOT, "the guest starts anew");
	if (s->desc.domid != c->domid)
		queue_free(&s->input); /* typed for a domain that is no more */
	s->desc = *c;
	s->rec.h->gone_ms = 0;
	renamed(s, c->name);
	session_configure(s); /* gone() lifts the limits */
	open_source(s);
	if (s->state != KCON_GONE && (fresh || s->pty))
		pty_make(s);
	clients_changed(s);
}

static void gone(struct session *s)
{
	/* The last words are still in the ring; they are not held back. */
	s->bytes.rate = 0;
	s->conf.flood_policy = FLOOD_DISCARD;
	if (s->open)
		flow_drain(s);
	if (s->tty_fd >= 0)
		serial_flush(s);
	session_close_source(s);
	s->state = KCON_GONE;
	s->rec.h->gone_ms = utc_ms();
	queue_free(&s->input);
	pty_destroy(s);
	clients_changed(s);
}

/* Sessions taken over from an earlier image whose domain ended meanwhile. */
void session_settle(struct daemon *d)
{
	struct session *s;

	TAILQ_FOREACH(s, &d->sessions, all)
	{
		if (s->state == KCON_RUNNING && !s->open && s->tty_fd < 0 &&
		    strcmp(s->rec.h->uuid, HYPERVISOR_UUID))
			gone(s);
	}
}

static void on_gone(void *ctx, uint32_t domid, const char *console)
{
	struct session *s;

	while ((s = by_domain(ctx, domid, console)))
		gone(s);
}

static void on_renamed(void *ctx, uint32_t domid, const char *name)
{
	struct daemon *d = ctx;
	struct session *s;

	TAILQ_FOREACH(s, &d->sessions, all)
	{
		if (s->state != KCON_GONE && s->desc.domid == domid)
			renamed(s, name);
	}
}

static void on_event(void *ctx, void *cookie)
{
	struct session *s = cookie;

	(void)ctx;
	bucket_level(&s->events, uv_now(s->d->loop));
	s->rung = true;
	flow_ready(s);
}

/* The hypervisor's messages: a session without a guest behind it. */
static void on_bytes(void *ctx, const struct console_desc *c, const void *p, size_t n)
{
	struct daemon *d = ctx;
	struct session *s = session_by_uuid(d, c->uuid, c->console);

	if (!d->conf.hypervisor_log)
		return;
	if (!s)
		s = session_make(d, c);
	if (!s)
		return;
	s->state = KCON_RUNNING;
	s->rec.h->gone_ms = 0;
	if (rec_append(&s->rec, p, n, utc_ms()) < n)
		say(d, LOG_WARNING, "hypervisor messages lost: state directory full");
	s->rec.h->ring_ref = c->token;
	flow_new_bytes(s);
}

static uint64_t on_position(void *ctx, const struct console_desc *c)
{
	struct session *s = session_by_uuid(ctx, c->uuid, c->console);

	return s ? s->rec.h->ring_ref : 0;
}

static void on_trouble(void *ctx, const char *text)
{
	say(ctx, LOG_WARNING, "%s", text);
}

const struct backend_events session_events = {
	.found = on_found,
	.gone = on_gone,
	.renamed = on_renamed,
	.event = on_event,
	.bytes = on_bytes,
	.position = on_position,
	.trouble = on_trouble,
};

void session_unquarantine(struct session *s)
{
	if (s->state != KCON_QUARANTINED)
		return;
	s->state = KCON_GONE;
	s->rec.h->ring_domid = UINT32_MAX;
	open_source(s);
	clients_changed(s);
}

/* ---- the end ---- */

/* Forgets guests that are gone for long, and the oldest of too many. */
void session_expire(struct daemon *d)
{
	uint64_t now = utc_ms();
	struct session *s, *next, *oldest = NULL;
	unsigned kept = 0;

	TAILQ_FOREACH_SAFE(s, &d->sessions, all, next)
	{
		if (s->state != KCON_GONE || !TAILQ_EMPTY(&s->clients))
			continue;
		if (now - s->rec.h->gone_ms > d->conf.keep_gone_s * 1000) {
			unlinkat(d->state_dir, s->file, 0);
			session_free(s);
			continue;
		}
		kept++;
		if (!oldest || s->rec.h->gone_ms < oldest->rec.h->gone_ms)
			oldest = s;
	}
	if (kept > d->conf.keep_gone) {
		unlinkat(d->state_dir, oldest->file, 0);
		session_free(oldest);
	}
}

void session_close_all(struct daemon *d)
{
	struct session *s;

	while ((s = TAILQ_FIRST(&d->sessions)))
		session_free(s);
}
