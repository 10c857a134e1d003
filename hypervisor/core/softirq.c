/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Softirqs: one pending word a CPU. A bit is cleared before its handler runs, so a raise during the
 * handler runs it again. */
#include "core/log.h"
#include "core/softirq.h"

DEFINE_PERCPU(u64, softirq_pending);
static void (*handlers[SOFTIRQ_COUNT])(void);

void softirq_register(enum softirq nr, void (*fn)(void))
{
	handlers[nr] = fn;
}

void softirq_raise(enum softirq nr)
{
	__atomic_fetch_or(&this_cpu(softirq_pending), BIT(nr), __ATOMIC_SEQ_CST);
}

void softirq_raise_cpu(u32 cpu, enum softirq nr)
{
	u64 old = __atomic_fetch_or(&percpu(softirq_pending, cpu), BIT(nr), __ATOMIC_SEQ_CST);
	cpumask_t mask;

	/* Whoever set the bit first has kicked the CPU. */
	if (cpu == smp_cpu_id() || (old & BIT(nr)))
		return;
	mask = cpumask_of(cpu);
	cpus_kick(&mask);
}

void do_softirq(void)
{
	u64 pending;

	while ((pending = READ_ONCE(this_cpu(softirq_pending))) != 0) {
		u32 nr = (u32)__builtin_ctzll(pending);

		__atomic_fetch_and(&this_cpu(softirq_pending), ~BIT(nr), __ATOMIC_SEQ_CST);
		if (nr < SOFTIRQ_COUNT && handlers[nr])
			handlers[nr]();
	}
}
