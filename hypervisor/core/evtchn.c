/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Event channels: ports, what they are bound to, and the hypercall. Delivery is 2-level (here) or FIFO
 * (core/evtchn_fifo.c).
 *
 * A domain's ports are under its evtchn_lock, taken with interrupts off: interrupts send events.
 * Nothing that may allocate or take page references happens with it held. */
#include "core/domain.h"
#include "core/event.h"
#include "core/evtchn.h"
#include "core/heap.h"
#include "core/sched.h"
#include "core/sched_op.h"

#define PORTS_PER_BUCKET ((u32)(PAGE_SIZE / sizeof(struct evtchn)))

_Static_assert(sizeof(struct evtchn) == 32, "a bucket is a page");

/* ---- ports ---- */

static u32 bucket_count(const struct domain *d)
{
	return d->max_evtchn_port / PORTS_PER_BUCKET + 1;
}

struct evtchn *evtchn_get(struct domain *d, u32 port)
{
	u32 n = READ_ONCE(d->valid_evtchns);
	u64 mask;

	if (port == 0 || port >= n)
		return NULL;
	/* The port is the guest's: no speculation past the check. */
	mask = (u64)(~(s64)((u64)port | ((u64)n - 1 - port)) >> 63);
	port &= (u32)mask;
	return d->evtchn_bucket[port / PORTS_PER_BUCKET] + port % PORTS_PER_BUCKET;
}

/* Ports that the present form of delivery can name; the domain's own limit besides. */
static u32 port_limit(const struct domain *d)
{
	u32 abi = d->fifo ? EVTCHN_FIFO_NR_CHANNELS : EVTCHN_2L_NR_CHANNELS;

	return MIN(abi, d->max_evtchn_port + 1);
}

/* Lock: evtchn. 0 = none. */
static u32 find_free(struct domain *d)
{
	u32 end = MIN(d->valid_evtchns, port_limit(d));

	for (u32 port = 1; port < end; port++)
		if (evtchn_get(d, port)->state == EVTCHNSTAT_closed)
			return port;
	return 0;
}

/* Adds a bucket. No lock held. */
static int grow(struct domain *d)
{
	struct evtchn *bucket = alloc_xen_page();
	u64 flags;
	u32 n;

	if (!bucket)
		return -XEN_ENOMEM;
	flags = spin_lock_irqsave(&d->evtchn_lock);
	n = d->valid_evtchns;
	if (n / PORTS_PER_BUCKET < bucket_count(d) && n < port_limit(d) && !find_free(d)) {
		for (u32 i = 0; i < PORTS_PER_BUCKET; i++)
			bucket[i].port = n + i;
		d->evtchn_bucket[n / PORTS_PER_BUCKET] = bucket;
		__atomic_store_n(&d->valid_evtchns, n + PORTS_PER_BUCKET, __ATOMIC_RELEASE);
		bucket = NULL;
	}
	spin_unlock_irqrestore(&d->evtchn_lock, flags);
	free_xen_page(bucket);
	return 0;
}

static void lock_two(struct domain *a, struct domain *b, u64 *flags)
{
	*flags = local_irq_save();
	spin_lock_pair(&a->evtchn_lock, &b->evtchn_lock);
}

static void unlock_two(struct domain *a, struct domain *b, u64 flags)
{
	spin_unlock_pair(&a->evtchn_lock, &b->evtchn_lock);
	local_irq_restore(flags);
}

/* Takes a port and the locks of @d and @other (may be @d); or returns -errno with none held. */
static int take_port(struct domain *d, struct domain *other, u64 *flags, struct evtchn **out)
{
	for (;;) {
		u32 port;
		bool room;
		int rc;

		lock_two(d, other, flags);
		port = d->dying ? 0 : find_free(d);
		if (port) {
			struct evtchn *chn = evtchn_get(d, port);

			chn->notify_vcpu = 0;
			chn->priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
			chn->fifo_pended = false;
			*out = chn;
			return 0;
		}
		room = !d->dying && d->valid_evtchns < port_limit(d);
		unlock_two(d, other, *flags);
		if (!room)
			return d->dying ? -XEN_EINVAL : -XEN_ENOSPC;
		rc = grow(d);
		if (rc)
			return rc;
	}
}

