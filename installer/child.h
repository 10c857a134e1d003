/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs other programs, and the guests' units through them. */
#ifndef KEEL_INSTALLER_CHILD_H
#define KEEL_INSTALLER_CHILD_H

#include "plan.h"

struct ki_child {
	bool (*cancelled)(void *arg); /* asked ten times a second; NULL: never */
	/* Every piece of output (standard output and error together); may be NULL. */
	void (*output)(void *arg, const char *text, size_t len);
	void *arg;
};

/*
 * Runs @argv (found in PATH), waits for it. Returns its exit status (128 + the
 * signal when killed), -1 and @err when it cannot be run, -2 when cancelled (it
 * is then dead). @tail (may be NULL; caller frees) gets the last 8,000 bytes
 * that it said.
 */
int ki_child_run(const char *const argv[], const struct ki_child *how, char **tail,
		 struct ki_error *err);
/* Starts a program in a session of its own, output to @log; does not wait. */
int ki_child_detach(const char *const argv[], const char *log, struct ki_error *err);

/* "keel-guest@NAME.service", escaped, of a valid name; the caller frees it. */
char *ki_guest_unit(const char *name);
/* True when systemd runs this system and knows the unit. */
bool ki_unit_known(const char *unit);

/*
 * Start and stop a guest: through its unit where there is one, else through xl.
 * 0; -1 and @err; -2 cancelled.
 */
int ki_guest_start(const struct ki_paths *paths, const char *name,
		   const struct ki_child *how, struct ki_error *err);
int ki_guest_stop(const char *name, struct ki_error *err);
/* Replaces this process with the guest's console; returns only on failure. */
int ki_guest_attach(const char *name, struct ki_error *err);

/* follow.c */
/* Starts the follower of @name: its unit, or a detached process. */
int ki_follow_start(const struct ki_paths *paths, const char *name, struct ki_error *err);
/*
 * Waits until the guest's installer has powered off or rebooted, then finishes.
 * 0 done; -1 and @err (also when the guest crashed or was destroyed).
 */
int ki_follow(const struct ki_paths *paths, const char *name, struct ki_error *err);
/*
 * Switches the guest file from the installer's kernel to the installed system,
 * removes kernel and initramfs, and starts the guest again when @start. Doing it
 * twice does no harm. 0, -1 and @err.
 */
int ki_finish(const struct ki_paths *paths, const char *name, bool start,
	      struct ki_error *err);

#endif
