/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Event channels as guests call them (core/evtchn.c, core/evtchn_fifo.c), on a machine of the host's.
 *
 * Argument: two domains make random calls. With one thread, a model that keeps each port's state in a
 * plain table predicts every return value and every answer of "status". With several threads, calls
 * race as those of vCPUs do; no prediction is possible then, but at rest both ends of each connection
 * must name each other, the number of open ports must be right, everything must close, and neither
 * freed memory nor a lock may be left (the sanitizer and a final try of the locks tell).
 */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "core/console.h"
#include "core/domain.h"
#include "core/evtchn.h"
#include "core/sched.h"
#include "core/sched_op.h"
#include "must.h"

/* ---- the parts of the hypervisor around event channels ---- */

_Thread_local struct real_cpu_info fake_cpu;
u8 fake_memory[FAKE_PAGES][PAGE_SIZE] __aligned(4096);
u64 max_mfn = FAKE_PAGES;
struct domain *control_domain;

static struct domain *dom[2];
static u32 page_refs[FAKE_PAGES]; /* atomic */
static u32 upcalls;               /* atomic */

static const u64 all_ram[BITMAP_WORDS(FAKE_PAGES / 512 + 1)] = {~0ULL};
const u64 *ram_map = all_ram;

bool mfn_in_ram_range(mfn_t m)
{
	return m.n < FAKE_PAGES;
}

bool get_page_and_type(struct page_info *pg, struct domain *d, u64 type)
{
	(void)d;
	MUST(type == PT_WRITABLE);
	__atomic_fetch_add(&page_refs[page_to_mfn(pg).n], 1, __ATOMIC_SEQ_CST);
	return true;
}

void put_page_and_type(struct page_info *pg)
{
	MUST(__atomic_fetch_sub(&page_refs[page_to_mfn(pg).n], 1, __ATOMIC_SEQ_CST) > 0);
}

void *alloc_xen_pages(u32 order)
{
	return calloc(1, PAGE_SIZE << order);
}

void free_xen_pages(void *p, u32 order)
{
	(void)order;
	free(p);
}

void *xzalloc_bytes(size_t n)
{
	return calloc(1, n);
}

void *xzalloc_array_bytes(size_t elem, size_t n)
{
	return calloc(n, elem);
}

void xfree(void *p)
{
	free(p);
}

bool get_domain(struct domain *d)
{
	__atomic_fetch_add(&d->refcnt, 1, __ATOMIC_SEQ_CST);
	return true;
}

void put_domain(struct domain *d)
{
	MUST(__atomic_fetch_sub(&d->refcnt, 1, __ATOMIC_SEQ_CST) > 1);
}

struct domain *domain_get_by_id(domid_t id)
{
	return id < 2 && get_domain(dom[id]) ? dom[id] : NULL;
}

struct domain *domain_get_for_caller(domid_t id)
{
	struct domain *self = current->domain;

	if (id == DOMID_SELF || id == self->id)
		return domain_get_by_id(self->id);
	return self->is_control ? domain_get_by_id(id) : NULL;
}

u64 copy_to_guest_va(u64 va, const void *src, u64 bytes)
{
	memcpy((void *)va, src, bytes);
	return 0;
}

u64 copy_from_guest_va(void *dst, u64 va, u64 bytes)
{
	memcpy(dst, (const void *)va, bytes);
	return 0;
}

void vcpu_unblock(struct vcpu *v)
{
	(void)v;
}

void arch_vcpu_mark_events_pending(struct vcpu *v)
{
	(void)v;
	__atomic_fetch_add(&upcalls, 1, __ATOMIC_SEQ_CST);
}

void sched_op_wake_pollers(struct domain *d, u32 port)
{
	(void)d;
	(void)port;
}

bool hypercall_should_preempt(void)
{
	return false;
}

long hypercall_continue(u64 nr, u32 nargs, const u64 *a)
{
	(void)nr;
	(void)nargs;
	(void)a;
	return -XEN_ERESTART;
}

int pirq_guest_bind(struct vcpu *v, u32 pirq, u32 port, bool share)
{
	(void)v;
	(void)share;
	MUST(port != 0);
	return pirq < 16 ? 0 : -XEN_EINVAL;
}

