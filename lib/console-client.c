/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Client side of the console protocol. */
#include "console-client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_MAX (4u << 20) /* bytes of events kept while an answer is awaited */

struct event_frame {
	struct event_frame *next;
	size_t len;
	uint8_t bytes[];
};

struct kcon {
	int fd, timeout_ms;
	uint16_t tag;
	size_t have, used; /* in buf: bytes read, bytes of the frame handed out */
	size_t queued;
	struct event_frame *first, **last, *current;
	char err[512];
	uint8_t buf[2 * KCON_MAX_FRAME];
	uint8_t out[KCON_MAX_FRAME];
};

static int fail(struct kcon *k, int err, const char *what)
{
	snprintf(k->err, sizeof(k->err), "%s: %s", what, strerror(err));
	return -err;
}

const char *kcon_strerror(const struct kcon *k)
{
	return k ? k->err : "out of memory";
}

int kcon_fd(const struct kcon *k)
{
	return k->fd;
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int connect_to(struct kcon *k, const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(a.sun_path))
		return fail(k, ENAMETOOLONG, path);
	strcpy(a.sun_path, path);
	k->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (k->fd < 0)
		return fail(k, errno, "socket");
	if (connect(k->fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		int e = errno;

		snprintf(k->err, sizeof(k->err), "cannot reach keel-consoled at %s: %s%s",
			 path, strerror(e),
			 e == ENOENT || e == ECONNREFUSED ? " (is the daemon running?)"
							  : "");
		return -e;
	}
	return 0;
}

static int wait_fd(struct kcon *k, short events, long deadline)
{
	struct pollfd p = {.fd = k->fd, .events = events};
	long left;
	int n;

	do {
		left = deadline < 0 ? -1 : deadline - now_ms();
		if (deadline >= 0 && left < 0)
			left = 0;
		n = poll(&p, 1, (int)left);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static int send_all(struct kcon *k, const uint8_t *p, size_t n)
{
	long deadline = now_ms() + k->timeout_ms;

	while (n) {
		ssize_t r = send(k->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (r >= 0) {
			p += r;
			n -= (size_t)r;
		} else if (errno == EAGAIN) {
			int w = wait_fd(k, POLLOUT, deadline);

			if (w <= 0)
				return fail(k, w ? -w : ETIMEDOUT, "keel-consoled");
		} else if (errno != EINTR) {
			return fail(k, errno == EPIPE ? ECONNRESET : errno,
				    "keel-consoled");
		}
	}
	return 0;
}

static void drop_frame(struct kcon *k)
{
	if (!k->used)
		return;
	memmove(k->buf, k->buf + k->used, k->have - k->used);
	k->have -= k->used;
	k->used = 0;
}

/* Reads until one frame is in buf.  1: it is; 0: not in time; < 0: error. */
static int read_frame(struct kcon *k, struct kcon_frame *f, long deadline)
{
	drop_frame(k);
	for (;;) {
		long n = kcon_decode(k->buf, k->have, f);
		ssize_t r;
		int w;

		if (n < 0)
			return fail(k, EPROTO, "keel-consoled sent an oversized frame");
		if (n > 0) {
			k->used = (size_t)n;
			return 1;
		}
		w = wait_fd(k, POLLIN, deadline);
		if (w <= 0)
			return w < 0 ? fail(k, -w, "poll") : 0;
		r = recv(k->fd, k->buf + k->have, sizeof(k->buf) - k->have, 0);
		if (r == 0)
			return fail(k, ECONNRESET, "keel-consoled closed the connection");
		if (r < 0 && errno != EINTR && errno != EAGAIN)
			return fail(k, errno, "keel-consoled");
		if (r > 0)
			k->have += (size_t)r;
	}
}

static int refuse(struct kcon *k, const struct kcon_frame *f)
{
	uint16_t code;

	if (!kcon_get_error(f, &code, k->err, sizeof(k->err)))
		return fail(k, EPROTO, "keel-consoled");
	return -(KCON_CLIENT_ERR + (int)code);
}

static int queue_event(struct kcon *k, const struct kcon_frame *f)
{
	size_t n = KCON_HEADER + f->len;
	struct event_frame *e;

	if (k->queued + n > EVENTS_MAX)
		return fail(k, ENOBUFS, "too much output while an answer was awaited");
	e = malloc(sizeof(*e) + n);
	if (!e)
		return fail(k, ENOMEM, "console client");
	e->next = NULL;
	e->len = n;
	memcpy(e->bytes, f->payload - KCON_HEADER, n);
	*k->last = e;
	k->last = &e->next;
	k->queued += n;
	return 0;
}

/* Called for each frame of an answer but OK and ERROR. */
typedef int answer_fn(struct kcon *k, const struct kcon_frame *f, void *ctx);

static int await(struct kcon *k, uint16_t tag, answer_fn *fn, void *ctx)
{
	long deadline = now_ms() + k->timeout_ms;
	struct kcon_frame f;
	int n;

	for (;;) {
		n = read_frame(k, &f, deadline);
		if (n <= 0)
			return n ? n
				 : fail(k, ETIMEDOUT, "keel-consoled does not answer");
		if (f.tag != tag)
			n = queue_event(k, &f);
		else if (f.type == KCON_OK)
			return 0;
		else if (f.type == KCON_ERROR)
			return refuse(k, &f);
		else
			n = fn ? fn(k, &f, ctx) : 0;
		if (n < 0)
			return n;
	}
}

static uint16_t next_tag(struct kcon *k)
{
	if (++k->tag == 0)
		k->tag = 1;
	return k->tag;
}

static int request(struct kcon *k, struct kcon_w *w, answer_fn *fn, void *ctx)
{
	int n;

	if (w->overflow)
		return fail(k, EMSGSIZE, "request");
	n = send_all(k, w->buf, w->len);
	return n ? n : await(k, k->tag, fn, ctx);
}

static struct kcon_w start(struct kcon *k)
{
	struct kcon_w w;

	kcon_w_init(&w, k->out, sizeof(k->out));
	next_tag(k);
	return w;
}

static int handshake(struct kcon *k, const char *program)
{
	struct kcon_w w = start(k);
	struct kcon_frame f;
	uint16_t version = 0;
	char who[128];
	int n;

	k->tag = 0;
	if (!kcon_put_hello(&w, program))
		return fail(k, EINVAL, "program name");
	n = send_all(k, w.buf, w.len);
	if (n)
		return n;
	n = read_frame(k, &f, now_ms() + k->timeout_ms);
	if (n <= 0)
		return n ? n : fail(k, ETIMEDOUT, "keel-consoled does not answer");
	if (f.type == KCON_ERROR)
		return refuse(k, &f);
	if (f.type != KCON_HELLO || !kcon_get_hello(&f, &version, who, sizeof(who)))
		return fail(k, EPROTO, "whoever listens there is not keel-consoled");
	if (version == KCON_VERSION)
		return 0;
	snprintf(k->err, sizeof(k->err),
		 "keel-consoled speaks protocol version %u, this program version %u",
		 version, KCON_VERSION);
	return -(KCON_CLIENT_ERR + KCON_E_VERSION);
}

int kcon_open(struct kcon **out, const char *path, const char *program, int timeout_ms)
{
	struct kcon *k = calloc(1, sizeof(*k));
	int n;

	*out = k;
	if (!k)
		return -ENOMEM;
	k->fd = -1;
	k->timeout_ms = timeout_ms;
	k->last = &k->first;
	if (!path)
		path = getenv("KEEL_CONSOLE_SOCKET");
	n = connect_to(k, path && *path ? path : KCON_SOCKET);
	return n ? n : handshake(k, program);
}

void kcon_close(struct kcon *k)
{
	struct event_frame *e;

	if (!k)
		return;
	while ((e = k->first)) {
		k->first = e->next;
		free(e);
	}
	free(k->current);
	if (k->fd >= 0)
		close(k->fd);
	free(k);
}

struct list_ctx {
	kcon_list_fn *fn;
	void *ctx;
};

static int on_list(struct kcon *k, const struct kcon_frame *f, void *ctx)
{
	struct list_ctx *l = ctx;
	struct kcon_list_item i;

	if (f->type != KCON_LIST_ITEM || !kcon_get_list_item(f, &i))
		return fail(k, EPROTO, "list");
	l->fn(&i, l->ctx);
	return 0;
}

int kcon_list(struct kcon *k, kcon_list_fn *fn, void *ctx)
{
	struct list_ctx l = {fn, ctx};
	struct kcon_w w = start(k);

	kcon_put_empty(&w, KCON_LIST, k->tag);
	return request(k, &w, on_list, &l);
}

struct who_ctx {
	kcon_who_fn *fn;
	void *ctx;
};

static int on_who(struct kcon *k, const struct kcon_frame *f, void *ctx)
{
	struct who_ctx *l = ctx;
	struct kcon_who_item i;

	if (f->type != KCON_WHO_ITEM || !kcon_get_who_item(f, &i))
		return fail(k, EPROTO, "who");
	l->fn(&i, l->ctx);
	return 0;
}

int kcon_who(struct kcon *k, const char *guest, const char *console, kcon_who_fn *fn,
	     void *ctx)
{
	struct who_ctx l = {fn, ctx};
	struct kcon_w w = start(k);

	kcon_put_target(&w, KCON_WHO, k->tag, guest, console);
	return request(k, &w, on_who, &l);
}

static int on_attached(struct kcon *k, const struct kcon_frame *f, void *ctx)
{
	if (f->type != KCON_ATTACHED || !kcon_get_attached(f, ctx))
		return fail(k, EPROTO, "attach");
	return 0;
}

int kcon_attach(struct kcon *k, const struct kcon_attach *req, struct kcon_attached *out)
{
	struct kcon_w w = start(k);

	kcon_put_attach(&w, k->tag, req);
	return request(k, &w, on_attached, out);
}

static int simple(struct kcon *k, uint8_t type)
{
	struct kcon_w w = start(k);

	kcon_put_empty(&w, type, k->tag);
	return request(k, &w, NULL, NULL);
}

int kcon_detach(struct kcon *k)
{
	return simple(k, KCON_DETACH);
}

int kcon_subscribe(struct kcon *k)
{
	return simple(k, KCON_SUBSCRIBE);
}

int kcon_repaint(struct kcon *k)
{
	return simple(k, KCON_REPAINT_REQ);
}

int kcon_send(struct kcon *k, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	while (n) {
		size_t part = n < 4096 ? n : 4096, m;
		struct kcon_w w;
		int r;

		kcon_w_init(&w, k->out, sizeof(k->out));
		m = kcon_w_begin(&w, KCON_INPUT, 0, 0);
		kcon_w_bytes(&w, p, part);
		kcon_w_end(&w, m);
		r = send_all(k, w.buf, w.len);
		if (r)
			return r;
		p += part;
		n -= part;
	}
	return 0;
}

int kcon_verb(struct kcon *k, uint8_t op, uint32_t id, uint32_t arg)
{
	struct kcon_verb v = {.op = op, .id = id, .arg = arg};
	struct kcon_w w = start(k);

	kcon_put_verb(&w, k->tag, &v);
	return request(k, &w, NULL, NULL);
}

int kcon_resize(struct kcon *k, unsigned cols, unsigned rows)
{
	struct kcon_w w = start(k);
	size_t m = kcon_w_begin(&w, KCON_RESIZE, 0, k->tag);

	kcon_w_u16(&w, (uint16_t)cols);
	kcon_w_u16(&w, (uint16_t)rows);
	kcon_w_end(&w, m);
	return request(k, &w, NULL, NULL);
}

struct screen_ctx {
	struct kcon_screen *s;
	size_t have;
};

static int screen_head(struct kcon *k, struct kcon_r *r, struct kcon_screen *s)
{
	s->offset = kcon_r_u64(r);
	s->cols = kcon_r_u16(r);
	s->rows = kcon_r_u16(r);
	s->cx = kcon_r_u16(r);
	s->cy = kcon_r_u16(r);
	s->cursor_visible = kcon_r_u8(r);
	if (r->bad || !s->cols || !s->rows || s->cols > KCON_COLS_MAX ||
	    s->rows > KCON_ROWS_MAX)
		return fail(k, EPROTO, "screen");
	if (s->cells)
		return 0;
	s->cells = calloc((size_t)s->cols * s->rows, sizeof(*s->cells));
	return s->cells ? 0 : fail(k, ENOMEM, "screen");
}

static int on_screen(struct kcon *k, const struct kcon_frame *f, void *ctx)
{
	struct screen_ctx *c = ctx;
	unsigned cols = c->s->cols, rows = c->s->rows;
	struct kcon_r r;
	int n;

	if (f->type != KCON_SCREEN)
		return fail(k, EPROTO, "screen");
	kcon_r_init(&r, f->payload, f->len);
	n = screen_head(k, &r, c->s);
	if (n < 0)
		return n;
	if (c->have && (cols != c->s->cols || rows != c->s->rows))
		return fail(k, EPROTO, "screen");
	while (r.pos < r.len) {
		if (c->have >= (size_t)c->s->cols * c->s->rows)
			return fail(k, EPROTO, "screen");
		kcon_r_cell(&r, &c->s->cells[c->have++]);
	}
	return r.bad ? fail(k, EPROTO, "screen") : 0;
}

int kcon_snapshot(struct kcon *k, const char *guest, const char *console,
		  struct kcon_screen *out)
{
	struct screen_ctx c = {.s = out};
	struct kcon_w w = start(k);
	int n;

	memset(out, 0, sizeof(*out));
	kcon_put_target(&w, KCON_SNAPSHOT, k->tag, guest, console);
	n = request(k, &w, on_screen, &c);
	if (!n && (!out->cells || c.have != (size_t)out->cols * out->rows))
		n = fail(k, EPROTO, "screen");
	if (n)
		kcon_screen_free(out);
	return n;
}

void kcon_screen_free(struct kcon_screen *s)
{
	free(s->cells);
	s->cells = NULL;
}

static int history_marks(struct kcon *k, struct kcon_r *r, struct kcon_history *h)
{
	uint32_t n = kcon_r_u32(r);
	struct kcon_mark *m;

	if (r->bad || n > r->len / 16)
		return fail(k, EPROTO, "history");
	if (!n)
		return 0;
	m = realloc(h->marks, (h->nmarks + n) * sizeof(*m));
	if (!m)
		return fail(k, ENOMEM, "history");
	h->marks = m;
	for (; n; n--) {
		m[h->nmarks].offset = kcon_r_u64(r);
		m[h->nmarks++].ms = kcon_r_u64(r);
	}
	return r->bad ? fail(k, EPROTO, "history") : 0;
}

static int on_history(struct kcon *k, const struct kcon_frame *f, void *ctx)
{
	struct kcon_history *h = ctx;
	struct kcon_r r;
	uint64_t first;
	const uint8_t *p;
	uint8_t *b;
	size_t n;
	int e;

	if (f->type != KCON_HISTORY_DATA)
		return fail(k, EPROTO, "history");
	kcon_r_init(&r, f->payload, f->len);
	first = kcon_r_u64(&r);
	h->head = kcon_r_u64(&r);
	e = history_marks(k, &r, h);
	if (e < 0)
		return e;
	p = kcon_r_rest(&r, &n);
	if (!h->len)
		h->first = first;
	b = realloc(h->bytes, h->len + n + 1);
	if (!b)
		return fail(k, ENOMEM, "history");
	h->bytes = b;
	memcpy(b + h->len, p, n);
	h->len += n;
	return 0;
}

int kcon_history(struct kcon *k, const struct kcon_history_req *req,
		 struct kcon_history *out)
{
	struct kcon_w w = start(k);
	int n;

	memset(out, 0, sizeof(*out));
	kcon_put_history_req(&w, k->tag, req);
	n = request(k, &w, on_history, out);
	if (n)
		kcon_history_free(out);
	return n;
}

void kcon_history_free(struct kcon_history *h)
{
	free(h->bytes);
	free(h->marks);
	memset(h, 0, sizeof(*h));
}

static int decode_event(struct kcon *k, const struct kcon_frame *f, struct kcon_event *e)
{
	struct kcon_r r;
	uint16_t code;
	bool ok = true;

	memset(e, 0, offsetof(struct kcon_event, item));
	e->type = f->type;
	e->flags = f->flags;
	kcon_r_init(&r, f->payload, f->len);
	switch (f->type) {
	case KCON_OUTPUT:
	case KCON_REPAINT:
		e->offset = kcon_r_u64(&r);
		if (f->type == KCON_REPAINT) {
			e->cols = kcon_r_u16(&r);
			e->rows = kcon_r_u16(&r);
		}
		ok = !r.bad;
		e->bytes = kcon_r_rest(&r, &e->len);
		break;
	case KCON_NOTICE:
	case KCON_STATE:
		e->kind = kcon_r_u8(&r);
		kcon_r_str(&r, e->text, sizeof(e->text));
		ok = kcon_r_done(&r);
		break;
	case KCON_ROLE:
		e->kind = kcon_r_u8(&r);
		ok = kcon_r_done(&r);
		break;
	case KCON_LOST:
		e->offset = kcon_r_u64(&r);
		ok = kcon_r_done(&r);
		break;
	case KCON_LIST_ITEM:
		ok = kcon_get_list_item(f, &e->item);
		break;
	case KCON_ERROR:
		ok = kcon_get_error(f, &code, e->text, sizeof(e->text));
		e->kind = (uint8_t)code;
		break;
	default: /* of a later minor addition: shown to nobody */
		break;
	}
	return ok ? 1 : fail(k, EPROTO, "malformed event");
}

bool kcon_pending(const struct kcon *k)
{
	struct kcon_frame f;

	return k->first || kcon_decode(k->buf + k->used, k->have - k->used, &f) != 0;
}

int kcon_next(struct kcon *k, struct kcon_event *ev, int timeout_ms)
{
	long deadline = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
	struct kcon_frame f;
	int n;

	free(k->current);
	k->current = k->first;
	if (k->current) {
		k->first = k->current->next;
		if (!k->first)
			k->last = &k->first;
		k->queued -= k->current->len;
		kcon_decode(k->current->bytes, k->current->len, &f);
		return decode_event(k, &f, ev);
	}
	n = read_frame(k, &f, deadline);
	return n <= 0 ? n : decode_event(k, &f, ev);
}
