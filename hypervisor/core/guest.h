/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Access to the current guest's memory. Addresses are guest virtual; a range is refused unless it
 * is canonical and outside the hypervisor's hole. Read once, check, use. x86/usercopy.c */
#pragma once
#include "logic/abi.h"

bool guest_range_ok(u64 va, u64 bytes);                    /* overflow-safe */
u64 copy_to_guest_va(u64 va, const void *src, u64 bytes) __must_check;   /* bytes NOT copied */
u64 copy_from_guest_va(void *dst, u64 va, u64 bytes) __must_check;
u64 clear_guest_va(u64 va, u64 bytes) __must_check;
/* Atomic compare-and-exchange of 4 or 8 bytes: 0, or -XEN_EFAULT; *old gets what was there. */
int cmpxchg_guest_u32(u64 va, u32 *old, u32 new);

/* By object: true on success. */
#define guest_read(dst, va)   (copy_from_guest_va((dst), (va), sizeof(*(dst))) == 0)
#define guest_write(va, src)  (copy_to_guest_va((va), (src), sizeof(*(src))) == 0)
/* Element @i of the array behind an ABI guest handle. The caller bounds @i (< 2^32). */
#define handle_va(h, i)            ((u64)(h).p + (u64)(i) * sizeof(*(h).p))
#define handle_is_null(h)          ((h).p == NULL)
#define handle_read(dst, h, i)     (copy_from_guest_va((dst), handle_va(h, i), sizeof(*(h).p)) == 0)
#define handle_write(h, i, src)    (copy_to_guest_va(handle_va(h, i), (src), sizeof(*(h).p)) == 0)
