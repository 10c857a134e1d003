/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What keel-guest@.service runs.
 *
 *   keel-guest-unit run NAME      ExecStart: becomes "xl create -F", or, when the domain
 *                                 lives already (xl died), watches it in xl's place
 *   keel-guest-unit started NAME  ExecStartPost: ends when the domain runs
 *   keel-guest-unit stop NAME     ExecStop: asks the guest to shut down; after the limit
 *                                 ($KEEL_STOP_LIMIT, default 120 s) destroys it
 *
 * Invariant: the guest's life never hangs on the life of this unit's processes.  Only
 * "stop", called while the main process lives, ends a guest.
 */
#include "tui/unit/guest-unit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/host.h"
#include "lib/size.h"

#define STOP_LIMIT  120
#define START_LIMIT 600
/* After a shutdown xl cleans up; it gets this long before the domain is destroyed here.
 */
#define CLEAN_LIMIT 15
/* A domain that does not run after this long will never. */
#define BUILD_LIMIT 60

static bool is_there(const struct keel_guest *guest, void *arg)
{
	(void)arg;
	return guest && guest->domid != KEEL_NO_DOMAIN;
}

static bool is_absent(const struct keel_guest *guest, void *arg)
{
	return !is_there(guest, arg);
}

static bool is_down(const struct keel_guest *guest, void *arg)
{
	return is_absent(guest, arg) || !keel_state_alive(guest->state);
}

/* Seconds from the environment, which the unit file or a drop-in sets. */
static unsigned limit_from(const char *variable, unsigned standard)
{
	const char *text = getenv(variable);
	uint64_t value;

	if (text && keel_parse_seconds(text, &value) && value <= 86400)
		return (unsigned)value;
	return standard;
}

/* Exists, and has not run for a moment. */
static bool never_ran(const struct keel_guest *guest)
{
	return guest->domid != KEEL_NO_DOMAIN && guest->cpu_ns == 0 &&
	       (guest->state == KEEL_STATE_STARTING || guest->state == KEEL_STATE_PAUSED);
}

static bool has_run(const struct keel_guest *guest, void *arg)
{
	(void)arg;
	return !guest || !never_ran(guest);
}

static int fail(const struct keel_error *err)
{
	keel_log(KEEL_LOG_ERROR, "%s", err->text);
	if (err->hint[0])
		keel_log(KEEL_LOG_ERROR, "%s", err->hint);
	return err->code;
}

/* xl create -F in place of this process: it watches the domain and handles reboots. */
static int become_xl(const char *name)
{
	char path[4200];

	keel_guest_file_path(name, path, sizeof(path));
	execlp("xl", "xl", "create", "-F", path, (char *)NULL);
	keel_log(KEEL_LOG_ERROR, "cannot run xl: %s", strerror(errno));
	return KEEL_EHOST;
}

/* What the definition says to do with a domain that shut down in this state. */
static const char *action_for(const struct keel_guest_file *file, enum keel_state state)
{
	switch (state) {
	case KEEL_STATE_REBOOTING:
		return file->on_reboot;
	case KEEL_STATE_CRASHED:
		return file->on_crash;
	default:
		return file->on_poweroff;
	}
}

/*
 * A watched domain has shut down: do as xl would.  Returns true when the guest shall be
 * built anew, false when the unit is done; *status is then its exit status.
 */
static bool settle(struct keel_host *host, const struct keel_guest *guest,
		   const struct keel_guest_file *file, int *status)
{
	const char *action = action_for(file, guest->state);
	struct keel_error err;

	keel_log(KEEL_LOG_NOTICE, "%s: %s; %s", guest->name,
		 keel_state_name(guest->state), action);
	*status = KEEL_OK;
	if (strcmp(action, "preserve") == 0)
		return false;
	if (host->ops->destroy(host->ctx, guest->domid, &err)) {
		*status = fail(&err);
		return false;
	}
	return strcmp(action, "restart") == 0;
}

/* Watches a domain that runs without an xl; true: it shall be built anew. */
static bool watch(struct keel_host *host, const char *name,
		  const struct keel_guest_file *file, int *status)
{
	struct keel_guest guest;
	struct keel_error err;

	keel_log(KEEL_LOG_NOTICE, "%s runs already: taking it over", name);
	*status = KEEL_OK;
	for (;;) {
		if (keel_guest_wait(host, name, is_down, NULL, 3600, NULL, &err) &&
		    err.code != KEEL_ETIMEOUT) {
			*status = fail(&err);
			return false;
		}
		if (keel_guest_find(host, name, &guest, &err) ||
		    guest.domid == KEEL_NO_DOMAIN)
			return false;
		if (guest.state == KEEL_STATE_DYING) {
			keel_guest_wait(host, name, is_absent, NULL, 60, NULL, NULL);
			return false;
		}
		if (!keel_state_alive(guest.state))
			return settle(host, &guest, file, status);
	}
}

/*
 * When xl died while it built the domain, that stays behind and never runs.  It has not
 * run yet, so nothing is lost with it.  Another xl may be building it just now, so it
 * gets some time.  Returns true when there was one and it is gone.
 */
static bool clear_half_built(struct keel_host *host, const char *name)
{
	struct keel_guest guest;
	struct keel_error err;

	if (keel_guest_find(host, name, &guest, NULL) || !never_ran(&guest) ||
	    keel_guest_wait(host, name, has_run, NULL,
			    limit_from("KEEL_BUILD_LIMIT", BUILD_LIMIT), NULL, &err) == 0)
		return false;
	keel_log(KEEL_LOG_NOTICE, "%s: domain %u was not built to its end: building anew",
		 name, guest.domid);
	if (host->ops->destroy(host->ctx, guest.domid, &err)) {
		fail(&err);
		return false;
	}
	return true;
}

