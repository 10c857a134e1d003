/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "log-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIR HELPER_DIR_FD

void log_file_commit(struct log_file *f)
{
	struct log_state *s = f->state;
	uint64_t seq = s->seq;

	s->c[(seq + 1) & 1] = f->now;
	__atomic_store_n(&s->seq, seq + 1, __ATOMIC_RELEASE);
}

int log_file_open(struct log_file *f, uint64_t now_ms)
{
	struct stat st;

	f->fd = openat(DIR, f->conf.name,
		       O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW |
			       O_NONBLOCK,
		       0640);
	if (f->fd < 0)
		return -errno;
	if (fstat(f->fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		log_file_close(f);
		return -EINVAL;
	}
	if (st.st_ino == f->now.inode && (uint64_t)st.st_size > f->now.length) {
		/* A write that was not committed: it will be made again. */
		if (ftruncate(f->fd, (off_t)f->now.length) < 0) {
			int e = -errno;

			log_file_close(f);
			return e;
		}
		return 0;
	}
	if (st.st_ino != f->now.inode) { /* another file: its last line is ended */
		f->now.mid_line = 0;
		f->now.born_ms = now_ms;
	}
	f->now.inode = st.st_ino;
	f->now.length = (uint64_t)st.st_size;
	log_file_commit(f);
	return 0;
}

void log_file_close(struct log_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

long log_file_write(struct log_file *f, const uint8_t *p, size_t n)
{
	ssize_t w = write(f->fd, p, n);

	if (w < 0)
		return -errno;
	f->now.length += (uint64_t)w;
	return w;
}

bool log_file_due(const struct log_file *f, uint64_t now_ms)
{
	if (!f->now.length)
		return false;
	if (f->conf.size && f->now.length >= f->conf.size)
		return true;
	return f->conf.age_s && now_ms > f->now.born_ms &&
	       now_ms - f->now.born_ms > f->conf.age_s * 1000;
}

static void old_name(const char *name, uint64_t i, bool gz, char *out, size_t cap)
{
	snprintf(out, cap, "%s.%llu%s", name, (unsigned long long)i, gz ? ".gz" : "");
}

/* Whichever of NAME.i and NAME.i.gz there is moves to i + 1. */
static bool shift_one(const char *name, uint64_t i)
{
	char from[560], to[560];
	bool any = false;

	for (int gz = 0; gz < 2; gz++) {
		old_name(name, i, gz, from, sizeof(from));
		old_name(name, i + 1, gz, to, sizeof(to));
		any |= renameat(DIR, from, DIR, to) == 0;
	}
	return any;
}

static void remove_one(const char *name, uint64_t i)
{
	char path[560];

	for (int gz = 0; gz < 2; gz++) {
		old_name(name, i, gz, path, sizeof(path));
		if (unlinkat(DIR, path, 0) < 0 && errno != ENOENT)
			return;
	}
}

int log_file_rotate(struct log_file *f)
{
	const char *name = f->conf.name;
	uint64_t n = 0;
	char path[560];

	gzip_finish(name);
	/* How many there are in a row, then from the oldest on. */
	for (;; n++) {
		struct stat st;
		bool plain, gz;

		old_name(name, n + 1, false, path, sizeof(path));
		plain = fstatat(DIR, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
		old_name(name, n + 1, true, path, sizeof(path));
		gz = fstatat(DIR, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
		if (!plain && !gz)
			break;
	}
	for (; n >= 1; n--) {
		if (f->conf.keep && n >= f->conf.keep)
			remove_one(name, n);
		else
			shift_one(name, n);
	}
	old_name(name, 1, false, path, sizeof(path));
	if (renameat(DIR, name, DIR, path) < 0)
		return -errno;
	log_file_close(f);
	f->now.inode = 0;
	f->now.length = 0;
	if (f->conf.compress)
		gzip_begin(name);
	return 0;
}

int log_file_rename(struct log_file *f, const char *name)
{
	char from[560], to[560];

	gzip_finish(f->conf.name);
	/* An existing log of that name is continued, never overwritten. */
	if (renameat2(DIR, f->conf.name, DIR, name, RENAME_NOREPLACE) < 0) {
		log_file_close(f);
		f->now.inode = 0;
	} else {
		for (uint64_t i = 1; i <= 10000; i++) {
			bool any = false;

			for (int gz = 0; gz < 2; gz++) {
				old_name(f->conf.name, i, gz, from, sizeof(from));
				old_name(name, i, gz, to, sizeof(to));
				any |= renameat2(DIR, from, DIR, to, RENAME_NOREPLACE) ==
				       0;
			}
			if (!any)
				break;
		}
	}
	return 0;
}
