/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where things are (xenstore-paths of the Xen documentation):
 *   /local/domain/N/console/{ring-ref,port,type,tty}   the main PV console
 *   /local/domain/N/device/console/M/...               further ones
 *   /local/domain/N/serial/0/tty                       the emulator's pty (HVM)
 *   /local/domain/N/{name,vm}                          name, /vm/UUID
 */
#include "xswatch.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>
#include <xenstore.h>

#define CONSOLES 8 /* of one domain */
#define RETRY_MS 1000
#define ALIVE_MS 60000

enum { STATE_INITWAIT = 2, STATE_INITIALISED = 3, STATE_CONNECTED = 4 };

/* The thread's picture of a domain. */
struct domain {
	LIST_ENTRY(domain) all;
	uint32_t domid;
	bool seen, dirty; /* dirty: something of it changed since the last scan */
	char name[KCON_NAME_MAX], uuid[KCON_UUID_MAX];
	struct console_desc told[CONSOLES]; /* as the loop knows them */
	bool present[CONSOLES];
};

enum message_kind { FOUND, GONE, RENAMED, TROUBLE };

struct message {
	STAILQ_ENTRY(message) next;
	enum message_kind kind;
	struct console_desc d;
	char text[256];
};

struct order {
	STAILQ_ENTRY(order) next;
	struct console_desc d;
	char tty[108];
	char key; /* SysRq; 0: publish tty */
};

struct xswatch {
	const struct backend_events *ev;
	void *ctx;
	uv_async_t async;
	pthread_t thread;
	pthread_mutex_t lock; /* for the two queues and `stop` */
	STAILQ_HEAD(, message) messages;
	STAILQ_HEAD(, order) orders;
	bool stop;
	int wake_fd;
	/* The thread's alone. */
	struct xs_handle *xs;
	bool lost; /* the connection broke */
	LIST_HEAD(, domain) domains;
};

/* ---- from the thread to the loop ---- */

static void tell(struct xswatch *w, enum message_kind kind, const struct console_desc *d,
		 const char *text)
{
	struct message *m = calloc(1, sizeof(*m));

	if (!m)
		return; /* told again at the next change */
	m->kind = kind;
	if (d)
		m->d = *d;
	snprintf(m->text, sizeof(m->text), "%s", text);
	pthread_mutex_lock(&w->lock);
	STAILQ_INSERT_TAIL(&w->messages, m, next);
	pthread_mutex_unlock(&w->lock);
	uv_async_send(&w->async);
}

static void deliver(struct xswatch *w, const struct message *m)
{
	switch (m->kind) {
	case FOUND:
		w->ev->found(w->ctx, &m->d);
		break;
	case GONE:
		w->ev->gone(w->ctx, m->d.domid, m->text);
		break;
	case RENAMED:
		w->ev->renamed(w->ctx, m->d.domid, m->text);
		break;
	case TROUBLE:
		w->ev->trouble(w->ctx, m->text);
		break;
	}
}

static void on_async(uv_async_t *a)
{
	struct xswatch *w = a->data;
	struct message *m;

	for (;;) {
		pthread_mutex_lock(&w->lock);
		m = STAILQ_FIRST(&w->messages);
		if (m)
			STAILQ_REMOVE_HEAD(&w->messages, next);
		pthread_mutex_unlock(&w->lock);
		if (!m)
			return;
		deliver(w, m);
		free(m);
	}
}

/* ---- reading ---- */

/* Anything but a plain answer: libxenstore closed its socket. */
static void note_error(struct xswatch *w)
{
	if (errno == EBADF || errno == EPIPE || errno == ECONNRESET || errno == EIO)
		w->lost = true;
}

/* Text at base/leaf into out; false when there is none or it is too long. */
static bool get(struct xswatch *w, const char *base, const char *leaf, char *out,
		size_t cap)
{
	char path[256];
	unsigned len;
	char *v;
	bool ok;

	snprintf(path, sizeof(path), "%s/%s", base, leaf);
	v = xs_read(w->xs, XBT_NULL, path, &len);
	out[0] = '\0';
	if (!v) {
		note_error(w);
		return false;
	}
	ok = len < cap && !memchr(v, 0, len);
	if (ok)
		snprintf(out, cap, "%s", v);
	free(v);
	return ok && *out;
}

