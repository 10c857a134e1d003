/* SPDX-License-Identifier: GPL-3.0-or-later */
/* core/guest.h: the only places where the hypervisor touches guest virtual addresses. */
#include "core/guest.h"
#include "core/domain.h"
#include "pv/pv.h"
#include "x86/x86.h"

extern bool smap_on;

static inline void user_access_begin(void)
{
	if (smap_on)
		__asm__ volatile("stac" ::: "memory");
}

static inline void user_access_end(void)
{
	if (smap_on)
		__asm__ volatile("clac" ::: "memory");
}

#define LOWER_HALF_END 0x0000800000000000UL

static inline bool range_ok(u64 va, u64 bytes)
{
	u64 end;

	if (__builtin_add_overflow(va, bytes, &end))
		return end == 0 && va >= GUEST_HOLE_END; /* up to the very last byte */
	return end <= LOWER_HALF_END || va >= GUEST_HOLE_END;
}

bool guest_range_ok(u64 va, u64 bytes)
{
	return range_ok(va, bytes);
}

/* Copies; returns the bytes left over when a page was not there. */
static inline u64 raw_copy(void *dst, const void *src, u64 bytes)
{
	u64 words = bytes / 8, tail = bytes & 7;

	user_access_begin();
	__asm__ volatile("1: rep movsq\n\t"
	                 "mov %3, %2\n"
	                 "2: rep movsb\n3:\n"
	                 ".pushsection .fixup,\"ax\"\n"
	                 "4: lea (%3,%2,8), %2\n\tjmp 3b\n"
	                 ".popsection\n" EXTABLE("1b", "4b") EXTABLE("2b", "3b")
	                 : "+D"(dst), "+S"(src), "+c"(words)
	                 : "r"(tail)
	                 : "memory");
	user_access_end();
	return words;
}

/* The same with zeros. */
static inline u64 raw_clear(void *dst, u64 bytes)
{
	u64 words = bytes / 8, tail = bytes & 7;

	user_access_begin();
	__asm__ volatile("1: rep stosq\n\t"
	                 "mov %2, %1\n"
	                 "2: rep stosb\n3:\n"
	                 ".pushsection .fixup,\"ax\"\n"
	                 "4: lea (%2,%1,8), %1\n\tjmp 3b\n"
	                 ".popsection\n" EXTABLE("1b", "4b") EXTABLE("2b", "3b")
	                 : "+D"(dst), "+c"(words)
	                 : "r"(tail), "a"(0UL)
	                 : "memory");
	user_access_end();
	return words;
}

u64 copy_to_guest_va(u64 va, const void *src, u64 bytes)
{
	return range_ok(va, bytes) ? raw_copy((void *)va, src, bytes) : bytes;
}

u64 copy_from_guest_va(void *dst, u64 va, u64 bytes)
{
	return range_ok(va, bytes) ? raw_copy(dst, (const void *)va, bytes) : bytes;
}

u64 clear_guest_va(u64 va, u64 bytes)
{
	return range_ok(va, bytes) ? raw_clear((void *)va, bytes) : bytes;
}

int cmpxchg_guest_u32(u64 va, u32 *old, u32 new)
{
	int err = 0;
	u32 seen = *old;

	if (!range_ok(va, 4) || (va & 3))
		return -XEN_EFAULT;
	user_access_begin();
	__asm__ volatile("1: lock cmpxchgl %3, (%2)\n2:\n"
	                 ".pushsection .fixup,\"ax\"\n"
	                 "3: movl %4, %0\n\tjmp 2b\n"
	                 ".popsection\n" EXTABLE("1b", "3b")
	                 : "+r"(err), "+a"(seen)
	                 : "r"(va), "r"(new), "i"(-XEN_EFAULT)
	                 : "memory", "cc");
	user_access_end();
	*old = seen;
	return err;
}
