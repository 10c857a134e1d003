/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The other CPUs: finding, starting, interrupting and stopping them. */
#include "x86/smp.h"
#include "core/heap.h"
#include "core/init.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/options.h"
#include "core/sched.h"
#include "x86/asm.h"
#include "x86/boot.h"
#include "x86/desc.h"
#include "x86/x86.h"
#include <string.h>

cpumask_t cpu_online_map;
u32 nr_cpus = 1;

static u32 apic_ids[MAX_CPUS], acpi_ids[MAX_CPUS];
static u32 thread_bits, core_bits; /* of an APIC id: thread in core, and both in socket */

u64 ap_stack; /* where x86/boot.S puts the next one */

extern char trampoline_start[], trampoline_end[];

u32 cpu_apic_id(u32 cpu)
{
	return cpu < MAX_CPUS ? apic_ids[cpu] : 0;
}

u32 cpu_acpi_id(u32 cpu)
{
	return cpu < MAX_CPUS ? acpi_ids[cpu] : 0;
}

void cpu_topology(u32 cpu, u32 *core, u32 *socket)
{
	u32 id = cpu_apic_id(cpu);

	*socket = id >> core_bits;
	*core = (id & (u32)(BIT(core_bits) - 1)) >> thread_bits;
}

u32 cpu_node(u32 cpu)
{
	for (u32 i = 0; i < acpi_srat.nr_cpus; i++)
		if (acpi_srat.cpus[i].apic_id == cpu_apic_id(cpu))
			return acpi_srat.cpus[i].domain;
	return 0;
}

/* ---- which CPUs there are ---- */

static u32 bits_for(u32 n)
{
	u32 bits = 0;

	while (BIT(bits) < n)
		bits++;
	return bits;
}

static void read_topology(void)
{
	u32 r[4];

	if (cpu_features.max_leaf >= 0xb) {
		cpuid(0xb, 0, r);
		if (r[1]) {
			thread_bits = r[0] & 31;
			cpuid(0xb, 1, r);
			core_bits = r[1] ? r[0] & 31 : thread_bits;
			return;
		}
	}
	if (cpu_features.vendor == VENDOR_AMD && cpu_features.max_ext_leaf >= 0x80000008) {
		cpuid(0x80000008, 0, r);
		core_bits = r[2] >> 12 & 15 ? r[2] >> 12 & 15 : bits_for((r[2] & 0xff) + 1);
		return;
	}
	if (cpu_features.leaf1_edx & BIT(28)) {
		u32 cores = 1;

		cpuid(1, 0, r);
		core_bits = bits_for(r[1] >> 16 & 0xff);
		if (cpu_features.max_leaf >= 4) {
			cpuid(4, 0, r);
			cores = (r[0] >> 26) + 1;
		}
		thread_bits = core_bits - MIN(core_bits, bits_for(cores));
	}
}

static void add_cpu(u32 apic_id, u32 acpi_id)
{
	apic_ids[nr_cpus] = apic_id;
	acpi_ids[nr_cpus] = acpi_id;
	nr_cpus++;
}

/* CPU 0 is the one that booted; the others follow in the firmware's order. */
void smp_init(void)
{
	u32 r[4], self, unused = 0;

	cpuid(1, 0, r);
	self = r[1] >> 24;
	read_topology();
	if (cpu_features.max_leaf >= 0xb) {
		cpuid(0xb, 0, r);
		if (r[1])
			self = r[3];
	}
	nr_cpus = 0;
	add_cpu(self, 0);
	for (u32 i = 0; i < acpi_madt.nr_cpus; i++) {
		const struct acpi_cpu *c = &acpi_madt.cpus[i];

		if (c->apic_id == self)
			acpi_ids[0] = c->acpi_id;
		else if (nr_cpus >= MAX_CPUS || (!cpu_features.x2apic && c->apic_id > 254) ||
		         (!options.smt && (c->apic_id & (u32)(BIT(thread_bits) - 1))))
			unused++;
		else
			add_cpu(c->apic_id, c->acpi_id);
	}
	if (unused)
		log_info("SMP: %u CPUs are left unused%s\n", unused,
		         options.smt ? "" : " (smt=no)");
}

/* ---- starting them ---- */

static void *trampoline_page(void)
{
	for (u64 a = 0x8000; a < 0x9f000; a += PAGE_SIZE)
		if (e820_covers(&host_e820, a, PAGE_SIZE, E820_RAM))
			return maddr_to_virt(a);
	return NULL;
}

static bool wait_online(u32 cpu, u32 ms)
{
	u64 start = rdtsc(), ticks = tsc_hz() / 1000 * ms;

	while (rdtsc() - start < ticks && !bit_test(&cpu_online_map, cpu))
		time_answer_ap();
	return bit_test(&cpu_online_map, cpu);
}

