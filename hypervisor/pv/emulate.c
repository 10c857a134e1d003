/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Privileged instructions of PV guests, which trap as #GP (or #UD, behind the forced-emulation
 * prefix). logic/insn.c says what it is; here is what it does. */
#include "core/sched.h"
#include "logic/insn.h"
#include "pv/pv.h"
#include "x86/x86.h"

/* CR4 bits whose value is the guest's own; the rest it sees as the host has them. */
#define CR4_GUEST_OWN  (X86_CR4_TSD | X86_CR4_DE | X86_CR4_PCE)
#define CR4_GUEST_SEES                                                                     \
	(X86_CR4_PAE | X86_CR4_MCE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT |                 \
	 X86_CR4_FSGSBASE | X86_CR4_OSXSAVE)

/* What an emulation came to. */
enum result {
	DONE,    /* go on behind the instruction */
	REFUSED, /* the guest gets its #GP */
	AGAIN,   /* the guest runs the instruction once more (or took a fault of its own) */
};

struct ctx {
	struct vcpu *v;
	struct cpu_user_regs *regs;
	struct insn insn;
	bool long_mode;
};

/* ---- operands ---- */

/* General register @n as the encodings number them. */
static u64 *gpr(struct cpu_user_regs *r, u8 n)
{
	u64 *const regs[16] = {&r->rax, &r->rcx, &r->rdx, &r->rbx, &r->rsp, &r->rbp,
	                       &r->rsi, &r->rdi, &r->r8,  &r->r9,  &r->r10, &r->r11,
	                       &r->r12, &r->r13, &r->r14, &r->r15};
	return regs[n & 15];
}

static u64 segment_base(const struct ctx *c)
{
	if (!c->long_mode)
		return 0; /* flat, as every 32-bit kernel and program has them */
	return c->insn.seg == SEG_FS ? rd_fs_base() : c->insn.seg == SEG_GS ? rd_gs_base() : 0;
}

static u64 mask_address(const struct ctx *c, u64 a)
{
	return c->insn.addr_size == 8 ? a : c->insn.addr_size == 4 ? (u32)a : (u16)a;
}

static u64 memory_address(const struct ctx *c)
{
	const struct insn *i = &c->insn;
	u64 a = (u64)(s64)i->disp;

	if (i->base >= 0)
		a += *gpr(c->regs, (u8)i->base);
	if (i->index >= 0)
		a += *gpr(c->regs, (u8)i->index) * i->scale;
	if (i->rip_relative)
		a += c->regs->rip + i->length;
	return segment_base(c) + mask_address(c, a);
}

/* ---- control and debug registers ---- */

u64 pv_cr4_initial(void)
{
	return host_cr4 & CR4_GUEST_SEES;
}

static bool read_cr(struct vcpu *v, u8 reg, u64 *val)
{
	switch (reg) {
	case 0:
		*val = (read_cr0() & ~(u64)X86_CR0_TS) | (v->pv->ts_set ? X86_CR0_TS : 0);
		return true;
	case 2:
		*val = v->info->arch.cr2;
		return true;
	case 3:
		*val = xen_pfn_to_cr3(v->pv->kernel_l4.n);
		return true;
	case 4:
		*val = v->pv->cr4_guest;
		return true;
	default:
		return false;
	}
}

static enum result write_cr3_guest(struct vcpu *v, u64 val)
{
	int rc;

	if (val >> 52)
		return REFUSED;
	rc = pv_set_base(v, MFN(val >> PAGE_SHIFT));
	return rc == 0 ? DONE : rc == -XEN_ERESTART ? AGAIN : REFUSED;
}

/* Only bits that a guest owns change; the others stay as the host has them, whatever it writes. */
static enum result write_cr4_guest(struct vcpu *v, u64 val)
{
	if (val >> 32)
		return REFUSED;
	v->pv->cr4_guest = pv_cr4_initial() | (val & CR4_GUEST_OWN);
	pv_update_cr4(v);
	return DONE;
}

static enum result write_cr(struct vcpu *v, u8 reg, u64 val)
{
	switch (reg) {
	case 0:
		if ((val ^ read_cr0()) & ~(u64)X86_CR0_TS)
			return REFUSED; /* of CR0, TS alone is virtual */
		pv_set_ts(v, val & X86_CR0_TS);
		return DONE;
	case 2:
		v->info->arch.cr2 = val;
		return DONE;
	case 3:
		return write_cr3_guest(v, val);
	case 4:
		return write_cr4_guest(v, val);
	default:
		return REFUSED;
	}
}

