/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Model-specific registers as PV guests see them, and their emulated time-stamp counter. A register
 * that is not here does not exist: #GP. */
#include "pv/pv.h"
#include "logic/cpu_policy.h"
#include "x86/x86.h"

#define MSR_PLATFORM_ID     0x17
#define MSR_UCODE_REV       0x8b
#define MSR_PLATFORM_INFO   0xce
#define MSR_MISC_FEATURES   0x140
#define MSR_MCG_CAP         0x179
#define MSR_MCG_STATUS      0x17a
#define MSR_MC0_CTL         0x400
#define MSR_MC_END          0x47f
#define MSR_AMD_SYSCFG      0xc0010010
#define MSR_AMD_HWCR        0xc0010015
#define MSR_AMD_NB_CFG      0xc001001f
#define MSR_AMD_OSVW_LENGTH 0xc0010140
#define MSR_AMD_OSVW_STATUS 0xc0010141
#define MSR_AMD_DE_CFG      0xc0011029
#define MSR_HYPERCALL       0x40000000

#define APIC_BASE_X2APIC    BIT(10)
#define PRED_CMD_IBPB       BIT(0)
#define DE_CFG_LFENCE       BIT(1)
#define EFER_GUEST_SEES     (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE)

static bool has_feature(struct vcpu *v, u32 leaf, u8 reg, u32 bit)
{
	u32 out[4];

	pv_cpuid(v, leaf, 0, out);
	return out[reg] >> bit & 1;
}

static bool has_spec_ctrl(struct vcpu *v)
{
	return has_feature(v, 7, CPU_EDX, 26);
}

bool pv_spec_ctrl_ok(u64 val)
{
	u64 have = (cpu_features.ibrs ? BIT(0) : 0) | (cpu_features.stibp ? BIT(1) : 0) |
	           (cpu_features.leaf7_edx & BIT(31) ? BIT(2) : 0); /* SSBD */

	return !(val & ~have);
}

static bool has_ibpb(struct vcpu *v)
{
	return has_spec_ctrl(v) || has_feature(v, 0x80000008, CPU_EBX, 12);
}

/* ---- time-stamp counter ---- */

/* Ticks at the domain's own rate since its time began, which survives a move to another host. */
static u64 emulated_tsc(const struct pv_domain *pv, ns_t now)
{
	u64 ns = (u64)now + pv->tsc_elapsed;

	return (u64)((unsigned __int128)ns * pv->tsc_khz / 1000000);
}

u64 pv_guest_tsc(struct vcpu *v)
{
	const struct pv_domain *pv = v->domain->pv;

	return pv->tsc_emulated ? emulated_tsc(pv, system_time()) : rdtsc();
}

void arch_dump_tsc(struct domain *d)
{
	const struct pv_domain *pv = d->pv;

	if (pv)
		printk("  d%u: TSC mode %u, %u kHz, %s, incarnation %llu\n", d->id, pv->tsc_mode,
		       pv->tsc_khz, pv->tsc_emulated ? "emulated" : "native",
		       (unsigned long long)pv->tsc_incarnation);
}

/* ns = (ticks << shift) * mul >> 32, with mul in its upper half for precision. */
static void scale_of(u32 khz, struct vcpu_time_info *t)
{
	u64 mul = (1000000ULL << 32) / khz; /* shift 0 */
	s8 shift = 0;

	while (mul >> 32) {
		mul >>= 1;
		shift++;
	}
	while (!(mul >> 31)) {
		shift--;
		mul = (1000000ULL << (32 - shift)) / khz;
	}
	t->tsc_to_system_mul = (u32)mul;
	t->tsc_shift = shift;
}

void arch_vcpu_time(struct vcpu *v, struct vcpu_time_info *t)
{
	const struct pv_domain *pv = v->domain->pv;
	ns_t now;

	machine_vcpu_time(t);
	if (!pv || !pv->tsc_emulated)
		return;
	now = system_time();
	t->system_time = (u64)now;
	t->tsc_timestamp = emulated_tsc(pv, now);
	scale_of(pv->tsc_khz, t);
}

/* ---- reads ---- */

static int read_segment_base(u32 msr, u64 *val)
{
	*val = msr == MSR_FS_BASE ? rd_fs_base() :
	       msr == MSR_GS_BASE ? rd_gs_base() : rd_kernel_gs_base();
	return 0;
}

static int read_intel(u32 msr, u64 *val)
{
	if (cpu_features.vendor != VENDOR_INTEL)
		return -XEN_EINVAL;
	if (msr == MSR_PLATFORM_ID || msr == MSR_MISC_ENABLE)
		return rdmsr_safe(msr, val) ? 0 : -XEN_EINVAL;
	return -XEN_EINVAL;
}

static int read_amd(u32 msr, u64 *val)
{
	if (cpu_features.vendor != VENDOR_AMD)
		return -XEN_EINVAL;
	switch (msr) {
	case MSR_AMD_DE_CFG: /* LFENCE serializes */
		*val = DE_CFG_LFENCE;
		return 0;
	case MSR_AMD_HWCR:
	case MSR_AMD_SYSCFG:
	case MSR_AMD_NB_CFG:
	case MSR_AMD_OSVW_LENGTH:
	case MSR_AMD_OSVW_STATUS:
		*val = 0;
		return 0;
	default:
		return -XEN_EINVAL;
	}
}

