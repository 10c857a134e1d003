/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Executing a new image of the daemon in the same process.  Records, rings and
 * logs are exact by themselves (record.h, log-file.h); what is handed over is
 * what else would be lost: the listening socket, clients with their queues and
 * roles, ptys, typed input that waits.  The state is one memfd of frames in the
 * encoding of the console protocol; a new image that does not know its version
 * starts without it, and then the clients have to connect again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "daemon.h"

#define STATE_MAGIC   0x4c45454bu
#define STATE_VERSION 1
#define STATE_MAX     (512u << 20)

enum { ITEM_SESSION = 1, ITEM_CLIENT = 2, ITEM_END = 3 };

#define F_GREETED    0x01
#define F_SUBSCRIBED 0x02
#define F_RAW	     0x04
#define F_LAGGING    0x08
#define F_UNPAINTED  0x10
#define F_CLOSING    0x20

/* ---- out ---- */

struct out {
	struct queue q;
	bool failed;
};

static void put(struct out *o, const void *p, size_t n)
{
	if (!queue_put(&o->q, p, n, STATE_MAX))
		o->failed = true;
}

static void put_u32(struct out *o, uint32_t v)
{
	put(o, &v, sizeof(v)); /* both images run on this machine */
}

static void put_u64(struct out *o, uint64_t v)
{
	put(o, &v, sizeof(v));
}

static void put_blob(struct out *o, const void *p, size_t n)
{
	put_u64(o, n);
	put(o, p, n);
}

static void put_queue(struct out *o, const struct queue *q)
{
	size_t n;
	const uint8_t *p = queue_peek(q, &n);

	put_blob(o, p, n);
}

static void put_str(struct out *o, const char *s)
{
	put_blob(o, s, strlen(s));
}

static void put_session(struct out *o, const struct session *s)
{
	put_u32(o, ITEM_SESSION);
	put_str(o, s->rec.h->uuid);
	put_str(o, s->rec.h->console);
	put_u32(o, s->state);
	put_u32(o, s->desc.domid);
	put_u64(o, s->desc.ref);
	put_u32(o, s->desc.port);
	put_str(o, s->desc.tty);
	put_u64(o, s->desc.token);
	put_u64(o, s->shown);
	put_u64(o, s->view_lost);
	put_u32(o, s->crashes);
	put_queue(o, &s->input);
	put_u32(o, (uint32_t)pty_master(s));
	put_str(o, pty_path(s));
}

static uint32_t client_flags(const struct client *c)
{
	return (c->greeted ? F_GREETED : 0) | (c->subscribed ? F_SUBSCRIBED : 0) |
	       (c->raw ? F_RAW : 0) | (c->lagging ? F_LAGGING : 0) |
	       (c->unpainted || c->replaying ? F_UNPAINTED : 0) |
	       (c->closing ? F_CLOSING : 0);
}

static void put_client(struct out *o, const struct client *c)
{
	put_u32(o, ITEM_CLIENT);
	put_u32(o, c->kind);
	put_u32(o, (uint32_t)c->fd);
	put_u32(o, c->id);
	put_blob(o, &c->peer, sizeof(c->peer));
	put_str(o, c->user);
	put_u32(o, client_flags(c));
	put_str(o, c->s ? c->s->rec.h->uuid : "");
	put_str(o, c->s ? c->s->rec.h->console : "");
	put_u32(o, c->role);
	put_u64(o, c->since_ms);
	put_u64(o, c->lost);
	put_u64(o, c->raw_pos);
	put_queue(o, &c->in);
	put_queue(o, &c->out);
	put_u32(o, c->history.active);
	put_str(o, c->history.active ? c->history.s->rec.h->uuid : "");
	put_str(o, c->history.active ? c->history.s->rec.h->console : "");
	put_u64(o, c->history.pos);
	put_u64(o, c->history.end);
	put_u32(o, c->history.tag);
}

/* Answers that will not come from this image. */
static void settle_client(struct client *c)
{
	if (!c->snap_tag)
		return;
	client_error(c, c->snap_tag, KCON_E_UNAVAILABLE, "the daemon is being upgraded");
	c->snap_tag = 0;
	c->snap_session = NULL;
}