static bool get_number(struct xswatch *w, const char *base, const char *leaf,
		       uint64_t *out)
{
	char text[32], *end;

	if (!get(w, base, leaf, text, sizeof(text)))
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return !errno && !*end;
}

static void put(struct xswatch *w, const char *base, const char *leaf, const char *value)
{
	char path[256], text[320];

	snprintf(path, sizeof(path), "%s/%s", base, leaf);
	if (xs_write(w->xs, XBT_NULL, path, value, (unsigned)strlen(value)))
		return;
	note_error(w);
	snprintf(text, sizeof(text), "xenstore: cannot write %s: %s", path,
		 strerror(errno));
	tell(w, TROUBLE, NULL, text);
}

static void base_path(const struct console_desc *d, char *out, size_t cap)
{
	if (*d->tty)
		snprintf(out, cap, "/local/domain/%u/serial/0", d->domid);
	else if (d->token)
		snprintf(out, cap, "/local/domain/%u/device/console/%u", d->domid,
			 (unsigned)d->token);
	else
		snprintf(out, cap, "/local/domain/%u/console", d->domid);
}

/*
 * A further console's front end waits for its back end, which is this daemon:
 * the xenbus handshake, of which only the states matter here.
 */
static void handshake(struct xswatch *w, const char *front)
{
	char back[256], mine[16];
	uint64_t theirs;

	if (!get(w, front, "backend", back, sizeof(back)))
		return;
	if (!get_number(w, front, "state", &theirs) || theirs < STATE_INITIALISED) {
		get(w, back, "state", mine, sizeof(mine));
		if (atoi(mine) != STATE_INITWAIT)
			put(w, back, "state", "2");
	} else {
		get(w, back, "state", mine, sizeof(mine));
		if (atoi(mine) != STATE_CONNECTED)
			put(w, back, "state", "4");
	}
}

static bool read_ring(struct xswatch *w, const char *base, struct console_desc *d)
{
	char type[32];
	uint64_t port;

	/* Only this type is ours; the device model serves "ioemu". */
	if (get(w, base, "type", type, sizeof(type)) && strcmp(type, "xenconsoled"))
		return false;
	if (!get_number(w, base, "ring-ref", &d->ref) ||
	    !get_number(w, base, "port", &port) || !port || port > INT32_MAX)
		return false;
	d->port = (uint32_t)port;
	return true;
}

/* Which of the further consoles there are, as bits; mostly none. */
static unsigned list_consoles(struct xswatch *w, const struct domain *m)
{
	char path[96];
	unsigned n = 0, bits = 0;
	char **dir;

	snprintf(path, sizeof(path), "/local/domain/%u/device/console", m->domid);
	dir = xs_directory(w->xs, XBT_NULL, path, &n);
	for (unsigned i = 0; dir && i < n; i++) {
		unsigned long id = strtoul(dir[i], NULL, 10);

		if (id > 0 && id < CONSOLES - 1)
			bits |= 1u << id;
	}
	free(dir);
	return bits | 1u | 1u << (CONSOLES - 1);
}

static bool read_console(struct xswatch *w, const struct domain *m, unsigned i,
			 struct console_desc *d)
{
	char base[128], published[108];

	memset(d, 0, sizeof(*d));
	d->domid = m->domid;
	snprintf(d->uuid, sizeof(d->uuid), "%s", m->uuid);
	snprintf(d->name, sizeof(d->name), "%s", m->name);
	if (i == CONSOLES - 1) {
		snprintf(d->console, sizeof(d->console), "serial0");
		snprintf(base, sizeof(base), "/local/domain/%u/serial/0", m->domid);
		if (!get(w, base, "tty", d->tty, sizeof(d->tty)))
			return false;
		/* Where our own pty stands, the emulator's is kept beside it. */
		if (get(w, base, "keel-published", published, sizeof(published)) &&
		    !strcmp(published, d->tty))
			return get(w, base, "keel-tty", d->tty, sizeof(d->tty));
		return !strncmp(d->tty, "/dev/pts/", 9);
	}
	snprintf(d->console, sizeof(d->console), "pv%u", i);
	d->token = i;
	base_path(d, base, sizeof(base));
	if (i)
		handshake(w, base);
	return read_ring(w, base, d);
}