void pirq_guest_unbind(struct domain *d, u32 pirq)
{
	(void)d;
	MUST(pirq < 16);
}

void pirq_set_affinity(struct domain *d, u32 pirq, u32 cpu)
{
	(void)d;
	(void)pirq;
	(void)cpu;
}

void printk(const char *fmt, ...)
{
	(void)fmt;
}

void __noreturn panic(const char *fmt, ...)
{
	ck_abort_msg("panic: %s", fmt);
	abort();
}

void console_lock_bust(void)
{
}

/* ---- two domains with two vCPUs each ---- */

static struct domain *make_domain(domid_t id, u32 max_port)
{
	struct domain *d = calloc(1, sizeof(*d));

	MUST(d);
	d->id = id;
	d->refcnt = 1;
	d->is_control = id == 0;
	d->max_evtchn_port = max_port;
	d->max_vcpus = 2;
	d->shared_info = calloc(1, PAGE_SIZE);
	d->vcpu = calloc(2, sizeof(*d->vcpu));
	spin_lock_init(&d->evtchn_lock, LOCK_EVTCHN, "evtchn");
	MUST(d->shared_info && d->vcpu);
	for (u32 i = 0; i < 2; i++) {
		d->vcpu[i] = calloc(1, sizeof(struct vcpu));
		MUST(d->vcpu[i]);
		d->vcpu[i]->id = i;
		d->vcpu[i]->domain = d;
		d->vcpu[i]->info = &d->shared_info->vcpu_info[i];
	}
	MUST(evtchn_domain_init(d) == 0);
	return d;
}

static void free_domain(struct domain *d)
{
	evtchn_domain_destroy(d);
	MUST_OP(d->active_evtchns, ==, 0);
	MUST(!spin_is_locked(&d->evtchn_lock));
	MUST_OP(d->refcnt, ==, 1);
	evtchn_domain_free(d);
	for (u32 i = 0; i < 2; i++) {
		evtchn_vcpu_destroy(d->vcpu[i]);
		free(d->vcpu[i]);
	}
	free(d->vcpu);
	free(d->shared_info);
	free(d);
}

static void set_up(u32 max_port)
{
	memset(page_refs, 0, sizeof(page_refs));
	memset(fake_memory, 0, sizeof(fake_memory));
	for (domid_t i = 0; i < 2; i++)
		dom[i] = make_domain(i, max_port);
	control_domain = dom[0];
	current = dom[0]->vcpu[0];
}

static void tear_down(void)
{
	free_domain(dom[0]);
	free_domain(dom[1]);
	for (u32 i = 0; i < FAKE_PAGES; i++)
		MUST_OP(page_refs[i], ==, 0);
}

static long call(u32 cmd, void *arg)
{
	const u64 a[6] = {cmd, (u64)arg};

	return hc_event_channel_op(a);
}

static void as(u32 domain, u32 vcpu)
{
	current = dom[domain]->vcpu[vcpu];
}

/* ---- one thread: the model ---- */

#define PORTS 200u /* max_evtchn_port is PORTS - 1 */

struct model_port {
	u32 state, vcpu;
	u32 who;    /* domain: remote end, or whom it waits for */
	u32 detail; /* remote port, virq, pirq */
};

static struct model_port model[2][PORTS];

static u64 seed;

static u32 rnd(u32 n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (u32)(seed >> 33) % n;
}

static u32 model_free_port(u32 d)
{
	for (u32 p = 1; p < PORTS; p++)
		if (model[d][p].state == EVTCHNSTAT_closed)
			return p;
	return 0;
}

static void expect_new(u32 d, long rc, u32 got, struct model_port want)
{
	u32 port = model_free_port(d);

	if (!port) {
		MUST_OP(rc, ==, -XEN_ENOSPC);
		return;
	}
	MUST_OP(rc, ==, 0);
	MUST_OP(got, ==, port);
	model[d][port] = want;
}

static void do_alloc(u32 d)
{
	domid_t remote = (domid_t)rnd(2);
	struct evtchn_alloc_unbound op = {.dom = rnd(2) ? DOMID_SELF : (domid_t)d,
	                                  .remote_dom = remote};
	long rc = call(EVTCHNOP_alloc_unbound, &op);

	expect_new(d, rc, op.port, (struct model_port){EVTCHNSTAT_unbound, 0, remote, 0});
}

