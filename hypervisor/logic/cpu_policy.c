/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "logic/cpu_policy.h"
#include <string.h>

#define EXT 0x80000000U
#define HV  0x40000000U

/* Limits of what a guest can be told about; the ABI's serialised form ends there. */
#define MAX_BASIC      0xdU
#define MAX_EXT_AMD    (EXT | 0x21U)
#define MAX_EXT_INTEL  (EXT | 0x8U)
#define MAX_CACHE      5U
#define MAX_FEATURE    2U
#define MAX_TOPOLOGY   1U
#define MAX_XSTATE     62U

/* Where each word of the feature bitmap lives; words 16 and 17 are an MSR. */
static const struct {
	u32 leaf, subleaf;
	u8 reg;
} word_at[CPU_FEATURE_WORDS] = {
	[0] = {1, CPU_NO_SUBLEAF, CPU_EDX},       [1] = {1, CPU_NO_SUBLEAF, CPU_ECX},
	[2] = {EXT | 1, CPU_NO_SUBLEAF, CPU_EDX}, [3] = {EXT | 1, CPU_NO_SUBLEAF, CPU_ECX},
	[4] = {0xd, 1, CPU_EAX},                  [5] = {7, 0, CPU_EBX},
	[6] = {7, 0, CPU_ECX},                    [7] = {EXT | 7, CPU_NO_SUBLEAF, CPU_EDX},
	[8] = {EXT | 8, CPU_NO_SUBLEAF, CPU_EBX}, [9] = {7, 0, CPU_EDX},
	[10] = {7, 1, CPU_EAX},                   [11] = {EXT | 0x21, CPU_NO_SUBLEAF, CPU_EAX},
	[12] = {7, 1, CPU_EBX},                   [13] = {7, 2, CPU_EDX},
	[14] = {7, 1, CPU_ECX},                   [15] = {7, 1, CPU_EDX},
	[18] = {EXT | 0x21, CPU_NO_SUBLEAF, CPU_ECX},
};
#define WORD_ARCH_CAPS_LO 16
#define WORD_ARCH_CAPS_HI 17

/* Features marked A in cpufeatureset.h: every guest may have them and does by default; and those
 * marked a, which a guest gets when asked for. */
static const u32 pv_default[CPU_FEATURE_WORDS] = {
	0x1fc9cbf5, 0xf6d83203, 0xea500800, 0x042109e3, 0x00000007, 0xfdaf0b29, 0x02405f43,
	0x00000000, 0x64001005, 0xac00441c, 0x00001c30, 0x78000064, 0x00000000, 0x00000021,
	0x00000000, 0x00000000, 0x1d12e173, 0x40000000, 0x00000006,
};
static const u32 pv_optional[CPU_FEATURE_WORDS] = {
	[5] = 0x00000010, [6] = 0x18000000, [7] = 0x00000100, [9] = 0x00010100,
};

/* Bits of 1.edx which AMD repeats in 0x80000001.edx. */
#define AMD_COMMON_EDX 0x0183f3ffU

/* Every feature that the ABI has a name for, but those that follow a guest's CR4 (OSXSAVE, OSPKE). */
static const u32 known[CPU_FEATURE_WORDS] = {
	0xbfebfbff, 0xf7fef3ff, 0xee500800, 0x2469bfff, 0x0000000f, 0xffbfffff, 0x3a405fcf,
	0x00000780, 0x779fd205, 0xfc91ef1c, 0x00001c30, 0xf8000164, 0x00000001, 0x00000037,
	0x00000000, 0x00040000, 0x1fbeffff, 0x40000000, 0x00000006,
};

/* Not facts about the CPU but about what a guest may be told: of its maximum, topology that the toolstack
 * chooses, and buffers that the hypervisor clears for it. */
