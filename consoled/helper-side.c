/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "helper-side.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int side_receive(struct hmsg_in *m, int *fd)
{
	char room[CMSG_SPACE(sizeof(int))];
	struct iovec v = {.iov_base = m, .iov_len = sizeof(*m)};
	struct msghdr h = {.msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = room,
			   .msg_controllen = sizeof(room)};
	struct cmsghdr *c;
	ssize_t n = recvmsg(HELPER_SOCKET_FD, &h, MSG_DONTWAIT);

	*fd = -1;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (n == 0)
		return -1;
	c = CMSG_FIRSTHDR(&h);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	if ((size_t)n < sizeof(m->head) || m->head.len != (size_t)n - sizeof(m->head)) {
		if (*fd >= 0)
			close(*fd);
		return -1;
	}
	return 1;
}

bool side_send(const struct hmsg *m, const void *payload, size_t n)
{
	struct iovec v[2] = {{(void *)m, sizeof(*m)}, {(void *)payload, n}};
	struct msghdr h = {.msg_iov = v, .msg_iovlen = n ? 2 : 1};

	return sendmsg(HELPER_SOCKET_FD, &h, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

bool side_can_retry(void)
{
	return errno == EAGAIN || errno == ENOBUFS || errno == EINTR;
}

void side_pause(int timeout_ms)
{
	struct pollfd p = {.fd = HELPER_SOCKET_FD, .events = POLLIN};

	poll(&p, 1, timeout_ms);
}

void side_wait(struct doorbell *bell, int timeout_ms, bool want_room)
{
	struct pollfd p[2] = {
		{.fd = HELPER_SOCKET_FD, .events = POLLIN},
		{.fd = bell->event_fd, .events = POLLIN},
	};

	/* Without room to send, news can wait; the socket cannot. */
	if (want_room)
		p[0].events |= POLLOUT;
	poll(p, want_room ? 1 : 2, timeout_ms);
	if (!want_room && p[1].revents)
		doorbell_clear(bell);
}
