/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The log helper.  It reads each record from its own cursor, so a disk that is
 * slow, full or read-only delays nobody: what the record forgets meanwhile is
 * counted and marked in the file.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "bucket.h"
#include "helper-side.h"
#include "log-file.h"
#include "log-lines.h"
#include "record.h"

#define CHUNK	  32768u
#define MARKER	  256u /* longest line of our own */
#define RETRY_MS  500  /* after trouble with a file */
#define THROTTLED 20   /* ms until a log over its rate is looked at again */
#define IDLE_MS	  3600000
/*
 * A guest writes a line at a time, or 2 KiB: after work, news are let gather, so
 * that a flood costs some hundred wake-ups a second and not one for each piece.
 */
#define GATHER_MS 2

struct log {
	struct record rec;
	uint32_t slot;
	struct log_file file;
	struct lines lines;
	struct bucket rate;
	bool dirty;
	int trouble;	   /* errno of the last attempt */
	uint64_t retry_ms; /* not before then */
	uint64_t cursor;   /* up to which the record was formatted and written */
	char note[160];	   /* to be written before what comes next */
};

/*
 * What one log is about to write.  It is in the file as a whole, or the file and
 * the log's state are as they were before, and it will be formatted again.
 */
static struct {
	uint8_t bytes[LINES_ROOM(CHUNK) + 2 * MARKER];
	size_t len;
} batch;

static struct log *logs[DOORBELL_SLOTS];
static struct log_state *states;
static struct doorbell bell;
static unsigned nslots; /* none is in use from here on */
static bool daemon_left;

