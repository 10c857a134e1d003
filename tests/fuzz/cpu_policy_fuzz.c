/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * CPUID policies that a toolstack sets (logic/cpu_policy.c): a list of leaves of any content, on a host
 * made of the first bytes. What must hold: the table stays ordered and within bounds; an accepted policy
 * has no feature that the maximum lacks; cutting it again changes nothing.
 */
#include <stdlib.h>
#include <string.h>
#include "logic/cpu_policy.h"

static void must(bool ok)
{
	if (!ok)
		abort();
}

static const uint8_t *host_bytes;
static size_t host_size;

/* A CPU whose answers are taken from the input by a hash of the question. */
static void host_cpuid(u32 leaf, u32 subleaf, u32 out[4])
{
	size_t at = (leaf * 2654435761u ^ subleaf * 40503u) % (host_size - 16);

	memcpy(out, host_bytes + at, 16);
}

static void check_order(const struct cpu_policy *p)
{
	must(p->n <= CPU_POLICY_MAX_LEAVES);
	for (u32 i = 1; i < p->n; i++) {
		const struct cpu_leaf *a = &p->leaf[i - 1], *b = &p->leaf[i];

		must(a->leaf < b->leaf || (a->leaf == b->leaf && a->subleaf < b->subleaf));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct cpu_policy host, max, p, again;
	u32 fs[CPU_FEATURE_WORDS], allowed[CPU_FEATURE_WORDS], leaf, sub;
	struct cpu_leaf l;

	if (n < 64)
		return 0;
	host_bytes = data;
	host_size = 64;
	cpu_policy_read(&host, host_cpuid, 0);
	check_order(&host);
	cpu_policy_derive_pv(&max, &host, 7, true);
	check_order(&max);
	p = max;
	for (size_t at = 64; at + sizeof(l) <= n; at += sizeof(l)) {
		memcpy(&l, data + at, sizeof(l));
		l.leaf = (l.leaf & 1 ? 0x80000000 : 0) | (l.leaf >> 1 & 0x3f);
		if (l.subleaf & 1)
			l.subleaf = CPU_NO_SUBLEAF;
		else
			l.subleaf = l.subleaf >> 1 & 0x7f;
		must(!cpu_policy_set(&p, &l) || cpu_policy_leaf_known(l.leaf, l.subleaf));
		check_order(&p);
	}
	if (!cpu_policy_sanitise(&p, &max, &leaf, &sub))
		return 0;
	check_order(&p);
	cpu_policy_features(&p, fs);
	cpu_policy_features(&max, allowed);
	for (u32 w = 0; w < CPU_FEATURE_WORDS; w++)
		must((fs[w] & ~allowed[w]) == 0);
	again = p;
	must(cpu_policy_sanitise(&again, &max, &leaf, &sub));
	must(memcmp(&again, &p, sizeof(p)) == 0);
	return 0;
}
