/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The end of an install. While the installer runs, the guest file says that a
 * reboot or power-off destroys the domain and that a crash preserves it. The
 * follower hears from libxl which of them it was, and on an orderly end switches
 * the guest to its installed system and starts it.
 */
#include "child.h"
#include "lib/name.h"

#include <errno.h>
#include <libxl.h>
#include <libxl_utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xentoollog.h>

#define CFG_LIMIT (256 * KI_KIB)

int ki_follow_start(const struct ki_paths *paths, const char *name, struct ki_error *err)
{
	char *guest_unit = ki_guest_unit(name);
	char *unit = ki_printf("keel-install-follow%s", strchr(guest_unit, '@'));
	char *dir = ki_guest_dir(paths, name), *log = ki_printf("%s/install.log", dir);
	const char *start[] = {"systemctl", "start", "--", unit, NULL};
	const char *self[] = {"/proc/self/exe", "--follow", name, NULL};
	char *tail = NULL;
	int rc;

	if (ki_unit_known(unit))
		rc = ki_child_run(start, NULL, &tail, err);
	else
		rc = ki_child_detach(self, log, err);
	if (rc > 0)
		rc = ki_fail(err,
			     "keel install --finish NAME when its installer has ended",
			     "the install cannot be followed", "%s", tail ? tail : "");
	free(tail);
	free(log);
	free(dir);
	free(unit);
	free(guest_unit);
	return rc;
}

static void remove_boot_files(const struct ki_paths *paths, const char *name)
{
	static const char *const leaves[] = {"kernel", "initrd"};
	char *dir = ki_guest_dir(paths, name);

	for (size_t i = 0; i < 2; i++) {
		char *path = ki_printf("%s/%s", dir, leaves[i]);

		if (unlink(path) && errno != ENOENT)
			fprintf(stderr, "keel-install: %s: %s\n", path, strerror(errno));
		free(path);
	}
	free(dir);
}

static int switch_config(const struct ki_paths *paths, const char *name,
			 struct ki_error *err)
{
	char *path = ki_guest_cfg_path(paths, name);
	char *text = ki_read_file(path, CFG_LIMIT, NULL);
	char *installed = text ? ki_guestcfg_finish(text) : NULL;
	int rc = 0;

	if (!text)
		rc = ki_fail(err, "keel list shows the guests",
			     "the guest file cannot be read", "%s: %s", path,
			     strerror(errno));
	else if (installed && ki_write_file(path, installed, strlen(installed), 0600))
		rc = ki_fail(err, NULL, "the guest file cannot be written", "%s: %s",
			     path, strerror(errno));
	free(installed);
	free(text);
	free(path);
	return rc;
}

int ki_finish(const struct ki_paths *paths, const char *name, bool start,
	      struct ki_error *err)
{
	struct keel_error fault;

	if (keel_name_check(name, &fault))
		return ki_fail(err, fault.hint, "bad guest name", "%s", fault.text);
	if (switch_config(paths, name, err))
		return -1;
	remove_boot_files(paths, name);
	if (!start)
		return 0;
	return ki_guest_start(paths, name, NULL, err) ? -1 : 0;
}

/* 0: orderly end; else @err says what happened instead. */
static int wait_for_end(libxl_ctx *ctx, uint32_t domid, const char *name,
			struct ki_error *err)
{
	libxl_shutdown_reason reason = LIBXL_SHUTDOWN_REASON_UNKNOWN;
	libxl_evgen_domain_death *evgen = NULL;
	libxl_event *ev;

	if (libxl_evenable_domain_death(ctx, domid, 0, &evgen))
		return ki_fail(err, NULL, "the guest cannot be watched", "%s", name);
	while (!libxl_event_wait(ctx, &ev, LIBXL_EVENTMASK_ALL, NULL, NULL)) {
		bool dead = ev->type == LIBXL_EVENT_TYPE_DOMAIN_DEATH;

		if (ev->type == LIBXL_EVENT_TYPE_DOMAIN_SHUTDOWN)
			reason = ev->u.domain_shutdown.shutdown_reason;
		libxl_event_free(ctx, ev);
		if (reason == LIBXL_SHUTDOWN_REASON_CRASH)
			return ki_fail(err, "keel console NAME shows its last lines",
				       "the installer crashed", "%s is kept for a look",
				       name);
		if (!dead)
			continue;
		if (reason == LIBXL_SHUTDOWN_REASON_POWEROFF ||
		    reason == LIBXL_SHUTDOWN_REASON_REBOOT)
			return 0;
		return ki_fail(err, "keel install --finish NAME if it was complete",
			       "the install was broken off",
			       "%s went away without a shutdown of its own", name);
	}
	return ki_fail(err, NULL, "the guest cannot be watched",
		       "libxl gave no more events");
}

int ki_follow(const struct ki_paths *paths, const char *name, struct ki_error *err)
{
	xentoollog_logger_stdiostream *log;
	struct keel_error fault;
	libxl_ctx *ctx = NULL;
	uint32_t domid;
	int rc;

	if (keel_name_check(name, &fault))
		return ki_fail(err, fault.hint, "bad guest name", "%s", fault.text);
	log = xtl_createlogger_stdiostream(stderr, XTL_WARN, 0);
	if (!log)
		return ki_fail(err, NULL, "the guest cannot be watched", "out of memory");
	if (libxl_ctx_alloc(&ctx, LIBXL_VERSION, 0, (xentoollog_logger *)log)) {
		rc = ki_fail(err, "run it in the control domain",
			     "the guest cannot be watched",
			     "this system does not run on Keel or Xen");
	} else if (libxl_name_to_domid(ctx, name, &domid)) {
		rc = ki_fail(err, "keel list shows the guests",
			     "the guest is not running", "%s", name);
	} else {
		printf("waiting for the end of %s's installer\n", name);
		fflush(stdout);
		rc = wait_for_end(ctx, domid, name, err);
	}
	if (ctx)
		libxl_ctx_free(ctx);
	xtl_logger_destroy((xentoollog_logger *)log);
	if (rc)
		return rc;
	printf("%s's installer has ended: switching to the installed system\n", name);
	fflush(stdout);
	/* The unit may still be winding up; starting it has to find it stopped. */
	if (ki_guest_stop(name, NULL))
		fflush(stdout);
	return ki_finish(paths, name, true, err);
}
