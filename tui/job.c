/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tui/job.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_OUTPUT (1u << 20)

static struct job jobs[MAX_JOBS];

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void job_command_text(const char *const *argv, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	for (; *argv && n < size; argv++) {
		bool plain =
			**argv &&
			strspn(*argv, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRST"
				      "UVWXYZ0123456789@%+=:,./_-") == strlen(*argv);

		n += (size_t)snprintf(buf + n, size - n, plain ? "%s%s" : "%s'%s'",
				      n ? " " : "", *argv);
	}
}

/* The program behind argv[0]: the dispatcher that started us, for "keel". */
static const char *program_of(const char *const *argv)
{
	const char *keel = getenv("KEEL_PROGRAM");

	return strcmp(argv[0], "keel") == 0 && keel && *keel ? keel : argv[0];
}

/* In the child: default signals, then the program. */
static void become(const char *const *argv)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	execvp(program_of(argv), (char *const *)(uintptr_t)argv);
	fprintf(stderr, "cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static struct job *free_slot(void)
{
	struct job *oldest = NULL;

	for (int i = 0; i < MAX_JOBS; i++) {
		if (!jobs[i].used)
			return &jobs[i];
		if (!jobs[i].running &&
		    (!oldest || jobs[i].started_ms < oldest->started_ms))
			oldest = &jobs[i];
	}
	if (oldest)
		free(oldest->output);
	return oldest;
}

struct job *job_run(const char *title, const char *const *argv, bool quiet,
		    job_done *done, void *arg)
{
	struct job *job = free_slot();
	int fds[2], null;

	if (!job || pipe2(fds, O_CLOEXEC | O_NONBLOCK))
		return NULL;
	memset(job, 0, sizeof(*job));
	job->pid = fork();
	if (job->pid < 0) {
		close(fds[0]);
		close(fds[1]);
		return NULL;
	}
	if (job->pid == 0) {
		/* A session of its own: nothing it runs can reach our terminal. */
		setsid();
		null = open("/dev/null", O_RDONLY);
		dup2(null, STDIN_FILENO);
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		/* The flag belongs to the pipe, and programs expect writes to block. */
		fcntl(STDOUT_FILENO, F_SETFL, 0);
		become(argv);
	}
	close(fds[1]);
	/* It cannot be gone yet: only we reap it. */
	job->pidfd = pidfd_open(job->pid, 0);
	if (job->pidfd < 0) {
		kill(job->pid, SIGKILL);
		waitpid(job->pid, NULL, 0);
		close(fds[0]);
		return NULL;
	}
	job->used = job->running = true;
	job->quiet = quiet;
	job->fd = fds[0];
	job->started = time(NULL);
	job->started_ms = now_ms();
	job->done = done;
	job->arg = arg;
	snprintf(job->title, sizeof(job->title), "%s", title);
	job_command_text(argv, job->command, sizeof(job->command));
	return job;
}

int job_poll_fds(struct pollfd *pfds, int max)
{
	int n = 0;

	for (int i = 0; i < MAX_JOBS && n + 1 < max; i++) {
		if (!jobs[i].running)
			continue;
		pfds[n++] = (struct pollfd){.fd = jobs[i].pidfd, .events = POLLIN};
		if (jobs[i].fd >= 0)
			pfds[n++] = (struct pollfd){.fd = jobs[i].fd, .events = POLLIN};
	}
	return n;
}

static void keep(struct job *job, const char *bytes, size_t n)
{
	char *grown;

	if (job->output_len + n > MAX_OUTPUT)
		n = MAX_OUTPUT - job->output_len;
	grown = realloc(job->output, job->output_len + n + 1);
	if (!grown)
		return;
	job->output = grown;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)bytes[i];

		/* Text only: it is shown on our screen, and may come from a guest. */
		grown[job->output_len + i] =
			(char)(c == '\n' || (c >= 0x20 && c != 0x7f) ? c
			       : c == '\t'			     ? ' '
								     : '?');
	}
	job->output_len += n;
	grown[job->output_len] = '\0';
}

/* Reads what there is to read; closes the pipe at its end. */
static void drain(struct job *job)
{
	char buf[4096];
	ssize_t n = -1;

	errno = EAGAIN;
	while (job->fd >= 0 && (n = read(job->fd, buf, sizeof(buf))) > 0)
		keep(job, buf, (size_t)n);
	if (job->fd >= 0 && (n == 0 || (errno != EAGAIN && errno != EINTR))) {
		close(job->fd);
		job->fd = -1;
	}
}

/*
 * Ends the job when its process has ended, whether or not something that it started
 * still holds the pipe.
 */
static void reap(struct job *job)
{
	int status;

	if (waitpid(job->pid, &status, WNOHANG) != job->pid)
		return;
	drain(job);
	if (job->fd >= 0)
		close(job->fd);
	close(job->pidfd);
	job->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	job->running = false;
	if (job->done)
		job->done(job->arg, job);
}

void job_service(void)
{
	for (int i = 0; i < MAX_JOBS; i++) {
		if (!jobs[i].running)
			continue;
		drain(&jobs[i]);
		reap(&jobs[i]);
	}
}

struct job *job_active(void)
{
	struct job *newest = NULL;

	for (int i = 0; i < MAX_JOBS; i++)
		if (jobs[i].running && !jobs[i].quiet &&
		    (!newest || jobs[i].started_ms > newest->started_ms))
			newest = &jobs[i];
	return newest;
}

int64_t job_elapsed_ms(const struct job *job)
{
	return now_ms() - job->started_ms;
}

void job_cancel(struct job *job)
{
	job->cancelled = true;
	/* Its whole session, so that a program that it waits for ends as well. */
	kill(-job->pid, SIGTERM);
}

void job_end_all(void)
{
	for (int i = 0; i < MAX_JOBS; i++) {
		/* Actions are left to finish; what only reads for a view is of no use
		 * now. */
		if (jobs[i].running && jobs[i].quiet) {
			kill(-jobs[i].pid, SIGTERM);
			if (jobs[i].fd >= 0)
				close(jobs[i].fd);
			close(jobs[i].pidfd);
			waitpid(jobs[i].pid, NULL, 0);
		}
		free(jobs[i].output);
		memset(&jobs[i], 0, sizeof(jobs[i]));
	}
}

int job_foreground(const char *const *argv)
{
	int status;
	pid_t pid;

	/* The keys that interrupt are meant for the program on the terminal. */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	pid = fork();
	if (pid == 0)
		become(argv);
	if (pid < 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
