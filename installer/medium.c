/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "medium.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_LINKS 32

void ki_dirlist_add(struct ki_dirlist *list, const char *name, enum ki_ftype type,
		    uint64_t size, const char *target)
{
	struct ki_dirent *ent;

	list->v = ki_grow(list->v, list->n + 1, sizeof(*list->v));
	ent = &list->v[list->n++];
	ent->name = ki_strdup(name);
	ent->type = type;
	ent->size = size;
	ent->target = ki_strdup(target);
}

void ki_dirlist_free(struct ki_dirlist *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->v[i].name);
		free(list->v[i].target);
	}
	free(list->v);
	memset(list, 0, sizeof(*list));
}

static bool bad_component(const char *at, size_t len)
{
	if (len == 2 && at[0] == '.' && at[1] == '.')
		return true;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)at[i] < 0x20 || at[i] == 0x7f)
			return true;
	return false;
}

char *ki_clean_path(const char *path)
{
	struct ki_buf out = {0};

	if (strlen(path) > KI_PATH_MAX)
		return NULL;
	while (*path) {
		size_t len = strcspn(path, "/");

		if (bad_component(path, len)) {
			ki_buf_free(&out);
			return NULL;
		}
		if (len && !(len == 1 && *path == '.'))
			ki_buf_printf(&out, "%s%.*s", out.len ? "/" : "", (int)len, path);
		path += len;
		path += *path == '/';
	}
	return ki_buf_take(&out);
}

static const struct ki_dirent *find_entry(const struct ki_dirlist *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->v[i].name, name))
			return &list->v[i];
	for (size_t i = 0; i < list->n; i++)
		if (!strcasecmp(list->v[i].name, name))
			return &list->v[i];
	return NULL;
}

/* Where a link leads: @dir is the directory that holds it, @rest what follows it. */
static char *link_path(const char *dir, const char *target, const char *rest)
{
	struct ki_strv parts = {0};
	struct ki_buf out = {0};
	char *whole, *save = NULL;

	whole = ki_printf("%s/%s/%s", *target == '/' ? "" : dir, target, rest);
	for (char *p = strtok_r(whole, "/", &save); p; p = strtok_r(NULL, "/", &save)) {
		if (!strcmp(p, "..")) {
			if (parts.n)
				free(parts.v[--parts.n]);
		} else if (strcmp(p, ".")) {
			ki_strv_add(&parts, p);
		}
	}
	for (size_t i = 0; i < parts.n; i++)
		ki_buf_printf(&out, "%s%s", i ? "/" : "", parts.v[i]);
	ki_strv_free(&parts);
	free(whole);
	return ki_buf_take(&out);
}

struct walk {
	char *path; /* what is still to be resolved, from the top */
	char *real; /* resolved so far */
	struct ki_dirent ent;
	unsigned links;
};

static void walk_top(struct walk *w)
{
	ki_set(&w->real, "");
	free(w->ent.name);
	free(w->ent.target);
	w->ent = (struct ki_dirent){.type = KI_FT_DIR};
}

/*
 * Resolves the next component of @w at *@at. 0 gone on (also after a link was
 * put in place: then *@at starts over), 1 absent, -1 @err.
 */
static int walk_step(struct ki_medium *m, ki_raw_list list, struct walk *w,
		     const char **at, struct ki_error *err)
{
	struct ki_dirlist entries = {0};
	const struct ki_dirent *found;
	size_t len = strcspn(*at, "/");
	char *name, *next;
	int rc;

	if (w->ent.type != KI_FT_DIR)
		return 1;
	rc = list(m, w->real, &entries, err);
	if (rc)
		return rc;
	name = ki_strndup(*at, len);
	found = find_entry(&entries, name);
	free(name);
	if (!found) {
		ki_dirlist_free(&entries);
		return 1;
	}
	*at += len;
	*at += **at == '/';
	if (found->type == KI_FT_LINK) {
		rc = ++w->links > MAX_LINKS || !found->target ? 1 : 0;
		next = rc ? NULL : link_path(w->real, found->target, *at);
		ki_dirlist_free(&entries);
		if (rc || strlen(next) > KI_PATH_MAX) {
			free(next);
			return 1;
		}
		free(w->path);
		w->path = next;
		walk_top(w);
		*at = w->path;
		return 0;
	}
	next = ki_printf("%s%s%s", w->real, *w->real ? "/" : "", found->name);
	free(w->real);
	w->real = next;
	free(w->ent.name);
	free(w->ent.target);
	w->ent = *found;
	w->ent.name = ki_strdup(found->name);
	w->ent.target = NULL;
	ki_dirlist_free(&entries);
	return 0;
}

