/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines for the journal, in its native datagram form (systemd.journal-fields(7),
 * "Journal native protocol"): a journal that hangs must not hang the consoles,
 * so the socket never waits; what it does not take goes to stderr.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "daemon.h"

#define JOURNAL "/run/systemd/journal/socket"

static bool connect_journal(struct daemon *d)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	const char *path = d->journal_path ? d->journal_path : JOURNAL;

	if (strlen(path) >= sizeof(a.sun_path))
		return false;
	strcpy(a.sun_path, path);
	d->journal_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (d->journal_fd < 0)
		return false;
	if (connect(d->journal_fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return true;
	close(d->journal_fd);
	d->journal_fd = -1;
	return false;
}

void audit_open(struct daemon *d)
{
	d->journal_fd = -1;
	connect_journal(d);
}

/* One field on a line of its own: nothing in it may end the line. */
static size_t field(char *to, size_t cap, const char *key, const char *value)
{
	int n = snprintf(to, cap, "%s=%s\n", key, value);

	if (n < 0 || (size_t)n >= cap)
		return 0;
	for (char *p = to; p < to + n - 1; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	}
	return (size_t)n;
}

static void emit(struct daemon *d, int priority, const char *text, const char *fields,
		 size_t nfields)
{
	char msg[4096], num[12];
	size_t n;

	snprintf(num, sizeof(num), "%d", priority);
	n = field(msg, sizeof(msg), "MESSAGE", text);
	n += field(msg + n, sizeof(msg) - n, "PRIORITY", num);
	n += field(msg + n, sizeof(msg) - n, "SYSLOG_IDENTIFIER", "keel-consoled");
	if (nfields < sizeof(msg) - n) {
		memcpy(msg + n, fields, nfields);
		n += nfields;
	}
	if (d->journal_fd < 0 && !connect_journal(d)) {
		fprintf(stderr, "<%d>keel-consoled: %s\n", priority, text);
		return;
	}
	if (send(d->journal_fd, msg, n, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return;
	fprintf(stderr, "<%d>keel-consoled: %s\n", priority, text);
	if (errno != EAGAIN) {
		close(d->journal_fd);
		d->journal_fd = -1;
	}
}

void say(struct daemon *d, int priority, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	emit(d, priority, text, "", 0);
}

void audit(struct daemon *d, const char *event, const struct session *s,
	   const struct client *c, const char *fmt, ...)
{
	char text[768], line[1536], f[2048], num[16];
	size_t n;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n = field(f, sizeof(f), "KEEL_EVENT", event);
	if (s) {
		n += field(f + n, sizeof(f) - n, "KEEL_GUEST", s->rec.h->name);
		n += field(f + n, sizeof(f) - n, "KEEL_UUID", s->rec.h->uuid);
		n += field(f + n, sizeof(f) - n, "KEEL_CONSOLE", s->rec.h->console);
	}
	if (c) {
		snprintf(num, sizeof(num), "%u", c->peer.uid);
		n += field(f + n, sizeof(f) - n, "KEEL_USER", c->user);
		n += field(f + n, sizeof(f) - n, "KEEL_UID", num);
		snprintf(num, sizeof(num), "%u", c->peer.pid);
		n += field(f + n, sizeof(f) - n, "KEEL_PID", num);
	}
	snprintf(line, sizeof(line), "%s%s%s%s%s: %s", s ? s->rec.h->name : "",
		 s ? ": " : "", c ? c->user : "", c ? ": " : "", event, text);
	emit(d, !strcmp(event, "denied") ? LOG_WARNING : LOG_NOTICE, line, f, n);
}
