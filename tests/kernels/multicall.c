/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A multicall runs its entries in order, each with a result of its own, and is as strict as the calls
 * by themselves: it does not nest, and an entry array that cannot be read ends it. A long list that
 * must be interrupted gives the same results as a short one.
 */
#include "lib/test.h"

const char test_title[] = "multicall";

#define MANY 20000

static struct multicall_entry list[MANY];

static struct multicall_entry version_entry(void)
{
	struct multicall_entry e;

	memset(&e, 0, sizeof(e));
	e.op = __HYPERVISOR_xen_version;
	e.args[0] = XENVER_version;
	e.result = 77;
	return e;
}

void test_main(void)
{
	CHECK_EQ(hypercall2(__HYPERVISOR_multicall, list, 0), 0);

	list[0] = version_entry();
	list[1] = version_entry();
	list[1].op = 63; /* no such call: its own result says so, the others run */
	list[2] = version_entry();
	CHECK_EQ(hypercall2(__HYPERVISOR_multicall, list, 3), 0);
	CHECK_EQ(list[0].result, 4 << 16 | 17);
	CHECK_EQ(list[1].result, -XEN_ENOSYS);
	CHECK_EQ(list[2].result, 4 << 16 | 17);

	for (u32 i = 0; i < MANY; i++) {
		list[i] = version_entry();
		if (i % 3 == 1) {
			list[i].op = __HYPERVISOR_set_segment_base;
			list[i].args[0] = SEGBASE_FS;
			list[i].args[1] = i;
		}
	}
	CHECK_EQ(hypercall2(__HYPERVISOR_multicall, list, MANY), 0);
	for (u32 i = 0; i < MANY; i++)
		CHECK_EQ(list[i].result, i % 3 == 1 ? 0 : 4 << 16 | 17);

	CHECK(hypercall2(__HYPERVISOR_multicall, 0x1000, 1) < 0);
	CHECK(hypercall2(__HYPERVISOR_multicall, list, ~0UL) < 0);
	CHECK_EQ(hypercall5(63, 0, 0, 0, 0, 0), -XEN_ENOSYS);
	CHECK_EQ(hypercall5(100000, 0, 0, 0, 0, 0), -XEN_ENOSYS);
	CHECK_EQ(hypercall5(~0UL, 0, 0, 0, 0, 0), -XEN_ENOSYS);
}
