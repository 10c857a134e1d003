/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Errors that reach a person: what failed and why, and what to try.
 *
 * Every fallible function of this library takes a struct keel_error as its last
 * argument, fills it on failure and returns -1 (or NULL).  The pointer may be NULL when
 * the caller only wants to know whether it worked.
 */
#ifndef KEEL_ERROR_H
#define KEEL_ERROR_H

#include <stdarg.h>

/* Kinds of failure; each is also the exit status of the command that met it. */
enum keel_code {
	KEEL_OK = 0,
	KEEL_EFAIL = 1,	     /* the operation failed */
	KEEL_EUSAGE = 2,     /* wrong command line or value */
	KEEL_ENOGUEST = 3,   /* no guest of that name */
	KEEL_ESTATE = 4,     /* the guest is in a state that does not allow this */
	KEEL_EHOST = 5,	     /* not on a hypervisor, not root, or a service is missing */
	KEEL_ETIMEOUT = 6,   /* not done within the limit */
	KEEL_EFILE = 7,	     /* a guest file or configuration file is not valid */
	KEEL_ECANCELLED = 8, /* stopped by the user */
};

struct keel_error {
	enum keel_code code;
	char text[512]; /* one line, without a newline: what failed and why */
	char hint[256]; /* one line: what to try; empty when there is nothing to say */
};

/* Fills err (if not NULL) with a message and an empty hint; always returns -1. */
int keel_fail(struct keel_error *err, enum keel_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* As keel_fail(), appending ": " and the text of errno value errnum. */
int keel_fail_errno(struct keel_error *err, enum keel_code code, int errnum,
		    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Adds a hint to an error that was just filled; always returns -1. */
int keel_hint(struct keel_error *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Prints "PROGRAM: text" and, when there is one, the hint, to standard error. */
void keel_error_print(const struct keel_error *err);

/*
 * Sets the name that keel_error_print() and keel_log() begin with.
 * The string is kept, not copied.
 */
void keel_set_program(const char *name);
const char *keel_program(void);

/* Priorities of keel_log(), numbered as in syslog(3). */
enum keel_log_level {
	KEEL_LOG_ERROR = 3,
	KEEL_LOG_WARNING = 4,
	KEEL_LOG_NOTICE = 5,
	KEEL_LOG_INFO = 6,
	KEEL_LOG_DEBUG = 7,
};

/*
 * Writes one line to standard error, prefixed as sd-daemon(3) wants it ("<N>") when
 * standard error is the journal, else with the program's name.  Levels above the
 * threshold (default KEEL_LOG_INFO) are dropped.  Control bytes are written as '?'.
 */
void keel_log(enum keel_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void keel_log_threshold(enum keel_log_level level);

#endif