static void open_port(struct domain *d, struct evtchn *chn, u8 state)
{
	chn->state = state;
	d->active_evtchns++;
}

static void clear_pending(struct domain *d, u32 port)
{
	if (d->fifo)
		evtchn_fifo_clear_pending(d, port);
	else if (port < EVTCHN_2L_NR_CHANNELS)
		bit_test_and_clear_atomic(d->shared_info->evtchn_pending, port);
}

/* Lock: evtchn. */
static void free_port(struct domain *d, struct evtchn *chn)
{
	clear_pending(d, chn->port);
	chn->state = EVTCHNSTAT_closed;
	chn->fifo_pended = false;
	chn->remote.domain = NULL;
	chn->remote.port = 0;
	chn->notify_vcpu = 0;
	d->active_evtchns--;
}

/* ---- delivery ---- */

void evtchn_upcall(struct vcpu *v)
{
	struct vcpu_info *info = READ_ONCE(v->info);

	/* If it was set, whoever set it has woken the vCPU; it cannot block with it set, unless
	 * its guest plays tricks on itself. */
	if (__atomic_exchange_n(&info->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST))
		return;
	vcpu_unblock(v);
	arch_vcpu_mark_events_pending(v);
}

static void deliver_2l(struct domain *d, struct evtchn *chn)
{
	struct shared_info *s = d->shared_info;
	struct vcpu *v = domain_vcpu(d, chn->notify_vcpu);
	enum evtchn_2l_result r;

	if (!v || chn->port >= EVTCHN_2L_NR_CHANNELS)
		return;
	r = evtchn_2l_set(s->evtchn_pending, s->evtchn_mask, &READ_ONCE(v->info)->evtchn_pending_sel,
	                  chn->port);
	if (r == EVTCHN_2L_UPCALL)
		evtchn_upcall(v);
	if (r != EVTCHN_2L_NOTHING)
		sched_op_wake_pollers(d, chn->port);
}

/* Lock: @d's evtchn, or that of the other end's domain. */
static void deliver(struct domain *d, struct evtchn *chn)
{
	if (READ_ONCE(d->fifo))
		evtchn_fifo_set_pending(d, chn);
	else
		deliver_2l(d, chn);
}

/* The lock keeps a reset on another vCPU from freeing the FIFO's pages under us. */
bool evtchn_port_pending(struct domain *d, u32 port)
{
	u64 flags = spin_lock_irqsave(&d->evtchn_lock);
	bool set;

	if (d->fifo)
		set = evtchn_fifo_is_pending(d, port);
	else
		set = port < EVTCHN_2L_NR_CHANNELS &&
		      bit_test(d->shared_info->evtchn_pending, port);
	spin_unlock_irqrestore(&d->evtchn_lock, flags);
	return set;
}

bool evtchn_port_masked(struct domain *d, u32 port)
{
	u64 flags = spin_lock_irqsave(&d->evtchn_lock);
	bool set;

	if (d->fifo)
		set = evtchn_fifo_is_masked(d, port);
	else
		set = port >= EVTCHN_2L_NR_CHANNELS ||
		      bit_test(d->shared_info->evtchn_mask, port);
	spin_unlock_irqrestore(&d->evtchn_lock, flags);
	return set;
}

void evtchn_send_port(struct domain *d, u32 port)
{
	u64 flags = spin_lock_irqsave(&d->evtchn_lock);
	struct evtchn *chn = evtchn_get(d, port);

	if (chn && chn->state != EVTCHNSTAT_closed)
		deliver(d, chn);
	spin_unlock_irqrestore(&d->evtchn_lock, flags);
}

