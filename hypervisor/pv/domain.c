/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PV domains and vCPUs: making and ending them, and their register state as the toolstack and
 * VCPUOP_initialise give and take it. */
#include "core/event.h"
#include "core/grant.h"
#include "core/options.h"
#include "core/sched.h"
#include "pv/pv.h"
#include "x86/x86.h"
#include <string.h>

#define EFLAGS_ALLOWED                                                                     \
	(X86_EFLAGS_MBS | 0xd5ULL /* CF PF AF ZF SF */ | X86_EFLAGS_TF | X86_EFLAGS_DF |   \
	 0x800ULL /* OF */ | X86_EFLAGS_RF | X86_EFLAGS_AC | X86_EFLAGS_ID)

/* ---- hypercall page ---- */

#define SLOT_SIZE 32U

/* mov $nr, %eax; syscall; ret, around which rcx and r11 are kept. */
static void fill_slot(u8 *p, u32 nr)
{
	static const u8 head[] = {0x51, 0x41, 0x53, 0xb8}; /* push rcx; push r11; mov imm32, eax */
	static const u8 tail[] = {0x0f, 0x05, 0x41, 0x5b, 0x59, 0xc3}; /* syscall; pops; ret */

	memcpy(p, head, sizeof(head));
	memcpy(p + 4, &nr, 4);
	memcpy(p + 8, tail, sizeof(tail));
}

/* iret never returns and finds its frame on the stack, below which it wants rcx, r11, rax. */
static void fill_iret_slot(u8 *p)
{
	static const u8 head[] = {0x51, 0x41, 0x53, 0x50, 0xb8}; /* push rcx; push r11; push rax; mov */
	static const u8 tail[] = {0x0f, 0x05};
	u32 nr = __HYPERVISOR_iret;

	memcpy(p, head, sizeof(head));
	memcpy(p + 5, &nr, 4);
	memcpy(p + 9, tail, sizeof(tail));
}

void pv_fill_hypercall_page(void *page)
{
	memset(page, 0xcc, PAGE_SIZE);
	for (u32 nr = 0; nr < PAGE_SIZE / SLOT_SIZE; nr++) {
		u8 *slot = (u8 *)page + nr * SLOT_SIZE;

		if (nr == __HYPERVISOR_iret)
			fill_iret_slot(slot);
		else
			fill_slot(slot, nr);
	}
}

/* ---- domains ---- */

/* On CPUs that leak across privileges, page tables of PV guests would have to be isolated, which they
 * are not: only dom0, which is trusted anyway, may run there. */
static int leaky_cpu_check(const struct domain *d)
{
	if (d->is_control || options.pv_unsafe || !(cpu_features.meltdown || cpu_features.l1tf))
		return 0;
	log_err("PV guest refused: this CPU has %s; the option pv-unsafe allows it\n",
	        cpu_features.meltdown ? "Meltdown" : "L1TF");
	return -XEN_EPERM;
}

static int shared_info_init(struct domain *d)
{
	d->shared_info = alloc_xen_page();
	if (!d->shared_info)
		return -XEN_ENOMEM;
	share_xen_page(d, d->shared_info, false);
	for (u32 i = 0; i < XEN_LEGACY_MAX_VCPUS; i++)
		d->shared_info->vcpu_info[i].evtchn_upcall_mask = 1;
	return 0;
}

int arch_domain_create(struct domain *d, u32 flags)
{
	int rc;

	if (flags & (XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap))
		return -XEN_EINVAL;
	rc = leaky_cpu_check(d);
	if (rc)
		return rc;
	d->pv = xzalloc(struct pv_domain);
	if (!d->pv)
		return -XEN_ENOMEM;
	d->pv->tsc_khz = cpu_khz();
	rc = pv_cpuid_domain_init(d);
	if (rc == 0)
		rc = pirq_domain_init(d);
	if (rc == 0)
		rc = pv_mm_domain_init(d);
	if (rc == 0)
		rc = shared_info_init(d);
	if (rc)
		arch_domain_destroy(d);
	return rc;
}

void arch_domain_destroy(struct domain *d)
{
	if (!d->pv)
		return;
	if (d->shared_info) {
		unshare_xen_page(d, d->shared_info);
		d->shared_info = NULL;
	}
	pv_mm_domain_free(d);
	pirq_domain_free(d);
	pv_cpuid_domain_free(d);
	xfree(d->pv);
	d->pv = NULL;
}

