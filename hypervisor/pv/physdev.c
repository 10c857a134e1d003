/* SPDX-License-Identifier: GPL-3.0-or-later */
/* physdev_op: dom0's interrupt lines (pirqs), PCI devices and I/O privileges. A pirq of a GSI has the
 * GSI's number; those of messages (MSI, MSI-X) come from the other end of the table. */
#include "core/event.h"
#include "core/irq.h"
#include "pv/pv.h"
#include "x86/boot.h"
#include "x86/ioapic.h"
#include "x86/pci.h"
#include "x86/x86.h"

#define NR_PIRQS NR_IRQS

enum pirq_kind { PIRQ_FREE, PIRQ_RESERVED /* by get_free_pirq */, PIRQ_GSI, PIRQ_MSI };

struct pirq {
	struct domain *domain;
	enum pirq_kind kind;
	u32 irq;       /* the line, when GSI or MSI */
	u32 port;      /* bound event channel, 0 = none */
	bool in_flight; /* level line: masked since it fired, until the guest's EOI; lock: the line's */
};

struct pirq_table {
	spinlock_t lock; /* LOCK_PIRQ: kind, irq, port */
	struct pirq p[NR_PIRQS];
};

int pirq_domain_init(struct domain *d)
{
	struct pirq_table *t;

	if (!d->is_control)
		return 0; /* no device of a machine without IOMMU goes to anybody else */
	t = xzalloc(struct pirq_table);
	if (!t)
		return -XEN_ENOMEM;
	spin_lock_init(&t->lock, LOCK_PIRQ, "pirq");
	for (u32 i = 0; i < NR_PIRQS; i++)
		t->p[i].domain = d;
	d->pirqs = t;
	return 0;
}

/* The pirq if it has a line, else NULL. Lock held. */
static struct pirq *pirq_mapped(struct domain *d, u64 nr)
{
	struct pirq *p;

	if (!d->pirqs || nr >= NR_PIRQS)
		return NULL;
	p = &d->pirqs->p[array_index(nr, NR_PIRQS)];
	return p->kind == PIRQ_GSI || p->kind == PIRQ_MSI ? p : NULL;
}

/* ---- delivery ---- */

/* The line fired: its lock is held, interrupts are off; a level line is masked. */
static void pirq_fired(struct irq_desc *desc, void *arg)
{
	struct pirq *p = arg;

	if (!desc->msi && desc->trigger == IRQ_LEVEL)
		p->in_flight = true;
	evtchn_send_port(p->domain, p->port);
}

/* The guest is done with a level line. */
static void pirq_eoi(struct pirq *p)
{
	struct irq_desc *desc = irq_desc(p->irq);
	u64 flags = spin_lock_irqsave(&desc->lock);

	if (p->in_flight) {
		p->in_flight = false;
		irq_unmask(desc);
	}
	spin_unlock_irqrestore(&desc->lock, flags);
}

static void enable_line(struct pirq *p, u32 cpu)
{
	struct irq_desc *desc = irq_desc(p->irq);
	u64 flags = spin_lock_irqsave(&desc->lock);

	p->in_flight = false;
	irq_set_cpu(desc, cpu);
	irq_unmask(desc);
	spin_unlock_irqrestore(&desc->lock, flags);
}

/* Binds a mapped pirq to @port of @v's domain. One guest a line: @share changes nothing. */
int pirq_guest_bind(struct vcpu *v, u32 nr, u32 port, bool share)
{
	struct domain *d = v->domain;
	struct pirq *p;
	int rc = -XEN_EINVAL;

	if (!d->pirqs)
		return -XEN_EPERM;
	spin_lock(&d->pirqs->lock);
	p = pirq_mapped(d, nr);
	if (p && p->port) {
		rc = -XEN_EEXIST;
	} else if (p) {
		p->port = port;
		rc = irq_request(p->irq, pirq_fired, p);
		if (rc)
			p->port = 0;
		else
			enable_line(p, v->cpu);
	}
	spin_unlock(&d->pirqs->lock);
	return rc;
}

/* Lock held. The handler does not run after this. */
static void unbind_locked(struct pirq *p)
{
	if (p->port == 0)
		return;
	irq_release(p->irq);
	p->port = 0;
	p->in_flight = false;
}

