/* SPDX-License-Identifier: GPL-3.0-or-later */
/* systemd, through its D-Bus interface. */
#ifndef KEEL_UNIT_H
#define KEEL_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-bus.h>

#include "lib/error.h"

/* Connects to the system bus, or as root straight to systemd. NULL: err says why. */
sd_bus *keel_bus_open(struct keel_error *err);

/*
 * Starts or stops a unit and waits until systemd has done the job.  KEEL_EFAIL with the
 * job's result when it failed; there is no limit but the unit's own.  When *cancel (may
 * be NULL) becomes nonzero it stops waiting with KEEL_ECANCELLED; the job goes on.
 */
int keel_unit_start(sd_bus *bus, const char *unit, const volatile int *cancel,
		    struct keel_error *err);
int keel_unit_stop(sd_bus *bus, const char *unit, const volatile int *cancel,
		   struct keel_error *err);

/* Forgets that a unit has failed; not an error when it has not. */
void keel_unit_reset_failed(sd_bus *bus, const char *unit);

/* Enables or disables a unit for the next boots. */
int keel_unit_enable(sd_bus *bus, const char *unit, bool on, struct keel_error *err);

/* The unit's ActiveState ("active", "inactive", "failed", ...). */
int keel_unit_state(sd_bus *bus, const char *unit, char *state, size_t size,
		    struct keel_error *err);

/*
 * Calls each(unit, active state, arg) for every loaded unit whose name matches the
 * shell pattern.
 */
typedef void keel_unit_each(const char *unit, const char *active, void *arg);
int keel_unit_list(sd_bus *bus, const char *pattern, keel_unit_each *each, void *arg,
		   struct keel_error *err);

#endif
