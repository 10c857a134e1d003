/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hypercalls by which a PV guest sets up its virtual CPU: handlers, stack, segment bases, debug
 * registers, the virtual TS flag, and the return to its user mode. */
#include "core/sched.h"
#include "pv/pv.h"
#include "x86/x86.h"

/* Handlers that the hypervisor will jump to; a non-canonical one is refused, 0 means none. */
static int set_handler(u64 *slot, u64 address)
{
	if (!is_canonical(address))
		return -XEN_EINVAL;
	*slot = address;
	return 0;
}

static int set_one_trap(struct vcpu *v, const struct trap_info *t)
{
	struct pv_trap *slot = &v->pv->traps[t->vector];

	if (!is_canonical(t->address))
		return -XEN_EINVAL;
	slot->rip = t->address;
	slot->cs = t->cs | 3;
	slot->flags = t->flags & 7;
	return 0;
}

/* set_trap_table(table): an entry of address 0 ends it; a NULL table clears all. */
long hc_set_trap_table(const u64 a[6])
{
	struct vcpu *v = current;
	u64 va = a[0];
	struct trap_info t;

	if (va == 0) {
		for (u32 i = 0; i < 256; i++)
			v->pv->traps[i] = (struct pv_trap){0};
		return 0;
	}
	for (;; va += sizeof(t)) {
		int rc;

		if (hypercall_should_preempt())
			return hypercall_continue(__HYPERVISOR_set_trap_table, 1, &va);
		if (!guest_read(&t, va))
			return -XEN_EFAULT;
		if (t.address == 0)
			return 0;
		rc = set_one_trap(v, &t);
		if (rc)
			return rc;
	}
}

/* ---- callbacks ---- */

static int register_callback(struct vcpu *v, u16 type, u16 flags, u64 address)
{
	struct pv_vcpu *pv = v->pv;
	bool mask = flags & CALLBACKF_mask_events;

	switch (type) {
	case CALLBACKTYPE_event:
		return set_handler(&pv->event_rip, address);
	case CALLBACKTYPE_failsafe:
		pv->failsafe_disables_events = mask;
		return set_handler(&pv->failsafe_rip, address);
	case CALLBACKTYPE_syscall:
		pv->syscall_disables_events = mask;
		return set_handler(&pv->syscall_rip, address);
	case CALLBACKTYPE_syscall32:
		pv->syscall32_disables_events = mask;
		return set_handler(&pv->syscall32_rip, address);
	case CALLBACKTYPE_sysenter:
		pv->sysenter_disables_events = mask;
		return set_handler(&pv->sysenter_rip, address);
	case CALLBACKTYPE_nmi:
		return set_handler(&pv->nmi_rip, address);
	case CALLBACKTYPE_sysenter_deprecated:
		return -XEN_EINVAL;
	default:
		return -XEN_ENOSYS;
	}
}

/* The three that a guest cannot run without may be replaced, not removed. */
static int unregister_callback(struct vcpu *v, u16 type)
{
	switch (type) {
	case CALLBACKTYPE_event:
	case CALLBACKTYPE_failsafe:
	case CALLBACKTYPE_syscall:
	case CALLBACKTYPE_sysenter_deprecated:
		return -XEN_EINVAL;
	default:
		return register_callback(v, type, 0, 0);
	}
}

long hc_callback_op(const u64 a[6])
{
	struct callback_register reg;
	struct callback_unregister unreg;

	switch (a[0]) {
	case CALLBACKOP_register:
		if (!guest_read(&reg, a[1]))
			return -XEN_EFAULT;
		return register_callback(current, reg.type, reg.flags, reg.address);
	case CALLBACKOP_unregister:
		if (!guest_read(&unreg, a[1]))
			return -XEN_EFAULT;
		return unregister_callback(current, unreg.type);
	default:
		return -XEN_ENOSYS;
	}
}

/* set_callbacks(event, failsafe, syscall): the older way to register the three. */
long hc_set_callbacks(const u64 a[6])
{
	static const u16 types[3] = {CALLBACKTYPE_event, CALLBACKTYPE_failsafe,
	                             CALLBACKTYPE_syscall};

	for (u32 i = 0; i < 3; i++)
		if (!is_canonical(a[i]))
			return -XEN_EINVAL;
	for (u32 i = 0; i < 3; i++)
		register_callback(current, types[i], 0, a[i]);
	return 0;
}

long hc_nmi_op(const u64 a[6])
{
	struct xennmi_callback cb;

	if (!current->pv)
		return -XEN_ENOSYS;
	switch ((u32)a[0]) {
	case XENNMI_register_callback:
		if (!guest_read(&cb, a[1]))
			return -XEN_EFAULT;
		if (current->id != 0) /* the host's NMIs go to the first vCPU */
			return -XEN_EINVAL;
		return set_handler(&current->pv->nmi_rip, cb.handler_address);
	case XENNMI_unregister_callback:
		current->pv->nmi_rip = 0;
		return 0;
	default:
		return -XEN_ENOSYS;
	}
}

/* ---- stack, segments, debug registers, FPU ---- */

long hc_stack_switch(const u64 a[6])
{
	struct pv_vcpu *pv = current->pv;

	pv->kernel_ss = (a[0] | 3) & 0xffff;
	pv->kernel_sp = a[1];
	return 0;
}

