/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TLB flushes and the clock that tells which are not needed. No global pages are used, so that a
 * load of CR3 flushes all.
 *
 * The clock ticks before each full flush; the CPU then notes the new time. A frame is stamped with
 * the clock after its last mapping went. So a CPU whose noted time is later than the stamp began a
 * flush after the mapping had gone.
 *
 * A CPU that is not on a guest's tables (idle) has nothing of guests' to flush: on_guest_tables. It is
 * set before a guest's CR3 is loaded and cleared after the idle one is. Who removed a mapping and then
 * reads it as clear knows that the CPU's next load of a guest's CR3, hence its next walk of a guest's
 * tables, comes after the removal. */
#include "core/log.h"
#include "x86/smp.h"
#include "x86/x86.h"

static u32 clock = 1;
DEFINE_PERCPU(bool, on_guest_tables);
static DEFINE_PERCPU(u32, flushed_at);
/* Requests made to a CPU, and how many of them are done: whoever asks waits for his number. */
static DEFINE_PERCPU(u64, flush_asked);
static DEFINE_PERCPU(u64, flush_done);

u32 tlb_clock(void)
{
	return __atomic_load_n(&clock, __ATOMIC_SEQ_CST);
}

void tlb_flush_local(void)
{
	u64 flags = local_irq_save();
	u32 now = __atomic_add_fetch(&clock, 1, __ATOMIC_SEQ_CST);

	write_cr3(read_cr3());
	WRITE_ONCE(this_cpu(flushed_at), now);
	local_irq_restore(flags);
	/* Times are compared by their signed distance: nobody may fall half the circle behind. */
	if (!(now & (BIT(29) - 1)))
		tlb_ask_all();
}

void tlb_flush_local_one(u64 va)
{
	invlpg(va);
}

void tlb_filter(cpumask_t *mask, u32 stamp)
{
	cpumask_t m = *mask;

	smp_mb();
	cpumask_for_each(cpu, &m)
		if ((s32)(READ_ONCE(percpu(flushed_at, cpu)) - stamp) > 0 ||
		    !READ_ONCE(percpu(on_guest_tables, cpu)))
			cpumask_clear(mask, cpu);
}

/* Does what others asked of this CPU. Interrupts off or on. */
void tlb_serve(void)
{
	u64 flags = local_irq_save();
	u64 asked = __atomic_load_n(&this_cpu(flush_asked), __ATOMIC_SEQ_CST);

	if (asked != this_cpu(flush_done)) {
		tlb_flush_local();
		__atomic_store_n(&this_cpu(flush_done), asked, __ATOMIC_SEQ_CST);
	}
	local_irq_restore(flags);
}

/* Every other CPU flushes some time soon. */
void tlb_ask_all(void)
{
	cpumask_t m = cpu_online_map;

	cpumask_clear(&m, smp_cpu_id());
	cpumask_for_each(cpu, &m)
		__atomic_add_fetch(&percpu(flush_asked, cpu), 1, __ATOMIC_SEQ_CST);
	smp_send_ipi(&m, VECTOR_FLUSH);
}

static void drop_idle(cpumask_t *mask)
{
	cpumask_t m = *mask;

	smp_mb();
	cpumask_for_each(cpu, &m)
		if (!READ_ONCE(percpu(on_guest_tables, cpu)))
			cpumask_clear(mask, cpu);
}

static void flush_others(cpumask_t others)
{
	u64 wanted[MAX_CPUS / 16];
	bool many = cpumask_count(&others) > ARRAY_SIZE(wanted);
	u32 i = 0;

	cpumask_for_each(cpu, &others) {
		u64 n = __atomic_add_fetch(&percpu(flush_asked, cpu), 1, __ATOMIC_SEQ_CST);

		if (!many)
			wanted[i++] = n;
	}
	smp_send_ipi(&others, VECTOR_FLUSH);
	i = 0;
	cpumask_for_each(cpu, &others) {
		/* With many CPUs, later requests of others are waited for too. */
		u64 n = many ? READ_ONCE(percpu(flush_asked, cpu)) : wanted[i++];

		while ((s64)(__atomic_load_n(&percpu(flush_done, cpu), __ATOMIC_SEQ_CST) - n) < 0) {
			tlb_serve(); /* two that wait for each other, interrupts off */
			cpu_relax();
		}
	}
}

/* This CPU's part; true if others are left. */
static bool flush_self(cpumask_t *mask)
{
	u32 self = smp_cpu_id();

	if (cpumask_test(mask, self)) {
		cpumask_clear(mask, self);
		tlb_flush_local();
	}
	return !cpumask_empty(mask);
}

void tlb_flush_mask(const cpumask_t *mask)
{
	cpumask_t m = cpumask_and(mask, &cpu_online_map);

	if (!flush_self(&m))
		return;
	drop_idle(&m);
	if (!cpumask_empty(&m))
		flush_others(m);
}

void tlb_flush_everywhere(void)
{
	cpumask_t m = cpu_online_map;

	if (flush_self(&m))
		flush_others(m);
}

/* Elsewhere one page costs as much as all: the others flush whole. */
void tlb_flush_mask_one(const cpumask_t *mask, u64 va)
{
	cpumask_t others = *mask;
	u32 self = smp_cpu_id();

	if (cpumask_test(&others, self)) {
		cpumask_clear(&others, self);
		tlb_flush_local_one(va);
	}
	tlb_flush_mask(&others);
}
