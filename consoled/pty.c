/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A pty for each console, so that `xl console` goes on working.  It is root's
 * alone (0600), because it bypasses the access lists.  As long as nobody has it
 * open it costs nothing: inotify tells of an open, and only then does it become
 * a client of its session, with a repaint as for any other.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <syslog.h>
#include <termios.h>
#include <unistd.h>

#include "daemon.h"

struct pty {
	TAILQ_ENTRY(pty) all;
	struct session *s;
	struct client *client; /* while somebody has it open */
	int master, wd;
	char path[64];
};

static TAILQ_HEAD(, pty) ptys = TAILQ_HEAD_INITIALIZER(ptys);

const char *pty_path(const struct session *s)
{
	return s->pty ? s->pty->path : "";
}

/* The slave: raw, root's alone; left closed, so that its openers are noticed. */
static int prepare_slave(struct pty *p)
{
	struct termios t;
	int fd, e = 0;

	if (grantpt(p->master) < 0 || unlockpt(p->master) < 0 ||
	    ptsname_r(p->master, p->path, sizeof(p->path)) != 0)
		return -errno;
	fd = open(p->path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (tcgetattr(fd, &t) == 0) {
		cfmakeraw(&t);
		t.c_cflag |= CLOCAL;
		if (tcsetattr(fd, TCSANOW, &t) < 0)
			e = -errno;
	}
	if (fchmod(fd, 0600) < 0 || (geteuid() == 0 && fchown(fd, 0, 0) < 0))
		e = -errno;
	close(fd);
	return e;
}

/* Takes p into the session; false when its opens cannot be watched. */
static bool enter(struct session *s, struct pty *p)
{
	p->s = s;
	p->wd = inotify_add_watch(s->d->inotify_fd, p->path, IN_OPEN);
	if (p->wd < 0)
		return false;
	s->pty = p;
	TAILQ_INSERT_TAIL(&ptys, p, all);
	return true;
}

int pty_master(const struct session *s)
{
	return s->pty ? s->pty->master : -1;
}

void pty_adopt(struct session *s, int master, const char *path)
{
	struct pty *p = calloc(1, sizeof(*p));

	if (p) {
		p->master = master;
		snprintf(p->path, sizeof(p->path), "%s", path);
	}
	if (p && enter(s, p))
		return;
	close(master);
	free(p);
}

void pty_set_client(struct session *s, struct client *c)
{
	s->pty->client = c;
	c->pty = s->pty;
}

void pty_make(struct session *s)
{
	struct daemon *d = s->d;
	struct pty *p;
	int e;

	if (s->pty) {
		d->ops->publish(d->backend, &s->desc, s->pty->path);
		return;
	}
	p = calloc(1, sizeof(*p));
	if (!p)
		return;
	p->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	e = p->master < 0 ? -errno : prepare_slave(p);
	if (e < 0 || !enter(s, p)) {
		say(d, LOG_ERR, "%s: no pty: %s", s->rec.h->name,
		    strerror(e < 0 ? -e : errno));
		if (p->master >= 0)
			close(p->master);
		free(p);
		return;
	}
	d->ops->publish(d->backend, &s->desc, p->path);
}

void pty_destroy(struct session *s)
{
	struct pty *p = s->pty;

	if (!p)
		return;
	s->pty = NULL;
	if (p->client)
		client_free(p->client);
	inotify_rm_watch(s->d->inotify_fd, p->wd);
	TAILQ_REMOVE(&ptys, p, all);
	close(p->master);
	free(p);
}

void pty_client_ended(struct pty *p)
{
	p->client = NULL;
}

/* Whoever opened it is root; the writer role is theirs unless it is exclusive. */
static void opened(struct pty *p)
{
	struct session *s = p->s;
	struct client *c;

	if (p->client) {
		feed_repaint(p->client);
		return;
	}
	c = client_new(s->d, CLIENT_PTY, p->master);
	if (!c)
		return;
	c->pty = p;
	p->client = c;
	snprintf(c->user, sizeof(c->user), "%s", p->path);
	if (role_attach(c, s, KCON_WRITER, true) != 0 &&
	    role_attach(c, s, KCON_VIEWER, false) != 0) {
		client_kill(c);
		return;
	}
	/* Nothing was written yet: nothing is cleared on the terminal either. */
	feed_prepare(c);
	feed_attach(c, s->rec.head > 0, 0, false);
	clients_changed(s);
	client_poll(c);
}

static void handle(const struct inotify_event *e)
{
	struct pty *p;

	TAILQ_FOREACH(p, &ptys, all)
	{
		if (p->wd == e->wd && e->mask & IN_OPEN) {
			opened(p);
			return;
		}
	}
}

static void on_inotify(uv_poll_t *poll, int status, int events)
{
	_Alignas(struct inotify_event) char buf[4096];
	struct daemon *d = poll->data;
	ssize_t n, at = 0;

	(void)events;
	n = status < 0 ? 0 : read(d->inotify_fd, buf, sizeof(buf));
	while (at < n) {
		const struct inotify_event *e = (const struct inotify_event *)(buf + at);

		handle(e);
		at += (ssize_t)(sizeof(*e) + e->len);
	}
}

int ptys_start(struct daemon *d)
{
	d->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (d->inotify_fd < 0)
		return -errno;
	if (uv_poll_init(d->loop, &d->inotify_poll, d->inotify_fd) < 0)
		return -EIO;
	d->inotify_poll.data = d;
	return uv_poll_start(&d->inotify_poll, UV_READABLE, on_inotify);
}