int ki_resolve(struct ki_medium *m, ki_raw_list list, const char *path, char **real,
	       struct ki_dirent *ent, struct ki_error *err)
{
	struct walk w = {.path = ki_clean_path(path)};
	const char *at = w.path;
	int rc = 0;

	if (!w.path)
		return 1;
	walk_top(&w);
	while (*at && !rc)
		rc = walk_step(m, list, &w, &at, err);
	free(w.path);
	if (rc) {
		free(w.real);
		free(w.ent.name);
		free(w.ent.target);
		return rc;
	}
	*real = w.real;
	*ent = w.ent;
	return 0;
}

void ki_medium_free(struct ki_medium *m)
{
	free(m->location);
	free(m->format);
	free(m->label);
	free(m->system);
	free(m->application);
	free(m);
}

struct ki_medium *ki_medium_open(const char *location, struct ki_error *err)
{
	struct stat st;

	if (ki_is_url(location))
		return ki_http_open(location, err);
	if (stat(location, &st)) {
		ki_fail(err, "check the spelling, or choose another file",
			"the medium cannot be opened", "%s: %s", location,
			strerror(errno));
		return NULL;
	}
	if (S_ISDIR(st.st_mode))
		return ki_dir_open(location, err);
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) {
		ki_fail(err, "name an ISO image, a block device or a directory",
			"the medium cannot be opened",
			"%s is neither file nor block device", location);
		return NULL;
	}
	return ki_worker_open(location, err);
}

void ki_medium_close(struct ki_medium *m)
{
	if (m)
		m->ops->close(m);
}

int ki_resolved_stat(struct ki_medium *m, ki_raw_list list, const char *path,
		     struct ki_dirent *ent, struct ki_error *err)
{
	char *real;
	int rc = ki_resolve(m, list, path, &real, ent, err);

	if (rc)
		return rc;
	free(real);
	free(ent->name);
	ent->name = NULL;
	return 0;
}

int ki_resolved_list(struct ki_medium *m, ki_raw_list list, const char *path,
		     struct ki_dirlist *out, struct ki_error *err)
{
	struct ki_dirent ent;
	char *real;
	int rc = ki_resolve(m, list, path, &real, &ent, err);

	if (rc)
		return rc;
	free(ent.name);
	rc = ent.type == KI_FT_DIR ? list(m, real, out, err) : 1;
	free(real);
	return rc;
}

int ki_medium_stat(struct ki_medium *m, const char *path, struct ki_dirent *ent,
		   struct ki_error *err)
{
	memset(ent, 0, sizeof(*ent));
	return m->ops->stat(m, path, ent, err);
}

int ki_medium_list(struct ki_medium *m, const char *path, struct ki_dirlist *list,
		   struct ki_error *err)
{
	memset(list, 0, sizeof(*list));
	return m->ops->list(m, path, list, err);
}

int ki_medium_read(struct ki_medium *m, const char *path, ki_sink sink, void *arg,
		   struct ki_error *err)
{
	return m->ops->read(m, path, sink, arg, err);
}

bool ki_medium_has_file(struct ki_medium *m, const char *path)
{
	struct ki_dirent ent;

	return !ki_medium_stat(m, path, &ent, NULL) && ent.type == KI_FT_FILE;
}

struct text_sink {
	struct ki_buf buf;
	size_t limit;
};

static int take_text(void *arg, const void *data, size_t len)
{
	struct text_sink *t = arg;

	if (t->buf.len + len > t->limit)
		return 1;
	ki_buf_add(&t->buf, data, len);
	return 0;
}

char *ki_medium_text(struct ki_medium *m, const char *path, size_t limit,
		     struct ki_error *err)
{
	struct text_sink t = {.limit = limit};
	int rc = ki_medium_read(m, path, take_text, &t, err);

	if (rc) {
		ki_buf_free(&t.buf);
		if (rc > 0)
			ki_fail(err, NULL, path, "larger than %zu bytes", limit);
		return NULL;
	}
	return ki_buf_take(&t.buf);
}
