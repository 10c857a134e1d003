/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the CPU can do, and its control registers set accordingly. */
#include "core/log.h"
#include "core/options.h"
#include "x86/asm.h"
#include "x86/x86.h"
#include <string.h>

struct cpu_features cpu_features;
u64 host_cr4;
/* Read by x86/entry.S. */
bool smap_on, verw_on;

static char brand[49];

const char *cpu_brand(void)
{
	return brand;
}

u32 machine_phys_bits(void)
{
	return cpu_features.phys_bits;
}

static bool bit(u32 word, u32 n)
{
	return word >> n & 1;
}

static void read_vendor(struct cpu_features *f)
{
	u32 r[4];
	char name[12];

	cpuid(0, 0, r);
	f->max_leaf = r[0];
	memcpy(name, &r[1], 4);
	memcpy(name + 4, &r[3], 4);
	memcpy(name + 8, &r[2], 4);
	if (memcmp(name, "GenuineIntel", 12) == 0)
		f->vendor = VENDOR_INTEL;
	else if (memcmp(name, "AuthenticAMD", 12) == 0 || memcmp(name, "HygonGenuine", 12) == 0)
		f->vendor = VENDOR_AMD;

	cpuid(1, 0, r);
	f->leaf1_ecx = r[2];
	f->leaf1_edx = r[3];
	f->stepping = r[0] & 15;
	f->model = r[0] >> 4 & 15;
	f->family = r[0] >> 8 & 15;
	if (f->family == 15)
		f->family += r[0] >> 20 & 0xff;
	if (f->family >= 6)
		f->model |= r[0] >> 12 & 0xf0;
}

static void read_brand(const struct cpu_features *f)
{
	u32 r[4];

	if (f->max_ext_leaf < 0x80000004)
		return;
	for (u32 i = 0; i < 3; i++) {
		cpuid(0x80000002 + i, 0, r);
		memcpy(brand + 16 * i, r, 16);
	}
}

static void read_leaves(struct cpu_features *f)
{
	u32 r[4];

	if (f->max_leaf >= 7) {
		cpuid(7, 0, r);
		f->leaf7_ebx = r[1];
		f->leaf7_ecx = r[2];
		f->leaf7_edx = r[3];
	}
	cpuid(0x80000000, 0, r);
	f->max_ext_leaf = r[0];
	cpuid(0x80000001, 0, r);
	f->ext1_ecx = r[2];
	f->ext1_edx = r[3];
	f->phys_bits = 36;
	f->virt_bits = 48;
	if (f->max_ext_leaf >= 0x80000008) {
		cpuid(0x80000008, 0, r);
		f->phys_bits = r[0] & 0xff;
		f->virt_bits = r[0] >> 8 & 0xff;
		f->ext8_ebx = r[1];
	}
	if (f->max_ext_leaf >= 0x80000007) {
		cpuid(0x80000007, 0, r);
		f->invariant_tsc = bit(r[3], 8);
	}
	if (f->max_leaf >= 6) {
		cpuid(6, 0, r);
		f->arat = bit(r[0], 2);
	}
	if (f->max_leaf >= 0xd && bit(f->leaf1_ecx, 26)) {
		cpuid(0xd, 1, r);
		f->xsaveopt = bit(r[0], 0);
	}
}

/* Intel CPUs that say nothing are taken to leak; others were never affected. */
static void read_leaks(struct cpu_features *f)
{
	if (bit(f->leaf7_edx, 29) && !rdmsr_safe(MSR_ARCH_CAPS, &f->arch_caps))
		f->arch_caps = 0;
	f->md_clear = bit(f->leaf7_edx, 10);
	f->ibrs = bit(f->leaf7_edx, 26) || bit(f->ext8_ebx, 14);
	f->ibpb = bit(f->leaf7_edx, 26) || bit(f->ext8_ebx, 12);
	f->stibp = bit(f->leaf7_edx, 27) || bit(f->ext8_ebx, 15);
	if (f->vendor == VENDOR_INTEL && f->family == 6) {
		f->meltdown = !(f->arch_caps & BIT(0)); /* RDCL_NO */
		f->l1tf = !(f->arch_caps & BIT(0));
	}
}

