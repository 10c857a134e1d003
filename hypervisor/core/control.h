/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the two families of control operations share. core/domctl.c, core/sysctl.c */
#pragma once
#include "core/domain.h"

/* One row of a family's table. Runs with the control lock held; *copyback = write op to the guest. */
void domain_fill_info(struct domain *d, struct xen_domctl_getdomaininfo *info);

/* Bitmaps of the toolstack, any length. Bits beyond @bits read as dropped and written as 0. */
bool bitmap_from_guest(u64 *map, u32 bits, const struct xenctl_bitmap *from);
bool bitmap_to_guest(const struct xenctl_bitmap *to, const u64 *map, u32 bits);

/* Serialises control operations. Fails when another CPU is in one: the caller continues later. */
bool control_lock(void);
void control_unlock(void);
