/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Exceptions reach the handlers that were registered, with the frame of the ABI; privileged
 * instructions do what the CPU would do for a kernel, or fault as it would; and what a guest must not
 * load (selectors, bases, control bits) never gets into the CPU.
 */
#include "lib/test.h"

const char test_title[] = "traps";

static void divide(void *arg)
{
	u32 zero = arg != NULL;

	__asm__ volatile("xor %%edx, %%edx; mov $1, %%eax; div %0" : : "r"(zero) : "eax", "edx");
}

static void breakpoint(void *arg)
{
	(void)arg;
	__asm__ volatile("int3");
}

static void undefined(void *arg)
{
	(void)arg;
	__asm__ volatile("ud2");
}

static void overflow_int(void *arg)
{
	(void)arg;
	__asm__ volatile("int $0x55");
}

static void vectors_and_errors(void)
{
	CHECK_EQ(probe_call(divide, NULL), 0);
	CHECK_EQ(probe_call(breakpoint, NULL), 3);
	CHECK_EQ(probe_call(undefined, NULL), 6);
	CHECK_EQ(probe_call(overflow_int, NULL), 13);
	CHECK_EQ(last_trap_error & 7, 2); /* an index into the IDT (TCG scales it wrongly) */
	CHECK_EQ(probe_read((void *)0x1000, NULL), 14);
	CHECK_EQ(last_trap_cr2, 0x1000);
	CHECK_EQ(last_trap_error & 7, 0); /* not present, read, kernel mode */
	CHECK_EQ(probe_write((void *)0x2008, 1), 14);
	CHECK_EQ(last_trap_cr2, 0x2008);
	CHECK_EQ(last_trap_error & 7, 2);
	CHECK_EQ(probe_read((void *)0x8000000000000000, NULL), 13);
	CHECK_EQ(probe_write((void *)MACH2PHYS_VIRT_START, 1), 14);
	CHECK_EQ(probe_read((void *)0xffff830000000000, NULL), 14);
	CHECK_EQ(probe_write((void *)0xffff828000200000, 1), 14);
}

static void msrs(void)
{
	u64 v, old;

	CHECK_EQ(probe_rdmsr(0xc0000080, &v), -1); /* EFER */
	CHECK_EQ(v & 0x501, 0x501);
	CHECK_EQ(probe_rdmsr(0x277, &v), -1);      /* PAT is Xen's */
	CHECK_EQ(v, 0x050100070406);
	CHECK_EQ(probe_rdmsr(0xc0000100, &old), -1);
	CHECK_EQ(probe_wrmsr(0xc0000100, 0x12345000), -1);
	CHECK_EQ(probe_rdmsr(0xc0000100, &v), -1);
	CHECK_EQ(v, 0x12345000);
	CHECK_EQ(probe_wrmsr(0xc0000100, 0x8000000000000000), 13); /* not canonical */
	CHECK_EQ(probe_wrmsr(0xc0000100, old), -1);
	CHECK_EQ(hypercall2(__HYPERVISOR_set_segment_base, SEGBASE_GS_USER, 0x8000000000000000),
	         -XEN_EINVAL);
	CHECK_EQ(hypercall2(__HYPERVISOR_set_segment_base, 99, 0), -XEN_EINVAL);
}

static void control_registers(void)
{
	struct physdev_set_iopl iopl = {.iopl = 1}; /* for cli and sti, which then do nothing */
	u64 cr0, cr3, cr4;

	CHECK_EQ(hc_physdev_op(PHYSDEVOP_set_iopl, &iopl), 0);
	__asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
	CHECK_EQ(cr0 & 0x80000001, 0x80000001);
	__asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
	CHECK_EQ(cr3 >> 12, va_to_mfn((void *)start_info->pt_base));
	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	CHECK_EQ(cr4 & 0x20, 0x20); /* PAE */
	__asm__ volatile("cli; sti; wbinvd" ::: "memory");
}