static const u32 pv_max_adds[CPU_FEATURE_WORDS] = {
	[0] = BIT(28), /* HTT */
	[1] = BIT(21), /* X2APIC */
	[3] = BIT(1),  /* CMP_LEGACY */
};
#define AMD_MAX_ADDS_11 BIT(5) /* VERW_CLEAR */
#define AMD_LFENCE_11   BIT(2) /* LFENCE_DISPATCH: the hypervisor turns it on */
/* ECX of leaf 0x80000008: number of cores, width of a core's APIC id, width of the performance TSC */
#define AMD_SIZES       0x0003f0ffU
#define SEP_BIT         BIT(11) /* word 0: 64-bit code cannot use it on AMD */

/* Features that need AVX state (XCR0 bit 2), or AVX-512 state, which PV guests cannot enable. */
static const u32 needs_avx[CPU_FEATURE_WORDS] = {
	[1] = BIT(12) | BIT(28) | BIT(29), /* FMA AVX F16C */
	[3] = BIT(11) | BIT(16),           /* XOP FMA4 */
	[5] = BIT(5),                      /* AVX2 */
	[6] = BIT(9) | BIT(10),            /* VAES VPCLMULQDQ */
	[10] = BIT(4),                     /* AVX-VNNI */
};
static const u32 avx512[CPU_FEATURE_WORDS] = {
	[5] = BIT(16) | BIT(17) | BIT(21) | BIT(26) | BIT(27) | BIT(28) | BIT(30) | BIT(31),
	[6] = BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14),
	[9] = BIT(2) | BIT(3) | BIT(8) | BIT(23),
	[10] = BIT(5),
};
#define XSAVE_BIT BIT(26) /* word 1 */

/* ---- the table ---- */

static s32 order(u32 leaf_a, u32 sub_a, u32 leaf_b, u32 sub_b)
{
	if (leaf_a != leaf_b)
		return leaf_a < leaf_b ? -1 : 1;
	return sub_a == sub_b ? 0 : sub_a < sub_b ? -1 : 1;
}

static bool has_subleaves(u32 leaf)
{
	return leaf == 4 || leaf == 7 || leaf == 0xb || leaf == 0xd;
}

static u32 max_subleaf(u32 leaf)
{
	switch (leaf) {
	case 4: return MAX_CACHE;
	case 7: return MAX_FEATURE;
	case 0xb: return MAX_TOPOLOGY;
	default: return MAX_XSTATE;
	}
}

/* Index of the first leaf not before (leaf, subleaf). */
static u32 position(const struct cpu_policy *p, u32 leaf, u32 subleaf)
{
	u32 i = 0;

	while (i < p->n && order(p->leaf[i].leaf, p->leaf[i].subleaf, leaf, subleaf) < 0)
		i++;
	return i;
}

static struct cpu_leaf *find(struct cpu_policy *p, u32 leaf, u32 subleaf)
{
	u32 i;

	if (!has_subleaves(leaf))
		subleaf = CPU_NO_SUBLEAF;
	i = position(p, leaf, subleaf);
	if (i == p->n || p->leaf[i].leaf != leaf || p->leaf[i].subleaf != subleaf)
		return NULL;
	return &p->leaf[i];
}

const struct cpu_leaf *cpu_policy_find(const struct cpu_policy *p, u32 leaf, u32 subleaf)
{
	return find((struct cpu_policy *)p, leaf, subleaf);
}

bool cpu_policy_leaf_known(u32 leaf, u32 subleaf)
{
	if (leaf == HV || leaf == (HV | 0x100))
		return subleaf == CPU_NO_SUBLEAF;
	if (leaf > MAX_BASIC && (leaf < EXT || leaf > MAX_EXT_AMD))
		return false;
	if (has_subleaves(leaf))
		return subleaf <= max_subleaf(leaf);
	return subleaf == CPU_NO_SUBLEAF;
}

bool cpu_policy_set(struct cpu_policy *p, const struct cpu_leaf *l)
{
	u32 i = position(p, l->leaf, l->subleaf);

	if (!cpu_policy_leaf_known(l->leaf, l->subleaf))
		return false;
	if (i < p->n && p->leaf[i].leaf == l->leaf && p->leaf[i].subleaf == l->subleaf) {
		p->leaf[i] = *l;
		return true;
	}
	if (p->n == CPU_POLICY_MAX_LEAVES)
		return false;
	memmove(&p->leaf[i + 1], &p->leaf[i], (p->n - i) * sizeof(p->leaf[0]));
	p->leaf[i] = *l;
	p->n++;
	return true;
}

