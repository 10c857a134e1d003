/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes to an L1 table through its read-only mapping are carried out by the hypervisor, if what they would
 * write is allowed. For each instruction that kernels use there, memory, registers and flags must be as on
 * plain memory (the same instruction runs on both and the results are compared), and an entry that mmu_update
 * refuses must be refused here too, as a page fault that leaves the entry alone.
 */
#include "lib/pt.h"

const char test_title[] = "pt_emulated_writes";

static u64 *l1;    /* a pinned L1 table, mapped read-only */
static u64 *plain; /* ordinary memory */

struct state {
	u64 mem, rax, rcx, flags;
};

#define DEFINE(name, text)                                                                 \
	static struct state name(u64 *p, u64 rax, u64 rcx)                                 \
	{                                                                                  \
		struct state s;                                                            \
		__asm__ volatile(text "\n\tpushfq\n\tpopq %[f]"                            \
		                 : "+a"(rax), "+c"(rcx), [f] "=r"(s.flags)                 \
		                 : [p] "r"(p)                                              \
		                 : "memory", "cc");                                        \
		s.rax = rax;                                                               \
		s.rcx = rcx;                                                               \
		s.mem = *(volatile u64 *)p;                                                \
		return s;                                                                  \
	}
DEFINE(mov8, "movq %%rcx, (%[p])")
DEFINE(mov4, "movl %%ecx, (%[p])")
DEFINE(mov4_high, "movl %%ecx, 4(%[p])")
DEFINE(mov1, "movb %%cl, 1(%[p])")
DEFINE(mov_imm, "movq $0, (%[p])")
DEFINE(xchg8, "xchgq %%rcx, (%[p])")
DEFINE(cmpxchg8, "lock cmpxchgq %%rcx, (%[p])")
DEFINE(andb, "lock andb $0xfd, (%[p])")
DEFINE(orb, "lock orb $0x40, (%[p])")
DEFINE(andq, "lock andq %%rcx, (%[p])")
DEFINE(xorl, "lock xorl $0x20, (%[p])")
DEFINE(btr, "lock btrq $1, (%[p])")
DEFINE(bts, "lock btsq $5, (%[p])")
DEFINE(btr_reg, "lock btrq %%rcx, (%[p])")
DEFINE(xadd, "lock xaddq %%rcx, (%[p])")

#define FLAGS 0xcd5UL
#define OURS  PTE_G /* an entry's global bit is the hypervisor's */

static void same(const char *name, struct state (*run)(u64 *, u64, u64), u64 start, u64 rax, u64 rcx, u64 flags)
{
	struct state a, b;

	CHECK_EQ(update_entry(&l1[5], start), 0);
	start = l1[5]; /* as it is stored */
	plain[5] = start;
	a = run(&plain[5], rax, rcx);
	b = run(&l1[5], rax, rcx);
	if ((a.mem ^ b.mem) & ~OURS || (a.rax ^ b.rax) & ~OURS || (a.rcx ^ b.rcx) & ~OURS ||
	     (a.flags & flags) != (b.flags & flags))
		test_failure("%s: memory %lx rax %lx rcx %lx flags %lx, on plain memory %lx %lx %lx %lx", name,
		             b.mem, b.rax, b.rcx, b.flags, a.mem, a.rax, a.rcx, a.flags);
}

static void refused(u64 val)
{
	u64 before = l1[5];

	CHECK_EQ(probe_write(&l1[5], val), TRAP_PF);
	CHECK_EQ(last_trap_error & 3, 3);
	CHECK_EQ(l1[5], before);
}

void test_main(void)
{
	void *data = alloc_page(), *other = alloc_page();
	u64 e, o;

	l1 = table_page(0, 0);
	plain = alloc_page();
	CHECK_EQ(pin(l1, 1), 0);
	e = entry(data, PTE_RW_ENTRY);
	o = entry(other, PTE_RO_ENTRY);

	same("mov 8", mov8, 0, 1, e, FLAGS);
	same("mov 8 over another", mov8, e, 1, o, FLAGS);
	same("mov 4 absent", mov4, 0, 1, 0x1000, FLAGS);
	same("mov 4 high half", mov4_high, 0, 1, 0x12, FLAGS);
	same("mov 1", mov1, e, 1, (e >> 8 & 0xff) | 2, FLAGS);
	same("mov imm", mov_imm, e, 0, 0, FLAGS);
	same("xchg", xchg8, e, 1, o, FLAGS);
	same("xchg with 0", xchg8, e, 1, 0, FLAGS);
	same("cmpxchg equal", cmpxchg8, e, e, o, FLAGS);
	same("cmpxchg different", cmpxchg8, e, e + 4096, o, FLAGS);
	same("andb", andb, e, 0, 0, FLAGS & ~0x10UL);
	same("orb", orb, o, 0, 0, FLAGS & ~0x10UL);
	same("andq", andq, e, 0, ~PTE_W, FLAGS & ~0x10UL);
	same("xorl", xorl, e, 0, 0, FLAGS & ~0x10UL);
	same("btr", btr, e, 0, 0, 0x41);
	same("bts", bts, o, 0, 0, 0x41);
	same("btr by register", btr_reg, e, 0, 1, 0x41);
	same("xadd", xadd, 0, 0, 4096, FLAGS);

	CHECK_EQ(update_entry(&l1[5], e), 0);
	refused(0x200000UL | PTE_RO_ENTRY);       /* the hypervisor's */
	refused(entry(l1, PTE_RW_ENTRY));         /* a table */
	refused(0xfee00000UL | PTE_RW_ENTRY);     /* the local APIC */
	/* tables of upper levels are not written this way */
	{
		u64 *l2 = table_page(0, 0);

		CHECK_EQ(pin(l2, 2), 0);
		CHECK_EQ(probe_write(&l2[3], 0), TRAP_PF);
		CHECK_EQ(unpin(l2), 0);
		CHECK_EQ(probe_write(&l2[3], 0), TRAP_PF); /* nor is what is merely mapped read-only */
	}
	CHECK_EQ(unpin(l1), 0);
	make_writable(l1);
}