static void load_bad_cr3(void *arg)
{
	(void)arg;
	__asm__ volatile("mov %0, %%cr3" : : "r"(0xfffff000UL) : "memory");
}

static void load_bad_cr4(void *arg)
{
	(void)arg;
	__asm__ volatile("mov %0, %%cr4" : : "r"(1UL << 40) : "memory");
}

static void bad_control_values_are_not_loaded(void)
{
	u64 cr4;

	CHECK_EQ(probe_call(load_bad_cr3, NULL), 13);
	probe_call(load_bad_cr4, NULL); /* ignored or refused, but never loaded */
	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	CHECK_EQ(cr4 >> 40, 0);
}

static void load_selector(void *arg)
{
	u16 sel = (u16)P(arg);

	__asm__ volatile("mov %0, %%ds; xor %%eax, %%eax; mov %%eax, %%ds" : : "r"(sel) : "eax");
}

static void system_descriptors_stay_out_of_reach(void)
{
	CHECK(probe_call(load_selector, (void *)0xe040UL) != -1); /* where the TSS may be */
	CHECK(probe_call(load_selector, (void *)0xfff8UL) != -1);
	CHECK_EQ(probe_call(load_selector, (void *)0x1230UL), 13); /* beyond its own descriptors */
	CHECK_EQ(last_trap_error, 0x1230);
}

static void cpuid_of_xen(void)
{
	u32 a, b, c, d;

	/* The forced-emulation prefix makes CPUID answer as the hypervisor wants. */
	__asm__ volatile(".byte 0x0f, 0x0b, 0x78, 0x65, 0x6e; cpuid"
	                 : "=a"(a), "=b"(b), "=c"(c), "=d"(d)
	                 : "0"(0x40000000), "2"(0));
	CHECK(a >= 0x40000002);
	CHECK_EQ(b, 0x566e6558); /* XenV */
	CHECK_EQ(c, 0x65584d4d); /* MMXe */
	CHECK_EQ(d, 0x4d4d566e); /* nVMM */
	__asm__ volatile(".byte 0x0f, 0x0b, 0x78, 0x65, 0x6e; cpuid"
	                 : "=a"(a), "=b"(b), "=c"(c), "=d"(d)
	                 : "0"(0x40000001), "2"(0));
	CHECK_EQ(a, 4 << 16 | 17);
	__asm__ volatile(".byte 0x0f, 0x0b, 0x78, 0x65, 0x6e; cpuid"
	                 : "=a"(a), "=b"(b), "=c"(c), "=d"(d)
	                 : "0"(1), "2"(0));
	CHECK_EQ(d & (1u << 3 | 1u << 13), 0); /* no PSE, no PGE */
}

static void bad_debug_registers(void)
{
	CHECK_EQ(hypercall2(__HYPERVISOR_set_debugreg, 0, 0xffff830000000000), -XEN_EPERM);
	CHECK_EQ(hypercall2(__HYPERVISOR_set_debugreg, 0, 0x1000), 0);
	CHECK_EQ(hypercall1(__HYPERVISOR_get_debugreg, 0), 0x1000);
	CHECK(hypercall2(__HYPERVISOR_set_debugreg, 9, 0) < 0);
	CHECK_EQ(hypercall2(__HYPERVISOR_set_debugreg, 0, 0), 0);
}

static void bad_handlers_are_refused(void)
{
	static struct trap_info bad[2] = {
	        {.vector = 6, .cs = FLAT_KERNEL_CS, .address = 0x8000000000000000}};
	struct callback_register r = {.type = CALLBACKTYPE_event, .address = 0x8000000000000000};

	CHECK_EQ(hypercall1(__HYPERVISOR_set_trap_table, bad), -XEN_EINVAL);
	CHECK_EQ(hypercall2(__HYPERVISOR_callback_op, CALLBACKOP_register, &r), -XEN_EINVAL);
	CHECK_EQ(hypercall2(__HYPERVISOR_callback_op, 99, &r), -XEN_ENOSYS);
	CHECK_EQ(hypercall2(__HYPERVISOR_vm_assist, VMASST_CMD_enable, 63), -XEN_EINVAL);
	CHECK_EQ(hypercall2(__HYPERVISOR_vm_assist, 9, 0), -XEN_ENOSYS);
}