/* The user's GS selector, loaded while its base is the active one; a bad selector gives null. */
static void load_user_gs(u16 sel)
{
	u64 flags = local_irq_save();

	swapgs();
	load_gs(sel > 3 ? sel | 3 : sel);
	swapgs();
	local_irq_restore(flags);
}

long hc_set_segment_base(const u64 a[6])
{
	u64 base = a[1];

	if (a[0] != SEGBASE_GS_USER_SEL && !is_canonical(base))
		return -XEN_EINVAL;
	switch ((u32)a[0]) {
	case SEGBASE_FS:
		wr_fs_base(base);
		return 0;
	case SEGBASE_GS_USER:
		wr_kernel_gs_base(base);
		return 0;
	case SEGBASE_GS_KERNEL:
		wr_gs_base(base);
		return 0;
	case SEGBASE_GS_USER_SEL:
		load_user_gs((u16)base);
		return 0;
	default:
		return -XEN_EINVAL;
	}
}

long hc_set_debugreg(const u64 a[6])
{
	return a[0] > 7 ? -XEN_EINVAL : pv_set_debugreg(current, (u32)a[0], a[1]);
}

long hc_get_debugreg(const u64 a[6])
{
	u64 reg = a[0];

	if (reg == 4 || reg == 5)
		reg += 2; /* aliases, as with CR4.DE clear */
	return reg > 7 ? -XEN_EINVAL : (long)current->pv->debugreg[array_index(reg, 8)];
}

long hc_fpu_taskswitch(const u64 a[6])
{
	pv_set_ts(current, a[0] != 0);
	return 0;
}

#define PV_ASSISTS                                                                         \
	(BIT(VMASST_TYPE_4gb_segments) | BIT(VMASST_TYPE_4gb_segments_notify) |            \
	 BIT(VMASST_TYPE_writable_pagetables) | BIT(VMASST_TYPE_pae_extended_cr3) |        \
	 BIT(VMASST_TYPE_architectural_iopl) | BIT(VMASST_TYPE_runstate_update_flag) |     \
	 BIT(VMASST_TYPE_m2p_strict))
#define HVM_ASSISTS BIT(VMASST_TYPE_runstate_update_flag)

long hc_vm_assist(const u64 a[6])
{
	struct domain *d = current->domain;
	u64 allowed = current->pv ? PV_ASSISTS : HVM_ASSISTS;

	if (a[1] >= 64 || !(allowed & BIT(a[1])))
		return -XEN_EINVAL;
	switch ((u32)a[0]) {
	case VMASST_CMD_enable:
		bit_test_and_set_atomic(&d->vm_assist, (u32)a[1]);
		return 0;
	case VMASST_CMD_disable:
		bit_test_and_clear_atomic(&d->vm_assist, (u32)a[1]);
		return 0;
	default:
		return -XEN_ENOSYS;
	}
}

/* ---- iret ---- */

#define FORCED_SET   (X86_EFLAGS_IF | X86_EFLAGS_MBS)
#define FORCED_CLEAR                                                                       \
	(X86_EFLAGS_IOPL | X86_EFLAGS_NT | X86_EFLAGS_VM | X86_EFLAGS_VIF | X86_EFLAGS_VIP)

/* SYSRET gives flat selectors and rip, rflags from rcx, r11: only where that is what was asked. */
static bool sysret_will_do(const struct iret_context *c, const struct cpu_user_regs *regs)
{
	return (c->flags & VGCF_in_syscall) && regs->cs == FLAT_USER_CS64 &&
	       regs->ss == FLAT_USER_SS64 && is_canonical(regs->rip);
}

/* iret(): takes struct iret_context off the guest kernel's stack. cs RPL 3 = to user mode. */
long hc_iret(const u64 a[6])
{
	struct vcpu *v = current;
	struct cpu_user_regs *regs = guest_regs();
	struct iret_context c;

	if (v->mc.active)
		return -XEN_EPERM;
	if (!guest_read(&c, regs->rsp)) {
		domain_crash(v->domain, "iret frame is not readable");
		return 0;
	}
	if ((c.cs & 3) == 3) {
		if (v->pv->user_l4.n == 0) {
			domain_crash(v->domain, "return to user mode without user page tables");
			return 0;
		}
		pv_toggle_mode(v);
	}
	regs->rip = c.rip;
	regs->cs = (u16)c.cs | 3;
	regs->rflags = (c.rflags & ~(u64)FORCED_CLEAR) | FORCED_SET;
	if (v->domain->vm_assist & BIT(VMASST_TYPE_architectural_iopl))
		v->pv->iopl = (u32)c.rflags & X86_EFLAGS_IOPL;
	regs->rsp = c.rsp;
	regs->ss = (u16)c.ss | 3;
	if (sysret_will_do(&c, regs)) {
		regs->entry_vector = ENTRY_SYSCALL;
	} else {
		regs->entry_vector = 0;
		regs->rcx = c.rcx;
		regs->r11 = c.r11;
	}
	v->info->evtchn_upcall_mask = !(c.rflags & X86_EFLAGS_IF);
	v->pv->nmi_masked = false;
	return (long)c.rax;
}