/* Frees what the vCPUs hold of its memory, then the memory. -XEN_ERESTART = call again. */
int arch_domain_relinquish(struct domain *d)
{
	struct vcpu *v;

	if (!d->pv)
		return 0;
	for_each_vcpu(d, v)
		vcpu_unmap_info(v);
	return pv_mm_relinquish(d);
}

/* ---- vCPUs ---- */

int arch_vcpu_create(struct vcpu *v)
{
	int rc;

	if (is_idle_vcpu(v))
		return 0;
	v->pv = xzalloc(struct pv_vcpu);
	if (!v->pv)
		return -XEN_ENOMEM;
	v->pv->kernel_mode = true;
	v->pv->cr4_guest = pv_cr4_initial();
	v->pv->debugreg[6] = 0xffff0ff0;
	v->pv->debugreg[7] = 0x400;
	v->pv->xcr0 = fpu_xcr0_max() ? 1 : 0;
	rc = fpu_vcpu_init(v);
	if (rc == 0)
		rc = pv_mm_vcpu_init(v);
	if (rc)
		arch_vcpu_destroy(v);
	return rc;
}

void arch_vcpu_destroy(struct vcpu *v)
{
	if (!v->pv)
		return;
	fpu_vcpu_destroy(v);
	xfree(v->pv);
	v->pv = NULL;
}

/* ---- register state ---- */

/* Selectors of guests come with any RPL; its code runs in ring 3. Null stays null. */
static u16 fix_selector(u64 sel)
{
	return (sel & 0xfffc) ? (u16)(sel | 3) : 0;
}

static u64 fix_rflags(u64 f)
{
	return (f & EFLAGS_ALLOWED) | X86_EFLAGS_MBS | X86_EFLAGS_IF;
}

static void set_user_regs(struct vcpu *v, const struct vcpu_guest_context *c)
{
	struct pv_vcpu *pv = v->pv;
	struct cpu_user_regs *r = &v->regs;

	*r = c->user_regs;
	r->error_code = 0;
	r->entry_vector = 0; /* leaves by IRET */
	r->cs = c->user_regs.cs | 3;
	r->ss = fix_selector(c->user_regs.ss);
	r->rflags = fix_rflags(c->user_regs.rflags);
	r->saved_upcall_mask = 0;
	pv->ds = fix_selector(c->user_regs.ds);
	pv->es = fix_selector(c->user_regs.es);
	pv->fs = fix_selector(c->user_regs.fs);
	pv->gs = fix_selector(c->user_regs.gs);
	pv->fs_base = c->fs_base;
	pv->gs_base_kernel = c->gs_base_kernel;
	pv->gs_base_user = c->gs_base_user;
	pv->kernel_ss = fix_selector(c->kernel_ss);
	pv->kernel_sp = c->kernel_sp;
	pv->iopl = (u32)c->user_regs.rflags & X86_EFLAGS_IOPL; /* 1: ports for the guest's kernel */
}

static void set_traps(struct vcpu *v, const struct vcpu_guest_context *c)
{
	struct pv_vcpu *pv = v->pv;

	for (u32 i = 0; i < 256; i++) {
		pv->traps[i].rip = c->trap_ctxt[i].address;
		pv->traps[i].cs = c->trap_ctxt[i].cs | 3;
		pv->traps[i].flags = c->trap_ctxt[i].flags & 7;
	}
	pv->event_rip = c->event_callback_eip;
	pv->failsafe_rip = c->failsafe_callback_eip;
	pv->syscall_rip = c->syscall_callback_eip;
	pv->syscall_disables_events = c->flags & VGCF_syscall_disables_events;
	pv->failsafe_disables_events = c->flags & VGCF_failsafe_disables_events;
}

/* Everything that can be wrong, before anything changes. */
static int check_context(const struct vcpu_guest_context *c)
{
	const u64 addresses[] = {c->fs_base, c->gs_base_kernel, c->gs_base_user,
	                         c->event_callback_eip, c->failsafe_callback_eip,
	                         c->syscall_callback_eip, c->user_regs.rip};
	u64 dr;

	for (u32 i = 0; i < ARRAY_SIZE(addresses); i++)
		if (!is_canonical(addresses[i]))
			return -XEN_EINVAL;
	for (u32 i = 0; i < 256; i++)
		if (!is_canonical(c->trap_ctxt[i].address))
			return -XEN_EINVAL;
	for (u32 i = 0; i < 8; i++) {
		dr = c->debugreg[i];
		if (i != 4 && i != 5 && dr && !pv_debugreg_ok(i, &dr))
			return -XEN_EINVAL;
	}
	if (c->ldt_ents > 8192 || c->gdt_ents > FIRST_RESERVED_GDT_ENTRY)
		return -XEN_EINVAL;
	if (c->ldt_ents && (!is_canonical(c->ldt_base) || (c->ldt_base & ~PAGE_MASK)))
		return -XEN_EINVAL;
	return 0;
}

