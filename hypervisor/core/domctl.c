/* SPDX-License-Identifier: GPL-3.0-or-later */
/* XEN_DOMCTL_*: what the toolstack does to one domain. Sub-operations that depend on the machine or on
 * the kind of guest are arch_domctl()'s. */
#include "core/control.h"
#include "core/event.h"
#include "core/sched.h"
#include <string.h>

#define MAX_PV_VCPUS 8192

/* A handler may return -XEN_ERESTART: the whole call is made again. */
typedef long domctl_fn(struct domain *d, struct xen_domctl *op, bool *copyback);

/* ---- life ---- */

static long create_domain(struct xen_domctl *op)
{
	struct xen_domctl_createdomain *cfg = &op->u.createdomain;
	domid_t id = op->domain;
	struct domain *d;
	int err = 0;

	if (cfg->flags & ~(XEN_DOMCTL_CDF_xs_domain))
		return cfg->flags & ~(u32)(XEN_DOMCTL_CDF_MAX * 2 - 1)
		               ? -XEN_EINVAL
		               : -XEN_EOPNOTSUPP; /* HVM, IOMMU, vPMU: not on this build */
	if (cfg->iommu_opts || cfg->vmtrace_size || cfg->cpupool_id || cfg->max_vcpus == 0 ||
	    cfg->max_vcpus > MAX_PV_VCPUS || cfg->arch.emulation_flags ||
	    (cfg->arch.misc_flags & ~(u32)XEN_X86_MSR_RELAXED) ||
	    XEN_DOMCTL_GRANT_version(cfg->grant_opts) != 1 ||
	    (cfg->grant_opts & ~(u32)XEN_DOMCTL_GRANT_version_mask))
		return -XEN_EINVAL;
	if (id == 0 || id >= DOMID_FIRST_RESERVED) {
		id = DOMID_INVALID;
	} else if ((d = domain_get_by_id(id)) != NULL) {
		put_domain(d);
		return -XEN_EEXIST;
	}
	d = domain_create(id, cfg, false, &err);
	if (!d)
		return err;
	op->domain = d->id;
	return 0;
}

static long destroy_domain(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	return d == current->domain || d->is_control ? -XEN_EINVAL : domain_kill(d);
}

static long pause_domain(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	return d == current->domain ? -XEN_EINVAL : domain_pause_by_controller(d);
}

static long unpause_domain(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	return domain_unpause_by_controller(d);
}

static long resume_domain(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	if (d == current->domain)
		return -XEN_EINVAL;
	domain_resume(d);
	return 0;
}

/* With no such domain it tells of the next one: the toolstack walks the list like this. */
static long get_info(struct xen_domctl *op, bool *copyback)
{
	struct domain *d = NULL;

	while ((d = domain_next(d)) != NULL && d->id < op->domain)
		;
	if (!d)
		return -XEN_ESRCH;
	domain_fill_info(d, &op->u.getdomaininfo);
	op->domain = d->id;
	put_domain(d);
	*copyback = true;
	return 0;
}

static long set_handle(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	memcpy(d->handle, op->u.setdomainhandle.handle, sizeof(d->handle));
	return 0;
}

static long set_max_mem(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	spin_lock(&d->page_alloc_lock);
	d->max_pages = op->u.max_mem.max_memkb >> (PAGE_SHIFT - 10);
	spin_unlock(&d->page_alloc_lock);
	return 0;
}

static long set_time_offset(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	d->time_offset_s = op->u.settimeoffset.time_offset_seconds;
	domain_update_wallclock(d);
	return 0;
}

static long subscribe(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	d->suspend_port = op->u.subscribe.port;
	return 0;
}

/* Global VIRQs go to dom0; asking for just that is granted. */
static long set_virq_handler(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	if (op->u.set_virq_handler.virq >= NR_VIRQS)
		return -XEN_EINVAL;
	return d->is_control ? 0 : -XEN_EOPNOTSUPP;
}

/* ---- vCPUs ---- */

/* The named vCPU; NULL with *rc = -XEN_EINVAL if the domain cannot have it, -XEN_ESRCH if it was not
 * made yet. */
static struct vcpu *named_vcpu(struct domain *d, u32 id, long *rc)
{
	struct vcpu *v = domain_vcpu(d, id);

