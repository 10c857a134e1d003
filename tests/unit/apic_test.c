/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The local APIC's code on a model of the registers, as x2APIC (which the emulator that the other tests
 * run in does not have) and as xAPIC. The model refuses what a CPU answers with #GP (Intel SDM volume 3,
 * 11.12.1): a mode that is not reached from the present one, registers that x2APIC lacks, bits that are
 * reserved. Both modes must end with the same settings, and interrupts go to the CPU that was named, beyond
 * the eight bits of xAPIC's ids too.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define rdmsr real_rdmsr
#define wrmsr real_wrmsr
#define outb  real_outb
#define rdtsc real_rdtsc
#include "x86/x86.h"
#undef rdmsr
#undef wrmsr
#undef outb
#undef rdtsc
#include "run_suite.h"

static u64 rdmsr(u32 msr);
static void wrmsr(u32 msr, u64 v);
static void outb(u16 port, u8 v);
static u64 rdtsc(void);

#include "x86/apic.c"

#define BASE_ADDRESS 0xfee00000ULL

/* ---- the model ---- */

static union {
	u32 word[PAGE_SIZE / 4];
	u8 bytes[PAGE_SIZE];
} xapic;
static u64 base_msr, x2_reg[64], icr, deadline_msr, tsc;
static u32 icr_writes;

struct cpu_features cpu_features;
struct acpi_madt acpi_madt;
_Thread_local struct real_cpu_info fake_cpu;
u8 fake_memory[FAKE_PAGES][PAGE_SIZE];

static void write_base(u64 v)
{
	bool was_on = base_msr & APIC_BASE_ENABLE, was_x2 = base_msr & APIC_BASE_X2;
	bool on = v & APIC_BASE_ENABLE, to_x2 = v & APIC_BASE_X2;

	ck_assert_msg(on || !to_x2, "x2APIC without the enable bit");
	ck_assert_msg(!to_x2 || was_on, "x2APIC straight from off");
	ck_assert_msg(!was_x2 || to_x2 || !on, "from x2APIC back to xAPIC");
	ck_assert_msg(!to_x2 || cpu_features.x2apic, "x2APIC on a CPU without it");
	base_msr = v;
}

static bool x2_has(u32 reg)
{
	return reg != 0x0e && reg != 0x31 && reg < 0x40; /* DFR and the ICR's high half are gone */
}

static void write_x2(u32 reg, u64 v)
{
	ck_assert_msg((base_msr & APIC_BASE_X2) && x2_has(reg), "no register %#x", reg);
	ck_assert_msg(reg != 0x02 && reg != 0x03 && reg != 0x0d && reg != 0x39, "%#x is read-only", reg);
	if (reg == APIC_ICR / 16) {
		ck_assert_msg(!(v & 0xfff33000), "reserved bits of the ICR: %#llx", (unsigned long long)v);
		icr = v;
		icr_writes++;
		return;
	}
	ck_assert_msg(!(v >> 32), "bits 63:32 of register %#x", reg);
	if (reg == APIC_EOI / 16 || reg == APIC_ESR / 16)
		ck_assert_msg(!v, "register %#x takes only 0", reg);
	x2_reg[reg] = v;
}

static u64 rdmsr(u32 msr)
{
	if (msr == MSR_APIC_BASE)
		return base_msr;
	ck_assert_msg(msr >= MSR_X2APIC && (base_msr & APIC_BASE_X2) && x2_has(msr - MSR_X2APIC) &&
	                      msr != MSR_X2APIC + 0x0b,
	              "RDMSR %#x", msr);
	return x2_reg[msr - MSR_X2APIC];
}

static void wrmsr(u32 msr, u64 v)
{
	if (msr == MSR_APIC_BASE)
		write_base(v);
	else if (msr == MSR_TSC_DEADLINE)
		deadline_msr = v;
	else
		write_x2(msr - MSR_X2APIC, v);
}

static void outb(u16 port, u8 v)
{
	(void)port;
	(void)v;
}

static u64 rdtsc(void)
{
	return tsc += 1000;
}

void *ioremap(maddr_t addr, u64 size, u64 attr)
{
	(void)attr;
	ck_assert_msg(addr == BASE_ADDRESS && size == PAGE_SIZE, "maps %#llx", (unsigned long long)addr);
	return &xapic;
}

u32 cpu_acpi_id(u32 cpu)
{
	return cpu + 7;
}

ns_t system_time(void)
{
	return 5000;
}

u64 ns_to_tsc_deadline(ns_t deadline)
{
	return (u64)deadline * 3;
}

u64 tsc_hz(void)
{
	return 1000000000;
}

void log_msg(enum log_level level, const char *fmt, ...)
{
	(void)level;
	(void)fmt;
}

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	abort();
}

