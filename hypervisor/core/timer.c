/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Timers: a heap for each CPU. A timer belongs to the heap of timer.cpu; that field changes only
 * with both heaps' locks held. Only a CPU itself programs its timer interrupt, so another CPU that
 * puts an earlier timer there raises its timer softirq. */
#include "core/init.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/softirq.h"
#include "core/timer.h"

struct timer_queue {
	spinlock_t lock;
	struct timer_heap heap;
	struct timer *running; /* its fn is being called; lock: lock */
	bool ready;
};

static DEFINE_PERCPU(struct timer_queue, timers);

static struct timer *node_timer(struct timer_node *n)
{
	return container_of(n, struct timer, node);
}

/* Lock: q. Interrupts off, on the queue's own CPU. */
static void program(const struct timer_queue *q)
{
	const struct timer_node *first = timer_heap_first(&q->heap);

	machine_set_timer(first ? MAX(first->expires, (ns_t)1) : 0);
}

static void timer_softirq(void)
{
	struct timer_queue *q = &this_cpu(timers);
	u64 flags = spin_lock_irqsave(&q->lock);
	struct timer_node *n;

	while ((n = timer_heap_first(&q->heap)) != NULL && n->expires <= system_time()) {
		struct timer *t = node_timer(n);
		void (*fn)(void *) = t->fn;
		void *arg = t->arg;

		timer_heap_remove(&q->heap, n);
		q->running = t;
		spin_unlock_irqrestore(&q->lock, flags);
		fn(arg);
		flags = spin_lock_irqsave(&q->lock);
		q->running = NULL;
	}
	program(q);
	spin_unlock_irqrestore(&q->lock, flags);
}

void timers_init(void)
{
	for (u32 cpu = 0; cpu < nr_cpus; cpu++) {
		struct timer_queue *q = &percpu(timers, cpu);

		spin_lock_init(&q->lock, LOCK_TIMER, "timers");
		q->ready = true;
	}
	softirq_register(SOFTIRQ_TIMER, timer_softirq);
}

void timer_init(struct timer *t, void (*fn)(void *), void *arg, u32 cpu)
{
	*t = (struct timer){.fn = fn, .arg = arg, .cpu = cpu};
}

/* Locks the heap that @t belongs to; it may be migrated meanwhile. */
static struct timer_queue *lock_timer(struct timer *t, u64 *flags)
{
	for (;;) {
		u32 cpu = READ_ONCE(t->cpu);
		struct timer_queue *q = &percpu(timers, cpu);

		*flags = spin_lock_irqsave(&q->lock);
		if (likely(cpu == READ_ONCE(t->cpu)))
			return q;
		spin_unlock_irqrestore(&q->lock, *flags);
	}
}

/* Lock: q. The first timer changed. */
static void first_changed(struct timer_queue *q, u32 cpu)
{
	if (cpu == smp_cpu_id())
		program(q);
	else
		softirq_raise_cpu(cpu, SOFTIRQ_TIMER);
}

void timer_set(struct timer *t, ns_t expires)
{
	u64 flags;
	struct timer_queue *q = lock_timer(t, &flags);

	if (!t->killed) {
		struct timer_node *was = timer_heap_first(&q->heap);

		if (t->node.queued)
			timer_heap_remove(&q->heap, &t->node);
		timer_heap_insert(&q->heap, &t->node, expires);
		if (was != timer_heap_first(&q->heap) || was == &t->node)
			first_changed(q, t->cpu);
	}
	spin_unlock_irqrestore(&q->lock, flags);
}

void timer_stop(struct timer *t)
{
	u64 flags;
	struct timer_queue *q = lock_timer(t, &flags);

	/* An interrupt for nothing is cheaper than programming the device now. */
	if (t->node.queued)
		timer_heap_remove(&q->heap, &t->node);
	spin_unlock_irqrestore(&q->lock, flags);
}

void timer_migrate(struct timer *t, u32 new_cpu)
{
	for (;;) {
		u32 old_cpu = READ_ONCE(t->cpu);
		struct timer_queue *from = &percpu(timers, old_cpu), *to = &percpu(timers, new_cpu);
		u64 flags;

		if (old_cpu == new_cpu)
			return;
		flags = local_irq_save();
		spin_lock_pair(&from->lock, &to->lock);
		if (READ_ONCE(t->cpu) == old_cpu) {
			bool queued = t->node.queued;

			if (queued)
				timer_heap_remove(&from->heap, &t->node);
			WRITE_ONCE(t->cpu, new_cpu);
			if (queued) {
				timer_heap_insert(&to->heap, &t->node, t->node.expires);
				if (timer_heap_first(&to->heap) == &t->node)
					first_changed(to, new_cpu);
			}
			spin_unlock_pair(&from->lock, &to->lock);
			local_irq_restore(flags);
			return;
		}
		spin_unlock_pair(&from->lock, &to->lock);
		local_irq_restore(flags);
	}
}

void timer_kill(struct timer *t)
{
	u64 flags;
	struct timer_queue *q = lock_timer(t, &flags);

	t->killed = true;
	if (t->node.queued)
		timer_heap_remove(&q->heap, &t->node);
	spin_unlock_irqrestore(&q->lock, flags);
	/* It may run on any CPU: it may have been migrated while it ran. */
	cpumask_for_each(cpu, &cpu_online_map) {
		if (cpu == smp_cpu_id())
			continue;
		while (READ_ONCE(percpu(timers, cpu).running) == t)
			cpu_relax();
	}
}

bool timer_active(const struct timer *t)
{
	return READ_ONCE(t->node.queued);
}

ns_t timer_expires(const struct timer *t)
{
	return timer_active(t) ? READ_ONCE(t->node.expires) : 0;
}