void virq_send_vcpu(struct vcpu *v, u32 virq)
{
	struct domain *d = v->domain;
	u64 flags = spin_lock_irqsave(&d->evtchn_lock);
	struct evtchn *chn = evtchn_get(d, v->virq_port[virq]);

	if (chn)
		deliver(d, chn);
	spin_unlock_irqrestore(&d->evtchn_lock, flags);
}

void virq_send_domain(struct domain *d, u32 virq)
{
	/* Global VIRQs are noted with vCPU 0 whichever vCPU they notify. */
	struct vcpu *v = domain_vcpu(d, 0);

	if (v)
		virq_send_vcpu(v, virq);
}

void virq_send_control(u32 virq)
{
	struct domain *d = READ_ONCE(control_domain);

	if (d)
		virq_send_domain(d, virq);
}

/* ---- binding ---- */

static bool virq_is_per_vcpu(u32 virq)
{
	return virq == VIRQ_TIMER || virq == VIRQ_DEBUG || virq == VIRQ_XENOPROF ||
	       virq == VIRQ_XENPMU;
}

/* A domain named in an op of the caller's. NULL with *err. */
static struct domain *op_domain(domid_t id, long *err)
{
	struct domain *d = domain_get_for_caller(id);

	*err = d ? 0 : current->domain->is_control ? -XEN_ESRCH : -XEN_EPERM;
	return d;
}

int evtchn_alloc_unbound_for(struct domain *d, domid_t remote, u32 *port)
{
	struct evtchn *chn;
	u64 flags;
	int rc = take_port(d, d, &flags, &chn);

	if (rc)
		return rc;
	open_port(d, chn, EVTCHNSTAT_unbound);
	chn->unbound_remote = remote;
	*port = chn->port;
	unlock_two(d, d, flags);
	return 0;
}

static long alloc_unbound(struct evtchn_alloc_unbound *op)
{
	domid_t remote = op->remote_dom == DOMID_SELF ? current->domain->id : op->remote_dom;
	struct domain *d;
	u32 port = 0;
	long rc;

	d = op_domain(op->dom, &rc);
	if (!d)
		return rc;
	rc = evtchn_alloc_unbound_for(d, remote, &port);
	op->port = port;
	put_domain(d);
	return rc;
}

static long bind_two(struct domain *ld, struct domain *rd, struct evtchn_bind_interdomain *op)
{
	struct evtchn *l, *r;
	u64 flags;
	long rc = take_port(ld, rd, &flags, &l);

	if (rc)
		return rc;
	r = evtchn_get(rd, op->remote_port);
	if (!r || r->state != EVTCHNSTAT_unbound || r->unbound_remote != ld->id) {
		unlock_two(ld, rd, flags);
		return -XEN_EINVAL;
	}
	open_port(ld, l, EVTCHNSTAT_interdomain);
	l->remote.domain = rd;
	l->remote.port = r->port;
	r->state = EVTCHNSTAT_interdomain;
	r->remote.domain = ld;
	r->remote.port = l->port;
	/* What was sent while nobody was there is not known: look once. */
	deliver(ld, l);
	op->local_port = l->port;
	unlock_two(ld, rd, flags);
	return 0;
}

static long bind_interdomain(struct evtchn_bind_interdomain *op)
{
	struct domain *ld = current->domain, *rd;
	long rc;

	rd = domain_get_by_id(op->remote_dom == DOMID_SELF ? ld->id : op->remote_dom);
	if (!rd)
		return -XEN_ESRCH;
	rc = bind_two(ld, rd, op);
	put_domain(rd);
	return rc;
}

