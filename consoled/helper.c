/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The daemon's side of a helper process: start, feed, hear, restart. */
#include "helper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAITING_MAX (8u << 20)
#define READ_BUDGET 64 /* messages taken per wake-up, so that others get their turn */
#define RESTART_MS  100
#define RESTART_MAX 5000

struct waiting {
	struct waiting *next;
	int fd;
	size_t len;
	uint8_t bytes[];
};

struct helper {
	struct helper_conf conf;
	uv_loop_t *loop;
	uv_poll_t poll;
	uv_timer_t timer;
	struct doorbell bell;
	int sock, pid;
	unsigned delay_ms;
	uint64_t started_ms;
	bool polling, stopped, inherited;
	struct waiting *first, **last;
	size_t waiting;
	_Alignas(8) uint8_t buf[sizeof(struct hmsg) + HELPER_PAYLOAD];
};

bool helper_alive(const struct helper *h)
{
	return h->sock >= 0;
}

int helper_pid(const struct helper *h)
{
	return h->pid;
}

void helper_inherit(struct helper *h, int pid)
{
	h->pid = pid;
	h->inherited = pid != 0;
}

void helper_ring(struct helper *h, uint32_t slot)
{
	doorbell_ring(&h->bell, slot);
}

static void forget_waiting(struct helper *h)
{
	struct waiting *w;

	while ((w = h->first)) {
		h->first = w->next;
		if (w->fd >= 0)
			close(w->fd);
		free(w);
	}
	h->last = &h->first;
	h->waiting = 0;
}

/* In the child: puts fd at its place; descriptors given are all above `base`. */
static void place_fd(int fd, int at)
{
	if (fd >= 0 && dup2(fd, at) < 0)
		_exit(127);
	if (fd < 0)
		close(at);
}

static void child(struct helper *h, int sock)
{
	int fd[5] = {sock, h->bell.mem_fd, h->bell.event_fd, h->conf.dir_fd,
		     h->conf.state_fd};
	char *argv[] = {"keel-consoled",      "--helper",
			(char *)h->conf.kind, "--user",
			(char *)h->conf.user, h->conf.dir ? "--confine" : NULL,
			(char *)h->conf.dir,  NULL};
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, 0);
	for (int i = 0; i < 5; i++) {
		if (fd[i] >= 0 && (fd[i] = fcntl(fd[i], F_DUPFD, 64)) < 0)
			_exit(127);
	}
	for (int i = 0; i < 5; i++)
		place_fd(fd[i], HELPER_SOCKET_FD + i);
	if (close_range(HELPER_SOCKET_FD + 5, ~0u, 0) < 0)
		_exit(127);
	priority_set(h->conf.priority);
	execv("/proc/self/exe", argv);
	_exit(127);
}

static void on_poll(uv_poll_t *p, int status, int events);

static void set_poll(struct helper *h)
{
	uv_poll_start(&h->poll, UV_READABLE | (h->first ? UV_WRITABLE : 0), on_poll);
}

static int start(struct helper *h)
{
	int pair[2], size = 1 << 20, e;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	if (setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) < 0 ||
	    setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) < 0) {
		/* Smaller buffers are slower, no less right. */
	}
	e = doorbell_make(&h->bell);
	pid = e < 0 ? -1 : fork();
	if (pid == 0)
		child(h, pair[1]);
	if (pid < 0) {
		e = e < 0 ? e : -errno;
		close(pair[0]);
		close(pair[1]);
		doorbell_close(&h->bell);
		return e;
	}
	close(pair[1]);
	h->sock = pair[0];
	h->pid = pid;
	h->started_ms = uv_now(h->loop);
	if (fcntl(h->sock, F_SETFL, O_NONBLOCK) < 0 ||
	    uv_poll_init(h->loop, &h->poll, h->sock) < 0)
		return -EIO;
	h->polling = true;
	h->poll.data = h;
	set_poll(h);
	h->conf.started(h->conf.ctx);
	return 0;
}

static void on_timer(uv_timer_t *t)
{
	struct helper *h = t->data;

	if (h->stopped || h->sock >= 0)
		return;
	if (h->pid) { /* it hung up but lives: its successor waits for its end */
		kill(h->pid, SIGKILL);
		uv_timer_start(&h->timer, on_timer, RESTART_MS, 0);
		return;
	}
	if (start(h) < 0)
		uv_timer_start(&h->timer, on_timer, RESTART_MAX, 0);
}

static void free_helper(uv_handle_t *handle)
{
	struct helper *h = handle->data;

	doorbell_close(&h->bell);
	free(h);
}

static void poll_closed(uv_handle_t *handle)
{
	struct helper *h = handle->data;

	h->polling = false;
	if (h->stopped) {
		uv_close((uv_handle_t *)&h->timer, free_helper);
		return;
	}
	if (uv_now(h->loop) - h->started_ms > 60000)
		h->delay_ms = 0;
	uv_timer_start(&h->timer, on_timer, h->delay_ms, 0);
	h->delay_ms = h->delay_ms ? h->delay_ms * 2 : RESTART_MS;
	if (h->delay_ms > RESTART_MAX)
		h->delay_ms = RESTART_MAX;
}

