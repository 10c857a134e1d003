/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Event channels, 2-level and FIFO. Bit and queue rules: logic/evtchn_fifo.c. core/evtchn*.c */
#pragma once
#include "core/domain.h"

int evtchn_domain_init(struct domain *d);
void evtchn_domain_destroy(struct domain *d);  /* closes all; may be called once dying */
void evtchn_domain_free(struct domain *d);     /* memory, at the end */
int evtchn_vcpu_init(struct vcpu *v);
void evtchn_vcpu_destroy(struct vcpu *v);

void virq_send_vcpu(struct vcpu *v, u32 virq);   /* per-vCPU VIRQs; any context */
void virq_send_domain(struct domain *d, u32 virq); /* global ones, on the vCPU that bound it */
void virq_send_control(u32 virq);                /* to dom0, if it listens (DOM_EXC, CON_RING, DEBUGGER...) */
/* Marks @port pending. For pirqs and Xen's own ends; any context. */
void evtchn_send_port(struct domain *d, u32 port);
/* A port of @d bound to a pirq or VIRQ for the guest: for pv/physdev.c (bind_pirq asks it). */
bool evtchn_port_pending(struct domain *d, u32 port);
bool evtchn_port_masked(struct domain *d, u32 port);
void evtchn_move_pirqs(struct vcpu *v);          /* after @v moved to another CPU */
void evtchn_dump(struct domain *d);
int evtchn_alloc_unbound_for(struct domain *d, domid_t remote, u32 *port); /* dom0 builder, domctl */

/* Does the vCPU have an unmasked upcall to take (info->evtchn_upcall_pending && !mask)? */
static inline bool vcpu_event_deliverable(const struct vcpu *v)
{
	return READ_ONCE(v->info->evtchn_upcall_pending) && !READ_ONCE(v->info->evtchn_upcall_mask);
}

/* pv/physdev.c implements these for bind_pirq and close. */
int pirq_guest_bind(struct vcpu *v, u32 pirq, u32 port, bool share); /* evtchn lock held: no */
void pirq_guest_unbind(struct domain *d, u32 pirq);
void pirq_set_affinity(struct domain *d, u32 pirq, u32 cpu);
