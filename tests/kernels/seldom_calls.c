/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Calls that stock kernels and tools seldom make, with arguments that are right and arguments that are not. The
 * expected results are those that stock Xen 4.17 gives to this same kernel, so the argument is: what a caller can
 * see here, it cannot tell Keel's answer from stock's.
 */
#include "lib/test.h"

const char test_title[] = "seldom_calls";

#define NO_DOMAIN ((domid_t)500)
#define HYPERVISOR_ADDRESS ((void *)0xffff830000000000)

static domid_t other; /* a domain without vCPUs */
static u32 last_cpu;

/* ---- the platform ---- */

static struct xen_platform_op platform_op(u32 cmd)
{
	struct xen_platform_op op;

	memset(&op, 0, sizeof(op));
	op.cmd = cmd;
	op.interface_version = XENPF_INTERFACE_VERSION;
	return op;
}

static void processors(void)
{
	struct xen_platform_op op = platform_op(XENPF_get_cpuinfo);

	CHECK_EQ(hc_platform_op(&op), 0);
	last_cpu = op.u.pcpu_info.max_present;
	CHECK(last_cpu < 5);
	CHECK_EQ(op.u.pcpu_info.flags, XEN_PCPU_FLAGS_ONLINE);
	op = platform_op(XENPF_get_cpuinfo);
	op.u.pcpu_info.xen_cpuid = 5; /* none: that is an answer */
	CHECK_EQ(hc_platform_op(&op), 0);
	CHECK_EQ(op.u.pcpu_info.flags, XEN_PCPU_FLAGS_INVALID);
	op = platform_op(XENPF_get_cpu_version);
	CHECK_EQ(hc_platform_op(&op), 0);
	CHECK_EQ(op.u.pcpu_version.family, 15);
	CHECK_EQ(op.u.pcpu_version.vendor_id[0], 'A');
	op = platform_op(XENPF_cpu_online);
	op.u.cpu_ol.cpuid = 999;
	CHECK_EQ(hc_platform_op(&op), -XEN_EINVAL);
}

static void symbols(void)
{
	static char name[8] = "xxxxxxx";
	struct xen_platform_op op = platform_op(XENPF_get_symbol);

	op.u.symdata.namelen = 2; /* less than any name has */
	set_xen_guest_handle(op.u.symdata.name, name);
	CHECK_EQ(hc_platform_op(&op), 0);
	CHECK_EQ(op.u.symdata.symnum, 1); /* the next */
	CHECK(op.u.symdata.namelen > 3 && name[1] != 'x' && name[2] == 'x');
	CHECK(op.u.symdata.address >= HYPERVISOR_VIRT_START && op.u.symdata.type != 0);
	op.u.symdata.symnum = 1 << 30;
	CHECK_EQ(hc_platform_op(&op), -XEN_ERANGE);
	op.u.symdata.symnum = 0;
	set_xen_guest_handle(op.u.symdata.name, (char *)8);
	CHECK_EQ(hc_platform_op(&op), -XEN_EFAULT);
}

static void platform(void)
{
	struct xen_platform_op op = platform_op(XENPF_settime64);

	op.u.settime64.mbz = 1;
	CHECK_EQ(hc_platform_op(&op), -XEN_EINVAL);
	op = platform_op(XENPF_firmware_info);
	op.u.firmware_info.type = XEN_FW_EFI_INFO; /* booted by multiboot */
	CHECK_EQ(hc_platform_op(&op), -XEN_ENOSYS);
	op.u.firmware_info.type = XEN_FW_KBD_SHIFT_FLAGS;
	CHECK_EQ(hc_platform_op(&op), 0);
	op.u.firmware_info.type = 77;
	CHECK_EQ(hc_platform_op(&op), -XEN_EINVAL);
	op = platform_op(XENPF_firmware_info);
	op.u.firmware_info.type = XEN_FW_DISK_INFO;
	op.u.firmware_info.index = 99;
	CHECK_EQ(hc_platform_op(&op), -XEN_ESRCH);
	op = platform_op(XENPF_enter_acpi_sleep);
	op.u.enter_acpi_sleep.sleep_state = 9;
	CHECK_EQ(hc_platform_op(&op), -XEN_EINVAL);
	op = platform_op(XENPF_efi_runtime_call);
	op.u.efi_runtime_call.function = XEN_EFI_get_time;
	CHECK_EQ(hc_platform_op(&op), -XEN_ENOSYS);
	op = platform_op(XENPF_set_processor_pminfo);
	op.u.set_pminfo.type = 99;
	CHECK_EQ(hc_platform_op(&op), -XEN_EINVAL);
	op = platform_op(XENPF_get_cpuinfo);
	op.interface_version = 1;
	CHECK_EQ(hc_platform_op(&op), -XEN_EACCES);
}

