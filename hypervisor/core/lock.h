/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Spinlocks with a rank. A CPU may take a lock only if its rank is higher than that of every
 * lock it already holds (debug builds check this and panic); docs/locking tells why each pair
 * is ordered so. Implemented in core/lock.c. */
#pragma once
#include "core/machine.h"

/* Outermost first. Two locks of one rank are never nested, save by spin_lock_pair(). */
enum lock_rank {
	LOCK_DOMCTL = 1,   /* one control operation at a time (core/domctl.c) */
	LOCK_DOMAIN_LIST,  /* the list of all domains (core/domain.c) */
	LOCK_DOMAIN,       /* struct domain.lock: life cycle, vCPU creation */
	LOCK_GRANT,        /* struct grant_table.lock */
	LOCK_PIRQ,         /* a domain's pirq table (pv/physdev.c) */
	LOCK_IRQ,          /* an interrupt line's descriptor; its handler sends events */
	LOCK_PAGE_TABLES,  /* a domain's page-table updates (pv/mm.c); see docs/page-types */
	LOCK_EVTCHN,       /* struct domain.evtchn lock */
	LOCK_EVTCHN_QUEUE, /* one FIFO queue of one vCPU */
	LOCK_PAGE_ALLOC,   /* a domain's page list and counts */
	LOCK_SCHED,        /* a run queue */
	LOCK_TIMER,        /* a CPU's timer heap */
	LOCK_IOREMAP,      /* the window of device mappings (x86/paging.c) */
	LOCK_HEAP,         /* the frame allocator */
	LOCK_XMALLOC,      /* the small-object allocator */
	LOCK_IOAPIC,       /* IO-APIC and MSI register access */
	LOCK_PCI,          /* CF8/CFC */
	LOCK_CALL,         /* cross-CPU function calls */
	LOCK_TIME,         /* the platform timer (x86/time.c) */
	LOCK_TRACE,        /* trace buffers */
	LOCK_CONSOLE,      /* console ring and UART; innermost: any code may print */
};

typedef struct spinlock {
	u32 next, owner; /* ticket lock */
	u8 rank;         /* enum lock_rank */
	bool irq_safe;   /* debug: was taken by spin_lock_irqsave() */
	bool irqs_on;    /* debug: was taken with interrupts on */
	s16 holder;      /* debug: CPU that holds it, -1 if none */
	const char *name;
} spinlock_t;

#define SPINLOCK(r, nm) {.rank = (r), .holder = -1, .name = (nm)}

static inline void spin_lock_init(spinlock_t *l, enum lock_rank rank, const char *name)
{
	*l = (spinlock_t)SPINLOCK(rank, name);
}

static inline void ticket_lock(spinlock_t *l)
{
	u32 ticket = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED);

	while (__atomic_load_n(&l->owner, __ATOMIC_ACQUIRE) != ticket)
		cpu_relax();
}

static inline bool ticket_trylock(spinlock_t *l)
{
	u32 ticket = __atomic_load_n(&l->owner, __ATOMIC_RELAXED);

	return __atomic_compare_exchange_n(&l->next, &ticket, ticket + 1, false, __ATOMIC_ACQUIRE,
	                                   __ATOMIC_RELAXED);
}

static inline void ticket_unlock(spinlock_t *l)
{
	__atomic_store_n(&l->owner, l->owner + 1, __ATOMIC_RELEASE);
}

#ifdef KEEL_DEBUG
void spin_lock(spinlock_t *l);
bool spin_trylock(spinlock_t *l);
void spin_unlock(spinlock_t *l);
u64 spin_lock_irqsave(spinlock_t *l); /* returns the flags for spin_unlock_irqrestore() */
void spin_unlock_irqrestore(spinlock_t *l, u64 flags);
#else
static inline void spin_lock(spinlock_t *l)
{
	ticket_lock(l);
}

static inline bool spin_trylock(spinlock_t *l)
{
	return ticket_trylock(l);
}

static inline void spin_unlock(spinlock_t *l)
{
	ticket_unlock(l);
}

static inline u64 spin_lock_irqsave(spinlock_t *l)
{
	u64 flags = local_irq_save();

	ticket_lock(l);
	return flags;
}

static inline void spin_unlock_irqrestore(spinlock_t *l, u64 flags)
{
	ticket_unlock(l);
	local_irq_restore(flags);
}
#endif

static inline bool spin_is_locked(const spinlock_t *l)
{
	return READ_ONCE(l->next) != READ_ONCE(l->owner);
}

/* Locks two locks of one rank (or one lock once, if a == b), lower address first. */
void spin_lock_pair(spinlock_t *a, spinlock_t *b);
void spin_unlock_pair(spinlock_t *a, spinlock_t *b);

/* Panic path only: forget all locks this CPU holds, so that the console can be used. */
void locks_bust(void);
