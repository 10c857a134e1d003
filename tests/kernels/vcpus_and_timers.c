/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * vcpu_op and sched_op: a second vCPU can be prepared, started, stopped and is told of truly; timers
 * fire once, after their time and not before; poll and block come back; pvclock and runstate move on.
 */
#include "lib/test.h"

const char test_title[] = "vcpus_and_timers";

static u32 bind_timer(void)
{
	struct evtchn_bind_virq v = {.virq = VIRQ_TIMER, .vcpu = 0};

	CHECK_EQ(hc_event_channel_op(EVTCHNOP_bind_virq, &v), 0);
	return v.port;
}

static bool pending_and_clear(u32 port)
{
	u64 bit = 1UL << (port % 64);
	u64 was = __atomic_fetch_and(&shared_info->evtchn_pending[port / 64], ~bit, __ATOMIC_SEQ_CST);

	shared_info->vcpu_info[0].evtchn_pending_sel = 0;
	shared_info->vcpu_info[0].evtchn_upcall_pending = 0;
	return was & bit;
}

static long poll(u32 port, u64 timeout)
{
	evtchn_port_t ports[1] = {port};
	struct sched_poll p = {.nr_ports = 1, .timeout = timeout};

	set_xen_guest_handle(p.ports, ports);
	return hc_sched_op(SCHEDOP_poll, &p);
}

/* A new vCPU ticks every 10 ms until it says otherwise. */
static void it_starts_with_a_tick(u32 port)
{
	CHECK_EQ(poll(port, clock_now() + 1000000000), 0);
	CHECK(pending_and_clear(port));
	CHECK_EQ(hc_vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL), 0);
	pending_and_clear(port);
}

static void timers_fire_once_and_not_before(u32 port)
{
	u64 deadline = clock_now() + 20000000;
	struct vcpu_set_singleshot_timer s = {.timeout_abs_ns = deadline};

	pending_and_clear(port);
	CHECK_EQ(hc_vcpu_op(VCPUOP_set_singleshot_timer, 0, &s), 0);
	CHECK_EQ(poll(port, 0), 0);
	CHECK(clock_now() >= deadline);
	CHECK(pending_and_clear(port));
	CHECK_EQ(poll(port, clock_now() + 30000000), 0);
	CHECK(!pending_and_clear(port));
	s.timeout_abs_ns = 1; /* a past one fires at once */
	CHECK_EQ(hc_vcpu_op(VCPUOP_set_singleshot_timer, 0, &s), 0);
	CHECK_EQ(poll(port, clock_now() + 1000000000), 0);
	CHECK(pending_and_clear(port));
}

static void stopped_timers_do_not_fire(u32 port)
{
	struct vcpu_set_singleshot_timer s = {.timeout_abs_ns = clock_now() + 20000000};

	CHECK_EQ(hc_vcpu_op(VCPUOP_set_singleshot_timer, 0, &s), 0);
	CHECK_EQ(hc_vcpu_op(VCPUOP_stop_singleshot_timer, 0, NULL), 0);
	CHECK_EQ(poll(port, clock_now() + 50000000), 0);
	CHECK(!pending_and_clear(port));
}

static void periodic_ones_repeat(u32 port)
{
	struct vcpu_set_periodic_timer p = {.period_ns = 5000000};

	CHECK_EQ(hc_vcpu_op(VCPUOP_set_periodic_timer, 0, &p), 0);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(poll(port, clock_now() + 1000000000), 0);
		CHECK(pending_and_clear(port));
	}
	CHECK_EQ(hc_vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL), 0);
	p.period_ns = 1; /* would stall the host */
	CHECK_EQ(hc_vcpu_op(VCPUOP_set_periodic_timer, 0, &p), -XEN_EINVAL);
}

static void polls_of_nonsense_are_refused(void)
{
	struct sched_poll p = {.nr_ports = 100000};

	CHECK_EQ(hc_sched_op(SCHEDOP_poll, &p), -XEN_EINVAL);
	p.nr_ports = 1;
	set_xen_guest_handle(p.ports, (evtchn_port_t *)0xffff830000000000);
	CHECK(hc_sched_op(SCHEDOP_poll, &p) < 0);
	CHECK(poll(~0u, 1) < 0);
	CHECK_EQ(hc_sched_op(99, NULL), -XEN_ENOSYS);
	CHECK_EQ(hc_sched_op(SCHEDOP_yield, NULL), 0);
}