/* ---- reading the CPU ---- */

static void complete(struct cpu_policy *p);

static void read_one(struct cpu_policy *p, cpuid_fn *cpuid, u32 leaf, u32 subleaf)
{
	struct cpu_leaf l = {.leaf = leaf, .subleaf = subleaf};

	cpuid(leaf, subleaf == CPU_NO_SUBLEAF ? 0 : subleaf, l.r);
	cpu_policy_set(p, &l);
}

static void read_subleaves(struct cpu_policy *p, cpuid_fn *cpuid, u32 leaf)
{
	u32 last = max_subleaf(leaf);

	for (u32 s = 0; s <= last; s++) {
		u32 r[4];

		cpuid(leaf, s, r);
		if (leaf == 4 && (r[CPU_EAX] & 0x1f) == 0)
			return;
		if (leaf == 7 && s == 0)
			last = MIN(last, r[CPU_EAX]);
		if (leaf == 0xd && s > 1 && r[CPU_EAX] == 0)
			continue;
		read_one(p, cpuid, leaf, s);
	}
}

void cpu_policy_read(struct cpu_policy *p, cpuid_fn *cpuid, u64 arch_caps)
{
	u32 r[4], last;

	memset(p, 0, sizeof(*p));
	cpuid(0, 0, r);
	last = MIN(r[CPU_EAX], MAX_BASIC);
	for (u32 leaf = 0; leaf <= last; leaf++) {
		if (has_subleaves(leaf))
			read_subleaves(p, cpuid, leaf);
		else
			read_one(p, cpuid, leaf, CPU_NO_SUBLEAF);
	}
	cpuid(EXT, 0, r);
	last = r[CPU_EAX] < EXT ? EXT : MIN(r[CPU_EAX], MAX_EXT_AMD);
	for (u32 leaf = EXT; leaf <= last; leaf++)
		read_one(p, cpuid, leaf, CPU_NO_SUBLEAF);
	p->arch_caps = arch_caps;
	complete(p);
}

/* ---- features ---- */

static bool is_amd(const struct cpu_policy *p)
{
	const struct cpu_leaf *l = cpu_policy_find(p, 0, CPU_NO_SUBLEAF);

	/* "Auth"enticAMD and "Hygo"nGenuine */
	return l && (l->r[CPU_EBX] == 0x68747541 || l->r[CPU_EBX] == 0x6f677948);
}

void cpu_policy_features(const struct cpu_policy *p, u32 fs[CPU_FEATURE_WORDS])
{
	for (u32 w = 0; w < CPU_FEATURE_WORDS; w++) {
		const struct cpu_leaf *l = cpu_policy_find(p, word_at[w].leaf, word_at[w].subleaf);
		fs[w] = l && word_at[w].leaf ? l->r[word_at[w].reg] : 0;
	}
	fs[2] &= ~AMD_COMMON_EDX;
	fs[WORD_ARCH_CAPS_LO] = (u32)p->arch_caps;
	fs[WORD_ARCH_CAPS_HI] = (u32)(p->arch_caps >> 32);
}

/* @repeat: AMD's copy of 1.edx, which a domain's own policy shows. */
static void put_features(struct cpu_policy *p, const u32 fs[CPU_FEATURE_WORDS], bool repeat)
{
	for (u32 w = 0; w < CPU_FEATURE_WORDS; w++) {
		struct cpu_leaf *l =
		        word_at[w].leaf ? find(p, word_at[w].leaf, word_at[w].subleaf) : NULL;
		if (l)
			l->r[word_at[w].reg] = fs[w];
		if (l && w == 2 && repeat && is_amd(p))
			l->r[CPU_EDX] |= fs[0] & AMD_COMMON_EDX;
	}
	p->arch_caps = fs[WORD_ARCH_CAPS_LO] | (u64)fs[WORD_ARCH_CAPS_HI] << 32;
}

