/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The local APIC, as xAPIC (memory) or x2APIC (MSRs), and its timer. Source: Intel SDM volume 3,
 * chapter 11. */
#include "core/log.h"
#include "core/softirq.h"
#include "x86/boot.h"
#include "x86/smp.h"
#include "x86/x86.h"

#define APIC_ID      0x20
#define APIC_VERSION 0x30
#define APIC_TPR     0x80
#define APIC_EOI     0xb0
#define APIC_LDR     0xd0
#define APIC_SVR     0xf0
#define APIC_ESR     0x280
#define APIC_ICR     0x300
#define APIC_ICR_HI  0x310
#define APIC_LVT_TIMER   0x320
#define APIC_LVT_THERMAL 0x330
#define APIC_LVT_PMC     0x340
#define APIC_LVT_LINT0   0x350
#define APIC_LVT_LINT1   0x360
#define APIC_LVT_ERROR   0x370
#define APIC_TMICT   0x380
#define APIC_TMCCT   0x390
#define APIC_TDCR    0x3e0

#define LVT_MASKED       0x10000
#define LVT_NMI          0x400
#define LVT_TSC_DEADLINE 0x40000
#define SVR_ENABLE       0x100
#define ICR_BUSY         0x1000

#define APIC_BASE_ENABLE BIT(11)
#define APIC_BASE_X2     BIT(10)

static volatile u32 *mmio; /* xAPIC only */
static bool x2;
static u64 timer_hz; /* of the count-down timer */

static u32 apic_read(u32 reg)
{
	return x2 ? (u32)rdmsr(MSR_X2APIC + reg / 16) : mmio[reg / 4];
}

static void apic_write(u32 reg, u32 v)
{
	if (x2)
		wrmsr(MSR_X2APIC + reg / 16, v);
	else
		mmio[reg / 4] = v;
}

/* WRMSR to these registers does not wait for earlier stores, and locked instructions do not order it
 * (SDM 11.12.3, 11.5.4.1). */
static void order_before_wrmsr(void)
{
	__asm__ volatile("mfence; lfence" ::: "memory");
}

void apic_eoi(void)
{
	apic_write(APIC_EOI, 0);
}

u32 apic_id_this(void)
{
	u32 id = apic_read(APIC_ID);

	return x2 ? id : id >> 24;
}

static void wait_icr(void)
{
	while (apic_read(APIC_ICR) & ICR_BUSY)
		cpu_relax();
}

void apic_send_ipi(u32 apic_id, u32 icr_low)
{
	u64 flags;

	if (x2) {
		order_before_wrmsr();
		wrmsr(MSR_X2APIC + APIC_ICR / 16, (u64)apic_id << 32 | icr_low);
		return;
	}
	flags = local_irq_save();
	wait_icr();
	apic_write(APIC_ICR_HI, apic_id << 24);
	apic_write(APIC_ICR, icr_low);
	local_irq_restore(flags);
}

bool apic_owns(maddr_t a)
{
	return a >= 0xfee00000 && a < 0xfef00000;
}

static void program_lint(void)
{
	u32 acpi_id = cpu_acpi_id(smp_cpu_id());

	apic_write(APIC_LVT_LINT0, LVT_MASKED);
	apic_write(APIC_LVT_LINT1, LVT_MASKED);
	for (u32 i = 0; i < acpi_madt.nr_nmis; i++) {
		const struct acpi_nmi *n = &acpi_madt.nmis[i];

		if (n->acpi_id == ~0u || n->acpi_id == acpi_id)
			apic_write(n->lint ? APIC_LVT_LINT1 : APIC_LVT_LINT0, LVT_NMI);
	}
}

void apic_init_this(void)
{
	u64 base = rdmsr(MSR_APIC_BASE);

	wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE);
	if (x2)
		wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE | APIC_BASE_X2);
	apic_write(APIC_TPR, 0);
	apic_write(APIC_LVT_TIMER, LVT_MASKED);
	if ((apic_read(APIC_VERSION) >> 16 & 0xff) >= 4)
		apic_write(APIC_LVT_PMC, LVT_MASKED);
	program_lint();
	apic_write(APIC_SVR, SVR_ENABLE | VECTOR_SPURIOUS);
	apic_write(APIC_LVT_ERROR, VECTOR_ERROR);
	apic_write(APIC_ESR, 0);
	apic_write(APIC_TDCR, 0xb); /* divide by 1 */
	if (cpu_features.tsc_deadline)
		apic_write(APIC_LVT_TIMER, VECTOR_TIMER | LVT_TSC_DEADLINE);
	else
		apic_write(APIC_LVT_TIMER, VECTOR_TIMER);
	order_before_wrmsr(); /* the timer's mode is set before a deadline is written */
}

/* The two PICs stay, with every line masked and vectors of their own: what comes is spurious. */
static void mask_pics(void)
{
	outb(0x20, 0x11);
	outb(0xa0, 0x11);
	outb(0x21, VECTOR_LEGACY);
	outb(0xa1, VECTOR_LEGACY + 8);
	outb(0x21, 4);
	outb(0xa1, 2);
	outb(0x21, 1);
	outb(0xa1, 1);
	outb(0x21, 0xff);
	outb(0xa1, 0xff);
}

void apic_init(void)
{
	u64 base = rdmsr(MSR_APIC_BASE);

	mask_pics();
	x2 = cpu_features.x2apic;
	if (!x2) {
		if (base & APIC_BASE_X2)
			panic("the firmware left the APIC in x2APIC mode, which CPUID does not show");
		mmio = ioremap(base & 0x000ffffffffff000ULL, PAGE_SIZE, MAP_UC);
		if (!mmio)
			panic("cannot map the local APIC");
	}
	apic_init_this();
	log_info("APIC: %s, timer %s\n", x2 ? "x2APIC" : "xAPIC",
	         cpu_features.tsc_deadline ? "by TSC deadline" : "one-shot");
}

/* ---- timer ---- */

void apic_timer_calibrate(void)
{
	u64 start, end, hz = tsc_hz();
	u32 left;

	if (cpu_features.tsc_deadline)
		return;
	apic_write(APIC_LVT_TIMER, LVT_MASKED);
	start = rdtsc();
	apic_write(APIC_TMICT, ~0u);
	while (rdtsc() - start < hz / 100)
		cpu_relax();
	left = apic_read(APIC_TMCCT);
	end = rdtsc();
	apic_write(APIC_TMICT, 0);
	apic_write(APIC_LVT_TIMER, VECTOR_TIMER);
	timer_hz = (u64)(~0u - left) * (hz / 1000) / (end - start) * 1000; /* fits: 2^32 * 2^24 */
	if (!timer_hz)
		panic("the APIC timer does not run");
	log_info("APIC timer: %llu kHz\n", (unsigned long long)(timer_hz / 1000));
}

void apic_timer_set(ns_t deadline)
{
	ns_t left;
	u64 ticks;

	if (cpu_features.tsc_deadline) {
		wrmsr(MSR_TSC_DEADLINE, deadline ? ns_to_tsc_deadline(deadline) : 0);
		return;
	}
	if (!deadline) {
		apic_write(APIC_TMICT, 0);
		return;
	}
	left = deadline - system_time();
	if (left < 0)
		left = 0;
	/* Later ones are reached in steps: an early interrupt only looks at the heap again. */
	left = MIN(left, 1000000000LL);
	ticks = (u64)left * (timer_hz >> 10) / (1000000000ULL >> 10) + 1;
	apic_write(APIC_TMICT, (u32)MIN(ticks, 0xffffffffULL));
}