/* ---- memory ---- */

static void memory_of_domains(void)
{
	domid_t id = NO_DOMAIN;

	CHECK_EQ(hc_memory_op(XENMEM_current_reservation, &id), -XEN_ESRCH);
	id = other;
	CHECK_EQ(hc_memory_op(XENMEM_current_reservation, &id), 0);
	CHECK_EQ(hc_memory_op(XENMEM_maximum_gpfn, &id), 0);
	CHECK_EQ(hc_memory_op(XENMEM_maximum_reservation, &id), 1024);
}

static void claims(void)
{
	struct xen_memory_reservation c = {.domid = other, .nr_extents = 100};
	xen_pfn_t list[1];

	CHECK_EQ(hc_memory_op(XENMEM_claim_pages, &c), 0);
	CHECK_EQ(hc_memory_op(XENMEM_claim_pages, &c), -XEN_EINVAL); /* it has one */
	c.nr_extents = 0;
	CHECK_EQ(hc_memory_op(XENMEM_claim_pages, &c), 0);
	c.nr_extents = 1UL << 40;
	CHECK_EQ(hc_memory_op(XENMEM_claim_pages, &c), -XEN_EINVAL);
	c.nr_extents = 1;
	c.extent_order = 1;
	CHECK_EQ(hc_memory_op(XENMEM_claim_pages, &c), -XEN_EINVAL);
	c.extent_order = 0;
	set_xen_guest_handle(c.extent_start, list);
	CHECK_EQ(hc_memory_op(XENMEM_claim_pages, &c), -XEN_EINVAL);
}

/* A PV guest's frame numbers are its own affair. */
static void physmap_is_not_for_pv(void)
{
	struct xen_add_to_physmap add = {.domid = DOMID_SELF, .space = XENMAPSPACE_shared_info, .gpfn = 10};
	struct xen_remove_from_physmap gone = {.domid = DOMID_SELF, .gpfn = 3};

	CHECK_EQ(hc_memory_op(XENMEM_add_to_physmap, &add), -XEN_EACCES);
	add.domid = NO_DOMAIN;
	CHECK_EQ(hc_memory_op(XENMEM_add_to_physmap, &add), -XEN_ESRCH);
	CHECK_EQ(hc_memory_op(XENMEM_remove_from_physmap, &gone), -XEN_EACCES);
	gone.domid = NO_DOMAIN;
	CHECK_EQ(hc_memory_op(XENMEM_remove_from_physmap, &gone), -XEN_ESRCH);
}

static void maps_and_resources(void)
{
	struct xen_foreign_memory_map foreign = {.domid = NO_DOMAIN, .map = {.nr_entries = 1}};
	struct xen_reserved_device_memory_map reserved = {.flags = XENMEM_RDM_ALL};
	struct xen_mem_acquire_resource resource = {.domid = DOMID_SELF, .type = XENMEM_resource_grant_table};
	struct xen_vnuma_topology_info numa = {.domid = DOMID_SELF};
	struct xen_memory_map map = {.nr_entries = 64};

	CHECK_EQ(hc_memory_op(XENMEM_memory_map, &map), -XEN_ENOSYS); /* none was set */
	set_xen_guest_handle(map.buffer, (void *)8);
	CHECK_EQ(hc_memory_op(XENMEM_machine_memory_map, &map), -XEN_EFAULT);
	map.nr_entries = 1; /* too few */
	CHECK_EQ(hc_memory_op(XENMEM_machine_memory_map, &map), -XEN_EINVAL);
	set_xen_guest_handle(foreign.map.buffer, alloc_page());
	CHECK_EQ(hc_memory_op(XENMEM_set_memory_map, &foreign), -XEN_ESRCH);
	foreign.domid = other;
	foreign.map.nr_entries = 2;
	CHECK_EQ(hc_memory_op(XENMEM_set_memory_map, &foreign), 0);
	CHECK_EQ(hc_memory_op(XENMEM_reserved_device_memory_map, &reserved), 0);
	CHECK_EQ(reserved.nr_entries, 0);
	reserved.flags = 8;
	CHECK_EQ(hc_memory_op(XENMEM_reserved_device_memory_map, &reserved), -XEN_EINVAL);
	CHECK_EQ(hc_memory_op(XENMEM_get_vnumainfo, &numa), -XEN_EOPNOTSUPP);
	CHECK_EQ(hc_memory_op(XENMEM_acquire_resource, &resource), -XEN_ESRCH); /* of another only */
	resource.domid = other;
	CHECK_EQ(hc_memory_op(XENMEM_acquire_resource, &resource), 0);
	CHECK_EQ(resource.nr_frames, 4);
	resource.pad = 1;
	CHECK_EQ(hc_memory_op(XENMEM_acquire_resource, &resource), -XEN_EINVAL);
}

