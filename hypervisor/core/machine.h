/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The only header through which core/ sees the machine. Implemented in x86/ unless said. */
#pragma once
#include "logic/abi.h"
#include "logic/bitmap.h"
#include "logic/e820.h"
#include "logic/types.h"

struct vcpu;
struct domain;
struct percpu_block;

/* ---- this CPU ---- */

/* At the top of every CPU's stack, found by masking rsp; see docs/entry-exit. */
#define CPU_STACK_ORDER 4 /* 64 KiB: guarded IST stacks low, the main stack on top (x86/desc.c) */
#define CPU_STACK_SIZE  (PAGE_SIZE << CPU_STACK_ORDER)

struct cpu_info {
	/* The registers of the guest that was interrupted; CPU pushes end at &guest_regs.es. */
	struct cpu_user_regs guest_regs;
	u32 cpu;             /* this CPU's number */
	u32 preempt_pad;
	struct vcpu *current;
	u64 percpu_offset;   /* added to a percpu variable's address */
	u64 scratch[1];
};

static inline struct cpu_info *cpu_info(void)
{
	u64 sp;
	__asm__("mov %%rsp, %0" : "=r"(sp)); /* not volatile: the stack's top never changes in C */
	return (struct cpu_info *)((sp | (CPU_STACK_SIZE - 1)) + 1 - sizeof(struct cpu_info));
}

#define current          (cpu_info()->current)
#define smp_cpu_id()     (cpu_info()->cpu)
#define guest_regs()     (&cpu_info()->guest_regs)

