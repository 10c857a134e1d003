/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEST		"org.freedesktop.systemd1"
#define PATH		"/org/freedesktop/systemd1"
#define MANAGER		"org.freedesktop.systemd1.Manager"
#define UNIT		"org.freedesktop.systemd1.Unit"
#define CALL_TIMEOUT_US 120000000
#define CANCEL_POLL_US	500000

sd_bus *keel_bus_open(struct keel_error *err)
{
	sd_bus *bus = NULL;
	int rc = sd_bus_open_system(&bus);

	if (rc < 0) {
		keel_fail_errno(err, KEEL_EHOST, -rc, "cannot reach systemd");
		return NULL;
	}
	/* A loaded machine may let systemd think for longer than the usual 25 s. */
	sd_bus_set_method_call_timeout(bus, CALL_TIMEOUT_US);
	return bus;
}

/* What a failed call said: the bus error's text when there is one. */
static int bus_fail(struct keel_error *err, int rc, sd_bus_error *bus_err,
		    const char *what, const char *unit)
{
	if (bus_err->message)
		keel_fail(err, KEEL_EFAIL, "cannot %s %s: %s", what, unit,
			  bus_err->message);
	else
		keel_fail_errno(err, KEEL_EFAIL, -rc, "cannot %s %s", what, unit);
	sd_bus_error_free(bus_err);
	return -1;
}

/* A job that is waited for; done gets its result. */
struct job {
	const char *path;  /* NULL until known */
	char early[8][96]; /* jobs that ended before the path was known */
	char early_result[8][24];
	unsigned early_count;
	char result[24];
};

static int job_removed(sd_bus_message *m, void *arg, sd_bus_error *ret)
{
	const char *path, *unit, *result;
	struct job *job = arg;
	uint32_t id;

	(void)ret;
	if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) < 0)
		return 0;
	if (job->path) {
		if (strcmp(path, job->path) == 0)
			snprintf(job->result, sizeof(job->result), "%s", result);
	} else if (job->early_count < 8) {
		snprintf(job->early[job->early_count], sizeof(job->early[0]), "%s", path);
		snprintf(job->early_result[job->early_count++],
			 sizeof(job->early_result[0]), "%s", result);
	}
	return 0;
}

static int wait_job(sd_bus *bus, struct job *job, const volatile int *cancel)
{
	int rc;

	for (unsigned i = 0; i < job->early_count; i++)
		if (strcmp(job->early[i], job->path) == 0)
			snprintf(job->result, sizeof(job->result), "%s",
				 job->early_result[i]);
	while (!job->result[0]) {
		if (cancel && *cancel)
			return -ECANCELED;
		rc = sd_bus_process(bus, NULL);
		/* A signal may set *cancel just before the wait: so that one has an end.
		 */
		if (rc == 0)
			rc = sd_bus_wait(bus, CANCEL_POLL_US);
		if (rc < 0 && rc != -EINTR)
			return rc;
	}
	return 0;
}

static int run_job(sd_bus *bus, const char *method, const char *what, const char *unit,
		   const volatile int *cancel, struct keel_error *err)
{
	sd_bus_error bus_err = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	sd_bus_slot *slot = NULL;
	struct job job = {0};
	int rc;

	/* Watch before asking: a short job may end before the reply is read. */
	rc = sd_bus_match_signal(bus, &slot, DEST, PATH, MANAGER, "JobRemoved",
				 job_removed, &job);
	if (rc >= 0)
		rc = sd_bus_call_method(bus, DEST, PATH, MANAGER, "Subscribe", &bus_err,
					NULL, NULL);
	/* Subscribing twice on one connection is refused and harmless. */
	sd_bus_error_free(&bus_err);
	rc = sd_bus_call_method(bus, DEST, PATH, MANAGER, method, &bus_err, &reply, "ss",
				unit, "replace");
	if (rc >= 0)
		rc = sd_bus_message_read(reply, "o", &job.path);
	if (rc >= 0)
		rc = wait_job(bus, &job, cancel);
	sd_bus_message_unref(reply);
	sd_bus_slot_unref(slot);
	if (rc == -ECANCELED)
		return keel_fail(err, KEEL_ECANCELLED, "cancelled");
	if (rc < 0)
		return bus_fail(err, rc, &bus_err, what, unit);
	sd_bus_error_free(&bus_err);
	if (strcmp(job.result, "done") != 0 && strcmp(job.result, "skipped") != 0)
		return keel_fail(err,
				 strcmp(job.result, "timeout") == 0 ? KEEL_ETIMEOUT
								    : KEEL_EFAIL,
				 "cannot %s %s: the job's result is \"%s\"", what, unit,
				 job.result);
	return 0;
}