void pirq_guest_unbind(struct domain *d, u32 nr)
{
	struct pirq *p;

	if (!d->pirqs)
		return;
	spin_lock(&d->pirqs->lock);
	p = pirq_mapped(d, nr);
	if (p)
		unbind_locked(p);
	spin_unlock(&d->pirqs->lock);
}

void pirq_set_affinity(struct domain *d, u32 nr, u32 cpu)
{
	struct pirq *p;

	if (!d->pirqs)
		return;
	spin_lock(&d->pirqs->lock);
	p = pirq_mapped(d, nr);
	if (p && p->port) {
		struct irq_desc *desc = irq_desc(p->irq);
		u64 flags = spin_lock_irqsave(&desc->lock);

		irq_set_cpu(desc, cpu);
		spin_unlock_irqrestore(&desc->lock, flags);
	}
	spin_unlock(&d->pirqs->lock);
}

static void unmap_locked(struct pirq *p)
{
	unbind_locked(p);
	if (p->kind == PIRQ_MSI)
		irq_free_msi(p->irq);
	p->kind = PIRQ_FREE;
	p->irq = 0;
}

void pirq_domain_free(struct domain *d)
{
	if (!d->pirqs)
		return;
	spin_lock(&d->pirqs->lock);
	for (u32 i = 0; i < NR_PIRQS; i++)
		unmap_locked(&d->pirqs->p[i]);
	spin_unlock(&d->pirqs->lock);
	xfree(d->pirqs);
	d->pirqs = NULL;
}

/* ---- mapping ---- */

/* Messages get the highest free number, so that GSIs keep theirs. 0 = none. Lock held. */
static u32 find_free(struct domain *d, bool msi)
{
	if (msi) {
		for (u32 i = NR_PIRQS - 1; i >= irq_gsi_count() && i > 0; i--)
			if (d->pirqs->p[i].kind == PIRQ_FREE)
				return i;
		return 0;
	}
	for (u32 i = 16; i < NR_PIRQS; i++)
		if (d->pirqs->p[i].kind == PIRQ_FREE)
			return i;
	return 0;
}

/* ISA lines are never set up by dom0: the firmware's overrides say how they are wired. */
static int setup_isa_gsi(u32 gsi)
{
	const struct acpi_override *o = NULL;
	int rc;

	for (u32 i = 0; i < acpi_madt.nr_overrides; i++)
		if (acpi_madt.overrides[i].gsi == gsi)
			o = &acpi_madt.overrides[i];
	rc = irq_setup_gsi(gsi, o && o->level ? IRQ_LEVEL : IRQ_EDGE, o && o->active_low);
	return rc == -XEN_EEXIST ? 0 : rc;
}

/* Lock held. The number asked for may be left to us (negative), or must be free. */
static int map_gsi(struct domain *d, int gsi, int *nr)
{
	struct pirq *p;
	struct irq_desc *desc;

	if (gsi < 0 || (u32)gsi >= irq_gsi_count())
		return -XEN_EINVAL;
	if (*nr < 0)
		*nr = gsi;
	if ((u32)*nr >= NR_PIRQS)
		return -XEN_EINVAL;
	p = &d->pirqs->p[array_index((u32)*nr, NR_PIRQS)];
	if (p->kind == PIRQ_GSI && p->irq == (u32)gsi)
		return 0; /* mapped alike before */
	if (p->kind != PIRQ_FREE && p->kind != PIRQ_RESERVED)
		return -XEN_EEXIST;
	desc = irq_desc((u32)gsi);
	if (gsi < 16 && desc->vector == 0) {
		int rc = setup_isa_gsi((u32)gsi);
		if (rc)
			return rc;
	}
	p->kind = PIRQ_GSI;
	p->irq = (u32)gsi;
	return 0;
}

#define PCI_CAP_MSI   0x05
#define PCI_CAP_MSIX  0x11
#define MSIX_FLAGS    2
#define MSIX_TABLE    4
#define MSIX_SIZE     0x7ff

