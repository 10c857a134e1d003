/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The image's symbol table, made by the second link pass. PURE. */
#pragma once
#include "logic/types.h"

struct symbol_table {
	const u32 *offsets; /* of functions from the start of the text, ascending */
	const u32 *names;   /* where each one's name begins in @text */
	u32 n;
	const char *text;   /* NUL-terminated names */
	u32 text_bytes;
};

/* Name of the function that holds @offset, with *start its first byte's; NULL before the first one
 * or if the table is damaged. */
const char *symbol_lookup(const struct symbol_table *t, u32 offset, u32 *start);