/* QEMU's translator (7.2 and others) reads the stack of a ring-3 IRET with the kernel's rights: with
 * SMAP on, a guest that returns to itself by IRET faults for ever. */
static bool smap_is_broken(void)
{
	u32 r[4];
	char name[12];

	if (!bit(cpu_features.leaf1_ecx, 31))
		return false;
	cpuid(0x40000000, 0, r);
	memcpy(name, &r[1], 12);
	return memcmp(name, "TCGTCGTCGTCG", 12) == 0;
}

void cpu_init_features(void)
{
	struct cpu_features *f = &cpu_features;

	read_vendor(f);
	read_leaves(f);
	read_brand(f);
	read_leaks(f);
	f->x2apic = bit(f->leaf1_ecx, 21);
	f->tsc_deadline = bit(f->leaf1_ecx, 24);
	f->xsave = bit(f->leaf1_ecx, 26);
	f->pge = bit(f->leaf1_edx, 13);
	f->fsgsbase = bit(f->leaf7_ebx, 0);
	f->smep = bit(f->leaf7_ebx, 7) && options.smep;
	f->smap = bit(f->leaf7_ebx, 20) && options.smap;
	if (f->smap && smap_is_broken()) {
		log_info("CPU: SMAP stays off: QEMU's emulation of IRET does not allow for it\n");
		f->smap = false;
	}
	f->umip = bit(f->leaf7_ecx, 2);
	f->page1gb = bit(f->ext1_edx, 26);
	f->rdtscp = bit(f->ext1_edx, 27);

	host_cr4 = X86_CR4_PAE | X86_CR4_DE | X86_CR4_MCE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT;
	host_cr4 |= f->fsgsbase ? X86_CR4_FSGSBASE : 0;
	host_cr4 |= f->smep ? X86_CR4_SMEP : 0;
	host_cr4 |= f->smap ? X86_CR4_SMAP : 0;
	host_cr4 |= f->umip ? X86_CR4_UMIP : 0;
	host_cr4 |= f->xsave ? X86_CR4_OSXSAVE : 0;
	smap_on = f->smap;
	verw_on = f->md_clear && options.spec_ctrl;

	log_info("CPU: %s, family %#x model %#x stepping %u\n", brand, f->family, f->model,
	         f->stepping);
	log_info("CPU: smep %d smap %d umip %d fsgsbase %d xsave %d x2apic %d invariant TSC %d\n",
	         f->smep, f->smap, f->umip, f->fsgsbase, f->xsave, f->x2apic, f->invariant_tsc);
	log_info("CPU: ibpb %d ibrs %d buffer clearing %d meltdown %d l1tf %d\n", f->ibpb, f->ibrs,
	         f->md_clear, f->meltdown, f->l1tf);
}

void cpu_init_this(void)
{
	write_cr4(host_cr4);
	write_cr0(X86_CR0_PG | X86_CR0_WP | X86_CR0_NE | X86_CR0_ET | X86_CR0_MP | X86_CR0_PE);
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE | EFER_SCE);
	wrmsr(MSR_PAT, PAT_VALUE);
	if (cpu_features.rdtscp)
		wrmsr(MSR_TSC_AUX, smp_cpu_id());
	write_dr7(0x400);
	write_dr6(0xffff0ff0);
}

#define SYSCALL_RFLAGS_MASK                                                                \
	(X86_EFLAGS_IF | X86_EFLAGS_TF | X86_EFLAGS_DF | X86_EFLAGS_NT | X86_EFLAGS_AC |   \
	 X86_EFLAGS_RF | X86_EFLAGS_IOPL | X86_EFLAGS_VM)