static void do_bind_interdomain(u32 d)
{
	u32 rd = rnd(2), rp = rnd(PORTS + 50);
	struct evtchn_bind_interdomain op = {.remote_dom = (domid_t)rd, .remote_port = rp};
	bool ok = rp > 0 && rp < PORTS && model[rd][rp].state == EVTCHNSTAT_unbound &&
	          model[rd][rp].who == d;
	u32 port = model_free_port(d);
	long rc = call(EVTCHNOP_bind_interdomain, &op);

	if (port && !ok) {
		MUST_OP(rc, ==, -XEN_EINVAL);
		return;
	}
	expect_new(d, rc, op.local_port, (struct model_port){EVTCHNSTAT_interdomain, 0, rd, rp});
	if (port) {
		model[rd][rp].state = EVTCHNSTAT_interdomain;
		model[rd][rp].who = d;
		model[rd][rp].detail = port;
		MUST(evtchn_port_pending(dom[d], port)); /* look once */
	}
}

static bool per_vcpu(u32 virq)
{
	return virq == VIRQ_TIMER || virq == VIRQ_DEBUG || virq == VIRQ_XENOPROF ||
	       virq == VIRQ_XENPMU;
}

static bool virq_bound(u32 d, u32 virq, u32 vcpu)
{
	for (u32 p = 1; p < PORTS; p++)
		if (model[d][p].state == EVTCHNSTAT_virq && model[d][p].detail == virq &&
		    (!per_vcpu(virq) || model[d][p].vcpu == vcpu))
			return true;
	return false;
}

static void do_bind_virq(u32 d)
{
	u32 virq = rnd(NR_VIRQS + 2), vcpu = rnd(3);
	struct evtchn_bind_virq op = {.virq = virq, .vcpu = vcpu};
	long rc = call(EVTCHNOP_bind_virq, &op);

	if (virq >= NR_VIRQS || (!per_vcpu(virq) && vcpu != 0))
		MUST_OP(rc, ==, -XEN_EINVAL);
	else if (!per_vcpu(virq) && d != 0)
		MUST_OP(rc, ==, -XEN_EPERM);
	else if (vcpu >= 2)
		MUST_OP(rc, ==, -XEN_ENOENT);
	else if (model_free_port(d) && virq_bound(d, virq, vcpu))
		MUST_OP(rc, ==, -XEN_EEXIST);
	else
		expect_new(d, rc, op.port, (struct model_port){EVTCHNSTAT_virq, vcpu, 0, virq});
}

static void do_bind_ipi(u32 d)
{
	struct evtchn_bind_ipi op = {.vcpu = rnd(3)};
	long rc = call(EVTCHNOP_bind_ipi, &op);

	if (op.vcpu >= 2)
		MUST_OP(rc, ==, -XEN_ENOENT);
	else
		expect_new(d, rc, op.port, (struct model_port){EVTCHNSTAT_ipi, op.vcpu, 0, 0});
}

static void do_bind_pirq(u32 d)
{
	struct evtchn_bind_pirq op = {.pirq = rnd(20), .flags = rnd(3)};
	long rc = call(EVTCHNOP_bind_pirq, &op);

	if (op.flags > 1)
		MUST_OP(rc, ==, -XEN_EINVAL);
	else if (model_free_port(d) && op.pirq >= 16)
		MUST_OP(rc, ==, -XEN_EINVAL);
	else
		expect_new(d, rc, op.port, (struct model_port){EVTCHNSTAT_pirq, 0, 0, op.pirq});
}

static void do_close(u32 d)
{
	struct evtchn_close op = {.port = rnd(PORTS + 50)};
	struct model_port *p = op.port < PORTS ? &model[d][op.port] : NULL;
	long rc = call(EVTCHNOP_close, &op);

	if (!p || op.port == 0 || p->state == EVTCHNSTAT_closed) {
		MUST_OP(rc, ==, -XEN_EINVAL);
		return;
	}
	MUST_OP(rc, ==, 0);
	if (p->state == EVTCHNSTAT_interdomain) {
		struct model_port *r = &model[p->who][p->detail];

		r->state = EVTCHNSTAT_unbound;
		r->who = d;
		r->detail = 0;
	}
	*p = (struct model_port){0};
	MUST(!evtchn_port_pending(dom[d], op.port));
}

