/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "logic/symbols.h"

const char *symbol_lookup(const struct symbol_table *t, u32 offset, u32 *start)
{
	u32 lo = 0, hi = t->n; /* the answer, if any, is in [lo, hi) */

	if (!t->n || offset < t->offsets[0])
		return NULL;
	while (hi - lo > 1) {
		u32 mid = lo + (hi - lo) / 2;

		if (t->offsets[mid] <= offset)
			lo = mid;
		else
			hi = mid;
	}
	if (t->names[lo] >= t->text_bytes)
		return NULL;
	*start = t->offsets[lo];
	return t->text + t->names[lo];
}
