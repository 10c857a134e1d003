/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any text as configuration.  An error has a place within the text and leaves
 * the defaults; what is accepted gives settings within their ranges.
 */
#include <stdlib.h>
#include <string.h>

#include "consoled/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_error(const struct config *c, const struct config_error *e,
			const uint8_t *data, size_t size)
{
	unsigned lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	if (!e->line || e->line > lines || !e->column || e->column > size + 1 ||
	    !e->text[0])
		abort();
	if (c->nrules || c->rules)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_error e;
	struct guest_conf g;
	struct config c;

	if (!config_parse(&c, (const char *)data, size, &e)) {
		check_error(&c, &e, data, size);
		return 0;
	}
	config_guest(&c, "web1", "6f9619ff-8b86-d011-b42d-00cf4fc964ff", &g);
	if (g.history & (g.history - 1) || g.history < (256 << 10) || g.cols < 20 ||
	    g.cols > 500 || g.rows < 5 || g.rows > 300 || g.view.n > ACL_MAX)
		abort();
	if (memchr(c.socket, 0, sizeof(c.socket)) == NULL)
		abort();
	config_free(&c);
	return 0;
}
