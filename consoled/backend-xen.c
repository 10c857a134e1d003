/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Consoles of Xen domains: rings by grant (the reserved console entry, which
 * the toolstack fills) or by foreign mapping, event channels through one handle,
 * and the hypervisor's own message ring.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xenctrl.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xengnttab.h>

#include "xswatch.h"

#define PORTS_MAX   (1u << 17)
#define EVENTS_PASS 256
#define MSG_CHUNK   16384u
#define MSG_PASSES  64

struct binding {
	void *cookie;
	bool granted;
	evtchn_port_t port; /* ours */
};

struct backend {
	const struct backend_events *ev;
	void *ctx;
	struct xswatch *watch;
	xenevtchn_handle *evtchn;
	xengnttab_handle *gnttab;
	xenforeignmemory_handle *fmem;
	xc_interface *xc;
	uv_poll_t poll;
	int con_port; /* VIRQ_CON_RING; -1: not ours */
	uint32_t con_index;
	struct binding **by_port;
	size_t nports;
};

/* ---- the hypervisor's messages ---- */

static const struct console_desc messages = {
	.uuid = HYPERVISOR_UUID, .name = HYPERVISOR_NAME, .console = "pv0"};

static void read_messages(struct backend *b)
{
	struct console_desc d = messages;
	char buf[MSG_CHUNK];
	unsigned n = sizeof(buf);

	/* Bounded: a hypervisor that talks without end must not hold up guests;
	 * what is left is read at its next event. */
	for (int i = 0; i < MSG_PASSES && n == sizeof(buf); i++) {
		if (xc_readconsolering(b->xc, buf, &n, 0, 1, &b->con_index) < 0)
			return;
		d.token = b->con_index;
		if (n)
			b->ev->bytes(b->ctx, &d, buf, n);
	}
}

static void start_messages(struct backend *b)
{
	b->con_port = -1;
	b->xc = xc_interface_open(NULL, NULL, 0);
	if (!b->xc)
		return;
	/* An earlier daemon took what is before this index. */
	b->con_index = (uint32_t)b->ev->position(b->ctx, &messages);
	/* Global: only one domain, and in it one process, may have it. */
	b->con_port = xenevtchn_bind_virq(b->evtchn, VIRQ_CON_RING);
	if (b->con_port < 0)
		b->ev->trouble(b->ctx, "hypervisor messages: VIRQ_CON_RING is taken");
	else
		read_messages(b);
}

/* ---- events ---- */

static void dispatch(struct backend *b, int port)
{
	struct binding *bind = (size_t)port < b->nports ? b->by_port[port] : NULL;

	if (port == b->con_port) {
		read_messages(b);
		xenevtchn_unmask(b->evtchn, (evtchn_port_t)port);
	} else if (bind) {
		b->ev->event(b->ctx, bind->cookie);
	}
}

static void on_events(uv_poll_t *p, int status, int events)
{
	struct backend *b = p->data;
	int port;

	(void)events;
	if (status < 0)
		return;
	for (int i = 0; i < EVENTS_PASS; i++) {
		port = xenevtchn_pending(b->evtchn);
		if (port < 0)
			return;
		dispatch(b, port);
	}
}

static int remember(struct backend *b, evtchn_port_t port, struct binding *bind)
{
	if (port >= b->nports) {
		size_t n = b->nports ? b->nports * 2 : 1024;
		struct binding **t;

		while (n <= port)
			n *= 2;
		if (n > PORTS_MAX)
			return -ENOSPC;
		t = realloc(b->by_port, n * sizeof(*t));
		if (!t)
			return -ENOMEM;
		memset(t + b->nports, 0, (n - b->nports) * sizeof(*t));
		b->by_port = t;
		b->nports = n;
	}
	b->by_port[port] = bind;
	return 0;
}

/* ---- rings ---- */

static void *map_ring(struct backend *b, const struct console_desc *d, bool *granted)
{
	uint32_t ref = d->token ? (uint32_t)d->ref : GNTTAB_RESERVED_CONSOLE;
	xen_pfn_t frame = d->ref;
	int err = 0;
	void *p;

	p = xengnttab_map_grant_ref(b->gnttab, d->domid, ref, PROT_READ | PROT_WRITE);
	*granted = p != NULL;
	if (p || d->token)
		return p;
	/* A toolstack that fills no grant entry: by frame number, as of old. */
	p = xenforeignmemory_map(b->fmem, d->domid, PROT_READ | PROT_WRITE, 1, &frame,
				 &err);
	if (p && err) {
		xenforeignmemory_unmap(b->fmem, p, 1);
		errno = -err;
		p = NULL;
	}
	return p;
}

