/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One-shot timers in a heap per CPU (logic/timer_heap.c). core/timer.c */
#pragma once
#include "core/machine.h"
#include "logic/timer_heap.h"

struct timer {
	struct timer_node node; /* lock: that CPU's heap */
	void (*fn)(void *arg); /* softirq context on the timer's CPU, no lock held */
	void *arg;
	u32 cpu;
	bool killed;           /* may not be armed again */
};

void timer_init(struct timer *t, void (*fn)(void *), void *arg, u32 cpu);
void timer_set(struct timer *t, ns_t expires); /* (re)arms; any context; past = soon */
void timer_stop(struct timer *t);
void timer_migrate(struct timer *t, u32 new_cpu);
void timer_kill(struct timer *t);              /* stops it and waits while fn runs elsewhere */
bool timer_active(const struct timer *t);
ns_t timer_expires(const struct timer *t);     /* 0 if not active */
