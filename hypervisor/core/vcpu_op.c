/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vcpu_op: bringing vCPUs up and down, their timers and the areas they share with the hypervisor. */
#include "core/event.h"
#include "core/sched.h"
#include "core/sched_op.h"

#define FIRST_PERIOD 10000000 /* ns; a new vCPU ticks until its kernel stops that */
#define MIN_PERIOD   1000000LL /* ns; shorter periodic timers would keep a CPU busy */

/* ---- timers ---- */

static void singleshot_fired(void *arg)
{
	virq_send_vcpu(arg, VIRQ_TIMER);
}

/* Ticks missed while nobody looked are not made up for. */
static void periodic_fired(void *arg)
{
	struct vcpu *v = arg;
	ns_t period = READ_ONCE(v->periodic_period), now = system_time();

	if (!period)
		return;
	v->periodic_last = now;
	virq_send_vcpu(v, VIRQ_TIMER);
	timer_set(&v->periodic_timer, now + period);
}

void vcpu_periodic_resume(struct vcpu *v, ns_t now)
{
	ns_t period = READ_ONCE(v->periodic_period);

	if (!period)
		return;
	if (now - v->periodic_last >= period) {
		v->periodic_last = now;
		virq_send_vcpu(v, VIRQ_TIMER);
	}
	timer_set(&v->periodic_timer, v->periodic_last + period);
}

void vcpu_periodic_pause(struct vcpu *v)
{
	if (READ_ONCE(v->periodic_period))
		timer_stop(&v->periodic_timer);
}

static void poll_timed_out(void *arg)
{
	vcpu_unblock(arg);
}

void vcpu_timers_init(struct vcpu *v)
{
	timer_init(&v->periodic_timer, periodic_fired, v, v->cpu);
	timer_init(&v->singleshot_timer, singleshot_fired, v, v->cpu);
	timer_init(&v->poll_timer, poll_timed_out, v, v->cpu);
	v->periodic_period = v->domain->is_idle ? 0 : FIRST_PERIOD;
}

void vcpu_timers_migrate(struct vcpu *v, u32 cpu)
{
	timer_migrate(&v->periodic_timer, cpu);
	timer_migrate(&v->poll_timer, cpu);
	timer_migrate(&v->singleshot_timer, cpu);
}

static long set_periodic(struct vcpu *v, u64 arg)
{
	struct vcpu_set_periodic_timer p;

	if (!guest_read(&p, arg))
		return -XEN_EFAULT;
	if (p.period_ns < (u64)MIN_PERIOD || p.period_ns > (u64)INT64_MAX / 4)
		return -XEN_EINVAL;
	v->periodic_last = system_time();
	WRITE_ONCE(v->periodic_period, (ns_t)p.period_ns);
	timer_set(&v->periodic_timer, system_time() + (ns_t)p.period_ns);
	return 0;
}

static long set_singleshot(struct vcpu *v, u64 arg)
{
	struct vcpu_set_singleshot_timer p;

	if (v != current)
		return -XEN_EINVAL;
	if (!guest_read(&p, arg))
		return -XEN_EFAULT;
	if ((p.flags & VCPU_SSHOTTMR_future) && p.timeout_abs_ns < (u64)system_time())
		return -XEN_ETIME;
	timer_set(&v->singleshot_timer, (ns_t)MIN(p.timeout_abs_ns, (u64)INT64_MAX));
	return 0;
}

/* The older interface: 0 stops; in the past (or so far ahead that a guest means "now") fires soon. */
long hc_set_timer_op(const u64 a[6])
{
	struct vcpu *v = current;
	s64 timeout = (s64)a[0];

	if (timeout == 0) {
		timer_stop(&v->singleshot_timer);
	} else if (timeout < 0) {
		/* Wrapped clocks of old guests: check again in 100 ms instead of never. */
		timer_set(&v->singleshot_timer, system_time() + 100000000);
	} else {
		timer_set(&v->singleshot_timer, timeout);
	}
	return 0;
}

/* ---- up and down ---- */

static long initialise(struct vcpu *v, u64 arg)
{
	if (v == current)
		return -XEN_EEXIST;
	return arch_vcpu_initialise(v, arg);
}

static long bring_up(struct vcpu *v)
{
	struct domain *d = v->domain;
	long rc = 0;
	bool wake = false;

	spin_lock(&d->lock);
	if (!v->is_initialised)
		rc = -XEN_EINVAL;
	else
		wake = bit_test_and_clear_atomic(&v->pause_flags, VPF_DOWN);
	spin_unlock(&d->lock);
	if (wake)
		vcpu_wake(v);
	return rc;
}

