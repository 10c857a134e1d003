/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "util.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void no_memory(void)
{
	fputs("keel-install: out of memory\n", stderr);
	abort();
}

int ki_fail(struct ki_error *err, const char *hint, const char *what, const char *why,
	    ...)
{
	va_list ap;

	if (!err)
		return -1;
	snprintf(err->what, sizeof(err->what), "%s", what);
	snprintf(err->hint, sizeof(err->hint), "%s", hint ? hint : "");
	va_start(ap, why);
	vsnprintf(err->why, sizeof(err->why), why, ap);
	va_end(ap);
	return -1;
}

char *ki_error_text(const struct ki_error *err)
{
	return ki_printf("%s: %s%s%s", err->what, err->why, err->hint[0] ? "\nTry: " : "",
			 err->hint);
}

void *ki_zalloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);

	if (!p)
		no_memory();
	return p;
}

void *ki_grow(void *old, size_t n, size_t size)
{
	void *p = reallocarray(old, n ? n : 1, size);

	if (!p)
		no_memory();
	return p;
}

static void buf_room(struct ki_buf *buf, size_t more)
{
	size_t want = buf->len + more + 1;

	if (want < more)
		no_memory();
	if (want <= buf->cap)
		return;
	buf->cap = want < 64 ? 64 : want + want / 2;
	buf->data = ki_grow(buf->data, buf->cap, 1);
}

void ki_buf_add(struct ki_buf *buf, const void *data, size_t len)
{
	buf_room(buf, len);
	if (len)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

static void buf_vprintf(struct ki_buf *buf, const char *fmt, va_list ap)
{
	va_list again;
	int len;

	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (len < 0)
		no_memory();
	buf_room(buf, (size_t)len);
	vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, ap);
	buf->len += (size_t)len;
}

void ki_buf_printf(struct ki_buf *buf, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(buf, fmt, ap);
	va_end(ap);
}

char *ki_buf_take(struct ki_buf *buf)
{
	char *text;

	ki_buf_add(buf, "", 0);
	text = buf->data;
	memset(buf, 0, sizeof(*buf));
	return text;
}

void ki_buf_free(struct ki_buf *buf)
{
	free(buf->data);
	memset(buf, 0, sizeof(*buf));
}

void ki_strv_take(struct ki_strv *list, char *text)
{
	list->v = ki_grow(list->v, list->n + 1, sizeof(*list->v));
	list->v[list->n++] = text;
}

void ki_strv_add(struct ki_strv *list, const char *text)
{
	ki_strv_take(list, ki_strdup(text));
}

bool ki_strv_has(const struct ki_strv *list, const char *text)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->v[i], text))
			return true;
	return false;
}

void ki_strv_split(struct ki_strv *list, const char *text)
{
	while (*text) {
		size_t len;

		text += strspn(text, " \t");
		len = strcspn(text, " \t");
		if (len)
			ki_strv_take(list, ki_strndup(text, len));
		text += len;
	}
}

void ki_strv_copy(struct ki_strv *to, const struct ki_strv *from)
{
	memset(to, 0, sizeof(*to));
	for (size_t i = 0; i < from->n; i++)
		ki_strv_add(to, from->v[i]);
}

void ki_strv_free(struct ki_strv *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->v[i]);
	free(list->v);
	memset(list, 0, sizeof(*list));
}

char *ki_strdup(const char *text)
{
	return text ? ki_strndup(text, strlen(text)) : NULL;
}

char *ki_strndup(const char *text, size_t len)
{
	char *copy = ki_zalloc(len + 1);

	memcpy(copy, text, len);
	return copy;
}

char *ki_printf(const char *fmt, ...)
{
	struct ki_buf buf = {0};
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&buf, fmt, ap);
	va_end(ap);
	return ki_buf_take(&buf);
}

void ki_set(char **to, const char *text)
{
	char *copy = ki_strdup(text);

	free(*to);
	*to = copy;
}

bool ki_prefix(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

bool ki_suffix(const char *text, const char *suffix)
{
	size_t len = strlen(text), tail = strlen(suffix);

	return len >= tail && !strcmp(text + len - tail, suffix);
}

char *ki_trim(char *text)
{
	char *end;

	while (isspace((unsigned char)*text))
		text++;
	end = text + strlen(text);
	while (end > text && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return text;
}

static bool unit_of(const char *text, uint64_t plain, uint64_t *unit)
{
	static const char letters[] = "KMGTP";
	const char *at;

	if (!*text) {
		*unit = plain;
		return true;
	}
	if (!strcasecmp(text, "b")) {
		*unit = 1;
		return true;
	}
	at = strchr(letters, toupper((unsigned char)*text));
	if (!at || !*at ||
	    (text[1] && strcasecmp(text + 1, "b") && strcasecmp(text + 1, "ib")))
		return false;
	*unit = 1ULL << (10 * (at - letters + 1));
	return true;
}

bool ki_parse_size(const char *text, uint64_t plain, uint64_t *bytes)
{
	unsigned long long number;
	uint64_t unit;
	char *end;

	while (isspace((unsigned char)*text))
		text++;
	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno)
		return false;
	while (*end == ' ')
		end++;
	if (!unit_of(end, plain, &unit))
		return false;
	return number && !__builtin_mul_overflow(number, unit, bytes) &&
	       *bytes <= INT64_MAX;
}

bool ki_parse_uint(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	unsigned long long number;
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno || *end || number < min || number > max)
		return false;
	*value = number;
	return true;
}

void ki_format_size(uint64_t bytes, char out[24])
{
	static const char *const units[] = {"B",   "KiB", "MiB", "GiB",
					    "TiB", "PiB", "EiB"};
	unsigned u = 0;
	uint64_t whole = bytes, unit = 1;

	while (whole >= 1024 && u < 6) {
		whole /= 1024;
		unit *= 1024;
		u++;
	}
	if (bytes % unit == 0)
		snprintf(out, 24, "%llu %s", (unsigned long long)whole, units[u]);
	else
		snprintf(out, 24, "%.1f %s", (double)bytes / (double)unit, units[u]);
}

char *ki_read_file(const char *path, size_t limit, size_t *len)
{
	struct ki_buf buf = {0};
	char chunk[16384];
	ssize_t got;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	while ((got = read(fd, chunk, sizeof(chunk))) > 0) {
		if (buf.len + (size_t)got > limit) {
			errno = EFBIG;
			got = -1;
			break;
		}
		ki_buf_add(&buf, chunk, (size_t)got);
	}
	if (got < 0) {
		int why = errno;

		ki_buf_free(&buf);
		close(fd);
		errno = why;
		return NULL;
	}
	close(fd);
	if (len)
		*len = buf.len;
	return ki_buf_take(&buf);
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

int ki_write_file(const char *path, const void *data, size_t len, unsigned mode)
{
	char *tmp = ki_printf("%s.XXXXXX", path);
	int fd = mkostemp(tmp, O_CLOEXEC), why;

	if (fd < 0)
		goto fail_open;
	if (fchmod(fd, mode) || write_all(fd, data, len) || fsync(fd))
		goto fail;
	if (close(fd)) {
		fd = -1;
		goto fail;
	}
	fd = -1;
	if (rename(tmp, path))
		goto fail;
	free(tmp);
	return 0;
fail:
	why = errno;
	if (fd >= 0)
		close(fd);
	unlink(tmp);
	errno = why;
fail_open:
	why = errno;
	free(tmp);
	errno = why;
	return -1;
}