/* Takes away what depends on something that is not there. */
static void apply_dependencies(u32 fs[CPU_FEATURE_WORDS], u64 xcr0_max)
{
	bool xsave = (fs[1] & XSAVE_BIT) && xcr0_max;
	bool avx = xsave && (fs[1] & BIT(28)) && (xcr0_max & 4);

	for (u32 w = 0; w < CPU_FEATURE_WORDS; w++) {
		fs[w] &= ~avx512[w];
		if (!avx)
			fs[w] &= ~needs_avx[w];
	}
	if (!xsave) {
		fs[1] &= ~(u32)XSAVE_BIT;
		fs[4] = 0;
	}
	if (!(fs[9] & BIT(29))) /* no ARCH_CAPS, no bits in it */
		fs[WORD_ARCH_CAPS_LO] = fs[WORD_ARCH_CAPS_HI] = 0;
}

static u64 policy_xcr0(const struct cpu_policy *p)
{
	const struct cpu_leaf *l = cpu_policy_find(p, 0xd, 0);

	return l ? l->r[CPU_EAX] | (u64)l->r[CPU_EDX] << 32 : 0;
}

static void zero_leaf(struct cpu_leaf *l)
{
	memset(l->r, 0, sizeof(l->r));
}

/* Leaf 0xd for the components a guest may enable. */
static void trim_xstate(struct cpu_policy *p, u64 xcr0)
{
	u32 size = xcr0 ? 576 : 0;

	for (u32 i = 0; i < p->n;) {
		struct cpu_leaf *l = &p->leaf[i];

		if (l->leaf == 0xd && l->subleaf >= 2 && !(xcr0 >> l->subleaf & 1)) {
			memmove(l, l + 1, (p->n - i - 1) * sizeof(*l));
			p->n--;
			continue;
		}
		if (l->leaf == 0xd && l->subleaf >= 2)
			size = MAX(size, l->r[CPU_EAX] + l->r[CPU_EBX]);
		if (l->leaf == 0xd && l->subleaf == 1)
			l->r[CPU_EBX] = l->r[CPU_ECX] = l->r[CPU_EDX] = 0;
		i++;
	}
	struct cpu_leaf *l = find(p, 0xd, 0);
	if (l) {
		l->r[CPU_EAX] = (u32)xcr0;
		l->r[CPU_EDX] = (u32)(xcr0 >> 32);
		l->r[CPU_EBX] = 0; /* the size in use, which is the CPU's to say */
		l->r[CPU_ECX] = size;
	}
}

/* Leaves that describe the host's power, topology, counters or hypervisor features. */
static void hide_host_leaves(struct cpu_policy *p)
{
	for (u32 i = 0; i < p->n; i++) {
		struct cpu_leaf *l = &p->leaf[i];

		switch (l->leaf) {
		case 1:
			l->r[CPU_EBX] &= 0x00ffffff; /* APIC id */
			break;
		case 3: case 5: case 6: case 8 ... 0xc:
		case EXT | 9 ... EXT | 0x18:
		case EXT | 0x1b ... EXT | 0x20:
			zero_leaf(l);
			break;
		case EXT | 7:
			l->r[CPU_EAX] = l->r[CPU_EBX] = l->r[CPU_ECX] = 0;
			break;
		case EXT | 8:
			l->r[CPU_EAX] &= 0xffff;
			l->r[CPU_ECX] = is_amd(p) ? l->r[CPU_ECX] & AMD_SIZES : 0;
			l->r[CPU_EDX] = 0;
			break;
		case EXT | 0x21:
			l->r[CPU_EBX] = l->r[CPU_EDX] = 0;
			break;
		default:
			break;
		}
	}
}