/* ---- vCPUs and callbacks ---- */

static void records_of_a_vcpu(void)
{
	static struct vcpu_runstate_info state = {.state = 77};
	static struct vcpu_time_info time;
	struct vcpu_register_runstate_memory_area run = {.addr.v = &state};
	struct vcpu_register_time_memory_area clock = {.addr.v = &time};
	struct vcpu_get_physid id;

	/* Told of a vCPU that can be on one CPU only. */
	CHECK_EQ(hc_vcpu_op(VCPUOP_get_physid, 0, &id), last_cpu ? -XEN_EINVAL : 0);
	CHECK_EQ(hc_vcpu_op(VCPUOP_register_runstate_memory_area, 0, &run), 0);
	CHECK_EQ(state.state, RUNSTATE_running);
	run.addr.v = HYPERVISOR_ADDRESS;
	CHECK_EQ(hc_vcpu_op(VCPUOP_register_runstate_memory_area, 0, &run), -XEN_EFAULT);
	run.addr.v = (void *)8; /* may be mapped later */
	CHECK_EQ(hc_vcpu_op(VCPUOP_register_runstate_memory_area, 0, &run), 0);
	run.addr.v = NULL;
	CHECK_EQ(hc_vcpu_op(VCPUOP_register_runstate_memory_area, 0, &run), 0);
	CHECK_EQ(hc_vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &clock), 0);
	CHECK(time.tsc_to_system_mul != 0 && time.version % 2 == 0);
	clock.addr.v = HYPERVISOR_ADDRESS;
	CHECK_EQ(hc_vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &clock), -XEN_EFAULT);
}

static void callbacks(void)
{
	struct xennmi_callback nmi = {.handler_address = 0x1000};

	CHECK_EQ(hypercall2(__HYPERVISOR_nmi_op, XENNMI_register_callback, &nmi), 0);
	CHECK_EQ(hypercall2(__HYPERVISOR_nmi_op, XENNMI_unregister_callback, NULL), 0);
	CHECK_EQ(hypercall2(__HYPERVISOR_nmi_op, XENNMI_register_callback, NULL), -XEN_EFAULT);
	CHECK_EQ(hypercall2(__HYPERVISOR_nmi_op, 5, NULL), -XEN_ENOSYS);
	CHECK_EQ(hypercall2(__HYPERVISOR_vm_assist, VMASST_CMD_disable, VMASST_TYPE_runstate_update_flag), 0);
	CHECK_EQ(hypercall2(__HYPERVISOR_vm_assist, VMASST_CMD_disable, VMASST_TYPE_m2p_strict), 0);
	CHECK_EQ(hypercall2(__HYPERVISOR_vm_assist, VMASST_CMD_disable, 6), -XEN_EINVAL);
}

/* ---- the scheduler ---- */

