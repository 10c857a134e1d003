/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The scheduler: a run queue a CPU (logic/runqueue.c decides order and preemption), waking on the
 * best CPU, stealing by idle ones, and giving away by busy ones that have more than another: on one CPU
 * time is shared by weight, and loads are kept level so that it is so across CPUs.
 *
 * State of a vCPU, all under the lock of the queue of the CPU vcpu.cpu names:
 *   queued   in that CPU's queue, runnable;
 *   current  that CPU's queue's `curr`: it runs there or is about to;
 *   neither  blocked, paused, over its cap, or leaving the CPU.
 * vcpu.cpu changes only under the lock of the old queue and while the vCPU is in none of the first two
 * states and not is_running: a vCPU whose registers are still in a CPU stays with that CPU until
 * sched_context_saved(). */
#include "core/event.h"
#include "core/heap.h"
#include "core/init.h"
#include "core/sched.h"
#include "core/sched_op.h"
#include "core/trace.h"
#include "logic/runqueue.h"

struct sched_vcpu {
	struct rq_entity e;
	struct vcpu *v;
	bool parked;    /* over the cap; lock: the queue's */
	bool need_move; /* its queue's CPU is not in its affinity: move when its state is saved */
	bool moved;     /* runs on a new CPU: its interrupts shall follow */
	bool yielded;
};

struct sched_domain {
	struct domain *d;
	u32 weight;
	struct cap cap;        /* atomic budget; percent by domctl */
	ns_t period_start;
	struct timer refill;
};

struct cpu_queue {
	spinlock_t lock;
	struct runqueue q;
	struct vcpu *curr;     /* whom this CPU runs or is switching to */
	struct vcpu *idle;
	u32 curr_weight;       /* 0 = idle */
	ns_t curr_since;       /* start of curr's slice */
	ns_t charged_to;       /* curr was charged until then */
	ns_t idle_ns;          /* time the idle vCPU has run, until charged_to */
	struct timer slice;
	ns_t balanced;         /* when this CPU last compared its load */
	ns_t heavier_since;    /* it has had more than another since then; 0 = it has not */
};

static DEFINE_PERCPU(struct cpu_queue, cpu_queue);
static u32 ratelimit_us = RQ_RATELIMIT / 1000;

/* ---- locking ---- */

static struct cpu_queue *vcpu_lock(struct vcpu *v, u64 *flags)
{
	for (;;) {
		u32 cpu = READ_ONCE(v->cpu);
		struct cpu_queue *cq = &percpu(cpu_queue, cpu);

		*flags = spin_lock_irqsave(&cq->lock);
		if (likely(cpu == READ_ONCE(v->cpu)))
			return cq;
		spin_unlock_irqrestore(&cq->lock, *flags);
	}
}

static void queue_unlock(struct cpu_queue *cq, u64 flags)
{
	spin_unlock_irqrestore(&cq->lock, flags);
}

static struct vcpu *entity_vcpu(struct rq_entity *e)
{
	return container_of(e, struct sched_vcpu, e)->v;
}

bool vcpu_runnable(const struct vcpu *v)
{
	return !(READ_ONCE(v->pause_flags) | READ_ONCE(v->pause_count) |
	         READ_ONCE(v->domain->pause_count));
}

/* ---- runstates; lock: the vCPU's queue ---- */

static void runstate_set(struct vcpu *v, int state, ns_t now)
{
	struct vcpu_runstate_info *r = &v->runstate;
	ns_t spent = now - (ns_t)r->state_entry_time;

	if (r->state == state)
		return;
	if (spent > 0)
		r->time[r->state] += (u64)spent;
	r->state = state;
	r->state_entry_time = (u64)now;
}

static int stopped_state(const struct vcpu *v)
{
	return READ_ONCE(v->pause_flags) & BIT(VPF_BLOCKED) ? RUNSTATE_blocked : RUNSTATE_offline;
}

struct vcpu_runstate_info vcpu_runstate(struct vcpu *v)
{
	struct vcpu_runstate_info r;
	u64 flags;
	struct cpu_queue *cq = vcpu_lock(v, &flags);

