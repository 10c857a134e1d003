/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ISO 9660 through libiso9660. Names come from Rock Ridge if the volume has it,
 * else from Joliet, else they are the bare "NAME.EXT;1", shown lower-case
 * without the version. ECMA-119 is the format's text, IEEE P1282 Rock Ridge's.
 */
#include "medium.h"

#include <cdio/cdio.h>
#include <cdio/iso9660.h>
#include <cdio/logging.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <fcntl.h>
#include <ctype.h>

#define ISO_BLOCK   2048u
#define READ_BLOCKS 32u

struct iso_medium {
	struct ki_medium base;
	iso9660_t *iso;
	uint64_t image_size; /* bytes; every extent is held against it */
	bool rock_ridge;
	bool joliet;
	uint8_t joliet_level;
};

static enum ki_ftype type_of(const iso9660_stat_t *st, bool rock_ridge)
{
	if (rock_ridge && st->rr.b3_rock == yep) {
		if (S_ISLNK(st->rr.st_mode))
			return KI_FT_LINK;
		if (!S_ISREG(st->rr.st_mode) && !S_ISDIR(st->rr.st_mode))
			return KI_FT_OTHER;
	}
	return st->type == _STAT_DIR ? KI_FT_DIR : KI_FT_FILE;
}

/*
 * The name that libcdio looks a directory up by is the one it lists it by, so
 * real paths keep that form; only bare file names are translated for the user.
 */
static char *entry_name(const struct iso_medium *iso, const iso9660_stat_t *st)
{
	char *name = ki_zalloc(strlen(st->filename) * 2 + 16);

	if (iso->rock_ridge && st->rr.b3_rock == yep)
		strcpy(name, st->filename);
	else
		iso9660_name_translate_ext(st->filename, name,
					   iso->joliet ? iso->joliet_level : 0);
	return name;
}

/* Real paths are made of translated names, which libcdio looks up as well. */
static CdioISO9660FileList_t *entries_of(struct iso_medium *iso, const char *real)
{
	char *path = ki_printf("/%s", real);
	CdioISO9660FileList_t *list = iso9660_ifs_readdir(iso->iso, path);

	free(path);
	return list;
}

static bool is_dot(const char *name)
{
	return !*name || !strcmp(name, ".") || !strcmp(name, "..") || strchr(name, '/');
}

static int raw_list(struct ki_medium *m, const char *real, struct ki_dirlist *out,
		    struct ki_error *err)
{
	struct iso_medium *iso = (struct iso_medium *)m;
	CdioISO9660FileList_t *list = entries_of(iso, real);
	CdioListNode_t *node;

	if (!list)
		return ki_fail(err, "the image may be cut short: compare its checksum",
			       "a directory of the image cannot be read", "/%s", real);
	_CDIO_LIST_FOREACH(node, list)
	{
		iso9660_stat_t *st = _cdio_list_node_data(node);
		enum ki_ftype type = type_of(st, iso->rock_ridge);
		char *name = entry_name(iso, st);

		if (!is_dot(name) && out->n < KI_DIR_ENTRIES)
			ki_dirlist_add(out, name, type, st->size,
				       type == KI_FT_LINK ? st->rr.psz_symlink : NULL);
		free(name);
	}
	iso9660_filelist_free(list);
	return 0;
}

static int iso_stat(struct ki_medium *m, const char *path, struct ki_dirent *ent,
		    struct ki_error *err)
{
	return ki_resolved_stat(m, raw_list, path, ent, err);
}

static int iso_list(struct ki_medium *m, const char *path, struct ki_dirlist *list,
		    struct ki_error *err)
{
	return ki_resolved_list(m, raw_list, path, list, err);
}

struct extent {
	lsn_t lsn;
	uint64_t size;
};

/* Where the file at @real lies; found in its directory, as names were resolved there. */
static bool find_extent(struct iso_medium *iso, const char *real, struct extent *ext)
{
	const char *slash = strrchr(real, '/');
	char *dir = ki_strndup(real, slash ? (size_t)(slash - real) : 0);
	const char *leaf = slash ? slash + 1 : real;
	CdioISO9660FileList_t *list = entries_of(iso, dir);
	CdioListNode_t *node;
	bool found = false;

	free(dir);
	if (!list)
		return false;
	_CDIO_LIST_FOREACH(node, list)
	{
		iso9660_stat_t *st = _cdio_list_node_data(node);
		char *name = entry_name(iso, st);

		if (!found && !strcmp(name, leaf)) {
			*ext = (struct extent){.lsn = st->lsn, .size = st->size};
			found = true;
		}
		free(name);
	}
	iso9660_filelist_free(list);
	return found;
}

static bool extent_inside(const struct iso_medium *iso, const struct extent *ext)
{
	uint64_t start = (uint64_t)(uint32_t)ext->lsn * ISO_BLOCK;

	return ext->lsn >= 0 && start <= iso->image_size &&
	       ext->size <= iso->image_size - start;
}

