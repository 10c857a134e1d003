/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside x86/: the local APIC, interprocessor interrupts and fixed vectors. */
#pragma once
#include "core/machine.h"

/* Fixed vectors; the dynamic ones are between VECTOR_FIRST and VECTOR_LAST (x86/irq.c). */
#define VECTOR_LEGACY   0x20 /* 16 of the PICs, which are masked: spurious only */
#define VECTOR_FIRST    0x30
#define VECTOR_LAST     0xef
#define VECTOR_TIMER    0xf9
#define VECTOR_KICK     0xfa
#define VECTOR_FLUSH    0xfb
#define VECTOR_CALL     0xfc
#define VECTOR_ERROR    0xfe
#define VECTOR_SPURIOUS 0xff

/* x86/apic.c */
void apic_eoi(void);
void apic_send_ipi(u32 apic_id, u32 icr_low); /* waits until it is sent; interrupts either way */
u32 apic_id_this(void);
void apic_timer_set(ns_t deadline);           /* 0 = off */
void apic_timer_calibrate(void);              /* boot CPU, after the TSC is known */
bool apic_owns(maddr_t a);
#define ICR_FIXED  0x000
#define ICR_NMI    0x400
#define ICR_INIT   0x500
#define ICR_SIPI   0x600
#define ICR_ASSERT 0x4000

/* x86/smp.c */
void smp_send_ipi(const cpumask_t *mask, u8 vector);
void smp_call_interrupt(void);
void smp_stop_others(void);                   /* panic, reboot: the others halt */
bool smp_stopping(void);
void smp_ap_main(void) __noreturn;

/* x86/tlb.c */
void tlb_ask_all(void);

/* x86/time.c */
ns_t tsc_to_ns_delta(u64 ticks);
u64 ns_to_tsc_deadline(ns_t deadline);
u64 tsc_hz(void);

/* x86/irq.c */
void irq_dispatch(u8 vector);
/* x86/ioapic.c */
bool ioapic_owns(maddr_t a);
