/* SPDX-License-Identifier: GPL-3.0-or-later */
/* XEN_SYSCTL_*: what the toolstack asks of the whole host. CPU policies and power are arch_sysctl()'s. */
#include "core/control.h"
#include "core/key.h"
#include "core/sched.h"
#include "core/trace.h"
#include <string.h>

typedef long sysctl_fn(struct xen_sysctl *op);

static u64 ram_pages(void)
{
	const struct e820_entry *e;
	u64 pages = 0;

	for (u32 n = machine_e820(&e); n-- > 0; e++)
		if (e->type == 1)
			pages += e->size >> PAGE_SHIFT;
	return pages;
}

static u64 claimed_pages(void)
{
	struct domain *d = NULL;
	u64 pages = 0;

	while ((d = domain_next(d)) != NULL)
		pages += READ_ONCE(d->claimed_pages);
	return pages;
}

/* Threads of CPU 0's core, and cores of its socket: machines are taken to be regular, as the
 * structure can say no more. */
static void count_topology(u32 *threads, u32 *cores)
{
	u32 core0, socket0, in_core = 0, in_socket = 0;

	cpu_topology(0, &core0, &socket0);
	for (u32 cpu = 0; cpu < nr_cpus; cpu++) {
		u32 core, socket;

		cpu_topology(cpu, &core, &socket);
		in_socket += socket == socket0;
		in_core += socket == socket0 && core == core0;
	}
	*threads = MAX(in_core, 1U);
	*cores = MAX(in_socket / *threads, 1U);
}

static long physinfo(struct xen_sysctl *op)
{
	struct xen_sysctl_physinfo *p = &op->u.physinfo;

	memset(p, 0, sizeof(*p));
	count_topology(&p->threads_per_core, &p->cores_per_socket);
	p->nr_cpus = cpumask_count(&cpu_online_map);
	p->max_cpu_id = nr_cpus - 1;
	p->nr_nodes = 1;
	p->cpu_khz = cpu_khz();
	p->capabilities = XEN_SYSCTL_PHYSCAP_pv | XEN_SYSCTL_PHYSCAP_gnttab_v1;
	p->total_pages = ram_pages();
	p->free_pages = heap_free_pages();
	p->scrub_pages = heap_scrub_pending();
	p->outstanding_pages = claimed_pages();
	p->max_mfn = max_mfn - 1;
	machine_hw_caps(p->hw_cap);
	return 0;
}

static long readconsole(struct xen_sysctl *op)
{
	return console_ring_read(&op->u.readconsole);
}

static long tbuf(struct xen_sysctl *op)
{
	return trace_control(&op->u.tbuf_op);
}

static long sched_id(struct xen_sysctl *op)
{
	op->u.sched_id.sched_id = XEN_SCHEDULER_CREDIT2;
	return 0;
}

static long scheduler(struct xen_sysctl *op)
{
	return sched_adjust_global(&op->u.scheduler_op);
}

static long domain_info_list(struct xen_sysctl *op)
{
	struct xen_sysctl_getdomaininfolist *l = &op->u.getdomaininfolist;
	struct domain *d = NULL;
	u32 n = 0;

	while (n < l->max_domains && (d = domain_next(d)) != NULL) {
		struct xen_domctl_getdomaininfo info;

		if (d->id < l->first_domain)
			continue;
		domain_fill_info(d, &info);
		if (!handle_write(l->buffer, n, &info)) {
			put_domain(d);
			return -XEN_EFAULT;
		}
		n++;
		if (n == l->max_domains)
			put_domain(d);
	}
	l->num_domains = n;
	return 0;
}

static long debug_keys(struct xen_sysctl *op)
{
	struct xen_sysctl_debug_keys *k = &op->u.debug_keys;

	for (u32 i = 0; i < MIN(k->nr_keys, 256U); i++) {
		char key;

		if (copy_from_guest_va(&key, handle_va(k->keys, i), 1))
			return -XEN_EFAULT;
		key_handle(key);
	}
	return 0;
}

static long cpu_info_list(struct xen_sysctl *op)
{
	struct xen_sysctl_getcpuinfo *g = &op->u.getcpuinfo;
	u32 n = MIN(g->max_cpus, nr_cpus);

	for (u32 cpu = 0; cpu < n; cpu++) {
		struct xen_sysctl_cpuinfo info = {.idletime = (u64)cpu_idle_time(cpu)};

		if (!handle_write(g->info, cpu, &info))
			return -XEN_EFAULT;
	}
	g->nr_cpus = n;
	return 0;
}

static long availheap(struct xen_sysctl *op)
{
	struct xen_sysctl_availheap *h = &op->u.availheap;

	if (h->node > 0)
		return -XEN_EINVAL;
	if (h->min_bitwidth || (h->max_bitwidth && h->max_bitwidth < 64))
		return -XEN_EOPNOTSUPP; /* free memory is not counted by address width */
	h->avail_bytes = heap_free_pages() << PAGE_SHIFT;
	return 0;
}

