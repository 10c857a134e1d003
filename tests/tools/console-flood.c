/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Simulated guests at full speed, for measurements: a listener as the tests'
 * back end expects it (see console-fake.c), N guests of which F flood, one
 * guest that echoes.  Runs until stdin ends; then prints the bytes written.
 *
 *   console-flood SOCKET GUESTS FLOODING BYTES-PER-SECOND(0: all it can)
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "consoled/ring.h"

struct guest {
	struct xencons_interface *ring;
	int mem, event, far;
	uint64_t written;
	size_t at; /* in the text */
};

static char text[1 << 16];

static void fill_text(void)
{
	size_t n = 0;
	int i = 0;

	while (n + 100 < sizeof(text))
		n += (size_t)snprintf(
			text + n, 100,
			"[%5d.%06d] flood: line %06d of a guest that writes "
			"all that it can\r\n",
			i / 7, i * 13 % 1000000, i);
	memset(text + n, '.', sizeof(text) - n);
}

static void ring_bell(struct guest *g)
{
	if (send(g->event, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN)
		exit(1);
}

static int make(struct guest *g)
{
	int pair[2];

	g->mem = memfd_create("ring", 0);
	if (g->mem < 0 || ftruncate(g->mem, 4096) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0)
		return -1;
	g->ring = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, g->mem, 0);
	g->event = pair[0];
	g->far = pair[1];
	return g->ring == MAP_FAILED ? -1 : 0;
}

static int announce(int link, const struct guest *g, int i)
{
	char msg[256], room[CMSG_SPACE(2 * sizeof(int))] = {0};
	struct iovec v = {msg,
			  (size_t)snprintf(msg, sizeof(msg),
					   "ring 00000000-0000-0000-0000-%012d %d pv0 %d "
					   "guest%d",
					   i + 1, i + 1, i + 1, i)};
	struct msghdr h = {.msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = room,
			   .msg_controllen = sizeof(room)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);
	int fd[2] = {g->mem, g->far};

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), fd, sizeof(fd));
	return sendmsg(link, &h, 0) < 0 ? -1 : 0;
}

/* As much as fits; the bell only when something was put. */
static size_t put(struct guest *g, size_t max)
{
	uint32_t prod = g->ring->out_prod;
	uint32_t cons = __atomic_load_n(&g->ring->out_cons, __ATOMIC_ACQUIRE);
	size_t room = RING_OUT_SIZE - (prod - cons), n = room < max ? room : max;

	for (size_t i = 0; i < n;) {
		size_t at = (prod + i) & (RING_OUT_SIZE - 1), part = n - i;

		if (part > RING_OUT_SIZE - at)
			part = RING_OUT_SIZE - at;
		if (part > sizeof(text) - g->at)
			part = sizeof(text) - g->at;
		memcpy(g->ring->out + at, text + g->at, part);
		g->at = (g->at + part) % sizeof(text);
		i += part;
	}
	__atomic_store_n(&g->ring->out_prod, prod + (uint32_t)n, __ATOMIC_RELEASE);
	if (n)
		ring_bell(g);
	g->written += n;
	return n;
}

static void drain(const struct guest *g)
{
	char buf[256];

	while (recv(g->event, buf, sizeof(buf), 0) > 0)
		;
}

static void echo(struct guest *g)
{
	uint32_t cons = g->ring->in_cons;
	uint32_t prod = __atomic_load_n(&g->ring->in_prod, __ATOMIC_ACQUIRE);

	if (cons == prod)
		return;
	for (; cons != prod; cons++) {
		uint32_t out = g->ring->out_prod;

		g->ring->out[out & (RING_OUT_SIZE - 1)] = g->ring->in[cons & 1023];
		__atomic_store_n(&g->ring->out_prod, out + 1, __ATOMIC_RELEASE);
	}
	__atomic_store_n(&g->ring->in_cons, cons, __ATOMIC_RELEASE);
	ring_bell(g);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/*
 * The last guest echoes what is typed.  As on a real host it has a processor of
 * its own: it waits for no other guest and, where allowed, for nobody at all.
 */
static void *echoing(void *guest)
{
	struct sched_param most = {.sched_priority = 2};
	struct guest *g = guest;
	struct pollfd p = {.fd = g->event, .events = POLLIN};

	if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &most))
		fprintf(stderr, "console-flood: ordinary priority for the echo\n");
	for (;;) {
		if (poll(&p, 1, -1) > 0) {
			drain(g);
			echo(g);
		}
	}
	return NULL;
}

/* Ended by stdin; waits for any guest's bell when nothing can be written. */
static bool wait_for_room(struct guest *g, int n, struct pollfd *p, int timeout)
{
	p[n] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
	for (int i = 0; i < n; i++)
		p[i] = (struct pollfd){.fd = i < n - 1 ? g[i].event : -1,
				       .events = POLLIN};
	if (poll(p, (nfds_t)n + 1, timeout) > 0) {
		for (int i = 0; i < n; i++) {
			if (p[i].revents)
				drain(&g[i]);
		}
	}
	return !p[n].revents;
}

static void run(struct guest *g, int n, int flooding, double rate)
{
	struct pollfd *p = calloc((size_t)n + 1, sizeof(*p));
	double start = now();
	uint64_t all = 0;
	/* A guest looks at its ring for a while before it sleeps, as kernels do. */
	unsigned spin = flooding && !rate ? 2000 / (unsigned)flooding : 0;

	if (!p)
		exit(1);
	for (unsigned round = 0, idle = 0;; round++) {
		uint64_t before = all;

		for (int i = 0; i < flooding; i++) {
			if (rate && (double)g[i].written > rate * (now() - start))
				continue;
			all += put(&g[i], RING_OUT_SIZE);
		}
		/* The end of stdin is looked for now and then, and the bells are
		 * taken, also when there is always room. */
		idle = all == before ? idle + 1 : 0;
		if ((idle > spin || round % 4096 == 0) &&
		    !wait_for_room(g, n, p, idle ? (flooding ? 1 : -1) : 0))
			break;
	}
	free(p);
}

int main(int argc, char **argv)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_SEQPACKET, 0), link, n, flooding;
	struct guest *g;
	pthread_t thread;
	uint64_t all = 0;

	if (argc != 5)
		return 2;
	n = atoi(argv[2]);
	flooding = atoi(argv[3]);
	g = calloc((size_t)n, sizeof(*g));
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", argv[1]);
	fill_text();
	if (!g || s < 0 || bind(s, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(s, 1) < 0)
		return 1;
	puts("ready");
	fflush(stdout);
	link = accept(s, NULL, NULL);
	for (int i = 0; i < n; i++) {
		if (make(&g[i]) < 0 || announce(link, &g[i], i) < 0) {
			perror("guest");
			return 1;
		}
	}
	if (pthread_create(&thread, NULL, echoing, &g[n - 1]))
		return 1;
	/* What the daemon says about ptys stays in the socket. */
	puts("announced");
	fflush(stdout);
	run(g, n, flooding, atof(argv[4]));
	for (int i = 0; i < n; i++)
		all += g[i].written;
	printf("%llu\n", (unsigned long long)all);
	return 0;
}