/* The last vCPU that is up may go too; the domain then powers off. */
static long take_down(struct vcpu *v)
{
	struct domain *d = v->domain;
	struct vcpu *o;
	bool any_up = false;

	spin_lock(&d->lock);
	for_each_vcpu(d, o)
		if (o != v && !(READ_ONCE(o->pause_flags) & BIT(VPF_DOWN)))
			any_up = true;
	if (any_up)
		bit_test_and_set_atomic(&v->pause_flags, VPF_DOWN);
	spin_unlock(&d->lock);
	if (any_up)
		vcpu_sleep_nosync(v);
	else
		domain_shutdown(d, SHUTDOWN_poweroff);
	return 0;
}

/* ---- shared areas ---- */

static long get_runstate(struct vcpu *v, u64 arg)
{
	struct vcpu_runstate_info r;

	vcpu_runstate_get(v, &r);
	return guest_write(arg, &r) ? 0 : -XEN_EFAULT;
}

static long register_runstate(struct vcpu *v, u64 arg)
{
	struct vcpu_register_runstate_memory_area area;
	struct vcpu_runstate_info r;

	if (!guest_read(&area, arg))
		return -XEN_EFAULT;
	if (!guest_range_ok(area.addr.p, sizeof(r)))
		return -XEN_EFAULT;
	v->runstate_guest = area.addr.p;
	/* It need not be mapped yet, nor here: then it is filled when @v runs the next time. */
	vcpu_runstate_get(v, &r);
	if (area.addr.p)
		(void)guest_write(area.addr.p, &r);
	return 0;
}

static long register_time(struct vcpu *v, u64 arg)
{
	struct vcpu_register_time_memory_area area;

	if (!guest_read(&area, arg))
		return -XEN_EFAULT;
	if (!guest_range_ok(area.addr.p, sizeof(struct vcpu_time_info)))
		return -XEN_EFAULT;
	v->time_info_guest = area.addr.p;
	if (v == current)
		vcpu_update_guest_time(v);
	return 0;
}

static long register_info(struct vcpu *v, u64 arg)
{
	struct vcpu_register_vcpu_info info;
	long rc;

	if (!guest_read(&info, arg))
		return -XEN_EFAULT;
	rc = vcpu_map_info(v, MFN(info.mfn), info.offset);
	if (!rc && v == current)
		vcpu_update_guest_time(v);
	return rc;
}

static long get_physid(struct vcpu *v, u64 arg)
{
	struct vcpu_get_physid id;
	cpumask_t online = cpumask_and(&v->hard_affinity, &cpu_online_map);
	u32 cpu;

	/* Only a vCPU that is pinned to one CPU has one. */
	if (!v->domain->is_control || cpumask_count(&online) != 1)
		return -XEN_EINVAL;
	cpu = cpumask_first(&online);
	id.phys_id = cpu_apic_id(cpu) | (u64)cpu_acpi_id(cpu) << 32;
	return guest_write(arg, &id) ? 0 : -XEN_EFAULT;
}

long hc_vcpu_op(const u64 a[6])
{
	struct vcpu *v = domain_vcpu(current->domain, a[1] & 0xffffffff);
	u64 arg = a[2];

	if (!v)
		return -XEN_ENOENT;
	switch ((u32)a[0]) {
	case VCPUOP_initialise:
		return initialise(v, arg);
	case VCPUOP_up:
		return bring_up(v);
	case VCPUOP_down:
		return take_down(v);
	case VCPUOP_is_up:
		return !(READ_ONCE(v->pause_flags) & BIT(VPF_DOWN));
	case VCPUOP_get_runstate_info:
		return get_runstate(v, arg);
	case VCPUOP_register_runstate_memory_area:
		return register_runstate(v, arg);
	case VCPUOP_set_periodic_timer:
		return set_periodic(v, arg);
	case VCPUOP_stop_periodic_timer:
		WRITE_ONCE(v->periodic_period, 0);
		timer_stop(&v->periodic_timer);
		return 0;
	case VCPUOP_set_singleshot_timer:
		return set_singleshot(v, arg);
	case VCPUOP_stop_singleshot_timer:
		if (v != current)
			return -XEN_EINVAL;
		timer_stop(&v->singleshot_timer);
		return 0;
	case VCPUOP_register_vcpu_info:
		return register_info(v, arg);
	case VCPUOP_send_nmi:
		return arch_vcpu_send_nmi(v);
	case VCPUOP_get_physid:
		return get_physid(v, arg);
	case VCPUOP_register_vcpu_time_memory_area:
		return register_time(v, arg);
	default:
		return -XEN_ENOSYS;
	}
}