static void watchdogs(void)
{
	struct sched_watchdog w = {.timeout = 30};

	CHECK_EQ(hc_sched_op(SCHEDOP_watchdog, &w), 1);
	CHECK_EQ(hc_sched_op(SCHEDOP_watchdog, &w), 2);
	CHECK(hc_sched_op(SCHEDOP_watchdog, &w) != 0); /* there are two; stock says ENOSPC as a u32 */
	w.id = 1;
	CHECK_EQ(hc_sched_op(SCHEDOP_watchdog, &w), 0); /* set anew */
	w.timeout = 0;
	CHECK_EQ(hc_sched_op(SCHEDOP_watchdog, &w), 0); /* off */
	CHECK_EQ(hc_sched_op(SCHEDOP_watchdog, &w), -XEN_EINVAL);
	w.id = 2;
	CHECK_EQ(hc_sched_op(SCHEDOP_watchdog, &w), 0);
	w.id = 3;
	CHECK_EQ(hc_sched_op(SCHEDOP_watchdog, &w), -XEN_EINVAL);
}

static void schedulers(void)
{
	struct sched_remote_shutdown down = {.domain_id = NO_DOMAIN, .reason = SHUTDOWN_suspend};
	struct sched_pin_override pin = {.pcpu = 0};
	struct sched_shutdown code = {.reason = SHUTDOWN_crash};

	CHECK_EQ(hc_sched_op(SCHEDOP_remote_shutdown, &down), -XEN_ESRCH);
	CHECK_EQ(hc_sched_op(SCHEDOP_pin_override, &pin), 0);
	pin.pcpu = -1; /* as before */
	CHECK_EQ(hc_sched_op(SCHEDOP_pin_override, &pin), 0);
	pin.pcpu = 999;
	CHECK_EQ(hc_sched_op(SCHEDOP_pin_override, &pin), -XEN_EINVAL);
	CHECK_EQ(hc_sched_op(SCHEDOP_shutdown_code, &code), 0);
}

/* ---- devices ---- */

static void ports_and_registers(void)
{
	struct physdev_set_iobitmap ports = {.nr_ports = 65536};
	struct physdev_set_iopl level = {.iopl = 4};
	struct physdev_apic apic = {.apic_physbase = 0xfec00000, .reg = 1};

	CHECK_EQ(hc_physdev_op(PHYSDEVOP_set_iobitmap, &ports), 0);
	ports.nr_ports = 65537;
	CHECK_EQ(hc_physdev_op(PHYSDEVOP_set_iobitmap, &ports), -XEN_EINVAL);
	ports.nr_ports = 0;
	CHECK_EQ(hc_physdev_op(PHYSDEVOP_set_iobitmap, &ports), 0);
	CHECK_EQ(hc_physdev_op(PHYSDEVOP_set_iopl, &level), -XEN_EINVAL);
	CHECK_EQ(hc_physdev_op(PHYSDEVOP_apic_read, &apic), 0);
	CHECK_EQ(apic.value >> 16 & 0xff, 23); /* lines, less one */
	apic.apic_physbase = 0x1000;
	CHECK_EQ(hc_physdev_op(PHYSDEVOP_apic_read, &apic), -XEN_EINVAL);
	CHECK_EQ(hc_physdev_op(PHYSDEVOP_apic_write, &apic), -XEN_EINVAL);
}

static void lines(void)
{
	struct physdev_setup_gsi gsi = {.gsi = 20, .triggering = 1, .polarity = 1};
	struct physdev_map_pirq map = {.domid = DOMID_SELF, .type = MAP_PIRQ_TYPE_GSI, .index = 20, .pirq = 20};
	struct physdev_unmap_pirq unmap = {.domid = DOMID_SELF, .pirq = 20};
	struct physdev_irq_status_query query = {.irq = 99999};
	struct physdev_get_free_pirq free = {.type = MAP_PIRQ_TYPE_MSI};
	struct physdev_eoi eoi = {.irq = 99999};

	CHECK_EQ(hc_physdev_op(PHYSDEVOP_setup_gsi, &gsi), 0);
	CHECK_EQ(hc_physdev_op(PHYSDEVOP_setup_gsi, &gsi), -XEN_EEXIST);
	gsi.gsi = 9999;
	CHECK_EQ(hc_physdev_op(PHYSDEVOP_setup_gsi, &gsi), -XEN_EINVAL);
	CHECK_EQ(hc_physdev_op(PHYSDEVOP_map_pirq, &map), 0);
	CHECK_EQ(map.pirq, 20);
	CHECK_EQ(hc_physdev_op(PHYSDEVOP_map_pirq, &map), 0);
	map.type = 99;
	CHECK_EQ(hc_physdev_op(PHYSDEVOP_map_pirq, &map), -XEN_EINVAL);
	map.type = MAP_PIRQ_TYPE_GSI;
	map.index = 99999;
	CHECK_EQ(hc_physdev_op(PHYSDEVOP_map_pirq, &map), -XEN_EINVAL);
	map.domid = NO_DOMAIN;
	CHECK_EQ(hc_physdev_op(PHYSDEVOP_map_pirq, &map), -XEN_ESRCH);
	CHECK_EQ(hc_physdev_op(PHYSDEVOP_unmap_pirq, &unmap), 0);
	CHECK_EQ(hc_physdev_op(PHYSDEVOP_unmap_pirq, &unmap), -XEN_EINVAL);
	CHECK_EQ(hc_physdev_op(PHYSDEVOP_irq_status_query, &query), -XEN_EINVAL);
	CHECK_EQ(hc_physdev_op(PHYSDEVOP_eoi, &eoi), -XEN_EINVAL);
	CHECK_EQ(hc_physdev_op(PHYSDEVOP_get_free_pirq, &free), 0);
	CHECK(free.pirq > 23); /* no line of the I/O APIC */
}