static void do_send(u32 d)
{
	struct evtchn_send op = {.port = rnd(PORTS + 50)};
	const struct model_port *p = op.port < PORTS ? &model[d][op.port] : NULL;
	u32 state = p ? p->state : EVTCHNSTAT_closed;
	long rc = call(EVTCHNOP_send, &op);

	switch (state) {
	case EVTCHNSTAT_interdomain:
		MUST_OP(rc, ==, 0);
		MUST(evtchn_port_pending(dom[p->who], p->detail));
		break;
	case EVTCHNSTAT_ipi:
		MUST_OP(rc, ==, 0);
		MUST(evtchn_port_pending(dom[d], op.port));
		break;
	case EVTCHNSTAT_unbound:
		MUST_OP(rc, ==, 0);
		break;
	default:
		MUST_OP(rc, ==, -XEN_EINVAL);
	}
}

static void do_bind_vcpu(u32 d)
{
	struct evtchn_bind_vcpu op = {.port = rnd(PORTS), .vcpu = rnd(3)};
	struct model_port *p = &model[d][op.port];
	long rc = call(EVTCHNOP_bind_vcpu, &op);

	if (op.vcpu >= 2) {
		MUST_OP(rc, ==, -XEN_ENOENT);
	} else if (p->state == EVTCHNSTAT_closed || p->state == EVTCHNSTAT_ipi ||
	           (p->state == EVTCHNSTAT_virq && per_vcpu(p->detail))) {
		MUST_OP(rc, ==, -XEN_EINVAL);
	} else {
		MUST_OP(rc, ==, 0);
		p->vcpu = op.vcpu;
	}
}

static void check_status(u32 by, u32 d, u32 port)
{
	struct evtchn_status op = {.dom = (domid_t)d, .port = port};
	const struct model_port *p = &model[d][port];
	long rc;

	as(by, 0);
	rc = call(EVTCHNOP_status, &op);
	if (by != d && by != 0) {
		MUST_OP(rc, ==, -XEN_EPERM);
		return;
	}
	if (port == 0 || port >= dom[d]->valid_evtchns) {
		MUST_OP(rc, ==, -XEN_EINVAL);
		return;
	}
	MUST_OP(rc, ==, 0);
	MUST_OP(op.status, ==, p->state);
	if (p->state != EVTCHNSTAT_closed)
		MUST_OP(op.vcpu, ==, p->vcpu);
	if (p->state == EVTCHNSTAT_unbound)
		MUST_OP(op.u.unbound.dom, ==, p->who);
	if (p->state == EVTCHNSTAT_interdomain) {
		MUST_OP(op.u.interdomain.dom, ==, p->who);
		MUST_OP(op.u.interdomain.port, ==, p->detail);
	}
	if (p->state == EVTCHNSTAT_virq || p->state == EVTCHNSTAT_pirq)
		MUST_OP(op.u.virq, ==, p->detail);
}

static void go_fifo(u32 d)
{
	struct evtchn_expand_array array = {.array_gfn = d * 8};

	as(d, 0);
	MUST_OP(call(EVTCHNOP_expand_array, &array), ==, -XEN_ENOSYS);
	for (u32 v = 0; v < 2; v++) {
		struct evtchn_init_control op = {
		        .control_gfn = d * 8 + 1 + v, .offset = 128, .vcpu = v};

		MUST_OP(call(EVTCHNOP_init_control, &op), ==, 0);
		MUST_OP(op.link_bits, ==, EVTCHN_FIFO_LINK_BITS);
		MUST_OP(call(EVTCHNOP_init_control, &op), ==, -XEN_EINVAL); /* once */
		op.offset = 4096 - 8;
		MUST_OP(call(EVTCHNOP_init_control, &op), ==, -XEN_EINVAL);
		op.vcpu = 2;
		MUST_OP(call(EVTCHNOP_init_control, &op), ==, -XEN_ENOENT);
	}
	MUST_OP(call(EVTCHNOP_expand_array, &array), ==, 0);
}

