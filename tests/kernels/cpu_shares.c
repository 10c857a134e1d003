/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * CPU time goes by weight across all CPUs.
 *
 * Argument: guests that only spin, one more than CPUs share evenly, cannot all get their due from queues
 * that never change hands: wherever they begin, some CPU has one more than another. If each gets its
 * share nevertheless, alike or by weight, after starting anywhere and after all were on one CPU, the
 * scheduler levels. Measured is CPU time as the hypervisor accounts it, over seconds, so that neither
 * the emulator's pace nor a single slice counts.
 */
#include "lib/test.h"

const char test_title[] = "cpu_shares";

#define MAX_GUESTS 16u
#define NS_PER_S   1000000000UL

static const u8 spin[] = {0xf3, 0x90, 0xeb, 0xfc}; /* 1: pause; jmp 1b */
static struct guest guests[MAX_GUESTS];
static u32 count, cpus;
static const u16 alike[MAX_GUESTS] = {[0 ... MAX_GUESTS - 1] = 256};

static u32 cpus_of_machine(void)
{
	struct xen_sysctl s = {.cmd = XEN_SYSCTL_physinfo,
	                       .interface_version = XEN_SYSCTL_INTERFACE_VERSION};

	CHECK_EQ(hc_sysctl(&s), 0);
	return s.u.physinfo.nr_cpus;
}

static u64 cpu_time(domid_t id)
{
	struct xen_domctl op = domctl_for(XEN_DOMCTL_getdomaininfo, id);

	CHECK_EQ(hc_domctl(&op), 0);
	return op.u.getdomaininfo.cpu_time;
}

static struct xen_domctl scheduler_op(domid_t id, u32 cmd, u16 weight, u16 cap)
{
	struct xen_domctl op = domctl_for(XEN_DOMCTL_scheduler_op, id);

	op.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT2;
	op.u.scheduler_op.cmd = cmd;
	op.u.scheduler_op.u.credit2.weight = weight;
	op.u.scheduler_op.u.credit2.cap = cap;
	return op;
}

static void set_weight(domid_t id, u16 weight)
{
	struct xen_domctl op = scheduler_op(id, XEN_DOMCTL_SCHEDOP_putinfo, weight, 0);

	CHECK_EQ(hc_domctl(&op), 0);
}

/* A weight of 0 is none to set; a cap is at most all that its vCPUs (two, one of them down) can use. */
static void limits_of_weight_and_cap(domid_t id)
{
	struct xen_domctl op = scheduler_op(id, XEN_DOMCTL_SCHEDOP_putinfo, 0, 200);

	CHECK_EQ(hc_domctl(&op), 0);
	op = scheduler_op(id, XEN_DOMCTL_SCHEDOP_putinfo, 300, 201);
	CHECK_EQ(hc_domctl(&op), -XEN_EINVAL);
	op = scheduler_op(id, XEN_DOMCTL_SCHEDOP_getinfo, 0, 0);
	CHECK_EQ(hc_domctl(&op), 0);
	CHECK_EQ(op.u.scheduler_op.u.credit2.weight, 300);
	CHECK_EQ(op.u.scheduler_op.u.credit2.cap, 200);
	set_weight(id, 256);
}

/* A guest's vCPU may run on the CPUs of @mask. */
static void set_affinity(domid_t id, u8 mask)
{
	struct xen_domctl op = domctl_for(XEN_DOMCTL_setvcpuaffinity, id);

	op.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_HARD;
	op.u.vcpuaffinity.cpumap_hard.nr_bits = 8;
	set_xen_guest_handle(op.u.vcpuaffinity.cpumap_hard.bitmap, &mask);
	CHECK_EQ(hc_domctl(&op), 0);
}

static u64 used_by_all(void)
{
	u64 sum = 0;

	for (u32 i = 0; i < count; i++)
		sum += cpu_time(guests[i].id);
	return sum;
}

/* Blocks until the guests' CPU time has grown by @seconds for each CPU. */
static void let_run(u64 seconds)
{
	u64 end = used_by_all() + seconds * cpus * NS_PER_S;

	while (used_by_all() < end) {
		struct sched_poll p = {.timeout = clock_now() + NS_PER_S / 20};

		CHECK_EQ(hc_sched_op(SCHEDOP_poll, &p), 0);
	}
}

/* Each gets its part of what all get within a fifth. */
static void shares_are(const u16 *weight)
{
	u64 before[MAX_GUESTS], all = 0, weights = 0;

	for (u32 i = 0; i < count; i++)
		before[i] = cpu_time(guests[i].id);
	let_run(4);
	for (u32 i = 0; i < count; i++) {
		before[i] = cpu_time(guests[i].id) - before[i];
		all += before[i];
		weights += weight[i];
	}
	for (u32 i = 0; i < count; i++) {
		u64 due = all * weight[i] / weights;

		printk("guest %u, weight %u: %lu ms of %lu\n", i, weight[i], before[i] / 1000000,
		       due / 1000000);
		CHECK(before[i] * 5 >= due * 4);
		CHECK(before[i] * 5 <= due * 6);
	}
}

static void all_on_one_cpu(void)
{
	for (u32 i = 0; i < count; i++)
		set_affinity(guests[i].id, 1);
	let_run(1);
	for (u32 i = 0; i < count; i++)
		set_affinity(guests[i].id, 0xff);
	shares_are(alike);
}

static void by_weight(void)
{
	u16 weight[MAX_GUESTS];

	for (u32 i = 0; i < count; i++) {
		weight[i] = i % 2 ? 512 : 256;
		set_weight(guests[i].id, weight[i]);
	}
	shares_are(weight);
}

void test_main(void)
{
	cpus = cpus_of_machine();
	count = cpus * 2 + 1 < MAX_GUESTS ? cpus * 2 + 1 : MAX_GUESTS;
	hc_vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL);
	for (u32 i = 0; i < count; i++) {
		guests[i] = guest_make(spin, sizeof(spin));
		guest_control(&guests[i], XEN_DOMCTL_unpausedomain);
	}
	limits_of_weight_and_cap(guests[0].id);
	shares_are(alike);
	all_on_one_cpu();
	by_weight();
	for (u32 i = 0; i < count; i++)
		guest_end(&guests[i]);
}
