/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Taking rights away from a helper process, for good. */
#ifndef KEEL_SANDBOX_H
#define KEEL_SANDBOX_H

enum sandbox_kind {
	SANDBOX_SCREEN, /* memory, its socket, nothing else */
	SANDBOX_LOG,	/* and files in one directory */
};

/*
 * Called once, before the process looks at anything a guest wrote.  A
 * privileged caller is confined to directory dir and becomes `user` (when there
 * is no such user: the screen helper becomes nobody, the log helper keeps its
 * uid, which owns the log directory, without any capability).  Then every
 * system call outside of the kind's allow-list kills the process.
 * 0 or -errno; on failure the caller must not go on.
 */
int sandbox_enter(enum sandbox_kind kind, const char *user, const char *dir);

#endif