/* Per-CPU variables live in one section that is copied for each CPU. */
#define DEFINE_PERCPU(T, name)  __attribute__((section(".bss.percpu"))) T percpu_##name
#define DECLARE_PERCPU(T, name) extern T percpu_##name
extern u64 percpu_offset[MAX_CPUS]; /* x86/percpu.c */
#define percpu(name, cpu)                                                                  \
	(*(typeof(percpu_##name) *)((char *)&percpu_##name + percpu_offset[cpu]))
#define this_cpu(name)                                                                     \
	(*(typeof(percpu_##name) *)((char *)&percpu_##name + cpu_info()->percpu_offset))

/* ---- interrupts, ordering ---- */

static inline void local_irq_disable(void)
{
	__asm__ volatile("cli" ::: "memory");
}

static inline void local_irq_enable(void)
{
	__asm__ volatile("sti" ::: "memory");
}

static inline u64 local_irq_save(void)
{
	u64 f;
	__asm__ volatile("pushfq; popq %0; cli" : "=r"(f)::"memory");
	return f;
}

static inline void local_irq_restore(u64 f)
{
	if (f & 0x200)
		local_irq_enable();
}

static inline bool local_irq_enabled(void)
{
	u64 f;
	__asm__ volatile("pushfq; popq %0" : "=r"(f));
	return f & 0x200;
}

static inline void cpu_relax(void)
{
	__asm__ volatile("pause" ::: "memory");
}

#define smp_mb()  __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define smp_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define smp_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)

/* ---- CPUs ---- */

extern cpumask_t cpu_online_map; /* CPUs that take interrupts and run vCPUs */
extern u32 nr_cpus;              /* CPUs found at boot, 0..nr_cpus-1 (all are online after boot) */
u32 cpu_apic_id(u32 cpu);
u32 cpu_acpi_id(u32 cpu);
void cpu_topology(u32 cpu, u32 *core, u32 *socket);
u32 cpu_node(u32 cpu);
u32 machine_phys_bits(void);        /* width of machine addresses */
void machine_hw_caps(u32 caps[8]);  /* physinfo: CPUID words of featureset order; pv/cpuid.c */

/* Makes every CPU in @mask run its softirqs soon (a reschedule interrupt). Any context. */
void cpus_kick(const cpumask_t *mask);
/* Runs fn(arg) on every CPU in @mask, this one included, and waits. Interrupts on, no
 * spinlock of rank above LOCK_CALL held. */
void cpus_call(const cpumask_t *mask, void (*fn)(void *arg), void *arg);

/* ---- TLB (x86/tlb.c) ----
 * A global clock ticks at each full flush. A frame that loses its last mapping is stamped; a CPU
 * that flushed since holds no stale translation of it. */
u32 tlb_clock(void);
/* Removes from @mask those CPUs which flushed everything after @stamp was taken. */
void tlb_filter(cpumask_t *mask, u32 stamp);
void tlb_flush_local(void);
void tlb_flush_local_one(u64 va);
void tlb_flush_mask(const cpumask_t *mask);             /* waits until done */
void tlb_flush_mask_one(const cpumask_t *mask, u64 va); /* one page; waits */
/* This CPU's flushes that others wait for: in the flush interrupt, and in loops that wait for another CPU and may
 * have interrupts off. */
void tlb_serve(void);

/* ---- time (x86/time.c) ---- */

ns_t system_time(void); /* monotonic ns since boot, equal on all CPUs to < 1 us */
u64 tsc_now(void);
u32 cpu_khz(void);
/* Calibration of this CPU for guests: time = system_time + ((tsc - tsc_timestamp) << shift) * mul
 * >> 32, as pvclock defines. Fills all but version. */
void machine_vcpu_time(struct vcpu_time_info *t);
void machine_set_timer(ns_t deadline); /* this CPU's one-shot interrupt; 0 = none; past = at once */
/* Wall clock: seconds/ns since 1970 at system time 0; settime changes them for all domains. */
void wallclock_get(u64 *sec, u32 *nsec);
void wallclock_set(u64 sec, u32 nsec, ns_t at_system_time);
void udelay(u32 us);

/* ---- idle, stop ---- */

void machine_idle(void);  /* interrupts off on entry; sleeps until one is pending, returns with them on */
void machine_reboot(void) __noreturn;
void machine_poweroff(void) __noreturn;
void machine_halt(void) __noreturn;

/* ---- console devices ---- */

void machine_console_write(const char *s, size_t n);          /* never blocks longer than the UART FIFO asks */
void machine_console_flush(void);                             /* polls until sent (panic) */
/* A character came in on the serial line: core/console.c implements it; interrupt context. */
void console_rx(char c);

/* ---- memory ---- */

/* The direct map: all RAM is readable and writable there (the image's own text is read-only). */
#define DIRECTMAP_START 0xffff830000000000UL
#define DIRECTMAP_END   0xffff880000000000UL

static inline void *maddr_to_virt(maddr_t a)
{
	return (void *)(DIRECTMAP_START + a);
}

static inline maddr_t virt_to_maddr(const void *p) /* direct map addresses only */
{
	return (u64)p - DIRECTMAP_START;
}

static inline void *mfn_to_virt(mfn_t m)
{
	return maddr_to_virt(mfn_to_maddr(m));
}

static inline mfn_t virt_to_mfn(const void *p)
{
	return maddr_to_mfn(virt_to_maddr(p));
}

extern u64 max_mfn;                 /* one past the highest RAM frame */
extern const u64 *ram_map;          /* a bit for every 2 MiB below max_mfn: it is all RAM */
bool mfn_in_ram_range(mfn_t m);     /* by the host's memory map, for the 2 MiB that are RAM in part */

/* RAM in the host's memory map (so it has a valid page_info). */
static inline bool mfn_is_ram(mfn_t m)
{
	return m.n < max_mfn && (bit_test(ram_map, (u32)(m.n >> 9)) || mfn_in_ram_range(m));
}

/* The host's own memory map as the firmware gave it, the hypervisor's memory included as RAM. */
u32 machine_e820(const struct e820_entry **entries);
/* First frame of the @chunk-th 2 MiB of the M2P table, MFN 0 where it has a hole. */
mfn_t machine_m2p_chunk(u64 chunk);

/* ---- guests of the machine's kinds; pv/ implements these (pv/domain.c) ---- */

int arch_domain_create(struct domain *d, u32 flags); /* XEN_DOMCTL_CDF_*; 0 or -errno */
void arch_domain_destroy(struct domain *d);          /* last step; no vCPU runs, all pages are gone */
int arch_domain_relinquish(struct domain *d);        /* frees the memory; -XEN_ERESTART = call again */
int arch_vcpu_create(struct vcpu *v);
void arch_vcpu_destroy(struct vcpu *v);
/* Called by the scheduler on its CPU with interrupts off, no lock held: puts @prev's registers
 * away, loads @next's; does not return if @next is not @prev (continues at @next's exit path). */
void arch_context_switch(struct vcpu *prev, struct vcpu *next);
int arch_vcpu_initialise(struct vcpu *v, u64 guest_ctxt_handle); /* VCPUOP_initialise */
int arch_vcpu_set_context(struct vcpu *v, const struct vcpu_guest_context *c);
void arch_vcpu_get_context(struct vcpu *v, struct vcpu_guest_context *c); /* @v not running */
long arch_domctl(struct domain *d, struct xen_domctl *op, u64 u_op, bool *copyback);
long arch_sysctl(struct xen_sysctl *op, u64 u_op, bool *copyback);
long arch_vcpu_send_nmi(struct vcpu *v); /* VCPUOP_send_nmi, domctl; 0 or -errno */
/* machine_vcpu_time() for @v, whose own time-stamp counter may be an emulated one. */
void arch_vcpu_time(struct vcpu *v, struct vcpu_time_info *t);
void arch_dump_vcpu(struct vcpu *v); /* key handlers */
void arch_dump_tsc(struct domain *d);
/* The @n-th of the hypervisor's functions, by address; there are machine_symbols(). */
u32 machine_symbols(void);
const char *machine_symbol(u32 n, u64 *address);
/* @v, which may run anywhere, has an event pending: make it notice (kick its CPU). core calls
 * this after setting evtchn_upcall_pending and unblocking it. */
void arch_vcpu_mark_events_pending(struct vcpu *v);
