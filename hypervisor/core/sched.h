/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The scheduler's face. Weight, cap, affinity, boost on wake, per-CPU run queues that are kept level;
 * the choice itself is logic/runqueue.c. core/sched.c */
#pragma once
#include "core/domain.h"

void sched_init(void);                 /* after the idle domain exists */
void sched_start_cpu(void);            /* this CPU begins: its idle vCPU is current */
int sched_domain_create(struct domain *d);
void sched_domain_destroy(struct domain *d);
int sched_vcpu_create(struct vcpu *v);
void sched_vcpu_destroy(struct vcpu *v);

bool vcpu_runnable(const struct vcpu *v);
void vcpu_wake(struct vcpu *v);        /* puts it on a queue if runnable; any context */
void vcpu_sleep_nosync(struct vcpu *v); /* takes it off; kicks its CPU if it runs */
void vcpu_sleep_sync(struct vcpu *v);  /* and waits until its state is saved */
/* Clears VPF_BLOCKED (and poll) and wakes. Event delivery calls it. */
void vcpu_unblock(struct vcpu *v);
void vcpu_block_current(void);         /* SCHEDOP_block: unless an event is pending */
void vcpu_yield_current(void);
int vcpu_set_affinity(struct vcpu *v, const cpumask_t *hard, const cpumask_t *soft); /* NULL = as is */
long sched_adjust_domain(struct domain *d, struct xen_domctl_scheduler_op *op);
long sched_adjust_global(struct xen_sysctl_scheduler_op *op);
u64 vcpu_cpu_time(struct vcpu *v);     /* ns it has run */
/* As it was when its state last changed; and with the time since then added to that state's. */
struct vcpu_runstate_info vcpu_runstate(struct vcpu *v);
void vcpu_runstate_get(struct vcpu *v, struct vcpu_runstate_info *out);
/* Tells the guest its new runstate and clock, after a switch to @v, on its address space.
 * core/vcpu_time.c */
void vcpu_update_guest_time(struct vcpu *v);
ns_t cpu_idle_time(u32 cpu);           /* ns its idle vCPU has run */
void sched_dump(void);                 /* key handler */
/* arch_context_switch() calls it once @prev's state is saved and the CPU no longer uses it. */
void sched_context_saved(struct vcpu *prev);
void idle_loop(void) __noreturn;
