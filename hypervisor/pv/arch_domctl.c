/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Control operations that depend on what a PV guest is: saved registers and FPU state, page types,
 * time-stamp counter, CPU policy, permissions. core/domctl.c calls them with LOCK_DOMCTL held. */
#include "core/event.h"
#include "core/sched.h"
#include "pv/pv.h"
#include "x86/x86.h"
#include <string.h>

typedef long arch_fn(struct domain *d, struct xen_domctl *op, bool *copyback);

/* ---- helpers ---- */

/* A vCPU of another domain, whose state may be read or changed after vcpu_pause(). */
static struct vcpu *other_vcpu(struct domain *d, u32 id, long *rc)
{
	struct vcpu *v = domain_vcpu(d, id);

	*rc = d->max_vcpus <= id ? -XEN_EINVAL : !v ? -XEN_ESRCH : d == current->domain ?
	      -XEN_EINVAL : 0;
	return *rc ? NULL : v;
}

/* ---- address size ---- */

static long set_address_size(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	return op->u.address_size.size == 64 ? 0 : -XEN_EINVAL; /* no 32-bit PV guests */
}

static long get_address_size(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	op->u.address_size.size = 64;
	*copyback = true;
	return 0;
}

/* ---- page types, for save and dump ---- */

#define PAGEFRAMES_MAX 1024U

static u64 page_type_of(struct domain *d, u64 frame)
{
	struct page_info *pg = get_page_by_mfn(MFN(frame), d);
	u64 type, out;

	if (!pg)
		return XEN_DOMCTL_PFINFO_XTAB;
	type = READ_ONCE(pg->type);
	switch (type & PT_TYPE_MASK) {
	case PT_L1:
		out = XEN_DOMCTL_PFINFO_L1TAB;
		break;
	case PT_L2:
		out = XEN_DOMCTL_PFINFO_L2TAB;
		break;
	case PT_L3:
		out = XEN_DOMCTL_PFINFO_L3TAB;
		break;
	case PT_L4:
		out = XEN_DOMCTL_PFINFO_L4TAB;
		break;
	default:
		out = XEN_DOMCTL_PFINFO_NOTAB;
	}
	if (type & PT_PINNED)
		out |= XEN_DOMCTL_PFINFO_LPINTAB;
	put_page(pg);
	return out;
}

static long get_page_frame_info(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	struct xen_domctl_getpageframeinfo3 *g = &op->u.getpageframeinfo3;

	if (g->num > PAGEFRAMES_MAX)
		return -XEN_E2BIG;
	for (u64 i = 0; i < g->num; i++) {
		xen_pfn_t x;

		if (!handle_read(&x, g->array, i))
			return -XEN_EFAULT;
		x = page_type_of(d, x);
		if (!handle_write(g->array, i, &x))
			return -XEN_EFAULT;
	}
	return 0;
}

/* ---- FPU state: xcr0, xcr0 ever set, XSAVE area ---- */

#define XSTATE_HEADER 16U

static u32 ext_state_size(void)
{
	return fpu_xcr0_max() ? XSTATE_HEADER + fpu_area_size() : 0;
}

static long get_ext_state(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	struct xen_domctl_vcpuextstate *x = &op->u.vcpuextstate;
	long rc;
	struct vcpu *v = other_vcpu(d, x->vcpu, &rc);
	u64 head[2];

	if (!v)
		return rc;
	*copyback = true;
	if (handle_is_null(x->buffer)) {
		x->xfeature_mask = fpu_xcr0_max();
		x->size = ext_state_size();
		return 0;
	}
	if (x->size != ext_state_size() || x->xfeature_mask != fpu_xcr0_max())
		return -XEN_EINVAL;
	if (x->size == 0)
		return 0;
	vcpu_pause(v);
	head[0] = v->pv->xcr0;
	head[1] = fpu_xcr0_max();
	if (copy_to_guest_va((u64)x->buffer.p, head, sizeof(head)) ||
	    copy_to_guest_va((u64)x->buffer.p + XSTATE_HEADER, v->fpu, fpu_area_size()))
		rc = -XEN_EFAULT;
	vcpu_unpause(v);
	return rc;
}

