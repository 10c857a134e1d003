/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between the screen helper and those who look.  A session is open there only
 * while somebody looks or asked for a snapshot.  Repaints and live output come
 * through one socket in order, so that a viewer's stream has neither a gap nor
 * a doubled byte: a client is `unpainted` until its repaint is here.
 */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "daemon.h"

#define CHECK_BYTES 49152u
#define CHECK_FLOOD 131072u /* so much within CHECK_MS is a flood */
#define CHECK_MS    1000
#define CRASHES_MAX 3 /* then this console gets no screen model any more */

static int tell(struct session *s, uint32_t type, uint32_t a, uint32_t b, uint64_t off)
{
	struct hmsg m = {
		.type = type, .slot = s->rec.h->slot, .a = a, .b = b, .off = off};

	return helper_send(s->d->screen, &m, NULL, -1);
}

static bool open_screen(struct session *s)
{
	struct hmsg m = {.type = HM_OPEN,
			 .slot = s->rec.h->slot,
			 .a = s->rec.h->cols,
			 .b = s->rec.h->rows};
	int fd, e;

	if (s->screen_open)
		return true;
	if (s->crashes >= CRASHES_MAX)
		return false;
	fd = rec_reader_fd(s->d->state_dir, s->file);
	if (fd < 0)
		return false;
	e = helper_send(s->d->screen, &m, NULL, fd);
	close(fd);
	s->screen_open = e == 0;
	return s->screen_open;
}

static bool follow(struct session *s)
{
	if (s->following)
		return true;
	if (!open_screen(s))
		return false;
	if (TAILQ_EMPTY(&s->clients))
		return true;
	s->following = tell(s, HM_FOLLOW, 0, 0, s->shown) == 0;
	return s->following;
}

/* The screen helper is not there for this console: bytes as they are, for nobody. */
static void unavailable(struct client *c)
{
	c->unpainted = true;
	client_notice(c, KCON_N_INFO,
		      c->s->crashes >= CRASHES_MAX
			      ? "this console's output cannot be shown: it "
				"crashed the terminal model"
			      : "the screen process restarts");
}

static unsigned followers(const struct session *s)
{
	const struct client *c;
	unsigned n = 0;

	TAILQ_FOREACH(c, &s->clients, of_session)
	n += !c->raw;
	return n;
}

/* With no follower so far, live output starts at what is there now. */
void feed_prepare(struct client *c)
{
	struct session *s = c->s;

	if (!s->following && followers(s) <= 1)
		s->shown = s->rec.head;
}

void feed_attach(struct client *c, bool repaint, uint64_t resume, bool has_resume)
{
	struct session *s = c->s;

	c->unpainted = repaint || has_resume;
	if (!follow(s)) {
		unavailable(c);
		return;
	}
	if (has_resume && resume >= rec_oldest(&s->rec) && resume <= s->rec.head) {
		c->replaying = true;
		tell(s, HM_REPLAY, c->id, 0, resume);
	} else if (c->unpainted) {
		tell(s, HM_PAINT, c->id, 0, 0);
	}
}

void feed_repaint(struct client *c)
{
	c->unpainted = true;
	if (!follow(c->s) || tell(c->s, HM_PAINT, c->id, 0, 0) < 0)
		unavailable(c);
}

/* The queue of a lagging client is empty: it may see the present again. */
void feed_drained(struct client *c)
{
	uint8_t buf[64];
	struct kcon_w w;
	size_t m;

	if (!c->lagging || !c->s)
		return;
	kcon_w_init(&w, buf, sizeof(buf));
	m = kcon_w_begin(&w, KCON_LOST, 0, 0);
	kcon_w_u64(&w, c->lost);
	kcon_w_end(&w, m);
	client_send(c, &w);
	client_notice(c, KCON_N_LAGGING, "%llu bytes were not shown: too slow",
		      (unsigned long long)c->lost);
	c->lost = 0;
	c->lagging = false;
	c->raw_pos = c->s->rec.head;
	if (!c->raw)
		feed_repaint(c);
}

void feed_detach(struct session *s)
{
	if (followers(s))
		return;
	if (s->following)
		tell(s, HM_UNFOLLOW, 0, 0, 0);
	s->following = false;
}