/* Machine address of entry @entry of the table that starts in the BAR at @bar. */
static int fill_msix(struct msi_desc *m, u64 bar, u16 entry)
{
	u32 count;

	m->cap = pci_find_cap(m->seg, m->bdf, PCI_CAP_MSIX);
	if (!m->cap)
		return -XEN_ENODEV;
	count = (pci_read(m->seg, m->bdf, m->cap + MSIX_FLAGS, 2) & MSIX_SIZE) + 1;
	if (entry >= count)
		return -XEN_EINVAL;
	m->is_msix = true;
	m->entry = entry;
	m->table = bar + (pci_read(m->seg, m->bdf, m->cap + MSIX_TABLE, 4) & ~7U) + entry * 16U;
	return mfn_valid(maddr_to_mfn(m->table)) ? -XEN_EINVAL : 0;
}

/* dom0 may look at the table; what it writes there vanishes. Best effort: a full list only means that
 * a misbehaving dom0 can spoil its own interrupts. */
static void protect_msix_table(maddr_t entry, bool on)
{
	if (pv_mmio_set_readonly(maddr_to_mfn(entry), on))
		log_debug("MSI-X table at %lx stays writable\n", (unsigned long)entry);
}

static struct msi_desc *describe_msi(const struct physdev_map_pirq *op, int *rc)
{
	struct msi_desc *m = xzalloc(struct msi_desc);

	*rc = -XEN_ENOMEM;
	if (!m)
		return NULL;
	m->seg = op->type == MAP_PIRQ_TYPE_MSI ? 0 : (u16)((u32)op->bus >> 16);
	m->bdf = (u16)((op->bus & 0xff) << 8 | (op->devfn & 0xff));
	if (op->table_base) {
		*rc = op->entry_nr < 0 || op->entry_nr > MSIX_SIZE ? -XEN_EINVAL :
		      fill_msix(m, op->table_base, (u16)op->entry_nr);
	} else {
		m->cap = pci_find_cap(m->seg, m->bdf, PCI_CAP_MSI);
		*rc = m->cap ? 0 : -XEN_ENODEV;
	}
	if (*rc == 0)
		return m;
	xfree(m);
	return NULL;
}

static bool same_message(const struct msi_desc *a, const struct msi_desc *b)
{
	return a->seg == b->seg && a->bdf == b->bdf && a->is_msix == b->is_msix &&
	       a->entry == b->entry;
}

static bool message_in_use(struct domain *d, const struct msi_desc *m)
{
	for (u32 i = 0; i < NR_PIRQS; i++) {
		const struct pirq *p = &d->pirqs->p[i];

		if (p->kind == PIRQ_MSI && irq_desc(p->irq)->msi &&
		    same_message(irq_desc(p->irq)->msi, m))
			return true;
	}
	return false;
}

/* Lock held. */
static int map_msi(struct domain *d, const struct physdev_map_pirq *op, int *nr)
{
	struct msi_desc *m;
	struct pirq *p;
	maddr_t table;
	int rc, irq;

	if (*nr < 0)
		*nr = (int)find_free(d, true);
	if (*nr <= 0 || (u32)*nr >= NR_PIRQS)
		return -XEN_ENOSPC;
	p = &d->pirqs->p[array_index((u32)*nr, NR_PIRQS)];
	if (p->kind != PIRQ_FREE && p->kind != PIRQ_RESERVED)
		return -XEN_EEXIST;
	m = describe_msi(op, &rc);
	if (!m)
		return rc;
	table = m->is_msix ? m->table : 0;
	if (message_in_use(d, m)) {
		xfree(m);
		return -XEN_EEXIST;
	}
	irq = irq_alloc_msi(m);
	if (irq < 0) {
		if (m->is_msix && m->entry_va)
			iounmap((void *)m->entry_va, 16);
		xfree(m);
		return irq;
	}
	p->kind = PIRQ_MSI;
	p->irq = (u32)irq;
	if (table)
		protect_msix_table(table, true);
	return 0;
}

/* A domain maps lines for itself only: no devices are passed on. */
static int for_caller(domid_t domid)
{
	struct domain *d;

	if (domid == DOMID_SELF || domid == current->domain->id)
		return 0;
	d = domain_get_for_caller(domid);
	if (!d)
		return -XEN_ESRCH;
	put_domain(d);
	return -XEN_EPERM;
}

