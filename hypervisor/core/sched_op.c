/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sched_op: yielding, blocking, polling, shutting down, watchdogs. */
#include "core/event.h"
#include "core/sched.h"
#include "core/sched_op.h"

#define POLL_MAX_PORTS 128
#define POLL_ANY       (~0u)

/* ---- polling ---- */

void sched_op_wake_pollers(struct domain *d, u32 port)
{
	/* Pairs with the barrier in poll(): we see the poller or it sees the event. */
	smp_mb();
	for (u32 w = 0; w < ARRAY_SIZE(d->poll_mask); w++) {
		u64 bits = READ_ONCE(d->poll_mask[w]);

		for (; bits; bits &= bits - 1) {
			struct vcpu *v = domain_vcpu(d, w * 64 + (u32)__builtin_ctzll(bits));
			u32 polled = v ? READ_ONCE(v->poll_port) : 0;

			if (v && (polled == port || polled == POLL_ANY))
				vcpu_unblock(v);
		}
		if (w * 64 + 64 >= d->max_vcpus)
			return;
	}
}

/* Any of the ports pending? 1, 0, or -errno. */
static long poll_ready(struct domain *d, const struct sched_poll *p)
{
	for (u32 i = 0; i < p->nr_ports; i++) {
		evtchn_port_t port;

		if (!handle_read(&port, p->ports, i))
			return -XEN_EFAULT;
		if (port == 0 || port >= READ_ONCE(d->valid_evtchns))
			return -XEN_EINVAL;
		if (evtchn_port_pending(d, port))
			return 1;
	}
	return 0;
}

static void poll_cancel(struct vcpu *v)
{
	v->poll_port = 0;
	bit_test_and_clear_atomic(v->domain->poll_mask, v->id);
	bit_test_and_clear_atomic(&v->pause_flags, VPF_BLOCKED_POLL);
	bit_test_and_clear_atomic(&v->pause_flags, VPF_BLOCKED);
}

static long poll(u64 arg)
{
	struct vcpu *v = current;
	struct domain *d = v->domain;
	struct sched_poll p;
	evtchn_port_t one;
	long rc;

	if (!guest_read(&p, arg))
		return -XEN_EFAULT;
	if (p.nr_ports > POLL_MAX_PORTS)
		return -XEN_EINVAL;
	if (p.nr_ports == 1 && !handle_read(&one, p.ports, 0))
		return -XEN_EFAULT;

	WRITE_ONCE(v->poll_port, p.nr_ports == 1 ? one : p.nr_ports ? POLL_ANY : 0);
	bit_test_and_set_atomic(&v->pause_flags, VPF_BLOCKED_POLL);
	bit_test_and_set_atomic(&v->pause_flags, VPF_BLOCKED);
	bit_test_and_set_atomic(d->poll_mask, v->id);
	smp_mb();

	/* An upcall that may be taken ends the poll at once, as does a pending port. */
	rc = poll_ready(d, &p);
	if (rc == 0 && vcpu_event_deliverable(v))
		rc = 1;
	if (rc == 0 && p.timeout && (ns_t)p.timeout <= system_time())
		rc = 1;
	if (rc != 0) {
		poll_cancel(v);
		return rc < 0 ? rc : 0;
	}
	if (p.timeout) {
		timer_migrate(&v->poll_timer, smp_cpu_id());
		timer_set(&v->poll_timer, (ns_t)MIN(p.timeout, (u64)INT64_MAX));
	} else {
		timer_stop(&v->poll_timer);
	}
	softirq_raise(SOFTIRQ_SCHEDULE);
	return 0;
}

/* ---- shutdown ---- */

/* Why a guest says that it stops: SHUTDOWN_*, or -XEN_E*. */
static long reason_given(u64 arg)
{
	struct sched_shutdown s;

	if (!guest_read(&s, arg))
		return -XEN_EFAULT;
	return s.reason > SHUTDOWN_MAX ? -XEN_EINVAL : (long)s.reason;
}

static long shutdown(u64 arg)
{
	long reason = reason_given(arg);

	if (reason < 0)
		return reason;
	domain_shutdown(current->domain, (u8)reason);
	return 0;
}

/* Records why, without stopping: the guest goes on to write its crash dump. */
static long shutdown_code(u64 arg)
{
	long reason = reason_given(arg);

	if (reason < 0)
		return reason;
	WRITE_ONCE(current->domain->shutdown_code, (u8)reason);
	return 0;
}

static long remote_shutdown(u64 arg)
{
	struct sched_remote_shutdown s;
	struct domain *d;

	if (!guest_read(&s, arg))
		return -XEN_EFAULT;
	if (!current->domain->is_control)
		return -XEN_EPERM;
	if (s.reason > SHUTDOWN_MAX)
		return -XEN_EINVAL;
	d = domain_get_by_id(s.domain_id);
	if (!d)
		return -XEN_ESRCH;
	domain_shutdown(d, (u8)s.reason);
	put_domain(d);
	return 0;
}