/* As the firmware leaves it, with LINT1 as every CPU's NMI, and LINT0 as another CPU's. */
static void power_on(bool with_x2, bool firmware_x2, u32 version)
{
	memset(&xapic, 0, sizeof(xapic));
	memset(x2_reg, 0, sizeof(x2_reg));
	cpu_features = (struct cpu_features){.x2apic = with_x2, .tsc_deadline = with_x2};
	acpi_madt = (struct acpi_madt){.nr_nmis = 2,
	                               .nmis = {{.acpi_id = ~0u, .lint = 1}, {.acpi_id = 1, .lint = 0}}};
	base_msr = BASE_ADDRESS | APIC_BASE_ENABLE | BIT(8) | (firmware_x2 ? APIC_BASE_X2 : 0);
	xapic.word[APIC_VERSION / 4] = version;
	x2_reg[APIC_VERSION / 16] = version;
	icr = deadline_msr = 0;
	icr_writes = 0;
}

static u32 setting(u32 reg)
{
	return cpu_features.x2apic ? (u32)x2_reg[reg / 16] : xapic.word[reg / 4];
}

static void must_be_set_up(u32 timer)
{
	ck_assert_uint_eq(setting(APIC_SVR), SVR_ENABLE | VECTOR_SPURIOUS);
	ck_assert_uint_eq(setting(APIC_LVT_TIMER), timer);
	ck_assert_uint_eq(setting(APIC_LVT_ERROR), VECTOR_ERROR);
	ck_assert_uint_eq(setting(APIC_LVT_LINT0), LVT_MASKED);
	ck_assert_uint_eq(setting(APIC_LVT_LINT1), LVT_NMI);
	ck_assert_uint_eq(setting(APIC_TPR), 0);
	ck_assert_uint_eq(setting(APIC_TDCR), 0xb);
}

/* ---- tests ---- */

START_TEST(x2apic_is_entered_from_whatever_the_firmware_left)
{
	power_on(true, _i, 0x60015);
	apic_init();
	ck_assert_uint_eq(base_msr, BASE_ADDRESS | APIC_BASE_ENABLE | APIC_BASE_X2 | BIT(8));
	must_be_set_up(VECTOR_TIMER | LVT_TSC_DEADLINE);
	ck_assert_uint_eq(setting(APIC_LVT_PMC), LVT_MASKED);
	x2_reg[APIC_ID / 16] = 0x12345;
	ck_assert_uint_eq(apic_id_this(), 0x12345);
	apic_eoi();
}
END_TEST

START_TEST(x2apic_sends_in_one_write_to_ids_of_32_bits)
{
	power_on(true, false, 0x60015);
	apic_init();
	apic_send_ipi(0x10203, ICR_FIXED | VECTOR_KICK);
	ck_assert_uint_eq(icr, 0x10203ULL << 32 | VECTOR_KICK);
	apic_send_ipi(300, ICR_INIT | ICR_ASSERT);
	ck_assert_uint_eq(icr, 300ULL << 32 | ICR_INIT | ICR_ASSERT);
	ck_assert_uint_eq(icr_writes, 2);
}
END_TEST

START_TEST(a_deadline_is_written_and_taken_back)
{
	power_on(true, false, 0x60015);
	apic_init();
	apic_timer_set(7000);
	ck_assert_uint_eq(deadline_msr, 21000);
	apic_timer_set(0);
	ck_assert_uint_eq(deadline_msr, 0);
}
END_TEST

START_TEST(xapic_ends_with_the_same_settings)
{
	power_on(false, false, 0x30014); /* four LVT entries: no performance counter's */
	xapic.word[APIC_LVT_PMC / 4] = 0x1234;
	apic_init();
	must_be_set_up(VECTOR_TIMER);
	ck_assert_uint_eq(setting(APIC_LVT_PMC), 0x1234);
	xapic.word[APIC_ID / 4] = 9u << 24;
	ck_assert_uint_eq(apic_id_this(), 9);
	apic_send_ipi(9, ICR_FIXED | VECTOR_KICK);
	ck_assert_uint_eq(xapic.word[APIC_ICR_HI / 4], 9u << 24);
	ck_assert_uint_eq(xapic.word[APIC_ICR / 4], VECTOR_KICK);
	ck_assert_uint_eq(icr_writes, 0);
}
END_TEST

/* A timer of 1 GHz: the counter's nanoseconds, in steps of a second at the most, and at once if late. */
START_TEST(xapic_counts_down)
{
	power_on(false, false, 0x30014);
	apic_init();
	timer_hz = 1000000000;
	apic_timer_set(5000 + 2048);
	ck_assert_uint_ge(setting(APIC_TMICT), 2048);
	ck_assert_uint_le(setting(APIC_TMICT), 2060);
	apic_timer_set(1);
	ck_assert_uint_eq(setting(APIC_TMICT), 1);
	apic_timer_set(INT64_MAX);
	ck_assert_uint_le(setting(APIC_TMICT), 1001000000);
	apic_timer_set(0);
	ck_assert_uint_eq(setting(APIC_TMICT), 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("apic");

	tcase_add_loop_test(t, x2apic_is_entered_from_whatever_the_firmware_left, 0, 2);
	tcase_add_test(t, x2apic_sends_in_one_write_to_ids_of_32_bits);
	tcase_add_test(t, a_deadline_is_written_and_taken_back);
	tcase_add_test(t, xapic_ends_with_the_same_settings);
	tcase_add_test(t, xapic_counts_down);
	return run_case("apic", t);
}
