/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Xen's libraries as far as xenconsoled uses them, over the guests of
 * console-flood: so Debian's binary can be measured on the same simulated rings.
 * One shared object stands in for libxenctrl, libxenstore, libxenevtchn,
 * libxengnttab and libxenforeignmemory.
 *
 * Environment: CONSOLE_SIM, the socket of console-flood; CONSOLE_SIM_GUESTS, how
 * many guests it announces; CONSOLE_SIM_TTYS, a file for lines "DOMID PTY".
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <xenctrl.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xengnttab.h>
#include <xenstore.h>

struct guest {
	uint32_t domid, port;
	char name[64];
	int mem, event;
};

static struct guest *guests;
static unsigned nguests;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void receive(int sock, struct guest *g)
{
	char text[512], room[CMSG_SPACE(2 * sizeof(int))];
	struct iovec v = {text, sizeof(text) - 1};
	struct msghdr m = {.msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = room,
			   .msg_controllen = sizeof(room)};
	ssize_t n = recvmsg(sock, &m, 0);
	int fd[2];

	if (n <= 0 || !CMSG_FIRSTHDR(&m))
		die("console-flood");
	text[n] = '\0';
	memcpy(fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	g->mem = fd[0];
	g->event = fd[1];
	if (sscanf(text, "ring %*s %u %*s %u %63s", &g->domid, &g->port, g->name) != 3)
		die("console-flood's message");
}

/* The daemon detaches itself after its first call to us: the socket stays. */
static void take_guests(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (guests)
		return;
	nguests = (unsigned)atoi(getenv("CONSOLE_SIM_GUESTS"));
	guests = calloc(nguests, sizeof(*guests));
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", getenv("CONSOLE_SIM"));
	if (!guests || sock < 0 || connect(sock, (struct sockaddr *)&a, sizeof(a)) < 0)
		die("CONSOLE_SIM");
	for (unsigned i = 0; i < nguests; i++)
		receive(sock, &guests[i]);
}

static struct guest *by_domid(uint32_t domid)
{
	for (unsigned i = 0; i < nguests; i++) {
		if (guests[i].domid == domid)
			return &guests[i];
	}
	return NULL;
}

/* ---- libxenctrl ---- */

xc_interface *xc_interface_open(xentoollog_logger *l, xentoollog_logger *d,
				unsigned flags)
{
	(void)l, (void)d, (void)flags;
	take_guests();
	return (xc_interface *)&guests;
}

int xc_interface_close(xc_interface *x)
{
	(void)x;
	return 0;
}

int xc_domain_getinfo(xc_interface *x, uint32_t first, unsigned int max,
		      xc_dominfo_t *info)
{
	unsigned n = 0;

	(void)x;
	for (unsigned i = 0; i < nguests && n < max; i++) {
		if (guests[i].domid < first)
			continue;
		memset(&info[n], 0, sizeof(*info));
		info[n].domid = guests[i].domid;
		info[n++].running = 1;
	}
	return (int)n;
}

int xc_evtchn_status(xc_interface *x, xc_evtchn_status_t *status)
{
	(void)x;
	status->status = EVTCHNSTAT_interdomain;
	return 0;
}

int xc_readconsolering(xc_interface *x, char *buf, unsigned int *n, int clear,
		       int incremental, uint32_t *index)
{
	(void)x, (void)buf, (void)n, (void)clear, (void)incremental, (void)index;
	return -1;
}

/* ---- libxengnttab, libxenforeignmemory ---- */

xengnttab_handle *xengnttab_open(xentoollog_logger *l, unsigned flags)
{
	(void)l, (void)flags;
	return (xengnttab_handle *)&guests;
}

int xengnttab_close(xengnttab_handle *h)
{
	(void)h;
	return 0;
}

void *xengnttab_map_grant_ref(xengnttab_handle *h, uint32_t domid, uint32_t ref, int prot)
{
	struct guest *g = by_domid(domid);
	void *p = g ? mmap(NULL, 4096, prot, MAP_SHARED, g->mem, 0) : MAP_FAILED;

	(void)h, (void)ref;
	return p == MAP_FAILED ? NULL : p;
}

int xengnttab_unmap(xengnttab_handle *h, void *p, uint32_t count)
{
	(void)h;
	return munmap(p, count * 4096ul);
}

xenforeignmemory_handle *xenforeignmemory_open(xentoollog_logger *l, unsigned flags)
{
	(void)l, (void)flags;
	return (xenforeignmemory_handle *)&guests;
}

int xenforeignmemory_close(xenforeignmemory_handle *h)
{
	(void)h;
	return 0;
}

void *xenforeignmemory_map(xenforeignmemory_handle *h, uint32_t domid, int prot, size_t n,
			   const xen_pfn_t arr[], int err[])
{
	(void)h, (void)domid, (void)prot, (void)n, (void)arr, (void)err;
	errno = EPERM;
	return NULL;
}

int xenforeignmemory_unmap(xenforeignmemory_handle *h, void *p, size_t n)
{
	(void)h;
	return munmap(p, n * 4096);
}

/* ---- libxenevtchn: readable once, then not before the unmasking ---- */

struct xenevtchn_handle {
	int fd;
	struct guest *g;
};

xenevtchn_handle *xenevtchn_open(xentoollog_logger *l, unsigned int flags)
{
	struct xenevtchn_handle *h = calloc(1, sizeof(*h));

	(void)l, (void)flags;
	if (h && (h->fd = epoll_create1(EPOLL_CLOEXEC)) < 0)
		die("epoll_create1");
	return h;
}

int xenevtchn_close(xenevtchn_handle *h)
{
	close(h->fd);
	free(h);
	return 0;
}

int xenevtchn_fd(xenevtchn_handle *h)
{
	return h->fd;
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *h, uint32_t domid,
						     evtchn_port_t port)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLONESHOT};

	(void)port;
	h->g = by_domid(domid);
	if (!h->g || epoll_ctl(h->fd, EPOLL_CTL_ADD, h->g->event, &e) < 0)
		return -1;
	return (int)h->g->port;
}