static u64 second_stack[1024];
static u32 second_ran;

static void second_vcpu(void)
{
	__atomic_store_n(&second_ran, 1, __ATOMIC_SEQ_CST);
	hc_vcpu_op(VCPUOP_down, 1, NULL);
	for (;;)
		;
}

static void a_second_vcpu_comes_and_goes(void)
{
	static struct vcpu_guest_context c;

	CHECK_EQ(hc_vcpu_op(VCPUOP_is_up, 0, NULL), 1);
	CHECK(hc_vcpu_op(VCPUOP_is_up, 4000, NULL) < 0);
	if (hc_vcpu_op(VCPUOP_is_up, 1, NULL) < 0)
		return; /* one CPU, one vCPU */
	CHECK_EQ(hc_vcpu_op(VCPUOP_is_up, 1, NULL), 0);
	CHECK_EQ(hc_vcpu_op(VCPUOP_up, 1, NULL), -XEN_EINVAL);
	vcpu_context(&c, P(second_vcpu), &second_stack[1024]);
	c.ctrlreg[3] = xen_pfn_to_cr3(0xfffffff);
	CHECK_EQ(hc_vcpu_op(VCPUOP_initialise, 1, &c), -XEN_EINVAL);
	vcpu_context(&c, P(second_vcpu), &second_stack[1024]);
	CHECK_EQ(hc_vcpu_op(VCPUOP_initialise, 1, &c), 0);
	CHECK_EQ(hc_vcpu_op(VCPUOP_initialise, 1, &c), -XEN_EEXIST);
	CHECK_EQ(hc_vcpu_op(VCPUOP_up, 1, NULL), 0);
	while (!__atomic_load_n(&second_ran, __ATOMIC_SEQ_CST) ||
	       hc_vcpu_op(VCPUOP_is_up, 1, NULL) != 0)
		hc_sched_op(SCHEDOP_yield, NULL);
	second_ran = 0;
}

static void runstates_add_up(void)
{
	struct vcpu_runstate_info a, b;

	CHECK_EQ(hc_vcpu_op(VCPUOP_get_runstate_info, 0, &a), 0);
	CHECK_EQ(a.state, RUNSTATE_running);
	CHECK_EQ(poll(0, clock_now() + 10000000) < 0, true);
	for (u64 end = clock_now() + 5000000; clock_now() < end;)
		;
	CHECK_EQ(hc_vcpu_op(VCPUOP_get_runstate_info, 0, &b), 0);
	CHECK(b.time[RUNSTATE_running] > a.time[RUNSTATE_running]);
	CHECK(b.time[RUNSTATE_running] - a.time[RUNSTATE_running] >= 4000000);
}

static void registrations_are_checked(void)
{
	struct vcpu_register_vcpu_info v = {.mfn = 0xfffffff, .offset = 0};

	CHECK(hc_vcpu_op(VCPUOP_register_vcpu_info, 0, &v) < 0);
	v.mfn = va_to_mfn(alloc_page());
	v.offset = 4096 - 8;
	CHECK_EQ(hc_vcpu_op(VCPUOP_register_vcpu_info, 0, &v), -XEN_ENXIO);
	v.mfn = l1_mfn_of(&v); /* a page table is not to be written */
	v.offset = 0;
	CHECK(hc_vcpu_op(VCPUOP_register_vcpu_info, 0, &v) < 0);
	CHECK_EQ(hc_vcpu_op(999, 0, &v), -XEN_ENOSYS);
	CHECK_EQ(hc_vcpu_op(VCPUOP_is_up, ~0u, &v), -XEN_ENOENT);
}

void test_main(void)
{
	u64 before = clock_now();
	u32 port = bind_timer();

	it_starts_with_a_tick(port);
	timers_fire_once_and_not_before(port);
	stopped_timers_do_not_fire(port);
	periodic_ones_repeat(port);
	polls_of_nonsense_are_refused();
	a_second_vcpu_comes_and_goes();
	runstates_add_up();
	registrations_are_checked();
	CHECK(clock_now() > before);
}
