/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * CPUID policy of PV guests (logic/cpu_policy.c).
 *
 * Argument: the ABI's header says in a letter behind each feature who may have it. The test reads those
 * letters from the header's text and compares, for a CPU that has every feature bit set, what comes out;
 * so a wrong bit in the hypervisor's tables shows whatever its cause. The rest: nothing is ever added to
 * what the host has, cutting twice changes nothing, limits and bad leaves are refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "logic/cpu_policy.h"
#include "run_suite.h"

#define HEADER "/usr/include/xen/arch-x86/cpufeatureset.h"

/* A CPU with all features, AVX-512 state and everything in leaf 0xd. */
static void everything(u32 leaf, u32 subleaf, u32 out[4])
{
	memset(out, 0xff, 16);
	switch (leaf) {
	case 0:
		out[CPU_EAX] = 0x20;
		memcpy(&out[CPU_EBX], "Auth", 4);
		memcpy(&out[CPU_EDX], "enti", 4);
		memcpy(&out[CPU_ECX], "cAMD", 4);
		break;
	case 4:
		memset(out, 0, 16);
		break;
	case 7:
		if (subleaf == 0)
			out[CPU_EAX] = 2;
		break;
	case 0xd:
		if (subleaf >= 2) {
			memset(out, 0, 16);
			if (subleaf == 2) {
				out[CPU_EAX] = 256;
				out[CPU_EBX] = 576;
			} else if (subleaf <= 7) {
				out[CPU_EAX] = 64;
				out[CPU_EBX] = 832 + 64 * subleaf;
			}
		}
		break;
	case 0x80000000:
		out[CPU_EAX] = 0x80000021;
		break;
	default:
		break;
	}
}

static void nothing(u32 leaf, u32 subleaf, u32 out[4])
{
	(void)subleaf;
	memset(out, 0, 16);
	if (leaf == 0x80000000)
		out[CPU_EAX] = leaf;
}

/* Letters of feature @bit (word * 32 + bit), "" if the header has none there. */
static char letters[CPU_FEATURE_WORDS * 32][8];

static bool read_header(void)
{
	char line[512];
	FILE *f = fopen(HEADER, "r");

	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		unsigned word, bit;
		char attr[8] = "";
		const char *comma = strchr(line, ',');

		if (strncmp(line, "XEN_CPUFEATURE(", 15) || !comma ||
		    sscanf(comma, ", %u*32+%u) /*%7[!AaSsHh]", &word, &bit, attr) < 2)
			continue;
		if (word * 32 + bit < ARRAY_SIZE(letters))
			memcpy(letters[word * 32 + bit], attr, sizeof(attr));
	}
	fclose(f);
	return letters[0][0] == 'A';
}

/* Those that PV guests cannot have although the header gives them to all: they need XCR0 bits beyond 7. */
static bool needs_avx512(u32 word, u32 bit)
{
	static const struct {
		u8 word, bit;
	} list[] = {{5, 16}, {5, 17}, {5, 21}, {5, 26}, {5, 27}, {5, 28}, {5, 30}, {5, 31},
	            {6, 1},  {6, 6},  {6, 11}, {6, 12}, {6, 14}, {9, 2},  {9, 3},  {9, 8},
	            {9, 23}, {10, 5}};

	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		if (list[i].word == word && list[i].bit == bit)
			return true;
	return false;
}

static void compare_with_header(bool max)
{
	static struct cpu_policy host, pv;
	u32 fs[CPU_FEATURE_WORDS];

	cpu_policy_read(&host, everything, ~0ULL);
	cpu_policy_derive_pv(&pv, &host, 7, max);
	cpu_policy_features(&pv, fs);
	for (u32 w = 0; w < CPU_FEATURE_WORDS; w++) {
		for (u32 b = 0; b < 32; b++) {
			const char *l = letters[w * 32 + b];
			bool want = strchr(l, 'A') || (max && strchr(l, 'a'));

			if (w == 1 && b == 31)
				want = true; /* runs on a hypervisor */
			if (needs_avx512(w, b))
				want = false;
			if (w == 1 && b == 21)
				want = max; /* X2APIC: the toolstack's choice */
			if ((fs[w] >> b & 1) != want)
				ck_abort_msg("%s: word %u bit %u ('%s') is %u",
				             max ? "max" : "default", w, b, l, fs[w] >> b & 1);
		}
	}
}

START_TEST(letters_of_the_header)
{
	compare_with_header(false);
	compare_with_header(true);
}
END_TEST

START_TEST(nothing_is_invented)
{
	static struct cpu_policy host, pv;
	u32 fs[CPU_FEATURE_WORDS];

	cpu_policy_read(&host, nothing, 0);
	cpu_policy_derive_pv(&pv, &host, 7, true);
	cpu_policy_features(&pv, fs);
	for (u32 w = 0; w < CPU_FEATURE_WORDS; w++)
		ck_assert_uint_eq(fs[w], 0);
}
END_TEST