static long bind_virq(struct evtchn_bind_virq *op)
{
	struct domain *d = current->domain;
	struct evtchn *chn;
	struct vcpu *v;
	u64 flags;
	long rc;

	if (op->virq >= NR_VIRQS)
		return -XEN_EINVAL;
	if (!virq_is_per_vcpu(op->virq)) {
		if (op->vcpu != 0)
			return -XEN_EINVAL;
		if (!d->is_control)
			return -XEN_EPERM;
	}
	v = domain_vcpu(d, op->vcpu);
	if (!v)
		return -XEN_ENOENT;
	rc = take_port(d, d, &flags, &chn);
	if (rc)
		return rc;
	if (v->virq_port[op->virq]) {
		rc = -XEN_EEXIST;
	} else {
		open_port(d, chn, EVTCHNSTAT_virq);
		chn->virq = op->virq;
		chn->notify_vcpu = v->id;
		v->virq_port[op->virq] = chn->port;
		op->port = chn->port;
	}
	unlock_two(d, d, flags);
	return rc;
}

static long bind_ipi(struct evtchn_bind_ipi *op)
{
	struct domain *d = current->domain;
	struct evtchn *chn;
	u64 flags;
	long rc;

	if (!domain_vcpu(d, op->vcpu))
		return -XEN_ENOENT;
	rc = take_port(d, d, &flags, &chn);
	if (rc)
		return rc;
	open_port(d, chn, EVTCHNSTAT_ipi);
	chn->notify_vcpu = op->vcpu;
	op->port = chn->port;
	unlock_two(d, d, flags);
	return 0;
}

/* Frees a port that was opened or is being closed with the lock dropped. */
static void finish_close(struct domain *d, struct evtchn *chn)
{
	u64 flags = spin_lock_irqsave(&d->evtchn_lock);

	free_port(d, chn);
	spin_unlock_irqrestore(&d->evtchn_lock, flags);
}

/* The interrupt may come before pirq_guest_bind() has returned, so the port is open by then;
 * EVTCHN_BUSY keeps it from being closed meanwhile. */
static long bind_pirq(struct evtchn_bind_pirq *op)
{
	struct domain *d = current->domain;
	struct evtchn *chn;
	struct vcpu *v = domain_vcpu(d, 0);
	u64 flags;
	long rc;

	if (op->flags & ~(u32)BIND_PIRQ__WILL_SHARE)
		return -XEN_EINVAL;
	if (!v)
		return -XEN_ENOENT;
	rc = take_port(d, d, &flags, &chn);
	if (rc)
		return rc;
	open_port(d, chn, EVTCHNSTAT_pirq | EVTCHN_BUSY);
	chn->pirq = op->pirq;
	unlock_two(d, d, flags);

	rc = pirq_guest_bind(v, op->pirq, chn->port, op->flags & BIND_PIRQ__WILL_SHARE);
	if (rc) {
		finish_close(d, chn);
		return rc;
	}
	op->port = chn->port;
	flags = spin_lock_irqsave(&d->evtchn_lock);
	chn->state = EVTCHNSTAT_pirq;
	spin_unlock_irqrestore(&d->evtchn_lock, flags);
	return 0;
}

/* ---- closing ---- */

/* Lock: evtchn. */
static void unbind_virq(struct domain *d, struct evtchn *chn)
{
	struct vcpu *v;

	for_each_vcpu(d, v)
		if (v->virq_port[chn->virq] == chn->port)
			v->virq_port[chn->virq] = 0;
}

/* Both locks are needed: drops the first one and checks again with both. @rd is referenced. */
static void close_interdomain(struct domain *d, struct domain *rd, u32 port)
{
	struct evtchn *chn, *r;
	u64 flags;

	lock_two(d, rd, &flags);
	chn = evtchn_get(d, port);
	if (chn->state == EVTCHNSTAT_interdomain && chn->remote.domain == rd) {
		r = evtchn_get(rd, chn->remote.port);
		r->state = EVTCHNSTAT_unbound;
		r->remote.port = 0;
		r->remote.domain = NULL;
		r->unbound_remote = d->id;
		free_port(d, chn);
	}
	unlock_two(d, rd, flags);
}

