/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "child.h"
#include "lib/name.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TAIL_BYTES 8000

static void exec_child(const char *const argv[], int out)
{
	int null = open("/dev/null", O_RDONLY);

	/* Its own group: a ^C reaches the installer alone, which then decides. */
	setpgid(0, 0);
	signal(SIGPIPE, SIG_DFL);
	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(126);
	execvp(argv[0], (char *const *)argv);
	_exit(127);
}

struct listener {
	const struct ki_child *how;
	struct ki_buf tail;
	bool cancelled;
};

static void hear(struct listener *l, const char *data, size_t len)
{
	if (l->how && l->how->output)
		l->how->output(l->how->arg, data, len);
	ki_buf_add(&l->tail, data, len);
	if (l->tail.len > 4 * TAIL_BYTES) {
		size_t cut = l->tail.len - TAIL_BYTES;

		memmove(l->tail.data, l->tail.data + cut, TAIL_BYTES + 1);
		l->tail.len = TAIL_BYTES;
	}
}

/* Until the output's end or a cancel. */
static void listen_to(struct listener *l, int fd)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int ready = poll(&p, 1, 100);
		char chunk[4096];
		ssize_t got;

		if (l->how && l->how->cancelled && l->how->cancelled(l->how->arg)) {
			l->cancelled = true;
			return;
		}
		if (ready <= 0)
			continue;
		got = read(fd, chunk, sizeof(chunk));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return;
		hear(l, chunk, (size_t)got);
	}
}

static char *printable_tail(struct ki_buf *buf)
{
	char *text = ki_buf_take(buf), *at, *from;
	size_t len = strlen(text);

	from = len > TAIL_BYTES ? text + len - TAIL_BYTES : text;
	for (at = from; *at; at++)
		if (iscntrl((unsigned char)*at) && *at != '\n')
			*at = ' ';
	from = ki_strdup(ki_trim(from));
	free(text);
	return from;
}

int ki_child_run(const char *const argv[], const struct ki_child *how, char **tail,
		 struct ki_error *err)
{
	struct listener l = {.how = how};
	int pipefd[2], status = 0;
	pid_t pid;

