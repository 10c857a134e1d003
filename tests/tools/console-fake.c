/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tests' back end: guests are simulated by another process, which owns the
 * ring pages (memfds) and listens on a SOCK_SEQPACKET socket.  It outlives the
 * daemon, as a hypervisor does.  Messages are text:
 *
 *   ring UUID DOMID CONSOLE PORT NAME     with two descriptors: page, events
 *   serial UUID DOMID TTY NAME
 *   gone DOMID CONSOLE|-
 *   renamed DOMID NAME
 *   bytes TEXT                            the hypervisor's own output
 *
 * and back: "tty DOMID CONSOLE PATH", "sysrq DOMID KEY".
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "consoled/backend.h"

struct page {
	LIST_ENTRY(page) all;
	uint32_t domid, port;
	int mem, event;
};

struct bound {
	void *cookie;
	int event;
};

struct backend {
	const struct backend_events *ev;
	void *ctx;
	int sock, channels; /* an epoll set, as /dev/xen/evtchn is one descriptor */
	uv_poll_t poll, channels_poll;
	LIST_HEAD(, page) pages;
};

/* A channel that rang is masked (EPOLLONESHOT) until rearm. */
static bool arm(struct backend *b, struct bound *bd, int op)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLONESHOT, .data.ptr = bd};

	return epoll_ctl(b->channels, op, bd->event, &e) == 0;
}

static void on_events(uv_poll_t *p, int status, int events)
{
	struct backend *b = p->data;
	struct epoll_event e[256];
	char drain[4096];
	int n = epoll_wait(b->channels, e, 256, 0);

	(void)status, (void)events;
	/* event() closes no channel, so that all of them are still there. */
	for (int i = 0; i < n; i++) {
		struct bound *bd = e[i].data.ptr;

		if (recv(bd->event, drain, sizeof(drain), MSG_DONTWAIT) > 0)
			b->ev->event(b->ctx, bd->cookie);
	}
}

static struct page *find(struct backend *b, const struct console_desc *d)
{
	struct page *p;

	LIST_FOREACH(p, &b->pages, all)
	{
		if (p->domid == d->domid && p->port == d->port)
			return p;
	}
	return NULL;
}

static int fake_open(struct backend *b, const struct console_desc *d, void *cookie,
		     struct channel *out)
{
	struct page *p = find(b, d);
	struct bound *bd = p ? calloc(1, sizeof(*bd)) : NULL;

	if (!bd)
		return p ? -ENOMEM : -ENOENT;
	bd->cookie = cookie;
	out->ring = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, p->mem, 0);
	if (out->ring == MAP_FAILED || (bd->event = dup(p->event)) < 0 ||
	    !arm(b, bd, EPOLL_CTL_ADD)) {
		free(bd);
		return -ENOMEM;
	}
	out->priv = bd;
	return 0;
}

static void fake_close(struct backend *b, struct channel *ch)
{
	struct bound *bd = ch->priv;

	/* The descriptor is a duplicate: closing it would leave it in the set. */
	epoll_ctl(b->channels, EPOLL_CTL_DEL, bd->event, NULL);
	close(bd->event);
	munmap(ch->ring, 4096);
	free(bd);
}

