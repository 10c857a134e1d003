/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/name.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define UNIT_PREFIX "keel-guest@"
#define UNIT_SUFFIX ".service"

static bool name_char(unsigned char c)
{
	return (c < 0x80 && isalnum(c)) || c == '.' || c == '_' || c == '+' || c == '-';
}

int keel_name_check(const char *name, struct keel_error *err)
{
	size_t len = strlen(name);

	if (len == 0)
		return keel_fail(err, KEEL_EUSAGE, "the guest's name is empty");
	if (len > KEEL_NAME_MAX)
		return keel_fail(err, KEEL_EUSAGE,
				 "a guest's name has at most %d characters, this has %zu",
				 KEEL_NAME_MAX, len);
	for (const char *p = name; *p; p++)
		if (!name_char((unsigned char)*p))
			return keel_fail(
				err, KEEL_EUSAGE,
				"a guest's name has letters, digits and . _ + - only");
	if (!isalnum((unsigned char)name[0]))
		return keel_fail(err, KEEL_EUSAGE,
				 "a guest's name begins with a letter or a digit");
	if (strspn(name, "0123456789") == len)
		return keel_fail(err, KEEL_EUSAGE,
				 "a name of digits only would be taken for a domain id");
	if (strcmp(name, "Domain-0") == 0)
		return keel_fail(err, KEEL_EUSAGE,
				 "Domain-0 is the control domain's name");
	return 0;
}

bool keel_name_valid(const char *name)
{
	return keel_name_check(name, NULL) == 0;
}

void keel_name_to_unit(const char *name, char *unit, size_t size)
{
	char escaped[4 * KEEL_NAME_MAX + 1];
	size_t n = 0;

	/* systemd-escape leaves alone alphanumerics, ':', '_', and '.' but at the start.
	 */
	for (const char *p = name; *p && n + 4 < sizeof(escaped); p++) {
		unsigned char c = (unsigned char)*p;

		if (isalnum(c) || c == ':' || c == '_' || (c == '.' && p != name))
			escaped[n++] = (char)c;
		else
			n += (size_t)snprintf(escaped + n, sizeof(escaped) - n, "\\x%02x",
					      c);
	}
	escaped[n] = '\0';
	snprintf(unit, size, UNIT_PREFIX "%s" UNIT_SUFFIX, escaped);
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

bool keel_unit_to_name(const char *unit, char *name, size_t size)
{
	size_t len = strlen(unit), n = 0;
	const char *p, *end;

	if (strncmp(unit, UNIT_PREFIX, strlen(UNIT_PREFIX)) != 0 ||
	    len < strlen(UNIT_PREFIX UNIT_SUFFIX) + 1 ||
	    strcmp(unit + len - strlen(UNIT_SUFFIX), UNIT_SUFFIX) != 0)
		return false;
	p = unit + strlen(UNIT_PREFIX);
	end = unit + len - strlen(UNIT_SUFFIX);
	while (p < end) {
		int c = (unsigned char)*p;

		if (n + 1 >= size)
			return false;
		if (c == '\\') {
			if (end - p < 4 || p[1] != 'x' || hex(p[2]) < 0 || hex(p[3]) < 0)
				return false;
			c = hex(p[2]) * 16 + hex(p[3]);
			p += 3;
		} else if (c == '-') {
			c = '/'; /* never in a valid name, so refused below */
		}
		name[n++] = (char)c;
		p++;
	}
	name[n] = '\0';
	return keel_name_valid(name);
}
