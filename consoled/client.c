/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Connections: accepting, framing, bounded queues. */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "daemon.h"

#define IN_MAX	   (2 * KCON_MAX_FRAME)
#define REPLY_ROOM (4u << 20) /* beyond the output limit: answers are not dropped */
#define ASK_ROOM   (1u << 19) /* of it may be in use when the next request is taken */

static void on_client(uv_poll_t *p, int status, int events);

/*
 * Output that waits does not keep a client's input from being read: who is
 * flooded must be able to type ^C.
 */
static bool may_ask(const struct client *c)
{
	return !c->closing && !c->history.active &&
	       c->out.len < c->d->conf.client_queue + ASK_ROOM;
}

void client_poll(struct client *c)
{
	int events = 0;

	if (!c->poll || c->dead)
		return;
	if (may_ask(c))
		events |= UV_READABLE;
	if (c->out.len || c->closing)
		events |= UV_WRITABLE;
	if (events)
		uv_poll_start(c->poll, events, on_client);
	else
		uv_poll_stop(c->poll);
}

static void free_poll(uv_handle_t *h)
{
	free(h);
}

/* Closes what is asked to be closed; freed from the loop, not under a caller. */
void client_free(struct client *c)
{
	struct daemon *d = c->d;

	if (c->s) {
		audit(d, "detach", c->s, c, "connection ended");
		role_detach(c);
	}
	if (c->poll) {
		uv_poll_stop(c->poll);
		uv_close((uv_handle_t *)c->poll, free_poll);
	}
	if (c->kind == CLIENT_SOCKET)
		close(c->fd);
	else if (c->pty)
		pty_client_ended(c->pty);
	queue_free(&c->in);
	queue_free(&c->out);
	TAILQ_REMOVE(&d->clients, c, all);
	d->nclients--;
	free(c);
}

void client_kill(struct client *c)
{
	c->dead = true;
	if (c->kind == CLIENT_SOCKET && shutdown(c->fd, SHUT_RDWR) < 0) {
		/* Not connected any more: as good. */
	}
	if (c->poll)
		uv_poll_start(c->poll, UV_WRITABLE, on_client);
}

/* Closes after the queue went out. */
void client_close(struct client *c)
{
	c->closing = true;
	client_poll(c);
}

static void drain(struct client *c)
{
	while (c->out.len) {
		size_t n;
		const uint8_t *p = queue_peek(&c->out, &n);
		ssize_t w = c->kind == CLIENT_SOCKET
				    ? send(c->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL)
				    : write(c->fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0 && errno != EAGAIN)
			c->dead = true;
		if (w <= 0)
			return;
		queue_drop(&c->out, (size_t)w);
	}
}

static void after_drain(struct client *c)
{
	if (!c->dead && c->history.active)
		history_pump(c);
	if (!c->dead && !c->out.len)
		feed_drained(c);
	if (c->closing && !c->out.len)
		c->dead = true;
}

static void handle_hello(struct client *c, const struct kcon_frame *f)
{
	uint8_t buf[512];
	struct kcon_w w;
	uint16_t version = 0;
	char program[128];

	if (f->type != KCON_HELLO ||
	    !kcon_get_hello(f, &version, program, sizeof(program))) {
		client_error(c, f->tag, KCON_E_PROTO,
			     "a HELLO of keel's console protocol "
			     "is needed first");
		client_close(c);
		return;
	}
	kcon_w_init(&w, buf, sizeof(buf));
	kcon_put_hello(&w, "keel-consoled");
	client_send(c, &w);
	c->greeted = version == KCON_VERSION;
	if (c->greeted)
		return;
	client_error(c, f->tag, KCON_E_VERSION,
		     "this daemon speaks protocol version %u, not %u", KCON_VERSION,
		     version);
	client_close(c);
}

static void handle_frames(struct client *c)
{
	struct kcon_frame f;
	long n;

	while (!c->dead && may_ask(c)) {
		size_t len;
		const uint8_t *p = queue_peek(&c->in, &len);

		n = kcon_decode(p, len, &f);
		if (n == 0)
			return;
		if (n < 0) {
			client_error(c, 0, KCON_E_PROTO, "oversized frame");
			client_close(c);
			return;
		}
		if (c->greeted)
			request_handle(c, &f);
		else
			handle_hello(c, &f);
		queue_drop(&c->in, (size_t)n);
	}
}

static void read_socket(struct client *c)
{
	static uint8_t buf[KCON_MAX_FRAME]; /* one thread; nothing outlives the call */
	ssize_t n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		c->dead = true;
		return;
	}
	if (n > 0 && !queue_put(&c->in, buf, (size_t)n, IN_MAX))
		c->dead = true; /* memory is short: this client goes, nobody else */
}

