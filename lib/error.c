/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *program = "keel";
static enum keel_log_level threshold = KEEL_LOG_INFO;

void keel_set_program(const char *name)
{
	program = name;
}

const char *keel_program(void)
{
	return program;
}

void keel_log_threshold(enum keel_log_level level)
{
	threshold = level;
}

int keel_fail(struct keel_error *err, enum keel_code code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -1;
	err->code = code;
	err->hint[0] = '\0';
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -1;
}

int keel_fail_errno(struct keel_error *err, enum keel_code code, int errnum,
		    const char *fmt, ...)
{
	va_list ap;
	size_t len;

	if (!err)
		return -1;
	err->code = code;
	err->hint[0] = '\0';
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	len = strlen(err->text);
	snprintf(err->text + len, sizeof(err->text) - len, ": %s", strerror(errnum));
	return -1;
}

int keel_hint(struct keel_error *err, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -1;
	va_start(ap, fmt);
	vsnprintf(err->hint, sizeof(err->hint), fmt, ap);
	va_end(ap);
	return -1;
}

void keel_error_print(const struct keel_error *err)
{
	fprintf(stderr, "%s: %s\n", program, err->text);
	if (err->hint[0])
		fprintf(stderr, "%*s  %s\n", (int)strlen(program), "", err->hint);
}

void keel_log(enum keel_log_level level, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	if (level > threshold)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	/* What guests and files say ends up here: it must not drive a terminal. */
	for (char *p = line; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	if (getenv("JOURNAL_STREAM"))
		fprintf(stderr, "<%d>%s\n", level, line);
	else
		fprintf(stderr, "%s: %s\n", program, line);
}