static int run(const char *name)
{
	struct keel_guest_file file;
	struct keel_guest guest;
	struct keel_error err;
	struct keel_host host;
	bool build = true;
	int status;

	if (keel_guest_file_read(name, &file, &err) || keel_host_open(&host, &err))
		return fail(&err);
	if (keel_guest_find(&host, name, &guest, &err) == 0 &&
	    guest.domid != KEEL_NO_DOMAIN)
		build = clear_half_built(&host, name) ||
			watch(&host, name, &file, &status);
	keel_host_close(&host);
	keel_guest_file_free(&file);
	return build ? become_xl(name) : status;
}

/* Runs, not only exists: while xl builds it, a domain is paused. */
static bool is_running(const struct keel_guest *guest, void *arg)
{
	const pid_t *main_pid = arg;

	if (*main_pid > 0 && kill(*main_pid, 0) && errno == ESRCH)
		return true; /* xl has failed: no reason to wait on */
	return guest &&
	       (guest->state == KEEL_STATE_RUNNING || guest->state == KEEL_STATE_IDLE);
}

static int started(const char *name)
{
	const char *main_pid = getenv("MAINPID");
	struct keel_guest guest;
	struct keel_error err;
	struct keel_host host;
	uint64_t value = 0;
	pid_t pid;
	int rc;

	if (main_pid && !keel_parse_uint(main_pid, 1, INT32_MAX, &value))
		value = 0;
	pid = (pid_t)value;
	if (keel_host_open(&host, &err))
		return fail(&err);
	rc = keel_guest_wait(&host, name, is_running, &pid, START_LIMIT, NULL, &err);
	/* A guest that has ended again by now was started all the same. */
	if (!rc && pid > 0 && kill(pid, 0) && errno == ESRCH &&
	    (keel_guest_find(&host, name, &guest, NULL) || guest.domid == KEEL_NO_DOMAIN))
		rc = keel_fail(&err, KEEL_EFAIL, "%s: xl could not create the domain",
			       name);
	keel_host_close(&host);
	return rc ? fail(&err) : KEEL_OK;
}

/* Asks, waits, and tells whether the guest is down. */
static bool shut_down(struct keel_host *host, const struct keel_guest *guest)
{
	unsigned limit = limit_from("KEEL_STOP_LIMIT", STOP_LIMIT);
	struct keel_error err;

	if (!keel_state_alive(guest->state))
		return true;
	if (guest->state == KEEL_STATE_PAUSED &&
	    host->ops->unpause(host->ctx, guest->domid, &err))
		return false;
	if (host->ops->shutdown(host->ctx, guest->domid, &err)) {
		fail(&err);
		return false;
	}
	if (keel_guest_wait(host, guest->name, is_down, NULL, limit, NULL, &err) == 0)
		return true;
	fail(&err);
	return false;
}

static int destroy(struct keel_host *host, const char *name)
{
	struct keel_guest guest;
	struct keel_error err;

	/* on_poweroff="restart" may have built a new domain meanwhile: that one goes too.
	 */
	while (keel_guest_find(host, name, &guest, &err) == 0 &&
	       guest.domid != KEEL_NO_DOMAIN) {
		keel_log(KEEL_LOG_NOTICE, "%s: destroying domain %u (%s)", name,
			 guest.domid, keel_state_name(guest.state));
		if (guest.state != KEEL_STATE_DYING &&
		    host->ops->destroy(host->ctx, guest.domid, &err) &&
		    keel_guest_find(host, name, &guest, NULL) == 0 &&
		    guest.domid != KEEL_NO_DOMAIN)
			return fail(&err);
		if (keel_guest_wait(host, name, is_absent, NULL, 60, NULL, &err) &&
		    err.code != KEEL_ETIMEOUT)
			return fail(&err);
	}
	return KEEL_OK;
}

static int stop(const char *name)
{
	struct keel_guest guest;
	struct keel_error err;
	struct keel_host host;
	int rc = KEEL_OK;

	/*
	 * systemd runs ExecStop also when the main process ended by itself.  If that was
	 * xl's death, the guest runs on and must; the unit is started again and takes it
	 * over.
	 */
	if (!getenv("MAINPID"))
		return KEEL_OK;
	if (keel_host_open(&host, &err))
		return fail(&err);
	if (keel_guest_find(&host, name, &guest, &err) == 0 &&
	    guest.domid != KEEL_NO_DOMAIN) {
		if (shut_down(&host, &guest))
			keel_guest_wait(&host, name, is_absent, NULL, CLEAN_LIMIT, NULL,
					NULL);
		rc = destroy(&host, name);
	}
	keel_host_close(&host);
	return rc;
}

int keel_guest_unit_main(int argc, char **argv)
{
	struct keel_error err;

	keel_set_program("keel-guest-unit");
	if (argc != 3) {
		fprintf(stderr, "usage: keel-guest-unit run|started|stop NAME\n");
		return KEEL_EUSAGE;
	}
	if (keel_name_check(argv[2], &err))
		return fail(&err);
	if (strcmp(argv[1], "run") == 0)
		return run(argv[2]);
	if (strcmp(argv[1], "started") == 0)
		return started(argv[2]);
	if (strcmp(argv[1], "stop") == 0)
		return stop(argv[2]);
	fprintf(stderr, "keel-guest-unit: %s is no action of its\n", argv[1]);
	return KEEL_EUSAGE;
}
