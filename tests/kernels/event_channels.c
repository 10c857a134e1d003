/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Event channels, 2-level: binding, sending, masking and closing do what the header says, and every
 * argument that names what is not there is refused. A domain talks to itself over an interdomain pair,
 * which exercises both ends.
 */
#include "lib/test.h"

const char test_title[] = "event_channels";

static u32 alloc_unbound(domid_t remote)
{
	struct evtchn_alloc_unbound a = {.dom = DOMID_SELF, .remote_dom = remote};

	CHECK_EQ(hc_event_channel_op(EVTCHNOP_alloc_unbound, &a), 0);
	CHECK(a.port > 0 && a.port < 4096);
	return a.port;
}

static u32 bind_self(u32 port)
{
	struct evtchn_bind_interdomain b = {.remote_dom = DOMID_SELF, .remote_port = port};

	CHECK_EQ(hc_event_channel_op(EVTCHNOP_bind_interdomain, &b), 0);
	return b.local_port;
}

static long send(u32 port)
{
	struct evtchn_send s = {.port = port};

	return hc_event_channel_op(EVTCHNOP_send, &s);
}

static long close(u32 port)
{
	struct evtchn_close c = {.port = port};

	return hc_event_channel_op(EVTCHNOP_close, &c);
}

static bool pending(u32 port)
{
	return READ_ONCE(shared_info->evtchn_pending[port / 64]) >> (port % 64) & 1;
}

static void set_mask(u32 port, bool masked)
{
	u64 bit = 1UL << (port % 64);

	if (masked)
		__atomic_fetch_or(&shared_info->evtchn_mask[port / 64], bit, __ATOMIC_SEQ_CST);
	else
		__atomic_fetch_and(&shared_info->evtchn_mask[port / 64], ~bit, __ATOMIC_SEQ_CST);
}

static void clear(u32 port)
{
	__atomic_fetch_and(&shared_info->evtchn_pending[port / 64], ~(1UL << (port % 64)),
	                   __ATOMIC_SEQ_CST);
	shared_info->vcpu_info[0].evtchn_pending_sel = 0;
	shared_info->vcpu_info[0].evtchn_upcall_pending = 0;
}

static u32 status_of(u32 port)
{
	struct evtchn_status s = {.dom = DOMID_SELF, .port = port};

	CHECK_EQ(hc_event_channel_op(EVTCHNOP_status, &s), 0);
	return s.status;
}

static void a_pair_carries_events_both_ways(void)
{
	u32 a = alloc_unbound(DOMID_SELF), b;

	CHECK_EQ(status_of(a), EVTCHNSTAT_unbound);
	b = bind_self(a);
	CHECK_EQ(status_of(a), EVTCHNSTAT_interdomain);
	set_mask(a, true);
	set_mask(b, true);
	clear(a);
	clear(b);
	CHECK_EQ(send(a), 0);
	CHECK(pending(b) && !pending(a));
	CHECK_EQ(send(b), 0);
	CHECK(pending(a));
	clear(a);
	clear(b);
	CHECK_EQ(close(a), 0);
	CHECK_EQ(status_of(b), EVTCHNSTAT_unbound);
	CHECK_EQ(close(b), 0);
	CHECK_EQ(status_of(b), EVTCHNSTAT_closed);
}

static u32 upcalls;

static bool count_upcall(struct trap_frame *f)
{
	if (f->vector != VECTOR_EVENT)
		return false;
	upcalls++;
	shared_info->vcpu_info[0].evtchn_upcall_pending = 0;
	return true;
}

static void masked_events_wait_and_unmask_delivers(void)
{
	u32 a = alloc_unbound(DOMID_SELF), b = bind_self(a);
	struct evtchn_unmask u = {.port = b};

	trap_hook = count_upcall;
	shared_info->vcpu_info[0].evtchn_upcall_pending = 0;
	set_mask(b, true);
	CHECK_EQ(send(a), 0);
	CHECK_EQ(shared_info->vcpu_info[0].evtchn_upcall_pending, 0);
	CHECK_EQ(hc_event_channel_op(EVTCHNOP_unmask, &u), 0);
	CHECK_EQ(shared_info->vcpu_info[0].evtchn_upcall_pending, 1);
	CHECK(shared_info->vcpu_info[0].evtchn_pending_sel >> (b / 64) & 1);
	CHECK_EQ(upcalls, 0); /* upcalls are masked since the start */
	shared_info->vcpu_info[0].evtchn_upcall_mask = 0;
	hc_xen_version(XENVER_version, NULL); /* any way out delivers */
	CHECK_EQ(upcalls, 1);
	shared_info->vcpu_info[0].evtchn_upcall_mask = 1;
	clear(b);
	CHECK_EQ(close(a), 0);
	CHECK_EQ(close(b), 0);
}