extern char syscall_stubs[], sysenter_entry[];

void cpu_init_syscall(void)
{
	u64 stub = (u64)syscall_stubs + (u64)smp_cpu_id() * STUB_BYTES;

	/* SYSCALL: CS = base, SS = base + 8. SYSRET: CS = base + 16, SS = base + 8, RPL 3. */
	wrmsr(MSR_STAR, (u64)FLAT_RING3_CS32 << 48 | (u64)HYP_CS << 32);
	wrmsr(MSR_LSTAR, stub);
	wrmsr(MSR_CSTAR, stub + STUB_BYTES / 2);
	wrmsr(MSR_SFMASK, SYSCALL_RFLAGS_MASK);
	if (cpu_features.vendor != VENDOR_AMD && bit(cpu_features.leaf1_edx, 11)) {
		wrmsr(MSR_SYSENTER_CS, HYP_CS);
		wrmsr(MSR_SYSENTER_ESP, (u64)&guest_regs()->es);
		wrmsr(MSR_SYSENTER_EIP, (u64)sysenter_entry);
	}
}

/* 32 harmless return addresses: what the last guest left in the return stack buffer is gone. */
static void fill_return_stack(void)
{
	u32 n = 16;

	__asm__ volatile("1: call 2f\n\t"
	                 "3: pause\n\tlfence\n\tjmp 3b\n"
	                 "2: call 4f\n\t"
	                 "5: pause\n\tlfence\n\tjmp 5b\n"
	                 "4: dec %0\n\tjnz 1b\n\t"
	                 "add $(32 * 8), %%rsp"
	                 : "+r"(n)
	                 :
	                 : "memory", "cc");
}

void ibpb(void)
{
	if (!options.spec_ctrl)
		return;
	if (cpu_features.ibpb)
		wrmsr(MSR_PRED_CMD, 1);
	fill_return_stack();
}

/* ---- FS and GS ---- */

#define DEFINE_BASE(seg, msr)                                                              \
	u64 rd_##seg##_base(void)                                                          \
	{                                                                                  \
		u64 v;                                                                     \
		if (!cpu_features.fsgsbase)                                                \
			return rdmsr(msr);                                                 \
		__asm__ volatile("rd" #seg "base %0" : "=r"(v));                           \
		return v;                                                                  \
	}                                                                                  \
	void wr_##seg##_base(u64 v)                                                        \
	{                                                                                  \
		if (!cpu_features.fsgsbase)                                                \
			wrmsr(msr, v);                                                     \
		else                                                                       \
			__asm__ volatile("wr" #seg "base %0" ::"r"(v));                    \
	}
DEFINE_BASE(fs, MSR_FS_BASE)
DEFINE_BASE(gs, MSR_GS_BASE)

#define DEFINE_SELECTOR(seg)                                                               \
	bool load_##seg(u16 sel)                                                           \
	{                                                                                  \
		u32 ok, s = sel;                                                           \
		__asm__ volatile("movl $1, %0\n1: movl %1, %%" #seg "\n2:\n"               \
		                 ".pushsection .fixup,\"ax\"\n3: xorl %0, %0\n"            \
		                 " movl %0, %%" #seg "\n jmp 2b\n.popsection\n"            \
		                 EXTABLE("1b", "3b")                                       \
		                 : "=&r"(ok)                                               \
		                 : "r"(s)                                                  \
		                 : "memory");                                              \
		return ok;                                                                 \
	}                                                                                  \
	u16 read_##seg(void)                                                               \
	{                                                                                  \
		u32 s;                                                                     \
		__asm__ volatile("movl %%" #seg ", %0" : "=r"(s));                         \
		return (u16)s;                                                             \
	}
DEFINE_SELECTOR(ds)
DEFINE_SELECTOR(es)
DEFINE_SELECTOR(fs)
DEFINE_SELECTOR(gs)
