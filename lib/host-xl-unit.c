/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The real host: units of guests. */
#include "lib/host-xl.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "lib/unit.h"

/* Where systemctl enable puts the links of units wanted by multi-user.target. */
#define WANTS "/etc/systemd/system/multi-user.target.wants"

static sd_bus *bus_of(struct xl_host *host, struct keel_error *err)
{
	if (!host->bus)
		host->bus = keel_bus_open(err);
	return host->bus;
}

struct listing {
	struct keel_guest *guests;
	size_t count;
};

static struct keel_guest *of_unit(const struct listing *listing, const char *unit)
{
	char name[KEEL_NAME_MAX + 1];

	if (!keel_unit_to_name(unit, name, sizeof(name)))
		return NULL;
	for (size_t i = 0; i < listing->count; i++)
		if (strcmp(listing->guests[i].name, name) == 0)
			return &listing->guests[i];
	return NULL;
}

static void note_unit(const char *unit, const char *active, void *arg)
{
	struct keel_guest *guest = of_unit(arg, unit);

	if (!guest)
		return;
	guest->unit_failed = strcmp(active, "failed") == 0;
	guest->has_unit = !guest->unit_failed && strcmp(active, "inactive") != 0;
}

static void note_enabled(const struct listing *listing)
{
	DIR *dir = opendir(WANTS);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		struct keel_guest *guest = of_unit(listing, entry->d_name);

		if (guest)
			guest->autostart = true;
	}
	closedir(dir);
}

/* Without systemd there are no units: that is no error, guests are listed all the same.
 */
int xl_units(void *ctx, struct keel_guest *guests, size_t count, struct keel_error *err)
{
	struct listing listing = {guests, count};
	struct xl_host *host = ctx;

	(void)err;
	note_enabled(&listing);
	if (!bus_of(host, NULL))
		return 0;
	if (keel_unit_list(host->bus, "keel-guest@*.service", note_unit, &listing,
			   NULL)) {
		/* The bus was restarted: connect again next time. */
		sd_bus_close_unref(host->bus);
		host->bus = NULL;
	}
	return 0;
}

int xl_unit_start(void *ctx, const char *name, const volatile int *cancel,
		  struct keel_error *err)
{
	char unit[KEEL_UNIT_MAX];
	struct xl_host *host = ctx;

	if (!bus_of(host, err))
		return -1;
	keel_name_to_unit(name, unit, sizeof(unit));
	keel_unit_reset_failed(host->bus, unit);
	return keel_unit_start(host->bus, unit, cancel, err);
}

int xl_unit_stop(void *ctx, const char *name, const volatile int *cancel,
		 struct keel_error *err)
{
	char unit[KEEL_UNIT_MAX];
	struct xl_host *host = ctx;

	if (!bus_of(host, err))
		return -1;
	keel_name_to_unit(name, unit, sizeof(unit));
	return keel_unit_stop(host->bus, unit, cancel, err);
}

int xl_unit_enable(void *ctx, const char *name, bool on, struct keel_error *err)
{
	char unit[KEEL_UNIT_MAX];
	struct xl_host *host = ctx;

	if (!bus_of(host, err))
		return -1;
	keel_name_to_unit(name, unit, sizeof(unit));
	return keel_unit_enable(host->bus, unit, on, err);
}

int xl_unit_state(void *ctx, const char *unit, char *state, size_t size,
		  struct keel_error *err)
{
	struct xl_host *host = ctx;

	if (!bus_of(host, err))
		return -1;
	return keel_unit_state(host->bus, unit, state, size, err);
}
