/* SPDX-License-Identifier: GPL-3.0-or-later */
/* I/O APIC lines and MSI registers, for irq.c; pv/ reads registers. */
#pragma once
#include "core/irq.h"

bool ioapic_has_gsi(u32 gsi);
/* Writes a line's entry whole. */
void ioapic_route(u32 gsi, u8 vector, u32 apic_id, bool level, bool active_low, bool masked);
void ioapic_mask(u32 gsi, bool masked);
/* Does a level line wait for an EOI? */
bool ioapic_in_service(u32 gsi);
bool ioapic_read(maddr_t address, u32 reg, u32 *val);

/* x86/msi.c */
int msi_prepare(struct msi_desc *m);   /* maps the entry; 0 or -errno */
void msi_finish(struct msi_desc *m);   /* unmaps it and frees @m */
/* Where it goes; masked while half is written if it has a mask bit, afterwards as @masked says. */
void msi_write(struct msi_desc *m, u8 vector, u32 apic_id, bool masked);
void msi_mask(struct msi_desc *m, bool masked);