static void fake_notify(struct backend *b, struct channel *ch)
{
	struct bound *bd = ch->priv;

	/* EAGAIN: an event is pending already, as on an event channel. */
	if (send(bd->event, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN)
		b->ev->trouble(b->ctx, "a simulated guest is gone");
}

static void fake_rearm(struct backend *b, struct channel *ch)
{
	if (!arm(b, ch->priv, EPOLL_CTL_MOD))
		b->ev->trouble(b->ctx, "a simulated channel cannot be opened again");
}

static void say(struct backend *b, const char *text)
{
	if (send(b->sock, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		b->ev->trouble(b->ctx, "the simulated host does not listen");
}

static void fake_publish(struct backend *b, const struct console_desc *d, const char *tty)
{
	char text[256];

	snprintf(text, sizeof(text), "tty %u %s %s", d->domid, d->console,
		 *tty ? tty : "-");
	say(b, text);
}

static int fake_sysrq(struct backend *b, uint32_t domid, char key)
{
	char text[64];

	snprintf(text, sizeof(text), "sysrq %u %c", domid, key);
	say(b, text);
	return 0;
}

static void add_page(struct backend *b, const struct console_desc *d, const int *fd)
{
	struct page *p = find(b, d);

	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p)
			return;
		LIST_INSERT_HEAD(&b->pages, p, all);
	} else {
		close(p->mem);
		close(p->event);
	}
	p->domid = d->domid;
	p->port = d->port;
	p->mem = fd[0];
	p->event = fd[1];
}

static void command(struct backend *b, char *text, const int *fd)
{
	struct console_desc d = {.ref = 1};
	char console[KCON_CONSOLE_MAX], name[KCON_NAME_MAX];

	if (sscanf(text, "ring %39s %u %15s %u %255[^\n]", d.uuid, &d.domid, d.console,
		   &d.port, d.name) == 5) {
		add_page(b, &d, fd);
		b->ev->found(b->ctx, &d);
	} else if (sscanf(text, "serial %39s %u %107s %255[^\n]", d.uuid, &d.domid, d.tty,
			  d.name) == 4) {
		snprintf(d.console, sizeof(d.console), "serial0");
		b->ev->found(b->ctx, &d);
	} else if (sscanf(text, "gone %u %15s", &d.domid, console) == 2) {
		b->ev->gone(b->ctx, d.domid, *console == '-' ? "" : console);
	} else if (sscanf(text, "renamed %u %255[^\n]", &d.domid, name) == 2) {
		b->ev->renamed(b->ctx, d.domid, name);
	} else if (!strncmp(text, "bytes ", 6)) {
		snprintf(d.uuid, sizeof(d.uuid), "%s", HYPERVISOR_UUID);
		snprintf(d.name, sizeof(d.name), "%s", HYPERVISOR_NAME);
		snprintf(d.console, sizeof(d.console), "pv0");
		b->ev->bytes(b->ctx, &d, text + 6, strlen(text + 6));
	}
}

static bool receive(struct backend *b)
{
	char text[2048], room[CMSG_SPACE(2 * sizeof(int))];
	struct iovec v = {text, sizeof(text) - 1};
	struct msghdr m = {.msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = room,
			   .msg_controllen = sizeof(room)};
	int fd[2] = {-1, -1};
	struct cmsghdr *c;
	ssize_t n = recvmsg(b->sock, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n <= 0)
		return false;
	text[n] = '\0';
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(fd, CMSG_DATA(c), sizeof(fd));
	command(b, text, fd);
	return true;
}

static void on_host(uv_poll_t *p, int status, int events)
{
	struct backend *b = p->data;

	(void)events;
	if (status < 0 || !receive(b))
		uv_poll_stop(p);
}

static int fake_start(struct backend **out, uv_loop_t *loop,
		      const struct backend_events *ev, void *ctx, const char *arg)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct backend *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->ev = ev;
	b->ctx = ctx;
	LIST_INIT(&b->pages);
	b->sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", arg);
	if (b->sock < 0 || connect(b->sock, (struct sockaddr *)&a, sizeof(a)) < 0) {
		int e = -errno;

		free(b);
		return e;
	}
	b->channels = epoll_create1(EPOLL_CLOEXEC);
	if (b->channels < 0 || uv_poll_init(loop, &b->channels_poll, b->channels) < 0)
		return -ENOMEM;
	b->channels_poll.data = b;
	uv_poll_start(&b->channels_poll, UV_READABLE, on_events);
	uv_poll_init(loop, &b->poll, b->sock);
	b->poll.data = b;
	uv_poll_start(&b->poll, UV_READABLE, on_host);
	*out = b;
	return 0;
}

static void fake_stop(struct backend *b)
{
	uv_poll_stop(&b->poll);
	close(b->sock);
}

static const struct backend_ops backend_fake = {
	.name = "fake",
	.start = fake_start,
	.stop = fake_stop,
	.open = fake_open,
	.close = fake_close,
	.notify = fake_notify,
	.rearm = fake_rearm,
	.publish = fake_publish,
	.sysrq = fake_sysrq,
};

const struct backend_ops *const backends[] = {&backend_fake, NULL};