START_TEST(random_calls_agree_with_the_model)
{
	seed = (u64)_i + 1;
	memset(model, 0, sizeof(model));
	set_up(PORTS - 1);
	if (_i & 1)
		go_fifo(0);
	if (_i & 2)
		go_fifo(1);
	for (u32 step = 0; step < 60000; step++) {
		u32 d = rnd(2);

		as(d, rnd(2));
		switch (rnd(10)) {
		case 0:
		case 1:
			do_alloc(d);
			break;
		case 2:
			do_bind_interdomain(d);
			break;
		case 3:
			do_bind_virq(d);
			break;
		case 4:
			do_bind_ipi(d);
			break;
		case 5:
			do_bind_pirq(d);
			break;
		case 6:
			do_bind_vcpu(d);
			break;
		case 7:
			do_send(d);
			break;
		default:
			do_close(d);
			break;
		}
		check_status(rnd(2), rnd(2), rnd(PORTS));
	}
	tear_down();
}
END_TEST

/* ---- step by step ---- */

START_TEST(events_before_the_array_exists_are_not_lost)
{
	struct evtchn_init_control control = {.control_gfn = 1, .vcpu = 0};
	struct evtchn_expand_array array = {.array_gfn = 0};
	struct evtchn_bind_ipi ipi = {.vcpu = 0}, early = {.vcpu = 0};
	struct evtchn_fifo_control_block *block = (void *)fake_memory[1];
	u32 *word = (void *)fake_memory[0];

	set_up(1000);
	MUST_OP(call(EVTCHNOP_bind_ipi, &early), ==, 0);
	MUST_OP(call(EVTCHNOP_send, &(struct evtchn_send){early.port}), ==, 0);
	MUST_OP(call(EVTCHNOP_bind_ipi, &ipi), ==, 0);
	MUST_OP(call(EVTCHNOP_init_control, &control), ==, 0);
	MUST_OP(call(EVTCHNOP_send, &(struct evtchn_send){ipi.port}), ==, 0);
	MUST(!evtchn_port_pending(dom[0], ipi.port));
	MUST_OP(call(EVTCHNOP_expand_array, &array), ==, 0);
	MUST(evtchn_port_pending(dom[0], ipi.port)); /* sent in between */
	MUST(evtchn_port_pending(dom[0], early.port)); /* pending as a 2-level one */
	MUST_OP(block->ready, ==, 1u << EVTCHN_FIFO_PRIORITY_DEFAULT);
	MUST_OP(block->head[EVTCHN_FIFO_PRIORITY_DEFAULT], ==, early.port);
	MUST_OP(word[early.port] & EVTCHN_FIFO_LINK_MASK, ==, ipi.port);
	MUST_OP(dom[0]->vcpu[0]->info->evtchn_upcall_pending, ==, 1);
	tear_down();
}
END_TEST

START_TEST(priorities_choose_the_queue)
{
	struct evtchn_bind_ipi ipi = {.vcpu = 1};
	struct evtchn_fifo_control_block *block;

	set_up(1000);
	go_fifo(0);
	block = (void *)(fake_memory[2] + 128);
	MUST_OP(call(EVTCHNOP_bind_ipi, &ipi), ==, 0);
	MUST_OP(call(EVTCHNOP_set_priority, &(struct evtchn_set_priority){ipi.port, 16}), ==,
	        -XEN_EINVAL);
	MUST_OP(call(EVTCHNOP_set_priority, &(struct evtchn_set_priority){ipi.port + 1, 1}), ==,
	        -XEN_EINVAL);
	MUST_OP(call(EVTCHNOP_set_priority, &(struct evtchn_set_priority){ipi.port, 3}), ==, 0);
	MUST_OP(call(EVTCHNOP_send, &(struct evtchn_send){ipi.port}), ==, 0);
	MUST_OP(block->ready, ==, 1u << 3);
	MUST_OP(block->head[3], ==, ipi.port);
	tear_down();
}
END_TEST

