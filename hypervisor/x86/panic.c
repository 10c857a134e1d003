/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "x86/panic.h"
#include "core/console.h"
#include "core/domain.h"
#include "core/options.h"
#include "core/version.h"
#include "logic/symbols.h"
#include "x86/asm.h"
#include "x86/desc.h"
#include "x86/smp.h"
#include "x86/x86.h"

/* Made by x86/make-symbols for the second link pass; empty in the first. */
extern const u32 symbol_count, symbol_text_bytes;
extern const u32 symbol_offsets[], symbol_names[];
extern const char symbol_text[];

extern char __text_start[], __text_end[], boot_stack[];

extern const u32 __build_id_start[], __build_id_end[];

/* An ELF note: name size, description size, type, name, description. */
const void *version_build_id(u32 *size)
{
	const u32 *n = __build_id_start;

	*size = 0;
	if (__build_id_end - n < 4 || n[0] != 4 || n[1] > 64)
		return NULL;
	*size = n[1];
	return n + 4;
}

u32 machine_symbols(void)
{
	return symbol_count;
}

const char *machine_symbol(u32 n, u64 *address)
{
	n = array_index(n, symbol_count);
	*address = (u64)__text_start + symbol_offsets[n];
	return symbol_text + symbol_names[n];
}

static bool in_text(u64 a)
{
	return a >= (u64)__text_start && a < (u64)__text_end;
}

static void print_address(u64 a)
{
	struct symbol_table t = {symbol_offsets, symbol_names, symbol_count, symbol_text,
	                         symbol_text_bytes};
	u32 start, offset = (u32)(a - (u64)__text_start);
	const char *name = in_text(a) ? symbol_lookup(&t, offset, &start) : NULL;

	if (name)
		printk("  %016llx %s+%#x\n", (unsigned long long)a, name, offset - start);
	else
		printk("  %016llx\n", (unsigned long long)a);
}

/* May a frame pointer point here? This CPU's stack block, guards left out. */
static bool on_stack(u64 a)
{
	u64 block = (u64)cpu_info() & ~(CPU_STACK_SIZE - 1);

	if (a < block || a + 16 > (u64)cpu_info() || (a & 7))
		return false;
	if (block == (u64)boot_stack)
		return true;
	return !stack_page_is_guard((u32)((a - block) >> PAGE_SHIFT)) &&
	       !stack_page_is_guard((u32)((a + 15 - block) >> PAGE_SHIFT));
}

void dump_backtrace(u64 rip, u64 rbp)
{
	printk("backtrace (newest first):\n");
	if (in_text(rip))
		print_address(rip);
	for (u32 i = 0; i < 32 && on_stack(rbp); i++) {
		u64 next = ((const u64 *)rbp)[0], ret = ((const u64 *)rbp)[1];

		if (!in_text(ret))
			break;
		print_address(ret - 1); /* inside the call, not after it */
		if (next <= rbp)
			break;
		rbp = next;
	}
}

static void print_general(const struct cpu_user_regs *r)
{
	printk("rip %016llx cs %04x rflags %llx\n", (unsigned long long)r->rip, r->cs,
	       (unsigned long long)r->rflags);
	printk("rax %016llx rbx %016llx rcx %016llx\n", (unsigned long long)r->rax,
	       (unsigned long long)r->rbx, (unsigned long long)r->rcx);
	printk("rdx %016llx rsi %016llx rdi %016llx\n", (unsigned long long)r->rdx,
	       (unsigned long long)r->rsi, (unsigned long long)r->rdi);
	printk("rbp %016llx rsp %016llx r8  %016llx\n", (unsigned long long)r->rbp,
	       (unsigned long long)r->rsp, (unsigned long long)r->r8);
	printk("r9  %016llx r10 %016llx r11 %016llx\n", (unsigned long long)r->r9,
	       (unsigned long long)r->r10, (unsigned long long)r->r11);
	printk("r12 %016llx r13 %016llx r14 %016llx\n", (unsigned long long)r->r12,
	       (unsigned long long)r->r13, (unsigned long long)r->r14);
	printk("r15 %016llx vector %#x error %#x\n", (unsigned long long)r->r15, r->entry_vector,
	       r->error_code);
}

void dump_regs(const struct cpu_user_regs *regs)
{
	print_general(regs);
	printk("cr0 %llx cr2 %016llx cr3 %llx cr4 %llx\n", (unsigned long long)read_cr0(),
	       (unsigned long long)read_cr2(), (unsigned long long)read_cr3(),
	       (unsigned long long)read_cr4());
	if (!regs_from_guest(regs))
		dump_backtrace(regs->rip, regs->rbp);
}

static void print_guest(void)
{
	struct vcpu *v = current;

	if (!v) {
		printk("no vCPU yet on this CPU\n");
	} else if (is_idle_vcpu(v)) {
		printk("the CPU was idle\n");
	} else {
		printk("guest: domain %u vCPU %u at rip %016llx, rsp %016llx\n", v->domain->id, v->id,
		       (unsigned long long)guest_regs()->rip,
		       (unsigned long long)guest_regs()->rsp);
	}
}

/* Only one CPU panics; one that fails while it does halts quietly. */
static bool begin_panic(void)
{
	static s32 owner = -1;
	s32 none = -1, self = (s32)smp_cpu_id();

	local_irq_disable();
	if (!__atomic_compare_exchange_n(&owner, &none, self, false, __ATOMIC_SEQ_CST,
	                                 __ATOMIC_SEQ_CST))
		return false;
	smp_stop_others();
	locks_bust();
	console_lock_bust();
	return true;
}

static __noreturn void end_panic(void)
{
	printk("Please report all of the above, with the log before it and the version.\n");
	if (options.noreboot) {
		printk("The machine waits (option noreboot); reset it by hand.\n");
		machine_console_flush();
		machine_halt();
	}
	printk("The machine reboots in 5 seconds.\n");
	machine_console_flush();
	for (u32 i = 0; i < 5000; i++)
		udelay(1000);
	machine_reboot();
}

static __noreturn void do_panic(const struct cpu_user_regs *regs, u64 rip, u64 rbp, const char *fmt,
                                va_list ap)
{
	if (!begin_panic())
		machine_halt();
	printk("\n*** PANIC on CPU %u: ", smp_cpu_id());
	vprintk(fmt, ap);
	printk("\nKeel %s\n", KEEL_VERSION);
	if (regs)
		dump_regs(regs);
	else
		dump_backtrace(rip, rbp);
	print_guest();
	end_panic();
}

void panic_with_regs(const struct cpu_user_regs *regs, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	do_panic(regs, 0, 0, fmt, ap);
}

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	do_panic(NULL, 0, (u64)__builtin_frame_address(0), fmt, ap);
}
