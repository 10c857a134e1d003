/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside x86/: I/O APIC lines and MSI registers, for irq.c. */
#pragma once
#include "core/irq.h"

bool ioapic_has_gsi(u32 gsi);
/* Writes a line's entry whole. */
void ioapic_route(u32 gsi, u8 vector, u32 apic_id, bool level, bool active_low, bool masked);
void ioapic_mask(u32 gsi, bool masked);

/* x86/msi.c */
int msi_prepare(struct msi_desc *m);   /* maps the entry; 0 or -errno */
void msi_finish(struct msi_desc *m);   /* unmaps it and frees @m */
void msi_write(struct msi_desc *m, u8 vector, u32 apic_id);
void msi_mask(struct msi_desc *m, bool masked);
