/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Message-signalled interrupts: what the device writes, and its mask bits. dom0 owns the enable
 * bits. Source: PCI 3.0, sections 6.8.1 and 6.8.2. */
#include "core/heap.h"
#include "x86/ioapic.h"
#include "x86/pci.h"
#include "x86/x86.h"

#define MSI_FLAGS        2
#define MSI_ADDRESS      4
#define MSI_FLAGS_64     0x80
#define MSI_FLAGS_MASKS  0x100
#define MSIX_MASKED      1
#define MSIX_ENTRY_BYTES 16

int msi_prepare(struct msi_desc *m)
{
	if (!m->is_msix) {
		u32 flags = pci_read(m->seg, m->bdf, m->cap + MSI_FLAGS, 2);

		if (m->entry)
			return -XEN_EINVAL; /* several messages need aligned vectors: one only */
		m->is_64 = flags & MSI_FLAGS_64;
		m->maskable = flags & MSI_FLAGS_MASKS;
		return 0;
	}
	m->maskable = true;
	if (!m->entry_va)
		m->entry_va = ioremap(m->table, MSIX_ENTRY_BYTES, MAP_UC);
	return m->entry_va ? 0 : -XEN_ENOMEM;
}

void msi_finish(struct msi_desc *m)
{
	if (m->is_msix && m->entry_va)
		iounmap((void *)m->entry_va, MSIX_ENTRY_BYTES);
	xfree(m);
}

void msi_mask(struct msi_desc *m, bool masked)
{
	u32 reg;

	if (m->is_msix) {
		u32 v = m->entry_va[3];

		m->entry_va[3] = masked ? v | MSIX_MASKED : v & ~MSIX_MASKED;
		(void)m->entry_va[3]; /* posted: has arrived when this returns */
	} else if (m->maskable) {
		u32 v;

		reg = m->cap + (m->is_64 ? 16 : 12);
		v = pci_read(m->seg, m->bdf, reg, 4);
		pci_write(m->seg, m->bdf, reg, 4, masked ? v | 1 : v & ~1u);
	}
}

void msi_write(struct msi_desc *m, u8 vector, u32 apic_id, bool masked)
{
	u32 address = 0xfee00000 | (apic_id & 0xff) << 12;

	msi_mask(m, true);
	if (m->is_msix) {
		m->entry_va[0] = address;
		m->entry_va[1] = 0;
		m->entry_va[2] = vector;
	} else {
		pci_write(m->seg, m->bdf, m->cap + MSI_ADDRESS, 4, address);
		if (m->is_64)
			pci_write(m->seg, m->bdf, m->cap + MSI_ADDRESS + 4, 4, 0);
		pci_write(m->seg, m->bdf, m->cap + (m->is_64 ? 12 : 8), 2, vector);
	}
	msi_mask(m, masked);
}
