/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Serial lines of HVM guests: the device model offers a pty, which has room
 * for one reader.  The daemon is that reader, and publishes a pty of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "daemon.h"

#define SERIAL_PASS 65536u

static void on_serial(uv_poll_t *p, int status, int events);

static void set_poll(struct session *s)
{
	int events = UV_READABLE | (s->input.len ? UV_WRITABLE : 0);

	uv_poll_start(s->tty_poll, events, on_serial);
}

static void free_poll(uv_handle_t *h)
{
	free(h);
}

void serial_close(struct session *s)
{
	if (s->tty_poll) {
		uv_poll_stop(s->tty_poll);
		uv_close((uv_handle_t *)s->tty_poll, free_poll);
		s->tty_poll = NULL;
	}
	if (s->tty_fd >= 0)
		close(s->tty_fd);
	s->tty_fd = -1;
}

/* Straight into the record; returns the bytes read, 0 at the end. */
static size_t read_some(struct session *s)
{
	size_t room;
	uint8_t *to = rec_space(&s->rec, &room);
	ssize_t n = room ? read(s->tty_fd, to, room) : 0;

	if (n <= 0)
		return 0;
	rec_commit(&s->rec, (size_t)n, 0, utc_ms());
	return (size_t)n;
}

void serial_flush(struct session *s)
{
	size_t n, done = 0;
	const uint8_t *p = queue_peek(&s->input, &n);
	ssize_t w = n ? write(s->tty_fd, p, n) : 0;

	if (w > 0)
		queue_drop(&s->input, (size_t)w);
	while (done < SERIAL_PASS && (n = read_some(s)))
		done += n;
	if (done)
		flow_new_bytes(s);
	if (s->tty_poll)
		set_poll(s);
}

static void on_serial(uv_poll_t *p, int status, int events)
{
	struct session *s = p->data;

	(void)events;
	/* The device model is gone; the domain's end is told by xenstore. */
	if (status < 0)
		serial_close(s);
	else
		serial_flush(s);
}

int serial_open(struct session *s)
{
	struct termios t;
	struct stat st;

	s->tty_fd = open(s->desc.tty, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (s->tty_fd < 0)
		return -errno;
	/* The path came from xenstore: only a terminal will do. */
	if (fstat(s->tty_fd, &st) < 0 || !S_ISCHR(st.st_mode) ||
	    tcgetattr(s->tty_fd, &t) < 0) {
		serial_close(s);
		return -ENOTTY;
	}
	cfmakeraw(&t);
	if (tcsetattr(s->tty_fd, TCSANOW, &t) < 0 ||
	    !(s->tty_poll = calloc(1, sizeof(*s->tty_poll)))) {
		serial_close(s);
		return -ENOMEM;
	}
	if (uv_poll_init(s->d->loop, s->tty_poll, s->tty_fd) < 0) {
		free(s->tty_poll);
		s->tty_poll = NULL;
		serial_close(s);
		return -EIO;
	}
	s->tty_poll->data = s;
	if (s->rec.h->ring_domid != s->desc.domid) {
		s->rec.h->boots++;
		rec_bind_ring(&s->rec, s->desc.domid, 0, 0, 0);
	}
	set_poll(s);
	return 0;
}
