/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Guest definitions: /etc/keel/guests/NAME.cfg, in the syntax of xl.cfg(5).
 *
 * The file is the definition and the name of the file is the name of the guest; xl reads
 * the same file.  What Keel does not know in it is left alone.
 */
#ifndef KEEL_GUEST_FILE_H
#define KEEL_GUEST_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/name.h"

enum keel_guest_type {
	KEEL_GUEST_UNKNOWN,
	KEEL_GUEST_PV,
	KEEL_GUEST_PVH,
	KEEL_GUEST_HVM,
};

/* "PV", "PVH", "HVM" or "?". */
const char *keel_guest_type_name(enum keel_guest_type type);

/* What Keel itself needs to know of a definition.  Strings are owned; NULL = not given.
 */
struct keel_guest_file {
	char name[KEEL_NAME_MAX + 1];
	enum keel_guest_type type;
	unsigned vcpus;		 /* online at start, 1.. */
	unsigned max_vcpus;	 /* >= vcpus */
	uint64_t memory_mib;	 /* at start */
	uint64_t max_memory_mib; /* >= memory_mib */
	char *uuid;
	char *kernel, *ramdisk, *extra, *bootloader;
	char *on_poweroff, *on_reboot,
		*on_crash; /* never NULL: the default is filled in */
	char **disks;	   /* as written, NULL-terminated, never NULL itself */
	char **vifs;	   /* likewise */
	char *text;	   /* the whole file */
};

/*
 * Directory of the definitions: "/etc/keel/guests", or "guests" below $KEEL_ETC when that
 * is set and the program is not set-uid.
 */
const char *keel_guest_dir(void);

/* Path of NAME's definition in buf; the name must be valid.  Returns buf. */
char *keel_guest_file_path(const char *name, char *buf, size_t size);

/*
 * Checks and takes apart the text of a definition for the guest called name.
 * Errors carry the file's line as the parser gives it.  On success *file must be
 * released by keel_guest_file_free().
 */
int keel_guest_file_parse(const char *name, const char *text,
			  struct keel_guest_file *file, struct keel_error *err);

/* Reads NAME's definition; KEEL_ENOGUEST when there is none. */
int keel_guest_file_read(const char *name, struct keel_guest_file *file,
			 struct keel_error *err);
void keel_guest_file_free(struct keel_guest_file *file);

/*
 * Checks text by keel_guest_file_parse(), then stores it as NAME's definition by an
 * atomic rename (mode 0600, synced).  An existing definition is refused with KEEL_ESTATE
 * unless replace is true.  A text without uuid= gets the one of the definition that it
 * replaces, or a new one: consoles and logs tell a guest by it, however often it starts.
 */
int keel_guest_file_write(const char *name, const char *text, bool replace,
			  struct keel_error *err);

/* Removes NAME's definition; its disks are not touched. */
int keel_guest_file_remove(const char *name, struct keel_error *err);

/*
 * Names of all definitions, sorted, in a NULL-terminated array to be released by
 * keel_strv_free(); files whose name is not a valid guest name are skipped.
 */
int keel_guest_file_list(char ***names, struct keel_error *err);
void keel_strv_free(char **strings);

/*
 * Returns a copy (malloc) of a definition's text in which the top-level assignment of key
 * is "key = value", replacing the first one (a list that spans lines included) or added
 * at the end; value must already be in the file's syntax (a number, or
 * keel_guest_quote()d). Comments and all else stay as they were.  NULL when memory is
 * short.
 */
char *keel_guest_text_set(const char *text, const char *key, const char *value);

/*
 * s as a quoted string of the file's syntax (malloc); NULL with errno EINVAL when it
 * holds a control byte, or both kinds of quotes, which that syntax cannot write.
 */
char *keel_guest_quote(const char *s);

#endif