static void read_pty(struct client *c)
{
	uint8_t buf[4096];
	ssize_t n = read(c->fd, buf, sizeof(buf));

	if (n > 0 && c->s && c->s->writer == c)
		flow_input(c->s, buf, (size_t)n);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		c->dead = true; /* the last one closed it */
}

static void on_client(uv_poll_t *p, int status, int events)
{
	struct client *c = p->data;

	if (status < 0)
		c->dead = true;
	if (!c->dead && events & UV_WRITABLE) {
		drain(c);
		after_drain(c);
	}
	if (!c->dead && events & UV_READABLE) {
		if (c->kind == CLIENT_PTY)
			read_pty(c);
		else
			read_socket(c);
	}
	if (!c->dead && c->kind == CLIENT_SOCKET)
		handle_frames(c);
	if (c->dead)
		client_free(c);
	else
		client_poll(c);
}

/* Tries at once, so that an echo needs no further turn of the loop. */
static bool enqueue(struct client *c, const void *p, size_t n, size_t max)
{
	bool was_empty = !c->out.len;

	if (c->dead)
		return true;
	if (!queue_put(&c->out, p, n, max))
		return false;
	if (was_empty)
		drain(c);
	if (c->dead)
		client_kill(c);
	else
		client_poll(c);
	return true;
}

/* Answers are not dropped: a client for which there is no room goes. */
bool client_send(struct client *c, const struct kcon_w *w)
{
	if (c->kind == CLIENT_PTY)
		return true;
	if (!w->overflow &&
	    enqueue(c, w->buf, w->len, c->d->conf.client_queue + REPLY_ROOM))
		return true;
	client_kill(c);
	return false;
}

void client_ok(struct client *c, uint16_t tag)
{
	uint8_t buf[64];
	struct kcon_w w;

	kcon_w_init(&w, buf, sizeof(buf));
	kcon_put_empty(&w, KCON_OK, tag);
	client_send(c, &w);
}

void client_error(struct client *c, uint16_t tag, uint16_t code, const char *fmt, ...)
{
	uint8_t buf[1024];
	char text[512];
	struct kcon_w w;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	kcon_w_init(&w, buf, sizeof(buf));
	kcon_put_error(&w, tag, code, text);
	client_send(c, &w);
}

void client_notice(struct client *c, uint8_t kind, const char *fmt, ...)
{
	uint8_t buf[1024];
	char text[400];
	struct kcon_w w;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	kcon_w_init(&w, buf, sizeof(buf));
	kcon_put_notice(&w, kind, text);
	client_send(c, &w);
}

void client_role(struct client *c)
{
	uint8_t buf[32];
	struct kcon_w w;
	size_t m;

	kcon_w_init(&w, buf, sizeof(buf));
	m = kcon_w_begin(&w, KCON_ROLE, 0, 0);
	kcon_w_u8(&w, c->role);
	kcon_w_end(&w, m);
	client_send(c, &w);
}

/* No room for guest output: the client lags, and is repainted when it is through. */
static void lag(struct client *c, size_t n)
{
	if (!c->lagging) {
		c->lagging = true;
		audit(c->d, "lagging", c->s, c, "client %u reads too slowly", c->id);
	}
	c->lost += n;
	c->s->view_lost += n;
}

void client_output(struct client *c, uint64_t offset, const void *p, size_t n)
{
	static uint8_t buf[KCON_MAX_FRAME];
	struct kcon_w w;
	size_t m;

	if (c->lagging) {
		lag(c, n);
		return;
	}
	if (c->kind == CLIENT_PTY) {
		if (!enqueue(c, p, n, c->d->conf.client_queue))
			lag(c, n);
		return;
	}
	kcon_w_init(&w, buf, sizeof(buf));
	m = kcon_w_begin(&w, KCON_OUTPUT, 0, 0);
	kcon_w_u64(&w, offset);
	kcon_w_bytes(&w, p, n);
	kcon_w_end(&w, m);
	if (w.overflow || !enqueue(c, w.buf, w.len, c->d->conf.client_queue))
		lag(c, n);
}

void client_paint(struct client *c, uint64_t offset, unsigned cols, unsigned rows,
		  bool more, const void *p, size_t n)
{
	static uint8_t buf[KCON_MAX_FRAME];
	struct kcon_w w;
	size_t m;

	if (c->kind == CLIENT_PTY) {
		if (!enqueue(c, p, n, c->d->conf.client_queue + REPLY_ROOM))
			client_kill(c);
		return;
	}
	kcon_w_init(&w, buf, sizeof(buf));
	m = kcon_w_begin(&w, KCON_REPAINT, more ? KCON_F_MORE : 0, 0);
	kcon_w_u64(&w, offset);
	kcon_w_u16(&w, (uint16_t)cols);
	kcon_w_u16(&w, (uint16_t)rows);
	kcon_w_bytes(&w, p, n);
	kcon_w_end(&w, m);
	client_send(c, &w);
}