/* ---- what cannot be returned to, and what comes from outside ---- */

static volatile u32 bad_returns, nmis, nested;
extern char after_iret[];
extern const u64 trap_entries[33];

/* The fault is where the iret was to go, with the selectors that it was to load. */
static bool mend_return(struct trap_frame *f)
{
	if (f->vector != 13)
		return false;
	bad_returns++;
	f->rip = P(after_iret);
	f->cs = FLAT_KERNEL_CS & ~3;
	f->ss = FLAT_KERNEL_SS;
	return true;
}

static __attribute__((noinline)) void return_to(u64 cs, u64 rip)
{
	/* rax, r11, rcx, flags, rip, cs, rflags, rsp, ss from the stack's top up */
	__asm__ volatile(".globl after_iret\n"
	                 "mov %%rsp, %%rbx\n\t"
	                 "push %[ss]\n\tpush %%rbx\n\tpushf\n\tpush %[cs]\n\tpush %[rip]\n\t"
	                 "push $0\n\tpush $0\n\tpush $0\n\tpush $0\n\t"
	                 "mov %[nr], %%eax\n\tsyscall\n"
	                 "after_iret:"
	                 :
	                 : [ss] "i"(FLAT_KERNEL_SS), [cs] "r"(cs), [rip] "r"(rip), [nr] "i"(__HYPERVISOR_iret)
	                 : "rax", "rbx", "rcx", "r11", "memory", "cc");
}

static void a_bad_return_is_the_guests_fault(void)
{
	trap_hook = mend_return;
	return_to(0x1230, P(after_iret)); /* beyond its descriptors */
	CHECK_EQ(bad_returns, 1);
	CHECK_EQ(last_trap_error, 0x1230);
	return_to(0xe008, P(after_iret)); /* the hypervisor's code */
	CHECK_EQ(bad_returns, 2);
	return_to(FLAT_KERNEL_CS & ~3, 0x8000000000000000);
	CHECK_EQ(bad_returns, 3);
	return_to(FLAT_KERNEL_CS & ~3, P(after_iret));
	CHECK_EQ(bad_returns, 3);
	trap_hook = NULL;
}

/* The second is sent while the first is handled, and must wait for its end. */
static bool take_nmi(struct trap_frame *f)
{
	static bool inside;

	if (f->vector != 2)
		return false;
	nested += inside;
	inside = true;
	if (nmis++ == 0)
		CHECK_EQ(hc_vcpu_op(VCPUOP_send_nmi, 0, NULL), 0);
	inside = false;
	return true;
}

static void nmis_come_one_at_a_time(void)
{
	struct callback_register r = {.type = CALLBACKTYPE_nmi, .address = trap_entries[2]};

	CHECK_EQ(hypercall2(__HYPERVISOR_callback_op, CALLBACKOP_register, &r), 0);
	trap_hook = take_nmi;
	CHECK_EQ(hc_vcpu_op(VCPUOP_send_nmi, 0, NULL), 0);
	CHECK_EQ(nmis, 2);
	CHECK_EQ(nested, 0);
	CHECK_EQ(hc_vcpu_op(VCPUOP_send_nmi, 99, NULL), -XEN_ENOENT);
	trap_hook = NULL;
}

void test_main(void)
{
	vectors_and_errors();
	msrs();
	control_registers();
	bad_control_values_are_not_loaded();
	system_descriptors_stay_out_of_reach();
	cpuid_of_xen();
	bad_debug_registers();
	bad_handlers_are_refused();
	a_bad_return_is_the_guests_fault();
	nmis_come_one_at_a_time();
}
