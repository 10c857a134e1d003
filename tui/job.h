/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the dashboard does: keel commands as child processes.
 *
 * The main loop polls their output, so nothing blocks; a job can be cancelled, and what
 * it wrote is kept as its explanation.
 */
#ifndef KEEL_TUI_JOB_H
#define KEEL_TUI_JOB_H

#include <poll.h>
#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#define MAX_JOBS 16
#define JOB_ARGS 12

struct job;
/* Called once, when the job has ended; output is all that it wrote (at most 1 MiB). */
typedef void job_done(void *arg, struct job *job);

struct job {
	bool used;
	bool running;
	bool quiet; /* a reader for a view, not an action: no events, no progress */
	bool cancelled;
	pid_t pid;
	int fd;	    /* its standard output and error; -1 when it closed them */
	int pidfd;  /* readable when it has ended */
	int status; /* exit status, or 128 + signal; valid when it has ended */
	time_t started;
	int64_t started_ms;
	char title[96];	   /* "Starting web1" */
	char command[256]; /* as a person would type it */
	char *output;
	size_t output_len;
	job_done *done;
	void *arg;
};

/*
 * Runs argv (NULL-terminated, "keel" first for a command of Keel's) in the background.
 * Returns NULL when there are too many or no process can be made.
 */
struct job *job_run(const char *title, const char *const *argv, bool quiet,
		    job_done *done, void *arg);

/* Fills pfds with the running jobs' descriptors, two each; returns how many. */
int job_poll_fds(struct pollfd *pfds, int max);
/* Reads what is there and reaps what has ended. */
void job_service(void);
/* The newest running job that is not quiet, or NULL. */
struct job *job_active(void);
/* Milliseconds since the job began. */
int64_t job_elapsed_ms(const struct job *job);
void job_cancel(struct job *job);
/* Ends all that still runs, and waits for it. */
void job_end_all(void);

/*
 * Runs argv on the terminal, which the caller has given away (draw_suspend()), and waits
 * for it.  Returns its exit status, 128 + signal, or -1.
 */
int job_foreground(const char *const *argv);

/* argv as a person would type it, in buf. */
void job_command_text(const char *const *argv, char *buf, size_t size);

#endif