/* Cuts the table to leaves that a guest's maximum leaf covers. */
static void limit_leaves(struct cpu_policy *p)
{
	u32 max_ext = is_amd(p) ? MAX_EXT_AMD : MAX_EXT_INTEL, n = 0;
	struct cpu_leaf *basic = find(p, 0, CPU_NO_SUBLEAF), *ext = find(p, EXT, CPU_NO_SUBLEAF);
	struct cpu_leaf *feat = find(p, 7, 0);

	if (basic)
		basic->r[CPU_EAX] = MIN(basic->r[CPU_EAX], MAX_BASIC);
	if (ext)
		ext->r[CPU_EAX] = MIN(ext->r[CPU_EAX], max_ext);
	if (feat)
		feat->r[CPU_EAX] = MIN(feat->r[CPU_EAX], MAX_FEATURE);
	for (u32 i = 0; i < p->n; i++)
		if (p->leaf[i].leaf <= max_ext)
			p->leaf[n++] = p->leaf[i];
	p->n = n;
}

static void add_missing(struct cpu_policy *p, u32 leaf, u32 subleaf)
{
	struct cpu_leaf zero = {.leaf = leaf, .subleaf = subleaf};

	if (!cpu_policy_find(p, leaf, subleaf))
		cpu_policy_set(p, &zero);
}

static void remove_leaf(struct cpu_policy *p, u32 leaf, u32 subleaf)
{
	struct cpu_leaf *l = find(p, leaf, subleaf);

	if (!l)
		return;
	memmove(l, l + 1, (size_t)(&p->leaf[p->n] - (l + 1)) * sizeof(*l));
	p->n--;
}

/* A list of subleaves ends with one that is zero, as the instruction would show it. */
static void end_subleaves(struct cpu_policy *p, u32 leaf)
{
	const struct cpu_leaf *l;
	u32 s = 0;

	while ((l = cpu_policy_find(p, leaf, s)) && (l->r[0] | l->r[1] | l->r[2] | l->r[3]))
		s++;
	if (s <= max_subleaf(leaf))
		add_missing(p, leaf, s);
	while (++s <= max_subleaf(leaf))
		remove_leaf(p, leaf, s);
}

/* Fills the gaps: the toolstack serialises a policy into as many slots as it was given leaves, and
 * counts the zero ones and the two of the hypervisor's ranges. */
static void complete(struct cpu_policy *p)
{
	const struct cpu_leaf *basic = cpu_policy_find(p, 0, CPU_NO_SUBLEAF);
	const struct cpu_leaf *ext = cpu_policy_find(p, EXT, CPU_NO_SUBLEAF);
	u32 last_basic = basic ? MIN(basic->r[CPU_EAX], MAX_BASIC) : 0;
	u32 last_ext = ext ? MIN(ext->r[CPU_EAX], MAX_EXT_AMD) : 0;

	for (u32 leaf = 0; leaf <= last_basic; leaf++)
		if (!has_subleaves(leaf))
			add_missing(p, leaf, CPU_NO_SUBLEAF);
	if (last_basic >= 4)
		end_subleaves(p, 4);
	if (last_basic >= 7) {
		add_missing(p, 7, 0);
		for (u32 i = 1; i <= MIN(cpu_policy_find(p, 7, 0)->r[CPU_EAX], MAX_FEATURE); i++)
			add_missing(p, 7, i);
	}
	if (last_basic >= 0xb)
		end_subleaves(p, 0xb);
	if (last_basic >= 0xd) {
		add_missing(p, 0xd, 0);
		add_missing(p, 0xd, 1);
		for (u32 i = 2; i <= MAX_XSTATE && policy_xcr0(p) >> i; i++)
			add_missing(p, 0xd, i);
	}
	add_missing(p, HV, CPU_NO_SUBLEAF);
	add_missing(p, HV | 0x100, CPU_NO_SUBLEAF);
	for (u32 leaf = EXT; leaf <= last_ext; leaf++)
		add_missing(p, leaf, CPU_NO_SUBLEAF);
}

