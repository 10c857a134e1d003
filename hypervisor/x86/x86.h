/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The host CPU: instructions C has no words for, descriptor tables, CPU features, the FPU, and how
 * guests are entered. For x86/ and pv/; core/ sees core/machine.h only. */
#pragma once
#include "core/machine.h"

struct vcpu;

/* ---- selectors: offsets in GDT page 14 of every GDT (FIRST_RESERVED_GDT_PAGE) ---- */
#define HYP_GDT_PAGE   14
#define HYP_CS         0xe008
#define HYP_SS         0xe010
#define HYP_TSS        0xe040 /* 16 bytes */
#define HYP_LDT        0xe050 /* 16 bytes */
#define HYP_GDT_LIMIT  0xefff /* 15 whole pages */

/* cpu_user_regs.entry_vector beyond the 256 vectors */
#define ENTRY_SYSCALL   0x100 /* syscall from 64-bit code: may leave by SYSRET, which loses rcx, r11 */
#define ENTRY_SYSCALL32 0x101 /* syscall from 32-bit code (AMD) */
#define ENTRY_SYSENTER  0x102 /* rip and rsp of the guest are lost: both 0 */

#define X86_EFLAGS_CF   0x1
#define X86_EFLAGS_MBS  0x2
#define X86_EFLAGS_TF   0x100
#define X86_EFLAGS_IF   0x200
#define X86_EFLAGS_DF   0x400
#define X86_EFLAGS_IOPL 0x3000
#define X86_EFLAGS_NT   0x4000
#define X86_EFLAGS_RF   0x10000
#define X86_EFLAGS_VM   0x20000
#define X86_EFLAGS_AC   0x40000
#define X86_EFLAGS_VIF  0x80000
#define X86_EFLAGS_VIP  0x100000
#define X86_EFLAGS_ID   0x200000

#define X86_CR0_PE BIT(0)
#define X86_CR0_MP BIT(1)
#define X86_CR0_EM BIT(2)
#define X86_CR0_TS BIT(3)
#define X86_CR0_ET BIT(4)
#define X86_CR0_NE BIT(5)
#define X86_CR0_WP BIT(16)
#define X86_CR0_AM BIT(18)
#define X86_CR0_NW BIT(29)
#define X86_CR0_CD BIT(30)
#define X86_CR0_PG BIT(31)

#define X86_CR4_VME        BIT(0)
#define X86_CR4_PVI        BIT(1)
#define X86_CR4_TSD        BIT(2)
#define X86_CR4_DE         BIT(3)
#define X86_CR4_PSE        BIT(4)
#define X86_CR4_PAE        BIT(5)
#define X86_CR4_MCE        BIT(6)
#define X86_CR4_PGE        BIT(7)
#define X86_CR4_PCE        BIT(8)
#define X86_CR4_OSFXSR     BIT(9)
#define X86_CR4_OSXMMEXCPT BIT(10)
#define X86_CR4_UMIP       BIT(11)
#define X86_CR4_FSGSBASE   BIT(16)
#define X86_CR4_OSXSAVE    BIT(18)
#define X86_CR4_SMEP       BIT(20)
#define X86_CR4_SMAP       BIT(21)

#define MSR_TSC              0x10
#define MSR_APIC_BASE        0x1b
#define MSR_SPEC_CTRL        0x48
#define MSR_PRED_CMD         0x49
#define MSR_ARCH_CAPS        0x10a
#define MSR_SYSENTER_CS      0x174
#define MSR_SYSENTER_ESP     0x175
#define MSR_SYSENTER_EIP     0x176
#define MSR_MISC_ENABLE      0x1a0
#define MSR_PAT              0x277
#define MSR_TSC_DEADLINE     0x6e0
#define MSR_X2APIC           0x800
#define MSR_EFER             0xc0000080
#define MSR_STAR             0xc0000081
#define MSR_LSTAR            0xc0000082
#define MSR_CSTAR            0xc0000083
#define MSR_SFMASK           0xc0000084
#define MSR_FS_BASE          0xc0000100
#define MSR_GS_BASE          0xc0000101
#define MSR_KERNEL_GS_BASE   0xc0000102
#define MSR_TSC_AUX          0xc0000103

#define EFER_SCE BIT(0)
#define EFER_LME BIT(8)
#define EFER_LMA BIT(10)
#define EFER_NXE BIT(11)

