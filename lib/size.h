/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers and amounts as people type and read them. */
#ifndef KEEL_SIZE_H
#define KEEL_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A decimal number in [min, max], nothing before or after it. */
bool keel_parse_uint(const char *text, uint64_t min, uint64_t max, uint64_t *out);

/*
 * An amount of bytes: decimal digits, optionally a fraction, then one of
 * "" (unit of the argument default_unit, e.g. 1 << 20), b, k, m, g, t, p, each
 * with an optional "i" and "b", upper or lower case; all are powers of 1024.
 * Refuses what does not fit in 63 bits, and trailing text.
 */
bool keel_parse_size(const char *text, uint64_t default_unit, uint64_t *bytes);

/* A time: "90", "90s", "5m", "2h", "1d" -> seconds. */
bool keel_parse_seconds(const char *text, uint64_t *seconds);

/* "512 MiB", "1.5 GiB", "37 B": at most 9 bytes and a zero; returns buf. */
char *keel_format_size(uint64_t bytes, char *buf, size_t size);

/* The same in at most 5 columns, for tables: "512M", "1.5G", "37". */
char *keel_format_size_short(uint64_t bytes, char *buf, size_t size);

/* "12 s", "3:07", "2:03:07", "5d 02:03": the time a guest has run. */
char *keel_format_duration(uint64_t seconds, char *buf, size_t size);

#endif
