/* SPDX-License-Identifier: GPL-3.0-or-later */
/* This terminal: raw mode, size, signals as a readable descriptor. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "console.h"

static struct termios saved;
static bool is_raw;

bool tty_is(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

void tty_restore(void)
{
	if (is_raw && tcsetattr(STDIN_FILENO, TCSADRAIN, &saved) < 0) {
		/* The terminal is gone; nothing is left to restore. */
	}
	is_raw = false;
}

int tty_raw(void)
{
	struct termios t;

	if (tcgetattr(STDIN_FILENO, &saved) < 0)
		return -errno;
	t = saved;
	cfmakeraw(&t);
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &t) < 0)
		return -errno;
	if (!is_raw)
		atexit(tty_restore);
	is_raw = true;
	return 0;
}

void tty_size(unsigned *cols, unsigned *rows)
{
	struct winsize w;

	*cols = 80;
	*rows = 24;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col && w.ws_row) {
		*cols = w.ws_col;
		*rows = w.ws_row;
	}
}

/* Input read too early, by a reader that stops in the middle: for the next one. */
static uint8_t ahead[1024];
static size_t nahead;

bool tty_pending(void)
{
	return nahead > 0;
}

void tty_unread(const uint8_t *p, size_t n)
{
	if (n > sizeof(ahead) - nahead)
		n = sizeof(ahead) - nahead;
	memmove(ahead + n, ahead, nahead);
	memcpy(ahead, p, n);
	nahead += n;
}

long tty_read(uint8_t *p, size_t n)
{
	ssize_t r;

	if (nahead) {
		if (n > nahead)
			n = nahead;
		memcpy(p, ahead, n);
		nahead -= n;
		memmove(ahead, ahead + n, nahead);
		return (long)n;
	}
	r = read(STDIN_FILENO, p, n);
	return r < 0 ? -errno : (long)r;
}

bool tty_write(const void *p, size_t n)
{
	const char *s = p;

	while (n) {
		ssize_t w = write(STDOUT_FILENO, s, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0 && errno == EAGAIN) {
			struct pollfd f = {.fd = STDOUT_FILENO, .events = POLLOUT};

			if (poll(&f, 1, -1) < 0 && errno != EINTR)
				return false;
			continue;
		}
		if (w <= 0)
			return false;
		s += w;
		n -= (size_t)w;
	}
	return true;
}

void tty_reset_modes(void)
{
	static const char reset[] =
		"\033[!p\033[?1l\033>\033[?5l\033[?6l\033[?7h\033[?25h\033[4l\033[r"
		"\033[?9l\033[?1000l\033[?1002l\033[?1003l\033[?1006l\033[?2004l"
		"\033[?1049l\033(B\017\033[0m";

	tty_write(reset, sizeof(reset) - 1);
}

int tty_signal_fd(void)
{
	static int fd = -1;
	sigset_t s;

	if (fd >= 0)
		return fd;
	sigemptyset(&s);
	sigaddset(&s, SIGWINCH);
	sigaddset(&s, SIGTERM);
	sigaddset(&s, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &s, NULL) < 0)
		return -1;
	fd = signalfd(-1, &s, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd;
}

int tty_signal_take(void)
{
	struct signalfd_siginfo i;

	return read(tty_signal_fd(), &i, sizeof(i)) == sizeof(i) ? (int)i.ssi_signo : 0;
}