static long op_map_pirq(struct domain *d, u64 arg)
{
	struct physdev_map_pirq op;
	int nr, rc;

	if (!guest_read(&op, arg))
		return -XEN_EFAULT;
	rc = for_caller(op.domid);
	if (rc)
		return rc;
	nr = op.pirq;
	spin_lock(&d->pirqs->lock);
	switch (op.type) {
	case MAP_PIRQ_TYPE_GSI:
		rc = map_gsi(d, op.index, &nr);
		break;
	case MAP_PIRQ_TYPE_MULTI_MSI:
		if (op.entry_nr != 1) {
			/* Several messages of plain MSI want one aligned block of vectors on one
			 * CPU, which there is not; the driver tries again with one. */
			rc = op.entry_nr <= 0 || op.entry_nr > 32 ? -XEN_EDOM : -XEN_ENOSPC;
			break;
		}
		op.entry_nr = 0;
		rc = op.table_base ? -XEN_EDOM : map_msi(d, &op, &nr);
		op.entry_nr = 1;
		break;
	case MAP_PIRQ_TYPE_MSI:
	case MAP_PIRQ_TYPE_MSI_SEG:
		rc = map_msi(d, &op, &nr);
		break;
	default:
		rc = -XEN_EINVAL;
	}
	spin_unlock(&d->pirqs->lock);
	if (rc)
		return rc;
	op.pirq = nr;
	return guest_write(arg, &op) ? 0 : -XEN_EFAULT;
}

static long op_unmap_pirq(struct domain *d, u64 arg)
{
	struct physdev_unmap_pirq op;
	struct pirq *p;
	int rc;

	if (!guest_read(&op, arg))
		return -XEN_EFAULT;
	rc = for_caller(op.domid);
	if (rc)
		return rc;
	spin_lock(&d->pirqs->lock);
	p = pirq_mapped(d, (u32)op.pirq);
	if (p)
		unmap_locked(p);
	spin_unlock(&d->pirqs->lock);
	return p ? 0 : -XEN_EINVAL;
}

static long op_get_free_pirq(struct domain *d, u64 arg)
{
	struct physdev_get_free_pirq op;

	if (!guest_read(&op, arg))
		return -XEN_EFAULT;
	spin_lock(&d->pirqs->lock);
	op.pirq = find_free(d, op.type == MAP_PIRQ_TYPE_MSI);
	if (op.pirq)
		d->pirqs->p[op.pirq].kind = PIRQ_RESERVED;
	spin_unlock(&d->pirqs->lock);
	if (!op.pirq)
		return -XEN_ENOSPC;
	return guest_write(arg, &op) ? 0 : -XEN_EFAULT;
}

/* ---- lines ---- */

static long op_eoi(struct domain *d, u64 arg)
{
	struct physdev_eoi op;
	struct pirq *p;

	if (!guest_read(&op, arg))
		return -XEN_EFAULT;
	if (!d->pirqs)
		return -XEN_EINVAL;
	spin_lock(&d->pirqs->lock);
	p = pirq_mapped(d, op.irq);
	if (p)
		pirq_eoi(p);
	spin_unlock(&d->pirqs->lock);
	return op.irq < NR_PIRQS ? 0 : -XEN_EINVAL;
}

/* Old way to say EOI for everything. */
static long op_unmask_all(struct domain *d)
{
	if (!d->pirqs)
		return 0;
	spin_lock(&d->pirqs->lock);
	for (u32 i = 0; i < NR_PIRQS; i++)
		if (d->pirqs->p[i].kind == PIRQ_GSI && d->pirqs->p[i].port)
			pirq_eoi(&d->pirqs->p[i]);
	spin_unlock(&d->pirqs->lock);
	return 0;
}

