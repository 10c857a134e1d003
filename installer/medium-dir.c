/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An unpacked install tree in a local (or NFS-mounted) directory. */
#include "medium.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct dir_medium {
	struct ki_medium base;
	int fd;
};

static enum ki_ftype type_of(mode_t mode)
{
	if (S_ISREG(mode))
		return KI_FT_FILE;
	if (S_ISDIR(mode))
		return KI_FT_DIR;
	return S_ISLNK(mode) ? KI_FT_LINK : KI_FT_OTHER;
}

static void add_entry(int fd, const char *name, struct ki_dirlist *list)
{
	char target[PATH_MAX];
	ssize_t len = 0;
	struct stat st;

	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW))
		return; /* gone meanwhile */
	if (S_ISLNK(st.st_mode)) {
		len = readlinkat(fd, name, target, sizeof(target) - 1);
		if (len < 0)
			return;
	}
	target[len] = '\0';
	ki_dirlist_add(list, name, type_of(st.st_mode), (uint64_t)st.st_size,
		       len ? target : NULL);
}

static int raw_list(struct ki_medium *m, const char *real, struct ki_dirlist *list,
		    struct ki_error *err)
{
	struct dir_medium *d = (struct dir_medium *)m;
	int fd = openat(d->fd, *real ? real : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir) {
		ki_fail(err, NULL, "a directory of the tree cannot be read", "%s: %s",
			real, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while ((e = readdir(dir)) && list->n < KI_DIR_ENTRIES)
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			add_entry(fd, e->d_name, list);
	closedir(dir);
	return 0;
}

static int dir_stat(struct ki_medium *m, const char *path, struct ki_dirent *ent,
		    struct ki_error *err)
{
	return ki_resolved_stat(m, raw_list, path, ent, err);
}

static int dir_list(struct ki_medium *m, const char *path, struct ki_dirlist *list,
		    struct ki_error *err)
{
	return ki_resolved_list(m, raw_list, path, list, err);
}

static int stream_fd(int fd, ki_sink sink, void *arg)
{
	static char chunk[1 << 16];
	ssize_t got;
	int rc = 0;

	while (!rc && (got = read(fd, chunk, sizeof(chunk))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		rc = got < 0 ? -1 : sink(arg, chunk, (size_t)got);
	}
	return rc;
}

static int dir_read(struct ki_medium *m, const char *path, ki_sink sink, void *arg,
		    struct ki_error *err)
{
	struct dir_medium *d = (struct dir_medium *)m;
	struct ki_dirent ent;
	char *real;
	int fd, rc = ki_resolve(m, raw_list, path, &real, &ent, err);

	if (rc == 1)
		return ki_fail(err, NULL, "a file is not on the medium", "%s", path);
	if (rc)
		return rc;
	free(ent.name);
	/* Links were resolved inside the tree: a last one here is a race or a trick. */
	fd = openat(d->fd, real, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	free(real);
	if (fd < 0)
		return ki_fail(err, NULL, "a file cannot be read", "%s: %s", path,
			       strerror(errno));
	rc = stream_fd(fd, sink, arg);
	if (rc < 0)
		ki_fail(err, NULL, "a file cannot be read", "%s: %s", path,
			strerror(errno));
	close(fd);
	return rc;
}

static void dir_close(struct ki_medium *m)
{
	struct dir_medium *d = (struct dir_medium *)m;

	close(d->fd);
	ki_medium_free(m);
}

static const struct ki_medium_ops dir_ops = {
	.stat = dir_stat,
	.list = dir_list,
	.read = dir_read,
	.close = dir_close,
};

struct ki_medium *ki_dir_open(const char *path, struct ki_error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dir_medium *d;

	if (fd < 0) {
		ki_fail(err, "check the spelling", "the tree cannot be opened", "%s: %s",
			path, strerror(errno));
		return NULL;
	}
	d = ki_zalloc(sizeof(*d));
	d->fd = fd;
	d->base.ops = &dir_ops;
	d->base.location = ki_strdup(path);
	d->base.format = ki_strdup("directory");
	d->base.label = ki_strdup("");
	d->base.system = ki_strdup("");
	d->base.application = ki_strdup("");
	return &d->base;
}
