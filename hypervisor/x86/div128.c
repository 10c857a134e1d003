/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The compiler calls this to divide 128-bit numbers. */
#include "logic/types.h"

unsigned __int128 __udivti3(unsigned __int128 a, unsigned __int128 b);

unsigned __int128 __udivti3(unsigned __int128 a, unsigned __int128 b)
{
	u64 hi = (u64)(a >> 64), lo = (u64)a, d = (u64)b, q_hi, rest;
	unsigned __int128 q = 0, r = 0;

	if (!(b >> 64) && d) { /* two steps of the CPU's 128 by 64 */
		q_hi = hi / d;
		rest = hi % d;
		__asm__("divq %2" : "+a"(lo), "+d"(rest) : "r"(d) : "cc");
		return (unsigned __int128)q_hi << 64 | lo;
	}
	for (int i = 127; i >= 0 && b; i--) {
		r = r << 1 | (a >> i & 1);
		if (r >= b) {
			r -= b;
			q |= (unsigned __int128)1 << i;
		}
	}
	return q;
}