/* Does the guest have to say EOI? For level lines: else they stay masked after their first time. */
static long irq_status(struct domain *d, struct physdev_irq_status_query *op)
{
	struct irq_desc *desc;
	struct pirq *p;

	op->flags = 0;
	if (op->irq >= NR_PIRQS || !d->pirqs)
		return -XEN_EINVAL;
	spin_lock(&d->pirqs->lock);
	p = pirq_mapped(d, op->irq);
	desc = p ? irq_desc(p->irq) : NULL;
	if (desc && !desc->msi && desc->trigger == IRQ_LEVEL)
		op->flags = XENIRQSTAT_needs_eoi;
	spin_unlock(&d->pirqs->lock);
	return 0;
}

static long op_irq_status(struct domain *d, u64 arg)
{
	struct physdev_irq_status_query op;
	long rc;

	if (!guest_read(&op, arg))
		return -XEN_EFAULT;
	rc = irq_status(d, &op);
	return rc == 0 && !guest_write(arg, &op) ? -XEN_EFAULT : rc;
}

static long op_setup_gsi(u64 arg)
{
	struct physdev_setup_gsi op;

	if (!guest_read(&op, arg))
		return -XEN_EFAULT;
	if (op.gsi < 0 || op.triggering > 1 || op.polarity > 1)
		return -XEN_EINVAL;
	return irq_setup_gsi((u32)op.gsi, op.triggering ? IRQ_LEVEL : IRQ_EDGE, op.polarity);
}

/* The hypervisor chooses vectors itself; dom0 only wants to hear a number. */
static long alloc_vector(struct physdev_irq *op)
{
	struct irq_desc *desc = irq_desc(op->irq);

	if (!desc)
		return -XEN_EINVAL;
	op->vector = desc->vector ? desc->vector : op->irq & 0xff;
	return 0;
}

static long op_alloc_vector(u64 arg)
{
	struct physdev_irq op;
	long rc;

	if (!guest_read(&op, arg))
		return -XEN_EFAULT;
	rc = alloc_vector(&op);
	return rc == 0 && !guest_write(arg, &op) ? -XEN_EFAULT : rc;
}

/* ---- privileges ---- */

static long set_iopl(const struct physdev_set_iopl *op)
{
	if (op->iopl > 3)
		return -XEN_EINVAL;
	current->pv->iopl = op->iopl << 12;
	return 0;
}

static long set_iobitmap(const struct physdev_set_iobitmap *op)
{
	u64 va = (u64)op->bitmap.p;

	if (op->nr_ports > 65536 || (va && !guest_range_ok(va, (op->nr_ports + 7) / 8)))
		return -XEN_EINVAL;
	current->pv->iobitmap = va;
	current->pv->iobitmap_ports = op->nr_ports;
	return 0;
}

static long op_set_iopl(u64 arg)
{
	struct physdev_set_iopl op;

	return guest_read(&op, arg) ? set_iopl(&op) : -XEN_EFAULT;
}

static long op_set_iobitmap(u64 arg)
{
	struct physdev_set_iobitmap op;

	return guest_read(&op, arg) ? set_iobitmap(&op) : -XEN_EFAULT;
}

/* ---- IO-APIC registers ---- */

static long apic_access(struct physdev_apic *op, bool write)
{
	u32 val;

	if (!ioapic_read(op->apic_physbase, op->reg, &val))
		return -XEN_EINVAL;
	if (!write)
		op->value = val;
	/* Writes are dropped: routing is the hypervisor's, by setup_gsi and map_pirq. */
	return 0;
}

static long op_apic(u64 arg, bool write)
{
	struct physdev_apic op;
	long rc;

	if (!guest_read(&op, arg))
		return -XEN_EFAULT;
	rc = apic_access(&op, write);
	return rc == 0 && !write && !guest_write(arg, &op) ? -XEN_EFAULT : rc;
}

/* ---- PCI devices ---- */

/* What was lost while the device slept: addresses, data and mask of its messages. */
static void restore_messages(struct domain *d, u16 seg, u16 bdf)
{
	spin_lock(&d->pirqs->lock);
	for (u32 i = 0; i < NR_PIRQS; i++) {
		struct pirq *p = &d->pirqs->p[i];
		struct irq_desc *desc = irq_desc(p->irq);
		u64 flags;

		if (p->kind != PIRQ_MSI)
			continue;
		flags = spin_lock_irqsave(&desc->lock);
		if (desc->msi && desc->msi->seg == seg && desc->msi->bdf == bdf)
			msi_write(desc->msi, desc->vector, cpu_apic_id(desc->cpu), desc->masked);
		spin_unlock_irqrestore(&desc->lock, flags);
	}
	spin_unlock(&d->pirqs->lock);
}

