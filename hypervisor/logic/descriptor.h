/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which segment descriptors a guest may have (Intel SDM vol. 3, 3.4.5). PURE */
#pragma once
#include "logic/types.h"

#define DESC_PER_PAGE 512

/*
 * True if the descriptor may stand in a guest's GDT or LDT. Absent ones may hold anything. Present ones must
 * be code or data: gates and system descriptors would lead into ring 0 or change tables. DPL is raised to 3,
 * as guests run there.
 */
bool descriptor_fix(u64 *desc);

/* All of a page: false if one is bad; those before it may have been fixed. */
bool descriptor_page_fix(u64 *page);
