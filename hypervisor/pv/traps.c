/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Exceptions of PV guests: which the hypervisor takes itself, which it hands on, and the frames
 * that it pushes on the guest kernel's stack. docs/entry-exit has the picture. */
#include "core/event.h"
#include "core/sched.h"
#include "logic/insn.h"
#include "pv/pv.h"
#include "x86/x86.h"
#include <string.h>

enum {
	VEC_DB = 1, VEC_NMI = 2, VEC_BP = 3, VEC_OF = 4, VEC_UD = 6, VEC_NM = 7, VEC_TS = 10,
	VEC_NP = 11, VEC_SS = 12, VEC_GP = 13, VEC_PF = 14, VEC_AC = 17
};

#define PFEC_USER 4U
#define DR6_DEFAULT 0xffff0ff0UL
#define DR6_BS      0x4000UL
#define DR6_STATUS  0xe00fUL

/* error_code of a fault caused by INT n: bit 1 says "index into the IDT", bit 0 "external". */
#define EC_EXT 1U
#define EC_IDT 2U

/* Flags which a trap clears, as hardware does, and DF, which no handler wants inherited. */
#define TRAP_CLEARS                                                                        \
	(X86_EFLAGS_TF | X86_EFLAGS_NT | X86_EFLAGS_RF | X86_EFLAGS_VM | X86_EFLAGS_AC |   \
	 X86_EFLAGS_DF | X86_EFLAGS_IOPL)

static void set_bounce(struct vcpu *v, u64 rip, bool mask_events)
{
	struct trap_bounce *b = &v->pv->bounce;

	b->pending = true;
	b->has_error_code = false;
	b->mask_events = mask_events;
	b->cs = FLAT_KERNEL_CS;
	b->rip = rip;
}

/* Hands exception @vector to the current guest's kernel. Error code -1 = none. */
void pv_inject_fault(u8 vector, s32 error_code)
{
	struct vcpu *v = current;
	const struct pv_trap *t = &v->pv->traps[vector];

	if (t->rip == 0) {
		guest_log(v->domain, LOG_WARN, "vCPU %u: no handler for exception %u at %lx\n",
		          v->id, vector, (unsigned long)guest_regs()->rip);
		domain_crash(v->domain, "exception without a handler");
		return;
	}
	set_bounce(v, t->rip, t->flags & 4);
	if (error_code != -1) {
		v->pv->bounce.has_error_code = true;
		v->pv->bounce.error_code = (u32)error_code;
	}
}

/* The error code's user bit is the guest's mode: all of it runs in ring 3. */
void pv_inject_page_fault(u64 va, u32 error_code)
{
	struct vcpu *v = current;

	v->info->arch.cr2 = va;
	error_code &= ~PFEC_USER;
	if (!v->pv->kernel_mode)
		error_code |= PFEC_USER;
	pv_inject_fault(VEC_PF, (s32)error_code);
}

/* ---- frames ---- */

/* Where the next frame goes: the stack in use if the guest kernel was interrupted, else its own
 * initial stack; the kernel then runs. Aligned as the CPU aligns it. */
static u64 frame_base(struct vcpu *v, struct cpu_user_regs *regs)
{
	if (v->pv->kernel_mode)
		return regs->rsp & ~15UL;
	pv_toggle_mode(v);
	return v->pv->kernel_sp & ~15UL;
}

static u64 frame_rflags(const struct vcpu *v, const struct cpu_user_regs *regs)
{
	u64 f = regs->rflags & ~(u64)(X86_EFLAGS_IF | X86_EFLAGS_IOPL);

	if (!v->info->evtchn_upcall_mask)
		f |= X86_EFLAGS_IF;
	if (v->domain->vm_assist & BIT(VMASST_TYPE_architectural_iopl))
		f |= v->pv->iopl & X86_EFLAGS_IOPL;
	return f;
}

#define FRAME_MAX 11 /* six words of its own at most, and five that all have */

/* Completes the @n words of @frame by rip cs rflags rsp ss, pushes it all and points the guest at @rip. */
static bool push_frame(struct vcpu *v, struct cpu_user_regs *regs, u64 frame[FRAME_MAX], u32 n, u64 rip,
                       bool mask_events)
{
	bool was_kernel = v->pv->kernel_mode;
	u64 base;

	frame[n] = regs->rip;
	frame[n + 1] = (was_kernel ? regs->cs & ~3U : regs->cs) |
	               (u64)v->info->evtchn_upcall_mask << 32;
	frame[n + 2] = frame_rflags(v, regs);
	frame[n + 3] = regs->rsp;
	frame[n + 4] = regs->ss;
	base = frame_base(v, regs) - (n + 5) * 8;
	if (rip == 0 || copy_to_guest_va(base, frame, (n + 5) * 8)) {
		guest_log(v->domain, LOG_WARN, "vCPU %u: no frame at %lx for handler %lx\n", v->id,
		          (unsigned long)base, (unsigned long)rip);
		domain_crash(v->domain, "its kernel stack or handler is not usable");
		return false;
	}
	if (mask_events)
		v->info->evtchn_upcall_mask = 1;
	regs->entry_vector = ENTRY_SYSCALL; /* rcx and r11 are in the frame: SYSRET may lose them */
	regs->rip = rip;
	regs->cs = FLAT_KERNEL_CS;
	regs->ss = FLAT_KERNEL_SS;
	regs->rsp = base;
	regs->rflags = (regs->rflags & ~(u64)TRAP_CLEARS) | X86_EFLAGS_IF;
	return true;
}

