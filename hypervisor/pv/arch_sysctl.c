/* SPDX-License-Identifier: GPL-3.0-or-later */
/* System operations about the machine's CPUs and devices; core/sysctl.c calls them. */
#include "pv/pv.h"
#include "x86/pci.h"
#include "x86/x86.h"

static long levelling_caps(struct xen_sysctl *op, bool *copyback)
{
	op->u.cpu_levelling_caps.caps =
	        pv_cpu_has_faulting() ? XEN_SYSCTL_CPU_LEVELCAP_faulting : 0;
	*copyback = true;
	return 0;
}

static long cpu_featureset(struct xen_sysctl *op, bool *copyback)
{
	*copyback = true;
	return pv_sysctl_get_featureset(&op->u.cpu_featureset);
}

static long cpu_policy(struct xen_sysctl *op, bool *copyback)
{
	*copyback = true;
	return pv_sysctl_get_policy(&op->u.cpu_policy);
}

/* Every CPU is online and stays so. */
static long cpu_hotplug(struct xen_sysctl *op, bool *copyback)
{
	u32 cpu = op->u.cpu_hotplug.cpu;

	switch (op->u.cpu_hotplug.op) {
	case XEN_SYSCTL_CPU_HOTPLUG_ONLINE:
		if (cpu >= nr_cpus)
			return -XEN_EINVAL;
		return cpumask_test(&cpu_online_map, cpu) ? 0 : -XEN_EOPNOTSUPP;
	case XEN_SYSCTL_CPU_HOTPLUG_OFFLINE:
	case XEN_SYSCTL_CPU_HOTPLUG_SMT_ENABLE:
	case XEN_SYSCTL_CPU_HOTPLUG_SMT_DISABLE:
		return -XEN_EOPNOTSUPP;
	default:
		return -XEN_EINVAL;
	}
}

/* The node of each device that exists: 0, as memory is one node to the heap. */
static long pci_topology(struct xen_sysctl *op, bool *copyback)
{
	struct xen_sysctl_pcitopoinfo *t = &op->u.pcitopoinfo;

	if (t->num_devs > 65536)
		return -XEN_E2BIG;
	for (u32 i = 0; i < t->num_devs; i++) {
		physdev_pci_device_t dev;
		u32 node;

		if (!handle_read(&dev, t->devs, i))
			return -XEN_EFAULT;
		node = pci_read(dev.seg, (u16)(dev.bus << 8 | dev.devfn), 0, 4) == ~0U ?
		               XEN_INVALID_DEV : 0;
		if (!handle_write(t->nodes, i, &node))
			return -XEN_EFAULT;
	}
	*copyback = true;
	return 0;
}

long arch_sysctl(struct xen_sysctl *op, u64 u_op, bool *copyback)
{
	switch (op->cmd) {
	case XEN_SYSCTL_get_cpu_levelling_caps:
		return levelling_caps(op, copyback);
	case XEN_SYSCTL_get_cpu_featureset:
		return cpu_featureset(op, copyback);
	case XEN_SYSCTL_get_cpu_policy:
		return cpu_policy(op, copyback);
	case XEN_SYSCTL_cpu_hotplug:
		return cpu_hotplug(op, copyback);
	case XEN_SYSCTL_pcitopoinfo:
		return pci_topology(op, copyback);
	case XEN_SYSCTL_psr_cmt_op:
	case XEN_SYSCTL_psr_alloc:
	case XEN_SYSCTL_get_pmstat:
	case XEN_SYSCTL_pm_op:
		return -XEN_ENODEV; /* no such hardware is driven */
	case XEN_SYSCTL_page_offline_op:
	case XEN_SYSCTL_livepatch_op:
	case XEN_SYSCTL_coverage_op:
		return -XEN_EOPNOTSUPP;
	default:
		return -XEN_ENOSYS;
	}
}
