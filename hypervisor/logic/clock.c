/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "logic/clock.h"

#define NS_PER_S 1000000000ULL

u64 mul_div(u64 a, u64 b, u64 c)
{
	unsigned __int128 q = (unsigned __int128)a * b / c;

	return q > UINT64_MAX ? UINT64_MAX : (u64)q;
}

void clock_make_scale(u64 hz, u32 *mul, s8 *shift)
{
	u64 t = hz;
	s8 s = 0;

	for (; t > 2 * NS_PER_S; s--)
		t >>= 1;
	for (; t <= NS_PER_S; s++)
		t <<= 1;
	/* The shifted ticks come at t Hz, NS_PER_S < t <= 2 * NS_PER_S; keep what t lost in shifting
	 * to the right. */
	*mul = (u32)(s >= 0 ? mul_div(NS_PER_S, 1ULL << 32, t)
	                    : mul_div(NS_PER_S << -s, 1ULL << 32, hz));
	*shift = s;
}

ns_t clock_scale(u64 ticks, u32 mul, s8 shift)
{
	ticks = shift >= 0 ? ticks << shift : ticks >> -shift;
	return (ns_t)((unsigned __int128)ticks * mul >> 32);
}

/* From March on, so that a leap day is the year's last. */
static u64 days_since_1970(u32 year, u32 month, u32 day)
{
	u64 y = month <= 2 ? year - 1 : year;
	u32 m = (month + 9) % 12;

	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

u64 clock_seconds(u32 year, u32 month, u32 day, u32 hour, u32 minute, u32 second)
{
	return ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
}