static long cputopo(struct xen_sysctl *op)
{
	struct xen_sysctl_cputopoinfo *t = &op->u.cputopoinfo;

	for (u32 cpu = 0; !handle_is_null(t->cputopo) && cpu < MIN(t->num_cpus, nr_cpus); cpu++) {
		struct xen_sysctl_cputopo one = {.node = cpu_node(cpu)};

		cpu_topology(cpu, &one.core, &one.socket);
		if (!handle_write(t->cputopo, cpu, &one))
			return -XEN_EFAULT;
	}
	t->num_cpus = nr_cpus;
	return 0;
}

static long numainfo(struct xen_sysctl *op)
{
	struct xen_sysctl_numainfo *n = &op->u.numainfo;
	struct xen_sysctl_meminfo mem = {
	        .memsize = ram_pages() << PAGE_SHIFT,
	        .memfree = heap_free_pages() << PAGE_SHIFT,
	};
	u32 distance = 10; /* of a node to itself, as ACPI's SLIT says it */

	if (n->num_nodes > 0 && !handle_is_null(n->meminfo) && !handle_write(n->meminfo, 0, &mem))
		return -XEN_EFAULT;
	if (n->num_nodes > 0 && !handle_is_null(n->distance) &&
	    !handle_write(n->distance, 0, &distance))
		return -XEN_EFAULT;
	n->num_nodes = 1;
	return 0;
}

static long pcitopo(struct xen_sysctl *op)
{
	struct xen_sysctl_pcitopoinfo *t = &op->u.pcitopoinfo;
	u32 unknown = XEN_INVALID_NODE_ID;

	for (u32 i = 0; i < t->num_devs; i++) {
		if (!handle_write(t->nodes, i, &unknown))
			return -XEN_EFAULT;
		if (hypercall_should_preempt() && i + 1 < t->num_devs) {
			t->num_devs = i + 1; /* the toolstack asks again for the rest */
			break;
		}
	}
	return 0;
}

/* All CPUs are in one pool that cannot be changed. */
static long cpupool(struct xen_sysctl *op)
{
	struct xen_sysctl_cpupool_op *p = &op->u.cpupool_op;
	cpumask_t none = {0};
	struct domain *d = NULL;

	switch (p->op) {
	case XEN_SYSCTL_CPUPOOL_OP_INFO:
		if (p->cpupool_id != 0)
			return -XEN_ENOENT;
		p->sched_id = XEN_SCHEDULER_CREDIT2;
		p->n_dom = 0;
		while ((d = domain_next(d)) != NULL)
			p->n_dom++;
		return bitmap_to_guest(&p->cpumap, cpu_online_map.w, nr_cpus) ? 0 : -XEN_EFAULT;
	case XEN_SYSCTL_CPUPOOL_OP_FREEINFO:
		return bitmap_to_guest(&p->cpumap, none.w, nr_cpus) ? 0 : -XEN_EFAULT;
	case XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN:
		return p->cpupool_id == 0 ? 0 : -XEN_ENOENT;
	case XEN_SYSCTL_CPUPOOL_OP_CREATE:
	case XEN_SYSCTL_CPUPOOL_OP_DESTROY:
	case XEN_SYSCTL_CPUPOOL_OP_ADDCPU:
	case XEN_SYSCTL_CPUPOOL_OP_RMCPU:
		return -XEN_EOPNOTSUPP;
	default:
		return -XEN_ENOSYS;
	}
}

static sysctl_fn *const handlers[] = {
        [XEN_SYSCTL_readconsole] = readconsole,
        [XEN_SYSCTL_tbuf_op] = tbuf,
        [XEN_SYSCTL_physinfo] = physinfo,
        [XEN_SYSCTL_sched_id] = sched_id,
        [XEN_SYSCTL_getdomaininfolist] = domain_info_list,
        [XEN_SYSCTL_debug_keys] = debug_keys,
        [XEN_SYSCTL_getcpuinfo] = cpu_info_list,
        [XEN_SYSCTL_availheap] = availheap,
        [XEN_SYSCTL_cputopoinfo] = cputopo,
        [XEN_SYSCTL_numainfo] = numainfo,
        [XEN_SYSCTL_cpupool_op] = cpupool,
        [XEN_SYSCTL_scheduler_op] = scheduler,
        [XEN_SYSCTL_pcitopoinfo] = pcitopo,
};

long hc_sysctl(const u64 a[6])
{
	struct xen_sysctl op;
	sysctl_fn *fn;
	bool copyback = true;
	long rc;

	if (!guest_read(&op, a[0]))
		return -XEN_EFAULT;
	if (op.interface_version != XEN_SYSCTL_INTERFACE_VERSION)
		return -XEN_EACCES;
	if (!control_lock())
		return hypercall_continue(__HYPERVISOR_sysctl, 1, a);
	fn = op.cmd < ARRAY_SIZE(handlers) ? handlers[op.cmd] : NULL;
	rc = fn ? fn(&op) : arch_sysctl(&op, a[0], &copyback);
	control_unlock();
	if (rc == -XEN_ERESTART)
		return hypercall_continue(__HYPERVISOR_sysctl, 1, a);
	if (rc == 0 && copyback && !guest_write(a[0], &op))
		return -XEN_EFAULT;
	return rc;
}