static int stream_extent(struct iso_medium *iso, const struct extent *ext,
			 const char *path, ki_sink sink, void *arg, struct ki_error *err)
{
	static char chunk[READ_BLOCKS * ISO_BLOCK];
	uint64_t left = ext->size;
	lsn_t lsn = ext->lsn;
	int rc = 0;

	while (left && !rc) {
		size_t now = left < sizeof(chunk) ? (size_t)left : sizeof(chunk);
		long blocks = (long)((now + ISO_BLOCK - 1) / ISO_BLOCK);
		long got = iso9660_iso_seek_read(iso->iso, chunk, lsn, blocks);

		if (got < (long)now)
			return ki_fail(err,
				       "the image may be cut short: compare its checksum",
				       "a file of the image cannot be read", "%s", path);
		rc = sink(arg, chunk, now);
		left -= now;
		lsn += blocks;
	}
	return rc;
}

static int iso_read(struct ki_medium *m, const char *path, ki_sink sink, void *arg,
		    struct ki_error *err)
{
	struct iso_medium *iso = (struct iso_medium *)m;
	struct ki_dirent ent;
	struct extent ext = {0};
	char *real;
	bool found;
	int rc = ki_resolve(m, raw_list, path, &real, &ent, err);

	if (rc < 0)
		return rc;
	if (rc || ent.type != KI_FT_FILE) {
		if (!rc) {
			free(real);
			free(ent.name);
		}
		return ki_fail(err, NULL, "not a file on the medium", "%s", path);
	}
	found = find_extent(iso, real, &ext);
	free(ent.name);
	free(real);
	if (!found || !extent_inside(iso, &ext))
		return ki_fail(err, "the image may be cut short: compare its checksum",
			       "a file lies outside the image", "%s", path);
	return stream_extent(iso, &ext, path, sink, arg, err);
}

static void iso_close(struct ki_medium *m)
{
	struct iso_medium *iso = (struct iso_medium *)m;

	iso9660_close(iso->iso);
	ki_medium_free(m);
}

static const struct ki_medium_ops iso_ops = {
	.stat = iso_stat,
	.list = iso_list,
	.read = iso_read,
	.close = iso_close,
};

bool ki_iso_long_names(const struct ki_medium *m)
{
	const struct iso_medium *iso = (const struct iso_medium *)m;

	return m->ops == &iso_ops && (iso->rock_ridge || iso->joliet);
}

static uint64_t image_size(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t end = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);

	if (fd >= 0)
		close(fd);
	return end < 0 ? 0 : (uint64_t)end;
}

/* Whether the top directory carries Rock Ridge fields. */
static bool top_has_rock_ridge(iso9660_t *iso)
{
	CdioISO9660FileList_t *list = iso9660_ifs_readdir(iso, "/");
	CdioListNode_t *node;
	bool yes = false;

	if (!list)
		return false;
	_CDIO_LIST_FOREACH(node, list)
	{
		iso9660_stat_t *st = _cdio_list_node_data(node);

		yes |= st->rr.b3_rock == yep;
	}
	iso9660_filelist_free(list);
	return yes;
}

static char *id_text(bool (*get)(iso9660_t *, cdio_utf8_t **), iso9660_t *iso)
{
	cdio_utf8_t *text = NULL;
	char *copy;

	if (!get(iso, &text) || !text)
		return ki_strdup("");
	copy = ki_strdup(text);
	free(text);
	for (char *p = copy; *p; p++)
		if (iscntrl((unsigned char)*p))
			*p = '?';
	return copy;
}

static void quiet(cdio_log_level_t level, const char *message)
{
	(void)level;
	(void)message;
}

/* Rock Ridge first; only without it is Joliet asked for. */
static iso9660_t *open_best(const char *path, struct iso_medium *m)
{
	iso9660_t *iso = iso9660_open_ext(path, ISO_EXTENSION_ROCK_RIDGE);

	if (!iso)
		return NULL;
	m->rock_ridge = top_has_rock_ridge(iso);
	if (m->rock_ridge)
		return iso;
	iso9660_close(iso);
	iso = iso9660_open_ext(path, ISO_EXTENSION_JOLIET);
	if (!iso)
		return NULL;
	m->joliet_level = iso9660_ifs_get_joliet_level(iso);
	m->joliet = m->joliet_level > 0;
	return iso;
}

struct ki_medium *ki_iso_open(const char *path, struct ki_error *err)
{
	struct iso_medium *m = ki_zalloc(sizeof(*m));

	cdio_log_set_handler(quiet);
	m->image_size = image_size(path);
	m->iso = open_best(path, m);
	if (!m->iso) {
		free(m);
		ki_fail(err, "choose an install image (ISO)", "not an ISO 9660 image",
			"%s", path);
		return NULL;
	}
	m->base.ops = &iso_ops;
	m->base.location = ki_strdup(path);
	m->base.format = ki_printf("ISO 9660%s", m->rock_ridge ? " with Rock Ridge"
						 : m->joliet   ? " with Joliet"
							       : "");
	m->base.label = id_text(iso9660_ifs_get_volume_id, m->iso);
	m->base.system = id_text(iso9660_ifs_get_system_id, m->iso);
	m->base.application = id_text(iso9660_ifs_get_application_id, m->iso);
	return &m->base;
}
