/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Compression of rotated logs in pieces, between which lines are written. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>
#include <zlib.h>

#include "log-file.h"

#define PIECE 131072u

struct job {
	TAILQ_ENTRY(job) all;
	char name[512]; /* of the log; its .1 is compressed */
	int in, out;
	z_stream z;
	bool started;
};

static TAILQ_HEAD(, job) jobs = TAILQ_HEAD_INITIALIZER(jobs);

static void path_of(const struct job *j, const char *end, char *out, size_t cap)
{
	snprintf(out, cap, "%s.1%s", j->name, end);
}

static void drop(struct job *j)
{
	if (j->started)
		deflateEnd(&j->z);
	if (j->in >= 0)
		close(j->in);
	if (j->out >= 0)
		close(j->out);
	TAILQ_REMOVE(&jobs, j, all);
	free(j);
}

/* What could not be compressed stays as it is. */
static void give_up(struct job *j)
{
	char tmp[560];

	path_of(j, ".tmp", tmp, sizeof(tmp));
	unlinkat(HELPER_DIR_FD, tmp, 0);
	drop(j);
}

void gzip_begin(const char *name)
{
	struct job *j = calloc(1, sizeof(*j));

	if (!j)
		return;
	j->in = j->out = -1;
	snprintf(j->name, sizeof(j->name), "%s", name);
	TAILQ_INSERT_TAIL(&jobs, j, all);
}

static bool start(struct job *j)
{
	char from[560], tmp[560];

	path_of(j, "", from, sizeof(from));
	path_of(j, ".tmp", tmp, sizeof(tmp));
	j->in = openat(HELPER_DIR_FD, from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (j->in < 0)
		return false;
	j->out = openat(HELPER_DIR_FD, tmp,
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (j->out < 0)
		return false;
	/* 16 + 15: the gzip format, largest window. */
	j->started = deflateInit2(&j->z, 6, Z_DEFLATED, 16 + 15, 8, Z_DEFAULT_STRATEGY) ==
		     Z_OK;
	return j->started;
}

static bool write_all(int fd, const uint8_t *p, size_t n)
{
	while (n) {
		ssize_t w = write(fd, p, n);

		if (w <= 0)
			return false;
		p += w;
		n -= (size_t)w;
	}
	return true;
}

static void finish(struct job *j)
{
	char from[560], tmp[560], to[560];

	path_of(j, "", from, sizeof(from));
	path_of(j, ".tmp", tmp, sizeof(tmp));
	path_of(j, ".gz", to, sizeof(to));
	/* The plain file goes only after the compressed one is safe. */
	if (fdatasync(j->out) < 0 ||
	    renameat(HELPER_DIR_FD, tmp, HELPER_DIR_FD, to) < 0) {
		give_up(j);
		return;
	}
	unlinkat(HELPER_DIR_FD, from, 0);
	drop(j);
}

/* 1: more to do, 0: all is done, -1: failed. */
static int piece(struct job *j)
{
	static uint8_t in[PIECE], out[PIECE];
	ssize_t n = read(j->in, in, sizeof(in));
	int flush = n ? Z_NO_FLUSH : Z_FINISH, r;

	if (n < 0)
		return -1;
	j->z.next_in = in;
	j->z.avail_in = (uInt)n;
	do {
		j->z.next_out = out;
		j->z.avail_out = sizeof(out);
		r = deflate(&j->z, flush);
		if (r == Z_STREAM_ERROR ||
		    !write_all(j->out, out, sizeof(out) - j->z.avail_out))
			return -1;
	} while (!j->z.avail_out);
	return r != Z_STREAM_END;
}

static void step(struct job *j)
{
	int r;

	if (!j->started && !start(j)) {
		give_up(j);
		return;
	}
	r = piece(j);
	if (r < 0)
		give_up(j);
	else if (r == 0)
		finish(j);
}

bool gzip_step(void)
{
	struct job *j = TAILQ_FIRST(&jobs);

	if (j)
		step(j);
	return !TAILQ_EMPTY(&jobs);
}

static struct job *job_of(const char *name)
{
	struct job *j;

	TAILQ_FOREACH(j, &jobs, all)
	{
		if (!strcmp(j->name, name))
			return j;
	}
	return NULL;
}

void gzip_finish(const char *name)
{
	struct job *j;

	while ((j = job_of(name)))
		step(j);
}
