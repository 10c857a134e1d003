/* SPDX-License-Identifier: GPL-3.0-or-later */
/* System time from the TSC, by a record (TSC then, time then, rate). CPUs whose TSCs agree when they
 * start share one record, so that they agree on the time to the tick. With an invariant TSC it never
 * changes. Otherwise it is compared with the platform timer every second, by the boot CPU, and its
 * rate bent, so that time neither jumps nor runs backwards. If TSCs do not agree, each CPU has and
 * bends its own. Sources: IA-PC HPET 1.0a, ACPI
 * 6.4 section 4.8.3.3 (PM timer), the 8254 data sheet. */
#include "core/init.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/timer.h"
#include "logic/clock.h"
#include "x86/boot.h"
#include "x86/smp.h"
#include "x86/x86.h"

#define NS_PER_S 1000000000ULL

struct clock_record {
	u64 tsc;
	ns_t time;
	u32 mul; /* ns = ((ticks << shift) * mul) >> 32; negative shift: right */
	s8 shift;
};

static DEFINE_PERCPU(struct clock_record, clock_record); /* written by its CPU, interrupts off */
static struct clock_record shared_record; /* written by the boot CPU; shared_seq is odd meanwhile */
static u32 shared_seq;
static bool is_shared = true; /* fixed once all CPUs run */
static DEFINE_PERCPU(struct timer, resync_timer);
static u64 hz;
static u32 base_mul;
static s8 base_shift;
static bool ready;

static u64 wall_sec; /* lock: platform_lock; at system time 0 */
static u32 wall_nsec;

/* ---- the TSC ---- */

static u64 tsc_ordered(void)
{
	__asm__ volatile("lfence" ::: "memory");
	return rdtsc();
}

u64 tsc_now(void)
{
	return rdtsc();
}

u64 tsc_hz(void)
{
	return hz;
}

u32 cpu_khz(void)
{
	return (u32)(hz / 1000);
}

static ns_t record_time(const struct clock_record *r, u64 tsc)
{
	s64 d = (s64)(tsc - r->tsc);

	return d < 0 ? r->time : r->time + clock_scale((u64)d, r->mul, r->shift);
}

/* The record in force on this CPU. */
static struct clock_record read_record(void)
{
	struct clock_record r;
	u64 flags;
	u32 seq;

	if (!is_shared) {
		flags = local_irq_save();
		r = this_cpu(clock_record);
		local_irq_restore(flags);
		return r;
	}
	do {
		seq = __atomic_load_n(&shared_seq, __ATOMIC_ACQUIRE);
		r = *(const volatile struct clock_record *)&shared_record;
		smp_rmb();
	} while (((seq & 1) || seq != READ_ONCE(shared_seq)) && !smp_stopping());
	return r;
}

/* Interrupts off; the boot CPU if the record is shared. */
static void write_record(const struct clock_record *r)
{
	if (!is_shared) {
		this_cpu(clock_record) = *r;
		return;
	}
	__atomic_store_n(&shared_seq, shared_seq + 1, __ATOMIC_SEQ_CST);
	smp_wmb();
	*(volatile struct clock_record *)&shared_record = *r;
	__atomic_store_n(&shared_seq, shared_seq + 1, __ATOMIC_SEQ_CST);
}

/* The TSC is read after the record, on the same CPU: a record is never newer than the reading. */
ns_t system_time(void)
{
	struct clock_record r;

	if (!ready)
		return 0;
	r = read_record();
	return record_time(&r, tsc_ordered());
}

u64 ns_to_tsc_deadline(ns_t deadline)
{
	ns_t left = deadline - system_time();

	return rdtsc() + (left > 0 ? mul_div((u64)left, hz, NS_PER_S) : 0) + 1;
}

void udelay(u32 us)
{
	u64 start = rdtsc(), ticks = hz ? mul_div(us, hz, 1000000) : (u64)us * 3000;

	while (rdtsc() - start < ticks)
		cpu_relax();
}

