/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "logic/descriptor.h"

#define DESC_P   BIT(47)
#define DESC_S   BIT(44) /* code or data */
#define DESC_DPL (3ULL << 45)

bool descriptor_fix(u64 *desc)
{
	u64 d = *desc;

	if (!(d & DESC_P))
		return true;
	if (!(d & DESC_S))
		return false;
	if ((d & DESC_DPL) != DESC_DPL)
		*desc = d | DESC_DPL;
	return true;
}

bool descriptor_page_fix(u64 *page)
{
	for (u32 i = 0; i < DESC_PER_PAGE; i++)
		if (!descriptor_fix(&page[i]))
			return false;
	return true;
}
