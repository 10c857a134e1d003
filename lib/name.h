/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names of guests, and of the systemd units that run them. */
#ifndef KEEL_NAME_H
#define KEEL_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/error.h"

/* Longest guest name, in bytes, without the terminating zero. */
#define KEEL_NAME_MAX 63
/* Room for the unit of the longest name: prefix, 4 bytes for each byte, suffix, zero. */
#define KEEL_UNIT_MAX (12 + 4 * KEEL_NAME_MAX + 8 + 1)

/*
 * A guest's name is 1..KEEL_NAME_MAX bytes of [A-Za-z0-9._+-], beginning with a letter
 * or digit: so it is safe as a file name, on a command line and in xenstore, and cannot
 * be taken for an option.  "Domain-0" and all-digit names (they would look like domain
 * ids) are refused.
 */
bool keel_name_valid(const char *name);

/* As keel_name_valid(), telling in err which rule is broken.  Returns 0 or -1. */
int keel_name_check(const char *name, struct keel_error *err);

/*
 * Writes "keel-guest@ESCAPED.service" into unit[KEEL_UNIT_MAX], escaped by the rules of
 * systemd-escape(1).  The name must be valid.
 */
void keel_name_to_unit(const char *name, char *unit, size_t size);

/*
 * The reverse: the guest's name in name[KEEL_NAME_MAX + 1].  Returns false when unit is
 * not one of a guest.
 */
bool keel_unit_to_name(const char *unit, char *name, size_t size);

#endif