static void set_debugregs(struct vcpu *v, const struct vcpu_guest_context *c)
{
	for (u32 i = 0; i < 8; i++) {
		u64 dr = c->debugreg[i];

		if (i == 4 || i == 5)
			continue;
		if (!pv_debugreg_ok(i, &dr))
			dr = 0;
		v->pv->debugreg[i] = dr;
	}
	v->pv->debugreg[6] |= 0xffff0ff0;
	v->pv->debugreg[7] |= 0x400;
}

static int set_gdt(struct vcpu *v, const struct vcpu_guest_context *c)
{
	u64 frames[16];

	if (c->gdt_ents == 0)
		return 0;
	for (u32 i = 0; i < 16; i++)
		frames[i] = c->gdt_frames[i];
	return pv_set_gdt(v, frames, (u32)c->gdt_ents);
}

static int set_page_tables(struct vcpu *v, const struct vcpu_guest_context *c)
{
	int rc = pv_set_base(v, MFN(xen_cr3_to_pfn(c->ctrlreg[3])));

	if (rc == 0 && c->ctrlreg[1])
		rc = pv_set_user_base(v, MFN(xen_cr3_to_pfn(c->ctrlreg[1])));
	return rc;
}

/* @v is not running and its domain not in use. 0, -XEN_EINVAL, or -XEN_ERESTART: call again with the
 * same context (page-table validation was interrupted). */
int arch_vcpu_set_context(struct vcpu *v, const struct vcpu_guest_context *c)
{
	int rc = check_context(c);

	if (!v->pv)
		return -XEN_EINVAL;
	if (rc)
		return rc;
	rc = set_gdt(v, c);
	if (rc)
		return rc;
	rc = pv_set_ldt(v, c->ldt_base, (u32)c->ldt_ents);
	if (rc == 0)
		rc = set_page_tables(v, c);
	if (rc) {
		if (rc != -XEN_ERESTART)
			pv_destroy_gdt(v);
		return rc;
	}
	if (v->id == 0 && !v->is_initialised)
		v->domain->vm_assist = c->vm_assist & 0xffffffff;
	set_user_regs(v, c);
	set_traps(v, c);
	set_debugregs(v, c);
	v->pv->kernel_mode = (c->flags & VGCF_in_kernel) || !v->pv->user_l4.n;
	v->pv->ts_set = c->ctrlreg[0] & X86_CR0_TS;
	v->pv->cr4_guest = pv_cr4_initial() |
	                   (c->ctrlreg[4] & (X86_CR4_TSD | X86_CR4_DE | X86_CR4_PCE));
	if (c->flags & VGCF_I387_VALID)
		rc = fpu_set_fxsave(v, &c->fpu_ctxt);
	v->is_initialised = true;
	/* The vCPU is paused by the caller, or has never run: its next wake-up sees this. */
	if (c->flags & VGCF_online)
		bit_test_and_clear_atomic(&v->pause_flags, VPF_DOWN);
	else
		bit_test_and_set_atomic(&v->pause_flags, VPF_DOWN);
	return rc;
}

/* VCPUOP_initialise: the same, from the current guest's memory; the handle is its virtual address. */
int arch_vcpu_initialise(struct vcpu *v, u64 handle)
{
	struct vcpu_guest_context *c = xzalloc(struct vcpu_guest_context);
	int rc = -XEN_EFAULT;

	if (!c)
		return -XEN_ENOMEM;
	if (guest_read(c, handle))
		rc = v->is_initialised ? -XEN_EEXIST : arch_vcpu_set_context(v, c);
	xfree(c);
	return rc;
}