#define DR6_ONES 0xffff0ff0UL
#define DR7_ONES 0x400UL
#define DR7_ZERO 0xffffffff0000d800UL
#define DR7_GD   0x2000UL
#define DR7_L_G  0xffUL

/* A breakpoint must not fire on the hypervisor: its data would be told to the guest, or worse. */
static bool breakpoint_address_ok(u64 va)
{
	return is_canonical(va) && (va < GUEST_HOLE_START || va >= GUEST_HOLE_END);
}

/* Each of the four fields: execution, or write or read-write of memory; I/O breakpoints (R/W 2) would
 * fire on the hypervisor's own ports. */
static bool dr7_fields_ok(u64 val)
{
	for (u32 i = 0; i < 4; i++)
		if ((val >> (2 * i) & 3) && (val >> (16 + 4 * i) & 3) == 2)
			return false;
	return true;
}

/* Checks a value for debug register @reg and makes its fixed bits right. */
bool pv_debugreg_ok(u32 reg, u64 *val)
{
	switch (reg) {
	case 0 ... 3:
		return breakpoint_address_ok(*val);
	case 4:
	case 6:
		if (*val >> 32)
			return false;
		*val = (*val & 0xefff) | DR6_ONES;
		return true;
	case 5:
	case 7:
		if ((*val >> 32) || (*val & DR7_GD) || !dr7_fields_ok(*val))
			return false;
		*val = (*val & ~DR7_ZERO) | DR7_ONES;
		return true;
	default:
		return false;
	}
}

int pv_set_debugreg(struct vcpu *v, u32 reg, u64 val)
{
	if (!pv_debugreg_ok(reg, &val))
		return reg < 4 ? -XEN_EPERM : -XEN_EINVAL;
	if (reg == 4 || reg == 5)
		reg += 2;
	v->pv->debugreg[reg] = val;
	if (v == current && reg != 6)
		pv_load_debugregs(v);
	return 0;
}

static enum result mov_debugreg(struct ctx *c)
{
	u64 *r = gpr(c->regs, c->insn.rm);
	u8 reg = c->insn.reg;

	if (reg == 4 || reg == 5) {
		if (c->v->pv->cr4_guest & X86_CR4_DE)
			return REFUSED;
		reg += 2;
	}
	if (reg > 7)
		return REFUSED;
	if (c->insn.op == INSN_MOV_FROM_DR) {
		*r = c->v->pv->debugreg[reg];
		return DONE;
	}
	return pv_set_debugreg(c->v, reg, *r) ? REFUSED : DONE;
}

static enum result mov_cr(struct ctx *c)
{
	u64 *r = gpr(c->regs, c->insn.rm), val;

	if (c->insn.op == INSN_MOV_TO_CR)
		return write_cr(c->v, c->insn.reg, *r);
	if (!read_cr(c->v, c->insn.reg, &val))
		return REFUSED;
	*r = val;
	return DONE;
}

/* LMSW sets PE MP EM TS; PE cannot be cleared by it. */
static enum result lmsw(struct ctx *c)
{
	u16 msw;
	u64 cr0;

	if (!c->insn.mem) {
		msw = (u16)*gpr(c->regs, c->insn.rm);
	} else if (copy_from_guest_va(&msw, memory_address(c), 2)) {
		pv_inject_page_fault(memory_address(c), 0);
		return AGAIN;
	}
	read_cr(c->v, 0, &cr0);
	return write_cr(c->v, 0, (cr0 & ~0xeUL) | (msw & 0xf));
}

/* Bits of XCR0 that depend on others; the CPU would fault on a bad combination. */
bool pv_xcr0_ok(u64 val)
{
	return (val & 1) && !(val & ~fpu_xcr0_max()) && (!(val & 4) || (val & 2));
}

/* The FPU state is put away and loaded again, so that components the guest just enabled hold its own
 * (initial) state and not another guest's. */
static enum result xsetbv_guest(struct ctx *c)
{
	u64 val = (u32)c->regs->rax | c->regs->rdx << 32;
	struct vcpu *v = c->v;

	if ((u32)c->regs->rcx != 0 || !pv_xcr0_ok(val))
		return REFUSED;
	local_irq_disable();
	clts();
	fpu_save(v);
	v->pv->xcr0 = val;
	fpu_set_xcr0(val);
	fpu_restore(v);
	if (v->pv->ts_set)
		write_cr0(read_cr0() | X86_CR0_TS);
	local_irq_enable();
	return DONE;
}

/* ---- MSRs, time, CPUID ---- */

/* While a kernel has no #GP handler yet, it cannot probe: then unknown MSRs read as 0. */
static bool can_take_gp(const struct vcpu *v)
{
	return v->pv->traps[13].rip != 0;
}