static void put_all(struct daemon *d, struct out *o)
{
	struct session *s;
	struct client *c;

	put_u32(o, STATE_MAGIC);
	put_u32(o, STATE_VERSION);
	put_u32(o, (uint32_t)d->listen_fd);
	put_u32(o, d->next_id);
	put_u32(o, (uint32_t)(d->screen ? helper_pid(d->screen) : 0));
	put_u32(o, (uint32_t)(d->log ? helper_pid(d->log) : 0));
	TAILQ_FOREACH(s, &d->sessions, all)
	put_session(o, s);
	TAILQ_FOREACH(c, &d->clients, all)
	{
		if (!c->dead)
			put_client(o, c);
	}
	put_u32(o, ITEM_END);
}

static void keep(int fd, bool on)
{
	if (fd >= 0 && fcntl(fd, F_SETFD, on ? 0 : FD_CLOEXEC) < 0) {
		/* Then this one is lost with the exec, and its client connects anew. */
	}
}

static void keep_all(struct daemon *d, int state, bool on)
{
	struct session *s;
	struct client *c;

	keep(state, on);
	keep(d->listen_fd, on);
	TAILQ_FOREACH(s, &d->sessions, all)
	keep(pty_master(s), on);
	TAILQ_FOREACH(c, &d->clients, all)
	{
		if (c->kind == CLIENT_SOCKET)
			keep(c->fd, on);
	}
}

static int write_state(struct daemon *d)
{
	struct out o = {0};
	size_t n;
	const uint8_t *p;
	int fd = memfd_create("keel-consoled-state", MFD_CLOEXEC), e = 0;

	if (fd < 0)
		return -errno;
	put_all(d, &o);
	p = queue_peek(&o.q, &n);
	if (o.failed)
		e = -ENOMEM;
	while (!e && n) {
		ssize_t w = write(fd, p, n);

		if (w <= 0)
			e = -EIO;
		p += w;
		n -= (size_t)w;
	}
	queue_free(&o.q);
	if (!e)
		return fd;
	close(fd);
	return e;
}

/* The arguments of the new image: those of this one, but for --resume. */
static char **new_argv(struct daemon *d, char *resume)
{
	size_t n = 0, k = 0;
	char **v;

	while (d->argv[n])
		n++;
	v = calloc(n + 2, sizeof(*v));
	if (!v)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (strncmp(d->argv[i], "--resume=", 9))
			v[k++] = d->argv[i];
	}
	v[k] = resume;
	return v;
}

int upgrade_execute(struct daemon *d)
{
	char resume[32];
	struct client *c;
	char **argv;
	int fd, e;

	TAILQ_FOREACH(c, &d->clients, all)
	settle_client(c);
	fd = write_state(d);
	if (fd < 0)
		return fd;
	snprintf(resume, sizeof(resume), "--resume=%d", fd);
	argv = new_argv(d, resume);
	if (!argv) {
		close(fd);
		return -ENOMEM;
	}
	keep_all(d, fd, true);
	execv(d->program, argv);
	e = -errno;
	keep_all(d, fd, false);
	free(argv);
	close(fd);
	return e;
}

/* ---- in ---- */

struct in {
	const uint8_t *p;
	size_t len, pos;
	bool bad;
};

static const void *get(struct in *i, size_t n)
{
	const void *p = i->p + i->pos;

	if (i->bad || n > i->len - i->pos) {
		i->bad = true;
		return NULL;
	}
	i->pos += n;
	return p;
}

static uint32_t get_u32(struct in *i)
{
	const void *p = get(i, 4);
	uint32_t v = 0;

	if (p)
		memcpy(&v, p, 4);
	return v;
}

static uint64_t get_u64(struct in *i)
{
	const void *p = get(i, 8);
	uint64_t v = 0;

	if (p)
		memcpy(&v, p, 8);
	return v;
}

static void get_str(struct in *i, char *out, size_t cap)
{
	size_t n = get_u64(i);
	const char *p = n < cap ? get(i, n) : NULL;

	out[0] = '\0';
	if (!p) {
		i->bad = true;
		return;
	}
	memcpy(out, p, n);
	out[n] = '\0';
}

static void get_queue(struct in *i, struct queue *q)
{
	size_t n = get_u64(i);
	const void *p = get(i, n);

	if (p && n && !queue_put(q, p, n, n))
		i->bad = true;
}

static struct session *get_target(struct in *i, struct daemon *d)
{
	char uuid[KCON_UUID_MAX], console[KCON_CONSOLE_MAX];

	get_str(i, uuid, sizeof(uuid));
	get_str(i, console, sizeof(console));
	return *uuid ? session_by_uuid(d, uuid, console) : NULL;
}

