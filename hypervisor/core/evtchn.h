/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between core/evtchn.c (ports and their connections) and core/evtchn_fifo.c (FIFO delivery). */
#pragma once
#include "core/event.h"
#include "logic/evtchn_fifo.h"

/* States as EVTCHNSTAT_*, and one that guests see as closed. */
#define EVTCHN_BUSY 0x80 /* being bound or closed with the lock dropped */

/* One a port. Lock: the domain's evtchn_lock; an interdomain end changes only with both locks
 * held, so a sender that holds its own end's lock may use the other end. */
struct evtchn {
	u8 state;
	u8 priority;       /* FIFO */
	bool fifo_pended;  /* FIFO: came while the array had no word for the port */
	u32 notify_vcpu;
	u32 fifo_last;     /* FIFO: vCPU * 16 + priority of the queue it was linked on last */
	u32 port;
	union {
		domid_t unbound_remote;
		struct {
			struct domain *domain;
			u32 port;
		} remote;
		u32 pirq;
		u32 virq;
	};
};

struct evtchn *evtchn_get(struct domain *d, u32 port); /* NULL if out of range */
/* Tells @v that events are pending for it, and wakes it. */
void evtchn_upcall(struct vcpu *v);

/* ---- core/evtchn_fifo.c; lock of callers: an evtchn_lock, see struct evtchn ---- */
void evtchn_fifo_set_pending(struct domain *d, struct evtchn *chn);
void evtchn_fifo_clear_pending(struct domain *d, u32 port);
void evtchn_fifo_unmask(struct domain *d, struct evtchn *chn);
bool evtchn_fifo_is_pending(struct domain *d, u32 port);
bool evtchn_fifo_is_masked(struct domain *d, u32 port);

/* No lock held. */
long evtchn_fifo_init_control(struct domain *d, struct evtchn_init_control *op);
long evtchn_fifo_expand_array(struct domain *d, const struct evtchn_expand_array *op);
int evtchn_fifo_vcpu_init(struct vcpu *v);
/* Back to 2-level: no port of @d is open and none can be opened meanwhile. */
void evtchn_fifo_destroy(struct domain *d);
