/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "execute.h"
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum undo_kind { UNDO_UNLINK, UNDO_RMDIR, UNDO_RESTORE, UNDO_STOP };

struct undo {
	enum undo_kind kind;
	char *path;  /* of UNDO_STOP: the guest's name */
	char *aside; /* of UNDO_RESTORE: where the old file waits */
};

struct job {
	const struct ki_plan *plan;
	struct ki_medium *m;
	const struct ki_run *run;
	struct ki_error *err;
	struct undo *undos;
	size_t n_undos;
	struct ki_progress progress;
};

static void tell(struct job *j, enum ki_progress_kind kind, const char *title)
{
	j->progress.kind = kind;
	j->progress.title = title;
	if (j->run->progress)
		j->run->progress(j->run->arg, &j->progress);
}

static bool cancelled(struct job *j)
{
	return j->run->cancelled && j->run->cancelled(j->run->arg);
}

static void push_undo(struct job *j, enum undo_kind kind, const char *path,
		      const char *aside)
{
	j->undos = ki_grow(j->undos, j->n_undos + 1, sizeof(*j->undos));
	j->undos[j->n_undos++] = (struct undo){
		.kind = kind, .path = ki_strdup(path), .aside = ki_strdup(aside)};
}

static int sys_fail(struct job *j, const char *what, const char *path)
{
	int why = errno;

	return ki_fail(j->err,
		       why == ENOSPC   ? "make room, or use another pool"
		       : why == EACCES ? "run it as root"
				       : NULL,
		       what, "%s: %s", path, strerror(why));
}

/* --- steps ---------------------------------------------------------------- */

/* Every missing directory of the path is made, and noted, from the top down. */
static int do_mkdir(struct job *j, const struct ki_step *s)
{
	char *path = ki_strdup(s->path);
	int rc = 0;

	for (char *at = path + 1; !rc; at++) {
		char end = *at;

		if (end && end != '/')
			continue;
		*at = '\0';
		if (!mkdir(path, 0755))
			push_undo(j, UNDO_RMDIR, path, NULL);
		else if (errno != EEXIST)
			rc = sys_fail(j, "a directory cannot be made", path);
		*at = end;
		if (!end)
			break;
	}
	free(path);
	return rc;
}

/* Puts what is at @path aside, so that it can come back. */
static int put_aside(struct job *j, const struct ki_step *s)
{
	char *aside;
	struct stat st;

	if (!s->replace || lstat(s->path, &st))
		return 0;
	aside = ki_printf("%s.keel-old", s->path);
	if (rename(s->path, aside)) {
		free(aside);
		return sys_fail(j, "an old file cannot be put aside", s->path);
	}
	push_undo(j, UNDO_RESTORE, s->path, aside);
	free(aside);
	return 0;
}

static int create_file(struct job *j, const struct ki_step *s)
{
	int fd;

	if (put_aside(j, s))
		return -1;
	fd = open(s->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return sys_fail(j, "a file cannot be made", s->path);
	push_undo(j, UNDO_UNLINK, s->path, NULL);
	return fd;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t put = write(fd, data, len);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		data += put;
		len -= (size_t)put;
	}
	return 0;
}

struct copy {
	struct job *job;
	int fd;
	GChecksum *sum;
	int failed; /* errno of a write */
};

static int copy_chunk(void *arg, const void *data, size_t len)
{
	struct copy *c = arg;
	struct job *j = c->job;

	if (cancelled(j))
		return 1;
	if (write_all(c->fd, data, len)) {
		c->failed = errno;
		return 2;
	}
	g_checksum_update(c->sum, data, (gssize)len);
	j->progress.done += len;
	tell(j, KI_STEP_BYTES, j->progress.title);
	return 0;
}

static int check_sum(struct job *j, const struct ki_step *s, GChecksum *sum)
{
	const char *have = g_checksum_get_string(sum);

	if (!s->sha256 || !strcmp(have, s->sha256))
		return 0;
	return ki_fail(j->err, "get the medium anew", "the medium is damaged",
		       "%s has the SHA-256 sum %.12s..., its list says %.12s...", s->from,
		       have, s->sha256);
}