#define PAT_VALUE 0x050100070406ULL /* WB WT UC- UC WC WP UC UC: the ABI's */

/* ---- instructions ---- */

static inline u64 rdmsr(u32 msr)
{
	u32 lo, hi;
	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return (u64)hi << 32 | lo;
}

static inline void wrmsr(u32 msr, u64 v)
{
	__asm__ volatile("wrmsr" ::"c"(msr), "a"((u32)v), "d"((u32)(v >> 32)) : "memory");
}

/* A fault at @insn continues at @fixup (both labels); emitted into the exception table. */
#define EXTABLE(insn, fixup)                                                               \
	".pushsection .extable,\"a\"\n\t.balign 4\n\t.long " insn " - .\n\t.long " fixup   \
	" - .\n\t.popsection\n\t"

/* The same for MSRs that may not exist: false if the access faulted. */
static inline bool rdmsr_safe(u32 msr, u64 *v)
{
	u32 lo, hi, ok;
	__asm__ volatile("movl $1, %2\n1: rdmsr\n2:\n"
	                 ".pushsection .fixup,\"ax\"\n3: xorl %2, %2\n xorl %%eax, %%eax\n"
	                 " xorl %%edx, %%edx\n jmp 2b\n.popsection\n" EXTABLE("1b", "3b")
	                 : "=a"(lo), "=d"(hi), "=&r"(ok)
	                 : "c"(msr));
	*v = (u64)hi << 32 | lo;
	return ok;
}

static inline bool wrmsr_safe(u32 msr, u64 v)
{
	u32 ok;
	__asm__ volatile("movl $1, %0\n1: wrmsr\n2:\n"
	                 ".pushsection .fixup,\"ax\"\n3: xorl %0, %0\n jmp 2b\n.popsection\n" EXTABLE(
	                         "1b", "3b")
	                 : "=&r"(ok)
	                 : "c"(msr), "a"((u32)v), "d"((u32)(v >> 32))
	                 : "memory");
	return ok;
}