void feed_close(struct session *s)
{
	if (s->screen_open)
		tell(s, HM_CLOSE, 0, 0, 0);
	s->screen_open = s->following = false;
}

void feed_resize(struct session *s)
{
	struct client *c;

	if (!s->screen_open)
		return;
	tell(s, HM_RESIZE, s->rec.h->cols, s->rec.h->rows, 0);
	TAILQ_FOREACH(c, &s->clients, of_session)
	{
		if (!c->raw)
			feed_repaint(c);
	}
}

void feed_snapshot(struct client *c, struct session *s, uint16_t tag)
{
	if (!open_screen(s) || tell(s, HM_SNAP, c->id, 0, 0) < 0) {
		client_error(c, tag, KCON_E_UNAVAILABLE, "%s: no screen model now",
			     s->rec.h->name);
		return;
	}
	c->snap_tag = tag;
	c->snap_session = s;
}

/*
 * Nobody looks.  A screen that is only changed here and there for long could not
 * be told from the recent history alone: the helper brings its packed picture
 * on from time to time.  Who writes faster than that repaints anyway.
 */
void feed_unseen(struct session *s)
{
	uint64_t now = uv_now(s->d->loop);

	if (s->rec.head - s->checked < CHECK_BYTES)
		return;
	if (s->rec.head - s->checked < CHECK_FLOOD) {
		if (now - s->checked_ms < CHECK_MS)
			return;
		if (open_screen(s))
			tell(s, HM_CHECK, 0, 0, 0);
	}
	s->checked = s->rec.head;
	s->checked_ms = now;
}

/* Unfiltered output goes straight from the record. */
void feed_raw(struct session *s)
{
	static uint8_t buf[32768];
	struct client *c;
	size_t n;

	TAILQ_FOREACH(c, &s->clients, of_session)
	{
		while (c->raw && !c->lagging && !c->dead &&
		       (n = rec_read(&s->rec, &c->raw_pos, buf, sizeof(buf)))) {
			c->raw_pos += n;
			client_output(c, c->raw_pos, buf, n);
		}
	}
}

/* ---- what the helper says ---- */

static struct client *by_id(struct session *s, uint32_t id)
{
	struct client *c;

	TAILQ_FOREACH(c, &s->clients, of_session)
	{
		if (c->id == id)
			return c;
	}
	return NULL;
}

static void on_out(struct session *s, const struct hmsg *m)
{
	struct client *c;

	if (m->off > s->rec.head)
		return;
	s->shown = m->off;
	TAILQ_FOREACH(c, &s->clients, of_session)
	{
		if (!c->raw && !c->unpainted && !c->dead)
			client_output(c, m->off, m->payload, m->len);
	}
}

static void paint_one(struct client *c, const struct hmsg *m)
{
	client_paint(c, m->off, m->b >> 16, m->b & 0xffff, m->more, m->payload, m->len);
	if (!m->more)
		c->unpainted = false;
}

static void on_painted(struct session *s, const struct hmsg *m)
{
	struct client *c;

	if (m->a) {
		c = by_id(s, m->a);
		if (c && c->unpainted && !c->dead)
			paint_one(c, m);
		return;
	}
	/* For all, after bytes were skipped: those who wait for their own, or
	 * have a full queue, are left alone. */
	TAILQ_FOREACH(c, &s->clients, of_session)
	{
		if (c->raw || c->dead || c->unpainted || c->lagging)
			continue;
		if (c->out.len > c->d->conf.client_queue / 2)
			client_output(c, m->off, m->payload, c->d->conf.client_queue);
		else
			client_paint(c, m->off, m->b >> 16, m->b & 0xffff, m->more,
				     m->payload, m->len);
	}
}

static void on_replayed(struct session *s, const struct hmsg *m)
{
	struct client *c = by_id(s, m->a);

	if (!c || !c->replaying || c->dead)
		return;
	if (m->b) { /* too old: a repaint instead */
		c->replaying = false;
		feed_repaint(c);
		return;
	}
	client_output(c, m->off, m->payload, m->len);
	if (m->more)
		return;
	c->replaying = false;
	c->unpainted = false;
}

static struct client *snapshot_client(struct session *s, uint32_t id)
{
	struct client *c;

