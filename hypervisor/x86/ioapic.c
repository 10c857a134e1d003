/* SPDX-License-Identifier: GPL-3.0-or-later */
/* I/O APICs. Source: the 82093AA data sheet. */
#include "x86/ioapic.h"
#include "core/log.h"
#include "x86/boot.h"
#include "x86/smp.h"
#include "x86/x86.h"

#define REG_VERSION 1
#define REG_RTE     0x10

#define RTE_ACTIVE_LOW BIT(13)
#define RTE_IN_SERVICE BIT(14) /* remote IRR */
#define RTE_LEVEL      BIT(15)
#define RTE_MASKED     BIT(16)

struct ioapic {
	maddr_t address;
	volatile u32 *mmio;
	u32 gsi_base, lines;
	u64 rte[256]; /* what we last wrote; lock: ioapic_lock */
};

static struct ioapic ioapics[ACPI_MAX_IOAPICS];
static u32 nr_ioapics, gsi_count;
static spinlock_t ioapic_lock = SPINLOCK(LOCK_IOAPIC, "ioapic");

static u32 reg_read(const struct ioapic *a, u32 reg)
{
	a->mmio[0] = reg;
	return a->mmio[4];
}

static void reg_write(const struct ioapic *a, u32 reg, u32 v)
{
	a->mmio[0] = reg;
	a->mmio[4] = v;
}

static struct ioapic *find(u32 gsi)
{
	for (u32 i = 0; i < nr_ioapics; i++)
		if (gsi >= ioapics[i].gsi_base && gsi - ioapics[i].gsi_base < ioapics[i].lines)
			return &ioapics[i];
	return NULL;
}

bool ioapic_has_gsi(u32 gsi)
{
	return find(gsi) != NULL;
}

u32 irq_gsi_count(void)
{
	return gsi_count;
}

bool ioapic_owns(maddr_t a)
{
	for (u32 i = 0; i < nr_ioapics; i++)
		if (a >> PAGE_SHIFT == ioapics[i].address >> PAGE_SHIFT)
			return true;
	return false;
}

/* A register as dom0 may read it: of the I/O APIC at @address. False: there is none, or no such register. */
bool ioapic_read(maddr_t address, u32 reg, u32 *val)
{
	for (u32 i = 0; i < nr_ioapics; i++) {
		u64 flags;

		if (ioapics[i].address != address)
			continue;
		if (reg >= REG_RTE + 2 * ioapics[i].lines)
			return false;
		flags = spin_lock_irqsave(&ioapic_lock);
		*val = reg_read(&ioapics[i], reg);
		spin_unlock_irqrestore(&ioapic_lock, flags);
		return true;
	}
	return false;
}

/* The high half (destination) first while masked, the low half, which may unmask, last. */
static void write_rte(struct ioapic *a, u32 line, u64 rte)
{
	a->rte[line] = rte;
	reg_write(a, REG_RTE + 2 * line, (u32)(rte | RTE_MASKED));
	reg_write(a, REG_RTE + 2 * line + 1, (u32)(rte >> 32));
	if (!(rte & RTE_MASKED))
		reg_write(a, REG_RTE + 2 * line, (u32)rte);
}

void ioapic_route(u32 gsi, u8 vector, u32 apic_id, bool level, bool active_low, bool masked)
{
	struct ioapic *a = find(gsi);
	u64 rte = vector | (u64)(apic_id & 0xff) << 56;
	u64 flags;

	if (!a)
		return;
	rte |= level ? RTE_LEVEL : 0;
	rte |= active_low ? RTE_ACTIVE_LOW : 0;
	rte |= masked ? RTE_MASKED : 0;
	flags = spin_lock_irqsave(&ioapic_lock);
	write_rte(a, gsi - a->gsi_base, rte);
	spin_unlock_irqrestore(&ioapic_lock, flags);
}

void ioapic_mask(u32 gsi, bool masked)
{
	struct ioapic *a = find(gsi);
	u32 line;
	u64 flags;

	if (!a)
		return;
	line = gsi - a->gsi_base;
	flags = spin_lock_irqsave(&ioapic_lock);
	a->rte[line] = masked ? a->rte[line] | RTE_MASKED : a->rte[line] & ~RTE_MASKED;
	reg_write(a, REG_RTE + 2 * line, (u32)a->rte[line]);
	spin_unlock_irqrestore(&ioapic_lock, flags);
}

bool ioapic_in_service(u32 gsi)
{
	struct ioapic *a = find(gsi);
	u64 flags;
	u32 low;

	if (!a)
		return false;
	flags = spin_lock_irqsave(&ioapic_lock);
	low = reg_read(a, REG_RTE + 2 * (gsi - a->gsi_base));
	spin_unlock_irqrestore(&ioapic_lock, flags);
	return low & RTE_IN_SERVICE;
}

void ioapic_init(void)
{
	for (u32 i = 0; i < acpi_madt.nr_ioapics; i++) {
		struct ioapic *a = &ioapics[nr_ioapics];

		a->address = acpi_madt.ioapics[i].address;
		a->gsi_base = acpi_madt.ioapics[i].gsi_base;
		a->mmio = ioremap(a->address, 0x20, MAP_UC);
		if (!a->mmio)
			panic("cannot map I/O APIC %u", i);
		a->lines = (reg_read(a, REG_VERSION) >> 16 & 0xff) + 1;
		if (a->lines > 240 || a->gsi_base > 4096) {
			log_warn("I/O APIC at %#llx makes no sense\n",
			         (unsigned long long)a->address);
			continue;
		}
		for (u32 line = 0; line < a->lines; line++)
			write_rte(a, line, RTE_MASKED);
		gsi_count = MAX(gsi_count, a->gsi_base + a->lines);
		log_info("I/O APIC at %#llx: GSI %u to %u\n", (unsigned long long)a->address,
		         a->gsi_base, a->gsi_base + a->lines - 1);
		nr_ioapics++;
	}
}

int ioapic_setup_isa_irq(u32 isa_irq)
{
	u32 gsi = isa_irq;
	bool level = false, low = false;
	int err;

	for (u32 i = 0; i < acpi_madt.nr_overrides; i++) {
		if (acpi_madt.overrides[i].isa_irq != isa_irq)
			continue;
		gsi = acpi_madt.overrides[i].gsi;
		level = acpi_madt.overrides[i].level;
		low = acpi_madt.overrides[i].active_low;
	}
	err = irq_setup_gsi(gsi, level ? IRQ_LEVEL : IRQ_EDGE, low);
	return err && err != -XEN_EEXIST ? err : (int)gsi;
}