static long apply_ext_state(struct vcpu *v, const u8 *state, u64 size)
{
	u64 head[2];
	long rc;

	memcpy(head, state, sizeof(head));
	if (!pv_xcr0_ok(head[0]) || (head[1] & ~fpu_xcr0_max()) || (head[0] & ~head[1]))
		return -XEN_EINVAL;
	vcpu_pause(v);
	rc = fpu_set_xsave(v, state + XSTATE_HEADER, (u32)(size - XSTATE_HEADER));
	if (rc == 0)
		v->pv->xcr0 = head[0];
	vcpu_unpause(v);
	return rc;
}

static long set_ext_state(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	const struct xen_domctl_vcpuextstate *x = &op->u.vcpuextstate;
	long rc;
	struct vcpu *v = other_vcpu(d, x->vcpu, &rc);
	u8 *state;

	if (!v)
		return rc;
	if (x->size < XSTATE_HEADER || x->size > ext_state_size())
		return -XEN_EINVAL;
	state = xzalloc_bytes(x->size);
	if (!state)
		return -XEN_ENOMEM;
	rc = copy_from_guest_va(state, (u64)x->buffer.p, x->size) ?
	             -XEN_EFAULT : apply_ext_state(v, state, x->size);
	xfree(state);
	return rc;
}

/* ---- callbacks that vcpu_guest_context lacks ---- */

static long get_ext_context(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	struct xen_domctl_ext_vcpucontext *x = &op->u.ext_vcpucontext;
	long rc;
	struct vcpu *v = other_vcpu(d, x->vcpu, &rc);
	u32 id = x->vcpu;

	if (!v)
		return rc;
	memset(x, 0, sizeof(*x));
	x->vcpu = id;
	x->size = sizeof(*x);
	x->syscall32_callback_eip = v->pv->syscall32_rip;
	x->syscall32_callback_cs = v->pv->syscall32_cs;
	x->syscall32_disables_events = v->pv->syscall32_disables_events;
	x->sysenter_callback_eip = v->pv->sysenter_rip;
	x->sysenter_callback_cs = v->pv->sysenter_cs;
	x->sysenter_disables_events = v->pv->sysenter_disables_events;
	*copyback = true;
	return 0;
}

static long set_ext_context(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	const struct xen_domctl_ext_vcpucontext *x = &op->u.ext_vcpucontext;
	long rc;
	struct vcpu *v = other_vcpu(d, x->vcpu, &rc);

	if (!v)
		return rc;
	if (x->size < offsetof(struct xen_domctl_ext_vcpucontext, mcg_cap) ||
	    !is_canonical(x->syscall32_callback_eip) || !is_canonical(x->sysenter_callback_eip))
		return -XEN_EINVAL;
	vcpu_pause(v);
	v->pv->syscall32_rip = x->syscall32_callback_eip;
	v->pv->syscall32_cs = x->syscall32_callback_cs | 3;
	v->pv->syscall32_disables_events = x->syscall32_disables_events;
	v->pv->sysenter_rip = x->sysenter_callback_eip;
	v->pv->sysenter_cs = x->sysenter_callback_cs | 3;
	v->pv->sysenter_disables_events = x->sysenter_disables_events;
	vcpu_unpause(v);
	return 0;
}

/* ---- MSRs that move with a guest ---- */

#define MSR_MISC_FEATURES 0x140
static const u32 saved_msrs[] = {MSR_SPEC_CTRL, MSR_MISC_FEATURES, MSR_TSC_AUX};

static u64 *msr_slot(struct vcpu *v, u32 msr)
{
	switch (msr) {
	case MSR_SPEC_CTRL:
		return &v->pv->msr_spec_ctrl;
	case MSR_TSC_AUX:
		return &v->pv->msr_tsc_aux;
	default:
		return NULL;
	}
}