/* ---- platform timers ---- */

struct platform_timer {
	const char *name;
	u64 hz, mask;
	u64 (*read)(void);
};

static volatile u64 *hpet;

#define HPET_CAPS    0
#define HPET_CONFIG  (0x10 / 8)
#define HPET_COUNTER (0xf0 / 8)

static u64 hpet_read32(void)
{
	return *(volatile u32 *)&hpet[HPET_COUNTER];
}

static u64 pm_read(void)
{
	return inl((u16)acpi_fadt.pm_timer_port);
}

/* Channel 2 counts down from 65535 without an interrupt; reading latches it. */
static u64 pit_read(void)
{
	u32 v;

	outb(0x43, 0x80);
	v = inb(0x42);
	v |= (u32)inb(0x42) << 8;
	return (u64)(0xffff - v);
}

static struct platform_timer platform;

static bool use_hpet(void)
{
	u64 period;

	if (!acpi_hpet.present)
		return false;
	hpet = ioremap(acpi_hpet.address, 1024, MAP_UC);
	if (!hpet)
		return false;
	period = hpet[HPET_CAPS] >> 32; /* femtoseconds */
	if (period < 100000 || period > 100000000)
		return false;
	hpet[HPET_CONFIG] |= 1; /* counts */
	platform = (struct platform_timer){"HPET", 1000000000000000ULL / period, 0xffffffff,
	                                   hpet_read32};
	return true;
}

static bool use_pm_timer(void)
{
	if (!acpi_fadt.present || !acpi_fadt.pm_timer_port)
		return false;
	platform = (struct platform_timer){"PM timer", 3579545,
	                                   acpi_fadt.pm_timer_32 ? 0xffffffff : 0xffffff, pm_read};
	return true;
}

static void use_pit(void)
{
	outb(0x61, (u8)((inb(0x61) & ~2) | 1)); /* gate on, speaker off */
	outb(0x43, 0xb4);                       /* channel 2, both bytes, mode 2 */
	outb(0x42, 0xff);
	outb(0x42, 0xff);
	platform = (struct platform_timer){"PIT", 1193182, 0xffff, pit_read};
}

/* The timer's value and the TSC at that moment: the tightest of several tries. Returns the width of
 * the window in ticks. */
static u64 read_pair(u64 *count, u64 *tsc)
{
	u64 best = ~0ULL;

	for (u32 i = 0; i < 8; i++) {
		u64 before = tsc_ordered(), c = platform.read(), after = tsc_ordered();

		if (after - before < best) {
			best = after - before;
			*count = c;
			*tsc = before + best / 2;
		}
	}
	return best;
}

static void calibrate(void)
{
	u64 c0, c1, t0, t1, span = platform.hz / 20; /* 50 ms: less than the PIT's 55 */

	read_pair(&c0, &t0);
	while (((platform.read() - c0) & platform.mask) < span)
		cpu_relax();
	read_pair(&c1, &t1);
	hz = mul_div(t1 - t0, platform.hz, (c1 - c0) & platform.mask);
	if (hz < 1000000)
		panic("the TSC does not count");
	clock_make_scale(hz, &base_mul, &base_shift);
	log_info("TSC: %llu kHz by %s%s\n", (unsigned long long)(hz / 1000), platform.name,
	         cpu_features.invariant_tsc ? ", invariant" : "");
}

/* ---- agreement when the TSC is not invariant ---- */

static spinlock_t platform_lock = SPINLOCK(LOCK_TIME, "platform timer");
static u64 platform_last, platform_ticks; /* lock: platform_lock */
static ns_t platform_start;

/* System time by the platform timer, and this CPU's TSC then. False if the reading was disturbed. */
static bool platform_time(ns_t *time, u64 *tsc)
{
	u64 flags = spin_lock_irqsave(&platform_lock), count = 0;
	u64 width = read_pair(&count, tsc);

	/* Another CPU's pair may be a hair newer than ours. */
	if (((count - platform_last) & platform.mask) < platform.mask / 2) {
		platform_ticks += (count - platform_last) & platform.mask;
		platform_last = count;
	}
	*time = platform_start + (ns_t)mul_div(platform_ticks, NS_PER_S, platform.hz);
	spin_unlock_irqrestore(&platform_lock, flags);
	return width < hz / 50000; /* 20 us */
}

