/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A medium: what a guest is installed from, seen as a read-only tree of files.
 * ISO 9660 (Rock Ridge, Joliet) and UDF images are read by libcdio inside a
 * confined child process, because their bytes are anyone's: the child can
 * neither write, nor open, nor talk; if it crashes or loops, the medium is
 * refused and the installer goes on.
 *
 * Paths are relative to the top of the medium ("install.amd/vmlinuz"), without
 * "." or ".." components; symbolic links are followed within the medium.
 */
#ifndef KEEL_INSTALLER_MEDIUM_H
#define KEEL_INSTALLER_MEDIUM_H

#include "util.h"

enum ki_ftype { KI_FT_FILE, KI_FT_DIR, KI_FT_LINK, KI_FT_OTHER };

struct ki_dirent {
	char *name;
	enum ki_ftype type;
	uint64_t size;
	char *target; /* of a symbolic link, else NULL */
};

struct ki_dirlist {
	struct ki_dirent *v;
	size_t n;
};

/* Longest path on a medium, most entries of one directory that are looked at. */
#define KI_PATH_MAX    1024
#define KI_DIR_ENTRIES 100000

/* Receives a file's bytes in order; any return but 0 stops the reading. */
typedef int (*ki_sink)(void *arg, const void *data, size_t len);

struct ki_medium;

struct ki_medium_ops {
	int (*stat)(struct ki_medium *m, const char *path, struct ki_dirent *ent,
		    struct ki_error *err);
	int (*list)(struct ki_medium *m, const char *path, struct ki_dirlist *list,
		    struct ki_error *err);
	int (*read)(struct ki_medium *m, const char *path, ki_sink sink, void *arg,
		    struct ki_error *err);
	void (*close)(struct ki_medium *m);
};

struct ki_medium {
	const struct ki_medium_ops *ops;
	char *location; /* file, directory or URL, as the user named it */
	char *format;	/* "ISO 9660 with Rock Ridge", "UDF", "directory", ... */
	char *label;	/* volume id; "" when there is none; so the next two */
	char *system;
	char *application;
};

/*
 * Opens an image file or block device (ISO 9660 or UDF), a directory that holds
 * an unpacked tree, or the URL of one. NULL and @err on failure.
 */
struct ki_medium *ki_medium_open(const char *location, struct ki_error *err);
void ki_medium_close(struct ki_medium *m);

/* 0: found, @ent->type and ->size are set (name stays NULL); 1: absent; -1: @err. */
int ki_medium_stat(struct ki_medium *m, const char *path, struct ki_dirent *ent,
		   struct ki_error *err);
/* 0 and @list (free it), 1: no such directory, -1: @err. "" is the top. */
int ki_medium_list(struct ki_medium *m, const char *path, struct ki_dirlist *list,
		   struct ki_error *err);
/* Streams a regular file. 0 all delivered, the sink's answer when it stopped, -1 @err. */
int ki_medium_read(struct ki_medium *m, const char *path, ki_sink sink, void *arg,
		   struct ki_error *err);
/*
 * A text file of at most @limit bytes, as a string that the caller frees; NULL
 * when it is absent, larger, or unreadable (@err says which).
 */
char *ki_medium_text(struct ki_medium *m, const char *path, size_t limit,
		     struct ki_error *err);
bool ki_medium_has_file(struct ki_medium *m, const char *path);

void ki_dirlist_add(struct ki_dirlist *list, const char *name, enum ki_ftype type,
		    uint64_t size, const char *target);
void ki_dirlist_free(struct ki_dirlist *list);

/*
 * A path as written on a medium or by a person, made fit for the functions
 * above: leading "/" and "./" cut, "//" joined. NULL when it is too long, has a
 * ".." component or a control character. The caller frees it.
 */
char *ki_clean_path(const char *path);

/* The backends; the first two run inside the confined child. */
struct ki_medium *ki_iso_open(const char *path, struct ki_error *err);
struct ki_medium *ki_udf_open(const char *path, struct ki_error *err);
struct ki_medium *ki_dir_open(const char *path, struct ki_error *err);
struct ki_medium *ki_worker_open(const char *path, struct ki_error *err);
/* A tree at a URL; nothing is asked of the network before its first file is. */
struct ki_medium *ki_http_open(const char *url, struct ki_error *err);
bool ki_is_url(const char *location);
/* True when an ISO 9660 volume offers long names (Rock Ridge or Joliet). */
bool ki_iso_long_names(const struct ki_medium *m);
/* Common end of the backends' close: frees the strings and @m. */
void ki_medium_free(struct ki_medium *m);

/*
 * Follows @path component by component over a backend's raw listing, links
 * included (at most 32), exact names first, then without regard to case.
 * @list gives the entries of one directory, named as the backend knows it.
 * 0: *@real is the backend's own path ("" is the top, caller frees) and @ent a
 * copy of the entry (free name and target); 1 absent; -1 @err.
 */
typedef int (*ki_raw_list)(struct ki_medium *m, const char *real, struct ki_dirlist *list,
			   struct ki_error *err);
int ki_resolve(struct ki_medium *m, ki_raw_list list, const char *path, char **real,
	       struct ki_dirent *ent, struct ki_error *err);

/* stat and list of a backend that resolves by ki_resolve(); as ki_medium_stat() and _list(). */
int ki_resolved_stat(struct ki_medium *m, ki_raw_list list, const char *path,
		     struct ki_dirent *ent, struct ki_error *err);
int ki_resolved_list(struct ki_medium *m, ki_raw_list list, const char *path,
		     struct ki_dirlist *out, struct ki_error *err);

#endif