static u64 saved_msr(struct vcpu *v, u32 msr)
{
	const u64 *slot = msr_slot(v, msr);

	return slot ? *slot : v->pv->cpuid_faulting;
}

static long get_msrs(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	struct xen_domctl_vcpu_msrs *m = &op->u.vcpu_msrs;
	long rc;
	struct vcpu *v = other_vcpu(d, m->vcpu, &rc);
	u32 n = 0;

	if (!v)
		return rc;
	*copyback = true;
	if (handle_is_null(m->msrs)) {
		m->msr_count = ARRAY_SIZE(saved_msrs);
		return 0;
	}
	vcpu_pause(v);
	for (u32 i = 0; i < ARRAY_SIZE(saved_msrs) && rc == 0; i++) {
		xen_domctl_vcpu_msr_t x = {.index = saved_msrs[i],
		                           .value = saved_msr(v, saved_msrs[i])};

		if (x.value == 0)
			continue; /* as a new vCPU has it */
		if (n == m->msr_count)
			rc = -XEN_ENOBUFS;
		else if (!handle_write(m->msrs, n, &x))
			rc = -XEN_EFAULT;
		n++;
	}
	vcpu_unpause(v);
	m->msr_count = n;
	return rc;
}

static long set_one_msr(struct vcpu *v, const xen_domctl_vcpu_msr_t *x)
{
	u64 *slot = msr_slot(v, x->index);

	if (x->reserved)
		return -XEN_EINVAL;
	if (x->index == MSR_MISC_FEATURES) {
		if ((x->value & ~1UL) || (x->value && !pv_cpu_has_faulting()))
			return -XEN_EINVAL;
		v->pv->cpuid_faulting = x->value;
		return 0;
	}
	if (!slot || (x->index == MSR_TSC_AUX && (x->value >> 32)) ||
	    (x->index == MSR_SPEC_CTRL && !pv_spec_ctrl_ok(x->value)))
		return -XEN_EINVAL;
	*slot = x->value;
	return 0;
}

static long set_msrs(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	struct xen_domctl_vcpu_msrs *m = &op->u.vcpu_msrs;
	long rc;
	struct vcpu *v = other_vcpu(d, m->vcpu, &rc);

	if (!v)
		return rc;
	if (m->msr_count > ARRAY_SIZE(saved_msrs))
		return -XEN_EINVAL;
	vcpu_pause(v);
	for (u32 i = 0; i < m->msr_count && rc == 0; i++) {
		xen_domctl_vcpu_msr_t x;

		rc = handle_read(&x, m->msrs, i) ? set_one_msr(v, &x) : -XEN_EFAULT;
	}
	vcpu_unpause(v);
	return rc;
}

/* ---- time-stamp counter ---- */

#define TSC_DEFAULT        0U
#define TSC_ALWAYS_EMULATE 1U
#define TSC_NEVER_EMULATE  2U

static long get_tsc_info(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	struct xen_domctl_tsc_info *t = &op->u.tsc_info;
	struct pv_domain *pv = d->pv;

	if (d == current->domain)
		return -XEN_EINVAL;
	memset(t, 0, sizeof(*t));
	t->tsc_mode = pv->tsc_mode;
	t->gtsc_khz = pv->tsc_khz;
	t->incarnation = (u32)pv->tsc_incarnation;
	t->elapsed_nsec = (u64)system_time() + pv->tsc_elapsed;
	*copyback = true;
	return 0;
}

