/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The screen helper: reads records, filters, keeps terminal models, paints.
 * Each open console has one position up to which filter and model have gone;
 * live output, repaints and replays are all made at that position, so their
 * order in the socket is the order of the guest's bytes.
 *
 * Few bytes go first: a console with at most QUICK bytes waiting is served
 * before any with more, so that an echo never waits for a flood.  A console
 * that is SKIP bytes behind jumps to the near past and is repainted.  Packed
 * screens that nobody looks at are brought on last, a slice at a time, and with a
 * small share of a processor: this process goes before others (priority.h).
 */
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "bucket.h"
#include "helper-side.h"
#include "record.h"
#include "terminal.h"

#define REBUILD	 (96u << 10)  /* of history for a new model: a few ms */
#define BRIDGE	 (256u << 10) /* from a packed screen up to the present, at most */
#define QUICK	 4096u
#define SLICE	 8192u
#define SKIP	 (128u << 10)
#define SKIP_TO	 (16u << 10)
#define STUCK_S	 2  /* of processor time in one round: no guest's bytes are worth it */
#define PAINT_MS 50 /* between two repaints of a flooding console */
#define OUT_MAX	 (HELPER_PAYLOAD - KFILTER_SEQ_MAX)
/* ns of a processor a second for checks; in a row at most, and at least. */
#define CHECK_SHARE 100000000u
#define CHECK_RUN   20000000u
#define CHECK_LEAST (CHECK_RUN / 4)

/* A screen without a model: bytes that paint it, and where it was so. */
struct packed {
	uint8_t *paint;
	size_t n;
	uint64_t pos;
	struct kfilter filter;
};

struct screen {
	struct record rec;
	uint32_t slot;
	unsigned cols, rows;
	bool following, dirty, flooded;
	bool checking;	    /* to be checked; with a model: a check is under way */
	uint64_t check_to;  /* where it ends */
	uint64_t pos, safe; /* read up to here; last boundary between sequences */
	struct kfilter filter;
	struct terminal *term;
	struct packed packed;
	long painted_ms;
};

static struct screen *screens[DOORBELL_SLOTS];
static unsigned nopen;
static uint32_t open_slots[DOORBELL_SLOTS];
static struct doorbell bell;
static bool daemon_left;
static struct bucket check_time;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static long now_ms(void)
{
	return (long)(now_ns() / 1000000);
}

/*
 * Waits for room when there is none: so output is bounded by the socket.  The
 * daemon always reads, so this wait is short; when it left, the poll says so.
 */
static void emit(const struct hmsg *m, const void *payload, size_t n)
{
	struct hmsg h = *m;

	h.len = (uint32_t)n;
	while (!daemon_left && !side_send(&h, payload, n)) {
		if (!side_can_retry())
			daemon_left = true;
		else
			side_wait(&bell, -1, true);
	}
}

static void emit_parts(struct hmsg *m, const uint8_t *p, size_t n)
{
	do {
		size_t part = n < HELPER_PAYLOAD ? n : HELPER_PAYLOAD;

		m->more = part < n;
		emit(m, p, part);
		p += part;
		n -= part;
	} while (n);
}

/* ---- models ---- */

/* Reads up to n bytes behind s->pos into buf; counts what was overwritten. */
static size_t read_on(struct screen *s, uint8_t *buf, size_t n, uint64_t *skipped)
{
	uint64_t from = s->pos;
	size_t got = rec_read(&s->rec, &from, buf, n);

	*skipped = from > s->pos ? from - s->pos : 0;
	s->pos = from + got;
	return got;
}

/* Filters n bytes that end at s->pos; returns how many came out. */
static size_t run_filter(struct screen *s, const uint8_t *in, size_t n, uint8_t *out)
{
	size_t m = kfilter_run(&s->filter, in, n, out),
	       back = kfilter_pending(&s->filter);

	s->safe = s->pos - (back < s->pos ? back : s->pos);
	return m;
}

static void new_filter(struct screen *s, uint64_t pos)
{
	kfilter_init(&s->filter, false);
	s->pos = s->safe = pos;
}

/* After a jump into the middle of things: goes on behind the next line feed. */
static void align(struct screen *s, uint64_t limit)
{
	uint8_t buf[4096], *nl;
	uint64_t skipped, start = s->pos;
	size_t n = limit - start < sizeof(buf) ? (size_t)(limit - start) : sizeof(buf);

	n = read_on(s, buf, n, &skipped);
	nl = memchr(buf, '\n', n);
	s->pos = nl ? s->pos - n + (size_t)(nl - buf) + 1 : s->pos - n;
	s->safe = s->pos;
}