static bool read_identity(struct xswatch *w, struct domain *m, char *name, size_t cap)
{
	char base[64], vm[128];

	snprintf(base, sizeof(base), "/local/domain/%u", m->domid);
	if (!get(w, base, "vm", vm, sizeof(vm)) || strncmp(vm, "/vm/", 4) ||
	    strlen(vm) < 40)
		return false;
	/* libxl appends "-1" while a guest migrates within one host. */
	snprintf(m->uuid, sizeof(m->uuid), "%.36s", vm + 4);
	return get(w, base, "name", name, cap);
}

static bool same(const struct console_desc *a, const struct console_desc *b)
{
	return a->ref == b->ref && a->port == b->port && !strcmp(a->tty, b->tty);
}

static void scan(struct xswatch *w, struct domain *m)
{
	struct console_desc d = {.domid = m->domid};
	char name[KCON_NAME_MAX];
	unsigned there;

	if (!read_identity(w, m, name, sizeof(name)))
		return; /* being built: its watches fire again */
	if (strcmp(name, m->name)) {
		if (*m->name)
			tell(w, RENAMED, &d, name);
		snprintf(m->name, sizeof(m->name), "%s", name);
	}
	there = list_consoles(w, m);
	for (unsigned i = 0; i < CONSOLES; i++) {
		if (!(there & 1u << i) || !read_console(w, m, i, &d)) {
			if (m->present[i])
				tell(w, GONE, &m->told[i], m->told[i].console);
			m->present[i] = false;
		} else if (!m->present[i] || !same(&d, &m->told[i])) {
			m->told[i] = d;
			m->present[i] = true;
			tell(w, FOUND, &d, "");
		}
	}
}

/* ---- domains ---- */

static const char *const watched[] = {"console", "name", "device/console", "serial",
				      "vm"};

static void watch_domain(struct xswatch *w, uint32_t domid, bool on)
{
	char path[96], token[16];

	snprintf(token, sizeof(token), "%u", domid);
	for (size_t i = 0; i < sizeof(watched) / sizeof(watched[0]); i++) {
		snprintf(path, sizeof(path), "/local/domain/%u/%s", domid, watched[i]);
		if (on && !xs_watch(w->xs, path, token))
			tell(w, TROUBLE, NULL, "xenstore: cannot watch a domain");
		if (!on)
			xs_unwatch(w->xs, path, token);
	}
}

static struct domain *find(struct xswatch *w, uint32_t domid)
{
	struct domain *m;

	LIST_FOREACH(m, &w->domains, all)
	{
		if (m->domid == domid)
			return m;
	}
	return NULL;
}

static void drop(struct xswatch *w, struct domain *m)
{
	struct console_desc d = {.domid = m->domid};

	watch_domain(w, m->domid, false);
	tell(w, GONE, &d, "");
	LIST_REMOVE(m, all);
	free(m);
}

static void appeared(struct xswatch *w, uint32_t domid)
{
	struct domain *m = find(w, domid);

	if (!m) {
		m = calloc(1, sizeof(*m));
		if (!m)
			return;
		m->domid = domid;
		LIST_INSERT_HEAD(&w->domains, m, all);
		watch_domain(w, domid, true); /* each fires once at once */
	}
	m->seen = true;
}