/* By default a guest reads the real counter as long as it ticks at the rate the guest knows. */
static long set_tsc_info(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	const struct xen_domctl_tsc_info *t = &op->u.tsc_info;
	struct pv_domain *pv = d->pv;
	u32 khz = t->gtsc_khz ? t->gtsc_khz : cpu_khz();

	if (d == current->domain || t->tsc_mode > TSC_NEVER_EMULATE)
		return -XEN_EINVAL;
	domain_pause(d);
	pv->tsc_mode = t->tsc_mode;
	pv->tsc_khz = t->tsc_mode == TSC_NEVER_EMULATE ? cpu_khz() : khz;
	pv->tsc_incarnation = t->incarnation;
	pv->tsc_elapsed = t->elapsed_nsec - (u64)system_time();
	pv->tsc_emulated = t->tsc_mode == TSC_ALWAYS_EMULATE ||
	                   (t->tsc_mode == TSC_DEFAULT && khz != cpu_khz());
	domain_unpause(d);
	return 0;
}

/* ---- CPU policy ---- */

static long get_cpu_policy(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	*copyback = true;
	return pv_domctl_get_policy(d, &op->u.cpu_policy);
}

static long set_cpu_policy(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	if (d == current->domain)
		return -XEN_EINVAL;
	if (d->created_done)
		return -XEN_EEXIST;
	*copyback = true; /* where the audit failed */
	return pv_domctl_set_policy(d, &op->u.cpu_policy);
}

/* ---- permissions ---- */

static long ioport_permission(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	const struct xen_domctl_ioport_permission *p = &op->u.ioport_permission;

	if (p->nr_ports == 0 || p->first_port > 0xffff || p->nr_ports > 0x10000 - p->first_port)
		return -XEN_EINVAL;
	if (d->is_control)
		return -XEN_EINVAL;
	if (p->allow_access && !pv_ioport_permitted(current->domain, p->first_port, p->nr_ports))
		return -XEN_EPERM;
	for (u32 i = p->first_port; i < p->first_port + p->nr_ports; i++) {
		if (p->allow_access)
			bit_test_and_set_atomic(d->pv->ioport_allowed, i);
		else
			bit_test_and_clear_atomic(d->pv->ioport_allowed, i);
	}
	return 0;
}

/* Device memory and interrupts stay dom0's: no guest gets a device without an IOMMU. */
static long iomem_permission(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	const struct xen_domctl_iomem_permission *p = &op->u.iomem_permission;

	if (p->nr_mfns == 0 || p->first_mfn + p->nr_mfns < p->first_mfn)
		return -XEN_EINVAL;
	return p->allow_access ? -XEN_EPERM : 0;
}

static long irq_permission(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	return op->u.irq_permission.allow_access ? -XEN_EPERM : 0;
}

/* ---- the rest ---- */

static long hypercall_init(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	struct page_info *pg = get_page_by_mfn(MFN(op->u.hypercall_init.gmfn), d);

	if (!pg)
		return -XEN_EACCES;
	if (get_page_type(pg, PT_WRITABLE)) {
		put_page(pg);
		return -XEN_EACCES;
	}
	pv_fill_hypercall_page(page_to_virt(pg));
	put_page_and_type(pg);
	return 0;
}

/* PV guests are never shadowed, hence not tracked; switching that off is no error. */
static long shadow_op(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	if (d == current->domain)
		return -XEN_EINVAL;
	return op->u.shadow_op.op == XEN_DOMCTL_SHADOW_OP_OFF ? 0 : -XEN_EOPNOTSUPP;
}

long arch_vcpu_send_nmi(struct vcpu *v)
{
	if (!v->pv)
		return -XEN_EOPNOTSUPP;
	v->pv->nmi_pending = true;
	vcpu_unblock(v);
	arch_vcpu_mark_events_pending(v);
	return 0;
}

static long send_trigger(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	struct vcpu *v = domain_vcpu(d, op->u.sendtrigger.vcpu);

	if (op->u.sendtrigger.vcpu >= d->max_vcpus)
		return -XEN_EINVAL;
	if (!v)
		return -XEN_ESRCH;
	return op->u.sendtrigger.trigger == XEN_DOMCTL_SENDTRIGGER_NMI ? arch_vcpu_send_nmi(v) :
	                                                                 -XEN_ENOSYS;
}

