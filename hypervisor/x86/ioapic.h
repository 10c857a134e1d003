/* SPDX-License-Identifier: GPL-3.0-or-later */
/* I/O APIC lines and MSI registers, for irq.c; pv/ reads registers. */
#pragma once
#include "core/irq.h"

bool ioapic_has_gsi(u32 gsi);
/* Writes a line's entry whole. */
void ioapic_route(u32 gsi, u8 vector, u32 apic_id, bool level, bool active_low, bool masked);
void ioapic_mask(u32 gsi, bool masked);
bool ioapic_read(maddr_t address, u32 reg, u32 *val);

/* A register of the I/O APIC at @base, for PHYSDEVOP_apic_read; ~0 if there is none. */
u32 ioapic_read_reg(maddr_t base, u32 reg);

/* x86/msi.c */
int msi_prepare(struct msi_desc *m);   /* maps the entry; 0 or -errno */
void msi_finish(struct msi_desc *m);   /* unmaps it and frees @m */
void msi_write(struct msi_desc *m, u8 vector, u32 apic_id);
void msi_mask(struct msi_desc *m, bool masked);
