/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a guest's CPUID says: a table of leaves, cut down from the host's by the rules of
 * xen/arch-x86/cpufeatureset.h. PURE. */
#pragma once
#include "logic/types.h"

#define CPU_POLICY_MAX_LEAVES 120 /* every leaf that there can be: cpu_policy_leaf_known() */
#define CPU_FEATURE_WORDS     19
#define CPU_NO_SUBLEAF        0xffffffffU
#define CPU_POLICY_MSRS       2 /* platform info, architectural capabilities */

enum { CPU_EAX, CPU_EBX, CPU_ECX, CPU_EDX };

struct cpu_leaf {
	u32 leaf, subleaf; /* subleaf CPU_NO_SUBLEAF where the leaf has none */
	u32 r[4];
};

struct cpu_policy {
	u32 n; /* leaves in use, in order of leaf and subleaf */
	struct cpu_leaf leaf[CPU_POLICY_MAX_LEAVES];
	u64 platform_info, arch_caps; /* MSRs 0xce, 0x10a */
};

typedef void cpuid_fn(u32 leaf, u32 subleaf, u32 out[4]);

/* Fills @p from a CPU's own CPUID instruction. @arch_caps: MSR 0x10a, 0 if it has none. */
void cpu_policy_read(struct cpu_policy *p, cpuid_fn *cpuid, u64 arch_caps);

/* The leaf, or NULL; @subleaf is ignored where the leaf has none. */
const struct cpu_leaf *cpu_policy_find(const struct cpu_policy *p, u32 leaf, u32 subleaf);

/* Feature bits as the ABI numbers them. */
void cpu_policy_features(const struct cpu_policy *p, u32 fs[CPU_FEATURE_WORDS]);

/* What the hypervisor makes of the CPU: features that the ABI has names for, no power or topology. */
void cpu_policy_derive_host(struct cpu_policy *out, const struct cpu_policy *raw);

/* What a PV guest may have at most (@max) or gets by default, given the XCR0 bits it may set. */
void cpu_policy_derive_pv(struct cpu_policy *out, const struct cpu_policy *host, u64 xcr0_max,
                          bool max);

/* Is (leaf, subleaf) one that a policy can hold? */
bool cpu_policy_leaf_known(u32 leaf, u32 subleaf);
/* Replaces or adds a leaf; false if it is not known or there is no room. */
bool cpu_policy_set(struct cpu_policy *p, const struct cpu_leaf *l);
/* Cuts features that @max lacks; fails with the offending leaf if a maximum leaf is beyond @max's. */
bool cpu_policy_sanitise(struct cpu_policy *p, const struct cpu_policy *max, u32 *err_leaf,
                         u32 *err_subleaf);