/* A boot file from the medium, and behind it the extra archive, aligned to four. */
static int do_extract(struct job *j, const struct ki_step *s)
{
	static const char zeros[4];
	struct copy c = {.job = j, .fd = create_file(j, s)};
	int rc;

	if (c.fd < 0)
		return -1;
	if (!j->m) {
		close(c.fd);
		return ki_fail(j->err, NULL, "there is no medium", "%s", s->from);
	}
	c.sum = g_checksum_new(G_CHECKSUM_SHA256);
	rc = ki_medium_read(j->m, s->from, copy_chunk, &c, j->err);
	if (rc == 2) {
		errno = c.failed;
		rc = sys_fail(j, "a file cannot be written", s->path);
	}
	if (!rc)
		rc = check_sum(j, s, c.sum);
	g_checksum_free(c.sum);
	if (!rc && s->text_len &&
	    (write_all(c.fd, zeros, (4 - j->progress.done % 4) % 4) ||
	     write_all(c.fd, s->text, s->text_len)))
		rc = sys_fail(j, "a file cannot be written", s->path);
	if (close(c.fd) && !rc)
		rc = sys_fail(j, "a file cannot be written", s->path);
	return rc;
}

static int allocate(struct job *j, const struct ki_step *s, int fd)
{
	uint64_t chunk = 64 * KI_MIB;

	for (uint64_t at = 0; at < s->size; at += chunk) {
		uint64_t now = s->size - at < chunk ? s->size - at : chunk;

		if (cancelled(j))
			return 1;
		errno = posix_fallocate(fd, (off_t)at, (off_t)now);
		if (errno)
			return sys_fail(j, "a disk cannot be allocated", s->path);
		j->progress.done = at + now;
		tell(j, KI_STEP_BYTES, j->progress.title);
	}
	return 0;
}

static int do_raw_disk(struct job *j, const struct ki_step *s)
{
	int fd = create_file(j, s), rc = 0;

	if (fd < 0)
		return -1;
	if (ftruncate(fd, (off_t)s->size))
		rc = sys_fail(j, "a disk cannot be made", s->path);
	else if (s->prealloc)
		rc = allocate(j, s, fd);
	if (close(fd) && !rc)
		rc = sys_fail(j, "a disk cannot be made", s->path);
	return rc;
}

static int do_qcow2_disk(struct job *j, const struct ki_step *s)
{
	char size[24], *tail = NULL;
	const char *argv[] = {"qemu-img", "create", "-q", "-f",
			      "qcow2",	  s->path,  size, NULL};
	struct ki_child how = {.cancelled = j->run->cancelled, .arg = j->run->arg};
	int fd = create_file(j, s), rc;

	if (fd < 0) /* made here first, so that nothing that appeared meanwhile is lost */
		return -1;
	close(fd);
	snprintf(size, sizeof(size), "%llu", (unsigned long long)s->size);
	rc = ki_child_run(argv, &how, &tail, j->err);
	if (rc > 0)
		rc = ki_fail(j->err, NULL, "a disk cannot be made", "%s",
			     tail ? tail : s->path);
	free(tail);
	return rc == -2 ? 1 : rc;
}

static int do_disk(struct job *j, const struct ki_step *s)
{
	return s->format == KI_QCOW2 ? do_qcow2_disk(j, s) : do_raw_disk(j, s);
}

static int do_convert(struct job *j, const struct ki_step *s)
{
	int fd = create_file(j, s);

	if (fd < 0)
		return -1;
	close(fd);
	return ki_image_convert(s, j->run, &j->progress, j->err);
}

static int do_unpack(struct job *j, const struct ki_step *s)
{
	int fd = create_file(j, s);

	if (fd < 0)
		return -1;
	close(fd);
	return ki_archive_install(s, &j->plan->spec, j->run, &j->progress, j->err);
}

static int do_write(struct job *j, const struct ki_step *s)
{
	int fd = create_file(j, s), rc = 0;

	if (fd < 0)
		return -1;
	if (write_all(fd, s->text, s->text_len) || fsync(fd))
		rc = sys_fail(j, "a file cannot be written", s->path);
	if (close(fd) && !rc)
		rc = sys_fail(j, "a file cannot be written", s->path);
	return rc;
}

