/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The boot list: everything that happens between the boot loader and dom0's first instruction. */
#include "core/init.h"
#include "core/log.h"
#include "core/mm.h"
#include "core/options.h"
#include "core/sched.h"
#include "logic/cmdline.h"
#include "x86/boot.h"
#include "x86/desc.h"
#include "x86/smp.h"
#include "x86/x86.h"

struct boot_info boot_info;
struct options options;

/* The boot tables map the first 4 GiB; what a loader says lies there. */
static bool read_low(void *ctx, u64 addr, void *dst, size_t n)
{
	if (addr >= 0x100000000 || n > 0x100000000 - addr)
		return false;
	__builtin_memcpy(dst, maddr_to_virt(addr), n);
	return true;
}

/* Needs no console: its errors are kept until there is one. */
static const char *read_boot_info(u32 magic, u32 info, u32 *bad_words, char bad[64])
{
	struct boot_reader r = {.read = read_low};
	const char *err = boot_info_parse(&boot_info, magic, info, &r);

	options_default(&options);
	*bad_words = options_parse(&options, boot_info.cmdline, bad, 64);
	return err;
}

static void greet(const char *err, u32 bad_words, const char *bad)
{
	log_info("Keel %s, started by %s\n", KEEL_VERSION, boot_info.loader);
	log_info("command line: %s\n", options.command_line);
	if (bad_words)
		log_warn("%u words of the command line mean nothing here, first \"%s\"\n", bad_words,
		         bad);
	if (err)
		panic("boot: %s", err);
	for (u32 i = 0; i < boot_info.nr_modules; i++)
		log_info("module %u: %llu KiB, \"%s\"\n", i,
		         (unsigned long long)(boot_info.modules[i].end -
		                              boot_info.modules[i].start) >> 10,
		         boot_info.modules[i].cmdline);
}

/* On the boot CPU's own stack, in the final address space. */
__attribute__((used)) static __noreturn void boot_list(void)
{
	uart_remap();
	vga_remap();
	desc_init_this();
	ist_enable();
	cpu_init_syscall();
	heap_init();
	boot_memory_to_heap();
	paging_seal();
	acpi_tables_init();
	smp_init();
	percpu_init();
	apic_init();
	irq_init();
	ioapic_init();
	time_init();
	fpu_init_this();
	timers_init();
	trace_init();
	keys_init();
	uart_init_irq();
	domains_init();
	m2p_share();
	sched_init();
	sched_start_cpu();
	local_irq_enable();
	time_start_resync();
	smp_boot_all();
	dom0_build();
	log_info("starting dom0\n");
	idle_loop();
}

/* From x86/boot.S, with the loader's two values, on the boot stack and the boot page tables. */
void hypervisor_main(u32 magic, u32 info)
{
	char bad[64];
	u32 bad_words;
	const char *err;

	cpumask_set(&cpu_online_map, 0);
	err = read_boot_info(magic, info, &bad_words, bad);
	idt_init();
	desc_init_this();
	uart_init();
	vga_init();
	console_init();
	greet(err, bad_words, bad);
	cpu_init_features();
	cpu_init_this();
	boot_memory_init();
	stubs_init();
	paging_init();
	/* The same stack by its final address, below guards. */
	__asm__ volatile("mov %0, %%rsp\n\txor %%ebp, %%ebp\n\tjmp boot_list" ::"r"(
	                         stack_block(0) + CPU_STACK_SIZE - sizeof(struct cpu_info))
	                 : "memory");
	__builtin_unreachable();
}