static long close_port(struct domain *d, u32 port)
{
	u64 flags = spin_lock_irqsave(&d->evtchn_lock);
	struct evtchn *chn = evtchn_get(d, port);
	struct domain *rd = NULL;
	u32 pirq = 0;
	bool is_pirq = false;
	long rc = 0;

	switch (chn ? chn->state : EVTCHNSTAT_closed) {
	case EVTCHNSTAT_unbound:
	case EVTCHNSTAT_ipi:
		free_port(d, chn);
		break;
	case EVTCHNSTAT_virq:
		unbind_virq(d, chn);
		free_port(d, chn);
		break;
	case EVTCHNSTAT_pirq:
		is_pirq = true;
		pirq = chn->pirq;
		chn->state |= EVTCHN_BUSY;
		break;
	case EVTCHNSTAT_interdomain:
		rd = chn->remote.domain;
		if (!get_domain(rd))
			rd = NULL; /* it is going, and closes our end itself */
		break;
	case EVTCHNSTAT_pirq | EVTCHN_BUSY:
		rc = -XEN_EBUSY;
		break;
	default:
		rc = -XEN_EINVAL;
	}
	spin_unlock_irqrestore(&d->evtchn_lock, flags);

	if (is_pirq) {
		pirq_guest_unbind(d, pirq);
		finish_close(d, chn);
	}
	if (rd) {
		close_interdomain(d, rd, port);
		put_domain(rd);
	}
	return rc;
}

/* Closes ports from @from on; where it stopped to make way, or 0 when all are closed. */
static u32 close_all(struct domain *d, u32 from, bool preemptible)
{
	for (u32 port = MAX(from, 1u); port < READ_ONCE(d->valid_evtchns); port++) {
		if (evtchn_get(d, port)->state != EVTCHNSTAT_closed)
			(void)close_port(d, port);
		if (preemptible && port % 64 == 0 && hypercall_should_preempt())
			return port + 1;
	}
	return 0;
}

/* ---- the rest of the operations ---- */

static long send(u32 port)
{
	struct domain *d = current->domain, *rd;
	u64 flags = spin_lock_irqsave(&d->evtchn_lock);
	struct evtchn *chn = evtchn_get(d, port);
	long rc = 0;

	switch (chn ? chn->state : EVTCHNSTAT_closed) {
	case EVTCHNSTAT_interdomain:
		rd = chn->remote.domain;
		deliver(rd, evtchn_get(rd, chn->remote.port));
		break;
	case EVTCHNSTAT_ipi:
		deliver(d, chn);
		break;
	case EVTCHNSTAT_unbound:
		break; /* nobody there yet: bind_interdomain makes up for it */
	default:
		rc = -XEN_EINVAL;
	}
	spin_unlock_irqrestore(&d->evtchn_lock, flags);
	return rc;
}

static long status(struct evtchn_status *op)
{
	struct domain *d;
	struct evtchn *chn;
	u64 flags;
	long rc;

	d = op_domain(op->dom, &rc);
	if (!d)
		return rc;
	flags = spin_lock_irqsave(&d->evtchn_lock);
	chn = evtchn_get(d, op->port);
	if (!chn) {
		rc = -XEN_EINVAL;
	} else {
		op->status = chn->state & ~EVTCHN_BUSY;
		op->vcpu = chn->notify_vcpu;
		switch (op->status) {
		case EVTCHNSTAT_unbound:
			op->u.unbound.dom = chn->unbound_remote;
			break;
		case EVTCHNSTAT_interdomain:
			op->u.interdomain.dom = chn->remote.domain->id;
			op->u.interdomain.port = chn->remote.port;
			break;
		case EVTCHNSTAT_pirq:
			op->u.pirq = chn->pirq;
			break;
		case EVTCHNSTAT_virq:
			op->u.virq = chn->virq;
			break;
		}
	}
	spin_unlock_irqrestore(&d->evtchn_lock, flags);
	put_domain(d);
	return rc;
}