/* From now on, so that no one reads a later time by the old rate than others by the new. */
static void bend_rate(ns_t error)
{
	struct clock_record r = read_record();
	s64 limit = (s64)(base_mul / 2000); /* 500 ppm */
	s64 capped = MAX(-1000000, MIN(1000000, error)); /* ns: far beyond the limit already */
	s64 bend = -(capped * (s64)base_mul / (s64)NS_PER_S);
	u64 flags = local_irq_save(), now = tsc_ordered();

	bend = MAX(-limit, MIN(limit, bend));
	r.time = record_time(&r, now);
	r.tsc = now;
	r.mul = (u32)MIN((s64)base_mul + bend, (s64)UINT32_MAX);
	write_record(&r);
	local_irq_restore(flags);
}

/* The longer the time looked back on, the better the rate is known. Boot CPU. */
static void refine_rate(ns_t time, u64 tsc)
{
	static u64 first_tsc;
	static ns_t first_time;
	u32 mul;
	s8 shift;

	if (!first_tsc) {
		first_tsc = tsc;
		first_time = time;
	} else if (time - first_time > 4 * (ns_t)NS_PER_S) {
		clock_make_scale(mul_div(tsc - first_tsc, NS_PER_S, (u64)(time - first_time)), &mul, &shift);
		if (shift == base_shift)
			base_mul = mul;
	}
}

static void resync(void *unused)
{
	ns_t reference;
	u64 tsc;

	if ((!is_shared || smp_cpu_id() == 0) && platform_time(&reference, &tsc)) {
		struct clock_record r = read_record();

		if (smp_cpu_id() == 0)
			refine_rate(reference, tsc);
		bend_rate(record_time(&r, tsc) - reference);
	}
	if (current && !is_idle_vcpu(current))
		vcpu_update_guest_time(current);
	timer_set(&this_cpu(resync_timer), system_time() + (ns_t)NS_PER_S);
}

/* Each CPU, once timers work. */
void time_start_resync(void)
{
	if (cpu_features.invariant_tsc) /* CPUs that disagree do so by a constant */
		return;
	timer_init(&this_cpu(resync_timer), resync, NULL, smp_cpu_id());
	timer_set(&this_cpu(resync_timer), system_time() + (ns_t)NS_PER_S);
}

/* ---- another CPU's TSC against the boot CPU's ---- */

static struct {
	u64 round;  /* the new CPU asks by making it odd */
	u64 tsc;    /* the boot CPU's answer */
} pingpong;

/* On the boot CPU, while it waits for another to come online. */
void time_answer_ap(void)
{
	u64 round = __atomic_load_n(&pingpong.round, __ATOMIC_ACQUIRE);

	if (round & 1) {
		pingpong.tsc = tsc_ordered();
		__atomic_store_n(&pingpong.round, round + 1, __ATOMIC_RELEASE);
	}
}

void time_init_ap(void)
{
	struct clock_record r = shared_record; /* does not change while CPUs start */
	u64 best = ~0ULL, start = tsc_ordered();
	s64 offset = 0; /* this TSC minus the boot CPU's */

	/* Until it is good to 2 us, or 20 ms are over: on a virtual machine with few real CPUs it
	 * does not get better. */
	for (u32 i = 0; i < 4 || (best > hz / 500000 && tsc_ordered() - start < hz / 50); i++) {
		u64 before = tsc_ordered(), after;

		__atomic_add_fetch(&pingpong.round, 1, __ATOMIC_SEQ_CST);
		while (__atomic_load_n(&pingpong.round, __ATOMIC_ACQUIRE) & 1)
			cpu_relax();
		after = tsc_ordered();
		if (after - before < best) {
			best = after - before;
			offset = (s64)(before + best / 2 - pingpong.tsc);
		}
	}
	/* Within what the measurement can tell they are equal. */
	if (offset < (s64)best && -offset < (s64)best)
		offset = 0;
	r.tsc += (u64)offset;
	this_cpu(clock_record) = r;
	if (offset) {
		log_warn("CPU %u: TSC is off by %lld ticks\n", smp_cpu_id(), (long long)offset);
		is_shared = false;
	}
}