static void virqs_bind_once(void)
{
	struct evtchn_bind_virq v = {.virq = VIRQ_DEBUG, .vcpu = 0};
	u32 port;

	CHECK_EQ(hc_event_channel_op(EVTCHNOP_bind_virq, &v), 0);
	port = v.port;
	CHECK_EQ(hc_event_channel_op(EVTCHNOP_bind_virq, &v), -XEN_EEXIST);
	CHECK_EQ(status_of(port), EVTCHNSTAT_virq);
	CHECK_EQ(send(port), -XEN_EINVAL);
	CHECK_EQ(close(port), 0);
	v.virq = NR_VIRQS;
	CHECK_EQ(hc_event_channel_op(EVTCHNOP_bind_virq, &v), -XEN_EINVAL);
	v.virq = VIRQ_DEBUG;
	v.vcpu = 4096;
	CHECK_EQ(hc_event_channel_op(EVTCHNOP_bind_virq, &v), -XEN_ENOENT);
	v.virq = VIRQ_CON_RING;
	v.vcpu = 1; /* a global one belongs to vCPU 0 */
	CHECK_EQ(hc_event_channel_op(EVTCHNOP_bind_virq, &v), -XEN_EINVAL);
}

static void what_is_not_there_is_refused(void)
{
	struct evtchn_bind_interdomain b = {.remote_dom = 1234, .remote_port = 1};
	struct evtchn_alloc_unbound a = {.dom = 1234, .remote_dom = 0};
	struct evtchn_bind_vcpu bv = {.port = 1, .vcpu = 4096};
	struct evtchn_bind_ipi ipi = {.vcpu = 4096};

	CHECK(send(0) < 0);
	CHECK(send(4095) < 0);
	CHECK(send(~0u) < 0);
	CHECK(close(0) < 0);
	CHECK(close(~0u) < 0);
	CHECK_EQ(hc_event_channel_op(EVTCHNOP_bind_interdomain, &b), -XEN_ESRCH);
	CHECK_EQ(hc_event_channel_op(EVTCHNOP_alloc_unbound, &a), -XEN_ESRCH);
	CHECK_EQ(hc_event_channel_op(EVTCHNOP_bind_vcpu, &bv), -XEN_ENOENT);
	CHECK_EQ(hc_event_channel_op(EVTCHNOP_bind_ipi, &ipi), -XEN_ENOENT);
	b.remote_dom = DOMID_SELF;
	b.remote_port = 3000;
	CHECK_EQ(hc_event_channel_op(EVTCHNOP_bind_interdomain, &b), -XEN_EINVAL);
	CHECK_EQ(hc_event_channel_op(77, &b), -XEN_ENOSYS);
}

static void ipis_reach_their_vcpu(void)
{
	struct evtchn_bind_ipi ipi = {.vcpu = 0};

	CHECK_EQ(hc_event_channel_op(EVTCHNOP_bind_ipi, &ipi), 0);
	set_mask(ipi.port, true);
	CHECK_EQ(send(ipi.port), 0);
	CHECK(pending(ipi.port));
	clear(ipi.port);
	CHECK_EQ(close(ipi.port), 0);
}

static void ports_run_out_politely(void)
{
	u32 n = 0;

	for (;; n++) {
		struct evtchn_alloc_unbound a = {.dom = DOMID_SELF, .remote_dom = DOMID_SELF};
		long rc = hc_event_channel_op(EVTCHNOP_alloc_unbound, &a);

		if (rc) {
			CHECK_EQ(rc, -XEN_ENOSPC);
			break;
		}
		CHECK(a.port < 4096);
	}
	CHECK(n > 3000);
	for (u32 port = 1; port < 4096; port++)
		close(port);
	CHECK(alloc_unbound(DOMID_SELF) < 4096);
}

void test_main(void)
{
	a_pair_carries_events_both_ways();
	masked_events_wait_and_unmask_delivers();
	virqs_bind_once();
	what_is_not_there_is_refused();
	ipis_reach_their_vcpu();
	ports_run_out_politely();
}