static void prepare_cpu(u32 cpu)
{
	void *block = alloc_xen_pages(CPU_STACK_ORDER);
	void *gdt = alloc_xen_page();
	struct cpu_info *info;

	if (!block || !gdt)
		panic("no memory to start CPU %u", cpu);
	gdt_page_set(cpu, gdt);
	paging_map_stack(cpu, virt_to_maddr(block));
	info = (struct cpu_info *)((char *)block + CPU_STACK_SIZE) - 1;
	info->cpu = cpu;
	info->percpu_offset = percpu_offset[cpu];
	ap_stack = stack_block(cpu) + CPU_STACK_SIZE - sizeof(*info);
}

static bool start_cpu(u32 cpu, u8 page)
{
	prepare_cpu(cpu);
	smp_mb();
	apic_send_ipi(apic_ids[cpu], ICR_INIT | ICR_ASSERT);
	udelay(10000);
	for (u32 i = 0; i < 2; i++) {
		apic_send_ipi(apic_ids[cpu], ICR_SIPI | ICR_ASSERT | page);
		if (wait_online(cpu, i ? 5000 : 100))
			return true;
	}
	return false;
}

void smp_boot_all(void)
{
	void *page = trampoline_page();

	if (nr_cpus == 1)
		return;
	if (!page)
		panic("no page below 1 MiB to start CPUs from");
	memcpy(page, trampoline_start, (size_t)(trampoline_end - trampoline_start));
	for (u32 cpu = 1; cpu < nr_cpus; cpu++)
		if (!start_cpu(cpu, (u8)(virt_to_maddr(page) >> PAGE_SHIFT)))
			panic("CPU %u (APIC id %u) does not start", cpu, apic_ids[cpu]);
	log_info("SMP: %u CPUs\n", nr_cpus);
}

void smp_ap_main(void)
{
	cpu_init_this();
	desc_init_this();
	cpu_init_syscall();
	fpu_init_this();
	apic_init_this();
	time_init_ap();
	sched_start_cpu();
	cpumask_set_atomic(&cpu_online_map, smp_cpu_id());
	local_irq_enable();
	time_start_resync();
	idle_loop();
}

/* ---- interprocessor interrupts ---- */

void smp_send_ipi(const cpumask_t *mask, u8 vector)
{
	cpumask_for_each(cpu, mask)
		apic_send_ipi(apic_ids[cpu], ICR_FIXED | ICR_ASSERT | vector);
}

void cpus_kick(const cpumask_t *mask)
{
	cpumask_t m = cpumask_and(mask, &cpu_online_map);

	smp_mb(); /* what they shall notice is written */
	smp_send_ipi(&m, VECTOR_KICK);
}

static spinlock_t call_lock = SPINLOCK(LOCK_CALL, "call");
/* The call under way. Lock: call_lock. */
static struct {
	void (*fn)(void *arg);
	void *arg;
	cpumask_t pending; /* atomic bits: CPUs that have not done it */
} call;

void smp_call_interrupt(void)
{
	u32 self = smp_cpu_id();

	if (!bit_test(call.pending.w, self))
		return;
	smp_rmb();
	call.fn(call.arg);
	cpumask_clear_atomic(&call.pending, self);
}

void cpus_call(const cpumask_t *mask, void (*fn)(void *arg), void *arg)
{
	cpumask_t others = cpumask_and(mask, &cpu_online_map);
	u32 self = smp_cpu_id();
	bool me = cpumask_test(&others, self);
	u64 flags;

	cpumask_clear(&others, self);
	if (!cpumask_empty(&others)) {
		spin_lock(&call_lock);
		call.fn = fn;
		call.arg = arg;
		smp_wmb();
		call.pending = others;
		smp_mb();
		smp_send_ipi(&others, VECTOR_CALL);
		while (!cpumask_empty(&call.pending)) {
			tlb_serve();
			cpu_relax();
		}
		spin_unlock(&call_lock);
	}
	if (me) {
		flags = local_irq_save();
		fn(arg);
		local_irq_restore(flags);
	}
}

/* ---- stopping ---- */

static bool stopping;

bool smp_stopping(void)
{
	return READ_ONCE(stopping);
}

/* By NMI: they may have interrupts off for good. Does not wait for their consent. */
void smp_stop_others(void)
{
	cpumask_t others = cpu_online_map;

	if (__atomic_exchange_n(&stopping, true, __ATOMIC_SEQ_CST))
		return;
	cpumask_clear(&others, smp_cpu_id());
	cpumask_for_each(cpu, &others)
		apic_send_ipi(apic_ids[cpu], ICR_NMI | ICR_ASSERT);
	if (!cpumask_empty(&others))
		udelay(1000);
}

void machine_idle(void)
{
	__asm__ volatile("sti\n\thlt" ::: "memory");
}