static long op_restore_msi(struct domain *d, u64 arg, bool ext)
{
	struct physdev_restore_msi old;
	struct physdev_pci_device dev;

	if (ext) {
		if (!guest_read(&dev, arg))
			return -XEN_EFAULT;
	} else {
		if (!guest_read(&old, arg))
			return -XEN_EFAULT;
		dev = (struct physdev_pci_device){.bus = old.bus, .devfn = old.devfn};
	}
	restore_messages(d, dev.seg, (u16)(dev.bus << 8 | dev.devfn));
	return 0;
}

static bool device_exists(u16 seg, u8 bus, u8 devfn)
{
	return pci_read(seg, (u16)(bus << 8 | devfn), 0, 4) != ~0U;
}

/* Devices are dom0's whatever it reports: adding one checks that it is there. */
static long op_device_add(u64 arg)
{
	struct physdev_pci_device_add op;

	if (copy_from_guest_va(&op, arg, offsetof(struct physdev_pci_device_add, optarr)))
		return -XEN_EFAULT;
	if (op.flags & ~(u32)(XEN_PCI_DEV_EXTFN | XEN_PCI_DEV_VIRTFN | XEN_PCI_DEV_PXM))
		return -XEN_EINVAL;
	/* A virtual function may not answer reads of its vendor. */
	if (!(op.flags & XEN_PCI_DEV_VIRTFN) && !device_exists(op.seg, op.bus, op.devfn))
		return -XEN_ENODEV;
	return 0;
}

static long op_device_remove(u64 arg)
{
	struct physdev_pci_device op;

	return guest_read(&op, arg) ? 0 : -XEN_EFAULT;
}

static long op_manage_pci(u64 arg, bool ext)
{
	struct physdev_manage_pci op;
	struct physdev_manage_pci_ext op_ext;

	if (ext)
		return guest_read(&op_ext, arg) ? 0 : -XEN_EFAULT;
	return guest_read(&op, arg) ? 0 : -XEN_EFAULT;
}

static long op_mmcfg_reserved(u64 arg)
{
	struct physdev_pci_mmcfg_reserved op;

	if (!guest_read(&op, arg))
		return -XEN_EFAULT;
	return op.flags & ~(u32)XEN_PCI_MMCFG_RESERVED || op.start_bus > op.end_bus ?
	               -XEN_EINVAL : 0;
}

/* Around a device's being handed to a guest: the capability must be there. */
static long op_prepare_msix(u64 arg)
{
	struct physdev_pci_device op;

	if (!guest_read(&op, arg))
		return -XEN_EFAULT;
	return pci_find_cap(op.seg, (u16)(op.bus << 8 | op.devfn), PCI_CAP_MSIX) ? 0 :
	                                                                          -XEN_ENODEV;
}

/* ---- dispatch ---- */

static long dom0_op(struct domain *d, u32 cmd, u64 arg)
{
	switch (cmd) {
	case PHYSDEVOP_map_pirq:
		return op_map_pirq(d, arg);
	case PHYSDEVOP_unmap_pirq:
		return op_unmap_pirq(d, arg);
	case PHYSDEVOP_get_free_pirq:
		return op_get_free_pirq(d, arg);
	case PHYSDEVOP_setup_gsi:
		return op_setup_gsi(arg);
	case PHYSDEVOP_alloc_irq_vector:
		return op_alloc_vector(arg);
	case PHYSDEVOP_free_irq_vector:
		return 0;
	case PHYSDEVOP_apic_read:
		return op_apic(arg, false);
	case PHYSDEVOP_apic_write:
		return op_apic(arg, true);
	case PHYSDEVOP_restore_msi:
		return op_restore_msi(d, arg, false);
	case PHYSDEVOP_restore_msi_ext:
		return op_restore_msi(d, arg, true);
	case PHYSDEVOP_manage_pci_add:
	case PHYSDEVOP_manage_pci_remove:
		return op_manage_pci(arg, false);
	case PHYSDEVOP_manage_pci_add_ext:
		return op_manage_pci(arg, true);
	case PHYSDEVOP_pci_device_add:
		return op_device_add(arg);
	case PHYSDEVOP_pci_device_remove:
		return op_device_remove(arg);
	case PHYSDEVOP_pci_mmcfg_reserved:
		return op_mmcfg_reserved(arg);
	case PHYSDEVOP_prepare_msix:
	case PHYSDEVOP_release_msix:
		return op_prepare_msix(arg);
	default:
		return -XEN_ENOSYS; /* pirq_eoi_gmfn_v1/v2, dbgp_op: guests do without */
	}
}