static long bind_vcpu(const struct evtchn_bind_vcpu *op)
{
	struct domain *d = current->domain;
	struct vcpu *v = domain_vcpu(d, op->vcpu);
	struct evtchn *chn;
	u64 flags;
	u32 pirq = 0;
	bool is_pirq = false;
	long rc = 0;

	if (!v)
		return -XEN_ENOENT;
	flags = spin_lock_irqsave(&d->evtchn_lock);
	chn = evtchn_get(d, op->port);
	switch (chn ? chn->state : EVTCHNSTAT_closed) {
	case EVTCHNSTAT_virq:
		if (virq_is_per_vcpu(chn->virq))
			rc = -XEN_EINVAL;
		else
			WRITE_ONCE(chn->notify_vcpu, v->id);
		break;
	case EVTCHNSTAT_pirq:
		pirq = chn->pirq;
		is_pirq = true;
		WRITE_ONCE(chn->notify_vcpu, v->id);
		break;
	case EVTCHNSTAT_unbound:
	case EVTCHNSTAT_interdomain:
		WRITE_ONCE(chn->notify_vcpu, v->id);
		break;
	default:
		rc = -XEN_EINVAL;
	}
	spin_unlock_irqrestore(&d->evtchn_lock, flags);
	if (is_pirq)
		pirq_set_affinity(d, pirq, READ_ONCE(v->cpu));
	return rc;
}

static long unmask(u32 port)
{
	struct domain *d = current->domain;
	u64 flags = spin_lock_irqsave(&d->evtchn_lock);
	struct evtchn *chn = evtchn_get(d, port);
	struct shared_info *s = d->shared_info;
	struct vcpu *v = chn ? domain_vcpu(d, chn->notify_vcpu) : NULL;
	long rc = 0;

	if (!chn || !v)
		rc = -XEN_EINVAL;
	else if (d->fifo)
		evtchn_fifo_unmask(d, chn);
	else if (port < EVTCHN_2L_NR_CHANNELS &&
	         evtchn_2l_unmask(s->evtchn_pending, s->evtchn_mask,
	                          &v->info->evtchn_pending_sel, port))
		evtchn_upcall(v);
	spin_unlock_irqrestore(&d->evtchn_lock, flags);
	return rc;
}

static long set_priority(const struct evtchn_set_priority *op)
{
	struct domain *d = current->domain;
	struct evtchn *chn;
	u64 flags;
	long rc = 0;

	if (op->priority > EVTCHN_FIFO_PRIORITY_MIN)
		return -XEN_EINVAL;
	flags = spin_lock_irqsave(&d->evtchn_lock);
	chn = evtchn_get(d, op->port);
	if (!chn || chn->state == EVTCHNSTAT_closed)
		rc = -XEN_EINVAL;
	else if (!d->fifo)
		rc = -XEN_ENOSYS;
	else
		WRITE_ONCE(chn->priority, (u8)op->priority);
	spin_unlock_irqrestore(&d->evtchn_lock, flags);
	return rc;
}

static bool any_open(struct domain *d)
{
	u64 flags = spin_lock_irqsave(&d->evtchn_lock);
	bool open = d->active_evtchns != 0;

	spin_unlock_irqrestore(&d->evtchn_lock, flags);
	return open;
}

/* Closes everything and goes back to 2-level. Other vCPUs of the domain that open ports
 * meanwhile get -EBUSY for the caller; another domain's vCPUs must be paused. */
static long reset(const struct evtchn_reset *op, const u64 a[6])
{
	struct domain *d;
	bool more;
	long rc;

	d = op_domain(op->dom, &rc);
	if (!d)
		return rc;
	if (d != current->domain && !READ_ONCE(d->controller_pause_count)) {
		put_domain(d);
		return -XEN_EINVAL;
	}
	more = close_all(d, 1, true) != 0;
	if (!more && any_open(d))
		rc = -XEN_EBUSY;
	if (!more && !rc)
		evtchn_fifo_destroy(d);
	put_domain(d);
	return more ? hypercall_continue(__HYPERVISOR_event_channel_op, 2, a) : rc;
}