#define DEFINE_CR(n)                                                                       \
	static inline u64 read_cr##n(void)                                                 \
	{                                                                                  \
		u64 v;                                                                     \
		__asm__ volatile("mov %%cr" #n ", %0" : "=r"(v)::"memory");                \
		return v;                                                                  \
	}                                                                                  \
	static inline void write_cr##n(u64 v)                                              \
	{                                                                                  \
		__asm__ volatile("mov %0, %%cr" #n ::"r"(v) : "memory");                   \
	}
DEFINE_CR(0)
DEFINE_CR(2)
DEFINE_CR(3)
DEFINE_CR(4)
#undef DEFINE_CR

#define DEFINE_DR(n)                                                                       \
	static inline u64 read_dr##n(void)                                                 \
	{                                                                                  \
		u64 v;                                                                     \
		__asm__ volatile("mov %%db" #n ", %0" : "=r"(v));                          \
		return v;                                                                  \
	}                                                                                  \
	static inline void write_dr##n(u64 v)                                              \
	{                                                                                  \
		__asm__ volatile("mov %0, %%db" #n ::"r"(v));                              \
	}
DEFINE_DR(0)
DEFINE_DR(1)
DEFINE_DR(2)
DEFINE_DR(3)
DEFINE_DR(6)
DEFINE_DR(7)
#undef DEFINE_DR

/* out: eax ebx ecx edx */
static inline void cpuid(u32 leaf, u32 subleaf, u32 out[4])
{
	__asm__ volatile("cpuid"
	                 : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3])
	                 : "a"(leaf), "c"(subleaf));
}

static inline u8 inb(u16 port)
{
	u8 v;
	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline u16 inw(u16 port)
{
	u16 v;
	__asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline u32 inl(u16 port)
{
	u32 v;
	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline void outb(u16 port, u8 v)
{
	__asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port));
}

static inline void outw(u16 port, u16 v)
{
	__asm__ volatile("outw %0, %1" ::"a"(v), "Nd"(port));
}

static inline void outl(u16 port, u32 v)
{
	__asm__ volatile("outl %0, %1" ::"a"(v), "Nd"(port));
}

static inline u64 rdtsc(void)
{
	u32 lo, hi;
	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (u64)hi << 32 | lo;
}

static inline void invlpg(u64 va)
{
	__asm__ volatile("invlpg (%0)" ::"r"(va) : "memory");
}

static inline void wbinvd(void)
{
	__asm__ volatile("wbinvd" ::: "memory");
}

static inline void clts(void)
{
	__asm__ volatile("clts");
}

static inline u64 xgetbv(u32 i)
{
	u32 lo, hi;
	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(i));
	return (u64)hi << 32 | lo;
}

static inline void xsetbv(u32 i, u64 v)
{
	__asm__ volatile("xsetbv" ::"c"(i), "a"((u32)v), "d"((u32)(v >> 32)));
}

/* ---- CPU features of the boot CPU (x86/cpu.c) ---- */

enum cpu_vendor { VENDOR_OTHER, VENDOR_INTEL, VENDOR_AMD /* Hygon too */ };

struct cpu_features {
	enum cpu_vendor vendor;
	u32 family, model, stepping;
	u32 max_leaf, max_ext_leaf;
	u32 leaf1_ecx, leaf1_edx;
	u32 leaf7_ebx, leaf7_ecx, leaf7_edx;
	u32 ext1_ecx, ext1_edx, ext8_ebx;
	u32 phys_bits, virt_bits;
	u64 arch_caps;
	bool fsgsbase, smep, smap, umip, xsave, xsaveopt, x2apic, tsc_deadline;
	bool invariant_tsc, pge, page1gb, md_clear, ibpb, ibrs, stibp, rdtscp, arat;
	bool meltdown, l1tf; /* this CPU leaks; see the option pv-unsafe */
};
extern struct cpu_features cpu_features;
extern u64 host_cr4;      /* what CR4 is on every CPU, guests and hypervisor alike */

void cpu_init_features(void);           /* boot CPU, once */
void cpu_init_this(void);               /* every CPU: CR0, CR4, EFER, PAT, speculation */
void cpu_init_syscall(void);            /* every CPU: STAR, LSTAR, SFMASK, SYSENTER */
const char *cpu_brand(void);

/* Indirect branch prediction barrier: before a vCPU of another domain runs here. */
void ibpb(void);

/* Both GS bases are the guest's; the hypervisor never uses FS or GS. Bases must be canonical. */
u64 rd_fs_base(void);
u64 rd_gs_base(void);
void wr_fs_base(u64 v);
void wr_gs_base(u64 v);

static inline u64 rd_kernel_gs_base(void)
{
	return rdmsr(MSR_KERNEL_GS_BASE);
}

static inline void wr_kernel_gs_base(u64 v)
{
	wrmsr(MSR_KERNEL_GS_BASE, v);
}

static inline void swapgs(void)
{
	__asm__ volatile("swapgs" ::: "memory");
}

static inline bool is_canonical(u64 va)
{
	return (u64)((s64)(va << 16) >> 16) == va;
}

/* Load a guest's selector; on a fault the register holds the null selector and false is returned. */
bool load_ds(u16 sel);
bool load_es(u16 sel);
bool load_fs(u16 sel); /* also changes the FS base */
bool load_gs(u16 sel); /* also changes the (active) GS base */
u16 read_ds(void);
u16 read_es(void);
u16 read_fs(void);
u16 read_gs(void);

/* Flushes everything everywhere: for changes in the hypervisor's own mappings. */
void tlb_flush_everywhere(void);

/* ---- descriptor tables (x86/desc.c) ---- */

/* This CPU's own descriptor page, direct-map address: what page 14 of a vCPU's GDT maps. */
u64 *gdt_page(u32 cpu);
void desc_init_this(void);              /* every CPU: GDT, TSS, IDT */
void load_gdt(u64 base, u16 limit);     /* a vCPU's GDT_VA and HYP_GDT_LIMIT */
void load_idle_gdt(void);               /* this CPU's own, for idle vCPUs */
void load_ldt(u64 base, u32 entries);   /* 0 entries: none */
void set_ist(u8 vector, u8 ist);

/* ---- stacks and entering guests (x86/entry.S; docs/entry-exit) ---- */

/* Continues at @fn (void (*)(void), must not return) on the empty stack of this CPU, below
 * guest_regs. Interrupts as they are. */
#define reset_stack_and_jump(fn)                                                           \
	do {                                                                               \
		(void)sizeof(&(fn)); /* a function's name: the jump is direct */           \
		__asm__ volatile("mov %0, %%rsp\n\txor %%ebp, %%ebp\n\tjmp " #fn ::"r"(    \
		                         guest_regs())                                     \
		                 : "memory");                                              \
		__builtin_unreachable();                                                   \
	} while (0)

void ret_to_guest(void) __noreturn;     /* jump there with reset_stack_and_jump() */

static inline bool regs_from_guest(const struct cpu_user_regs *regs)
{
	return (regs->cs & 3) == 3;
}

void trap_handler(struct cpu_user_regs *regs);
void irq_handler(struct cpu_user_regs *regs);
/* pv/ implements these. */
void pv_trap(struct cpu_user_regs *regs);          /* exception in a guest; interrupts on */
void pv_syscall(struct cpu_user_regs *regs);       /* interrupts on */
void pv_exit_to_guest(struct cpu_user_regs *regs); /* interrupts off on return */
void pv_iret_fault(struct cpu_user_regs *regs);    /* interrupts on */

/* Addresses where the exception table takes over; 0 if @rip has none. */
u64 extable_fixup(u64 rip);
/* The same for guest accesses from assembly in other files: see EXTABLE(). */

/* ---- FPU, eager (x86/fpu.c) ---- */
void fpu_init_this(void);
u32 fpu_area_size(void);                /* bytes of vcpu.fpu, and CPUID leaf 0xd's size for XCR0 */
u64 fpu_xcr0_max(void);                 /* 7 at most for PV guests; 0 without XSAVE */
int fpu_vcpu_init(struct vcpu *v);      /* allocates and resets vcpu.fpu; -XEN_ENOMEM */
void fpu_vcpu_destroy(struct vcpu *v);
void fpu_save(struct vcpu *v);          /* this CPU's FPU state -> v->fpu */
void fpu_restore(struct vcpu *v);       /* v->fpu -> this CPU */
/* Puts an FXSAVE image (512 bytes) or a whole XSAVE area, checked, into v->fpu. 0 or -XEN_EINVAL. */
int fpu_set_fxsave(struct vcpu *v, const void *fx);
int fpu_set_xsave(struct vcpu *v, const void *area, u32 size);
void fpu_set_xcr0(u64 xcr0);            /* this CPU */

/* ---- memory (x86/paging.c) ---- */
extern u64 *idle_l4;                    /* direct-map address */
extern u64 idle_cr3;

/* Is this CPU on a guest's tables? While not, it holds no guest's translations and need not flush
 * them: leaving and entering a guest's tables loads CR3, which flushes all (x86/tlb.c). */
DECLARE_PERCPU(bool, on_guest_tables);

static inline void enter_guest_tables(void)
{
	/* The load of CR3 that follows is serializing: the flag is seen before any translation is made. */
	if (!this_cpu(on_guest_tables))
		WRITE_ONCE(this_cpu(on_guest_tables), true);
}

static inline void load_idle_cr3(void)
{
	write_cr3(idle_cr3);
	WRITE_ONCE(this_cpu(on_guest_tables), false);
}

#define M2P_RO ((const u64 *)0xffff800000000000UL)
#define M2P_RW ((u64 *)0xffff818000000000UL)
#define MAP_UC 0x18ULL                  /* PCD|PWT */
#define MAP_WB 0ULL
#define MAP_WC 0x88ULL                  /* PAT|PWT under PAT_VALUE, 4 KiB entries */
/* Maps device memory or tables, page-rounded; NULL if none left. Not with LOCK_HEAP or beyond held. */
void *ioremap(maddr_t addr, u64 size, u64 attr);
void iounmap(void *va, u64 size);
/* True for frames of MMIO that no guest may map: LAPIC, IO-APICs, MSI window, IOMMU registers. */
bool hyp_owns_mfn(mfn_t m);
/* Ports of the UART in use by the console (x86/uart.c): no guest gets them. */
bool hyp_owns_port(u16 port);
/* HPET in use by the hypervisor: dom0 may map it read-only. */
bool hyp_uses_hpet_mfn(mfn_t m);
void m2p_map_info(u64 *start, u64 *end, u64 *max_mfn_out); /* for XENMEM_machphys_mapping */

/* ---- speculation ---- */
/* @i if i < n, else 0, also while the CPU guesses. */
static inline u64 array_index(u64 i, u64 n)
{
	u64 mask;
	__asm__ volatile("cmp %2, %1\n\tsbb %0, %0" : "=r"(mask) : "r"(i), "r"(n) : "cc");
	return i & mask;
}
