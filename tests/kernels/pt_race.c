/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Several vCPUs at once, each with its own windows, on a few shared frames: they map them writable, write through
 * translations that may be stale, pin them as L2 tables and unpin them. A vCPU that holds a pin watches the
 * table: its content may not change while the pin is there, whatever the others do, since each write to it has
 * to fault. At the end every frame can be had back, so no reference was lost in a race. (The order of events is
 * chance; the argument is the number of rounds, and the machine's real parallelism.)
 */
#include "lib/pt.h"

const char test_title[] = "pt_race";

#define VCPUS  4
#define FRAMES 3
#define ROUNDS 150
#define SLOT   77

static u64 *frames[FRAMES];
static u64 *windows[VCPUS];
static u8 stacks[VCPUS][16384] __attribute__((aligned(16)));
static u32 running, pins, writes, faults, changed; /* atomic */
extern char write_insn[], write_done[];
extern const u64 trap_entries[33];

/* The one write that may fault; the hook steps over it on any vCPU. */
static bool try_write(u64 *p, u64 val)
{
	u64 fine = 1;

	__asm__ volatile(".globl write_insn, write_done\n"
	                 "write_insn: movq %[val], (%[p])\n\tjmp 1f\n"
	                 "write_done: xorl %k[fine], %k[fine]\n1:"
	                 : [fine] "+r"(fine)
	                 : [val] "r"(val), [p] "r"(p)
	                 : "memory");
	return fine;
}

static bool step_over(struct trap_frame *f)
{
	if (f->vector != TRAP_PF || f->rip != P(write_insn))
		return false;
	f->rip = P(write_done);
	return true;
}

static void count(u32 *what)
{
	__atomic_add_fetch(what, 1, __ATOMIC_RELAXED);
}

static void write_through_window(u32 me, u64 *frame, u64 rnd)
{
	u64 flags = rnd & 1 ? PTE_RW_ENTRY : PTE_RO_ENTRY;
	u64 how = rnd & 2 ? UVMF_NONE : UVMF_INVLPG;

	(void)hc_update_va_mapping(windows[me], entry(frame, flags), how);
	if (try_write(&windows[me][SLOT], rnd & ~1UL)) /* never a present entry */
		count(&writes);
	else
		count(&faults);
	if (rnd & 4)
		(void)hc_update_va_mapping(windows[me], entry(frame, PTE_RO_ENTRY), UVMF_NONE);
}

static void pin_and_watch(u64 *frame)
{
	u64 seen;

	if (pin(frame, 2) != 0)
		return;
	count(&pins);
	seen = READ_ONCE(frame[SLOT]);
	for (u32 i = 0; i < 300; i++)
		if (READ_ONCE(frame[SLOT]) != seen)
			count(&changed);
	if (unpin(frame) != 0)
		count(&changed); /* ours alone: nobody else can have unpinned it */
}

static void race(u32 me)
{
	u64 rnd = me * 0x9e3779b97f4a7c15UL + 1;

	for (u32 i = 0; i < ROUNDS; i++) {
		rnd ^= rnd << 13;
		rnd ^= rnd >> 7;
		rnd ^= rnd << 17;
		if ((rnd >> 32) % 4 == 0)
			pin_and_watch(frames[(rnd >> 40) % FRAMES]);
		else
			write_through_window(me, frames[(rnd >> 40) % FRAMES], rnd);
	}
	(void)hc_update_va_mapping(windows[me], 0, UVMF_INVLPG);
	__atomic_sub_fetch(&running, 1, __ATOMIC_SEQ_CST);
}

static void other_vcpu(u64 me)
{
	race((u32)me);
	for (;;)
		hc_vcpu_op(VCPUOP_down, me, NULL);
}

static bool start(u32 id)
{
	static struct vcpu_guest_context c;

	vcpu_context(&c, P(other_vcpu), &stacks[id][sizeof(stacks[id])]);
	c.user_regs.rdi = id;
	for (u32 v = 0; v < 32; v++)
		if (v != 2 && v != 15)
			c.trap_ctxt[v] = (struct trap_info){(u8)v, 0, FLAT_KERNEL_CS, trap_entries[v]};
	return hc_vcpu_op(VCPUOP_initialise, id, &c) == 0 && hc_vcpu_op(VCPUOP_up, id, NULL) == 0;
}

void test_main(void)
{
	u32 vcpus = 1;

	while (vcpus < VCPUS && hc_vcpu_op(VCPUOP_is_up, vcpus, NULL) >= 0)
		vcpus++;
	if (vcpus < 2)
		test_skip("one vCPU cannot race");
	for (u32 i = 0; i < FRAMES; i++)
		frames[i] = table_page(0, 0); /* the kernel's own mapping stays read-only */
	for (u32 i = 0; i < vcpus; i++)
		windows[i] = alloc_page();
	trap_hook = step_over;
	running = vcpus;
	for (u32 i = 1; i < vcpus; i++)
		if (!start(i))
			test_error("vCPU %u does not start", i);
	race(0);
	while (__atomic_load_n(&running, __ATOMIC_SEQ_CST))
		hc_sched_op(SCHEDOP_yield, NULL);
	printk("%u vCPUs: %u pins, %u writes, %u faults\n", vcpus, pins, writes, faults);
	CHECK_EQ(changed, 0);
	CHECK(pins > 10 && writes > 10 && faults > 10);
	for (u32 i = 0; i < FRAMES; i++) {
		CHECK_EQ(pin(frames[i], 1), 0);
		CHECK_EQ(unpin(frames[i]), 0);
		make_writable(frames[i]);
	}
}