/* ---- the calls ---- */

/* Nearly all calls: it does not look for its way through the others. */
static long run_send(u64 arg)
{
	struct evtchn_send op;

	return guest_read(&op, arg) ? send(op.port) : -XEN_EFAULT;
}

/* Runs one operation whose argument, of the type that @cmd says, is at @arg. */
static long run_op(u32 cmd, u64 arg, const u64 a[6])
{
	union {
		struct evtchn_alloc_unbound alloc_unbound;
		struct evtchn_bind_interdomain bind_interdomain;
		struct evtchn_bind_virq bind_virq;
		struct evtchn_bind_pirq bind_pirq;
		struct evtchn_bind_ipi bind_ipi;
		struct evtchn_close close;
		struct evtchn_status status;
		struct evtchn_bind_vcpu bind_vcpu;
		struct evtchn_unmask unmask;
		struct evtchn_reset reset;
		struct evtchn_init_control init_control;
		struct evtchn_expand_array expand_array;
		struct evtchn_set_priority set_priority;
	} u;
	static const struct {
		u8 size;
		bool out;
	} shape[] = {
	        [EVTCHNOP_bind_interdomain] = {sizeof(u.bind_interdomain), true},
	        [EVTCHNOP_bind_virq] = {sizeof(u.bind_virq), true},
	        [EVTCHNOP_bind_pirq] = {sizeof(u.bind_pirq), true},
	        [EVTCHNOP_close] = {sizeof(u.close), false},
	        [EVTCHNOP_status] = {sizeof(u.status), true},
	        [EVTCHNOP_alloc_unbound] = {sizeof(u.alloc_unbound), true},
	        [EVTCHNOP_bind_ipi] = {sizeof(u.bind_ipi), true},
	        [EVTCHNOP_bind_vcpu] = {sizeof(u.bind_vcpu), false},
	        [EVTCHNOP_unmask] = {sizeof(u.unmask), false},
	        [EVTCHNOP_reset] = {sizeof(u.reset), false},
	        [EVTCHNOP_init_control] = {sizeof(u.init_control), true},
	        [EVTCHNOP_expand_array] = {sizeof(u.expand_array), false},
	        [EVTCHNOP_set_priority] = {sizeof(u.set_priority), false},
	};
	struct domain *d = current->domain;
	long rc;

	if (cmd == EVTCHNOP_send)
		return run_send(arg);
	if (cmd >= ARRAY_SIZE(shape) || !shape[cmd].size)
		return -XEN_ENOSYS;
	if (copy_from_guest_va(&u, arg, shape[cmd].size))
		return -XEN_EFAULT;
	switch (cmd) {
	case EVTCHNOP_bind_interdomain:
		rc = bind_interdomain(&u.bind_interdomain);
		break;
	case EVTCHNOP_bind_virq:
		rc = bind_virq(&u.bind_virq);
		break;
	case EVTCHNOP_bind_pirq:
		rc = bind_pirq(&u.bind_pirq);
		break;
	case EVTCHNOP_close:
		rc = close_port(d, u.close.port);
		break;
	case EVTCHNOP_status:
		rc = status(&u.status);
		break;
	case EVTCHNOP_alloc_unbound:
		rc = alloc_unbound(&u.alloc_unbound);
		break;
	case EVTCHNOP_bind_ipi:
		rc = bind_ipi(&u.bind_ipi);
		break;
	case EVTCHNOP_bind_vcpu:
		rc = bind_vcpu(&u.bind_vcpu);
		break;
	case EVTCHNOP_unmask:
		rc = unmask(u.unmask.port);
		break;
	case EVTCHNOP_reset:
		rc = reset(&u.reset, a);
		break;
	case EVTCHNOP_init_control:
		rc = evtchn_fifo_init_control(d, &u.init_control);
		break;
	case EVTCHNOP_expand_array:
		rc = evtchn_fifo_expand_array(d, &u.expand_array);
		break;
	default:
		rc = set_priority(&u.set_priority);
		break;
	}
	if (rc == 0 && shape[cmd].out && copy_to_guest_va(arg, &u, shape[cmd].size))
		return -XEN_EFAULT;
	return rc;
}

