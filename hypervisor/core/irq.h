/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Interrupt lines: GSIs of the IO-APICs and MSI vectors. x86/irq.c, ioapic.c, msi.c implement it;
 * pv/physdev.c hands lines to guests. */
#pragma once
#include "core/lock.h"
#include "core/machine.h"

#define NR_IRQS 1024 /* GSIs first, then MSIs as they are allocated */

enum irq_trigger { IRQ_EDGE, IRQ_LEVEL };

struct msi_desc {
	u16 seg, bdf;          /* PCI address: bus << 8 | devfn */
	u16 cap;               /* offset of the capability */
	bool is_msix, is_64, maskable;
	u16 entry;             /* MSI-X entry number, or index in a multi-vector MSI block */
	maddr_t table;         /* MSI-X table entry, hypervisor-mapped at entry_va */
	volatile u32 *entry_va;
};

struct irq_desc {
	spinlock_t lock;       /* LOCK_IRQ, irq-safe */
	u32 irq;
	u8 vector;             /* 0 = none */
	u32 cpu;               /* where it is delivered */
	u32 wanted_cpu;        /* where it goes when it next fires */
	enum irq_trigger trigger;
	bool active_low;
	bool masked;
	bool in_use;
	struct msi_desc *msi;  /* NULL for a GSI */
	/* Called with the lock held and interrupts off, after the LAPIC EOI decision below. */
	void (*handler)(struct irq_desc *desc, void *arg);
	void *arg;
	u64 count;
};

struct irq_desc *irq_desc(u32 irq);                      /* NULL if out of range */
/* Sets polarity and trigger of a GSI and gives it a vector; 0, -XEN_EEXIST if it was done alike,
 * -XEN_EINVAL no such GSI. Left masked. */
int irq_setup_gsi(u32 gsi, enum irq_trigger t, bool active_low);
u32 irq_gsi_count(void);
int irq_alloc_msi(struct msi_desc *m);                   /* irq number or -errno; takes over @m */
void irq_free_msi(u32 irq);
int irq_request(u32 irq, void (*fn)(struct irq_desc *, void *), void *arg); /* -XEN_EBUSY */
void irq_release(u32 irq);
/* Lock held by the caller for these. A level GSI fires like this: the stub masks the line, EOIs the
 * LAPIC, calls the handler; who handles it unmasks. Edge lines and MSI are EOIed at once, unmasked. */
void irq_mask(struct irq_desc *d);
void irq_unmask(struct irq_desc *d);
/* The line is to be delivered to @cpu, from its next interrupt on. A hint: one whose route cannot be changed
 * without losing an interrupt stays. */
void irq_set_cpu(struct irq_desc *d, u32 cpu);