/* ---- control ---- */

static void new_domain(void)
{
	struct xen_domctl op = small_domain();

	CHECK_EQ(hc_domctl(&op), 0);
	other = op.domain;
	op = domctl_for(XEN_DOMCTL_max_mem, other);
	op.u.max_mem.max_memkb = 4096;
	CHECK_EQ(hc_domctl(&op), 0);
}

static void control(void)
{
	struct xen_domctl op = domctl_for(XEN_DOMCTL_gettscinfo, other);

	CHECK_EQ(hc_domctl(&op), 0);
	CHECK_EQ(op.u.tsc_info.tsc_mode, 0);
	op = domctl_for(XEN_DOMCTL_settscinfo, other);
	op.u.tsc_info.tsc_mode = 77;
	CHECK_EQ(hc_domctl(&op), -XEN_EINVAL);
	op = domctl_for(XEN_DOMCTL_get_address_size, other);
	CHECK_EQ(hc_domctl(&op), 0);
	CHECK_EQ(op.u.address_size.size, 64);
	op.cmd = XEN_DOMCTL_set_address_size;
	CHECK_EQ(hc_domctl(&op), 0);
	op.u.address_size.size = 33;
	CHECK_EQ(hc_domctl(&op), -XEN_EINVAL);
	op = domctl_for(XEN_DOMCTL_settimeoffset, other);
	op.u.settimeoffset.time_offset_seconds = 5;
	CHECK_EQ(hc_domctl(&op), 0);
	op = domctl_for(XEN_DOMCTL_ioport_permission, other);
	op.u.ioport_permission.first_port = 0x3f8; /* the hypervisor's own */
	op.u.ioport_permission.nr_ports = 8;
	op.u.ioport_permission.allow_access = 1;
	CHECK_EQ(hc_domctl(&op), -XEN_EPERM);
	op.u.ioport_permission.first_port = 0x1000;
	CHECK_EQ(hc_domctl(&op), 0);
	op.u.ioport_permission.first_port = 0xffff;
	CHECK_EQ(hc_domctl(&op), -XEN_EINVAL);
	op = domctl_for(XEN_DOMCTL_get_cpu_policy, other); /* no arrays: how long must they be? */
	CHECK_EQ(hc_domctl(&op), 0);
	CHECK(op.u.cpu_policy.nr_leaves > 10);
	CHECK_EQ(op.u.cpu_policy.nr_msrs, 2);
	op = domctl_for(XEN_DOMCTL_sendtrigger, other);
	CHECK_EQ(hc_domctl(&op), -XEN_ESRCH); /* it has no vCPU */
	op = domctl_for(XEN_DOMCTL_set_virq_handler, other);
	op.u.set_virq_handler.virq = 99;
	CHECK_EQ(hc_domctl(&op), -XEN_EINVAL);
}

static struct xen_sysctl sysctl_op(u32 cmd)
{
	struct xen_sysctl op;

	memset(&op, 0, sizeof(op));
	op.cmd = cmd;
	op.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
	return op;
}

