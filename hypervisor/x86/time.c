/* SPDX-License-Identifier: GPL-3.0-or-later */
/* System time from the TSC. Each CPU has a record (TSC then, time then, rate). With an invariant TSC
 * the records never change. Otherwise each CPU compares itself with the platform timer every second
 * and bends its rate, so that time neither jumps nor runs backwards. Sources: IA-PC HPET 1.0a, ACPI
 * 6.4 section 4.8.3.3 (PM timer), the 8254 data sheet. */
#include "core/init.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/timer.h"
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
static DEFINE_PERCPU(struct timer, resync_timer);
static u64 hz;
static u32 base_mul;
static s8 base_shift;
static bool ready;

static u64 wall_sec; /* lock: platform_lock; at system time 0 */
static u32 wall_nsec;

/* ---- scaling ---- */

/* a * b / c, ~0 if that does not fit. */
static u64 mul_div(u64 a, u64 b, u64 c)
{
	unsigned __int128 p = (unsigned __int128)a * b;
	u64 hi = (u64)(p >> 64), lo = (u64)p;

	if (hi >= c)
		return ~0ULL;
	__asm__("divq %2" : "+a"(lo), "+d"(hi) : "r"(c) : "cc");
	return lo;
}

/* For ticks of @freq Hz: a multiplier in [2^31, 2^32). */
static void make_scale(u64 freq, u32 *mul, s8 *shift)
{
	u64 t = freq;
	s8 s = 0;

	while (t > 2 * NS_PER_S) {
		t >>= 1;
		s--;
	}
	while (t <= NS_PER_S) {
		t <<= 1;
		s++;
	}
	/* (ticks << s) runs at t Hz, NS_PER_S < t <= 2 * NS_PER_S */
	*mul = (u32)mul_div(NS_PER_S, 1ULL << 32, s >= 0 ? freq << s : freq >> -s);
	*shift = s;
}

static ns_t scale(u64 ticks, u32 mul, s8 shift)
{
	ticks = shift >= 0 ? ticks << shift : ticks >> -shift;
	return (ns_t)((unsigned __int128)ticks * mul >> 32);
}

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

	return d < 0 ? r->time : r->time + scale((u64)d, r->mul, r->shift);
}

ns_t system_time(void)
{
	u64 flags;
	ns_t t;

	if (!ready)
		return 0;
	flags = local_irq_save();
	t = record_time(&this_cpu(clock_record), tsc_ordered());
	local_irq_restore(flags);
	return t;
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
	make_scale(hz, &base_mul, &base_shift);
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

static void bend_rate(ns_t error, u64 tsc)
{
	struct clock_record *r = &this_cpu(clock_record);
	s64 limit = (s64)(base_mul / 2000); /* 500 ppm */
	s64 capped = MAX(-1000000, MIN(1000000, error)); /* ns: far beyond the limit already */
	s64 bend = -(capped * (s64)base_mul / (s64)NS_PER_S);
	u64 flags = local_irq_save();

	bend = MAX(-limit, MIN(limit, bend));
	r->time = record_time(r, tsc);
	r->tsc = tsc;
	r->mul = (u32)MIN((s64)base_mul + bend, (s64)UINT32_MAX);
	local_irq_restore(flags);
}

static void resync(void *unused)
{
	ns_t reference;
	u64 tsc;

	if (platform_time(&reference, &tsc)) {
		ns_t error = record_time(&this_cpu(clock_record), tsc) - reference;

		bend_rate(error, tsc);
		if (current && !is_idle_vcpu(current))
			vcpu_update_guest_time(current);
	}
	timer_set(&this_cpu(resync_timer), system_time() + (ns_t)NS_PER_S);
}

/* Each CPU, once timers work. */
void time_start_resync(void)
{
	if (cpu_features.invariant_tsc)
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
	const struct clock_record *boss = &percpu(clock_record, 0);
	struct clock_record *r = &this_cpu(clock_record);
	u64 best = ~0ULL;
	s64 offset = 0; /* this TSC minus the boot CPU's */

	for (u32 i = 0; i < 16; i++) {
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
	else
		log_warn("CPU %u: TSC is off by %lld ticks\n", smp_cpu_id(), (long long)offset);
	*r = *boss;
	r->tsc = boss->tsc + (u64)offset;
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

/* Days since 1970-01-01 of a date in the Gregorian calendar. */
static u64 days_since_1970(u32 year, u32 month, u32 day)
{
	u32 y = month <= 2 ? year - 1 : year;
	u32 m = (month + 9) % 12; /* from March */

	return 365ULL * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
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
	return ((days_since_1970(y, mo, d) * 24 + h) * 60 + mi) * 60 + s;
}

void time_init(void)
{
	struct clock_record *r = &this_cpu(clock_record);
	u64 count = 0;

	if (!use_hpet() && !use_pm_timer())
		use_pit();
	calibrate();
	read_pair(&count, &r->tsc);
	platform_last = count;
	r->time = 0;
	r->mul = base_mul;
	r->shift = base_shift;
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
	u64 flags = local_irq_save();
	const struct clock_record *r = &this_cpu(clock_record);

	t->tsc_timestamp = r->tsc;
	t->system_time = (u64)r->time;
	t->tsc_to_system_mul = r->mul;
	t->tsc_shift = r->shift;
	t->flags = cpu_features.invariant_tsc ? XEN_PVCLOCK_TSC_STABLE_BIT : 0;
	t->pad1[0] = t->pad1[1] = 0;
	t->pad0 = 0;
	local_irq_restore(flags);
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