static int read_apic_base(struct vcpu *v, u64 *val)
{
	*val = rdmsr(MSR_APIC_BASE) & ~APIC_BASE_X2APIC & ~BIT(8);
	if (v->id == 0)
		*val |= BIT(8); /* the bootstrap processor */
	return 0;
}

int pv_rdmsr(struct vcpu *v, u32 msr, u64 *val)
{
	switch (msr) {
	case MSR_FS_BASE:
	case MSR_GS_BASE:
	case MSR_KERNEL_GS_BASE:
		return read_segment_base(msr, val);
	case MSR_TSC:
		*val = pv_guest_tsc(v);
		return 0;
	case MSR_EFER:
		*val = rdmsr(MSR_EFER) & EFER_GUEST_SEES;
		return 0;
	case MSR_PAT:
		*val = PAT_VALUE;
		return 0;
	case MSR_APIC_BASE:
		return read_apic_base(v, val);
	case MSR_TSC_AUX:
		if (!cpu_features.rdtscp)
			return -XEN_EINVAL;
		*val = v->pv->msr_tsc_aux;
		return 0;
	case MSR_UCODE_REV:
		return rdmsr_safe(msr, val) ? 0 : -XEN_EINVAL;
	case MSR_PLATFORM_INFO:
		if (cpu_features.vendor != VENDOR_INTEL)
			return -XEN_EINVAL;
		*val = pv_cpu_has_faulting() ? BIT(31) : 0;
		return 0;
	case MSR_MISC_FEATURES:
		if (cpu_features.vendor != VENDOR_INTEL)
			return -XEN_EINVAL;
		*val = v->pv->cpuid_faulting;
		return 0;
	case MSR_ARCH_CAPS:
		if (!has_feature(v, 7, CPU_EDX, 29))
			return -XEN_EINVAL;
		*val = pv_arch_caps(v->domain);
		return 0;
	case MSR_SPEC_CTRL:
		if (!has_spec_ctrl(v))
			return -XEN_EINVAL;
		*val = v->pv->msr_spec_ctrl;
		return 0;
	case MSR_MCG_CAP: /* no machine-check banks */
	case MSR_MCG_STATUS:
	case MSR_MC0_CTL ... MSR_MC_END:
		*val = 0;
		return 0;
	default:
		return cpu_features.vendor == VENDOR_INTEL ? read_intel(msr, val) :
		                                             read_amd(msr, val);
	}
}

/* ---- writes ---- */

static int write_segment_base(u32 msr, u64 val)
{
	if (!is_canonical(val))
		return -XEN_EINVAL;
	if (msr == MSR_FS_BASE)
		wr_fs_base(val);
	else if (msr == MSR_GS_BASE)
		wr_gs_base(val);
	else
		wr_kernel_gs_base(val);
	return 0;
}

static int write_hypercall_msr(struct vcpu *v, u64 val)
{
	struct page_info *pg;

	if (val & ~PAGE_MASK) /* page number 0 is the only one */
		return -XEN_EINVAL;
	pg = get_page_by_mfn(maddr_to_mfn(val), v->domain);
	if (!pg)
		return -XEN_EINVAL;
	if (get_page_type(pg, PT_WRITABLE)) {
		put_page(pg);
		return -XEN_EINVAL;
	}
	pv_fill_hypercall_page(page_to_virt(pg));
	put_page_and_type(pg);
	return 0;
}

/* Registers whose value is not the guest's: writing what is there is harmless, all else is refused. */
static int write_same(struct vcpu *v, u32 msr, u64 val)
{
	u64 now;

	return pv_rdmsr(v, msr, &now) == 0 && now == val ? 0 : -XEN_EINVAL;
}

int pv_wrmsr(struct vcpu *v, u32 msr, u64 val)
{
	switch (msr) {
	case MSR_FS_BASE:
	case MSR_GS_BASE:
	case MSR_KERNEL_GS_BASE:
		return write_segment_base(msr, val);
	case MSR_TSC_AUX:
		if (!cpu_features.rdtscp || val >> 32)
			return -XEN_EINVAL;
		v->pv->msr_tsc_aux = val;
		wrmsr(MSR_TSC_AUX, val);
		return 0;
	case MSR_SPEC_CTRL:
		if (!has_spec_ctrl(v) || !pv_spec_ctrl_ok(val))
			return -XEN_EINVAL;
		v->pv->msr_spec_ctrl = val;
		pv_load_spec_ctrl(v);
		return 0;
	case MSR_PRED_CMD:
		if (!has_ibpb(v) || (val & ~PRED_CMD_IBPB))
			return -XEN_EINVAL;
		if (val)
			ibpb();
		return 0;
	case MSR_MISC_FEATURES:
		if (cpu_features.vendor != VENDOR_INTEL || (val & ~1UL) ||
		    (val && !pv_cpu_has_faulting()))
			return -XEN_EINVAL;
		v->pv->cpuid_faulting = val & 1;
		return 0;
	case MSR_HYPERCALL:
		return write_hypercall_msr(v, val);
	case MSR_PAT:
	case MSR_TSC:
	case MSR_APIC_BASE:
	case MSR_UCODE_REV: /* Linux writes 0 before it reads the revision */
	case MSR_MISC_ENABLE:
	case MSR_MCG_STATUS:
	case MSR_MC0_CTL ... MSR_MC_END:
		return 0; /* not the guest's to change, and it may think it did */
	default:
		return write_same(v, msr, val);
	}
}