struct client *client_new(struct daemon *d, enum client_kind kind, int fd)
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->d = d;
	c->kind = kind;
	c->fd = fd;
	c->id = ++d->next_id;
	c->poll = calloc(1, sizeof(*c->poll));
	if (!c->poll || uv_poll_init(d->loop, c->poll, fd) < 0) {
		free(c->poll);
		free(c);
		return NULL;
	}
	c->poll->data = c;
	TAILQ_INSERT_TAIL(&d->clients, c, all);
	d->nclients++;
	return c;
}

static bool read_peer(struct client *c)
{
	struct ucred u;
	socklen_t len = sizeof(u);
	struct passwd *pw;

	if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &u, &len) < 0)
		return false;
	c->peer.uid = u.uid;
	c->peer.gid = u.gid;
	c->peer.pid = (uint32_t)u.pid;
	len = sizeof(c->peer.groups);
	if (getsockopt(c->fd, SOL_SOCKET, SO_PEERGROUPS, c->peer.groups, &len) == 0)
		c->peer.ngroups = len / sizeof(gid_t);
	pw = getpwuid(u.uid);
	if (pw)
		snprintf(c->user, sizeof(c->user), "%s", pw->pw_name);
	else
		snprintf(c->user, sizeof(c->user), "%u", u.uid);
	return true;
}

static void on_connect(uv_poll_t *p, int status, int events)
{
	struct daemon *d = p->data;
	struct client *c;
	int fd;

	(void)events;
	if (status < 0)
		return;
	fd = accept4(d->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	c = d->nclients < d->conf.max_clients ? client_new(d, CLIENT_SOCKET, fd) : NULL;
	if (!c) {
		close(fd);
		return;
	}
	if (!read_peer(c))
		client_kill(c);
	client_poll(c);
}

void clients_watch(struct daemon *d)
{
	uv_poll_init(d->loop, &d->listen_poll, d->listen_fd);
	d->listen_poll.data = d;
	uv_poll_start(&d->listen_poll, UV_READABLE, on_connect);
}

/*
 * Everybody may connect: what each may see is decided by the access lists,
 * from the peer credentials that the kernel vouches for.
 */
int clients_listen(struct daemon *d)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int e;

	d->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (d->listen_fd < 0)
		return -errno;
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", d->conf.socket);
	unlink(a.sun_path);
	if (bind(d->listen_fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    chmod(a.sun_path, 0666) < 0 || listen(d->listen_fd, 128) < 0) {
		e = -errno;
		close(d->listen_fd);
		d->listen_fd = -1;
		return e;
	}
	return 0;
}

void client_item(const struct session *s, struct kcon_list_item *i)
{
	const struct client *c;

	memset(i, 0, sizeof(*i));
	snprintf(i->name, sizeof(i->name), "%s", s->rec.h->name);
	snprintf(i->uuid, sizeof(i->uuid), "%s", s->rec.h->uuid);
	snprintf(i->console, sizeof(i->console), "%s", s->rec.h->console);
	if (s->writer)
		snprintf(i->writer, sizeof(i->writer), "%s", s->writer->user);
	i->domid = s->state == KCON_GONE ? UINT32_MAX : s->desc.domid;
	i->state = s->state;
	if (s->conf.log && !s->rec.h->log_off)
		i->flags |= KCON_ITEM_LOGGED;
	if (s->held)
		i->flags |= KCON_ITEM_HELD;
	if (s->log_trouble)
		i->flags |= KCON_ITEM_LOG_TROUBLE;
	TAILQ_FOREACH(c, &s->clients, of_session)
	i->viewers++;
	i->bytes = s->rec.head;
	i->dropped = logs_lost(s) + s->view_lost;
	i->last_ms = s->last_ms ? s->last_ms : rec_time(&s->rec, s->rec.head);
}

/* Tells subscribers, and those who are attached, that a session changed. */
void clients_changed(struct session *s)
{
	uint8_t buf[1024];
	struct kcon_list_item item;
	struct client *c;
	struct kcon_w w;

	client_item(s, &item);
	kcon_w_init(&w, buf, sizeof(buf));
	kcon_put_list_item(&w, 0, &item);
	TAILQ_FOREACH(c, &s->d->clients, all)
	{
		if (c->subscribed && !c->dead && may_view(s, c))
			client_send(c, &w);
	}
	kcon_w_init(&w, buf, sizeof(buf));
	size_t m = kcon_w_begin(&w, KCON_STATE, 0, 0);

	kcon_w_u8(&w, s->state);
	kcon_w_str(&w, s->rec.h->name);
	kcon_w_end(&w, m);
	TAILQ_FOREACH(c, &s->clients, of_session)
	client_send(c, &w);
}
