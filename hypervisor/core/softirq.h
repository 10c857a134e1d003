/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Work deferred to a CPU's next exit to a guest or turn of its idle loop. core/softirq.c */
#pragma once
#include "core/machine.h"

enum softirq { SOFTIRQ_TIMER, SOFTIRQ_SCHEDULE, SOFTIRQ_TASKLET, SOFTIRQ_SCRUB, SOFTIRQ_COUNT };

DECLARE_PERCPU(u64, softirq_pending); /* bit per enum softirq; the exit path in assembly tests it */

void softirq_register(enum softirq nr, void (*fn)(void));
void softirq_raise(enum softirq nr);                /* this CPU; any context */
void softirq_raise_cpu(u32 cpu, enum softirq nr);   /* kicks it if it is another */
/* Runs all pending ones with interrupts on. May not return: SCHEDULE switches contexts. */
void do_softirq(void);

static inline bool softirq_is_pending(void)
{
	return READ_ONCE(this_cpu(softirq_pending)) != 0;
}

/* A function to run later on one CPU, in the idle vCPU's or any guest's exit path. */
#include "logic/list.h"
struct tasklet {
	struct list link;
	void (*fn)(void *arg);
	void *arg;
	bool scheduled;
};
void tasklet_init(struct tasklet *t, void (*fn)(void *), void *arg);
void tasklet_schedule(struct tasklet *t); /* this CPU; any context; once however often asked */