static enum result msr_access(struct ctx *c)
{
	struct cpu_user_regs *r = c->regs;
	u32 msr = (u32)r->rcx;
	u64 val = (u32)r->rax | r->rdx << 32;
	int rc;

	if (c->insn.op == INSN_WRMSR) {
		rc = pv_wrmsr(c->v, msr, val);
		return rc == 0 || !can_take_gp(c->v) ? DONE : REFUSED;
	}
	rc = pv_rdmsr(c->v, msr, &val);
	if (rc) {
		if (can_take_gp(c->v))
			return REFUSED;
		val = 0;
	}
	r->rax = (u32)val;
	r->rdx = val >> 32;
	return DONE;
}

static enum result read_tsc(struct ctx *c)
{
	struct vcpu *v = c->v;
	u64 tsc;

	if (!v->pv->kernel_mode && (v->pv->cr4_guest & X86_CR4_TSD))
		return REFUSED;
	if (c->insn.op == INSN_RDTSCP) {
		if (!cpu_features.rdtscp)
			return REFUSED;
		c->regs->rcx = v->pv->msr_tsc_aux;
	}
	tsc = pv_guest_tsc(v);
	c->regs->rax = (u32)tsc;
	c->regs->rdx = tsc >> 32;
	return DONE;
}

static enum result emulate_cpuid(struct ctx *c)
{
	u32 out[4];

	if (!c->insn.forced && c->v->pv->cpuid_faulting && !c->v->pv->kernel_mode)
		return REFUSED;
	pv_cpuid(c->v, (u32)c->regs->rax, (u32)c->regs->rcx, out);
	c->regs->rax = out[0];
	c->regs->rbx = out[1];
	c->regs->rcx = out[2];
	c->regs->rdx = out[3];
	return DONE;
}

/* ---- ports ---- */

static void set_low(u64 *reg, u32 bytes, u32 val)
{
	if (bytes == 4)
		*reg = val;
	else if (bytes == 2)
		*reg = (*reg & ~0xffffUL) | (u16)val;
	else
		*reg = (*reg & ~0xffUL) | (u8)val;
}

static enum result in_out(struct ctx *c)
{
	const struct insn *i = &c->insn;
	u32 port = i->port_imm ? i->port : (u16)c->regs->rdx;

	if (!pv_guest_io_allowed(c->v, port, i->op_size))
		return REFUSED;
	if (i->op == INSN_IN)
		set_low(&c->regs->rax, i->op_size, pv_io_read(c->v, port, i->op_size));
	else
		pv_io_write(c->v, port, i->op_size, (u32)c->regs->rax);
	return DONE;
}

/* Advances a string register by one element, wrapping at the address size. */
static void step_register(const struct ctx *c, u64 *reg)
{
	u64 step = c->regs->rflags & X86_EFLAGS_DF ? -(u64)c->insn.op_size : c->insn.op_size;

	if (c->insn.addr_size == 8)
		*reg += step;
	else if (c->insn.addr_size == 4)
		*reg = (u32)(*reg + step);
	else
		*reg = (*reg & ~0xffffUL) | (u16)(*reg + step);
}

/* One element; false = the guest was given a page fault. */
static bool string_io_one(struct ctx *c, u32 port)
{
	const struct insn *i = &c->insn;
	bool in = i->op == INSN_INS;
	u64 *reg = in ? &c->regs->rdi : &c->regs->rsi;
	u64 va = (in ? 0 : segment_base(c)) + mask_address(c, *reg);
	u32 val = 0;

	if (in) {
		/* Prove that the element can be stored before the device gives it away. */
		if (copy_from_guest_va(&val, va, i->op_size) ||
		    copy_to_guest_va(va, &val, i->op_size)) {
			pv_inject_page_fault(va, 2);
			return false;
		}
		val = pv_io_read(c->v, port, i->op_size);
		if (copy_to_guest_va(va, &val, i->op_size)) {
			pv_inject_page_fault(va, 2);
			return false;
		}
	} else {
		if (copy_from_guest_va(&val, va, i->op_size)) {
			pv_inject_page_fault(va, 0);
			return false;
		}
		pv_io_write(c->v, port, i->op_size, val);
	}
	step_register(c, reg);
	return true;
}

/* A batch of a repeated string instruction; the guest then runs the rest of it again. */
#define STRING_IO_BATCH 256

static enum result string_io(struct ctx *c)
{
	u64 *count = &c->regs->rcx;
	u32 port = (u16)c->regs->rdx;

