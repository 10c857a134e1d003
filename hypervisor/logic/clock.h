/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Arithmetic of clocks: pvclock scaling, fractions, dates. PURE. */
#pragma once
#include "logic/types.h"

/* a * b / c, ~0 if that does not fit. c != 0. */
u64 mul_div(u64 a, u64 b, u64 c);

/* For ticks of @hz (1 kHz to 1 THz): ns = ((ticks << shift) * mul) >> 32, a negative shift to the
 * right; mul is in [2^31, 2^32), so that no precision is given away. */
void clock_make_scale(u64 hz, u32 *mul, s8 *shift);
/* Ticks by such a scale in ns. */
ns_t clock_scale(u64 ticks, u32 mul, s8 shift);

/* Seconds from 1970-01-01 00:00 to a UTC time of the Gregorian calendar (years 1970 to 9999). */
u64 clock_seconds(u32 year, u32 month, u32 day, u32 hour, u32 minute, u32 second);
