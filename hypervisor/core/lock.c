/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ticket locks: waiters are served in the order in which they came, so no CPU starves.
 *
 * Debug builds (KEEL_DEBUG) keep, for each CPU, the list of locks it holds, and check:
 *  - rank: a lock may be taken only inside locks of lower rank. Locks that interrupt handlers take
 *    are compared with each other only: what the interrupted code holds was taken with interrupts
 *    on, and the next rule keeps that class outside of the other;
 *  - class: a lock that was ever taken with spin_lock_irqsave() is never taken with interrupts on,
 *    and no lock that is taken with interrupts on is ever taken inside such a one. */
#include "core/console.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/machine.h"

#ifdef KEEL_DEBUG
#define MAX_HELD 16

struct held_locks {
	u32 n;
	spinlock_t *lock[MAX_HELD];
};

static DEFINE_PERCPU(struct held_locks, held);
static bool checks_off; /* after a report or locks_bust(): the panic path must get through */

static void lock_report(const spinlock_t *l, const spinlock_t *other, const char *what)
{
	checks_off = true;
	panic("lock %s (rank %u) %s %s (rank %u)", l->name ? l->name : "?", l->rank, what,
	      other && other->name ? other->name : "?", other ? other->rank : 0);
}

/* Interrupts off. @same_rank: spin_lock_pair() takes its second lock. */
static void debug_check(spinlock_t *l, bool irqs_were_on, bool irqsave, bool same_rank)
{
	const struct held_locks *h = &this_cpu(held);

	if (checks_off)
		return;
	if (irqsave)
		l->irq_safe = true;
	else if (irqs_were_on)
		l->irqs_on = true;
	if (l->irq_safe && l->irqs_on)
		lock_report(l, NULL, "is taken with and without interrupts");
	for (u32 i = 0; i < h->n; i++) {
		const spinlock_t *o = h->lock[i];

		if (o == l)
			lock_report(l, o, "is held already:");
		if (o->irq_safe && l->irqs_on)
			lock_report(l, o, "needs interrupts, but is taken inside");
		if (l->irq_safe && !o->irq_safe)
			continue;
		if (o->rank > l->rank || (o->rank == l->rank && !same_rank))
			lock_report(l, o, "is taken inside");
	}
}

static void debug_acquired(spinlock_t *l)
{
	struct held_locks *h = &this_cpu(held);

	l->holder = (s16)smp_cpu_id();
	if (h->n < MAX_HELD)
		h->lock[h->n] = l;
	else if (!checks_off)
		lock_report(l, NULL, "is one too many");
	h->n++;
}

static void debug_released(spinlock_t *l)
{
	struct held_locks *h = &this_cpu(held);
	u32 i = h->n;

	if (l->holder != (s16)smp_cpu_id() && !checks_off)
		lock_report(l, NULL, "is released by a CPU that does not hold it");
	l->holder = -1;
	while (i > 0 && (i > MAX_HELD || h->lock[i - 1] != l))
		i--;
	if (i == 0)
		return;
	for (; i < h->n && i < MAX_HELD; i++)
		h->lock[i - 1] = h->lock[i];
	h->n--;
}

static void lock_checked(spinlock_t *l, bool same_rank)
{
	u64 flags = local_irq_save();

	debug_check(l, flags & 0x200, false, same_rank);
	local_irq_restore(flags);
	ticket_lock(l);
	flags = local_irq_save();
	debug_acquired(l);
	local_irq_restore(flags);
}

void spin_lock(spinlock_t *l)
{
	lock_checked(l, false);
}

void spin_unlock(spinlock_t *l)
{
	u64 flags = local_irq_save();

	debug_released(l);
	ticket_unlock(l);
	local_irq_restore(flags);
}

bool spin_trylock(spinlock_t *l)
{
	u64 flags = local_irq_save();
	bool got = ticket_trylock(l);

	if (got)
		debug_acquired(l);
	local_irq_restore(flags);
	return got;
}

u64 spin_lock_irqsave(spinlock_t *l)
{
	u64 flags = local_irq_save();

	debug_check(l, false, true, false);
	ticket_lock(l);
	debug_acquired(l);
	return flags;
}

void spin_unlock_irqrestore(spinlock_t *l, u64 flags)
{
	debug_released(l);
	ticket_unlock(l);
	local_irq_restore(flags);
}
#else
static void lock_checked(spinlock_t *l, bool same_rank)
{
	ticket_lock(l);
}
#endif

void spin_lock_pair(spinlock_t *a, spinlock_t *b)
{
	if (a > b) {
		spinlock_t *t = a;

		a = b;
		b = t;
	}
	lock_checked(a, false);
	if (a != b)
		lock_checked(b, true);
}

void spin_unlock_pair(spinlock_t *a, spinlock_t *b)
{
	if (a != b)
		spin_unlock(b);
	spin_unlock(a);
}

void locks_bust(void)
{
#ifdef KEEL_DEBUG
	checks_off = true;
	struct held_locks *h = &this_cpu(held);

	for (u32 i = 0; i < h->n && i < MAX_HELD; i++)
		ticket_unlock(h->lock[i]);
	h->n = 0;
#endif
	console_lock_bust();
}