/* Feeds the model with a slice of history; false when it is at `upto`. */
static bool feed_slice(struct screen *s, uint64_t upto)
{
	static uint8_t in[SLICE], out[SLICE + KFILTER_SEQ_MAX];
	uint64_t skipped;
	size_t n;

	if (s->pos >= upto)
		return false;
	n = upto - s->pos < SLICE ? (size_t)(upto - s->pos) : SLICE;
	n = read_on(s, in, n, &skipped);
	if (n)
		terminal_feed(s->term, out, run_filter(s, in, n, out));
	return n > 0;
}

/* Where a new model begins: at the packed screen, or in the near past. */
static void begin(struct screen *s, uint64_t upto)
{
	struct packed *p = &s->packed;
	uint64_t old = rec_oldest(&s->rec), from;

	if (p->paint && p->pos <= upto && p->pos >= old && upto - p->pos <= BRIDGE) {
		terminal_feed(s->term, p->paint, p->n);
		new_filter(s, p->pos);
		s->filter = p->filter;
		s->filter.repeatable = false;
		return;
	}
	from = upto > REBUILD ? upto - REBUILD : 0;
	if (from < old)
		from = old;
	new_filter(s, from);
	if (from)
		align(s, upto);
}

static bool begin_model(struct screen *s, uint64_t upto)
{
	s->term = terminal_new(s->cols, s->rows);
	if (s->term)
		begin(s, upto);
	return s->term != NULL;
}

/* Makes the model that a console did without, as of offset `upto`. */
static bool build(struct screen *s, uint64_t upto)
{
	if (!begin_model(s, upto))
		return false;
	while (feed_slice(s, upto))
		;
	return true;
}

/* Keeps what the model shows, so that the model itself need not be kept. */
static void pack(struct screen *s)
{
	size_t n = 0;
	uint8_t *p = terminal_paint(s->term, &s->filter, &n), *fit;

	if (!p)
		return;
	fit = realloc(p, n);
	free(s->packed.paint);
	s->packed = (struct packed){fit ? fit : p, n, s->pos, s->filter};
}

static void drop_model(struct screen *s)
{
	terminal_free(s->term);
	s->term = NULL;
	s->checking = false;
}

/*
 * One slice of a check: nobody looks, but much was written, and the packed
 * screen is to be brought on.  True: there is more.
 */
static bool check_slice(struct screen *s)
{
	if (!s->term) {
		s->check_to = rec_head(&s->rec);
		s->checking = begin_model(s, s->check_to);
		return s->checking;
	}
	if (feed_slice(s, s->check_to))
		return true;
	pack(s);
	drop_model(s);
	return false;
}

static void paint(struct screen *s, uint32_t request)
{
	struct hmsg m = {.type = HM_PAINTED,
			 .slot = s->slot,
			 .a = request,
			 .b = s->cols << 16 | s->rows,
			 .off = s->safe};
	size_t n = 0;
	uint8_t *p = terminal_paint(s->term, &s->filter, &n);

	emit_parts(&m, p, p ? n : 0);
	free(p);
	s->painted_ms = now_ms();
}

/* Too far behind to show everything: the near past, and a repaint at its end. */
static void skip(struct screen *s, uint64_t to)
{
	struct hmsg m = {.type = HM_LOST, .slot = s->slot};
	uint64_t from = s->pos;

	/* What was begun is broken off, as a terminal does at CAN. */
	kfilter_break(&s->filter);
	terminal_feed(s->term, "\030", 1);
	s->pos = s->safe = to;
	align(s, rec_head(&s->rec));
	m.off = s->pos - from;
	emit(&m, NULL, 0);
	s->flooded = true;
}

/*
 * Serves one console once, at most `budget` bytes.  True: there is more.
 */
static bool serve(struct screen *s, size_t budget)
{
	static uint8_t in[SLICE], out[SLICE + KFILTER_SEQ_MAX];
	struct hmsg m = {.type = HM_OUT, .slot = s->slot};
	uint64_t head = rec_head(&s->rec), skipped = 0;
	size_t n, o;

	if (head - s->pos > SKIP)
		skip(s, head - SKIP_TO);
	n = read_on(s, in, budget < SLICE ? budget : SLICE, &skipped);
	o = run_filter(s, in, n, out);
	terminal_feed(s->term, out, o);
	m.off = s->safe;
	if (o && !s->flooded)
		emit(&m, out, o);
	if (s->flooded && (s->pos == head || now_ms() - s->painted_ms >= PAINT_MS)) {
		s->flooded = head - s->pos > SKIP_TO;
		paint(s, 0);
	}
	return s->pos < rec_head(&s->rec) || s->flooded;
}