static int do_seed(struct job *j, const struct ki_step *s)
{
	struct ki_step filled = *s;
	int rc = ki_seed_make(&j->plan->spec, &filled.text, &filled.text_len, j->err);

	if (rc)
		return rc;
	rc = do_write(j, &filled);
	free(filled.text);
	return rc;
}

static int do_start(struct job *j, const struct ki_step *s)
{
	struct ki_child how = {.cancelled = j->run->cancelled, .arg = j->run->arg};
	int rc;

	(void)s;
	push_undo(j, UNDO_STOP, j->plan->spec.name, NULL);
	rc = ki_guest_start(&j->plan->paths, j->plan->spec.name, &how, j->err);
	return rc == -2 ? 1 : rc;
}

static int do_follow(struct job *j, const struct ki_step *s)
{
	(void)s;
	return ki_follow_start(&j->plan->paths, j->plan->spec.name, j->err);
}

static int (*const doers[])(struct job *, const struct ki_step *) = {
	[KI_MKDIR] = do_mkdir,	 [KI_KERNEL] = do_extract,  [KI_INITRD] = do_extract,
	[KI_DISK] = do_disk,	 [KI_CONVERT] = do_convert, [KI_UNPACK] = do_unpack,
	[KI_SEED] = do_seed,	 [KI_CONFIG] = do_write,    [KI_START] = do_start,
	[KI_FOLLOW] = do_follow,
};

/* --- taking back, or keeping ------------------------------------------------ */

static void undo_one(struct job *j, struct undo *u)
{
	static const char *const done[] = {
		[UNDO_UNLINK] = "removed",
		[UNDO_RMDIR] = "removed directory",
		[UNDO_RESTORE] = "put back",
		[UNDO_STOP] = "stopped guest",
	};
	struct ki_error why;
	char *title;
	int rc = 0;

	if (u->kind == UNDO_UNLINK)
		rc = unlink(u->path);
	else if (u->kind == UNDO_RMDIR)
		rc = rmdir(u->path);
	else if (u->kind == UNDO_RESTORE)
		rc = rename(u->aside, u->path);
	else
		rc = ki_guest_stop(u->path, &why);
	/* A directory that others use meanwhile stays; a guest that never started is no
	 * guest. */
	if (rc && (u->kind == UNDO_RMDIR || u->kind == UNDO_STOP))
		return;
	title = rc ? ki_printf("could NOT take back %s: %s", u->path, strerror(errno))
		   : ki_printf("%s %s", done[u->kind], u->path);
	tell(j, KI_UNDO, title);
	free(title);
}

static void take_back(struct job *j)
{
	for (size_t i = j->n_undos; i--;)
		undo_one(j, &j->undos[i]);
}

/* What was replaced is gone for good only when the whole plan stands. */
static void drop_old(struct job *j)
{
	for (size_t i = 0; i < j->n_undos; i++)
		if (j->undos[i].kind == UNDO_RESTORE)
			unlink(j->undos[i].aside);
}

static int run_step(struct job *j, size_t i)
{
	const struct ki_step *s = &j->plan->steps[i];
	int rc;

	if (cancelled(j))
		return 1;
	j->progress.step = i + 1;
	j->progress.done = 0;
	j->progress.total = s->bytes;
	tell(j, KI_STEP_BEGIN, s->title);
	rc = doers[s->kind](j, s);
	if (!rc)
		tell(j, KI_STEP_END, s->title);
	return rc;
}

int ki_execute(const struct ki_plan *plan, struct ki_medium *m, const struct ki_run *run,
	       struct ki_error *err)
{
	struct job j = {.plan = plan, .m = m, .run = run, .err = err};
	int rc = 0;

	j.progress.n_steps = plan->n_steps;
	for (size_t i = 0; i < plan->n_steps && !rc; i++)
		rc = run_step(&j, i);
	if (rc > 0)
		ki_fail(err, NULL, "cancelled", "everything made so far was taken back");
	if (rc)
		take_back(&j);
	else
		drop_old(&j);
	for (size_t i = 0; i < j.n_undos; i++) {
		free(j.undos[i].path);
		free(j.undos[i].aside);
	}
	free(j.undos);
	return rc;
}
