/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Interrupt lines: each has a vector on the one CPU that takes it. Vectors are per CPU, so that many
 * MSI-X devices fit. */
#include "core/irq.h"
#include "core/log.h"
#include "core/softirq.h"
#include "x86/boot.h"
#include "x86/ioapic.h"
#include "x86/smp.h"
#include "x86/x86.h"

static struct irq_desc descs[NR_IRQS];
/* Where a line was before its last move: an interrupt may still be on its way there. It is waited for until
 * one has arrived at the new place, which tells the guest of both. Lock: desc's. */
static struct {
	u32 cpu;
	u8 vector; /* 0 = none */
} former[NR_IRQS];

static DEFINE_PERCPU(u16, vector_irq[256]); /* irq + 1, 0 = free; writers hold vector_lock */
static spinlock_t vector_lock = SPINLOCK(LOCK_IOAPIC, "vectors");

struct irq_desc *irq_desc(u32 irq)
{
	return irq < NR_IRQS ? &descs[irq] : NULL;
}

void irq_init(void)
{
	for (u32 i = 0; i < NR_IRQS; i++) {
		descs[i].irq = i;
		descs[i].masked = true;
		spin_lock_init(&descs[i].lock, LOCK_IRQ, "irq");
	}
}

/* ---- vectors ---- */

/* 0 = none free. */
static u8 vector_take(u32 cpu, u32 irq)
{
	static u8 next = VECTOR_FIRST; /* spreads lines over priorities */
	u64 flags = spin_lock_irqsave(&vector_lock);
	u8 found = 0;

	for (u32 i = 0; !found && i <= VECTOR_LAST - VECTOR_FIRST; i++) {
		u8 v = next;

		next = v == VECTOR_LAST ? VECTOR_FIRST : (u8)(v + 1);
		if (!percpu(vector_irq, cpu)[v]) {
			WRITE_ONCE(percpu(vector_irq, cpu)[v], (u16)(irq + 1));
			found = v;
		}
	}
	spin_unlock_irqrestore(&vector_lock, flags);
	return found;
}

static void vector_drop(u32 cpu, u8 vector)
{
	u64 flags;

	if (!vector)
		return;
	flags = spin_lock_irqsave(&vector_lock);
	WRITE_ONCE(percpu(vector_irq, cpu)[vector], 0);
	spin_unlock_irqrestore(&vector_lock, flags);
}

/* ---- lines ---- */

/* Tells the hardware where the line goes now. Lock held. */
static void program(struct irq_desc *d)
{
	u32 apic_id = cpu_apic_id(d->cpu);

	if (d->msi)
		msi_write(d->msi, d->vector, apic_id, d->masked);
	else
		ioapic_route(d->irq, d->vector, apic_id, d->trigger == IRQ_LEVEL, d->active_low,
		             d->masked);
}

/* The CPU whose turn it is. Destinations are 8 bits wide without interrupt remapping. */
static u32 pick_cpu(void)
{
	static u32 turn;

	for (u32 i = 0; i < MAX_CPUS; i++) {
		u32 cpu = __atomic_fetch_add(&turn, 1, __ATOMIC_RELAXED) % MAX_CPUS;

		if (cpumask_test(&cpu_online_map, cpu) && cpu_apic_id(cpu) < 255)
			return cpu;
	}
	return 0;
}

int irq_setup_gsi(u32 gsi, enum irq_trigger t, bool active_low)
{
	struct irq_desc *d = irq_desc(gsi);
	u64 flags;
	int err = 0;

	if (!d || !ioapic_has_gsi(gsi))
		return -XEN_EINVAL;
	flags = spin_lock_irqsave(&d->lock);
	if (d->vector) {
		if (d->handler || (d->trigger == t && d->active_low == active_low)) {
			err = -XEN_EEXIST;
			goto out;
		}
	} else {
		d->cpu = d->wanted_cpu = pick_cpu();
		d->vector = vector_take(d->cpu, gsi);
		if (!d->vector) {
			err = -XEN_ENOSPC;
			goto out;
		}
	}
	d->trigger = t;
	d->active_low = active_low;
	d->masked = true;
	program(d);
out:
	spin_unlock_irqrestore(&d->lock, flags);
	return err;
}

static struct irq_desc *find_free_msi(void)
{
	for (u32 i = irq_gsi_count(); i < NR_IRQS; i++) {
		struct irq_desc *d = &descs[i];
		u64 flags = spin_lock_irqsave(&d->lock);
		bool mine = !d->vector && !d->in_use;

		if (mine)
			d->in_use = true; /* until it has a vector */
		spin_unlock_irqrestore(&d->lock, flags);
		if (mine)
			return d;
	}
	return NULL;
}

int irq_alloc_msi(struct msi_desc *m)
{
	struct irq_desc *d;
	u64 flags;
	int err = msi_prepare(m);

	if (err)
		return err;
	d = find_free_msi();
	if (!d)
		return -XEN_ENOSPC;
	flags = spin_lock_irqsave(&d->lock);
	d->in_use = false;
	d->cpu = d->wanted_cpu = pick_cpu();
	d->vector = vector_take(d->cpu, d->irq);
	if (d->vector) {
		d->msi = m;
		d->trigger = IRQ_EDGE;
		d->masked = true;
		program(d);
	}
	spin_unlock_irqrestore(&d->lock, flags);
	return d->vector ? (int)d->irq : -XEN_ENOSPC;
}