static void push_bounce(struct vcpu *v, struct cpu_user_regs *regs)
{
	struct trap_bounce *b = &v->pv->bounce;
	u64 frame[FRAME_MAX];

	frame[0] = regs->rcx;
	frame[1] = regs->r11;
	frame[2] = b->error_code;
	b->pending = false;
	push_frame(v, regs, frame, b->has_error_code ? 3 : 2, b->rip, b->mask_events);
}

/* The guest's selectors as it set them; those that did not load are null in the CPU. */
static void push_failsafe(struct vcpu *v, struct cpu_user_regs *regs)
{
	struct pv_vcpu *pv = v->pv;
	u64 frame[FRAME_MAX] = {regs->rcx, regs->r11, pv->ds, pv->es, pv->fs, pv->gs};

	pv->bounce.failsafe = false;
	push_frame(v, regs, frame, 6, pv->failsafe_rip, pv->failsafe_disables_events);
}

/* Sets up the bounce for an NMI or an event upcall that is due; false if none is. */
bool pv_deliver_pending(struct vcpu *v)
{
	struct pv_vcpu *pv = v->pv;

	if (pv->nmi_pending && !pv->nmi_masked && pv->nmi_rip) {
		pv->nmi_pending = false;
		pv->nmi_masked = true;
		set_bounce(v, pv->nmi_rip, true);
		return true;
	}
	if (vcpu_event_deliverable(v) && pv->event_rip) {
		set_bounce(v, pv->event_rip, true);
		return true;
	}
	return false;
}

/* Last C code before the guest: leaves with interrupts off, nothing pending, registers final. */
void pv_exit_to_guest(struct cpu_user_regs *regs)
{
	struct vcpu *v = current;

	for (;;) {
		local_irq_disable();
		if (softirq_is_pending()) {
			local_irq_enable();
			do_softirq(); /* may continue another vCPU instead */
			continue;
		}
		if (v->pv->bounce.pending)
			push_bounce(v, regs);
		else if (v->pv->bounce.failsafe)
			push_failsafe(v, regs);
		else if (!pv_deliver_pending(v))
			return;
	}
}

/* Maps the page of the LDT that has the descriptor of @selector; false: it was mapped, cannot be, or is in
 * the GDT. */
static bool map_descriptor(struct vcpu *v, u16 selector)
{
	u32 page = (selector & ~7u) / PAGE_SIZE;

	return (selector & 4) && !(v->pv->ldt_mapped & BIT(page)) && pv_map_ldt_page(v, page);
}

/* IRET to the guest faulted, with the vector and error code in @regs, which is where it was to go. A page of
 * the LDT is mapped now, as that may wait here, and IRET tries again; else the guest gets the exception, as
 * if what it returned to had raised it. */
void pv_iret_fault(struct cpu_user_regs *regs)
{
	u8 vector = (u8)regs->entry_vector;

	regs->entry_vector = 0;
	if (vector != VEC_PF)
		pv_inject_fault(vector, (s32)regs->error_code);
	else if (!(map_descriptor(current, regs->cs) | map_descriptor(current, regs->ss)))
		pv_inject_fault(VEC_GP, regs->cs & ~3);
}

/* ---- exceptions ---- */

/* May code at the guest's privilege raise the software interrupt? Its kernel counts as ring 1. */
static bool softint_allowed(const struct vcpu *v, u8 vector)
{
	const struct pv_trap *t = &v->pv->traps[vector];

	return t->rip && (t->flags & 3) >= (v->pv->kernel_mode ? 1 : 3);
}

/* INT n arrives as #GP, since the real gate is the hypervisor's alone. The vector is in the instruction:
 * CPUs and emulators do not agree on the error code's index. A prefixed INT n is longer; the guest gets
 * its #GP for that. */
static bool do_software_interrupt(struct vcpu *v, struct cpu_user_regs *regs)
{
	u8 insn[2];

	if ((regs->error_code & (EC_IDT | EC_EXT)) != EC_IDT ||
	    copy_from_guest_va(insn, regs->rip, 2) || insn[0] != 0xcd ||
	    !softint_allowed(v, insn[1]))
		return false;
	regs->rip += 2;
	pv_inject_fault(insn[1], -1);
	return true;
}

static void do_debug(struct vcpu *v)
{
	u64 *dr6 = &v->pv->debugreg[6];

	*dr6 = (*dr6 & ~DR6_STATUS) | DR6_DEFAULT | (read_dr6() & DR6_STATUS);
	write_dr6(DR6_DEFAULT);
	pv_inject_fault(VEC_DB, -1);
}

