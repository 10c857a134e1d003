/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All that a guest can do with its processors. */
#include "hostile.h"
#include "lib/pt.h"

#define TRAP_UD 6
#define TRAP_GP 13

/* ---- what the processor refuses ---- */

#define INSTRUCTION(name, text)                                                          \
	static void name(void *arg)                                                      \
	{                                                                                \
		__asm__ volatile(text ::"D"(arg) : "memory", "rax", "rcx", "rdx");       \
	}
INSTRUCTION(load_task, "mov $0x40, %%eax; ltr %%ax")
INSTRUCTION(load_ldt, "mov $0x48, %%eax; lldt %%ax")
INSTRUCTION(load_gdt, "lgdt (%0)")
INSTRUCTION(load_idt, "lidt (%0)")
INSTRUCTION(machine_word, "mov $1, %%eax; lmsw %%ax")
INSTRUCTION(no_paging, "mov $0, %%eax; mov %%rax, %%cr0")
INSTRUCTION(bad_base, "mov $-4096, %%rax; mov %%rax, %%cr3")
INSTRUCTION(priority, "mov $0, %%eax; mov %%rax, %%cr8")
INSTRUCTION(keyboard_reset, "mov $0xfe, %%al; out %%al, $0x64")
INSTRUCTION(pci_config, "mov $0xcf8, %%edx; mov $0x80000000, %%eax; out %%eax, %%dx")
INSTRUCTION(system_return, "xor %%ecx, %%ecx; sysretq")

static void (*const instructions[])(void *) = {
	load_task, load_ldt,	   load_gdt,   load_idt,      machine_word, no_paging,
	bad_base,  keyboard_reset, pci_config, system_return, priority,
};

static void refused_instructions(void)
{
	struct physdev_set_iopl level = {.iopl = 3};
	void *descriptor = alloc_page();

	for (u32 i = 0; i < ARRAY_SIZE(instructions); i++) {
		int vector = probe_call(instructions[i], descriptor);

		if (vector != TRAP_GP && vector != TRAP_UD)
			test_failure("instruction %u: vector %d", i, vector);
	}
	/* What it may say to a port is not heard by the machine. */
	if (hc_physdev_op(PHYSDEVOP_set_iopl, &level) == 0)
		probe_call(keyboard_reset, NULL);
}

/* Written or not, nothing of it may be seen by others; the probe survives the refusal. */
static void model_specific_registers(void)
{
	static const u32 bases[] = {0,		0x1b,	    0x10,	0x174,	   0x200,
				    0x277,	0x2ff,	    0x400,	0x600,	   0x800,
				    0xc0000080, 0xc0010000, 0xc0010110, 0x40000000};
	u64 value;

	for (u32 i = 0; i < ARRAY_SIZE(bases); i++)
		for (u32 msr = bases[i]; msr < bases[i] + 8; msr++) {
			if (msr - 0xc0000081 <= 2)
				continue; /* where its own system calls lead */
			probe_rdmsr(msr, &value);
			probe_wrmsr(msr, 0);
			probe_wrmsr(msr, ~0UL);
		}
}

/* The hypervisor's frames that a guest may map: none of its memory, but its own. */
static bool frame_is_shared(u64 mfn)
{
	u64 grants = *pte_of(grant_frame(0), NULL) & 0x000ffffffffff000;

	return mfn << 12 == start_info->shared_info || mfn << 12 == grants;
}

/* Every frame of the machine: what is not its own is not to be had writable. */
static void frames_of_others(void)
{
	void *window = alloc_page();
	u64 own_first = va_to_mfn(window);
	u64 most = (u64)hc_memory_op(XENMEM_maximum_ram_page, NULL);

	for (u64 mfn = 1; mfn <= most; mfn++) {
		if (frame_is_own(mfn) || frame_is_shared(mfn))
			continue;
		if (set_pte(window, mfn << 12 | PTE_RW_ENTRY) == 0)
			test_failure("mapped frame %lx, which is another's", mfn);
	}
	CHECK_EQ(set_pte(window, own_first << 12 | PTE_RW_ENTRY), 0);
}

void privileged_instructions(void)
{
	u64 *own_table = pte_of(start_info, NULL);

	refused_instructions();
	model_specific_registers();
	CHECK_EQ(probe_write(own_table, ~0UL), TRAP_PF);
	CHECK_EQ(probe_write((void *)HYPERVISOR_VIRT_START, 0), TRAP_PF);
	CHECK_EQ(probe_write((void *)(HYPERVISOR_VIRT_END - 4096), 0), TRAP_PF);
	frames_of_others();
}

/* ---- what keeps them busy ---- */

static u64 stacks[8][512] __attribute__((aligned(4096)));

static bool start_vcpu(u32 id, void (*entry)(void))
{
	static struct vcpu_guest_context c;

	vcpu_context(&c, P(entry), &stacks[id][512]);
	return hc_vcpu_op(VCPUOP_initialise, id, &c) == 0 &&
	       hc_vcpu_op(VCPUOP_up, id, NULL) == 0;
}

/* Events are masked on a new vCPU. */
static void spin_here(void)
{
	for (;;)
		;
}

void spin(void)
{
	for (u32 id = 1; id < ARRAY_SIZE(stacks) && start_vcpu(id, spin_here); id++)
		;
	spin_here();
}

static void yield_storm(void)
{
	for (;;)
		hc_sched_op(SCHEDOP_yield, NULL);
}

/* Batches as long as one page holds, of pinning, flushing and scheduling. */
static void multicall_storm(void)
{
	static struct multicall_entry calls[64];
	static struct mmuext_op flush = {.cmd = MMUEXT_TLB_FLUSH_ALL};

	for (;;) {
		for (u32 i = 0; i < ARRAY_SIZE(calls); i++)
			calls[i] = (struct multicall_entry){
				.op = __HYPERVISOR_mmuext_op,
				.args = {P(&flush), 1, 0, DOMID_SELF},
			};
		hypercall2(__HYPERVISOR_multicall, calls, ARRAY_SIZE(calls));
	}
}

/* One entry over and over in one batch that needs many preemptions. */
static void update_storm(void)
{
	static struct mmu_update batch[16384];
	u64 maddr;
	u64 *window = alloc_page(), own = va_to_mfn(window) << 12;

	pte_of(window, &maddr);
	for (u32 i = 0; i < ARRAY_SIZE(batch); i++)
		batch[i] = (struct mmu_update){.ptr = maddr,
					       .val = i & 1 ? own | PTE_RW_ENTRY : 0};
	for (;;)
		hc_mmu_update(batch, ARRAY_SIZE(batch), NULL, DOMID_SELF);
}

static void timer_storm(void)
{
	struct vcpu_set_singleshot_timer t = {.timeout_abs_ns = 1};

	for (;;)
		hc_vcpu_op(VCPUOP_set_singleshot_timer, 3, &t);
}

void storm(void)
{
	static void (*const storms[])(void) = {yield_storm, multicall_storm, timer_storm};

	for (u32 i = 0; i < ARRAY_SIZE(storms); i++)
		if (!start_vcpu(i + 1, storms[i]))
			test_error("vCPU %u does not start", i + 1);
	update_storm();
}
