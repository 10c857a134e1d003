/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Putting one vCPU's state away and loading another's: all of the CPU that C code does not use. */
#include "core/sched.h"
#include "pv/pv.h"
#include "x86/x86.h"

#define PTE_GDT      0x8000000000000063ULL /* present, writable, accessed, dirty, NX; not global */
#define DR7_ENABLES  0xffULL
#define DR6_DEFAULT  0xffff0ff0UL

static DEFINE_PERCPU(u64, last_domain); /* whose predictions the CPU has learnt: domain_key() */
static DEFINE_PERCPU(u64, real_cr4);                /* 0 before the first switch: host_cr4 */
static DEFINE_PERCPU(bool, faulting_on);
static DEFINE_PERCPU(u64, real_spec_ctrl);

/* The L1 entry of an address in the per-domain slot; NULL where nothing is mapped. */
u64 *pv_perdomain_pte(struct domain *d, u64 va)
{
	u64 *table = d->pv->perdomain_l3_va;

	for (u32 shift = 30; shift > 12; shift -= 9) {
		u64 e = READ_ONCE(table[va >> shift & 511]);
		if (!(e & 1))
			return NULL;
		table = maddr_to_virt(e & 0x000ffffffffff000ULL);
	}
	return &table[va >> 12 & 511];
}

/* Page 14 of the vCPU's GDT becomes this CPU's own descriptors; the CR3 load that follows drops what
 * other CPUs' pages the TLB may remember, as it is not a global mapping. */
static void map_cpu_descriptors(struct vcpu *v)
{
	u64 *pte = pv_perdomain_pte(v->domain, GDT_VA(v->id) + HYP_GDT_PAGE * PAGE_SIZE);

	ASSERT(pte);
	WRITE_ONCE(*pte, virt_to_maddr(gdt_page(smp_cpu_id())) | PTE_GDT);
}

void pv_load_ldt(struct vcpu *v)
{
	load_ldt(LDT_VA(v->id), v->pv->ldt_entries);
}

/* ---- segments ---- */

static void save_segments(struct vcpu *v)
{
	struct pv_vcpu *pv = v->pv;
	u64 active = rd_gs_base(), other = rd_kernel_gs_base();

	pv->ds = read_ds();
	pv->es = read_es();
	pv->fs = read_fs();
	pv->gs = read_gs();
	pv->fs_base = rd_fs_base();
	pv->gs_base_kernel = pv->kernel_mode ? active : other;
	pv->gs_base_user = pv->kernel_mode ? other : active;
}

/* The guest's descriptors may have changed since the selectors were saved: a bad one is its failsafe
 * handler's to mend. Bases come after selectors, whose loading changes them. */
static void load_segments(struct vcpu *v)
{
	struct pv_vcpu *pv = v->pv;
	bool ok = load_ds(pv->ds);

	ok &= load_es(pv->es);
	ok &= load_fs(pv->fs);
	ok &= load_gs(pv->gs);
	wr_fs_base(pv->fs_base);
	wr_gs_base(pv->kernel_mode ? pv->gs_base_kernel : pv->gs_base_user);
	wr_kernel_gs_base(pv->kernel_mode ? pv->gs_base_user : pv->gs_base_kernel);
	if (!ok)
		pv->bounce.failsafe = true;
}

/* ---- debug registers: in the CPU only while some breakpoint is armed ---- */

void pv_load_debugregs(struct vcpu *v)
{
	const u64 *dr = v->pv->debugreg;

	if (!(dr[7] & DR7_ENABLES)) {
		write_dr7(0x400);
		return;
	}
	write_dr0(dr[0]);
	write_dr1(dr[1]);
	write_dr2(dr[2]);
	write_dr3(dr[3]);
	write_dr6(DR6_DEFAULT);
	write_dr7(dr[7]);
}

static void unload_debugregs(struct vcpu *v)
{
	if (v->pv->debugreg[7] & DR7_ENABLES)
		write_dr7(0x400);
}

/* ---- CR0.TS, CR4, CPUID faulting ---- */

void pv_set_ts(struct vcpu *v, bool set)
{
	if (v->pv->ts_set == set)
		return;
	v->pv->ts_set = set;
	if (set)
		write_cr0(read_cr0() | X86_CR0_TS);
	else
		clts();
}

static void set_real_cr4(u64 val)
{
	u64 now = this_cpu(real_cr4) ? this_cpu(real_cr4) : host_cr4;

	if (now != val)
		write_cr4(val);
	this_cpu(real_cr4) = val;
}