static void list_domains(struct xswatch *w)
{
	unsigned n = 0;
	char **dir = xs_directory(w->xs, XBT_NULL, "/local/domain", &n);
	struct domain *m, *next;

	if (!dir && errno != ENOENT)
		return;
	LIST_FOREACH(m, &w->domains, all)
	m->seen = false;
	for (unsigned i = 0; i < n; i++) {
		char *end;
		unsigned long id = strtoul(dir[i], &end, 10);

		if (*end || !id || id > 0x7fef)
			continue; /* 0: this domain, whose console is the machine's */
		if (xs_is_domain_introduced(w->xs, (unsigned)id))
			appeared(w, (uint32_t)id);
	}
	free(dir);
	for (m = LIST_FIRST(&w->domains); m; m = next) {
		next = LIST_NEXT(m, all);
		if (!m->seen)
			drop(w, m);
	}
}

/* ---- orders ---- */

static void publish(struct xswatch *w, const struct order *o)
{
	char base[128], tty[108];

	base_path(&o->d, base, sizeof(base));
	if (!get(w, base, *o->d.tty ? "tty" : "port", tty, sizeof(tty)))
		return; /* the domain left meanwhile: nothing is made in its place */
	if (!*o->d.tty) {
		put(w, base, "tty", o->tty);
		return;
	}
	put(w, base, "keel-tty", o->d.tty);
	put(w, base, "keel-published", *o->tty ? o->tty : "-");
	put(w, base, "tty", *o->tty ? o->tty : o->d.tty);
}

static void sysrq(struct xswatch *w, const struct order *o)
{
	char base[64], key[2] = {o->key, '\0'};

	snprintf(base, sizeof(base), "/local/domain/%u/control", o->d.domid);
	put(w, base, "sysrq", key);
}

static bool take_order(struct xswatch *w)
{
	struct order *o;

	pthread_mutex_lock(&w->lock);
	o = STAILQ_FIRST(&w->orders);
	if (o)
		STAILQ_REMOVE_HEAD(&w->orders, next);
	pthread_mutex_unlock(&w->lock);
	if (!o)
		return false;
	if (o->key)
		sysrq(w, o);
	else
		publish(w, o);
	free(o);
	return true;
}

static int order(struct xswatch *w, const struct console_desc *d, const char *tty,
		 char key)
{
	struct order *o = calloc(1, sizeof(*o));
	uint64_t one = 1;

	if (!o)
		return -ENOMEM;
	o->d = *d;
	o->key = key;
	snprintf(o->tty, sizeof(o->tty), "%s", tty);
	pthread_mutex_lock(&w->lock);
	STAILQ_INSERT_TAIL(&w->orders, o, next);
	pthread_mutex_unlock(&w->lock);
	return write(w->wake_fd, &one, sizeof(one)) < 0 ? -errno : 0;
}

void xswatch_publish(struct xswatch *w, const struct console_desc *d, const char *tty)
{
	if (order(w, d, tty, 0) < 0)
		w->ev->trouble(w->ctx, "out of memory: a pty is not published");
}

int xswatch_sysrq(struct xswatch *w, uint32_t domid, char key)
{
	struct console_desc d = {.domid = domid};

	return order(w, &d, "", key);
}

/* ---- the thread ---- */

/*
 * A domain that is being built makes a watch fire for each of its many nodes:
 * all that fired is taken first, then each domain is read once.
 */
static bool take_watches(struct xswatch *w)
{
	bool list = false;
	struct domain *m;
	char **v;

	errno = 0;
	while ((v = xs_check_watch(w->xs))) {
		if (v[XS_WATCH_TOKEN][0] == '@') {
			list = true;
		} else {
			m = find(w, (uint32_t)strtoul(v[XS_WATCH_TOKEN], NULL, 10));
			if (m)
				m->dirty = true;
		}
		free(v);
		errno = 0;
	}
	if (errno && errno != EAGAIN)
		return false; /* the connection broke */
	if (list)
		list_domains(w);
	return true;
}

/* The toolstack waits for the pty of a guest: orders go before any reading. */
static void scan_dirty(struct xswatch *w)
{
	struct domain *m;

	LIST_FOREACH(m, &w->domains, all)
	{
		if (!m->dirty)
			continue;
		m->dirty = false;
		scan(w, m);
		while (take_order(w))
			;
	}
}