	TAILQ_FOREACH(c, &s->d->clients, all)
	{
		if (c->id == id && c->snap_tag && c->snap_session == s && !c->dead)
			return c;
	}
	return NULL;
}

static void on_snapped(struct session *s, const struct hmsg *m)
{
	static uint8_t buf[KCON_MAX_FRAME];
	struct client *c = snapshot_client(s, m->a);
	struct kcon_w w;
	size_t mark;

	if (!c)
		return;
	kcon_w_init(&w, buf, sizeof(buf));
	mark = kcon_w_begin(&w, KCON_SCREEN, m->more ? KCON_F_MORE : 0, c->snap_tag);
	kcon_w_u64(&w, m->off);
	kcon_w_u16(&w, (uint16_t)(m->b >> 16));
	kcon_w_u16(&w, (uint16_t)m->b);
	kcon_w_bytes(&w, m->payload, m->len);
	kcon_w_end(&w, mark);
	if (!client_send(c, &w) || m->more)
		return;
	client_ok(c, c->snap_tag);
	c->snap_tag = 0;
	c->snap_session = NULL;
}

static void on_lost(struct session *s, const struct hmsg *m)
{
	uint8_t buf[64];
	struct client *c;
	struct kcon_w w;
	size_t mark;

	s->view_lost += m->off;
	kcon_w_init(&w, buf, sizeof(buf));
	mark = kcon_w_begin(&w, KCON_LOST, 0, 0);
	kcon_w_u64(&w, m->off);
	kcon_w_end(&w, mark);
	TAILQ_FOREACH(c, &s->clients, of_session)
	{
		if (!c->raw && !c->unpainted && !c->lagging && !c->dead)
			client_send(c, &w);
	}
}

static void on_message(void *ctx, const struct hmsg *m)
{
	struct daemon *d = ctx;
	struct session *s = m->slot < DOORBELL_SLOTS ? d->slots[m->slot] : NULL;

	if (!s)
		return;
	if (m->type == HM_OUT)
		on_out(s, m);
	else if (m->type == HM_PAINTED)
		on_painted(s, m);
	else if (m->type == HM_REPLAYED)
		on_replayed(s, m);
	else if (m->type == HM_SNAPPED)
		on_snapped(s, m);
	else if (m->type == HM_LOST)
		on_lost(s, m);
}

/* A new helper: who looks goes on where the old one left off. */
static void on_started(void *ctx)
{
	struct daemon *d = ctx;
	struct session *s;
	struct client *c;

	TAILQ_FOREACH(s, &d->sessions, all)
	{
		if (!followers(s))
			continue;
		if (follow(s))
			helper_ring(d->screen, s->rec.h->slot);
		TAILQ_FOREACH(c, &s->clients, of_session)
		{
			if (c->raw)
				continue;
			if (!s->following) {
				unavailable(c);
			} else if (c->unpainted || c->replaying) {
				c->replaying = false;
				feed_repaint(c);
			}
		}
	}
}

static void on_died(void *ctx, int status, uint32_t busy)
{
	struct daemon *d = ctx;
	struct session *s;
	struct client *c;

	if (!d->stopping)
		say(d, LOG_ERR, "the screen process ended (%s %d); it is started anew",
		    WIFSIGNALED(status) ? "signal" : "status",
		    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	s = busy && busy <= DOORBELL_SLOTS ? d->slots[busy - 1] : NULL;
	if (s && WIFSIGNALED(status) && !d->stopping)
		s->crashes++;
	TAILQ_FOREACH(s, &d->sessions, all)
	s->screen_open = s->following = false;
	TAILQ_FOREACH(c, &d->clients, all)
	{
		if (!c->snap_tag)
			continue;
		client_error(c, c->snap_tag, KCON_E_UNAVAILABLE,
			     "the screen process ended");
		c->snap_tag = 0;
		c->snap_session = NULL;
	}
}

void feed_start(struct daemon *d)
{
	struct helper_conf conf = {
		.kind = "screen",
		.user = d->conf.user,
		.dir = d->empty_dir,
		.dir_fd = -1,
		.state_fd = -1,
		.priority = PRIORITY_SCREEN,
		.message = on_message,
		.started = on_started,
		.died = on_died,
		.ctx = d,
	};

	d->screen = helper_new(d->loop, &conf);
}
