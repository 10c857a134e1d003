/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tasklets: a list a CPU, touched by that CPU alone with interrupts off. */
#include "core/softirq.h"

static DEFINE_PERCPU(struct list, tasklets);

static struct list *local_list(void)
{
	struct list *l = &this_cpu(tasklets);

	if (!l->next)
		list_init(l);
	return l;
}

static void tasklet_softirq(void)
{
	struct list *l;

	for (;;) {
		struct tasklet *t = NULL;
		u64 flags = local_irq_save();

		l = local_list();
		if (!list_empty(l)) {
			t = list_first(l, struct tasklet, link);
			list_del(&t->link);
			__atomic_store_n(&t->scheduled, false, __ATOMIC_RELEASE);
		}
		local_irq_restore(flags);
		if (!t)
			return;
		t->fn(t->arg); /* may free the tasklet */
	}
}

void tasklet_init(struct tasklet *t, void (*fn)(void *), void *arg)
{
	*t = (struct tasklet){.fn = fn, .arg = arg};
	list_init(&t->link);
	softirq_register(SOFTIRQ_TASKLET, tasklet_softirq);
}

void tasklet_schedule(struct tasklet *t)
{
	u64 flags;

	if (__atomic_exchange_n(&t->scheduled, true, __ATOMIC_ACQ_REL))
		return;
	flags = local_irq_save();
	list_add_tail(local_list(), &t->link);
	softirq_raise(SOFTIRQ_TASKLET);
	local_irq_restore(flags);
}
