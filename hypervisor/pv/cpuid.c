/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CPUID of PV guests: the host's and the default policies, each domain's own, the parts that change
 * while it runs, and the hypervisor's leaves. The rules are logic/cpu_policy.c. */
#include "core/options.h"
#include "logic/cpu_policy.h"
#include "pv/pv.h"
#include "x86/x86.h"
#include <xen/arch-x86/cpuid.h>
#include <string.h>

#define MSR_PLATFORM_INFO  0xce
#define MSR_MISC_FEATURES  0x140
#define PLATFORM_FAULTING  BIT(31)
#define MISC_FAULTING      BIT(0)
#define HYPERCALL_MSR      0x40000000U

struct cpuid_policy {
	struct cpu_policy p;
};

static struct cpu_policy raw, host, pv_max, pv_def;
static bool ready, faulting;

/* ---- CPUID faulting ---- */

bool pv_cpu_has_faulting(void)
{
	return faulting;
}

void pv_cpu_set_faulting(bool on)
{
	u64 v;

	if (rdmsr_safe(MSR_MISC_FEATURES, &v))
		wrmsr_safe(MSR_MISC_FEATURES, on ? v | MISC_FAULTING : v & ~MISC_FAULTING);
}

static bool detect_faulting(void)
{
	u64 v;

	return cpu_features.vendor == VENDOR_INTEL && rdmsr_safe(MSR_PLATFORM_INFO, &v) &&
	       (v & PLATFORM_FAULTING);
}

void pv_cpuid_init(void)
{
	if (ready)
		return;
	ready = true;
	faulting = detect_faulting();
	cpu_policy_read(&raw, cpuid, cpu_features.arch_caps);
	if (faulting)
		raw.platform_info = PLATFORM_FAULTING;
	cpu_policy_derive_host(&host, &raw);
	cpu_policy_derive_pv(&pv_max, &host, fpu_xcr0_max(), true);
	cpu_policy_derive_pv(&pv_def, &host, fpu_xcr0_max(), false);
}

/* xl info's hw_caps, in the order of feature words. */
void machine_hw_caps(u32 caps[8])
{
	u32 fs[CPU_FEATURE_WORDS];

	pv_cpuid_init();
	cpu_policy_features(&host, fs);
	memcpy(caps, fs, 8 * sizeof(u32));
}

/* ---- domains ---- */

#define EXT7        0x80000007U
#define EXT7_ITSC   BIT(8)

int pv_cpuid_domain_init(struct domain *d)
{
	struct cpuid_policy *c = xzalloc(struct cpuid_policy);
	u32 leaf, subleaf;

	if (!c)
		return -XEN_ENOMEM;
	pv_cpuid_init();
	c->p = pv_def;
	cpu_policy_sanitise(&c->p, &pv_max, &leaf, &subleaf); /* a domain's own form; cannot fail */
	/* Dom0 never moves to another machine. */
	if (d->is_control && cpu_features.invariant_tsc) {
		const struct cpu_leaf *l = cpu_policy_find(&c->p, EXT7, CPU_NO_SUBLEAF);
		if (l) {
			struct cpu_leaf with = *l;
			with.r[CPU_EDX] |= EXT7_ITSC;
			cpu_policy_set(&c->p, &with);
		}
	}
	d->pv->cpuid = c;
	return 0;
}

void pv_cpuid_domain_free(struct domain *d)
{
	xfree(d->pv->cpuid);
	d->pv->cpuid = NULL;
}

/* ---- the hypervisor's leaves ---- */