	r = v->runstate;
	queue_unlock(cq, flags);
	return r;
}

void vcpu_runstate_get(struct vcpu *v, struct vcpu_runstate_info *out)
{
	ns_t spent;

	*out = vcpu_runstate(v);
	spent = system_time() - (ns_t)out->state_entry_time;
	if (spent > 0)
		out->time[out->state] += (u64)spent;
}

u64 vcpu_cpu_time(struct vcpu *v)
{
	struct vcpu_runstate_info r;

	vcpu_runstate_get(v, &r);
	return r.time[RUNSTATE_running];
}

ns_t cpu_idle_time(u32 cpu)
{
	struct cpu_queue *cq = &percpu(cpu_queue, cpu);
	u64 flags = spin_lock_irqsave(&cq->lock);
	ns_t ns = cq->idle_ns;

	if (cq->curr == cq->idle)
		ns += MAX(system_time() - cq->charged_to, (ns_t)0);
	spin_unlock_irqrestore(&cq->lock, flags);
	return ns;
}

/* ---- caps ---- */

static bool over_cap(const struct vcpu *v)
{
	const struct sched_domain *sd = v->domain->sched;

	return sd->cap.percent && __atomic_load_n(&sd->cap.budget, __ATOMIC_RELAXED) <= 0;
}

static void charge_cap(struct vcpu *v, ns_t ran)
{
	struct sched_domain *sd = v->domain->sched;

	if (sd->cap.percent)
		__atomic_sub_fetch(&sd->cap.budget, ran, __ATOMIC_RELAXED);
}

static void unpark(struct vcpu *v)
{
	u64 flags;
	struct cpu_queue *cq = vcpu_lock(v, &flags);
	bool was = v->sched->parked;

	v->sched->parked = false;
	queue_unlock(cq, flags);
	if (was)
		vcpu_wake(v);
}

