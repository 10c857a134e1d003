/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * consoled/xswatch.c alone, on whatever xenstored $XENSTORED_PATH names: prints
 * what it finds, publishes "/dev/pts/99" for each console, and "" (the end) for
 * each console of the domain whose number comes on stdin.  Ends with stdin.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "consoled/xswatch.h"

static struct xswatch *watch;
static struct console_desc last;

static void on_found(void *ctx, const struct console_desc *d)
{
	(void)ctx;
	printf("found %u %s %s %s %llu %u %s\n", d->domid, d->uuid, d->name, d->console,
	       (unsigned long long)d->ref, d->port, *d->tty ? d->tty : "-");
	fflush(stdout);
	last = *d;
	xswatch_publish(watch, d, "/dev/pts/99");
}

static void on_gone(void *ctx, uint32_t domid, const char *console)
{
	(void)ctx;
	printf("gone %u %s\n", domid, *console ? console : "-");
	fflush(stdout);
}

static void on_renamed(void *ctx, uint32_t domid, const char *name)
{
	(void)ctx;
	printf("renamed %u %s\n", domid, name);
	fflush(stdout);
}

static void on_trouble(void *ctx, const char *text)
{
	(void)ctx;
	printf("trouble %s\n", text);
	fflush(stdout);
}

static void on_stdin(uv_poll_t *p, int status, int events)
{
	char line[64];
	ssize_t n = read(STDIN_FILENO, line, sizeof(line) - 1);

	(void)status;
	(void)events;
	if (n <= 0) {
		uv_poll_stop(p);
		uv_close((uv_handle_t *)p, NULL);
		xswatch_stop(watch);
	} else if (line[0] == 's') {
		xswatch_sysrq(watch, last.domid, 'h');
	} else {
		xswatch_publish(watch, &last, "");
	}
}

int main(void)
{
	static const struct backend_events ev = {.found = on_found,
						 .gone = on_gone,
						 .renamed = on_renamed,
						 .trouble = on_trouble};
	uv_loop_t *loop = uv_default_loop();
	uv_poll_t in;

	uv_poll_init(loop, &in, STDIN_FILENO);
	uv_poll_start(&in, UV_READABLE, on_stdin);
	if (xswatch_start(&watch, loop, &ev, NULL) < 0)
		return 1;
	return uv_run(loop, UV_RUN_DEFAULT);
}
