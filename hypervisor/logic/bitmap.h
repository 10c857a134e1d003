/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bitmaps of u64 words; the _atomic forms may race with each other and with the plain reads. */
#pragma once
#include "logic/types.h"

#define BITMAP_WORDS(bits) DIV_ROUND_UP(bits, 64)

static inline bool bit_test(const void *map, u32 bit)
{
	return READ_ONCE(((const u64 *)map)[bit / 64]) >> (bit % 64) & 1;
}

static inline void bit_set(void *map, u32 bit)
{
	((u64 *)map)[bit / 64] |= BIT(bit % 64);
}

static inline void bit_clear(void *map, u32 bit)
{
	((u64 *)map)[bit / 64] &= ~BIT(bit % 64);
}

/* Return the bit's value before; full barriers. @map must be 8-byte aligned. */
static inline bool bit_test_and_set_atomic(void *map, u32 bit)
{
	u64 m = BIT(bit % 64);
	return __atomic_fetch_or(&((u64 *)map)[bit / 64], m, __ATOMIC_SEQ_CST) & m;
}

static inline bool bit_test_and_clear_atomic(void *map, u32 bit)
{
	u64 m = BIT(bit % 64);
	return __atomic_fetch_and(&((u64 *)map)[bit / 64], ~m, __ATOMIC_SEQ_CST) & m;
}

/* First set bit at or after @from, or @bits if none. */
static inline u32 bitmap_next_set(const u64 *map, u32 bits, u32 from)
{
	while (from < bits) {
		u64 w = READ_ONCE(map[from / 64]) >> (from % 64);
		if (w) {
			from += (u32)__builtin_ctzll(w);
			return from < bits ? from : bits;
		}
		from = (from / 64 + 1) * 64;
	}
	return bits;
}

static inline u32 bitmap_weight(const u64 *map, u32 bits)
{
	u32 n = 0;
	for (u32 i = bitmap_next_set(map, bits, 0); i < bits; i = bitmap_next_set(map, bits, i + 1))
		n++;
	return n;
}

/* Sets of physical CPUs. */
#define MAX_CPUS 256

typedef struct {
	u64 w[BITMAP_WORDS(MAX_CPUS)];
} cpumask_t;

#define cpumask_for_each(cpu, mask)                                                        \
	for (u32 cpu = bitmap_next_set((mask)->w, MAX_CPUS, 0); cpu < MAX_CPUS;            \
	     cpu = bitmap_next_set((mask)->w, MAX_CPUS, cpu + 1))

static inline bool cpumask_test(const cpumask_t *m, u32 cpu)
{
	return bit_test(m->w, cpu);
}

static inline void cpumask_set(cpumask_t *m, u32 cpu)
{
	bit_set(m->w, cpu);
}

static inline void cpumask_clear(cpumask_t *m, u32 cpu)
{
	bit_clear(m->w, cpu);
}

static inline void cpumask_set_atomic(cpumask_t *m, u32 cpu)
{
	bit_test_and_set_atomic(m->w, cpu);
}

static inline void cpumask_clear_atomic(cpumask_t *m, u32 cpu)
{
	bit_test_and_clear_atomic(m->w, cpu);
}

static inline bool cpumask_empty(const cpumask_t *m)
{
	u64 any = 0;
	for (size_t i = 0; i < ARRAY_SIZE(m->w); i++)
		any |= READ_ONCE(m->w[i]);
	return !any;
}

static inline u32 cpumask_first(const cpumask_t *m)
{
	return bitmap_next_set(m->w, MAX_CPUS, 0);
}

static inline u32 cpumask_count(const cpumask_t *m)
{
	return bitmap_weight(m->w, MAX_CPUS);
}

static inline cpumask_t cpumask_and(const cpumask_t *a, const cpumask_t *b)
{
	cpumask_t r;
	for (size_t i = 0; i < ARRAY_SIZE(r.w); i++)
		r.w[i] = READ_ONCE(a->w[i]) & READ_ONCE(b->w[i]);
	return r;
}

static inline cpumask_t cpumask_or(const cpumask_t *a, const cpumask_t *b)
{
	cpumask_t r;
	for (size_t i = 0; i < ARRAY_SIZE(r.w); i++)
		r.w[i] = READ_ONCE(a->w[i]) | READ_ONCE(b->w[i]);
	return r;
}

static inline cpumask_t cpumask_of(u32 cpu)
{
	cpumask_t r = {0};
	cpumask_set(&r, cpu);
	return r;
}

static inline cpumask_t cpumask_all(void)
{
	cpumask_t r;
	for (size_t i = 0; i < ARRAY_SIZE(r.w); i++)
		r.w[i] = ~0ULL;
	return r;
}