static void hang_up(struct helper *h)
{
	if (h->sock < 0)
		return;
	uv_poll_stop(&h->poll);
	close(h->sock);
	h->sock = -1;
	forget_waiting(h);
	uv_close((uv_handle_t *)&h->poll, poll_closed);
}

int helper_reap(struct helper *h, int pid, int status)
{
	uint32_t busy;

	if (!h || pid != h->pid)
		return 0;
	h->pid = 0;
	busy = h->bell.page ? __atomic_load_n(&h->bell.page->busy_slot, __ATOMIC_RELAXED)
			    : 0;
	doorbell_close(&h->bell);
	if (!h->inherited)
		h->conf.died(h->conf.ctx, status, busy);
	h->inherited = false;
	hang_up(h);
	return 1;
}

static int send_now(struct helper *h, const void *p, size_t n, int fd)
{
	char room[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec v = {.iov_base = (void *)p, .iov_len = n};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};

	if (fd >= 0) {
		struct cmsghdr *c;

		m.msg_control = room;
		m.msg_controllen = sizeof(room);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	return sendmsg(h->sock, &m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

static int keep_waiting(struct helper *h, const void *p, size_t n, int fd)
{
	struct waiting *w;

	if (h->waiting + n > WAITING_MAX || !(w = malloc(sizeof(*w) + n)))
		return -ENOBUFS;
	w->next = NULL;
	w->len = n;
	w->fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 64);
	if (fd >= 0 && w->fd < 0) {
		free(w);
		return -errno;
	}
	memcpy(w->bytes, p, n);
	*h->last = w;
	h->last = &w->next;
	h->waiting += n;
	set_poll(h);
	return 0;
}

int helper_send(struct helper *h, const struct hmsg *m, const void *payload, int fd)
{
	_Alignas(8) uint8_t buf[sizeof(struct hmsg) + 4096];
	struct hmsg *copy = (struct hmsg *)buf;
	int e;

	if (m->len > 4096)
		return -EMSGSIZE;
	if (h->sock < 0)
		return -ENOTCONN;
	*copy = *m;
	if (m->len)
		memcpy(copy->payload, payload, m->len);
	if (h->first)
		return keep_waiting(h, buf, sizeof(*m) + m->len, fd);
	e = send_now(h, buf, sizeof(*m) + m->len, fd);
	if (e == -EAGAIN || e == -ENOBUFS)
		e = keep_waiting(h, buf, sizeof(*m) + m->len, fd);
	return e;
}

static void flush(struct helper *h)
{
	struct waiting *w;

	while ((w = h->first)) {
		int e = send_now(h, w->bytes, w->len, w->fd);

		if (e == -EAGAIN || e == -ENOBUFS)
			return;
		h->first = w->next;
		if (!h->first)
			h->last = &h->first;
		h->waiting -= w->len;
		if (w->fd >= 0)
			close(w->fd);
		free(w);
	}
	set_poll(h);
}

/* A helper is not believed: a message that is not whole is left out. */
static bool receive(struct helper *h)
{
	ssize_t n = recv(h->sock, h->buf, sizeof(h->buf), MSG_DONTWAIT);
	const struct hmsg *m = (const struct hmsg *)h->buf;

	if (n == 0)
		hang_up(h);
	if (n <= 0)
		return false;
	if ((size_t)n >= sizeof(*m) && m->len == (size_t)n - sizeof(*m))
		h->conf.message(h->conf.ctx, m);
	return h->sock >= 0;
}

static void on_poll(uv_poll_t *p, int status, int events)
{
	struct helper *h = p->data;

	if (status < 0) {
		hang_up(h);
		return;
	}
	if (events & UV_WRITABLE)
		flush(h);
	if (events & UV_READABLE) {
		for (int i = 0; i < READ_BUDGET && h->sock >= 0 && receive(h); i++)
			;
	}
}

struct helper *helper_new(uv_loop_t *loop, const struct helper_conf *conf)
{
	struct helper *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->conf = *conf;
	h->loop = loop;
	h->sock = -1;
	h->last = &h->first;
	h->bell.mem_fd = h->bell.event_fd = -1;
	uv_timer_init(loop, &h->timer);
	h->timer.data = h;
	/* From the loop, so that `started` finds its context complete. */
	uv_timer_start(&h->timer, on_timer, 0, 0);
	return h;
}

void helper_stop(struct helper *h)
{
	if (!h)
		return;
	h->stopped = true;
	uv_timer_stop(&h->timer);
	if (h->sock >= 0)
		hang_up(h);
	else if (!h->polling)
		uv_close((uv_handle_t *)&h->timer, free_helper);
}