/* The period's end: a new budget, and those that waited for it run. */
static void refill(void *arg)
{
	struct sched_domain *sd = arg;
	ns_t now = system_time();
	u64 periods = (u64)(now - sd->period_start) / CAP_PERIOD;
	struct cap c;
	struct vcpu *v;
	s64 old;

	if (!READ_ONCE(sd->cap.percent))
		return;
	sd->period_start += (ns_t)periods * CAP_PERIOD;
	old = __atomic_load_n(&sd->cap.budget, __ATOMIC_RELAXED);
	do {
		c = (struct cap){READ_ONCE(sd->cap.percent), old};
		cap_refill(&c, periods);
	} while (!__atomic_compare_exchange_n(&sd->cap.budget, &old, c.budget, false,
	                                      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	timer_set(&sd->refill, sd->period_start + CAP_PERIOD);
	if (c.budget > 0)
		for_each_vcpu(sd->d, v)
			unpark(v);
}

/* ---- queueing ---- */

static cpumask_t allowed_cpus(const struct vcpu *v)
{
	return cpumask_and(&v->hard_affinity, &cpu_online_map);
}

static bool cpu_idle(u32 cpu)
{
	const struct cpu_queue *cq = &percpu(cpu_queue, cpu);

	return READ_ONCE(cq->curr) == cq->idle && READ_ONCE(cq->q.count) == 0;
}

/* Sum of the weights of those that run or wait there. Without a lock: a guess. */
static u64 cpu_load(u32 cpu)
{
	const struct cpu_queue *cq = &percpu(cpu_queue, cpu);

	return READ_ONCE(cq->q.load) + READ_ONCE(cq->curr_weight);
}

/* Has any CPU less to do than @me? Without it nobody here would be better off elsewhere
 * (rq_better_there), and who waits need not be looked at one by one. */
static bool any_lighter(u32 me)
{
	u64 mine = cpu_load(me);

	cpumask_for_each(cpu, &cpu_online_map)
		if (cpu_load(cpu) < mine)
			return true;
	return false;
}

/* The CPU of @among, not empty, that has least to do; of equal ones @v's own, or else the next in a
 * circle, so that an odd one goes round all of them. */
static u32 lightest_cpu(const struct vcpu *v, const cpumask_t *among)
{
	u32 best = cpumask_test(among, v->cpu) ? v->cpu : MAX_CPUS;

	for (u32 i = 1; i < nr_cpus; i++) {
		u32 cpu = (v->cpu + i) % nr_cpus;

		if (cpumask_test(among, cpu) && (best == MAX_CPUS || cpu_load(cpu) < cpu_load(best)))
			best = cpu;
	}
	return best;
}

/* Those of @hard that @v prefers; all of them if it prefers none. */
static cpumask_t preferred_cpus(const struct vcpu *v, const cpumask_t *hard)
{
	cpumask_t soft = cpumask_and(hard, &v->soft_affinity);

	return cpumask_empty(&soft) ? *hard : soft;
}

/* The best CPU for a waking vCPU: its last one if idle, an idle one it prefers, an idle one, the one
 * with least to do. Reads other queues without locks: it is a guess. */
static u32 choose_cpu(const struct vcpu *v)
{
	cpumask_t hard = allowed_cpus(v), soft = preferred_cpus(v, &hard);

	if (cpumask_empty(&hard))
		return v->cpu;
	if (cpumask_test(&soft, v->cpu) && cpu_idle(v->cpu))
		return v->cpu;
	cpumask_for_each(cpu, &soft)
		if (cpu_idle(cpu))
			return cpu;
	cpumask_for_each(cpu, &hard)
		if (cpu_idle(cpu))
			return cpu;
	return lightest_cpu(v, &soft);
}

/* Lock: cq. Queues @v and tells the CPU if it should look. */
static void enqueue(struct cpu_queue *cq, struct vcpu *v)
{
	struct rq_entity *e = &v->sched->e;

	rq_insert(&cq->q, e);
	/* A lone current vCPU has no slice timer: the first that waits brings one. */
	if (cq->curr == cq->idle || cq->q.count == 1 ||
	    rq_preempts(e, &cq->curr->sched->e, RQ_SLICE, 0))
		softirq_raise_cpu(v->cpu, SOFTIRQ_SCHEDULE);
}

/* Lock: v's queue @cq. @v is runnable and neither queued nor current: queues it on the best CPU.
 * False = it moved to another CPU's (unlocked) queue: look again there. */
static bool place(struct cpu_queue *cq, struct vcpu *v)
{
	u32 cpu;

	if (v->is_running) { /* its registers are still in this CPU */
		if (!cpumask_test(&v->hard_affinity, v->cpu))
			v->sched->need_move = true;
		else
			enqueue(cq, v);
		return true;
	}
	cpu = choose_cpu(v);
	if (cpu == v->cpu) {
		enqueue(cq, v);
		return true;
	}
	rq_move(&v->sched->e, &cq->q, &percpu(cpu_queue, cpu).q);
	WRITE_ONCE(v->cpu, cpu);
	return false;
}

void vcpu_wake(struct vcpu *v)
{
	bool done = false, woken = false;

	while (!done) {
		u64 flags;
		struct cpu_queue *cq = vcpu_lock(v, &flags);
		struct sched_vcpu *s = v->sched;
		ns_t now = system_time();

		done = true;
		if (!vcpu_runnable(v)) {
			if (v->runstate.state >= RUNSTATE_blocked)
				runstate_set(v, stopped_state(v), now);
		} else if (cq->curr != v && !rq_queued(&s->e) && !s->parked && !s->need_move) {
			if (v->runstate.state >= RUNSTATE_blocked)
				runstate_set(v, RUNSTATE_runnable, now);
			if (!woken)
				rq_wake(&cq->q, &s->e);
			woken = true;
			done = place(cq, v);
		}
		queue_unlock(cq, flags);
	}
}

void vcpu_sleep_nosync(struct vcpu *v)
{
	u64 flags;
	struct cpu_queue *cq = vcpu_lock(v, &flags);

	if (!vcpu_runnable(v)) {
		if (rq_queued(&v->sched->e))
			rq_remove(&cq->q, &v->sched->e);
		if (cq->curr == v)
			softirq_raise_cpu(v->cpu, SOFTIRQ_SCHEDULE);
		else if (v->runstate.state == RUNSTATE_runnable)
			runstate_set(v, stopped_state(v), system_time());
	}
	queue_unlock(cq, flags);
}

void vcpu_sleep_sync(struct vcpu *v)
{
	vcpu_sleep_nosync(v);
	while (!vcpu_runnable(v) && READ_ONCE(v->is_running))
		cpu_relax();
	smp_mb();
}

void vcpu_unblock(struct vcpu *v)
{
	if (!bit_test_and_clear_atomic(&v->pause_flags, VPF_BLOCKED))
		return;
	if (bit_test_and_clear_atomic(&v->pause_flags, VPF_BLOCKED_POLL)) {
		v->poll_port = 0;
		bit_test_and_clear_atomic(v->domain->poll_mask, v->id);
	}
	vcpu_wake(v);
}

void vcpu_block_current(void)
{
	struct vcpu *v = current;

	WRITE_ONCE(v->info->evtchn_upcall_mask, 0);
	bit_test_and_set_atomic(&v->pause_flags, VPF_BLOCKED);
	/* Full barrier above: a sender either sees the flag, or we see its event. */
	if (vcpu_event_deliverable(v))
		bit_test_and_clear_atomic(&v->pause_flags, VPF_BLOCKED);
	else
		softirq_raise(SOFTIRQ_SCHEDULE);
}

void vcpu_yield_current(void)
{
	current->sched->yielded = true;
	softirq_raise(SOFTIRQ_SCHEDULE);
}

/* ---- choosing and switching ---- */

/* Lock: cq. Charges what curr ran since it was last charged. */
static void charge_curr(struct cpu_queue *cq, ns_t now)
{
	struct vcpu *v = cq->curr;
	ns_t ran = now - cq->charged_to;

	cq->charged_to = now;
	if (ran <= 0)
		return;
	if (v == cq->idle) {
		cq->idle_ns += ran;
		return;
	}
	rq_charge(&cq->q, &v->sched->e, ran);
	charge_cap(v, ran);
}

/* Lock: cq. Curr stops: back to the queue, or wherever it must wait. */
static void put_curr(struct cpu_queue *cq, ns_t now)
{
	struct vcpu *v = cq->curr;
	struct sched_vcpu *s = v->sched;

	if (v == cq->idle)
		return;
	if (!vcpu_runnable(v)) {
		runstate_set(v, stopped_state(v), now);
		return;
	}
	runstate_set(v, RUNSTATE_runnable, now);
	if (over_cap(v))
		s->parked = true;
	else if (!cpumask_test(&v->hard_affinity, v->cpu))
		s->need_move = true;
	else
		rq_insert(&cq->q, &s->e);
}

static bool can_steal(const struct vcpu *v, u32 cpu, bool by_preference)
{
	return !v->is_running && cpumask_test(&v->hard_affinity, cpu) &&
	       (!by_preference || cpumask_test(&v->soft_affinity, cpu));
}

/* Lock: cq, this CPU's. Takes a waiting vCPU from another queue. Other queues are only tried: two
 * idle CPUs must not wait for each other. */
static struct vcpu *steal_from(struct cpu_queue *cq, u32 me, u32 other, bool by_preference)
{
	struct cpu_queue *oq = &percpu(cpu_queue, other);
	struct rq_entity *e;
	struct vcpu *got = NULL;

	if (READ_ONCE(oq->q.count) == 0 || !spin_trylock(&oq->lock))
		return NULL;
	list_for_each(e, &oq->q.waiting, link) {
		struct vcpu *v = entity_vcpu(e);

		if (can_steal(v, me, by_preference)) {
			got = v;
			break;
		}
	}
	if (got) {
		rq_remove(&oq->q, &got->sched->e);
		rq_move(&got->sched->e, &oq->q, &cq->q);
		WRITE_ONCE(got->cpu, me);
	}
	spin_unlock(&oq->lock);
	return got;
}

static struct vcpu *steal(struct cpu_queue *cq, u32 me)
{
	for (u32 pass = 0; pass < 2; pass++) {
		for (u32 i = 1; i < nr_cpus; i++) {
			u32 other = (me + i) % nr_cpus;
			struct vcpu *v;

			if (!cpumask_test(&cpu_online_map, other))
				continue;
			v = steal_from(cq, me, other, pass == 0);
			if (v)
				return v;
		}
	}
	return NULL;
}

/* Lock: cq, this CPU's. Moves @v, which waits here, to @to's queue. False if that is locked: an idle
 * CPU may be taking from here. */
static bool give(struct cpu_queue *cq, struct vcpu *v, u32 to)
{
	struct cpu_queue *oq = &percpu(cpu_queue, to);

	if (!spin_trylock(&oq->lock))
		return false;
	rq_remove(&cq->q, &v->sched->e);
	rq_move(&v->sched->e, &cq->q, &oq->q);
	WRITE_ONCE(v->cpu, to);
	enqueue(oq, v);
	spin_unlock(&oq->lock);
	return true;
}

/* Lock: cq, this CPU's. Where would @v, which waits here, be better off? @me = nowhere. */
static u32 better_cpu(const struct vcpu *v, u32 me, bool rotate)
{
	cpumask_t hard = allowed_cpus(v), soft = preferred_cpus(v, &hard);
	u32 to;

	if (v->is_running || cpumask_empty(&soft))
		return me;
	to = lightest_cpu(v, &soft);
	return rq_better_there(cpu_load(me), cpu_load(to), v->sched->e.weight, rotate) ? to : me;
}

/* Lock: cq, this CPU's. The first of those that wait here that would be better off at *@to; NULL = none. */
static struct vcpu *find_surplus(struct cpu_queue *cq, u32 me, bool rotate, u32 *to)
{
	struct rq_entity *e;

	list_for_each(e, &cq->q.waiting, link) {
		*to = better_cpu(entity_vcpu(e), me, rotate);
		if (*to != me)
			return entity_vcpu(e);
	}
	return NULL;
}

/* Lock: cq, this CPU's. Gives one of those that wait to a CPU with less to do: at once if that levels the
 * loads, else when the difference has lasted, so that the odd one goes round. Only who has some
 * waiting compares, once a slice: a CPU with a single vCPU needs no timer for it. */
static void balance(struct cpu_queue *cq, u32 me, ns_t now)
{
	struct vcpu *v;
	u32 to;

	if (cq->q.count == 0)
		cq->heavier_since = 0;
	if (cq->q.count == 0 || now - cq->balanced < RQ_SLICE)
		return;
	cq->balanced = now;
	if (!any_lighter(me)) {
		cq->heavier_since = 0;
		return;
	}
	v = find_surplus(cq, me, false, &to);
	if (!v) {
		v = find_surplus(cq, me, true, &to);
		if (!v)
			cq->heavier_since = 0;
		else if (!cq->heavier_since)
			cq->heavier_since = now;
		if (!v || now - cq->heavier_since < RQ_ROTATE)
			return;
	}
	if (give(cq, v, to))
		cq->heavier_since = 0;
}

/* Lock: cq. May curr go on running? */
static bool curr_continues(struct cpu_queue *cq, ns_t now)
{
	struct vcpu *v = cq->curr;
	struct rq_entity *first = rq_first(&cq->q);

	if (v == cq->idle || !vcpu_runnable(v) || over_cap(v) ||
	    !cpumask_test(&v->hard_affinity, v->cpu))
		return false;
	if (v->sched->yielded) {
		v->sched->yielded = false;
		rq_yield(&cq->q, &v->sched->e);
		return !first;
	}
	return !first || !rq_preempts(first, &v->sched->e, now - cq->curr_since,
	                              (ns_t)READ_ONCE(ratelimit_us) * 1000);
}

/* Lock: cq. Takes the next vCPU off the queue. */
static struct vcpu *choose_next(struct cpu_queue *cq, u32 me)
{
	for (;;) {
		struct rq_entity *e = rq_first(&cq->q);
		struct vcpu *v;

		if (!e) {
			v = steal(cq, me);
			if (!v)
				return cq->idle;
		} else {
			v = entity_vcpu(e);
			rq_remove(&cq->q, e);
		}
		if (!over_cap(v))
			return v;
		v->sched->parked = true;
	}
}

/* Lock: cq. When may the first that waits take curr's place? One that has woken waits for the rate
 * limit only. */
static ns_t slice_end(const struct cpu_queue *cq, ns_t now)
{
	ns_t ratelimit = (ns_t)READ_ONCE(ratelimit_us) * 1000, end = RQ_SLICE;

	if (rq_preempts(rq_first(&cq->q), &cq->curr->sched->e, ratelimit, ratelimit))
		end = ratelimit;
	return MAX(cq->curr_since + end, now + RQ_MIN_TIMER);
}

/* Lock: cq. When must this CPU decide again? */
static void set_slice(struct cpu_queue *cq, ns_t now)
{
	struct vcpu *v = cq->curr;
	ns_t end = 0;

	if (v != cq->idle) {
		struct sched_domain *sd = v->domain->sched;

		if (cq->q.count > 0)
			end = slice_end(cq, now);
		if (sd->cap.percent) {
			ns_t left = MAX((ns_t)READ_ONCE(sd->cap.budget), (ns_t)RQ_MIN_TIMER);

			end = end ? MIN(end, now + left) : now + left;
		}
	}
	if (end)
		timer_set(&cq->slice, end);
	else if (timer_active(&cq->slice))
		timer_stop(&cq->slice);
}

/* Lock: cq. Somebody waits here: an idle CPU may come and take it. */
static void wake_idle_cpu(struct cpu_queue *cq, u32 me)
{
	struct rq_entity *e = rq_first(&cq->q);
	cpumask_t hard;

	if (!e)
		return;
	hard = allowed_cpus(entity_vcpu(e));
	cpumask_for_each(cpu, &hard) {
		if (cpu != me && cpu_idle(cpu)) {
			softirq_raise_cpu(cpu, SOFTIRQ_SCHEDULE);
			return;
		}
	}
}

static void slice_ended(void *arg)
{
	softirq_raise(SOFTIRQ_SCHEDULE);
}

/* SOFTIRQ_SCHEDULE. Interrupts on; on the stack of this CPU, with current's state in the CPU. */
static void schedule(void)
{
	u32 me = smp_cpu_id();
	struct cpu_queue *cq = &percpu(cpu_queue, me);
	struct vcpu *prev = current, *next;
	u64 flags;
	ns_t now;

	if (prev->sched && prev->sched->moved) {
		prev->sched->moved = false;
		evtchn_move_pirqs(prev);
	}
	flags = spin_lock_irqsave(&cq->lock);
	now = system_time();
	charge_curr(cq, now);
	balance(cq, me, now);
	if (curr_continues(cq, now)) {
		set_slice(cq, now);
		wake_idle_cpu(cq, me);
		queue_unlock(cq, flags);
		return;
	}
	if (prev->sched)
		prev->sched->yielded = false;
	put_curr(cq, now);
	next = choose_next(cq, me);
	cq->curr = next;
	cq->curr_weight = next == cq->idle ? 0 : next->sched->e.weight;
	cq->curr_since = now;
	if (next != cq->idle)
		runstate_set(next, RUNSTATE_running, now);
	set_slice(cq, now);
	wake_idle_cpu(cq, me);
	if (next == prev) {
		queue_unlock(cq, flags);
		return;
	}
	next->is_running = true;
	next->last_run = now;
	spin_unlock(&cq->lock); /* interrupts stay off across the switch */

	TRACE(TRC_SCHED_SWITCH, prev->domain->id, prev->id, next->domain->id, next->id);
	vcpu_periodic_pause(prev);
	if (next != cq->idle && next->singleshot_timer.cpu != me) {
		next->sched->moved = true;
		vcpu_timers_migrate(next, me);
		softirq_raise(SOFTIRQ_SCHEDULE);
	}
	vcpu_periodic_resume(next, now);
	current = next;
	arch_context_switch(prev, next);
	/* Only for the switches that arch/ keeps lazy: the same exit path goes on. */
	local_irq_restore(flags);
}

void sched_context_saved(struct vcpu *prev)
{
	struct sched_vcpu *s = prev->sched;
	bool move;
	u64 flags;
	struct cpu_queue *cq;

	if (!s) { /* an idle vCPU */
		prev->is_running = false;
		return;
	}
	cq = vcpu_lock(prev, &flags);
	__atomic_store_n(&prev->is_running, false, __ATOMIC_RELEASE);
	move = s->need_move;
	s->need_move = false;
	queue_unlock(cq, flags);
	if (move)
		vcpu_wake(prev);
}

void idle_loop(void)
{
	for (;;) {
		local_irq_enable();
		if (softirq_is_pending()) {
			do_softirq();
			continue;
		}
		if (heap_scrub_some())
			continue;
		local_irq_disable();
		if (!softirq_is_pending())
			machine_idle();
	}
}

/* ---- set-up ---- */

void sched_init(void)
{
	for (u32 cpu = 0; cpu < nr_cpus; cpu++) {
		struct cpu_queue *cq = &percpu(cpu_queue, cpu);

		spin_lock_init(&cq->lock, LOCK_SCHED, "run queue");
		rq_init(&cq->q);
		cq->idle = cq->curr = idle_domain->vcpu[cpu];
		timer_init(&cq->slice, slice_ended, NULL, cpu);
	}
	softirq_register(SOFTIRQ_SCHEDULE, schedule);
}

void sched_start_cpu(void)
{
	struct cpu_queue *cq = &this_cpu(cpu_queue);

	cq->charged_to = cq->curr_since = system_time();
	cq->idle->is_running = true;
	current = cq->idle;
}

int sched_vcpu_create(struct vcpu *v)
{
	struct sched_vcpu *s = xzalloc(struct sched_vcpu);

	if (!s)
		return -XEN_ENOMEM;
	rq_entity_init(&s->e, v->domain->sched->weight);
	s->v = v;
	v->sched = s;
	/* Spread a domain's vCPUs; the first wake-up chooses better. */
	v->cpu = v->id % nr_cpus;
	v->runstate.state = RUNSTATE_offline;
	v->runstate.state_entry_time = (u64)system_time();
	return 0;
}

void sched_vcpu_destroy(struct vcpu *v)
{
	u64 flags;
	struct cpu_queue *cq;

	if (!v->sched)
		return;
	cq = vcpu_lock(v, &flags);
	if (rq_queued(&v->sched->e))
		rq_remove(&cq->q, &v->sched->e);
	queue_unlock(cq, flags);
	xfree(v->sched);
	v->sched = NULL;
}

int sched_domain_create(struct domain *d)
{
	struct sched_domain *sd = xzalloc(struct sched_domain);

	if (!sd)
		return -XEN_ENOMEM;
	sd->d = d;
	sd->weight = RQ_WEIGHT_DEFAULT;
	timer_init(&sd->refill, refill, sd, smp_cpu_id());
	d->sched = sd;
	return 0;
}

void sched_domain_destroy(struct domain *d)
{
	if (!d->sched)
		return;
	timer_kill(&d->sched->refill);
	xfree(d->sched);
	d->sched = NULL;
}

/* ---- control ---- */

int vcpu_set_affinity(struct vcpu *v, const cpumask_t *hard, const cpumask_t *soft)
{
	cpumask_t new_hard = hard ? *hard : v->hard_affinity;
	cpumask_t online = cpumask_and(&new_hard, &cpu_online_map);
	struct cpu_queue *cq;
	bool requeue = false;
	u64 flags;

	if (cpumask_empty(&online))
		return -XEN_EINVAL;
	cq = vcpu_lock(v, &flags);
	v->hard_affinity = new_hard;
	if (soft)
		v->soft_affinity = *soft;
	if (!cpumask_test(&new_hard, v->cpu)) {
		if (rq_queued(&v->sched->e)) {
			rq_remove(&cq->q, &v->sched->e);
			requeue = true;
		} else if (cq->curr == v) {
			softirq_raise_cpu(v->cpu, SOFTIRQ_SCHEDULE);
		}
	}
	queue_unlock(cq, flags);
	if (requeue)
		vcpu_wake(v);
	return 0;
}

static void set_weight(struct domain *d, u32 weight)
{
	struct vcpu *v;

	d->sched->weight = weight;
	for_each_vcpu(d, v) {
		u64 flags;
		struct cpu_queue *cq = vcpu_lock(v, &flags);

		rq_set_weight(&cq->q, &v->sched->e, weight);
		if (cq->curr == v)
			cq->curr_weight = weight;
		queue_unlock(cq, flags);
	}
}

static void set_cap(struct domain *d, u32 percent)
{
	struct sched_domain *sd = d->sched;
	struct vcpu *v;

	timer_stop(&sd->refill);
	__atomic_store_n(&sd->cap.budget, cap_quota(percent), __ATOMIC_RELAXED);
	WRITE_ONCE(sd->cap.percent, percent);
	if (percent) {
		sd->period_start = system_time();
		timer_set(&sd->refill, sd->period_start + CAP_PERIOD);
	}
	for_each_vcpu(d, v) {
		unpark(v);
		softirq_raise_cpu(READ_ONCE(v->cpu), SOFTIRQ_SCHEDULE); /* sets its slice anew */
	}
}

long sched_adjust_domain(struct domain *d, struct xen_domctl_scheduler_op *op)
{
	struct xen_domctl_sched_credit2 *p = &op->u.credit2;

	if (op->sched_id != XEN_SCHEDULER_CREDIT2 || !d->sched)
		return -XEN_EINVAL;
	switch (op->cmd) {
	case XEN_DOMCTL_SCHEDOP_getinfo:
		p->weight = (u16)d->sched->weight;
		p->cap = (u16)d->sched->cap.percent;
		return 0;
	case XEN_DOMCTL_SCHEDOP_putinfo:
		/* 0 leaves the weight, and takes the cap away. */
		if (p->weight)
			set_weight(d, p->weight);
		if (p->cap > 100 * d->max_vcpus)
			return -XEN_EINVAL;
		set_cap(d, p->cap);
		return 0;
	default:
		return -XEN_EINVAL;
	}
}

long sched_adjust_global(struct xen_sysctl_scheduler_op *op)
{
	struct xen_sysctl_credit2_schedule *p = &op->u.sched_credit2;

	if (op->sched_id != XEN_SCHEDULER_CREDIT2 || op->cpupool_id != 0)
		return -XEN_EINVAL;
	switch (op->cmd) {
	case XEN_SYSCTL_SCHEDOP_putinfo:
		if (p->ratelimit_us && (p->ratelimit_us > XEN_SYSCTL_SCHED_RATELIMIT_MAX ||
		                        p->ratelimit_us < XEN_SYSCTL_SCHED_RATELIMIT_MIN))
			return -XEN_EINVAL;
		WRITE_ONCE(ratelimit_us, p->ratelimit_us);
		return 0;
	case XEN_SYSCTL_SCHEDOP_getinfo:
		p->ratelimit_us = READ_ONCE(ratelimit_us);
		return 0;
	default:
		return -XEN_EINVAL;
	}
}

static void dump_queue(u32 cpu)
{
	struct cpu_queue *cq = &percpu(cpu_queue, cpu);
	u64 flags = spin_lock_irqsave(&cq->lock);
	struct rq_entity *e;

	printk("CPU %u: runs d%uv%u, clock %lld, %u waiting, load %llu\n", cpu,
	       cq->curr->domain->id, cq->curr->id, (long long)cq->q.clock, cq->q.count,
	       (unsigned long long)cpu_load(cpu));
	list_for_each(e, &cq->q.waiting, link) {
		const struct vcpu *v = entity_vcpu(e);

		printk("  d%uv%u virtual time %lld weight %u\n", v->domain->id, v->id,
		       (long long)e->vtime, e->weight);
	}
	spin_unlock_irqrestore(&cq->lock, flags);
}

void sched_dump(void)
{
	cpumask_for_each(cpu, &cpu_online_map)
		dump_queue(cpu);
}