/* ---- start, and what guests see ---- */

static u32 cmos(u8 reg)
{
	outb(0x70, reg);
	return inb(0x71);
}

static u32 from_bcd(u32 v, bool bcd)
{
	return bcd ? (v >> 4) * 10 + (v & 15) : v;
}

/* Seconds since 1970 by the battery clock, at the start of one of its seconds; 0 if it is broken. */
static u64 read_rtc(void)
{
	u32 s, mi, h, d, mo, y, b;

	for (u32 i = 0; i < 2000 && (cmos(10) & 0x80); i++) /* an update is under way */
		udelay(1);
	b = cmos(11);
	s = from_bcd(cmos(0), !(b & 4));
	mi = from_bcd(cmos(2), !(b & 4));
	h = cmos(4);
	d = from_bcd(cmos(7), !(b & 4));
	mo = from_bcd(cmos(8), !(b & 4));
	y = from_bcd(cmos(9), !(b & 4)) + 2000;
	if (b & 2)
		h = from_bcd(h, !(b & 4));
	else
		h = from_bcd(h & 0x7f, !(b & 4)) % 12 + (h & 0x80 ? 12 : 0);
	if (s > 59 || mi > 59 || h > 23 || !d || d > 31 || !mo || mo > 12)
		return 0;
	return clock_seconds(y, mo, d, h, mi, s);
}

void time_init(void)
{
	struct clock_record *r = &shared_record;
	u64 count = 0;

	if (!use_hpet() && !use_pm_timer())
		use_pit();
	calibrate();
	read_pair(&count, &r->tsc);
	platform_last = count;
	r->time = 0;
	r->mul = base_mul;
	r->shift = base_shift;
	this_cpu(clock_record) = *r;
	ready = true;
	if (platform.read == pit_read && !cpu_features.invariant_tsc)
		log_warn("no timer to correct the TSC by: clocks may drift\n");
	wall_sec = read_rtc();
	if (!wall_sec)
		log_warn("the battery clock is not set\n");
	apic_timer_calibrate();
}

void machine_vcpu_time(struct vcpu_time_info *t)
{
	struct clock_record r = read_record();

	t->tsc_timestamp = r.tsc;
	t->system_time = (u64)r.time;
	t->tsc_to_system_mul = r.mul;
	t->tsc_shift = r.shift;
	t->flags = cpu_features.invariant_tsc && is_shared ? XEN_PVCLOCK_TSC_STABLE_BIT : 0;
	t->pad1[0] = t->pad1[1] = 0;
	t->pad0 = 0;
}

void machine_set_timer(ns_t deadline)
{
	apic_timer_set(deadline);
}

void wallclock_get(u64 *sec, u32 *nsec)
{
	u64 flags = spin_lock_irqsave(&platform_lock);

	*sec = wall_sec;
	*nsec = wall_nsec;
	spin_unlock_irqrestore(&platform_lock, flags);
}

void wallclock_set(u64 sec, u32 nsec, ns_t at_system_time)
{
	u64 total = sec * NS_PER_S + nsec - (u64)at_system_time;
	u64 flags = spin_lock_irqsave(&platform_lock);

	wall_sec = total / NS_PER_S;
	wall_nsec = (u32)(total % NS_PER_S);
	spin_unlock_irqrestore(&platform_lock, flags);
}

bool hyp_uses_hpet_mfn(mfn_t m)
{
	return hpet && m.n == acpi_hpet.address >> PAGE_SHIFT;
}
