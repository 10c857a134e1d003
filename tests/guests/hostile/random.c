/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hypercalls with arguments of chance, out of numbers that mean something: frames, ports,
 * addresses of its own and of the hypervisor's. It may well end itself so; seed=N on the
 * command line repeats it.
 */
#include "hostile.h"
#include "lib/pt.h"

#define ROUNDS 50000

static u64 state;
static u64 *scratch;

static u64 any(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static u64 argument(u32 depth)
{
	switch (any() % 12) {
	case 0:
		return 0;
	case 1:
		return any() % 8;
	case 2:
		return any() % 64;
	case 3:
		return pfn_to_mfn(any() % start_info->nr_pages);
	case 4:
		return pfn_to_mfn(any() % start_info->nr_pages) << 12 | any() % 512 << 3 |
		       any() % 4;
	case 5:
		return DOMID_SELF;
	case 6:
		return HYPERVISOR_VIRT_START + any() % (1UL << 40);
	case 7:
		return any();
	case 8:
		return P(scratch) + PAGE_SIZE - any() % 64;
	case 9:
		return own_domid;
	default:
		return P(scratch) + (depth ? any() % 16 * 256 : 0);
	}
}

/* Structures of 64-bit and of 32-bit members. */
static void fill_scratch(void)
{
	for (u32 i = 0; i < 32; i++)
		scratch[i] = any() & 1 ? argument(1)
				       : (argument(1) & 0xffffffff) | any() << 32;
}

/* Not those that only end or occupy this domain: they are misdeeds of their own. */
static bool worth_it(u64 nr, u64 cmd)
{
	switch (nr) {
	case __HYPERVISOR_iret:
	case __HYPERVISOR_set_trap_table:
	case __HYPERVISOR_multicall: /* the same calls again */
	case __HYPERVISOR_sched_op_compat:
	case __HYPERVISOR_console_io: /* all its time goes into long texts */
		return false;
	case __HYPERVISOR_sched_op:
		return cmd == SCHEDOP_yield;
	case __HYPERVISOR_vcpu_op:
		return (u32)cmd != VCPUOP_down;
	default:
		return true;
	}
}

/* A call has unmapped the scratch page. If it is another one, this helps nothing: hence a
 * bound. */
static bool map_again(struct trap_frame *f)
{
	static u32 times;
	u64 own = pfn_to_mfn(va_to_pfn(scratch)) << 12;

	return f->vector == TRAP_PF && times++ < 1000 &&
	       set_pte(scratch, own | PTE_RW_ENTRY) == 0;
}

void random_hypercalls(void)
{
	const char *seed = option("seed");

	state = 88172645463325252UL + (seed ? (u64)*seed << 32 : 0);
	scratch = alloc_page();
	trap_hook = map_again;
	for (u32 i = 0; i < ROUNDS; i++) {
		u64 nr = any() % 42, cmd = any() % 3 ? any() % 40 : argument(0);

		fill_scratch();
		if (worth_it(nr, cmd))
			hypercall5(nr, cmd, argument(0), argument(0), argument(0),
				   argument(0));
	}
}