static void time_leaf(struct vcpu *v, u32 subleaf, u32 out[4])
{
	struct pv_domain *pv = v->domain->pv;
	struct vcpu_time_info t = {0};

	switch (subleaf) {
	case 0: /* flags: emulated, host TSC reliable, RDTSCP; mode; kHz; incarnation */
		out[0] = (pv->tsc_emulated ? 1 : 0) | (cpu_features.invariant_tsc ? 2 : 0) |
		         (cpu_features.rdtscp ? 4 : 0);
		out[1] = pv->tsc_mode;
		out[2] = pv->tsc_khz;
		out[3] = (u32)pv->tsc_incarnation;
		break;
	case 1: /* offset and scale of an emulated TSC */
		arch_vcpu_time(v, &t);
		out[2] = t.tsc_to_system_mul;
		out[3] = (u32)(s32)t.tsc_shift;
		break;
	case 2:
		out[0] = cpu_khz();
		break;
	default:
		break;
	}
}

static void hypervisor_leaf(struct vcpu *v, u32 leaf, u32 subleaf, u32 out[4])
{
	const struct cpu_leaf *l = cpu_policy_find(&v->domain->pv->cpuid->p, XEN_CPUID_FIRST_LEAF,
	                                           CPU_NO_SUBLEAF);
	u32 limit = l ? l->r[CPU_EAX] & 0xff : 0;

	memset(out, 0, 4 * sizeof(u32));
	if (limit == 0 || limit > XEN_CPUID_MAX_NUM_LEAVES)
		limit = XEN_CPUID_MAX_NUM_LEAVES;
	if (leaf > XEN_CPUID_LEAF(limit))
		return;
	switch (leaf - XEN_CPUID_FIRST_LEAF) {
	case 0:
		out[0] = XEN_CPUID_LEAF(limit);
		out[1] = XEN_CPUID_SIGNATURE_EBX;
		out[2] = XEN_CPUID_SIGNATURE_ECX;
		out[3] = XEN_CPUID_SIGNATURE_EDX;
		break;
	case 1:
		out[0] = XEN_VERSION_MAJOR << 16 | XEN_VERSION_MINOR;
		break;
	case 2: /* one hypercall page, written through this MSR */
		out[0] = 1;
		out[1] = HYPERCALL_MSR;
		out[2] = XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD;
		break;
	case 3:
		time_leaf(v, subleaf, out);
		break;
	case 5:
		if (subleaf == 0)
			out[1] = machine_phys_bits();
		break;
	default:
		break;
	}
}

/* ---- what the instruction gives ---- */

/* Bits and sizes that follow the vCPU's state; it is the current one. */
static void dynamic_parts(struct vcpu *v, u32 leaf, u32 subleaf, u32 out[4])
{
	u32 hw[4];

	if (leaf == 1 && (out[CPU_ECX] & BIT(26)))
		out[CPU_ECX] |= BIT(27); /* OSXSAVE: CR4.OSXSAVE is always on */
	if (leaf != 0xd || fpu_xcr0_max() == 0 || out[CPU_EAX] == 0)
		return;
	if (subleaf == 0) {
		cpuid(0xd, 0, hw); /* the size for XCR0 as it is now, which is this guest's */
		out[CPU_EBX] = hw[CPU_EBX];
	} else if (subleaf == 1 && (out[CPU_EAX] & BIT(1))) {
		cpuid(0xd, 1, hw);
		out[CPU_EBX] = hw[CPU_EBX];
	}
}

/* Leaves past the maximum read as zero (Intel gives the last basic leaf; no guest relies on it). */
void pv_cpuid(struct vcpu *v, u32 leaf, u32 subleaf, u32 out[4])
{
	const struct cpu_leaf *l;

	if (leaf >> 16 == XEN_CPUID_FIRST_LEAF >> 16) {
		hypervisor_leaf(v, leaf, subleaf, out);
		return;
	}
	l = cpu_policy_find(&v->domain->pv->cpuid->p, leaf, subleaf);
	if (!l) {
		memset(out, 0, 4 * sizeof(u32));
		return;
	}
	memcpy(out, l->r, sizeof(l->r));
	dynamic_parts(v, leaf, subleaf, out);
}

/* ---- control operations ---- */

struct leaf_out {
	XEN_GUEST_HANDLE_64(xen_cpuid_leaf_t) leaves;
	XEN_GUEST_HANDLE_64(xen_msr_entry_t) msrs;
};