xenevtchn_port_or_error_t xenevtchn_bind_virq(xenevtchn_handle *h, unsigned int virq)
{
	(void)h, (void)virq;
	return -1;
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *h)
{
	struct epoll_event e;
	char bells[4096];

	if (epoll_wait(h->fd, &e, 1, 0) != 1 ||
	    recv(h->g->event, bells, sizeof(bells), MSG_DONTWAIT) <= 0) {
		errno = EAGAIN;
		return -1;
	}
	return (int)h->g->port;
}

int xenevtchn_unmask(xenevtchn_handle *h, evtchn_port_t port)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLONESHOT};

	(void)port;
	return epoll_ctl(h->fd, EPOLL_CTL_MOD, h->g->event, &e);
}

int xenevtchn_notify(xenevtchn_handle *h, evtchn_port_t port)
{
	(void)port;
	/* EAGAIN: pending already. */
	if (send(h->g->event, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN)
		return -1;
	return 0;
}

/* ---- libxenstore: what a domain's console has there; watches fire once ---- */

struct xs_handle {
	int fd;
	unsigned first, last;
	struct {
		char *path, *token;
	} fired[8192];
};

struct xs_handle *xs_open(unsigned long flags)
{
	struct xs_handle *h = calloc(1, sizeof(*h));

	(void)flags;
	take_guests();
	if (h && (h->fd = eventfd(0, EFD_SEMAPHORE | EFD_CLOEXEC)) < 0)
		die("eventfd");
	return h;
}

void xs_close(struct xs_handle *h)
{
	close(h->fd);
	free(h);
}

int xs_fileno(struct xs_handle *h)
{
	return h->fd;
}

bool xs_watch(struct xs_handle *h, const char *path, const char *token)
{
	unsigned at = h->last++ % 8192;
	uint64_t one = 1;

	free(h->fired[at].path);
	free(h->fired[at].token);
	h->fired[at].path = strdup(path);
	h->fired[at].token = strdup(token);
	return write(h->fd, &one, sizeof(one)) == sizeof(one);
}

bool xs_unwatch(struct xs_handle *h, const char *path, const char *token)
{
	(void)h, (void)path, (void)token;
	return true;
}

/* One allocation, as the caller frees it: two pointers, then the strings. */
char **xs_read_watch(struct xs_handle *h, unsigned int *num)
{
	unsigned at = h->first % 8192;
	const char *path = h->fired[at].path, *token = h->fired[at].token;
	uint64_t one;
	char **v;

	if (h->first == h->last || read(h->fd, &one, sizeof(one)) < 0)
		return NULL;
	h->first++;
	v = malloc(2 * sizeof(*v) + strlen(path) + strlen(token) + 2);
	if (!v)
		return NULL;
	v[0] = (char *)(v + 2);
	v[1] = v[0] + strlen(path) + 1;
	strcpy(v[0], path);
	strcpy(v[1], token);
	*num = 2;
	return v;
}

char *xs_get_domain_path(struct xs_handle *h, unsigned int domid)
{
	char path[64];

	(void)h;
	snprintf(path, sizeof(path), "/local/domain/%u", domid);
	return strdup(path);
}

static const char *value(const struct guest *g, const char *key, char *room, size_t cap)
{
	if (!strcmp(key, "name"))
		return g->name;
	if (!strcmp(key, "console/type"))
		return "xenconsoled";
	if (!strcmp(key, "console/ring-ref"))
		return "1";
	if (strcmp(key, "console/port") != 0)
		return NULL;
	snprintf(room, cap, "%u", g->port);
	return room;
}

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path,
	      unsigned int *len)
{
	unsigned domid;
	char key[64], room[16];
	struct guest *g;
	const char *v = NULL;

	(void)h, (void)t;
	if (sscanf(path, "/local/domain/%u/%63s", &domid, key) == 2 &&
	    (g = by_domid(domid)))
		v = value(g, key, room, sizeof(room));
	if (!v) {
		errno = ENOENT;
		return NULL;
	}
	if (len)
		*len = (unsigned)strlen(v);
	return strdup(v);
}

bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path, const void *data,
	      unsigned int len)
{
	unsigned domid;
	char key[64];
	FILE *f;

	(void)h, (void)t;
	if (sscanf(path, "/local/domain/%u/%63s", &domid, key) != 2 ||
	    strcmp(key, "console/tty") != 0)
		return true;
	f = fopen(getenv("CONSOLE_SIM_TTYS"), "ae");
	if (!f)
		return false;
	fprintf(f, "%u %.*s\n", domid, (int)len, (const char *)data);
	return fclose(f) == 0;
}
