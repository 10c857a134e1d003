/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Descriptor tables, interrupt stacks and syscall stubs of each CPU. A CPU's stack block of 64 KiB,
 * 16 pages: 0 guard, 1 #DF, 2 guard, 3-4 NMI, 5 guard, 6-7 #MC, 8 guard, 9-10 #DB, 11 guard,
 * 12-15 main stack with struct cpu_info on top. All in one block, so that cpu_info() works on each. */
#include "core/log.h"
#include "x86/asm.h"
#include "x86/boot.h"
#include "x86/desc.h"
#include "x86/x86.h"
#include <string.h>

_Static_assert(CPU_STACK_SIZE == STACK_BYTES, "asm.h");
_Static_assert(sizeof(struct cpu_info) == CPU_INFO_BYTES, "asm.h");
_Static_assert(offsetof(struct cpu_info, scratch) == CPU_INFO_SCRATCH, "asm.h");
_Static_assert(offsetof(struct cpu_user_regs, error_code) == REGS_ERROR, "asm.h");
_Static_assert(offsetof(struct cpu_user_regs, entry_vector) == REGS_VECTOR, "asm.h");
_Static_assert(offsetof(struct cpu_user_regs, rip) == REGS_RIP, "asm.h");
_Static_assert(offsetof(struct cpu_user_regs, cs) == REGS_CS, "asm.h");
_Static_assert(offsetof(struct cpu_user_regs, rflags) == REGS_RFLAGS, "asm.h");
_Static_assert(offsetof(struct cpu_user_regs, rsp) == REGS_RSP, "asm.h");
_Static_assert(offsetof(struct cpu_user_regs, ss) == REGS_SS, "asm.h");
_Static_assert(offsetof(struct cpu_user_regs, es) == REGS_QWORDS * 8, "asm.h");

struct gate {
	u16 offset_low, selector;
	u8 ist, attr;
	u16 offset_mid;
	u32 offset_high, zero;
};

struct tss {
	u32 zero0;
	u64 rsp[3];
	u64 zero1;
	u64 ist[7];
	u64 zero2;
	u16 zero3, io_map; /* beyond the limit: no ports */
} __packed;

static struct gate idt[256] __aligned(4096);
static DEFINE_PERCPU(struct tss, tss) __aligned(64);
static u8 boot_gdt_page[PAGE_SIZE] __aligned(4096);
static u64 *gdt_pages[MAX_CPUS]; /* direct-map addresses */

extern char gate_stubs[], syscall_entry[], syscall32_entry[], syscall_stubs[];

u64 *gdt_page(u32 cpu)
{
	return gdt_pages[cpu];
}

void gdt_page_set(u32 cpu, void *page)
{
	gdt_pages[cpu] = page;
}

/* ---- IDT ---- */

void idt_init(void)
{
	for (u32 v = 0; v < 256; v++) {
		u64 at = (u64)gate_stubs + v * 16;

		idt[v] = (struct gate){.offset_low = (u16)at,
		                       .offset_mid = (u16)(at >> 16),
		                       .offset_high = (u32)(at >> 32),
		                       .selector = HYP_CS,
		                       .attr = 0x8e};
	}
	/* int3 and into are for everybody; other software interrupts reach the guest through #GP. */
	idt[3].attr = 0xee;
	idt[4].attr = 0xee;
}

void set_ist(u8 vector, u8 ist)
{
	idt[vector].ist = ist;
}

static void load_idt(void)
{
	struct {
		u16 limit;
		u64 base;
	} __packed p = {sizeof(idt) - 1, (u64)idt};

	__asm__ volatile("lidt %0" ::"m"(p));
}

/* ---- GDT ---- */

#define DESC(sel) ((sel & 0xfff) / 8)

static void set_system_desc(u64 *page, u16 sel, u64 base, u32 limit, u8 type)
{
	u64 lo = (limit & 0xffff) | (base & 0xffffff) << 16 | (u64)(0x80 | type) << 40 |
	         (u64)(limit >> 16 & 15) << 48 | (base >> 24 & 0xff) << 56;

	page[DESC(sel) + 1] = base >> 32;
	page[DESC(sel)] = lo;
}

void load_gdt(u64 base, u16 limit)
{
	struct {
		u16 limit;
		u64 base;
	} __packed p = {limit, base};

	__asm__ volatile("lgdt %0" ::"m"(p) : "memory");
}

/* The lower 14 pages of this table are whatever lies there: nothing loads selectors below 0xe000
 * while no guest runs. */
void load_idle_gdt(void)
{
	load_gdt((u64)gdt_page(smp_cpu_id()) - HYP_GDT_PAGE * PAGE_SIZE, HYP_GDT_LIMIT);
}