/* RDTSC traps when the guest asked for that, or gets an emulated clock. */
void pv_update_cr4(struct vcpu *v)
{
	bool tsd = v->domain->pv->tsc_emulated || (v->pv->cr4_guest & X86_CR4_TSD);

	set_real_cr4(tsd ? host_cr4 | X86_CR4_TSD : host_cr4);
}

/* Guests other than dom0 see their own CPUID even by the plain instruction, where the CPU can. */
static void update_faulting(struct vcpu *v)
{
	bool want = !v->domain->is_control || v->pv->cpuid_faulting;

	if (!pv_cpu_has_faulting() || want == this_cpu(faulting_on))
		return;
	pv_cpu_set_faulting(want);
	this_cpu(faulting_on) = want;
}

/* The guest's own choice of restrictions on speculation; they only ever restrict. */
void pv_load_spec_ctrl(struct vcpu *v)
{
	u64 val = v->pv->msr_spec_ctrl;

	if (this_cpu(real_spec_ctrl) == val)
		return;
	wrmsr_safe(MSR_SPEC_CTRL, val);
	this_cpu(real_spec_ctrl) = val;
}

/* ---- the switch ---- */

static void save_vcpu(struct vcpu *v)
{
	v->regs = *guest_regs();
	save_segments(v);
	unload_debugregs(v);
	if (v->pv->ts_set)
		clts();
	fpu_save(v);
}

/* A freed domain's address or number may come back, hardly both at once. */
static u64 domain_key(const struct domain *d)
{
	return (u64)d << 16 | d->id;
}

static void barrier_between_domains(struct domain *d)
{
	u64 key = domain_key(d), last = this_cpu(last_domain);

	if (last != key && last)
		ibpb();
	this_cpu(last_domain) = key;
}

static void load_vcpu(struct vcpu *v)
{
	barrier_between_domains(v->domain);
	*guest_regs() = v->regs;
	map_cpu_descriptors(v);
	load_idle_gdt(); /* an NMI between the next two must find a GDT in either address space */
	pv_load_cr3(v);
	load_gdt(GDT_VA(v->id), HYP_GDT_LIMIT);
	pv_load_ldt(v);
	load_segments(v);
	if (fpu_xcr0_max())
		fpu_set_xcr0(v->pv->xcr0);
	fpu_restore(v);
	if (v->pv->ts_set)
		write_cr0(read_cr0() | X86_CR0_TS);
	if (v->pv->debugreg[7] & DR7_ENABLES)
		pv_load_debugregs(v);
	pv_update_cr4(v);
	update_faulting(v);
	pv_load_spec_ctrl(v);
	if (cpu_features.rdtscp)
		wrmsr(MSR_TSC_AUX, v->pv->msr_tsc_aux);
}

/* This CPU has loaded another CR3 and keeps nothing of @v's address space. */
static void left_address_space(struct vcpu *v, struct vcpu *next)
{
	u32 cpu = smp_cpu_id();

	cpumask_clear_atomic(&v->dirty_cpus, cpu);
	if (v->domain != next->domain)
		cpumask_clear_atomic(&v->domain->dirty_cpus, cpu);
}

static void load_idle(void)
{
	load_ldt(0, 0);
	load_idle_gdt();
	load_ds(0);
	load_es(0);
	load_fs(0);
	load_gs(0);
	load_idle_cr3();
	set_real_cr4(host_cr4);
}

void arch_context_switch(struct vcpu *prev, struct vcpu *next)
{
	if (prev == next)
		return;
	if (!is_idle_vcpu(prev))
		save_vcpu(prev);
	current = next;
	if (is_idle_vcpu(next))
		load_idle();
	else
		load_vcpu(next);
	if (!is_idle_vcpu(prev))
		left_address_space(prev, next);
	sched_context_saved(prev);
	local_irq_enable();
	if (is_idle_vcpu(next))
		reset_stack_and_jump(idle_loop);
	vcpu_update_guest_time(next);
	reset_stack_and_jump(ret_to_guest);
}

/* Guest user <-> guest kernel on this CPU: the other L4, the other GS base. */
void pv_toggle_mode(struct vcpu *v)
{
	v->pv->kernel_mode = !v->pv->kernel_mode;
	swapgs();
	pv_reload_cr3(v);
	if (v->pv->kernel_mode && v->guest_copies_stale)
		vcpu_update_guest_time(v); /* its copies are mapped again */
}