static long hvm_only(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	return -XEN_EINVAL;
}

static long not_supported(struct domain *d, struct xen_domctl *op, bool *copyback)
{
	return -XEN_EOPNOTSUPP;
}

static arch_fn *const handlers[] = {
	[XEN_DOMCTL_shadow_op] = shadow_op,
	[XEN_DOMCTL_irq_permission] = irq_permission,
	[XEN_DOMCTL_iomem_permission] = iomem_permission,
	[XEN_DOMCTL_ioport_permission] = ioport_permission,
	[XEN_DOMCTL_hypercall_init] = hypercall_init,
	[XEN_DOMCTL_sendtrigger] = send_trigger,
	[XEN_DOMCTL_gethvmcontext] = hvm_only,
	[XEN_DOMCTL_sethvmcontext] = hvm_only,
	[XEN_DOMCTL_gethvmcontext_partial] = hvm_only,
	[XEN_DOMCTL_set_address_size] = set_address_size,
	[XEN_DOMCTL_get_address_size] = get_address_size,
	[XEN_DOMCTL_assign_device] = not_supported,
	[XEN_DOMCTL_test_assign_device] = not_supported,
	[XEN_DOMCTL_deassign_device] = not_supported,
	[XEN_DOMCTL_get_device_group] = not_supported,
	[XEN_DOMCTL_bind_pt_irq] = hvm_only,
	[XEN_DOMCTL_unbind_pt_irq] = hvm_only,
	[XEN_DOMCTL_memory_mapping] = not_supported,
	[XEN_DOMCTL_ioport_mapping] = hvm_only,
	[XEN_DOMCTL_set_ext_vcpucontext] = set_ext_context,
	[XEN_DOMCTL_get_ext_vcpucontext] = get_ext_context,
	[XEN_DOMCTL_debug_op] = hvm_only,
	[XEN_DOMCTL_vm_event_op] = not_supported,
	[XEN_DOMCTL_mem_sharing_op] = not_supported,
	[XEN_DOMCTL_gettscinfo] = get_tsc_info,
	[XEN_DOMCTL_settscinfo] = set_tsc_info,
	[XEN_DOMCTL_getpageframeinfo3] = get_page_frame_info,
	[XEN_DOMCTL_setvcpuextstate] = set_ext_state,
	[XEN_DOMCTL_getvcpuextstate] = get_ext_state,
	[XEN_DOMCTL_audit_p2m] = hvm_only,
	[XEN_DOMCTL_get_vcpu_msrs] = get_msrs,
	[XEN_DOMCTL_set_vcpu_msrs] = set_msrs,
	[XEN_DOMCTL_psr_cmt_op] = not_supported,
	[XEN_DOMCTL_psr_alloc] = not_supported,
	[XEN_DOMCTL_monitor_op] = not_supported,
	[XEN_DOMCTL_get_cpu_policy] = get_cpu_policy,
	[XEN_DOMCTL_set_cpu_policy] = set_cpu_policy,
	[XEN_DOMCTL_vmtrace_op] = not_supported,
	[XEN_DOMCTL_get_paging_mempool_size] = not_supported,
	[XEN_DOMCTL_set_paging_mempool_size] = not_supported,
};

/* *copyback: the caller writes @op back to the guest. */
long arch_domctl(struct domain *d, struct xen_domctl *op, u64 u_op, bool *copyback)
{
	arch_fn *fn;

	if (op->cmd >= ARRAY_SIZE(handlers))
		return -XEN_ENOSYS;
	fn = handlers[array_index(op->cmd, ARRAY_SIZE(handlers))];
	if (!fn)
		return -XEN_ENOSYS;
	if (!d->pv) /* DOMID_XEN and the like have no state of this kind */
		return -XEN_EINVAL;
	return fn(d, op, copyback);
}