/* ---- watchdogs ---- */

static void watchdog_fired(void *arg)
{
	struct domain *d = arg;

	if (READ_ONCE(d->shutting_down))
		return;
	guest_log(d, LOG_ERR, "its watchdog ran out\n");
	domain_shutdown(d, SHUTDOWN_watchdog);
}

void sched_op_domain_init(struct domain *d)
{
	for (u32 i = 0; i < ARRAY_SIZE(d->watchdog); i++)
		timer_init(&d->watchdog[i], watchdog_fired, d, smp_cpu_id());
}

/* id 0: takes a free one and returns id + 1 .. ; otherwise re-arms it, or with timeout 0 frees it. */
static long watchdog(u64 arg)
{
	struct domain *d = current->domain;
	struct sched_watchdog w;
	long rc = 0;
	u32 i;

	if (!guest_read(&w, arg))
		return -XEN_EFAULT;
	if (w.id > ARRAY_SIZE(d->watchdog) || (w.id == 0 && w.timeout == 0))
		return -XEN_EINVAL;
	spin_lock(&d->lock);
	if (w.id == 0) {
		for (i = 0; i < ARRAY_SIZE(d->watchdog) && (d->watchdog_inuse & BIT(i)); i++)
			;
		rc = i < ARRAY_SIZE(d->watchdog) ? (long)i + 1 : -XEN_ENOSPC;
		if (rc > 0)
			d->watchdog_inuse |= (u32)BIT(i);
	} else {
		i = w.id - 1;
		if (!(d->watchdog_inuse & BIT(i)))
			rc = -XEN_EINVAL;
		else if (w.timeout == 0)
			d->watchdog_inuse &= ~(u32)BIT(i);
	}
	if (rc >= 0 && w.timeout)
		timer_set(&d->watchdog[i], system_time() + (ns_t)w.timeout * 1000000000);
	else if (rc >= 0)
		timer_stop(&d->watchdog[i]);
	spin_unlock(&d->lock);
	return rc;
}

/* ---- pinning ---- */

/* dom0 only: binds the calling vCPU to one CPU for a while (-1 ends it). */
static long pin_override(u64 arg)
{
	struct vcpu *v = current;
	struct sched_pin_override p;
	cpumask_t mask;
	long rc;

	if (!v->domain->is_control)
		return -XEN_EPERM;
	if (!guest_read(&p, arg))
		return -XEN_EFAULT;
	if (p.pcpu < 0) {
		if (!v->affinity_broken)
			return -XEN_EINVAL;
		v->affinity_broken = false;
		return vcpu_set_affinity(v, &v->saved_affinity, NULL);
	}
	if ((u32)p.pcpu >= MAX_CPUS || !cpumask_test(&cpu_online_map, (u32)p.pcpu))
		return -XEN_EINVAL;
	if (v->affinity_broken)
		return -XEN_EBUSY;
	v->saved_affinity = v->hard_affinity;
	mask = cpumask_of((u32)p.pcpu);
	rc = vcpu_set_affinity(v, &mask, NULL);
	v->affinity_broken = rc == 0;
	return rc;
}

/* ---- the calls ---- */

long hc_sched_op(const u64 a[6])
{
	switch ((u32)a[0]) {
	case SCHEDOP_yield:
		vcpu_yield_current();
		return 0;
	case SCHEDOP_block:
		vcpu_block_current();
		return 0;
	case SCHEDOP_shutdown:
		return shutdown(a[1]);
	case SCHEDOP_poll:
		return poll(a[1]);
	case SCHEDOP_remote_shutdown:
		return remote_shutdown(a[1]);
	case SCHEDOP_shutdown_code:
		return shutdown_code(a[1]);
	case SCHEDOP_watchdog:
		return watchdog(a[1]);
	case SCHEDOP_pin_override:
		return pin_override(a[1]);
	default:
		return -XEN_ENOSYS;
	}
}

/* The first form of the call: the shutdown reason is the argument itself. */
long hc_sched_op_compat(const u64 a[6])
{
	switch ((u32)a[0]) {
	case SCHEDOP_yield:
		vcpu_yield_current();
		return 0;
	case SCHEDOP_block:
		vcpu_block_current();
		return 0;
	case SCHEDOP_shutdown:
		if (a[1] > SHUTDOWN_MAX)
			return -XEN_EINVAL;
		domain_shutdown(current->domain, (u8)a[1]);
		return 0;
	default:
		return -XEN_ENOSYS;
	}
}