static void trace_buffers(void)
{
	struct xen_sysctl op = sysctl_op(XEN_SYSCTL_tbuf_op);

	op.u.tbuf_op.cmd = XEN_SYSCTL_TBUFOP_set_size;
	op.u.tbuf_op.size = 8;
	CHECK_EQ(hc_sysctl(&op), 0);
	CHECK(hc_sysctl(&op) < 0); /* once */
	op.u.tbuf_op.cmd = XEN_SYSCTL_TBUFOP_get_info;
	CHECK_EQ(hc_sysctl(&op), 0);
	CHECK(op.u.tbuf_op.size > 0 && op.u.tbuf_op.buffer_mfn != 0);
	op.u.tbuf_op.cmd = XEN_SYSCTL_TBUFOP_set_evt_mask;
	op.u.tbuf_op.evt_mask = 0x0ffff000;
	CHECK_EQ(hc_sysctl(&op), 0);
	op.u.tbuf_op.cmd = XEN_SYSCTL_TBUFOP_enable;
	CHECK_EQ(hc_sysctl(&op), 0);
	op.u.tbuf_op.cmd = XEN_SYSCTL_TBUFOP_disable;
	CHECK_EQ(hc_sysctl(&op), 0);
	op.u.tbuf_op.cmd = 99;
	CHECK_EQ(hc_sysctl(&op), -XEN_EINVAL);
}

static void pools(void)
{
	struct xen_sysctl op = sysctl_op(XEN_SYSCTL_cpupool_op);

	op.u.cpupool_op.op = XEN_SYSCTL_CPUPOOL_OP_INFO;
	CHECK_EQ(hc_sysctl(&op), 0);
	CHECK_EQ(op.u.cpupool_op.sched_id, XEN_SCHEDULER_CREDIT2);
	CHECK_EQ(op.u.cpupool_op.n_dom, 2);
	op.u.cpupool_op.cpupool_id = 5;
	CHECK_EQ(hc_sysctl(&op), -XEN_ENOENT);
	op.u.cpupool_op.op = 99;
	CHECK_EQ(hc_sysctl(&op), -XEN_ENOSYS);
	op = sysctl_op(XEN_SYSCTL_sched_id);
	CHECK_EQ(hc_sysctl(&op), 0);
	CHECK_EQ(op.u.sched_id.sched_id, XEN_SCHEDULER_CREDIT2);
}

/* ---- grants ---- */

static void grants(void)
{
	struct gnttab_swap_grant_ref swap = {.ref_a = 9, .ref_b = 10};
	struct gnttab_set_version set = {.version = 3};
	struct gnttab_get_version get = {.dom = NO_DOMAIN};
	struct gnttab_cache_flush flush = {.op = 9, .length = 64};

	CHECK_EQ(hc_grant_table_op(GNTTABOP_swap_grant_ref, &swap, 1), 0);
	CHECK_EQ(swap.status, GNTST_okay);
	swap.ref_b = 1 << 30;
	CHECK_EQ(hc_grant_table_op(GNTTABOP_swap_grant_ref, &swap, 1), 0);
	CHECK_EQ(swap.status, GNTST_bad_gntref);
	CHECK_EQ(hc_grant_table_op(GNTTABOP_set_version, &set, 1), -XEN_EINVAL);
	set.version = 1;
	CHECK_EQ(hc_grant_table_op(GNTTABOP_set_version, &set, 1), 0);
	CHECK_EQ(hc_grant_table_op(GNTTABOP_get_version, &get, 1), -XEN_ESRCH);
	get.dom = other;
	CHECK_EQ(hc_grant_table_op(GNTTABOP_get_version, &get, 1), 0);
	CHECK_EQ(get.version, 1);
	flush.a.dev_bus_addr = maddr_of(alloc_page());
	CHECK_EQ(hc_grant_table_op(GNTTABOP_cache_flush, &flush, 1), -XEN_EINVAL);
}

void test_main(void)
{
	new_domain();
	processors();
	platform();
	symbols();
	memory_of_domains();
	claims();
	physmap_is_not_for_pv();
	maps_and_resources();
	records_of_a_vcpu();
	callbacks();
	watchdogs();
	schedulers();
	ports_and_registers();
	lines();
	control();
	trace_buffers();
	pools();
	grants();
}