static bool dom0_only(u32 cmd)
{
	switch (cmd) {
	case PHYSDEVOP_map_pirq:
	case PHYSDEVOP_unmap_pirq:
	case PHYSDEVOP_get_free_pirq:
	case PHYSDEVOP_setup_gsi:
	case PHYSDEVOP_alloc_irq_vector:
	case PHYSDEVOP_free_irq_vector:
	case PHYSDEVOP_apic_read ... PHYSDEVOP_apic_write:
	case PHYSDEVOP_restore_msi:
	case PHYSDEVOP_restore_msi_ext:
	case PHYSDEVOP_manage_pci_add ... PHYSDEVOP_manage_pci_remove:
	case PHYSDEVOP_manage_pci_add_ext:
	case PHYSDEVOP_pci_device_add:
	case PHYSDEVOP_pci_device_remove:
	case PHYSDEVOP_pci_mmcfg_reserved:
	case PHYSDEVOP_prepare_msix:
	case PHYSDEVOP_release_msix:
		return true;
	default:
		return false;
	}
}

long hc_physdev_op(const u64 a[6])
{
	struct domain *d = current->domain;
	u32 cmd = (u32)a[0];

	switch (cmd) {
	case PHYSDEVOP_eoi:
		return op_eoi(d, a[1]);
	case PHYSDEVOP_IRQ_UNMASK_NOTIFY:
		return op_unmask_all(d);
	case PHYSDEVOP_irq_status_query:
		return op_irq_status(d, a[1]);
	case PHYSDEVOP_set_iopl:
		return current->pv ? op_set_iopl(a[1]) : -XEN_ENOSYS;
	case PHYSDEVOP_set_iobitmap:
		return current->pv ? op_set_iobitmap(a[1]) : -XEN_ENOSYS;
	default:
		if (!dom0_only(cmd))
			return -XEN_ENOSYS;
		return d->is_control ? dom0_op(d, cmd, a[1]) : -XEN_EPERM;
	}
}

/* The first ABI: one structure with the command inside. */
static long compat_op(struct domain *d, struct physdev_op *op)
{
	switch (op->cmd) {
	case PHYSDEVOP_IRQ_UNMASK_NOTIFY:
		return op_unmask_all(d);
	case PHYSDEVOP_irq_status_query:
		return irq_status(d, &op->u.irq_status_query);
	case PHYSDEVOP_set_iopl:
		return current->pv ? set_iopl(&op->u.set_iopl) : -XEN_ENOSYS;
	case PHYSDEVOP_set_iobitmap:
		return current->pv ? set_iobitmap(&op->u.set_iobitmap) : -XEN_ENOSYS;
	case PHYSDEVOP_apic_read:
	case PHYSDEVOP_apic_write:
		return d->is_control ? apic_access(&op->u.apic_op, op->cmd == PHYSDEVOP_apic_write) :
		                       -XEN_EPERM;
	case PHYSDEVOP_alloc_irq_vector:
		return d->is_control ? alloc_vector(&op->u.irq_op) : -XEN_EPERM;
	default:
		return -XEN_ENOSYS;
	}
}

long hc_physdev_op_compat(const u64 a[6])
{
	struct physdev_op op;
	long rc;

	if (!guest_read(&op, a[0]))
		return -XEN_EFAULT;
	rc = compat_op(current->domain, &op);
	return rc == 0 && !guest_write(a[0], &op) ? -XEN_EFAULT : rc;
}