static bool stopping(struct xswatch *w)
{
	bool stop;

	pthread_mutex_lock(&w->lock);
	stop = w->stop;
	pthread_mutex_unlock(&w->lock);
	return stop;
}

static bool connect_store(struct xswatch *w)
{
	w->xs = xs_open(0);
	if (!w->xs)
		return false;
	if (xs_watch(w->xs, "@introduceDomain", "@") &&
	    xs_watch(w->xs, "@releaseDomain", "@"))
		return true;
	xs_close(w->xs);
	w->xs = NULL;
	return false;
}

static void serve(struct xswatch *w)
{
	struct pollfd p[2] = {{.fd = xs_fileno(w->xs), .events = POLLIN},
			      {.fd = w->wake_fd, .events = POLLIN}};
	char name[KCON_NAME_MAX];
	uint64_t n;

	w->lost = false;
	for (bool stop = false; !stop && !w->lost;) {
		int ready = poll(p, 2, ALIVE_MS);

		if (ready < 0 && errno != EINTR)
			return;
		/* libxenstore does not tell that xenstored left: it is asked. */
		if (ready == 0)
			get(w, "/local/domain/0", "name", name, sizeof(name));
		if (p[1].revents && read(w->wake_fd, &n, sizeof(n)) < 0 &&
		    errno != EAGAIN)
			return;
		/* Asked first: orders given before the stop are still done. */
		stop = stopping(w);
		while (take_order(w))
			;
		if (!take_watches(w))
			return;
		scan_dirty(w);
	}
}

static void *run(void *arg)
{
	struct xswatch *w = arg;
	bool told = false;

	while (!stopping(w)) {
		struct pollfd p = {.fd = w->wake_fd, .events = POLLIN};

		if (connect_store(w)) {
			told = false;
			/* After a broken connection: all watches anew. */
			struct domain *m;

			LIST_FOREACH(m, &w->domains, all)
			watch_domain(w, m->domid, true);
			serve(w);
			xs_close(w->xs);
			w->xs = NULL;
		} else if (!told) {
			tell(w, TROUBLE, NULL, "xenstored cannot be reached; trying on");
			told = true;
		}
		if (!stopping(w) && poll(&p, 1, RETRY_MS) < 0 && errno != EINTR)
			break;
	}
	return NULL;
}

int xswatch_start(struct xswatch **out, uv_loop_t *loop, const struct backend_events *ev,
		  void *ctx)
{
	struct xswatch *w = calloc(1, sizeof(*w));
	int e;

	if (!w)
		return -ENOMEM;
	w->ev = ev;
	w->ctx = ctx;
	STAILQ_INIT(&w->messages);
	STAILQ_INIT(&w->orders);
	LIST_INIT(&w->domains);
	w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->wake_fd < 0) {
		e = -errno;
		free(w);
		return e;
	}
	pthread_mutex_init(&w->lock, NULL);
	uv_async_init(loop, &w->async, on_async);
	w->async.data = w;
	e = pthread_create(&w->thread, NULL, run, w);
	if (e) {
		close(w->wake_fd);
		return -e; /* w stays: its handle is in the loop; the daemon ends */
	}
	*out = w;
	return 0;
}

static void free_watch(uv_handle_t *h)
{
	struct xswatch *w = h->data;
	struct message *m;
	struct order *o;
	struct domain *d;

	while ((m = STAILQ_FIRST(&w->messages))) {
		STAILQ_REMOVE_HEAD(&w->messages, next);
		free(m);
	}
	while ((o = STAILQ_FIRST(&w->orders))) {
		STAILQ_REMOVE_HEAD(&w->orders, next);
		free(o);
	}
	while ((d = LIST_FIRST(&w->domains))) {
		LIST_REMOVE(d, all);
		free(d);
	}
	close(w->wake_fd);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

void xswatch_stop(struct xswatch *w)
{
	uint64_t one = 1;

	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_mutex_unlock(&w->lock);
	if (write(w->wake_fd, &one, sizeof(one)) < 0) {
		/* Already awake. */
	}
	pthread_join(w->thread, NULL);
	uv_close((uv_handle_t *)&w->async, free_watch);
}
