/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parts of vcpu_op and sched_op that belong to the creation of domains and vCPUs. */
#pragma once
#include "core/domain.h"

void vcpu_timers_init(struct vcpu *v);          /* core/vcpu_op.c */
void vcpu_timers_migrate(struct vcpu *v, u32 cpu); /* to the CPU it now runs on */
/* The scheduler puts @v on a CPU, or takes it off: its periodic timer goes on, or stops. */
void vcpu_periodic_resume(struct vcpu *v, ns_t now);
void vcpu_periodic_pause(struct vcpu *v);
void sched_op_domain_init(struct domain *d);    /* core/sched_op.c: its watchdogs */
/* An event came on @port of @d: ends polls on it. Any context. Full barrier first. */
void sched_op_wake_pollers(struct domain *d, u32 port);