void load_ldt(u64 base, u32 entries)
{
	u16 sel = 0;

	if (entries) {
		set_system_desc(gdt_page(smp_cpu_id()), HYP_LDT, base, entries * 8 - 1, 2);
		sel = HYP_LDT;
	}
	__asm__ volatile("lldt %0" ::"r"(sel) : "memory");
}

static void reload_segments(void)
{
	u64 tmp;

	__asm__ volatile("pushq %1\n\tleaq 1f(%%rip), %0\n\tpushq %0\n\tlretq\n1:"
	                 : "=&r"(tmp)
	                 : "i"(HYP_CS)
	                 : "memory");
	__asm__ volatile("mov %0, %%ss" ::"r"(HYP_SS));
	load_ds(0);
	load_es(0);
	load_fs(0);
	load_gs(0);
}

/* ---- TSS ---- */

static void init_tss(struct tss *t)
{
	u64 block = (u64)cpu_info() & ~(CPU_STACK_SIZE - 1);

	memset(t, 0, sizeof(*t));
	t->rsp[0] = (u64)&guest_regs()->es;
	t->ist[IST_DF - 1] = block + 2 * PAGE_SIZE;
	t->ist[IST_NMI - 1] = block + 5 * PAGE_SIZE;
	t->ist[IST_MC - 1] = block + 8 * PAGE_SIZE;
	t->ist[IST_DB - 1] = block + 11 * PAGE_SIZE;
	t->io_map = sizeof(*t);
}

bool stack_page_is_guard(u32 page)
{
	return page == 0 || page == 2 || page == 5 || page == 8 || page == 11;
}

void desc_init_this(void)
{
	u32 cpu = smp_cpu_id();
	u64 *page;

	if (!gdt_pages[cpu]) /* the boot CPU, before there is memory */
		gdt_pages[cpu] = maddr_to_virt((u64)boot_gdt_page - VIRT_OFFSET);
	page = gdt_pages[cpu];
	/* Accessed bits set: the CPU never writes here. */
	page[DESC(HYP_CS)] = 0x00af9b000000ffff;
	page[DESC(HYP_SS)] = 0x00cf93000000ffff;
	page[DESC(FLAT_RING3_CS32)] = 0x00cffb000000ffff;
	page[DESC(FLAT_RING3_DS32)] = 0x00cff3000000ffff;
	page[DESC(FLAT_RING3_CS64)] = 0x00affb000000ffff;
	init_tss(&this_cpu(tss));
	set_system_desc(page, HYP_TSS, (u64)&this_cpu(tss), sizeof(struct tss) - 1, 9);
	load_idle_gdt();
	reload_segments();
	__asm__ volatile("ltr %0" ::"r"((u16)HYP_TSS));
	load_ldt(0, 0);
	load_idt();
}

void ist_enable(void)
{
	set_ist(1, IST_DB);
	set_ist(2, IST_NMI);
	set_ist(8, IST_DF);
	set_ist(18, IST_MC);
}

/* ---- syscall stubs: find the stack without a register or GS ---- */

static u8 *put(u8 *p, const void *bytes, size_t n)
{
	memcpy(p, bytes, n);
	return p + n;
}

/* Writes through @p what runs at @at:
 *   mov %rax, scratch; mov %rsp, %rax; mov $&guest_regs.es, %rsp; push $SS; push %rax; jmp entry */
static void write_stub(u8 *p, u64 at, u64 info, const char *entry)
{
	u64 scratch = info + offsetof(struct cpu_info, scratch);
	u64 es = info + offsetof(struct cpu_info, guest_regs.es);
	u32 ss = FLAT_RING3_SS64, rel;

	u8 *start = p;
	p = put(p, "\x48\xa3", 2);
	p = put(p, &scratch, 8);
	p = put(p, "\x48\x89\xe0\x48\xbc", 5);
	p = put(p, &es, 8);
	p = put(p, "\x68", 1);
	p = put(p, &ss, 4);
	p = put(p, "\x50\xe9", 2);
	rel = (u32)((u64)entry - (at + (u64)(p - start) + 4));
	put(p, &rel, 4);
}

void stubs_init(void)
{
	/* The boot tables still map everything writable. */
	u8 *rw = maddr_to_virt((u64)syscall_stubs - VIRT_OFFSET);

	for (u32 cpu = 0; cpu < MAX_CPUS; cpu++) {
		u64 info = stack_block(cpu) + CPU_STACK_SIZE - sizeof(struct cpu_info);
		u64 at = (u64)syscall_stubs + (u64)cpu * STUB_BYTES;

		write_stub(rw, at, info, syscall_entry);
		write_stub(rw + STUB_BYTES / 2, at + STUB_BYTES / 2, info, syscall32_entry);
		rw += STUB_BYTES;
	}
}
