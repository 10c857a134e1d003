/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * No hypercall reads or writes through an address that its guest may not use.
 *
 * Each call that takes a pointer gets, in turn: an unmapped one, a non-canonical one, the hypervisor's
 * own range (where nothing faults in ring 0), one whose size runs into that range, and the last byte
 * below it. All must fail; none may answer as if it had worked. Afterwards a read of the hypervisor's
 * range by console_io must not have printed a secret: the call fails before a byte is copied.
 */
#include "lib/test.h"

const char test_title[] = "hostile_pointers";

static const u64 bad[] = {
        0x0000000000001000, /* nothing mapped there */
        0x00007ffffffff000,
        0x0000800000000000, /* not canonical */
        0x8000000000000000,
        0xffff7ffffffffff8, /* not canonical, runs into the hole */
        0xffff800000000000, /* the M2P: readable, but never for the hypervisor */
        0xffff820000000000, /* the hypervisor's own */
        0xffff828000200000,
        0xffff830000000000,
        0xffff87fffffffff0,
        0xffffffffffffffff,
};

struct call {
	const char *name;
	u64 nr, arg[5];
	int pointer; /* which argument is replaced */
};

#define CALL(n, p, ...) {#n, __HYPERVISOR_##n, {__VA_ARGS__}, p}

static const struct call calls[] = {
        CALL(set_trap_table, 0, 0),
        CALL(mmu_update, 0, 0, 4, 0, DOMID_SELF),
        CALL(mmuext_op, 0, 0, 4, 0, DOMID_SELF),
        CALL(set_gdt, 0, 0, 512),
        CALL(platform_op, 0, 0),
        CALL(memory_op, 1, XENMEM_machine_memory_map, 0),
        CALL(memory_op, 1, XENMEM_exchange, 0),
        CALL(memory_op, 1, XENMEM_machphys_mapping, 0),
        CALL(memory_op, 1, XENMEM_acquire_resource, 0),
        CALL(multicall, 0, 0, 4),
        CALL(xen_version, 1, XENVER_extraversion, 0),
        CALL(xen_version, 1, XENVER_capabilities, 0),
        CALL(xen_version, 1, XENVER_get_features, 0),
        CALL(console_io, 2, CONSOLEIO_write, 16, 0),
        CALL(grant_table_op, 1, GNTTABOP_query_size, 0, 1),
        CALL(grant_table_op, 1, GNTTABOP_map_grant_ref, 0, 3),
        CALL(grant_table_op, 1, GNTTABOP_unmap_grant_ref, 0, 3),
        CALL(grant_table_op, 1, GNTTABOP_copy, 0, 3),
        CALL(grant_table_op, 1, GNTTABOP_setup_table, 0, 1),
        CALL(vcpu_op, 2, VCPUOP_get_runstate_info, 0, 0),
        CALL(vcpu_op, 2, VCPUOP_set_singleshot_timer, 0, 0),
        CALL(sched_op, 1, SCHEDOP_poll, 0),
        CALL(callback_op, 1, CALLBACKOP_register, 0),
        CALL(event_channel_op, 1, EVTCHNOP_alloc_unbound, 0),
        CALL(event_channel_op, 1, EVTCHNOP_status, 0),
        CALL(physdev_op, 1, PHYSDEVOP_map_pirq, 0),
        CALL(physdev_op, 1, PHYSDEVOP_set_iopl, 0),
        CALL(domctl, 0, 0),
        CALL(sysctl, 0, 0),
};

void test_main(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(calls); i++) {
		for (u32 j = 0; j < ARRAY_SIZE(bad); j++) {
			u64 a[5];
			long rc;

			for (int k = 0; k < 5; k++)
				a[k] = k == calls[i].pointer ? bad[j] : calls[i].arg[k];
			rc = hypercall5(calls[i].nr, a[0], a[1], a[2], a[3], a[4]);
			if (rc != -XEN_EFAULT && rc != -XEN_EINVAL)
				test_failure("%s with %lx gives %ld", calls[i].name, bad[j], rc);
		}
	}
}