static void get_traps(const struct vcpu *v, struct vcpu_guest_context *c)
{
	const struct pv_vcpu *pv = v->pv;

	for (u32 i = 0; i < 256; i++) {
		if (pv->traps[i].rip == 0)
			continue;
		c->trap_ctxt[i].vector = (u8)i;
		c->trap_ctxt[i].flags = pv->traps[i].flags;
		c->trap_ctxt[i].cs = pv->traps[i].cs;
		c->trap_ctxt[i].address = pv->traps[i].rip;
	}
	c->event_callback_eip = pv->event_rip;
	c->failsafe_callback_eip = pv->failsafe_rip;
	c->syscall_callback_eip = pv->syscall_rip;
}

static void get_user_regs(const struct vcpu *v, struct vcpu_guest_context *c)
{
	const struct pv_vcpu *pv = v->pv;
	struct cpu_user_regs *r = &c->user_regs;

	*r = v->regs;
	r->error_code = r->entry_vector = 0;
	r->saved_upcall_mask = 0;
	r->ds = pv->ds;
	r->es = pv->es;
	r->fs = pv->fs;
	r->gs = pv->gs;
	r->rflags = (r->rflags & ~(u64)(X86_EFLAGS_IF | X86_EFLAGS_IOPL)) |
	            (v->info->evtchn_upcall_mask ? 0 : X86_EFLAGS_IF);
	if (v->domain->vm_assist & BIT(VMASST_TYPE_architectural_iopl))
		r->rflags |= pv->iopl;
	c->fs_base = pv->fs_base;
	c->gs_base_kernel = pv->gs_base_kernel;
	c->gs_base_user = pv->gs_base_user;
	c->kernel_ss = pv->kernel_ss;
	c->kernel_sp = pv->kernel_sp;
}

/* @v does not run. Fills @c, unused parts with zeroes. */
void arch_vcpu_get_context(struct vcpu *v, struct vcpu_guest_context *c)
{
	const struct pv_vcpu *pv = v->pv;

	memset(c, 0, sizeof(*c));
	if (!pv)
		return;
	memcpy(&c->fpu_ctxt, v->fpu, sizeof(c->fpu_ctxt));
	c->flags = VGCF_I387_VALID | (pv->kernel_mode ? VGCF_in_kernel : 0) |
	           (bit_test(&v->pause_flags, VPF_DOWN) ? 0 : VGCF_online) |
	           (pv->failsafe_disables_events ? VGCF_failsafe_disables_events : 0) |
	           (pv->syscall_disables_events ? VGCF_syscall_disables_events : 0);
	get_user_regs(v, c);
	get_traps(v, c);
	c->ldt_base = pv->ldt_base;
	c->ldt_ents = pv->ldt_entries;
	for (u32 i = 0; i < 16; i++)
		c->gdt_frames[i] = pv->gdt_frames[i];
	c->gdt_ents = pv->gdt_entries;
	c->ctrlreg[0] = (X86_CR0_PG | X86_CR0_PE | X86_CR0_WP | X86_CR0_NE | X86_CR0_ET |
	                 X86_CR0_MP | X86_CR0_AM) | (pv->ts_set ? X86_CR0_TS : 0);
	c->ctrlreg[1] = xen_pfn_to_cr3(pv->user_l4.n);
	c->ctrlreg[3] = xen_pfn_to_cr3(pv->kernel_l4.n);
	c->ctrlreg[4] = pv->cr4_guest;
	for (u32 i = 0; i < 8; i++)
		c->debugreg[i] = pv->debugreg[i];
	c->vm_assist = v->domain->vm_assist;
}

/* ---- events, key handlers ---- */

void arch_vcpu_mark_events_pending(struct vcpu *v)
{
	cpumask_t m;
	u32 cpu;

	if (v == current || !READ_ONCE(v->is_running))
		return; /* it will look on its way back to the guest */
	cpu = READ_ONCE(v->cpu);
	m = cpumask_of(cpu);
	cpus_kick(&m);
}

void arch_dump_vcpu(struct vcpu *v)
{
	const struct cpu_user_regs *r = v->is_running && v == current ? guest_regs() : &v->regs;

	if (!v->pv)
		return;
	printk("    rip %04x:%016lx rsp %04x:%016lx rflags %08lx %s mode\n", r->cs,
	       (unsigned long)r->rip, r->ss, (unsigned long)r->rsp, (unsigned long)r->rflags,
	       v->pv->kernel_mode ? "kernel" : "user");
	printk("    kernel L4 %lx user L4 %lx\n", (unsigned long)v->pv->kernel_l4.n,
	       (unsigned long)v->pv->user_l4.n);
}