START_TEST(reset_goes_back_to_two_levels)
{
	struct evtchn_alloc_unbound op = {.dom = DOMID_SELF, .remote_dom = 1};
	struct evtchn_reset reset = {.dom = DOMID_SELF};

	set_up(EVTCHN_FIFO_NR_CHANNELS - 1);
	go_fifo(0);
	for (u32 i = 0; i < 5000; i++) /* more than 2-level has */
		MUST_OP(call(EVTCHNOP_alloc_unbound, &op), ==, 0);
	MUST_OP(op.port, ==, 5000);
	MUST_OP(call(EVTCHNOP_reset, &reset), ==, 0);
	MUST_OP(dom[0]->active_evtchns, ==, 0);
	MUST(!dom[0]->fifo);
	memset(fake_memory, 0, sizeof(fake_memory));
	go_fifo(0); /* and there again */
	as(1, 0);
	reset.dom = 0;
	MUST_OP(call(EVTCHNOP_reset, &reset), ==, -XEN_EPERM);
	as(0, 0);
	reset.dom = 1; /* of a domain that is not paused */
	MUST_OP(call(EVTCHNOP_reset, &reset), ==, -XEN_EINVAL);
	tear_down();
}
END_TEST

START_TEST(virqs_reach_who_bound_them)
{
	struct evtchn_bind_virq timer = {.virq = VIRQ_TIMER, .vcpu = 1};
	struct evtchn_bind_virq exc = {.virq = VIRQ_DOM_EXC, .vcpu = 0};

	set_up(100);
	virq_send_control(VIRQ_DOM_EXC); /* nobody listens */
	MUST_OP(call(EVTCHNOP_bind_virq, &timer), ==, 0);
	MUST_OP(call(EVTCHNOP_bind_virq, &exc), ==, 0);
	virq_send_vcpu(dom[0]->vcpu[0], VIRQ_TIMER);
	MUST(!evtchn_port_pending(dom[0], timer.port));
	virq_send_vcpu(dom[0]->vcpu[1], VIRQ_TIMER);
	MUST(evtchn_port_pending(dom[0], timer.port));
	MUST_OP(dom[0]->vcpu[1]->info->evtchn_upcall_pending, ==, 1);
	MUST_OP(dom[0]->vcpu[0]->info->evtchn_upcall_pending, ==, 0);
	virq_send_control(VIRQ_DOM_EXC);
	MUST(evtchn_port_pending(dom[0], exc.port));
	tear_down();
}
END_TEST

START_TEST(unknown_operations_and_the_old_form)
{
	struct evtchn_op old = {.cmd = EVTCHNOP_bind_ipi, .u.bind_ipi.vcpu = 0};
	const u64 a[6] = {(u64)&old};

	set_up(100);
	MUST_OP(call(14, &old), ==, -XEN_ENOSYS);
	MUST_OP(call(~0u, &old), ==, -XEN_ENOSYS);
	MUST_OP(hc_event_channel_op_compat(a), ==, 0);
	MUST_OP(old.u.bind_ipi.port, ==, 1);
	old.cmd = EVTCHNOP_init_control;
	MUST_OP(hc_event_channel_op_compat(a), ==, -XEN_ENOSYS);
	MUST_OP(call(EVTCHNOP_set_priority, &(struct evtchn_set_priority){1, 1}), ==, -XEN_ENOSYS);
	tear_down();
}
END_TEST

START_TEST(a_dying_domain_opens_nothing)
{
	struct evtchn_bind_ipi ipi = {.vcpu = 0};

	set_up(100);
	dom[0]->dying = DOMDYING_dying;
	MUST(call(EVTCHNOP_bind_ipi, &ipi) < 0);
	tear_down();
}
END_TEST

/* ---- many threads ---- */

struct racer {
	u64 seed;
	u32 domain, vcpu;
};

static u32 racer_rnd(struct racer *r, u32 n)
{
	r->seed = r->seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (u32)(r->seed >> 33) % n;
}