	if (!pv_guest_io_allowed(c->v, port, c->insn.op_size))
		return REFUSED;
	if (!c->insn.rep)
		return string_io_one(c, port) ? DONE : AGAIN;
	for (u32 n = 0; mask_address(c, *count) != 0; n++) {
		if (n == STRING_IO_BATCH || !string_io_one(c, port))
			return AGAIN;
		*count = c->insn.addr_size == 2 ? (*count & ~0xffffUL) | (u16)(*count - 1) :
		                                  mask_address(c, *count - 1);
	}
	return DONE;
}

/* ---- all of them ---- */

static enum result halt(struct ctx *c)
{
	c->v->info->evtchn_upcall_mask = 0;
	vcpu_block_current();
	return DONE;
}

static enum result flush_caches(struct ctx *c)
{
	if (c->v->domain->is_control) /* only it has devices whose accesses caches may disturb */
		wbinvd();
	return DONE;
}

static enum result invalidate(struct ctx *c)
{
	u64 va = memory_address(c);

	if (is_canonical(va) && (va < GUEST_HOLE_START || va >= GUEST_HOLE_END))
		tlb_flush_local_one(va);
	return DONE;
}

static enum result in_kernel_mode(struct ctx *c)
{
	switch (c->insn.op) {
	case INSN_RDMSR:
	case INSN_WRMSR:
		return msr_access(c);
	case INSN_MOV_FROM_CR:
	case INSN_MOV_TO_CR:
		return mov_cr(c);
	case INSN_MOV_FROM_DR:
	case INSN_MOV_TO_DR:
		return mov_debugreg(c);
	case INSN_CLTS:
		pv_set_ts(c->v, false);
		return DONE;
	case INSN_LMSW:
		return lmsw(c);
	case INSN_XSETBV:
		return xsetbv_guest(c);
	case INSN_WBINVD:
	case INSN_INVD:
		return flush_caches(c);
	case INSN_HLT:
		return halt(c);
	case INSN_INVLPG:
		return invalidate(c);
	case INSN_CLI:
	case INSN_STI:
		return DONE; /* the virtual interrupt flag is in vcpu_info */
	default:
		return REFUSED;
	}
}

static enum result emulate(struct ctx *c)
{
	switch (c->insn.op) {
	case INSN_IN:
	case INSN_OUT:
		return in_out(c);
	case INSN_INS:
	case INSN_OUTS:
		return string_io(c);
	case INSN_CPUID:
		return emulate_cpuid(c);
	case INSN_RDTSC:
	case INSN_RDTSCP:
		return read_tsc(c);
	case INSN_CLI:
	case INSN_STI:
		if (!c->v->pv->kernel_mode && c->v->pv->iopl == 3 << 12)
			return DONE;
		break;
	default:
		break;
	}
	return c->v->pv->kernel_mode ? in_kernel_mode(c) : REFUSED;
}

/* Is CS a 64-bit segment? The flat one of the ABI is; of others the descriptor's L bit tells. */
static bool cs_is_64bit(u16 cs)
{
	u32 ar = 0;

	if (cs == FLAT_KERNEL_CS64)
		return true;
	__asm__("lar %1, %0" : "+r"(ar) : "r"((u32)cs) : "cc");
	return ar & BIT(21);
}

/* The bytes at rip, as many as can be read: the instruction may end right before a hole. */
static enum insn_result fetch_and_decode(struct ctx *c)
{
	u8 bytes[INSN_MAX + 5];
	u64 left = copy_from_guest_va(bytes, c->regs->rip, sizeof(bytes));

	if (left == sizeof(bytes))
		return INSN_UNKNOWN;
	return insn_decode(&c->insn, bytes, sizeof(bytes) - left, c->long_mode);
}

/* Emulates what trapped at @regs->rip of the current vCPU. False: not ours, or not allowed. */
bool pv_emulate_privileged(struct cpu_user_regs *regs)
{
	struct ctx c = {.v = current, .regs = regs};

	c.long_mode = cs_is_64bit(regs->cs);
	if (fetch_and_decode(&c) != INSN_OK)
		return false;
	/* Of #UD only the forced-emulation prefix is ours: seen before, but the guest may write meanwhile. */
	if (regs->entry_vector == 6 && !c.insn.forced)
		return false;
	switch (emulate(&c)) {
	case REFUSED:
		return false;
	case DONE:
		regs->rip += c.insn.length;
		if (!c.long_mode)
			regs->rip = (u32)regs->rip;
		pv_single_step_trap(regs);
		return true;
	case AGAIN:
		return true;
	}
	return false;
}