int keel_unit_start(sd_bus *bus, const char *unit, const volatile int *cancel,
		    struct keel_error *err)
{
	return run_job(bus, "StartUnit", "start", unit, cancel, err);
}

int keel_unit_stop(sd_bus *bus, const char *unit, const volatile int *cancel,
		   struct keel_error *err)
{
	return run_job(bus, "StopUnit", "stop", unit, cancel, err);
}

void keel_unit_reset_failed(sd_bus *bus, const char *unit)
{
	sd_bus_error bus_err = SD_BUS_ERROR_NULL;

	/* Fails when the unit is not loaded, which is as good. */
	sd_bus_call_method(bus, DEST, PATH, MANAGER, "ResetFailedUnit", &bus_err, NULL,
			   "s", unit);
	sd_bus_error_free(&bus_err);
}

static int call_files(sd_bus *bus, const char *unit, bool on, sd_bus_error *bus_err)
{
	if (on)
		return sd_bus_call_method(bus, DEST, PATH, MANAGER, "EnableUnitFiles",
					  bus_err, NULL, "asbb", 1, unit, 0, 0);
	return sd_bus_call_method(bus, DEST, PATH, MANAGER, "DisableUnitFiles", bus_err,
				  NULL, "asb", 1, unit, 0);
}

int keel_unit_enable(sd_bus *bus, const char *unit, bool on, struct keel_error *err)
{
	sd_bus_error bus_err = SD_BUS_ERROR_NULL;
	/*
	 * No reload, which can take long: being enabled matters at the next boot, and
	 * then systemd reads all units anyway.
	 */
	int rc = call_files(bus, unit, on, &bus_err);

	return rc < 0 ? bus_fail(err, rc, &bus_err, on ? "enable" : "disable", unit) : 0;
}

int keel_unit_state(sd_bus *bus, const char *unit, char *state, size_t size,
		    struct keel_error *err)
{
	sd_bus_error bus_err = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	const char *path, *value;
	char *copy = NULL;
	int rc;

	rc = sd_bus_call_method(bus, DEST, PATH, MANAGER, "LoadUnit", &bus_err, &reply,
				"s", unit);
	if (rc >= 0)
		rc = sd_bus_message_read(reply, "o", &path);
	if (rc >= 0)
		rc = sd_bus_get_property_string(bus, DEST, path, UNIT, "LoadState",
						&bus_err, &copy);
	if (rc >= 0 && strcmp(copy, "loaded") != 0) {
		snprintf(state, size, "%s", copy); /* "masked", "not-found" */
		goto out;
	}
	free(copy);
	copy = NULL;
	if (rc >= 0)
		rc = sd_bus_get_property_string(bus, DEST, path, UNIT, "ActiveState",
						&bus_err, &copy);
	value = copy;
	if (rc >= 0)
		snprintf(state, size, "%s", value);
out:
	free(copy);
	sd_bus_message_unref(reply);
	return rc < 0 ? bus_fail(err, rc, &bus_err, "ask about", unit) : 0;
}

int keel_unit_list(sd_bus *bus, const char *pattern, keel_unit_each *each, void *arg,
		   struct keel_error *err)
{
	sd_bus_error bus_err = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	const char *unit, *active;
	int rc;

	rc = sd_bus_call_method(bus, DEST, PATH, MANAGER, "ListUnitsByPatterns", &bus_err,
				&reply, "asas", 0, 1, pattern);
	if (rc >= 0)
		rc = sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");
	while (rc >= 0) {
		rc = sd_bus_message_read(reply, "(ssssssouso)", &unit, NULL, NULL,
					 &active, NULL, NULL, NULL, NULL, NULL, NULL);
		if (rc <= 0)
			break;
		each(unit, active, arg);
	}
	sd_bus_message_unref(reply);
	return rc < 0 ? bus_fail(err, rc, &bus_err, "list", pattern) : 0;
}