	*rc = id >= d->max_vcpus ? -XEN_EINVAL : v ? 0 : -XEN_ESRCH;
	return v;
}

static long set_max_vcpus(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	u32 max = op->u.max_vcpus.max;

	if (d == current->domain || max != d->max_vcpus)
		return -XEN_EINVAL;
	for (u32 i = 0; i < max; i++) {
		if (domain_vcpu(d, i))
			continue;
		if (!vcpu_create(d, i))
			return -XEN_ENOMEM;
		if (hypercall_should_preempt())
			return -XEN_ERESTART;
	}
	return 0;
}

static long set_vcpu_context(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	struct vcpu *v = domain_vcpu(d, op->u.vcpucontext.vcpu);
	struct vcpu_guest_context *c;
	long rc;

	if (!v || d == current->domain || handle_is_null(op->u.vcpucontext.ctxt))
		return -XEN_EINVAL;
	c = xzalloc(struct vcpu_guest_context);
	if (!c)
		return -XEN_ENOMEM;
	if (handle_read(c, op->u.vcpucontext.ctxt, 0)) {
		domain_pause(d);
		rc = arch_vcpu_set_context(v, c);
		domain_unpause(d);
	} else {
		rc = -XEN_EFAULT;
	}
	xfree(c);
	return rc;
}

static long get_vcpu_context(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	struct vcpu_guest_context *c;
	long rc;
	struct vcpu *v = named_vcpu(d, op->u.vcpucontext.vcpu, &rc);

	if (!v)
		return rc;
	if (v == current)
		return -XEN_EINVAL;
	if (!v->is_initialised)
		return -XEN_ENODATA;
	c = xzalloc(struct vcpu_guest_context);
	if (!c)
		return -XEN_ENOMEM;
	vcpu_pause(v);
	arch_vcpu_get_context(v, c);
	vcpu_unpause(v);
	if (!handle_write(op->u.vcpucontext.ctxt, 0, c))
		rc = -XEN_EFAULT;
	xfree(c);
	*copyback = true;
	return rc;
}

static long get_vcpu_info(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	struct xen_domctl_getvcpuinfo *info = &op->u.getvcpuinfo;
	long rc;
	struct vcpu *v = named_vcpu(d, info->vcpu, &rc);

	if (!v)
		return rc;
	info->online = !bit_test(&v->pause_flags, VPF_DOWN);
	info->blocked = bit_test(&v->pause_flags, VPF_BLOCKED);
	info->running = READ_ONCE(v->is_running);
	info->cpu_time = vcpu_cpu_time(v);
	info->cpu = READ_ONCE(v->cpu);
	*copyback = true;
	return 0;
}

static bool mask_out(const struct xenctl_bitmap *to, const cpumask_t *m)
{
	return bitmap_to_guest(to, m->w, nr_cpus);
}

static long set_vcpu_affinity(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	struct xen_domctl_vcpuaffinity *a = &op->u.vcpuaffinity;
	long rc;
	struct vcpu *v = named_vcpu(d, a->vcpu, &rc);
	bool set_hard = a->flags & XEN_VCPUAFFINITY_HARD, set_soft = a->flags & XEN_VCPUAFFINITY_SOFT;
	cpumask_t hard = {0}, soft = {0}, eff;

	if (!v)
		return rc;
	if (!a->flags || (a->flags & ~(u32)(XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT |
	                                    XEN_VCPUAFFINITY_FORCE)))
		return -XEN_EINVAL;
	if ((set_hard && !bitmap_from_guest(hard.w, MAX_CPUS, &a->cpumap_hard)) ||
	    (set_soft && !bitmap_from_guest(soft.w, MAX_CPUS, &a->cpumap_soft)))
		return -XEN_EFAULT;
	if (a->flags & XEN_VCPUAFFINITY_FORCE)
		v->affinity_broken = false;
	rc = vcpu_set_affinity(v, set_hard ? &hard : NULL, set_soft ? &soft : NULL);
	if (rc)
		return rc;
	/* Tell what is in effect. */
	eff = cpumask_and(&v->hard_affinity, &cpu_online_map);
	if (set_hard && !mask_out(&a->cpumap_hard, &eff))
		return -XEN_EFAULT;
	eff = cpumask_and(&eff, &v->soft_affinity);
	return set_soft && !mask_out(&a->cpumap_soft, &eff) ? -XEN_EFAULT : 0;
}

