/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bytes between the guests' rings and the records, and flood control.
 *
 * Sessions with something to take wait in one of two queues.  `ready` is for those
 * that wrote little of late: they are served at once.  `floods` is for the others,
 * which together get FLOOD_SHARE of a processor; when that is used up they rest, and
 * the daemon sleeps if there is nothing else.  That keeps every other guest's echo
 * quick: who sleeps is scheduled as soon as something comes, while who computes all
 * the time waits for whole time slices of the log process and of other work.
 */
#include "daemon.h"

#define INPUT_MAX  65536u /* bytes waiting for a guest that does not read */
#define PASS_BYTES 8192u  /* from one session before the next has its turn */
#define PASS_TOTAL 16384u /* from one queue before descriptors are looked at again */
#define RETRY_MS   100	  /* while the state directory's file system is full */
#define LINGER_NS  50000  /* empty rings of floods are looked at for so long */
#define POLL_MS	   1	  /* and then so often */

/* Who writes more than this a second, once a burst is used up, floods. */
#define CALM_RATE  (32u << 10)
#define CALM_BURST (64u << 10)
#define CALM_AGAIN (1u << 10)

/* ns of a processor a second for floods; in a row at most, and at least. */
#define FLOOD_SHARE 500000000u
#define FLOOD_RUN   2000000u
#define FLOOD_LEAST (FLOOD_RUN / 2)

static void set_idle(struct daemon *d);

/* ---- moving bytes ---- */

/* Input that waits: as much as the guest's ring takes now. */
static bool give_input(struct session *s)
{
	size_t n;
	const uint8_t *p = queue_peek(&s->input, &n);
	long put;

	if (!n)
		return true;
	put = ring_in_put(s->ch.ring, &s->in_prod, p, n);
	if (put < 0)
		return false;
	if (put > 0) {
		queue_drop(&s->input, (size_t)put);
		s->d->ops->notify(s->d->backend, &s->ch);
	}
	return true;
}

void flow_input(struct session *s, const void *p, size_t n)
{
	if (s->state != KCON_RUNNING)
		return;
	/* A guest that reads nothing keeps the newest INPUT_MAX bytes from us. */
	if (!queue_put(&s->input, p, n, INPUT_MAX))
		return;
	s->interactive = true;
	if (s->tty_fd >= 0)
		serial_flush(s);
	else if (s->open && !give_input(s))
		session_quarantine(s, "input consumer index out of range");
}

void flow_new_bytes(struct session *s)
{
	s->last_ms = utc_ms();
	if (s->conf.log && !s->rec.h->log_off)
		helper_ring(s->d->log, s->rec.h->slot);
	if (s->following)
		helper_ring(s->d->screen, s->rec.h->slot);
	else
		feed_unseen(s);
	feed_raw(s);
}

static void on_timer(uv_timer_t *t)
{
	flow_ready(t->data);
}

static void hold(struct session *s, uint64_t ms, bool flood)
{
	if (flood && !s->held) {
		s->held = true;
		s->held_since = uv_now(s->d->loop);
	}
	uv_timer_start(&s->timer, on_timer, ms ? ms : 1, 0);
}

static void unhold(struct session *s)
{
	if (!s->held)
		return;
	s->rec.h->held_ms += uv_now(s->d->loop) - s->held_since;
	s->held = false;
}

/*
 * Takes what the ring holds into the record, at most `budget` bytes.  Returns
 * the bytes taken, 0 when there are none, -1 when the session must wait (its
 * timer runs then) or was quarantined.
 */
static long take(struct session *s, size_t budget)
{
	uint64_t now = uv_now(s->d->loop), level = bucket_level(&s->bytes, now);
	uint32_t cons = rec_cons(&s->rec);
	long pending = ring_out_pending(s->ch.ring, cons);
	size_t room, n = (size_t)pending;
	uint8_t *to;

	if (pending < 0) {
		session_quarantine(s, "output producer index out of range");
		return -1;
	}
	if (n > budget)
		n = budget;
	if (!n)
		return 0;
	if (level < n && level < 256) {
		hold(s, bucket_wait(&s->bytes, 256), true);
		return -1;
	}
	if (logs_behind(s)) {
		hold(s, 1, true);
		return -1;
	}
	unhold(s);
	if (n > level)
		n = (size_t)level;
	to = rec_space(&s->rec, &room);
	if (!room) {
		hold(s, RETRY_MS, false);
		return -1;
	}
	if (n > room)
		n = room;
	ring_out_copy(s->ch.ring, cons, to, n);
	rec_commit(&s->rec, n, cons + (uint32_t)n, utc_ms());
	ring_out_release(s->ch.ring, cons + (uint32_t)n);
	bucket_take(&s->bytes, n);
	return (long)n;
}

/*
 * A flood's ring is looked at in turn with the other floods', and its event channel
 * stays masked meanwhile, as network drivers do it under load.  It ends when the
 * guest has been silent, or nearly so, for 32 ms.
 */
static bool floods(struct session *s)
{
	uint64_t level = bucket_level(&s->calm, uv_now(s->d->loop));

	if (!level)
		s->flooding = true;
	else if (level >= CALM_AGAIN)
		s->flooding = false;
	return s->flooding;
}

