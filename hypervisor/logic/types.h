/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Types shared by every layer. Addresses of different kinds are distinct types: mixing a
 * machine frame with a guest frame does not compile. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

typedef s64 ns_t; /* nanoseconds of system time (since the hypervisor's boot) */

typedef struct { u64 n; } mfn_t; /* machine frame number */
typedef struct { u64 n; } gfn_t; /* guest frame number (equals the MFN for PV guests) */
typedef u64 maddr_t;             /* machine address in bytes */

#define MFN(x)      ((mfn_t){(x)})
#define GFN(x)      ((gfn_t){(x)})
#define INVALID_MFN MFN(~0ULL)

static inline bool mfn_eq(mfn_t a, mfn_t b)
{
	return a.n == b.n;
}

static inline mfn_t mfn_add(mfn_t m, u64 frames)
{
	return MFN(m.n + frames);
}

#define PAGE_SHIFT 12
#define PAGE_SIZE  (1UL << PAGE_SHIFT)
#define PAGE_MASK  (~(PAGE_SIZE - 1))

static inline maddr_t mfn_to_maddr(mfn_t m)
{
	return m.n << PAGE_SHIFT;
}

static inline mfn_t maddr_to_mfn(maddr_t a)
{
	return MFN(a >> PAGE_SHIFT);
}

#define ARRAY_SIZE(a)           (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)               ((a) < (b) ? (a) : (b))
#define MAX(a, b)               ((a) > (b) ? (a) : (b))
#define ROUND_UP(x, a)          (((x) + (a)-1) & ~((typeof(x))(a)-1))
#define ROUND_DOWN(x, a)        ((x) & ~((typeof(x))(a)-1))
#define DIV_ROUND_UP(x, y)      (((x) + (y)-1) / (y))
#define BIT(n)                  (1ULL << (n))
#define likely(x)               __builtin_expect(!!(x), 1)
#define unlikely(x)             __builtin_expect(!!(x), 0)
#define container_of(p, T, m)   ((T *)((char *)(p)-offsetof(T, m)))
#define READ_ONCE(x)            (*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, v)        (*(volatile typeof(x) *)&(x) = (v))
#define barrier()               __asm__ volatile("" ::: "memory")
#define __packed                __attribute__((packed))
#define __aligned(n)            __attribute__((aligned(n)))
#define __printf(f, a)          __attribute__((format(printf, f, a)))
#define __cold                  __attribute__((cold, noinline)) /* rare: not where it is called */
#define __noreturn              __attribute__((noreturn))
#define __must_check            __attribute__((warn_unused_result))
