/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Is this a healthy control domain?  Each check says what it saw and how to fix it. */
#ifndef KEEL_CHECKS_H
#define KEEL_CHECKS_H

#include "lib/host.h"

enum keel_verdict { KEEL_CHECK_OK, KEEL_CHECK_WARN, KEEL_CHECK_BAD };

struct keel_check {
	const char *name; /* "hypervisor", "xenstored", ... */
	enum keel_verdict verdict;
	char found[160]; /* what was seen */
	char fix[160];	 /* a command, or "" */
};

/*
 * Runs all checks; results is malloc()ed.  host may be NULL (it could not be opened):
 * the checks that need it are then bad.
 */
int keel_checks_run(struct keel_host *host, struct keel_check **results, size_t *count);

#endif
