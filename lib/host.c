/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/size.h"

const char *keel_state_name(enum keel_state state)
{
	static const char *const names[] = {
		[KEEL_STATE_OFF] = "off",
		[KEEL_STATE_STARTING] = "starting",
		[KEEL_STATE_RUNNING] = "running",
		[KEEL_STATE_IDLE] = "idle",
		[KEEL_STATE_PAUSED] = "paused",
		[KEEL_STATE_SHUTDOWN] = "shut down",
		[KEEL_STATE_REBOOTING] = "rebooting",
		[KEEL_STATE_CRASHED] = "crashed",
		[KEEL_STATE_SUSPENDED] = "suspended",
		[KEEL_STATE_DYING] = "dying",
	};

	return names[state];
}

bool keel_state_alive(enum keel_state state)
{
	return state == KEEL_STATE_RUNNING || state == KEEL_STATE_IDLE ||
	       state == KEEL_STATE_PAUSED;
}

void keel_host_close(struct keel_host *host)
{
	if (host->ops)
		host->ops->close(host->ctx);
	host->ops = NULL;
	host->ctx = NULL;
}

/* Domain-0, then by name, then by id. */
static int guest_order(const void *a, const void *b)
{
	const struct keel_guest *ga = a, *gb = b;
	int cmp;

	if ((ga->domid == 0) != (gb->domid == 0))
		return ga->domid == 0 ? -1 : 1;
	cmp = strcmp(ga->name, gb->name);
	if (cmp)
		return cmp;
	return ga->domid < gb->domid ? -1 : ga->domid > gb->domid;
}

/*
 * The guest called name.  While a guest is rebuilt, its old domain may linger under the
 * same name: one that is being torn down is the answer only when there is no other.
 */
static struct keel_guest *by_name(struct keel_guest *guests, size_t count,
				  const char *name)
{
	struct keel_guest *dying = NULL;

	for (size_t i = 0; i < count; i++) {
		if (strcmp(guests[i].name, name) != 0)
			continue;
		if (guests[i].state != KEEL_STATE_DYING)
			return &guests[i];
		dying = &guests[i];
	}
	return dying;
}

static void from_file(struct keel_guest *guest, const char *name)
{
	struct keel_guest_file file;

	memset(guest, 0, sizeof(*guest));
	snprintf(guest->name, sizeof(guest->name), "%s", name);
	guest->domid = KEEL_NO_DOMAIN;
	guest->state = KEEL_STATE_OFF;
	guest->defined = true;
	if (keel_guest_file_read(name, &file, NULL)) {
		guest->broken = true;
		return;
	}
	guest->type = file.type;
	guest->vcpus_max = file.max_vcpus;
	guest->memory_kib = file.memory_mib * 1024;
	guest->max_memory_kib = file.max_memory_mib * 1024;
	if (file.uuid)
		snprintf(guest->uuid, sizeof(guest->uuid), "%s", file.uuid);
	keel_guest_file_free(&file);
}

/* Marks the domains that have a definition and appends the definitions that have none. */
static int merge_files(struct keel_guest **guests, size_t *count, char **names,
		       struct keel_error *err)
{
	for (char **name = names; *name; name++) {
		struct keel_guest *found = by_name(*guests, *count, *name), *grown;

		if (found) {
			found->defined = true;
			continue;
		}
		grown = reallocarray(*guests, *count + 1, sizeof(**guests));
		if (!grown)
			return keel_fail(err, KEEL_EFAIL, "not enough memory");
		*guests = grown;
		from_file(&grown[(*count)++], *name);
	}
	return 0;
}

int keel_guests(struct keel_host *host, struct keel_guest **guests, size_t *count,
		struct keel_error *err)
{
	char **names = NULL;

	*guests = NULL;
	*count = 0;
	if (host->ops->list(host->ctx, guests, count, err))
		return -1;
	if (keel_guest_file_list(&names, err) || merge_files(guests, count, names, err) ||
	    host->ops->units(host->ctx, *guests, *count, err)) {
		keel_strv_free(names);
		free(*guests);
		*guests = NULL;
		return -1;
	}
	keel_strv_free(names);
	for (size_t i = 0; i < *count; i++)
		if ((*guests)[i].state == KEEL_STATE_OFF && (*guests)[i].has_unit)
			(*guests)[i].state = KEEL_STATE_STARTING;
	qsort(*guests, *count, sizeof(**guests), guest_order);
	return 0;
}

int keel_guest_find(struct keel_host *host, const char *name, struct keel_guest *guest,
		    struct keel_error *err)
{
	struct keel_guest *guests, *found;
	size_t count;
	uint64_t domid;

	if (keel_guests(host, &guests, &count, err))
		return -1;
	found = by_name(guests, count, name);
	if (!found && keel_parse_uint(name, 0, 0x7ff0, &domid))
		for (size_t i = 0; i < count && !found; i++)
			if (guests[i].domid == domid)
				found = &guests[i];
	if (found)
		*guest = *found;
	free(guests);
	if (found)
		return 0;
	keel_fail(err, KEEL_ENOGUEST, "no guest is called %s", name);
	return keel_hint(err, "keel list shows all guests");
}

const char *keel_vcpu_reason(const struct keel_guest *guest, const struct keel_vcpu *vcpu)
{
	if (vcpu->requested == vcpu->online)
		return "";
	if (vcpu->online)
		return "the guest has not given it up yet";
	if (guest->state == KEEL_STATE_PAUSED)
		return "the guest is paused";
	if (!keel_state_alive(guest->state))
		return "the guest does not run";
	/* A vCPU that ran once was taken offline by the guest, not merely never started.
	 */
	if (vcpu->cpu_ns)
		return "the guest took it offline itself; bring it online there";
	return "the guest's kernel has not started it: it boots, or has no udev rule";
}

/* Milliseconds on a clock that only goes forward. */
static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int keel_guest_wait(struct keel_host *host, const char *name, keel_guest_pred *pred,
		    void *arg, unsigned limit_s, const volatile int *cancel,
		    struct keel_error *err)
{
	int64_t end = now_ms() + (int64_t)limit_s * 1000;

	for (;;) {
		struct keel_guest guest;
		struct keel_error why;
		int rc = keel_guest_find(host, name, &guest, &why);
		int64_t left = end - now_ms();

		if (rc && why.code != KEEL_ENOGUEST) {
			if (err)
				*err = why;
			return -1;
		}
		if (pred(rc ? NULL : &guest, arg))
			return 0;
		if (cancel && *cancel)
			return keel_fail(err, KEEL_ECANCELLED, "cancelled");
		if (left <= 0)
			return keel_fail(err, KEEL_ETIMEOUT, "%s: not done within %u s",
					 name, limit_s);
		/* Some changes (a unit's state, a pause) have no event: look again. */
		if (host->ops->wait(host->ctx, left < 500 ? (int)left : 500, err) < 0)
			return -1;
	}
}