/* ---- requests ---- */

static void catch_up(struct screen *s)
{
	uint64_t head = rec_head(&s->rec);

	while (s->pos < head && !daemon_left && serve(s, SLICE))
		;
}

static void close_screen(uint32_t slot)
{
	struct screen *s = screens[slot];

	if (!s)
		return;
	screens[slot] = NULL;
	for (unsigned i = 0; i < nopen; i++) {
		if (open_slots[i] == slot)
			open_slots[i--] = open_slots[--nopen];
	}
	drop_model(s);
	free(s->packed.paint);
	rec_close(&s->rec);
	free(s);
}

static void open_screen(const struct hmsg *m, int fd)
{
	struct screen *s;

	close_screen(m->slot);
	s = fd < 0 ? NULL : calloc(1, sizeof(*s));
	if (!s || rec_map_reader(&s->rec, fd) < 0) {
		if (fd >= 0)
			close(fd);
		free(s);
		return;
	}
	s->slot = m->slot;
	s->cols = m->a;
	s->rows = m->b;
	screens[m->slot] = s;
	open_slots[nopen++] = m->slot;
}

static void do_follow(struct screen *s, uint64_t from)
{
	uint64_t head = rec_head(&s->rec);

	drop_model(s);
	if (from > head || from < rec_oldest(&s->rec))
		from = head;
	if (!build(s, from))
		return;
	s->following = true;
	s->dirty = true;
}

static void do_snapshot(struct screen *s, uint32_t request)
{
	static uint8_t buf[HELPER_PAYLOAD];
	struct hmsg m = {.type = HM_SNAPPED,
			 .slot = s->slot,
			 .a = request,
			 .b = s->cols << 16 | s->rows,
			 .off = s->safe};
	unsigned x, y, row = 0, per;
	struct kcon_cell c;
	struct kcon_w w;
	bool visible;

	terminal_cursor(s->term, &x, &y, &visible);
	per = (unsigned)((HELPER_PAYLOAD - 16) / (s->cols * KCON_CELL_WIRE));
	while (row < s->rows) {
		unsigned end = row + per < s->rows ? row + per : s->rows;

		kcon_w_init(&w, buf, sizeof(buf));
		kcon_w_u16(&w, (uint16_t)x);
		kcon_w_u16(&w, (uint16_t)y);
		kcon_w_u8(&w, visible);
		for (; row < end; row++) {
			for (unsigned col = 0; col < s->cols; col++) {
				terminal_cell(s->term, row, col, &c);
				kcon_w_cell(&w, &c);
			}
		}
		m.more = row < s->rows;
		emit(&m, buf, w.len);
	}
}

/* Filtered bytes from an earlier boundary up to where this console is now. */
static void do_replay(struct screen *s, uint32_t request, uint64_t from)
{
	static uint8_t in[SLICE], out[SLICE + KFILTER_SEQ_MAX];
	struct hmsg m = {.type = HM_REPLAYED, .slot = s->slot, .a = request};
	struct kfilter f;
	uint64_t at = from;
	size_t n, o;

	catch_up(s);
	m.b = from > s->safe || s->safe - from > SKIP;
	kfilter_init(&f, false);
	f.repeatable = true; /* by the viewer's terminal, which has what was before */
	while (!m.b && at < s->safe) {
		uint64_t want = at;

		n = s->safe - at < SLICE ? (size_t)(s->safe - at) : SLICE;
		n = rec_read(&s->rec, &at, in, n);
		m.b = !n || at != want;
		if (m.b)
			break;
		at += n;
		o = kfilter_run(&f, in, n, out);
		m.off = at;
		m.more = 1;
		emit(&m, out, o);
	}
	m.off = s->safe;
	m.more = 0;
	emit(&m, NULL, 0);
}