static void unmap_ring(struct backend *b, void *p, bool granted)
{
	if (granted ? xengnttab_unmap(b->gnttab, p, 1) < 0
		    : xenforeignmemory_unmap(b->fmem, p, 1) < 0)
		b->ev->trouble(b->ctx, "a console ring could not be unmapped");
}

static int bind_port(struct backend *b, const struct console_desc *d,
		     struct binding *bind)
{
	int port = xenevtchn_bind_interdomain(b->evtchn, d->domid, d->port), e;

	if (port < 0)
		return -errno;
	bind->port = (evtchn_port_t)port;
	e = remember(b, bind->port, bind);
	if (e < 0)
		xenevtchn_unbind(b->evtchn, bind->port);
	return e;
}

static int xen_open(struct backend *b, const struct console_desc *d, void *cookie,
		    struct channel *out)
{
	struct binding *bind = calloc(1, sizeof(*bind));
	int e;

	if (!bind)
		return -ENOMEM;
	bind->cookie = cookie;
	out->ring = map_ring(b, d, &bind->granted);
	if (!out->ring) {
		e = errno ? -errno : -EIO;
		free(bind);
		return e;
	}
	e = bind_port(b, d, bind);
	if (e < 0) {
		unmap_ring(b, out->ring, bind->granted);
		free(bind);
		return e;
	}
	out->priv = bind;
	return 0;
}

static void xen_close(struct backend *b, struct channel *ch)
{
	struct binding *bind = ch->priv;

	b->by_port[bind->port] = NULL;
	/* The guest may have closed its end before; then there is nothing to do. */
	xenevtchn_unbind(b->evtchn, bind->port);
	unmap_ring(b, ch->ring, bind->granted);
	free(bind);
	memset(ch, 0, sizeof(*ch));
}

static void xen_notify(struct backend *b, struct channel *ch)
{
	xenevtchn_notify(b->evtchn, ((struct binding *)ch->priv)->port);
}

static void xen_rearm(struct backend *b, struct channel *ch)
{
	xenevtchn_unmask(b->evtchn, ((struct binding *)ch->priv)->port);
}

static void xen_publish(struct backend *b, const struct console_desc *d, const char *tty)
{
	xswatch_publish(b->watch, d, tty);
}

static int xen_sysrq(struct backend *b, uint32_t domid, char key)
{
	return xswatch_sysrq(b->watch, domid, key);
}

/* ---- start and stop ---- */

static void close_handles(struct backend *b)
{
	if (b->xc)
		xc_interface_close(b->xc);
	if (b->fmem)
		xenforeignmemory_close(b->fmem);
	if (b->gnttab)
		xengnttab_close(b->gnttab);
	if (b->evtchn)
		xenevtchn_close(b->evtchn);
}

static int open_handles(struct backend *b)
{
	int fd;

	b->evtchn = xenevtchn_open(NULL, 0);
	if (!b->evtchn)
		return -errno;
	fd = xenevtchn_fd(b->evtchn);
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		return -errno;
	b->gnttab = xengnttab_open(NULL, 0);
	if (!b->gnttab)
		return -errno;
	b->fmem = xenforeignmemory_open(NULL, 0);
	return b->fmem ? 0 : -errno;
}

static int xen_start(struct backend **out, uv_loop_t *loop,
		     const struct backend_events *ev, void *ctx, const char *arg)
{
	struct backend *b = calloc(1, sizeof(*b));
	int e;

	(void)arg;
	if (!b)
		return -ENOMEM;
	b->ev = ev;
	b->ctx = ctx;
	e = open_handles(b);
	if (e < 0) {
		close_handles(b);
		free(b);
		return e;
	}
	*out = b;
	uv_poll_init(loop, &b->poll, xenevtchn_fd(b->evtchn));
	b->poll.data = b;
	uv_poll_start(&b->poll, UV_READABLE, on_events);
	start_messages(b);
	return xswatch_start(&b->watch, loop, ev, ctx);
}

static void free_backend(uv_handle_t *h)
{
	struct backend *b = h->data;

	close_handles(b);
	free(b->by_port);
	free(b);
}

static void xen_stop(struct backend *b)
{
	xswatch_stop(b->watch);
	uv_poll_stop(&b->poll);
	uv_close((uv_handle_t *)&b->poll, free_backend);
}

const struct backend_ops backend_xen = {
	.name = "xen",
	.start = xen_start,
	.stop = xen_stop,
	.open = xen_open,
	.close = xen_close,
	.notify = xen_notify,
	.rearm = xen_rearm,
	.publish = xen_publish,
	.sysrq = xen_sysrq,
};
