/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Exceptions. A guest's go to pv/; the hypervisor's own are expected (exception table) or fatal. */
#include "core/domain.h"
#include "core/log.h"
#include "pv/pv.h"
#include "x86/desc.h"
#include "x86/panic.h"
#include "x86/smp.h"
#include "x86/x86.h"
#include <string.h>

struct extable_entry {
	s32 insn, fixup; /* relative to their own places */
};

extern const struct extable_entry __extable_start[], __extable_end[];
extern char guest_iret[];

u64 extable_fixup(u64 rip)
{
	for (const struct extable_entry *e = __extable_start; e < __extable_end; e++)
		if ((u64)&e->insn + (u64)(s64)e->insn == rip)
			return (u64)&e->fixup + (u64)(s64)e->fixup;
	return 0;
}

static const char *const trap_names[32] = {
        "divide error", "debug", "NMI", "breakpoint", "overflow", "bounds", "invalid opcode",
        "no FPU", "double fault", "?", "invalid TSS", "segment not present", "stack fault",
        "general protection", "page fault", "?", "x87 error", "alignment", "machine check",
        "SIMD error", "virtualization", "control protection"};

void iret_fault_exit(void);

/* The IRET to a guest faulted: the guest's general registers are in @regs, the rest still lies where
 * IRET read it. @regs overlaps cpu_info's guest_regs, so copy by way of here. */
static __noreturn void recover_guest_iret(const struct cpu_user_regs *regs)
{
	struct cpu_user_regs fault = *regs;

	memcpy(guest_regs(), &fault, offsetof(struct cpu_user_regs, error_code));
	guest_regs()->error_code = fault.error_code;
	guest_regs()->entry_vector = fault.entry_vector;
	reset_stack_and_jump(iret_fault_exit);
}

static void die(struct cpu_user_regs *regs)
{
	u32 v = regs->entry_vector;

	panic_with_regs(regs, "%s in the hypervisor, error %#x%s",
	                v < 32 && trap_names[v] ? trap_names[v] : "trap", regs->error_code,
	                v == 14 ? ", see cr2" : "");
}

/* Page faults after which the access is tried again: a selector of the guest's LDT whose page is not
 * mapped yet, and a translation in the TLB that is older than the guest's tables. */
static bool guest_may_mend(struct cpu_user_regs *regs, u64 cr2, u64 fixup)
{
	if (!current || is_idle_vcpu(current))
		return false;
	if (!fixup && (cr2 < PERDOMAIN_START || cr2 >= PERDOMAIN_START + (1ULL << 39)))
		return false;
	return pv_fixup_page_fault(regs, cr2, regs->error_code);
}

/* Returns if the interrupted code can go on (maybe elsewhere). */
static __cold void hypervisor_trap(struct cpu_user_regs *regs)
{
	u64 fixup;

	if (regs->entry_vector == 1) {
		/* A guest's watchpoint on what syscall touched, or its TF: not ours to report. */
		write_dr6(0xffff0ff0);
		regs->rflags &= ~(u64)X86_EFLAGS_TF;
		return;
	}
	fixup = extable_fixup(regs->rip);
	if (regs->entry_vector == 14 && guest_may_mend(regs, read_cr2(), fixup))
		return;
	if (regs->rip == (u64)guest_iret)
		recover_guest_iret(regs);
	if (!fixup)
		die(regs);
	regs->rip = fixup;
}

/* ---- NMI and machine check ---- */

static __cold void nmi(struct cpu_user_regs *regs)
{
	u8 reason;

	if (smp_stopping())
		machine_halt();
	reason = inb(0x61);
	if (reason & 0xc0)
		panic_with_regs(regs, "NMI: %s error reported by the chipset",
		                reason & 0x80 ? "memory" : "I/O");
	log_warn("NMI of unknown cause on CPU %u\n", smp_cpu_id());
}

#define MSR_MCG_CAP    0x179
#define MSR_MCG_STATUS 0x17a
#define MSR_MC0_STATUS 0x401

static __cold void machine_check(struct cpu_user_regs *regs)
{
	u64 cap = 0, status = 0;

	if (!rdmsr_safe(MSR_MCG_CAP, &cap))
		cap = 0;
	if (rdmsr_safe(MSR_MCG_STATUS, &status))
		printk("machine check: MCG_STATUS %llx\n", (unsigned long long)status);
	for (u32 i = 0; i < (cap & 0xff); i++)
		if (rdmsr_safe(MSR_MC0_STATUS + 4 * i, &status) && (status & BIT(63)))
			printk("  bank %u: %llx\n", i, (unsigned long long)status);
	panic_with_regs(regs, "machine check: the hardware reports an error");
}

void trap_handler(struct cpu_user_regs *regs)
{
	switch (regs->entry_vector) {
	case 2:
		nmi(regs);
		return;
	case 8:
		panic_with_regs(regs, "double fault%s",
		                regs_from_guest(regs) ? "" : ": the stack ran over?");
	case 18:
		machine_check(regs);
		return;
	}
	if (!regs_from_guest(regs)) {
		hypervisor_trap(regs);
		return;
	}
	local_irq_enable();
	pv_trap(regs);
}