void irq_free_msi(u32 irq)
{
	struct irq_desc *d = irq_desc(irq);
	struct msi_desc *m;
	u64 flags;

	if (!d || !d->msi)
		return;
	flags = spin_lock_irqsave(&d->lock);
	m = d->msi;
	if (m)
		msi_mask(m, true);
	d->msi = NULL;
	d->handler = NULL;
	d->in_use = false;
	d->masked = true;
	vector_drop(d->cpu, d->vector);
	vector_drop(former[irq].cpu, former[irq].vector);
	former[irq].vector = 0;
	d->vector = 0;
	spin_unlock_irqrestore(&d->lock, flags);
	if (m)
		msi_finish(m);
}

int irq_request(u32 irq, void (*fn)(struct irq_desc *, void *), void *arg)
{
	struct irq_desc *d = irq_desc(irq);
	u64 flags;
	int err = 0;

	if (!d)
		return -XEN_EINVAL;
	flags = spin_lock_irqsave(&d->lock);
	if (!d->vector) {
		err = -XEN_EINVAL;
	} else if (d->handler) {
		err = -XEN_EBUSY;
	} else {
		d->handler = fn;
		d->arg = arg;
		d->in_use = true;
	}
	spin_unlock_irqrestore(&d->lock, flags);
	return err;
}

void irq_release(u32 irq)
{
	struct irq_desc *d = irq_desc(irq);
	u64 flags;

	if (!d)
		return;
	flags = spin_lock_irqsave(&d->lock); /* a handler that runs holds it */
	if (d->vector)
		irq_mask(d);
	d->handler = NULL;
	d->in_use = false;
	spin_unlock_irqrestore(&d->lock, flags);
}

void irq_mask(struct irq_desc *d)
{
	d->masked = true;
	if (d->msi)
		msi_mask(d->msi, true);
	else
		ioapic_mask(d->irq, true);
}

void irq_unmask(struct irq_desc *d)
{
	d->masked = false;
	if (d->msi)
		msi_mask(d->msi, false);
	else
		ioapic_mask(d->irq, false);
}

void irq_set_cpu(struct irq_desc *d, u32 cpu)
{
	if (cpumask_test(&cpu_online_map, cpu) && cpu_apic_id(cpu) < 255)
		d->wanted_cpu = cpu;
}

/* Can its route be written without losing what fires meanwhile? A message needs its mask bit for that; an edge
 * at an I/O APIC's masked line is forgotten. */
static bool movable(const struct irq_desc *d)
{
	return d->msi ? d->msi->maskable : d->trigger == IRQ_LEVEL && !ioapic_in_service(d->irq);
}

/* Takes a line to the CPU that it is wanted on. Only when it has just arrived where it is now: no interrupt is
 * then on its way to an older place that the guest will not hear of, and none waits for the EOI of a level
 * line, which goes by the vector. */
static void move(struct irq_desc *d)
{
	u8 vector;

	if (d->cpu == d->wanted_cpu || !movable(d))
		return;
	vector = vector_take(d->wanted_cpu, d->irq);
	if (!vector)
		return;
	vector_drop(former[d->irq].cpu, former[d->irq].vector);
	former[d->irq].cpu = d->cpu;
	former[d->irq].vector = d->vector;
	d->cpu = d->wanted_cpu;
	d->vector = vector;
	program(d);
}

/* ---- arrival ---- */

void irq_dispatch(u8 vector)
{
	u32 n = READ_ONCE(this_cpu(vector_irq)[vector]);
	struct irq_desc *d;

	if (!n) {
		apic_eoi();
		log_debug("CPU %u: interrupt at the unused vector %#x\n", smp_cpu_id(), vector);
		return;
	}
	d = &descs[n - 1];
	spin_lock(&d->lock);
	d->count++;
	if (!d->msi && d->trigger == IRQ_LEVEL)
		irq_mask(d);
	apic_eoi();
	if (d->cpu == smp_cpu_id() && d->vector == vector)
		move(d);
	if (d->handler)
		d->handler(d, d->arg);
	else if (d->vector)
		irq_mask(d);
	spin_unlock(&d->lock);
}

void irq_handler(struct cpu_user_regs *regs)
{
	u8 vector = (u8)regs->entry_vector;

	switch (vector) {
	case VECTOR_TIMER:
		apic_eoi();
		softirq_raise(SOFTIRQ_TIMER);
		return;
	case VECTOR_KICK:
		apic_eoi(); /* the way out looks for work */
		return;
	case VECTOR_FLUSH:
		apic_eoi();
		tlb_serve();
		return;
	case VECTOR_CALL:
		apic_eoi();
		smp_call_interrupt();
		return;
	case VECTOR_ERROR:
		apic_eoi();
		log_warn("CPU %u: APIC error\n", smp_cpu_id());
		return;
	case VECTOR_SPURIOUS:
		return; /* takes no EOI */
	}
	if (vector >= VECTOR_FIRST && vector <= VECTOR_LAST)
		irq_dispatch(vector);
	else if (vector < VECTOR_FIRST)
		return; /* a masked PIC's spurious interrupt */
	else
		apic_eoi();
}