/* A full ring counts as an event, too, whether the guest rang or not. */
static bool events_used_up(struct session *s, size_t done)
{
	if ((!done && !s->rung) || bucket_level(&s->events, uv_now(s->d->loop)))
		return false;
	hold(s, bucket_wait(&s->events, 1), false);
	return true;
}

/* One turn of a session.  True: it wants another one. */
static bool turn(struct session *s)
{
	size_t done = 0;
	long n = 0;

	if (!s->open)
		return false;
	while (done < PASS_BYTES && (n = take(s, PASS_BYTES - done)) > 0)
		done += (size_t)n;
	if (done) {
		bucket_take(&s->calm, done);
		flow_new_bytes(s);
		if (s->open)
			s->d->ops->notify(s->d->backend, &s->ch);
	}
	if (!s->open)
		return false;
	if (!give_input(s)) {
		session_quarantine(s, "input consumer index out of range");
		return false;
	}
	if (n < 0 || events_used_up(s, done))
		return false;
	if (floods(s) || done >= RING_OUT_SIZE) {
		if (done)
			bucket_take(&s->events, 1);
		return true;
	}
	if (s->rung) { /* empty: the guest may ring again */
		bucket_take(&s->events, 1);
		s->rung = false;
		s->d->ops->rearm(s->d->backend, &s->ch);
	}
	return false;
}

void flow_drain(struct session *s)
{
	for (int i = 0; i < 64 && turn(s); i++)
		;
}

/* ---- taking turns ---- */

/* One turn of each session, until PASS_TOTAL bytes were taken; how many were. */
static size_t serve(struct session_list *queue)
{
	struct session *s;
	size_t taken = 0;

	for (unsigned n = 0; taken + n * 64 < PASS_TOTAL && (s = TAILQ_FIRST(queue));
	     n++) {
		uint64_t before = s->rec.head;

		flow_leave(s);
		if (turn(s))
			flow_ready(s);
		taken += s->rec.head - before;
	}
	return taken;
}

static void on_rested(uv_timer_t *t)
{
	struct daemon *d = t->data;

	d->resting = false;
	set_idle(d);
}

static void rest(struct daemon *d, uint64_t ms)
{
	d->resting = true;
	uv_timer_start(&d->rest, on_rested, ms, 0);
}

static void serve_floods(struct daemon *d)
{
	uint64_t begin = uv_hrtime(), end;
	bool any = serve(&d->floods) > 0;

	end = uv_hrtime();
	bucket_level(&d->flood_time, uv_now(d->loop));
	bucket_take(&d->flood_time, end - begin);
	if (any)
		d->flood_ns = end;
	if (!d->flood_time.tokens)
		rest(d, bucket_wait(&d->flood_time, FLOOD_LEAST));
	else if (end - d->flood_ns > LINGER_NS)
		rest(d, POLL_MS);
}

static void on_idle(uv_idle_t *idle)
{
	struct daemon *d = idle->data;

	serve(&d->ready);
	if (!d->resting && !TAILQ_EMPTY(&d->floods))
		serve_floods(d);
	set_idle(d);
}

/* The loop goes round without waiting only while a session may be served. */
static void set_idle(struct daemon *d)
{
	if (!TAILQ_EMPTY(&d->ready) || (!d->resting && !TAILQ_EMPTY(&d->floods)))
		uv_idle_start(&d->idle, on_idle);
	else
		uv_idle_stop(&d->idle);
}

void flow_ready(struct session *s)
{
	struct daemon *d = s->d;

	if (s->queue || !s->open)
		return;
	s->queue = floods(s) ? &d->floods : &d->ready;
	if (s->interactive) /* somebody typed: the echo goes first */
		TAILQ_INSERT_HEAD(s->queue, s, ready);
	else
		TAILQ_INSERT_TAIL(s->queue, s, ready);
	s->interactive = false;
	set_idle(d);
}

void flow_leave(struct session *s)
{
	if (s->queue)
		TAILQ_REMOVE(s->queue, s, ready);
	s->queue = NULL;
}

void flow_configure(struct session *s)
{
	uint64_t now = uv_now(s->d->loop);
	const struct guest_conf *c = &s->conf;

	/* Bytes are limited here for `hold`; for `discard` the log is limited. */
	bucket_init(&s->bytes, c->flood_policy == FLOOD_HOLD ? c->flood_bytes : 0,
		    c->flood_bytes + RING_OUT_SIZE, now);
	bucket_init(&s->events, c->flood_events, c->flood_events + 1, now);
	bucket_init(&s->calm, CALM_RATE, CALM_BURST, now);
}

void flow_start(struct daemon *d)
{
	TAILQ_INIT(&d->ready);
	TAILQ_INIT(&d->floods);
	uv_idle_init(d->loop, &d->idle);
	uv_timer_init(d->loop, &d->rest);
	d->idle.data = d->rest.data = d;
	bucket_init(&d->flood_time, FLOOD_SHARE, FLOOD_RUN, uv_now(d->loop));
}