static uint64_t clock_ms(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void report(struct log *l)
{
	struct hmsg m = {
		.type = HM_LOG_STATE, .slot = l->slot, .a = (uint32_t)l->trouble};

	side_send(&m, NULL, 0);
}

static void trouble(struct log *l, int err)
{
	l->retry_ms = clock_ms(CLOCK_MONOTONIC) + RETRY_MS;
	if (l->trouble == err)
		return;
	l->trouble = err;
	report(l);
}

static void well(struct log *l)
{
	if (!l->trouble)
		return;
	l->trouble = 0;
	report(l);
}

/* ---- formatting ---- */

struct when {
	const struct record *rec;
	uint64_t end, ms, until; /* ms: of all bytes up to `until` */
};

static uint64_t when(void *ctx, size_t back)
{
	struct when *w = ctx;

	if (w->end - back >= w->until)
		w->ms = rec_time_span(w->rec, w->end - back, &w->until);
	return w->ms;
}

static void add_marker(struct log *l, const char *text)
{
	batch.len += lines_marker(&l->lines, text, clock_ms(CLOCK_REALTIME),
				  batch.bytes + batch.len, MARKER);
}

static void mark_loss(struct log *l, uint64_t n)
{
	char text[64];

	l->file.now.lost += n;
	snprintf(text, sizeof(text), "keel: %llu bytes dropped", (unsigned long long)n);
	add_marker(l, text);
}

/*
 * A file that is to be rotated ends with a whole line: then only the rest of
 * the present line is taken.
 */
static size_t cut_at_line(const struct log *l, const uint8_t *in, size_t n)
{
	const uint8_t *nl;

	if (!l->lines.mid_line || !log_file_due(&l->file, clock_ms(CLOCK_REALTIME)))
		return n;
	nl = memchr(in, '\n', n);
	return nl ? (size_t)(nl - in) + 1 : n;
}

/* Formats what there is of the record, at most `limit` bytes of it. */
static void format_chunk(struct log *l, size_t limit)
{
	static uint8_t in[CHUNK];
	uint64_t at = l->cursor, skipped;
	struct when w = {.rec = &l->rec};
	size_t n, pending;

	n = rec_read(&l->rec, &at, in, limit < CHUNK ? limit : CHUNK);
	skipped = at - l->cursor;
	if (!n)
		return;
	n = cut_at_line(l, in, n);
	if (skipped) {
		lines_init(&l->lines, l->file.conf.raw, l->lines.mid_line);
		mark_loss(l, skipped);
	}
	w.end = at + n;
	batch.len +=
		lines_run(&l->lines, in, n, batch.bytes + batch.len, when, &w, &pending);
	bucket_take(&l->rate, n);
	/* A sequence not yet ended is read again after a restart. */
	l->file.now.cursor = w.end - (pending < n ? pending : n);
	l->cursor = w.end;
}

/* ---- writing ---- */

/*
 * Before anything is formatted: opening commits where the file stands, which
 * must not be mixed with a cursor that is ahead of it.
 */
static bool ready(struct log *l)
{
	int e;

	if (l->file.fd >= 0)
		return true;
	e = log_file_open(&l->file, clock_ms(CLOCK_REALTIME));
	if (e < 0) {
		trouble(l, -e);
		return false;
	}
	l->lines.mid_line = l->file.now.mid_line;
	return true;
}

static int write_batch(struct log *l)
{
	size_t done = 0;

	while (done < batch.len) {
		long n = log_file_write(&l->file, batch.bytes + done, batch.len - done);

		if (n <= 0)
			return n ? (int)-n : ENOSPC;
		done += (size_t)n;
	}
	return 0;
}

/*
 * Writes the note, if there is one, and the next bytes of the record.  True: it got
 * on in the record.  On trouble the file is closed: opened again, it is cut to what
 * was committed.
 */
static bool advance(struct log *l, size_t limit)
{
	const struct log_commit now = l->file.now;
	const struct lines lines = l->lines;
	const uint64_t cursor = l->cursor;
	int e;

	batch.len = 0;
	if (*l->note)
		add_marker(l, l->note);
	if (limit)
		format_chunk(l, limit);
	e = write_batch(l);
	if (e) {
		log_file_close(&l->file);
		l->file.now = now;
		l->lines = lines;
		l->cursor = cursor;
		trouble(l, e);
		return false;
	}
	*l->note = '\0';
	l->file.now.mid_line = l->lines.mid_line;
	log_file_commit(&l->file);
	well(l);
	return l->cursor != cursor;
}

static void rotate_if_due(struct log *l)
{
	int e;

	if (l->lines.mid_line || l->file.fd < 0 ||
	    !log_file_due(&l->file, clock_ms(CLOCK_REALTIME)))
		return;
	e = log_file_rotate(&l->file);
	if (e < 0) {
		trouble(l, -e);
		return;
	}
	log_file_commit(&l->file);
}

/* Serves one log once.  True: there is more to do right now. */
static bool serve(struct log *l)
{
	uint64_t now = clock_ms(CLOCK_MONOTONIC), level;

	if (!l->file.conf.on)
		return false;
	if (l->trouble && now < l->retry_ms)
		return false;
	level = bucket_level(&l->rate, now);
	if (level < 512 && !daemon_left) /* not in crumbs */
		return false;
	if (!*l->note && !rec_has(&l->rec, l->cursor)) {
		l->dirty = false;
		return false;
	}
	if (!ready(l) || !advance(l, level < CHUNK ? (size_t)level : CHUNK))
		return false;
	rotate_if_due(l);
	sched_yield(); /* an echo does not wait for a log's whole time slice */
	return true;
}

/* ---- messages ---- */

static void drop_log(struct log *l)
{
	log_file_close(&l->file);
	rec_close(&l->rec);
	logs[l->slot] = NULL;
	free(l);
}

static void take_all(struct log *l)
{
	for (int i = 0; i < 4096 && serve(l); i++)
		;
}

/* Finds the place where an earlier log helper stopped, or starts a new state. */
static void restore(struct log *l)
{
	struct log_state *s = l->file.state;
	char id[sizeof(s->id)];

	memset(id, 0, sizeof(id));
	snprintf(id, sizeof(id), "%s.%s", l->rec.h->uuid, l->rec.h->console);
	if (memcmp(s->id, id, sizeof(id)) != 0 ||
	    s->c[s->seq & 1].cursor > rec_head(&l->rec)) {
		memset(s, 0, sizeof(*s));
		memcpy(s->id, id, sizeof(id));
	}
	l->file.now = s->c[s->seq & 1];
	l->cursor = l->file.now.cursor;
	lines_init(&l->lines, l->file.conf.raw, l->file.now.mid_line);
}

static bool conf_ok(const struct log_open *o)
{
	return memchr(o->name, 0, sizeof(o->name)) && o->name[0] && o->name[0] != '.' &&
	       !strchr(o->name, '/');
}

static void set_rate(struct log *l)
{
	uint64_t r = l->file.conf.flood_bytes;

	bucket_init(&l->rate, r, r + CHUNK, clock_ms(CLOCK_MONOTONIC));
}

static void open_log(const struct hmsg *m, const struct log_open *o, int fd)
{
	struct log *l = fd < 0 ? NULL : calloc(1, sizeof(*l));

	if (logs[m->slot])
		drop_log(logs[m->slot]);
	if (!l || !conf_ok(o) || rec_map_reader(&l->rec, fd) < 0) {
		if (fd >= 0)
			close(fd);
		free(l);
		return;
	}
	l->slot = m->slot;
	l->file.fd = -1;
	l->file.conf = *o;
	l->file.state = &states[m->slot];
	restore(l);
	set_rate(l);
	logs[m->slot] = l;
	if (nslots <= m->slot)
		nslots = m->slot + 1;
	l->dirty = true;
	if (o->compress) /* what a crash left uncompressed */
		gzip_begin(o->name);
}

static void note(struct log *l, const char *text)
{
	take_all(l);
	if (l->trouble)
		return; /* the note would come before what it is about */
	snprintf(l->note, sizeof(l->note), "%s", text);
	if (ready(l))
		advance(l, 0);
}

static void switch_on(struct log *l, bool on, uint64_t from)
{
	if (l->file.conf.on == on)
		return;
	if (!on) {
		note(l, "keel: logging switched off");
		l->file.conf.on = false;
		return;
	}
	if (from < l->cursor)
		from = l->cursor;
	snprintf(l->note, sizeof(l->note),
		 "keel: logging switched on, %llu bytes not logged",
		 (unsigned long long)(from - l->cursor));
	l->file.conf.on = true;
	l->cursor = l->file.now.cursor = from;
	lines_init(&l->lines, l->file.conf.raw, l->lines.mid_line);
	if (ready(l))
		advance(l, 0);
}

static void configure(struct log *l, const struct log_open *o, uint64_t head)
{
	bool raw = l->file.conf.raw, on = l->file.conf.on;

	if (!conf_ok(o))
		return;
	take_all(l);
	if (strcmp(o->name, l->file.conf.name))
		log_file_rename(&l->file, o->name);
	if (on != (bool)o->on)
		switch_on(l, o->on, head);
	l->file.conf = *o;
	if (raw != (bool)o->raw)
		lines_init(&l->lines, o->raw, l->lines.mid_line);
	set_rate(l);
}

static void handle(const struct hmsg_in *m, int fd)
{
	struct log *l = m->head.slot < DOORBELL_SLOTS ? logs[m->head.slot] : NULL;
	struct log_open o;
	char text[160];

	if (m->head.slot >= DOORBELL_SLOTS)
		return;
	if (m->head.type == HM_LOG_OPEN || m->head.type == HM_LOG_CONF) {
		if (m->head.len != sizeof(o))
			return;
		memcpy(&o, m->payload, sizeof(o));
		if (m->head.type == HM_LOG_OPEN)
			open_log(&m->head, &o, fd);
		else if (l)
			configure(l, &o, m->head.off);
	} else if (l && m->head.type == HM_LOG_CLOSE) {
		take_all(l);
		drop_log(l);
	} else if (l && m->head.type == HM_LOG_NOTE && m->head.len < sizeof(text)) {
		memcpy(text, m->payload, m->head.len);
		text[m->head.len] = '\0';
		if (l->file.conf.on)
			note(l, text);
	}
}

static void take_messages(void)
{
	static struct hmsg_in m;
	int fd, r;

	while ((r = side_receive(&m, &fd)) > 0)
		handle(&m, fd);
	if (r < 0)
		daemon_left = true;
}

static void take_news(void)
{
	for (uint32_t w = 0; w < DOORBELL_SLOTS / 64; w++) {
		uint64_t bits = doorbell_take(&bell, w);

		while (bits) {
			struct log *l = logs[w * 64 + (uint32_t)__builtin_ctzll(bits)];

			bits &= bits - 1;
			if (l)
				l->dirty = true;
		}
	}
}

/* Returns how long to wait for news: 0 while there is work. */
static int serve_all(void)
{
	int wait = IDLE_MS;

	for (unsigned i = 0; i < nslots; i++) {
		struct log *l = logs[i];

		if (!l || !l->dirty)
			continue;
		bell.page->busy_slot = i + 1;
		if (serve(l))
			wait = 0;
		else if (l->trouble && wait > RETRY_MS)
			wait = RETRY_MS;
		else if (l->dirty && l->file.conf.on && wait > THROTTLED)
			wait = THROTTLED;
	}
	bell.page->busy_slot = 0;
	if (gzip_step())
		wait = 0;
	return wait;
}

static void rotate_old(void)
{
	for (unsigned i = 0; i < DOORBELL_SLOTS; i++) {
		if (logs[i] && logs[i]->file.conf.on && !logs[i]->trouble)
			rotate_if_due(logs[i]);
	}
}

/* The daemon left: what is in the records now is still written. */
static void last_pass(void)
{
	for (unsigned i = 0; i < DOORBELL_SLOTS; i++) {
		if (logs[i]) {
			take_all(logs[i]);
			drop_log(logs[i]);
		}
	}
}

/*
 * After the death of a daemon its log helper still writes what it has; the next
 * one begins where that one ended, not beside it.
 */
static bool wait_for_predecessor(void)
{
	while (flock(HELPER_STATE_FD, LOCK_EX) < 0) {
		if (errno != EINTR)
			return false;
	}
	return true;
}

int log_helper_main(void)
{
	bool worked = false;
	int wait = 0;

	if (!wait_for_predecessor())
		return 1;
	states = mmap(NULL, LOG_STATE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		      HELPER_STATE_FD, 0);
	if (states == MAP_FAILED ||
	    doorbell_map(&bell, HELPER_MEM_FD, HELPER_EVENT_FD) < 0)
		return 1;
	while (!daemon_left) {
		if (wait && worked)
			side_pause(GATHER_MS);
		else if (wait)
			side_wait(&bell, wait, false);
		worked = !wait;
		if (wait == IDLE_MS)
			rotate_old();
		take_messages();
		take_news();
		wait = serve_all();
	}
	last_pass();
	return 0;
}