/* Writes @p to the caller's arrays; the counts are what they have room for, then what was used, or with no array
 * what is needed. */
static long copy_policy_out(const struct cpu_policy *p, const struct leaf_out *o, u32 *nr_leaves,
                            u32 *nr_msrs)
{
	const xen_msr_entry_t msrs[CPU_POLICY_MSRS] = {
		{.idx = MSR_PLATFORM_INFO, .val = p->platform_info},
		{.idx = MSR_ARCH_CAPS, .val = p->arch_caps},
	};

	if (handle_is_null(o->leaves)) {
		*nr_leaves = CPU_POLICY_MAX_LEAVES;
	} else {
		if (*nr_leaves < p->n)
			return -XEN_ENOBUFS;
		for (u32 i = 0; i < p->n; i++) {
			const struct cpu_leaf *l = &p->leaf[i];
			xen_cpuid_leaf_t x = {l->leaf, l->subleaf, l->r[0], l->r[1], l->r[2], l->r[3]};
			if (!handle_write(o->leaves, i, &x))
				return -XEN_EFAULT;
		}
		*nr_leaves = p->n;
	}
	if (!handle_is_null(o->msrs)) {
		if (*nr_msrs < CPU_POLICY_MSRS)
			return -XEN_ENOBUFS;
		for (u32 i = 0; i < CPU_POLICY_MSRS; i++)
			if (!handle_write(o->msrs, i, &msrs[i]))
				return -XEN_EFAULT;
	}
	*nr_msrs = CPU_POLICY_MSRS;
	return 0;
}

long pv_domctl_get_policy(struct domain *d, struct xen_domctl_cpu_policy *p)
{
	struct leaf_out o = {.leaves = {p->leaves.p}, .msrs = {p->msrs.p}};

	return copy_policy_out(&d->pv->cpuid->p, &o, &p->nr_leaves, &p->nr_msrs);
}

static long copy_leaves_in(struct cpu_policy *p, struct xen_domctl_cpu_policy *op)
{
	if (op->nr_leaves > 4 * CPU_POLICY_MAX_LEAVES)
		return -XEN_E2BIG;
	for (u32 i = 0; i < op->nr_leaves; i++) {
		xen_cpuid_leaf_t x;
		struct cpu_leaf l;

		if (!handle_read(&x, op->leaves, i))
			return -XEN_EFAULT;
		l = (struct cpu_leaf){x.leaf, x.subleaf, {x.a, x.b, x.c, x.d}};
		if (!cpu_policy_set(p, &l)) {
			op->err_leaf = x.leaf;
			op->err_subleaf = x.subleaf;
			return -XEN_ERANGE;
		}
	}
	return 0;
}

static long copy_msrs_in(struct cpu_policy *p, struct xen_domctl_cpu_policy *op)
{
	if (op->nr_msrs > CPU_POLICY_MSRS * 4)
		return -XEN_E2BIG;
	for (u32 i = 0; i < op->nr_msrs; i++) {
		xen_msr_entry_t m;

		if (!handle_read(&m, op->msrs, i))
			return -XEN_EFAULT;
		op->err_msr = m.idx;
		if (m.flags)
			return -XEN_EINVAL;
		if (m.idx == MSR_PLATFORM_INFO) {
			if (m.val & ~pv_max.platform_info)
				return -XEN_EINVAL;
			p->platform_info = m.val;
		} else if (m.idx == MSR_ARCH_CAPS) {
			p->arch_caps = m.val;
		} else {
			return -XEN_ERANGE;
		}
	}
	return 0;
}