static long get_vcpu_affinity(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	struct xen_domctl_vcpuaffinity *a = &op->u.vcpuaffinity;
	long rc;
	struct vcpu *v = named_vcpu(d, a->vcpu, &rc);

	if (!v)
		return rc;
	if (!(a->flags & (XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT)))
		return -XEN_EINVAL;
	if ((a->flags & XEN_VCPUAFFINITY_HARD) && !mask_out(&a->cpumap_hard, &v->hard_affinity))
		return -XEN_EFAULT;
	if ((a->flags & XEN_VCPUAFFINITY_SOFT) && !mask_out(&a->cpumap_soft, &v->soft_affinity))
		return -XEN_EFAULT;
	return 0;
}

static long set_node_affinity(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	u64 nodes;

	if (!bitmap_from_guest(&nodes, 64, &op->u.nodeaffinity.nodemap))
		return -XEN_EFAULT;
	if (!(nodes & 1)) /* memory is one node here */
		return -XEN_EINVAL;
	d->node_affinity = nodes;
	return 0;
}

static long get_node_affinity(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	u64 nodes = d->node_affinity & 1 ? d->node_affinity : 1;

	return bitmap_to_guest(&op->u.nodeaffinity.nodemap, &nodes, 64) ? 0 : -XEN_EFAULT;
}

static long scheduler_op(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	*copyback = true;
	return sched_adjust_domain(d, &op->u.scheduler_op);
}

static domctl_fn *const handlers[] = {
        [XEN_DOMCTL_destroydomain] = destroy_domain,
        [XEN_DOMCTL_pausedomain] = pause_domain,
        [XEN_DOMCTL_unpausedomain] = unpause_domain,
        [XEN_DOMCTL_resumedomain] = resume_domain,
        [XEN_DOMCTL_setdomainhandle] = set_handle,
        [XEN_DOMCTL_max_mem] = set_max_mem,
        [XEN_DOMCTL_settimeoffset] = set_time_offset,
        [XEN_DOMCTL_subscribe] = subscribe,
        [XEN_DOMCTL_set_virq_handler] = set_virq_handler,
        [XEN_DOMCTL_max_vcpus] = set_max_vcpus,
        [XEN_DOMCTL_setvcpucontext] = set_vcpu_context,
        [XEN_DOMCTL_getvcpucontext] = get_vcpu_context,
        [XEN_DOMCTL_getvcpuinfo] = get_vcpu_info,
        [XEN_DOMCTL_setvcpuaffinity] = set_vcpu_affinity,
        [XEN_DOMCTL_getvcpuaffinity] = get_vcpu_affinity,
        [XEN_DOMCTL_setnodeaffinity] = set_node_affinity,
        [XEN_DOMCTL_getnodeaffinity] = get_node_affinity,
        [XEN_DOMCTL_scheduler_op] = scheduler_op,
};

static long run(struct xen_domctl *op, u64 u_op, bool *copyback)
{
	domctl_fn *fn = op->cmd < ARRAY_SIZE(handlers) ? handlers[op->cmd] : NULL;
	struct domain *d;
	long rc;

	if (op->cmd == XEN_DOMCTL_createdomain) {
		*copyback = true;
		return create_domain(op);
	}
	if (op->cmd == XEN_DOMCTL_getdomaininfo)
		return get_info(op, copyback);
	d = domain_get_by_id(op->domain);
	if (!d)
		return -XEN_ESRCH;
	rc = fn ? fn(d, op, copyback) : arch_domctl(d, op, u_op, copyback);
	put_domain(d);
	return rc;
}

long hc_domctl(const u64 a[6])
{
	struct xen_domctl op;
	bool copyback = false;
	long rc;

	if (!guest_read(&op, a[0]))
		return -XEN_EFAULT;
	if (op.interface_version != XEN_DOMCTL_INTERFACE_VERSION)
		return -XEN_EACCES;
	if (!control_lock())
		return hypercall_continue(__HYPERVISOR_domctl, 1, a);
	rc = run(&op, a[0], &copyback);
	control_unlock();
	if (copyback && !guest_write(a[0], &op))
		rc = -XEN_EFAULT;
	return rc == -XEN_ERESTART ? hypercall_continue(__HYPERVISOR_domctl, 1, a) : rc;
}