static bool get_session(struct in *i, struct daemon *d)
{
	struct session *s = get_target(i, d), none = {0};
	char path[64];
	int master;

	if (!s)
		s = &none; /* read all the same, to get past it */
	s->state = (uint8_t)get_u32(i);
	s->desc.domid = get_u32(i);
	s->desc.ref = get_u64(i);
	s->desc.port = get_u32(i);
	get_str(i, s->desc.tty, sizeof(s->desc.tty));
	s->desc.token = get_u64(i);
	s->shown = get_u64(i);
	s->view_lost = get_u64(i);
	s->crashes = get_u32(i);
	get_queue(i, &s->input);
	master = (int)get_u32(i);
	get_str(i, path, sizeof(path));
	if (s == &none)
		queue_free(&s->input);
	else if (s->state != KCON_GONE)
		s->rec.h->gone_ms = 0;
	if (master >= 0 && s != &none && !i->bad)
		pty_adopt(s, master, path);
	else if (master >= 0)
		close(master);
	return !i->bad;
}

static void get_peer(struct in *i, struct peer *peer)
{
	size_t n = get_u64(i);
	const void *p = get(i, n);

	if (p && n == sizeof(*peer))
		memcpy(peer, p, n);
	else
		i->bad = true;
}

static void set_flags(struct client *c, uint32_t f)
{
	c->greeted = f & F_GREETED;
	c->subscribed = f & F_SUBSCRIBED;
	c->raw = f & F_RAW;
	c->lagging = f & F_LAGGING;
	c->unpainted = f & F_UNPAINTED;
	c->closing = f & F_CLOSING;
}

static void join(struct client *c, struct session *s)
{
	c->s = s;
	if (!s)
		return;
	TAILQ_INSERT_TAIL(&s->clients, c, of_session);
	if (c->role != KCON_VIEWER)
		s->writer = c;
	if (c->kind == CLIENT_PTY && s->pty)
		pty_set_client(s, c);
}

static bool get_client(struct in *i, struct daemon *d)
{
	enum client_kind kind = get_u32(i);
	int fd = (int)get_u32(i);
	struct client *c = i->bad ? NULL : client_new(d, kind, fd);
	struct session *s;

	if (!c)
		return false;
	c->id = get_u32(i);
	get_peer(i, &c->peer);
	get_str(i, c->user, sizeof(c->user));
	set_flags(c, get_u32(i));
	s = get_target(i, d);
	c->role = (uint8_t)get_u32(i);
	c->since_ms = get_u64(i);
	c->lost = get_u64(i);
	c->raw_pos = get_u64(i);
	get_queue(i, &c->in);
	get_queue(i, &c->out);
	c->history.active = get_u32(i);
	c->history.s = get_target(i, d);
	c->history.pos = get_u64(i);
	c->history.end = get_u64(i);
	c->history.tag = (uint16_t)get_u32(i);
	if (!c->history.s)
		c->history.active = false;
	join(c, s);
	if (kind == CLIENT_PTY && !c->pty) { /* its session or its pty is not there */
		client_free(c);
		return !i->bad;
	}
	if (kind == CLIENT_SOCKET && fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		i->bad = true;
	client_poll(c);
	return !i->bad;
}

static bool get_head(struct in *i, struct daemon *d, int pids[2])
{
	uint32_t magic = get_u32(i), version = get_u32(i);

	if (i->bad || magic != STATE_MAGIC || version != STATE_VERSION)
		return false;
	d->listen_fd = (int)get_u32(i);
	d->next_id = get_u32(i);
	pids[0] = (int)get_u32(i);
	pids[1] = (int)get_u32(i);
	return !i->bad && fcntl(d->listen_fd, F_SETFD, FD_CLOEXEC) == 0;
}

static bool get_all(struct in *i, struct daemon *d)
{
	for (;;) {
		uint32_t kind = get_u32(i);

		if (kind == ITEM_END)
			return !i->bad;
		if (kind == ITEM_SESSION ? !get_session(i, d)
					 : kind != ITEM_CLIENT || !get_client(i, d))
			return false;
	}
}

int upgrade_resume(struct daemon *d, int fd, int pids[2])
{
	struct stat st;
	struct in i = {0};
	void *p;
	bool ok;

	if (fstat(fd, &st) < 0 || st.st_size < 8) {
		close(fd);
		return -EINVAL;
	}
	i.len = (size_t)st.st_size;
	p = mmap(NULL, i.len, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		return -errno;
	i.p = p;
	ok = get_head(&i, d, pids) && get_all(&i, d);
	munmap(p, st.st_size);
	return ok ? 0 : -EPROTO;
}