	if (tail)
		*tail = NULL;
	if (pipe2(pipefd, O_CLOEXEC))
		return ki_fail(err, NULL, "a program cannot be run", "%s: %s", argv[0],
			       strerror(errno));
	pid = fork();
	if (!pid)
		exec_child(argv, pipefd[1]);
	close(pipefd[1]);
	if (pid < 0) {
		close(pipefd[0]);
		return ki_fail(err, NULL, "a program cannot be run", "%s: %s", argv[0],
			       strerror(errno));
	}
	listen_to(&l, pipefd[0]);
	close(pipefd[0]);
	if (l.cancelled && kill(-pid, SIGTERM))
		kill(pid, SIGTERM);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (tail)
		*tail = printable_tail(&l.tail);
	ki_buf_free(&l.tail);
	if (l.cancelled)
		return -2;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127) /* or the shell says which */
		return ki_fail(err, "install the package that has it",
			       "a program is missing", "%s",
			       tail && **tail ? *tail : argv[0]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int ki_child_detach(const char *const argv[], const char *log, struct ki_error *err)
{
	int out = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	pid_t pid;

	if (out < 0)
		return ki_fail(err, NULL, "a log file cannot be written", "%s: %s", log,
			       strerror(errno));
	pid = fork();
	if (!pid) {
		setsid();
		if (fork()) /* the middle process ends: nobody has to wait for the last */
			_exit(0);
		exec_child(argv, out);
	}
	close(out);
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		return ki_fail(err, NULL, "a program cannot be run", "%s: %s", argv[0],
			       strerror(errno));
	return 0;
}

char *ki_guest_unit(const char *name)
{
	char unit[KEEL_UNIT_MAX];

	keel_name_to_unit(name, unit, sizeof(unit));
	return ki_strdup(unit);
}

bool ki_unit_known(const char *unit)
{
	const char *argv[] = {"systemctl", "--quiet", "cat", "--", unit, NULL};

	return !access("/run/systemd/system", F_OK) &&
	       ki_child_run(argv, NULL, NULL, NULL) == 0;
}

/* The journal of the unit's last start; the caller frees it. NULL: not to be had. */
static char *unit_log(const char *unit)
{
	const char *show[] = {"systemctl", "show", "-P", "InvocationID",
			      "--",	   unit,   NULL};
	char *id = NULL, *match, *log = NULL;

	if (ki_child_run(show, NULL, &id, NULL) || !id || !*id) {
		free(id);
		return NULL;
	}
	match = ki_printf("_SYSTEMD_INVOCATION_ID=%s", id);
	const char *argv[] = {"journalctl", "-o", "cat", "--no-pager", match, NULL};

	if (ki_child_run(argv, NULL, &log, NULL)) {
		free(log);
		log = NULL;
	}
	free(match);
	free(id);
	return log;
}

static bool tells_trouble(const char *line)
{
	return strcasestr(line, "error") || strcasestr(line, "fail") ||
	       strcasestr(line, "cannot") || strcasestr(line, "invalid") ||
	       strcasestr(line, "not enough");
}

/* What went wrong first is the cause; what follows are its consequences. */
static char *first_trouble(const char *log)
{
	struct ki_buf out = {0};
	unsigned lines = 0;

	while (*log && lines < 5) {
		size_t len = strcspn(log, "\n");
		char *line = ki_strndup(log, len);

		if (tells_trouble(line)) {
			ki_buf_printf(&out, "%s%.160s", lines ? "\n" : "", line);
			lines++;
		}
		free(line);
		log += len;
		log += *log == '\n';
	}
	return ki_buf_take(&out);
}

static int start_failed(const char *unit, const char *tail, struct ki_error *err)
{
	char *log = unit_log(unit), *hint = ki_printf("journalctl -u %s", unit);
	char *trouble = first_trouble(log ? log : "");

	ki_fail(err, hint, "the guest did not start", "%s",
		*trouble ? trouble
		: tail	 ? tail
			 : unit);
	free(trouble);
	free(log);
	free(hint);
	return -1;
}

static int start_unit(const char *unit, const struct ki_child *how, struct ki_error *err)
{
	const char *reset[] = {"systemctl", "--quiet", "reset-failed", "--", unit, NULL};
	const char *argv[] = {"systemctl", "start", "--", unit, NULL};
	char *tail = NULL;
	int rc;

	ki_child_run(reset, NULL, NULL, NULL); /* fails when there is nothing to reset */
	rc = ki_child_run(argv, how, &tail, err);
	if (rc > 0)
		rc = start_failed(unit, tail, err);
	free(tail);
	return rc;
}

static int xl_failed(const char *tail, struct ki_error *err)
{
	char *trouble = first_trouble(tail);

	ki_fail(err, "xl dmesg, and the logs in /var/log/xen", "the guest did not start",
		"%s", *trouble ? trouble : tail);
	free(trouble);
	return -1;
}

static int start_by_xl(const struct ki_paths *paths, const char *name,
		       const struct ki_child *how, struct ki_error *err)
{
	char *cfg = ki_guest_cfg_path(paths, name), *tail = NULL;
	const char *argv[] = {"xl", "create", cfg, NULL};
	int rc = ki_child_run(argv, how, &tail, err);

	if (rc > 0)
		rc = xl_failed(tail ? tail : "", err);
	free(tail);
	free(cfg);
	return rc;
}

int ki_guest_start(const struct ki_paths *paths, const char *name,
		   const struct ki_child *how, struct ki_error *err)
{
	char *unit = ki_guest_unit(name);
	int rc = ki_unit_known(unit) ? start_unit(unit, how, err)
				     : start_by_xl(paths, name, how, err);

	free(unit);
	return rc;
}

int ki_guest_stop(const char *name, struct ki_error *err)
{
	char *unit = ki_guest_unit(name), *tail = NULL;
	const char *stop[] = {"systemctl", "stop", "--", unit, NULL};
	const char *destroy[] = {"xl", "destroy", name, NULL};
	int rc = ki_child_run(ki_unit_known(unit) ? stop : destroy, NULL, &tail, err);

	if (rc > 0)
		rc = ki_fail(err, "xl destroy NAME", "the guest could not be stopped",
			     "%s", tail ? tail : "");
	free(tail);
	free(unit);
	return rc;
}

int ki_guest_attach(const char *name, struct ki_error *err)
{
	execlp("keel-console", "keel-console", name, (char *)NULL);
	if (errno == ENOENT)
		execlp("xl", "xl", "console", name, (char *)NULL);
	return ki_fail(err, "keel console NAME", "the console cannot be attached", "%s",
		       strerror(errno));
}