void cpu_policy_derive_host(struct cpu_policy *out, const struct cpu_policy *raw)
{
	static const u32 hidden[] = {3, 5, 6, 9, 0xa, 0xb};
	u32 fs[CPU_FEATURE_WORDS];

	*out = *raw;
	for (u32 i = 0; i < out->n; i++)
		for (u32 k = 0; k < ARRAY_SIZE(hidden); k++)
			if (out->leaf[i].leaf == hidden[k])
				zero_leaf(&out->leaf[i]);
	if (is_amd(out)) {
		struct cpu_leaf *ext = find(out, EXT, CPU_NO_SUBLEAF);
		if (ext)
			ext->r[CPU_EAX] = MAX_EXT_AMD;
	}
	limit_leaves(out);
	complete(out);
	cpu_policy_features(out, fs);
	for (u32 w = 0; w < CPU_FEATURE_WORDS; w++)
		fs[w] &= known[w];
	if (is_amd(out)) {
		fs[0] &= ~(u32)SEP_BIT;
		fs[11] |= AMD_LFENCE_11;
	}
	put_features(out, fs, true);
	trim_xstate(out, policy_xcr0(out));
	complete(out);
}

void cpu_policy_derive_pv(struct cpu_policy *out, const struct cpu_policy *host, u64 xcr0_max,
                          bool max)
{
	u32 fs[CPU_FEATURE_WORDS];
	struct cpu_leaf *feat;

	*out = *host;
	limit_leaves(out);
	hide_host_leaves(out);
	feat = find(out, 7, 0);
	if (max && feat)
		feat->r[CPU_EAX] = MAX_FEATURE;
	cpu_policy_features(out, fs);
	for (u32 w = 0; w < CPU_FEATURE_WORDS; w++) {
		fs[w] &= pv_default[w] | (max ? pv_optional[w] : 0);
		fs[w] |= max ? pv_max_adds[w] : 0;
	}
	if (max && is_amd(out))
		fs[11] |= AMD_MAX_ADDS_11;
	fs[1] |= BIT(31); /* HYPERVISOR */
	apply_dependencies(fs, xcr0_max);
	put_features(out, fs, false);
	trim_xstate(out, fs[1] & XSAVE_BIT ? (fs[1] & BIT(28) ? xcr0_max : xcr0_max & 3) : 0);
	out->platform_info &= BIT(31); /* CPUID faulting */
	complete(out);
}

static bool within(const struct cpu_policy *p, const struct cpu_policy *max, u32 leaf, u32 sub)
{
	const struct cpu_leaf *a = cpu_policy_find(p, leaf, sub);
	const struct cpu_leaf *b = cpu_policy_find(max, leaf, sub);

	return !a || (b ? a->r[CPU_EAX] <= b->r[CPU_EAX] : a->r[CPU_EAX] == 0);
}

bool cpu_policy_sanitise(struct cpu_policy *p, const struct cpu_policy *max, u32 *err_leaf,
                         u32 *err_subleaf)
{
	static const u32 limits[3][2] = {{0, CPU_NO_SUBLEAF}, {7, 0}, {EXT, CPU_NO_SUBLEAF}};
	u32 fs[CPU_FEATURE_WORDS], allowed[CPU_FEATURE_WORDS];
	u64 xcr0;

	for (u32 i = 0; i < ARRAY_SIZE(limits); i++) {
		if (within(p, max, limits[i][0], limits[i][1]))
			continue;
		*err_leaf = limits[i][0];
		*err_subleaf = limits[i][1];
		return false;
	}
	limit_leaves(p);
	hide_host_leaves(p);
	xcr0 = policy_xcr0(max);
	cpu_policy_features(p, fs);
	cpu_policy_features(max, allowed);
	for (u32 w = 0; w < CPU_FEATURE_WORDS; w++)
		fs[w] &= allowed[w];
	apply_dependencies(fs, xcr0);
	put_features(p, fs, true);
	trim_xstate(p, fs[1] & XSAVE_BIT ? (fs[1] & BIT(28) ? xcr0 : xcr0 & 3) : 0);
	complete(p);
	return true;
}