START_TEST(state_that_is_not_there)
{
	static struct cpu_policy host, pv;
	u32 fs[CPU_FEATURE_WORDS];

	cpu_policy_read(&host, everything, ~0ULL);
	cpu_policy_derive_pv(&pv, &host, 3, true); /* no AVX state */
	cpu_policy_features(&pv, fs);
	ck_assert_uint_eq(fs[1] & BIT(28), 0);
	ck_assert_uint_ne(fs[1] & BIT(26), 0);
	ck_assert_uint_eq(cpu_policy_find(&pv, 0xd, 0)->r[CPU_EAX], 3);
	ck_assert_uint_eq(cpu_policy_find(&pv, 0xd, 0)->r[CPU_ECX], 576);
	ck_assert_ptr_null(cpu_policy_find(&pv, 0xd, 2));
	cpu_policy_derive_pv(&pv, &host, 7, true);
	ck_assert_uint_eq(cpu_policy_find(&pv, 0xd, 0)->r[CPU_ECX], 832);
	ck_assert_ptr_nonnull(cpu_policy_find(&pv, 0xd, 2));
	ck_assert_ptr_null(cpu_policy_find(&pv, 0xd, 5));
	cpu_policy_derive_pv(&pv, &host, 0, true); /* no XSAVE at all */
	cpu_policy_features(&pv, fs);
	ck_assert_uint_eq(fs[1] & BIT(26), 0);
	ck_assert_uint_eq(fs[4], 0);
}
END_TEST

START_TEST(host_leaves_are_hidden)
{
	static struct cpu_policy host, pv;
	static const u32 hidden[] = {3, 5, 6, 8, 9, 0xa, 0xc, 0x8000000a, 0x8000001b, 0x8000001e};

	cpu_policy_read(&host, everything, 0);
	cpu_policy_derive_pv(&pv, &host, 7, true);
	ck_assert_uint_eq(cpu_policy_find(&pv, 0, 0)->r[CPU_EAX], 0xd);
	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++)
		for (u32 r = 0; r < 4; r++)
			ck_assert_uint_eq(cpu_policy_find(&pv, hidden[i], 0)->r[r], 0);
	ck_assert_uint_eq(cpu_policy_find(&pv, 1, 0)->r[CPU_EBX] >> 24, 0); /* APIC id */
}
END_TEST

START_TEST(sanitising)
{
	static struct cpu_policy host, max, p, once;
	u32 leaf = 0, sub = 0, a[CPU_FEATURE_WORDS], b[CPU_FEATURE_WORDS];

	cpu_policy_read(&host, everything, ~0ULL);
	cpu_policy_derive_pv(&max, &host, 7, true);
	/* A guest's policy made of nothing but ones comes down to what is allowed. */
	p = max;
	for (u32 i = 0; i < p.n; i++)
		if (p.leaf[i].leaf != 0 && p.leaf[i].leaf != 0x80000000 && p.leaf[i].leaf != 7)
			memset(p.leaf[i].r, 0xff, 16);
	ck_assert(cpu_policy_sanitise(&p, &max, &leaf, &sub));
	cpu_policy_features(&p, a);
	cpu_policy_features(&max, b);
	for (u32 w = 0; w < CPU_FEATURE_WORDS; w++)
		ck_assert_uint_eq(a[w] & ~b[w], 0);
	once = p;
	ck_assert(cpu_policy_sanitise(&p, &max, &leaf, &sub));
	ck_assert_mem_eq(&once, &p, sizeof(p));
	/* More leaves than the host can offer are an error, and which one is told. */
	struct cpu_leaf l = *cpu_policy_find(&max, 7, 0);
	l.r[CPU_EAX] = 3;
	ck_assert(cpu_policy_set(&p, &l));
	ck_assert(!cpu_policy_sanitise(&p, &max, &leaf, &sub));
	ck_assert_uint_eq(leaf, 7);
	ck_assert_uint_eq(sub, 0);
}
END_TEST

START_TEST(leaves_in_and_out)
{
	static struct cpu_policy p;
	struct cpu_leaf l = {.leaf = 1, .subleaf = CPU_NO_SUBLEAF, .r = {1, 2, 3, 4}};

	memset(&p, 0, sizeof(p));
	ck_assert(cpu_policy_set(&p, &l));
	l.leaf = 0x80000001;
	ck_assert(cpu_policy_set(&p, &l));
	for (u32 s = 3; s-- > 0;) {
		l = (struct cpu_leaf){.leaf = 7, .subleaf = s, .r = {s}};
		ck_assert(cpu_policy_set(&p, &l));
	}
	ck_assert_uint_eq(p.n, 5);
	for (u32 i = 1; i < p.n; i++)
		ck_assert(p.leaf[i - 1].leaf < p.leaf[i].leaf ||
		          (p.leaf[i - 1].leaf == p.leaf[i].leaf &&
		           p.leaf[i - 1].subleaf < p.leaf[i].subleaf));
	l = (struct cpu_leaf){.leaf = 7, .subleaf = 3};
	ck_assert(!cpu_policy_set(&p, &l));
	l = (struct cpu_leaf){.leaf = 1, .subleaf = 0};
	ck_assert(!cpu_policy_set(&p, &l));
	l = (struct cpu_leaf){.leaf = 0xe, .subleaf = CPU_NO_SUBLEAF};
	ck_assert(!cpu_policy_set(&p, &l));
	ck_assert_uint_eq(p.n, 5);
	for (u32 s = 0; s <= 62; s++) {
		l = (struct cpu_leaf){.leaf = 0xd, .subleaf = s};
		ck_assert(cpu_policy_set(&p, &l));
	}
	ck_assert(!cpu_policy_leaf_known(0xd, 63));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	if (!read_header()) {
		printf("%s cannot be read: skipped\n", HEADER);
		return 77;
	}
	tcase_add_test(t, letters_of_the_header);
	tcase_add_test(t, nothing_is_invented);
	tcase_add_test(t, state_that_is_not_there);
	tcase_add_test(t, host_leaves_are_hidden);
	tcase_add_test(t, sanitising);
	tcase_add_test(t, leaves_in_and_out);
	return run_case("cpu policy", t);
}