long hc_event_channel_op(const u64 a[6])
{
	return run_op((u32)a[0], a[1], a);
}

/* The first form of the call: number and argument in one structure. */
long hc_event_channel_op_compat(const u64 a[6])
{
	u32 cmd;

	if (!guest_read(&cmd, a[0]))
		return -XEN_EFAULT;
	if (cmd > EVTCHNOP_unmask)
		return -XEN_ENOSYS;
	return run_op(cmd, a[0] + offsetof(struct evtchn_op, u), a);
}

/* ---- life cycle ---- */

int evtchn_domain_init(struct domain *d)
{
	d->evtchn_bucket = xzalloc_array(struct evtchn *, bucket_count(d));
	return d->evtchn_bucket ? grow(d) : -XEN_ENOMEM;
}

void evtchn_domain_destroy(struct domain *d)
{
	(void)close_all(d, 1, false);
	evtchn_fifo_destroy(d);
}

void evtchn_domain_free(struct domain *d)
{
	if (!d->evtchn_bucket)
		return;
	for (u32 i = 0; i < bucket_count(d); i++)
		free_xen_page(d->evtchn_bucket[i]);
	xfree(d->evtchn_bucket);
	d->evtchn_bucket = NULL;
}

int evtchn_vcpu_init(struct vcpu *v)
{
	return evtchn_fifo_vcpu_init(v);
}

void evtchn_vcpu_destroy(struct vcpu *v)
{
	/* The queues went with the domain's switch back to 2-level. */
	xfree(v->fifo);
	v->fifo = NULL;
}

#define MOVE_CHUNK 32

void evtchn_move_pirqs(struct vcpu *v)
{
	struct domain *d = v->domain;
	u32 port = 1, pirq[MOVE_CHUNK], n;

	if (!d->pirqs)
		return;
	do {
		u64 flags = spin_lock_irqsave(&d->evtchn_lock);

		for (n = 0; n < MOVE_CHUNK && port < d->valid_evtchns; port++) {
			const struct evtchn *chn = evtchn_get(d, port);

			if (chn->state == EVTCHNSTAT_pirq && chn->notify_vcpu == v->id)
				pirq[n++] = chn->pirq;
		}
		spin_unlock_irqrestore(&d->evtchn_lock, flags);
		for (u32 i = 0; i < n; i++)
			pirq_set_affinity(d, pirq[i], READ_ONCE(v->cpu));
	} while (n == MOVE_CHUNK);
}

void evtchn_dump(struct domain *d)
{
	static const char *const name[] = {"closed", "unbound", "interdomain",
	                                   "pirq",   "virq",    "ipi"};

	printk("d%u: event channels (%s), %u open\n", d->id, d->fifo ? "FIFO" : "2-level",
	       d->active_evtchns);
	for (u32 port = 1; port < READ_ONCE(d->valid_evtchns); port++) {
		struct evtchn c = *evtchn_get(d, port);
		u32 state = c.state & ~EVTCHN_BUSY;

		if (state == EVTCHNSTAT_closed || state >= ARRAY_SIZE(name))
			continue;
		printk("  %5u %-11s vCPU %u%s%s", port, name[state], c.notify_vcpu,
		       evtchn_port_pending(d, port) ? " pending" : "",
		       evtchn_port_masked(d, port) ? " masked" : "");
		if (state == EVTCHNSTAT_interdomain)
			printk(" port %u of d%u", c.remote.port, c.remote.domain->id);
		else if (state == EVTCHNSTAT_unbound)
			printk(" for d%u", c.unbound_remote);
		else if (state == EVTCHNSTAT_pirq || state == EVTCHNSTAT_virq)
			printk(" %u", c.pirq);
		printk("\n");
	}
}
