/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "x86/pci.h"
#include "core/heap.h"
#include "core/log.h"
#include "x86/boot.h"
#include "x86/x86.h"

#define CF8_ENABLE 0x80000000u

spinlock_t pci_lock = SPINLOCK(LOCK_PCI, "pci");

static u32 all_ones(u32 len)
{
	return len == 4 ? ~0u : (1u << 8 * len) - 1;
}

static bool reg_ok(u32 reg, u32 len)
{
	return (len == 1 || len == 2 || len == 4) && !(reg & (len - 1)) && reg + len <= 4096;
}

/* ---- MMCFG, for what CF8/CFC cannot reach: registers from 256, segments other than 0 ---- */

/* A window of the device's 4 KiB page; mapped for each access, which is rare. NULL = not covered. */
static volatile u8 *mmcfg_map(u16 seg, u16 bdf)
{
	for (u32 i = 0; i < acpi_mcfg.n; i++) {
		u8 bus = (u8)(bdf >> 8);

		if (acpi_mcfg.e[i].segment == seg && bus >= acpi_mcfg.e[i].start_bus &&
		    bus <= acpi_mcfg.e[i].end_bus)
			return ioremap(acpi_mcfg.e[i].address + ((u64)bdf << 12), PAGE_SIZE, MAP_UC);
	}
	return NULL;
}

static u32 mmcfg_read(u16 seg, u16 bdf, u32 reg, u32 len)
{
	volatile u8 *p = mmcfg_map(seg, bdf);
	u32 v = all_ones(len);

	if (!p)
		return v;
	if (len == 1)
		v = p[reg];
	else if (len == 2)
		v = *(volatile u16 *)(p + reg);
	else
		v = *(volatile u32 *)(p + reg);
	iounmap((void *)p, PAGE_SIZE);
	return v;
}

static void mmcfg_write(u16 seg, u16 bdf, u32 reg, u32 len, u32 val)
{
	volatile u8 *p = mmcfg_map(seg, bdf);

	if (!p)
		return;
	if (len == 1)
		p[reg] = (u8)val;
	else if (len == 2)
		*(volatile u16 *)(p + reg) = (u16)val;
	else
		*(volatile u32 *)(p + reg) = val;
	iounmap((void *)p, PAGE_SIZE);
}

/* ---- */

u32 pci_read(u16 seg, u16 bdf, u32 reg, u32 len)
{
	u16 port = (u16)(0xcfc + (reg & 3));
	u64 flags;
	u32 v;

	if (!reg_ok(reg, len))
		return ~0u;
	if (seg || reg >= 256)
		return mmcfg_read(seg, bdf, reg, len);
	flags = spin_lock_irqsave(&pci_lock);
	outl(0xcf8, CF8_ENABLE | (u32)bdf << 8 | (reg & 0xfc));
	v = len == 1 ? inb(port) : len == 2 ? inw(port) : inl(port);
	spin_unlock_irqrestore(&pci_lock, flags);
	return v;
}

void pci_write(u16 seg, u16 bdf, u32 reg, u32 len, u32 val)
{
	u16 port = (u16)(0xcfc + (reg & 3));
	u64 flags;

	if (!reg_ok(reg, len))
		return;
	if (seg || reg >= 256) {
		mmcfg_write(seg, bdf, reg, len, val);
		return;
	}
	flags = spin_lock_irqsave(&pci_lock);
	outl(0xcf8, CF8_ENABLE | (u32)bdf << 8 | (reg & 0xfc));
	if (len == 1)
		outb(port, (u8)val);
	else if (len == 2)
		outw(port, (u16)val);
	else
		outl(port, val);
	spin_unlock_irqrestore(&pci_lock, flags);
}

u32 pci_find_cap(u16 seg, u16 bdf, u8 id)
{
	u32 at;

	if (pci_read(seg, bdf, 0, 2) == 0xffff || !(pci_read(seg, bdf, 6, 2) & 0x10))
		return 0;
	at = pci_read(seg, bdf, 0x34, 1) & 0xfc;
	for (u32 i = 0; at >= 0x40 && i < 48; i++) { /* a device may say anything: no endless chain */
		if (pci_read(seg, bdf, at, 1) == id)
			return at;
		at = pci_read(seg, bdf, at + 1, 1) & 0xfc;
	}
	return 0;
}
