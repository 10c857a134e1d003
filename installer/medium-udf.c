/* SPDX-License-Identifier: GPL-3.0-or-later */
/* UDF (ECMA-167) through libudf, for the images that have no usable ISO 9660 side. */
#include "medium.h"

#include <cdio/udf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct udf_medium {
	struct ki_medium base;
	udf_t *udf;
};

static enum ki_ftype type_of(const udf_dirent_t *ent)
{
	mode_t mode = udf_get_posix_filemode(ent);

	if (udf_is_dir(ent))
		return KI_FT_DIR;
	return S_ISREG(mode) || !(mode & S_IFMT) ? KI_FT_FILE : KI_FT_OTHER;
}

/* The directory at @real, or NULL; to be freed by reading it to its end or by free. */
static udf_dirent_t *open_dir(struct udf_medium *u, const char *real)
{
	udf_dirent_t *root = udf_get_root(u->udf, true, 0), *at;

	if (!root || !*real)
		return root;
	at = udf_fopen(root, real);
	udf_dirent_free(root);
	if (!at)
		return NULL;
	root = udf_is_dir(at) ? udf_opendir(at) : NULL;
	udf_dirent_free(at);
	return root;
}

static int raw_list(struct ki_medium *m, const char *real, struct ki_dirlist *list,
		    struct ki_error *err)
{
	udf_dirent_t *at = open_dir((struct udf_medium *)m, real);

	if (!at)
		return ki_fail(err, "the image may be cut short: compare its checksum",
			       "a directory of the image cannot be read", "/%s", real);
	while ((at = udf_readdir(at))) {
		const char *name = udf_get_filename(at);

		if (!name || !*name || at->b_parent || strchr(name, '/'))
			continue;
		ki_dirlist_add(list, name, type_of(at), udf_get_file_length(at), NULL);
		if (list->n >= KI_DIR_ENTRIES) {
			udf_dirent_free(at);
			break;
		}
	}
	return 0;
}

static int udf_stat(struct ki_medium *m, const char *path, struct ki_dirent *ent,
		    struct ki_error *err)
{
	return ki_resolved_stat(m, raw_list, path, ent, err);
}

static int udf_list(struct ki_medium *m, const char *path, struct ki_dirlist *list,
		    struct ki_error *err)
{
	return ki_resolved_list(m, raw_list, path, list, err);
}

static int stream(udf_dirent_t *file, ki_sink sink, void *arg, const char *path,
		  struct ki_error *err)
{
	static char chunk[16 * UDF_BLOCKSIZE];
	uint64_t left = udf_get_file_length(file);
	int rc = 0;

	while (left && !rc) {
		uint64_t want = (left + UDF_BLOCKSIZE - 1) / UDF_BLOCKSIZE;
		size_t blocks = want < 16 ? (size_t)want : 16;
		ssize_t got = udf_read_block(file, chunk, blocks);

		if (got <= 0)
			return ki_fail(err,
				       "the image may be cut short: compare its checksum",
				       "a file of the image cannot be read", "%s", path);
		if ((uint64_t)got > left)
			got = (ssize_t)left;
		rc = sink(arg, chunk, (size_t)got);
		left -= (uint64_t)got;
	}
	return rc;
}

static int udf_read(struct ki_medium *m, const char *path, ki_sink sink, void *arg,
		    struct ki_error *err)
{
	struct udf_medium *u = (struct udf_medium *)m;
	udf_dirent_t *root = NULL, *file = NULL;
	struct ki_dirent ent = {0};
	char *real = NULL;
	int rc = ki_resolve(m, raw_list, path, &real, &ent, err);

	if (rc < 0)
		return rc;
	if (!rc && ent.type == KI_FT_FILE)
		root = udf_get_root(u->udf, true, 0);
	if (root)
		file = udf_fopen(root, real);
	if (file)
		rc = stream(file, sink, arg, path, err);
	else
		rc = ki_fail(err, NULL, "not a file on the medium", "%s", path);
	if (file)
		udf_dirent_free(file);
	if (root)
		udf_dirent_free(root);
	free(ent.name);
	free(real);
	return rc;
}

static void udf_close_medium(struct ki_medium *m)
{
	struct udf_medium *u = (struct udf_medium *)m;

	udf_close(u->udf);
	ki_medium_free(m);
}

static const struct ki_medium_ops udf_ops = {
	.stat = udf_stat,
	.list = udf_list,
	.read = udf_read,
	.close = udf_close_medium,
};

struct ki_medium *ki_udf_open(const char *path, struct ki_error *err)
{
	udf_t *udf = udf_open(path);
	udf_dirent_t *root = udf ? udf_get_root(udf, true, 0) : NULL;
	char label[256] = "";
	struct udf_medium *m;

	if (!root) {
		if (udf)
			udf_close(udf);
		ki_fail(err, "choose an install image (ISO)", "not a UDF image", "%s",
			path);
		return NULL;
	}
	udf_dirent_free(root);
	if (udf_get_volume_id(udf, label, sizeof(label)) <= 0)
		label[0] = '\0';
	label[sizeof(label) - 1] = '\0';
	m = ki_zalloc(sizeof(*m));
	m->udf = udf;
	m->base.ops = &udf_ops;
	m->base.location = ki_strdup(path);
	m->base.format = ki_strdup("UDF");
	m->base.label = ki_strdup(label);
	m->base.system = ki_strdup("");
	m->base.application = ki_strdup("");
	return &m->base;
}