static void handle(const struct hmsg *m, int fd)
{
	struct screen *s = m->slot < DOORBELL_SLOTS ? screens[m->slot] : NULL;

	if (m->slot >= DOORBELL_SLOTS)
		return;
	bell.page->busy_slot = m->slot + 1;
	if (m->type == HM_OPEN) {
		open_screen(m, fd);
		return;
	}
	if (!s)
		return;
	while (s->checking && s->term && check_slice(s))
		;
	s->checking = false;
	if (m->type == HM_CLOSE) {
		close_screen(m->slot);
	} else if (m->type == HM_FOLLOW) {
		do_follow(s, m->off);
	} else if (m->type == HM_UNFOLLOW) {
		s->following = false;
		if (s->term)
			pack(s);
		drop_model(s);
	} else if (m->type == HM_RESIZE) {
		s->cols = m->a;
		s->rows = m->b;
		if (s->term)
			terminal_resize(s->term, s->cols, s->rows);
		s->filter.margin_top = s->filter.margin_bottom = 0;
	} else if (m->type == HM_CHECK) {
		s->checking = !s->following;
	} else if (s->term || build(s, rec_head(&s->rec))) {
		if (s->following)
			catch_up(s);
		if (m->type == HM_PAINT)
			paint(s, m->a);
		else if (m->type == HM_SNAP)
			do_snapshot(s, m->a);
		else if (m->type == HM_REPLAY)
			do_replay(s, m->a, m->off);
		if (!s->following) {
			pack(s);
			drop_model(s);
		}
	}
}

static void take_messages(void)
{
	static struct hmsg_in m;
	int fd, r;

	while ((r = side_receive(&m, &fd)) > 0) {
		handle(&m.head, fd);
		bell.page->busy_slot = 0;
	}
	if (r < 0)
		daemon_left = true;
}

static void take_news(void)
{
	for (uint32_t w = 0; w < DOORBELL_SLOTS / 64; w++) {
		uint64_t bits = doorbell_take(&bell, w);

		while (bits) {
			struct screen *s =
				screens[w * 64 + (uint32_t)__builtin_ctzll(bits)];

			bits &= bits - 1;
			if (s)
				s->dirty = true;
		}
	}
}

/* The check that is under way, or one of those asked for, in turn; NULL: none. */
static struct screen *next_check(void)
{
	static unsigned turn;
	struct screen *next = NULL;

	for (unsigned i = 0; i < nopen; i++) {
		struct screen *s = screens[open_slots[(turn + i) % nopen]];

		if (!s->checking)
			continue;
		if (s->term)
			return s;
		if (!next)
			next = s;
	}
	turn++;
	return next;
}

/*
 * A slice of a check, if checks may go on.  How long to wait for the next one, in
 * ms; -1: no check was asked for.
 */
static int check_on(void)
{
	struct screen *s = next_check();
	uint64_t begin;

	if (!s)
		return -1;
	if (bucket_level(&check_time, (uint64_t)now_ms())) {
		begin = now_ns();
		bell.page->busy_slot = s->slot + 1;
		check_slice(s);
		bell.page->busy_slot = 0;
		bucket_take(&check_time, now_ns() - begin);
	}
	return (int)bucket_wait(&check_time, check_time.tokens ? 1 : CHECK_LEAST);
}

/*
 * Should the terminal library not come back from what a guest wrote, SIGVTALRM
 * ends this process, and busy_slot tells the daemon whose console it was.
 */
static void watch_out(void)
{
	struct itimerval t = {.it_value.tv_sec = STUCK_S};

	if (setitimer(ITIMER_VIRTUAL, &t, NULL) < 0)
		exit(1);
}

/* One round: all quick ones, then one slice of one that has more. */
static bool round_of_service(void)
{
	static unsigned turn;
	struct screen *slow = NULL;
	bool more = false;

	for (unsigned i = 0; i < nopen; i++) {
		struct screen *s = screens[open_slots[(turn + i) % nopen]];

		if (!s->dirty || !s->following)
			continue;
		bell.page->busy_slot = s->slot + 1;
		if (!s->flooded && rec_head(&s->rec) - s->pos <= QUICK) {
			s->dirty = serve(s, QUICK);
		} else if (!slow) {
			slow = s;
			turn = (turn + i + 1) % nopen;
		}
		more |= s->dirty;
	}
	if (slow) {
		bell.page->busy_slot = slow->slot + 1;
		slow->dirty = serve(slow, SLICE);
	}
	bell.page->busy_slot = 0;
	return more;
}

int screen_helper_main(void)
{
	int wait = -1;

	if (doorbell_map(&bell, HELPER_MEM_FD, HELPER_EVENT_FD) < 0)
		return 1;
	bucket_init(&check_time, CHECK_SHARE, CHECK_RUN, (uint64_t)now_ms());
	while (!daemon_left) {
		if (wait)
			side_wait(&bell, wait, false);
		watch_out();
		take_messages();
		take_news();
		wait = round_of_service() ? 0 : check_on();
	}
	return 0;
}