void pv_single_step_trap(struct cpu_user_regs *regs)
{
	regs->rflags &= ~(u64)X86_EFLAGS_RF;
	if (regs->rflags & X86_EFLAGS_TF) {
		current->pv->debugreg[6] |= DR6_DEFAULT | DR6_BS;
		pv_inject_fault(VEC_DB, -1);
	}
}

/* The guest's TS is cleared on delivery: its handler need not do it (the ABI's rule). */
static void do_device_not_available(struct vcpu *v)
{
	if (!v->pv->ts_set) {
		/* CR0.TS is clear in the CPU then, so only a stale fault comes here: try again. */
		clts();
		return;
	}
	pv_inject_fault(VEC_NM, -1);
	pv_set_ts(v, false);
}

static void do_breakpoint(struct vcpu *v, u8 vector)
{
	if (softint_allowed(v, vector))
		pv_inject_fault(vector, -1);
	else
		pv_inject_fault(VEC_GP, (s32)(vector * 8U + EC_IDT));
}

static void do_general_protection(struct vcpu *v, struct cpu_user_regs *regs)
{
	if (do_software_interrupt(v, regs) || (regs->error_code == 0 && pv_emulate_privileged(regs)))
		return;
	pv_inject_fault(VEC_GP, (s32)(regs->error_code & 0xffff));
}

/* Spares the many #UD that are the guest's own the way through the decoder, which looks again. */
static bool asks_for_emulation(const struct cpu_user_regs *regs)
{
	char bytes[sizeof(INSN_FORCED) - 1];

	return copy_from_guest_va(bytes, regs->rip, sizeof(bytes)) == 0 &&
	       memcmp(bytes, INSN_FORCED, sizeof(bytes)) == 0;
}

static void do_page_fault(struct cpu_user_regs *regs, u64 va)
{
	u32 ec = regs->error_code;

	if (!pv_fixup_page_fault(regs, va, ec))
		pv_inject_page_fault(va, ec);
}

static bool has_error_code(u32 vector)
{
	return vector == VEC_TS || vector == VEC_NP || vector == VEC_SS || vector == VEC_AC;
}

/* An exception in the current guest; NMI and machine checks never come here. */
void pv_trap(struct cpu_user_regs *regs)
{
	struct vcpu *v = current;
	u32 vector = regs->entry_vector;

	switch (vector) {
	case VEC_DB:
		do_debug(v);
		break;
	case VEC_BP:
	case VEC_OF:
		do_breakpoint(v, (u8)vector);
		break;
	case VEC_UD:
		if (!asks_for_emulation(regs) || !pv_emulate_privileged(regs))
			pv_inject_fault(VEC_UD, -1);
		break;
	case VEC_NM:
		do_device_not_available(v);
		break;
	case VEC_GP:
		do_general_protection(v, regs);
		break;
	case VEC_PF:
		do_page_fault(regs, read_cr2());
		break;
	default:
		if (vector >= 32)
			pv_inject_fault(VEC_GP, (s32)(vector * 8 + EC_IDT));
		else
			pv_inject_fault((u8)vector, has_error_code(vector) ?
			                            (s32)(regs->error_code & 0xffff) : -1);
	}
}

/* ---- system calls ---- */

static void bounce_or_ud(struct vcpu *v, struct cpu_user_regs *regs, u64 rip, bool mask)
{
	if (rip) {
		set_bounce(v, rip, mask);
		return;
	}
	regs->rip -= 2; /* the SYSCALL instruction is as good as undefined */
	pv_inject_fault(VEC_UD, -1);
}

/* SYSENTER tells neither where it was nor its stack: the handler's business. */
static void do_sysenter(struct vcpu *v, struct cpu_user_regs *regs)
{
	struct pv_vcpu *pv = v->pv;

	regs->rip = 0;
	regs->rsp = 0;
	regs->cs = 3;
	regs->ss = FLAT_USER_SS;
	if (pv->kernel_mode || pv->sysenter_rip == 0)
		pv_inject_fault(VEC_GP, 0);
	else
		set_bounce(v, pv->sysenter_rip, pv->sysenter_disables_events);
}

/* SYSCALL (and its 32-bit kin): the guest kernel makes a hypercall, its user code a system call. */
void pv_syscall(struct cpu_user_regs *regs)
{
	struct vcpu *v = current;
	struct pv_vcpu *pv = v->pv;

	if (regs->entry_vector == ENTRY_SYSENTER)
		do_sysenter(v, regs);
	else if (regs->entry_vector == ENTRY_SYSCALL32)
		bounce_or_ud(v, regs, pv->kernel_mode ? 0 : pv->syscall32_rip,
		             pv->syscall32_disables_events);
	else if (pv->kernel_mode)
		hypercall_dispatch(regs);
	else
		bounce_or_ud(v, regs, pv->syscall_rip, pv->syscall_disables_events);
}
