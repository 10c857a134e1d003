/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/size.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Reads digits at *text into *out; false when there are none or they overflow. */
static bool digits(const char **text, uint64_t *out)
{
	const char *p = *text;
	uint64_t value = 0;

	if (*p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
			return false;
	*text = p;
	*out = value;
	return true;
}

bool keel_parse_uint(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t value;

	if (!digits(&text, &value) || *text || value < min || value > max)
		return false;
	*out = value;
	return true;
}

static bool unit_of(const char *text, uint64_t default_unit, uint64_t *unit)
{
	static const char letters[] = "bkmgtp";
	const char *found;

	if (!*text) {
		*unit = default_unit;
		return true;
	}
	found = strchr(letters, tolower((unsigned char)*text));
	if (!found)
		return false;
	*unit = UINT64_C(1) << (10 * (found - letters));
	text++;
	if (*unit > 1) {
		if (tolower((unsigned char)*text) == 'i')
			text++;
		if (tolower((unsigned char)*text) == 'b')
			text++;
	}
	return *text == '\0';
}

bool keel_parse_size(const char *text, uint64_t default_unit, uint64_t *bytes)
{
	uint64_t whole, unit, value, fraction = 0, scale = 1;

	if (!digits(&text, &whole))
		return false;
	if (*text == '.' || *text == ',') {
		text++;
		if (*text < '0' || *text > '9')
			return false;
		/* Six digits are finer than anyone means; the rest is read and dropped.
		 */
		for (; *text >= '0' && *text <= '9'; text++)
			if (scale < 1000000) {
				fraction = fraction * 10 + (uint64_t)(*text - '0');
				scale *= 10;
			}
	}
	while (*text == ' ')
		text++;
	if (!unit_of(text, default_unit, &unit))
		return false;
	if (__builtin_mul_overflow(whole, unit, &value))
		return false;
	/* unit / scale * fraction would round to nothing for small units. */
	value += (uint64_t)((unsigned __int128)fraction * unit / scale);
	if (value > INT64_MAX)
		return false;
	*bytes = value;
	return true;
}

bool keel_parse_seconds(const char *text, uint64_t *seconds)
{
	uint64_t value, unit = 1;

	if (!digits(&text, &value))
		return false;
	switch (*text) {
	case 'd':
		unit = 86400;
		break;
	case 'h':
		unit = 3600;
		break;
	case 'm':
		unit = 60;
		break;
	case 's':
	case '\0':
		break;
	default:
		return false;
	}
	if (*text && text[1])
		return false;
	if (__builtin_mul_overflow(value, unit, &value) || value > INT64_MAX)
		return false;
	*seconds = value;
	return true;
}

/*
 * Splits bytes into a figure of at most four digits and an index of its unit.
 * tenths is the figure times ten, rounded.
 */
static unsigned scaled(uint64_t bytes, uint64_t *tenths)
{
	unsigned unit = 0;
	uint64_t whole = bytes, rest = 0;

	while (whole >= 1024) {
		rest = whole % 1024;
		whole /= 1024;
		unit++;
	}
	*tenths = whole * 10 + (rest * 10 + 512) / 1024;
	return unit;
}

static char *format_scaled(uint64_t bytes, const char *const *units, const char *gap,
			   char *buf, size_t size)
{
	uint64_t tenths;
	unsigned unit = scaled(bytes, &tenths);

	if (unit == 0 || tenths >= 1000)
		snprintf(buf, size, "%" PRIu64 "%s%s", unit ? (tenths + 5) / 10 : bytes,
			 gap, units[unit]);
	else if (tenths % 10 == 0)
		snprintf(buf, size, "%" PRIu64 "%s%s", tenths / 10, gap, units[unit]);
	else
		snprintf(buf, size, "%" PRIu64 ".%" PRIu64 "%s%s", tenths / 10,
			 tenths % 10, gap, units[unit]);
	return buf;
}

char *keel_format_size(uint64_t bytes, char *buf, size_t size)
{
	static const char *const units[] = {"B",   "KiB", "MiB", "GiB",
					    "TiB", "PiB", "EiB"};

	return format_scaled(bytes, units, " ", buf, size);
}

char *keel_format_size_short(uint64_t bytes, char *buf, size_t size)
{
	static const char *const units[] = {"", "K", "M", "G", "T", "P", "E"};

	return format_scaled(bytes, units, "", buf, size);
}

char *keel_format_duration(uint64_t seconds, char *buf, size_t size)
{
	unsigned s = (unsigned)(seconds % 60), m = (unsigned)(seconds / 60 % 60);
	unsigned h = (unsigned)(seconds / 3600 % 24);
	uint64_t d = seconds / 86400;

	if (d)
		snprintf(buf, size, "%" PRIu64 "d %02u:%02u", d, h, m);
	else if (h)
		snprintf(buf, size, "%u:%02u:%02u", h, m, s);
	else if (m)
		snprintf(buf, size, "%u:%02u", m, s);
	else
		snprintf(buf, size, "%u s", s);
	return buf;
}
