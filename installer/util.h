/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Small helpers of the installer: errors that a person can act on, growing
 * buffers, string lists, sizes. An allocation that fails ends the program:
 * everything here is bounded by limits checked before allocating.
 */
#ifndef KEEL_INSTALLER_UTIL_H
#define KEEL_INSTALLER_UTIL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KI_KIB 1024ULL
#define KI_MIB (1024ULL * KI_KIB)
#define KI_GIB (1024ULL * KI_MIB)

/* A failure as it is shown: what failed, why, and what to try. */
struct ki_error {
	char what[256];
	char why[1024];
	char hint[512];
};

/* Fills @err (if not NULL); @hint may be NULL. Always returns -1. */
int ki_fail(struct ki_error *err, const char *hint, const char *what, const char *why,
	    ...) __attribute__((format(printf, 4, 5)));

/* "what: why. Try: hint" as one string; the caller frees it. */
char *ki_error_text(const struct ki_error *err);

struct ki_buf {
	char *data; /* NUL-terminated whenever it is not NULL */
	size_t len;
	size_t cap;
};

void ki_buf_add(struct ki_buf *buf, const void *data, size_t len);
void ki_buf_printf(struct ki_buf *buf, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Hands the text over ("" when empty) and empties @buf. */
char *ki_buf_take(struct ki_buf *buf);
void ki_buf_free(struct ki_buf *buf);

struct ki_strv {
	char **v;
	size_t n;
};

void ki_strv_add(struct ki_strv *list, const char *text);
/* Adds a string whose ownership passes to the list. */
void ki_strv_take(struct ki_strv *list, char *text);
bool ki_strv_has(const struct ki_strv *list, const char *text);
/* Adds the words of @text, split at blanks. */
void ki_strv_split(struct ki_strv *list, const char *text);
void ki_strv_copy(struct ki_strv *to, const struct ki_strv *from);
void ki_strv_free(struct ki_strv *list);

void *ki_zalloc(size_t size);
void *ki_grow(void *old, size_t n, size_t size);
char *ki_strdup(const char *text); /* NULL gives NULL */
char *ki_strndup(const char *text, size_t len);
char *ki_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Frees *@to and makes it a copy of @text. */
void ki_set(char **to, const char *text);
bool ki_prefix(const char *text, const char *prefix);
bool ki_suffix(const char *text, const char *suffix);
/* Cuts blanks off both ends, in place; returns the first non-blank. */
char *ki_trim(char *text);

/*
 * "8G", "512M", "1T", "4096" (bytes), "20 GiB": binary units, letter case
 * ignored. A number without unit is taken times @unit. Zero, overflow and
 * anything else are refused.
 */
bool ki_parse_size(const char *text, uint64_t unit, uint64_t *bytes);
/* Decimal number within [@min, @max], nothing else around it. */
bool ki_parse_uint(const char *text, uint64_t min, uint64_t max, uint64_t *value);
/* "8.0 GiB"; exact figures without fraction. */
void ki_format_size(uint64_t bytes, char out[24]);

/* Whole file, at most @limit bytes; NULL with errno set (EFBIG when larger). */
char *ki_read_file(const char *path, size_t limit, size_t *len);
/*
 * Writes @path whole or not at all: a temporary file beside it, fsync, rename.
 * @mode as for open(2). Returns 0, or -1 with errno set.
 */
int ki_write_file(const char *path, const void *data, size_t len, unsigned mode);

#endif