/* Only before the domain first runs, or while the toolstack restores it: not under a running guest. */
long pv_domctl_set_policy(struct domain *d, struct xen_domctl_cpu_policy *op)
{
	struct cpu_policy *n = xzalloc(struct cpu_policy);
	u32 err_leaf = ~0U, err_subleaf = ~0U;
	long rc;

	if (!n)
		return -XEN_ENOMEM;
	*n = d->pv->cpuid->p;
	op->err_leaf = op->err_subleaf = op->err_msr = XEN_CPUID_NO_SUBLEAF;
	rc = copy_leaves_in(n, op);
	if (rc == 0)
		rc = copy_msrs_in(n, op);
	if (rc == 0 && !cpu_policy_sanitise(n, &pv_max, &err_leaf, &err_subleaf)) {
		op->err_leaf = err_leaf;
		op->err_subleaf = err_subleaf;
		rc = -XEN_EINVAL;
	}
	if (rc == 0) {
		op->err_msr = XEN_CPUID_NO_SUBLEAF;
		d->pv->cpuid->p = *n;
	}
	xfree(n);
	return rc;
}

static const struct cpu_policy *system_policy(u32 index, long *err)
{
	*err = 0;
	switch (index) {
	case XEN_SYSCTL_cpu_policy_raw:
		return &raw;
	case XEN_SYSCTL_cpu_policy_host:
		return &host;
	case XEN_SYSCTL_cpu_policy_pv_max:
		return &pv_max;
	case XEN_SYSCTL_cpu_policy_pv_default:
		return &pv_def;
	case XEN_SYSCTL_cpu_policy_hvm_max:
	case XEN_SYSCTL_cpu_policy_hvm_default:
		*err = -XEN_EOPNOTSUPP;
		return NULL;
	default:
		*err = -XEN_EINVAL;
		return NULL;
	}
}

long pv_sysctl_get_policy(struct xen_sysctl_cpu_policy *op)
{
	struct leaf_out o = {.leaves = {op->leaves.p}, .msrs = {op->msrs.p}};
	const struct cpu_policy *p;
	long rc;

	if (op->_rsvd)
		return -XEN_EINVAL;
	pv_cpuid_init();
	p = system_policy(op->index, &rc);
	if (!p)
		return rc;
	return copy_policy_out(p, &o, &op->nr_leaves, &op->nr_msrs);
}

long pv_sysctl_get_featureset(struct xen_sysctl_cpu_featureset *op)
{
	static const u32 index[] = {
		[XEN_SYSCTL_cpu_featureset_raw] = XEN_SYSCTL_cpu_policy_raw,
		[XEN_SYSCTL_cpu_featureset_host] = XEN_SYSCTL_cpu_policy_host,
		[XEN_SYSCTL_cpu_featureset_pv] = XEN_SYSCTL_cpu_policy_pv_default,
		[XEN_SYSCTL_cpu_featureset_hvm] = XEN_SYSCTL_cpu_policy_hvm_default,
		[XEN_SYSCTL_cpu_featureset_pv_max] = XEN_SYSCTL_cpu_policy_pv_max,
		[XEN_SYSCTL_cpu_featureset_hvm_max] = XEN_SYSCTL_cpu_policy_hvm_max,
	};
	const struct cpu_policy *p;
	u32 fs[CPU_FEATURE_WORDS], n = MIN(op->nr_features, (u32)CPU_FEATURE_WORDS);
	long rc;

	if (handle_is_null(op->features)) {
		op->nr_features = CPU_FEATURE_WORDS;
		return 0;
	}
	if (op->index >= ARRAY_SIZE(index))
		return -XEN_EINVAL;
	pv_cpuid_init();
	p = system_policy(index[array_index(op->index, ARRAY_SIZE(index))], &rc);
	if (!p)
		return rc;
	cpu_policy_features(p, fs);
	for (u32 i = 0; i < n; i++)
		if (!handle_write(op->features, i, &fs[i]))
			return -XEN_EFAULT;
	rc = op->nr_features < CPU_FEATURE_WORDS ? -XEN_ENOBUFS : 0;
	op->nr_features = n;
	return rc;
}

u64 pv_arch_caps(struct domain *d)
{
	return d->pv->cpuid->p.arch_caps;
}