static void race_step(struct racer *r)
{
	u32 port = racer_rnd(r, 24);
	struct evtchn_alloc_unbound alloc = {.dom = DOMID_SELF, .remote_dom = racer_rnd(r, 2)};
	struct evtchn_bind_interdomain inter = {.remote_dom = racer_rnd(r, 2),
	                                        .remote_port = port};
	struct evtchn_bind_ipi ipi = {.vcpu = racer_rnd(r, 2)};
	struct evtchn_bind_virq virq = {.virq = VIRQ_TIMER, .vcpu = racer_rnd(r, 2)};
	struct evtchn_bind_pirq pirq = {.pirq = racer_rnd(r, 18)};
	struct evtchn_bind_vcpu vcpu = {.port = port, .vcpu = racer_rnd(r, 2)};
	struct evtchn_status status = {.dom = DOMID_SELF, .port = port};

	switch (racer_rnd(r, 14)) {
	case 0:
		call(EVTCHNOP_alloc_unbound, &alloc);
		break;
	case 1:
	case 2:
		call(EVTCHNOP_bind_interdomain, &inter);
		break;
	case 3:
		call(EVTCHNOP_bind_ipi, &ipi);
		break;
	case 4:
		call(EVTCHNOP_bind_virq, &virq);
		break;
	case 5:
		call(EVTCHNOP_bind_pirq, &pirq);
		break;
	case 6:
		call(EVTCHNOP_bind_vcpu, &vcpu);
		break;
	case 7:
		call(EVTCHNOP_status, &status);
		break;
	case 8:
		virq_send_vcpu(dom[r->domain]->vcpu[r->vcpu], VIRQ_TIMER);
		break;
	case 9:
		evtchn_send_port(dom[r->domain], port);
		break;
	case 10:
	case 11:
		call(EVTCHNOP_close, &(struct evtchn_close){port});
		break;
	default:
		call(EVTCHNOP_send, &(struct evtchn_send){port});
	}
	if (racer_rnd(r, 500) == 0)
		call(EVTCHNOP_reset, &(struct evtchn_reset){DOMID_SELF});
	if (racer_rnd(r, 100) == 0) {
		struct evtchn_init_control control = {.control_gfn = 20 + racer_rnd(r, 8),
		                                      .vcpu = racer_rnd(r, 2)};
		struct evtchn_expand_array array = {.array_gfn = 30 + racer_rnd(r, 8)};

		call(EVTCHNOP_init_control, &control);
		call(EVTCHNOP_expand_array, &array);
	}
}

static void *race(void *arg)
{
	struct racer *r = arg;

	current = dom[r->domain]->vcpu[r->vcpu];
	for (u32 i = 0; i < 40000; i++)
		race_step(r);
	return NULL;
}

static void check_at_rest(u32 d)
{
	u32 open = 0;

	for (u32 p = 1; p < dom[d]->valid_evtchns; p++) {
		const struct evtchn *c = evtchn_get(dom[d], p), *r;

		open += c->state != EVTCHNSTAT_closed;
		MUST(!(c->state & EVTCHN_BUSY));
		if (c->state != EVTCHNSTAT_interdomain)
			continue;
		r = evtchn_get(c->remote.domain, c->remote.port);
		MUST(r && r->state == EVTCHNSTAT_interdomain);
		MUST(r->remote.domain == dom[d]);
		MUST_OP(r->remote.port, ==, p);
	}
	MUST_OP(open, ==, dom[d]->active_evtchns);
}

START_TEST(races_leave_everything_consistent)
{
	struct racer r[4];
	pthread_t t[4];

	set_up(PORTS - 1);
	if (_i & 1)
		go_fifo(0);
	if (_i & 2)
		go_fifo(1);
	for (u32 i = 0; i < 4; i++) {
		r[i] = (struct racer){(u64)_i * 10 + i + 1, i / 2, i % 2};
		MUST(pthread_create(&t[i], NULL, race, &r[i]) == 0);
	}
	for (u32 i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	check_at_rest(0);
	check_at_rest(1);
	tear_down();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("event channels");
	TCase *t = tcase_create("event channels");
	SRunner *r;
	int failed;

	tcase_add_test(t, events_before_the_array_exists_are_not_lost);
	tcase_add_test(t, priorities_choose_the_queue);
	tcase_add_test(t, reset_goes_back_to_two_levels);
	tcase_add_test(t, virqs_reach_who_bound_them);
	tcase_add_test(t, unknown_operations_and_the_old_form);
	tcase_add_test(t, a_dying_domain_opens_nothing);
	tcase_add_loop_test(t, random_calls_agree_with_the_model, 0, 4);
	tcase_add_loop_test(t, races_leave_everything_consistent, 0, 4);
	tcase_set_timeout(t, 300);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
