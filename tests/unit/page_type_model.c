/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Argument: whatever guests do, in any order, with operations interrupted anywhere and CPUs using stale
 * translations all the time, hypervisor/logic/page_type.c keeps its promises. Random operations run on a
 * machine of 24 frames, 3 domains and 3 CPUs whose TLBs forget only when told to; after each operation the
 * whole machine is looked at from scratch:
 *  - every frame's general and type count is what all tables, pins, bases and holders add up to;
 *  - no CPU can write, also through stale translations, a frame that is a table or holds descriptors;
 *  - no CPU takes a frame for a table of another level than it is, or one that somebody may write;
 *  - no CPU reaches a frame of a domain that it was not given, nor writes one that it was given to read;
 *    forbidden device frames are never mapped; no type is taken of a frame that nobody refers to;
 *  - a frame is freed only when nothing refers to it; the hypervisor's slot of a top table never changes.
 * Small tables (8 entries) make rare combinations frequent. What the model shares with the code under test is
 * only the layout of struct page_info. Usage: page_type_model [OPERATIONS [SEED]].
 */
#define PT_ENTRIES 8
#define PT_HYP_SLOT_FIRST 5
#define PT_HYP_SLOT_LAST  5
#include "hypervisor/logic/page_type.c"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NF       24 /* frames of RAM: 1..NF-1 (0 is nobody's) */
#define MMIO_OK  30
#define MMIO_RO  31
#define MMIO_NO  32
#define ND       3
#define NC       3
#define DOM0     0
#define HYP_MAGIC (0xabcULL << 12 | PTE_P | PTE_RW)
#define MAX_HOLDS 32
#define ALL_CPUS ((1u << NC) - 1)

enum hold_kind { HOLD_NONE, HOLD_GRANT, HOLD_GRANT_RO, HOLD_SEGDESC, HOLD_PLAIN };
struct hold { /* references that are not in tables: grants in use, descriptor tables, hypervisor writes */
	enum hold_kind kind;
	u32 frame, user;
};
struct cpu {
	int dom;                   /* -1 idle */
	u32 flushed_at;
	u64 tlb_ro, tlb_rw;        /* frames with data translations */
	u64 walk[5][2];            /* frames cached as a table of level 1..4, [1] = writes allowed through it */
};

static struct page_info frames[NF];
static u64 mem[NF][PT_ENTRIES];
static struct pt_space space[ND];
static u32 base_l4[ND];            /* frame of the domain's vCPU base, 0 none */
static u32 dirty[ND];              /* CPUs */
static bool dying[ND];
static struct cpu cpus[NC];
static struct hold holds[MAX_HOLDS];
static u64 grant_stale[2][ND];     /* frames granted to a domain, until the grant ends with its flush; [1]: to write */
static u32 clock_now = 1;
static u64 rng, operations, step;
static int nested;
static u64 done_ok[18], done_all[18];
static u64 seen_leaf, seen_leaf_rw, seen_stale_write, seen_flush, seen_interrupted, seen_self;

static void die(const char *what, u64 a, u64 b)
{
	fflush(stdout);
	fprintf(stderr, "step %" PRIu64 ": %s (%#" PRIx64 ", %#" PRIx64 ")\n", step, what, a, b);
	abort();
}

static u64 rnd(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng * 0x2545f4914f6cdd1dULL >> 16;
}

static u32 pick(u32 n)
{
	return (u32)(rnd() % n);
}

static bool one_in(u32 n)
{
	return pick(n) == 0;
}

static u32 tag(u32 dom)
{
	return dom + 1;
}

static u32 frame_of(const struct page_info *pg)
{
	return (u32)(pg - frames);
}

/* ---- CPUs ---- */

static void cpu_flush(struct cpu *c)
{
	c->tlb_ro = c->tlb_rw = 0;
	memset(c->walk, 0, sizeof(c->walk));
}

static void flush_mask(u32 mask)
{
	for (u32 i = 0; i < NC; i++)
		if (mask >> i & 1) {
			cpu_flush(&cpus[i]);
			cpus[i].flushed_at = ++clock_now;
			seen_flush++;
		}
}

static u32 filter(u32 mask, u32 stamp)
{
	for (u32 i = 0; i < NC; i++)
		if (cpus[i].flushed_at > stamp)
			mask &= ~(1u << i);
	return mask;
}

/* A guest's data access or a stray speculative walk: starts at the base or in the middle, from what is cached. */
static void cpu_access(struct cpu *c)
{
	u32 level = 4, f, rw = 1;

	if (c->dom < 0)
		return;
	f = base_l4[c->dom];
	if (one_in(2)) { /* from a paging-structure cache */
		u32 l = 1 + pick(4), r = pick(2);
		u64 set = c->walk[l][r];

		for (u32 k = pick(NF), n = 0; n < NF; n++, k = (k + 1) % NF)
			if (set >> k & 1) {
				level = l;
				f = k;
				rw = r;
				break;
			}
	}
	for (; f; level--) {
		u32 slot = pick(PT_ENTRIES);
		u64 *e;

		for (u32 n = 0; n < 6 && !(mem[f][slot] & PTE_P); n++)
			slot = pick(PT_ENTRIES);
		e = &mem[f][slot];
		c->walk[level][rw] |= BIT(f);
		if (!(*e & PTE_P) || (slot == PT_HYP_SLOT_FIRST && *e == HYP_MAGIC))
			return;
		if (pte_mfn(*e).n >= NF && level > 1)
			die("walk leaves RAM", f, *e);
		*e |= PTE_A;
		seen_self += pte_mfn(*e).n == f && level > 1;
		rw &= *e & PTE_RW ? 1 : 0;
		f = (u32)pte_mfn(*e).n;
		if (level == 1) {
			if (f >= NF) {
				if (c->dom != DOM0 || f == MMIO_NO || (f == MMIO_RO && rw))
					die("device frame mapped", f, rw);
				return;
			}
			if (rw)
				*e |= PTE_D;
			c->tlb_ro |= BIT(f);
			seen_leaf++;
			seen_leaf_rw += rw;
			if (rw)
				c->tlb_rw |= BIT(f);
			return;
		}
	}
}

static u64 random_entry(u32 dom);

/* Writes by any translation the CPU has: that is what a hostile guest does. */
static void cpu_write(struct cpu *c)
{
	for (u32 k = pick(NF), n = 0; n < NF; n++, k = (k + 1) % NF)
		if (c->tlb_rw >> k & 1) {
			seen_stale_write += !(frames[k].type & PT_COUNT);
			mem[k][pick(PT_ENTRIES)] = one_in(3) ? 0 : random_entry(c->dom < 0 ? 0 : (u32)c->dom);
			return;
		}
}

static void cpu_any(void)
{
	struct cpu *c = &cpus[pick(NC)];

	cpu_access(c);
	if (one_in(2))
		cpu_write(c);
}

/* Context switch: loads CR3, so what the CPU knew of the old address space goes (no tick of the clock). */
static void cpu_switch(void)
{
	u32 i = pick(NC);
	struct cpu *c = &cpus[i];
	int next = one_in(4) ? -1 : (int)pick(ND);

	if (next >= 0 && (!base_l4[next] || dying[next]))
		return;
	if (next >= 0)
		dirty[next] |= 1u << i;
	cpu_flush(c);
	if (c->dom >= 0 && c->dom != next)
		dirty[c->dom] &= ~(1u << i);
	c->dom = next;
}

/* ---- the environment ---- */

/* What other CPUs do while one is inside the code under test: all that takes no page-table lock. */
static void interfere(void);

u64 *pt_env_table(const struct page_info *pg)
{
	return mem[frame_of(pg)];
}

struct page_info *pt_env_page(mfn_t m)
{
	return m.n < NF ? &frames[m.n] : NULL;
}

mfn_t pt_env_mfn(const struct page_info *pg)
{
	return MFN(frame_of(pg));
}

u32 pt_env_tlb_clock(void)
{
	u32 t;

	interfere();
	t = clock_now;
	return t;
}

void pt_env_flush(const struct page_info *pg, bool foreign, u32 stamp)
{
	u32 mask = foreign ? ALL_CPUS : pg->owner ? dirty[pg->owner - 1] : ALL_CPUS;

	if (!(pg->count & PC_COUNT))
		die("a type is taken of a frame without references", frame_of(pg), pg->type);
	interfere();
	flush_mask(filter(mask, stamp));
	interfere();
}

bool pt_env_preempt(void)
{
	bool stop = one_in(5);

	interfere();
	seen_interrupted += stop;
	return stop;
}

static void check_free(u32 f);

void pt_env_free(struct page_info *pg)
{
	if (pg->type & PT_COUNT)
		die("freed with type references", frame_of(pg), pg->type);
	if (pg->count)
		die("freed with count", frame_of(pg), pg->count);
	pg->owner = 0;
	pg->type = PT_NONE;
	pg->tlb_stamp = clock_now;
}

bool pt_env_owner_mappable(u32 owner)
{
	return owner != 0;
}

int pt_env_mmio(u32 data_owner, mfn_t m, u64 *e)
{
	(void)data_owner; /* only a privileged domain may come here at all */
	if (m.n == MMIO_NO || m.n > MMIO_NO || m.n < MMIO_OK)
		return -XEN_EPERM;
	if (m.n == MMIO_RO)
		*e &= ~PTE_RW;
	return 0;
}

bool pt_env_segdesc_ok(struct page_info *pg)
{
	return mem[frame_of(pg)][0] % 3 != 1;
}

void pt_env_l4_enter(struct pt_space *s, struct page_info *pg)
{
	(void)s;
	mem[frame_of(pg)][PT_HYP_SLOT_FIRST] = HYP_MAGIC;
}

void pt_env_l4_leave(struct pt_space *s, struct page_info *pg)
{
	(void)s;
	mem[frame_of(pg)][PT_HYP_SLOT_FIRST] = 0;
}

void pt_env_relax(void)
{
	die("waits for itself", 0, 0); /* one thread: nobody could ever end the wait */
}

/* ---- the slow look at everything ---- */

struct expect {
	u64 count, type_refs[8];
};

static bool holds_entries(const struct page_info *pg, u32 *n, bool *half)
{
	*half = false;
	if (!pt_level(pg->type) || !(pg->type & PT_COUNT))
		return false;
	*n = pg->type & PT_VALIDATED ? PT_ENTRIES : pg->valid_entries;
	*half = !(pg->type & PT_VALIDATED) && pg->partial;
	return true;
}

static void expect_entry(struct expect *ex, u32 table, u32 level, u32 slot, u64 e)
{
	u64 to = pte_mfn(e).n;

	if (!(e & PTE_P) || to >= NF)
		return;
	if (level == 1) {
		ex[to].count++;
		if (e & PTE_RW)
			ex[to].type_refs[PT_WRITABLE >> 60]++;
	} else if (!(level == 4 && slot == PT_HYP_SLOT_FIRST) && to != table) {
		ex[to].count++;
		ex[to].type_refs[level - 1]++;
	}
}

static void expect_all(struct expect *ex)
{
	for (u32 f = 1; f < NF; f++) {
		struct page_info *pg = &frames[f];
		u32 level = pt_level(pg->type), n;
		bool half;

		if (pg->count & PC_ALLOCATED)
			ex[f].count++;
		if (pg->type & PT_PINNED) {
			ex[f].count++;
			ex[f].type_refs[level]++;
		}
		if (pg->type & PT_HELD) {
			ex[f].count++;
			ex[f].type_refs[level]++;
		}
		if (!holds_entries(pg, &n, &half))
			continue;
		for (u32 i = 0; i < n + half && i < PT_ENTRIES; i++)
			expect_entry(ex, f, level, i, mem[f][i]);
	}
	for (u32 d = 0; d < ND; d++) {
		struct page_info *p = space[d].pending;

		if (base_l4[d]) {
			ex[base_l4[d]].count++;
			ex[base_l4[d]].type_refs[4]++;
		}
		if (p) {
			ex[frame_of(p)].count++;
			ex[frame_of(p)].type_refs[pt_level(p->type)]++;
		}
	}
	for (u32 i = 0; i < MAX_HOLDS; i++) {
		struct expect *x = &ex[holds[i].frame];

		if (holds[i].kind == HOLD_NONE)
			continue;
		x->count++;
		if (holds[i].kind == HOLD_SEGDESC)
			x->type_refs[PT_SEGDESC >> 60]++;
		else if (holds[i].kind != HOLD_GRANT_RO)
			x->type_refs[PT_WRITABLE >> 60]++;
	}
}

static void check_counts(void)
{
	struct expect ex[NF] = {0};

	expect_all(ex);
	for (u32 f = 1; f < NF; f++) {
		u64 used = 0;

		if ((frames[f].count & PC_COUNT) != ex[f].count)
			die("general count", f, ex[f].count);
		if (frames[f].count && !frames[f].owner)
			die("referenced frame without owner", f, frames[f].count);
		for (u32 t = 0; t < 8; t++) {
			if (ex[f].type_refs[t] && pt_type(frames[f].type) != (u64)t << 60)
				die("used as two things", f, t);
			used += ex[f].type_refs[t];
		}
		if ((frames[f].type & PT_COUNT) != used)
			die("type count", f, used);
		if (used && !(frames[f].type & (PT_VALIDATED | PT_PARTIAL)))
			die("left busy", f, frames[f].type);
		if ((frames[f].type & PT_PARTIAL) && !frames[f].owner)
			die("partial without owner", f, 0);
		if (pt_type(frames[f].type) == PT_L4 && (frames[f].type & PT_VALIDATED) &&
		    mem[f][PT_HYP_SLOT_FIRST] != HYP_MAGIC)
			die("hypervisor slot", f, mem[f][PT_HYP_SLOT_FIRST]);
	}
}

static bool may_reach(u32 dom, u32 f, bool write)
{
	u32 o = frames[f].owner;

	return !o || o == tag(dom) || dom == DOM0 || (grant_stale[write][dom] >> f & 1);
}

static void check_cpu(const struct cpu *c)
{
	for (u32 f = 1; f < NF; f++) {
		const struct page_info *pg = &frames[f];
		bool in_use = pg->type & PT_COUNT, table = in_use && pt_level(pg->type);
		u64 bit = BIT(f);

		if ((c->tlb_rw & bit) && in_use && pt_type(pg->type) != PT_WRITABLE)
			die("stale writable translation of a protected frame", f, pg->type);
		for (u32 w = 0; w < 2; w++)
			if (((w ? c->tlb_rw : c->tlb_ro) & bit) && c->dom >= 0 && !may_reach((u32)c->dom, f, w))
				die("reaches a frame of another", f, (u64)c->dom);
		for (u32 l = 1; l <= 4; l++) {
			if ((c->walk[l][1] & bit) && in_use && pt_type(pg->type) != pt_of_level(l))
				die("walks through what is no such table", f, pg->type);
			/* read-only walks may be shifted by a table's entry for itself */
			if ((c->walk[l][0] & bit) && in_use && (!table || pt_level(pg->type) < l))
				die("walks read-only through data", f, pg->type);
			if (((c->walk[l][0] | c->walk[l][1]) & bit) && pg->owner && c->dom >= 0 &&
			    pg->owner != tag((u32)c->dom))
				die("walks through a table of another", f, pg->owner);
		}
	}
}

static void check_all(void)
{
	check_counts();
	for (u32 i = 0; i < NC; i++)
		check_cpu(&cpus[i]);
}

static void check_free(u32 f)
{
	for (u32 i = 0; i < NC; i++) {
		const struct cpu *c = &cpus[i];
		u64 any = c->tlb_ro | c->tlb_rw;

		for (u32 l = 1; l <= 4; l++)
			any |= c->walk[l][0] | c->walk[l][1];
		if (any >> f & 1)
			die("handed out while translated", f, i);
	}
}

/* ---- operations ---- */

static u32 any_frame(void)
{
	return 1 + pick(NF - 1);
}

static u32 frame_owned_by(u32 dom)
{
	for (u32 n = 0; n < 8; n++) {
		u32 f = any_frame();
		if (frames[f].owner == tag(dom))
			return f;
	}
	return any_frame();
}

/* Of several frames one that suits an entry of a table of @level; chance decides if none does. */
static u32 suitable_frame(u32 dom, u32 level)
{
	u32 f = 0;

	for (u32 n = 0; n < 16; n++) {
		f = frame_owned_by(dom);
		if (frames[f].owner != tag(dom))
			continue;
		if (level > 1 && pt_type(frames[f].type) == pt_of_level(level - 1))
			break;
		if (level == 1 && (pt_type(frames[f].type) == PT_WRITABLE || one_in(4)))
			break;
	}
	return f;
}

static u64 entry_for(u32 dom, u32 level)
{
	u32 f = one_in(40) ? 28 + pick(8) :
	        one_in(dom == DOM0 && level == 1 ? 3 : 30) ? any_frame() : suitable_frame(dom, level);
	u64 e = (u64)f << 12;

	if (!one_in(8))
		e |= PTE_P;
	if (one_in(2))
		e |= PTE_RW;
	if (one_in(40))
		e |= BIT(3 + pick(9));
	return e;
}

static u64 random_entry(u32 dom)
{
	return entry_for(dom, 1 + pick(4));
}

static u32 data_owner(u32 dom)
{
	return dom == DOM0 && one_in(3) ? tag(pick(ND)) : tag(dom);
}

static bool op_alloc(u32 dom)
{
	u32 f = any_frame();

	if (frames[f].owner || frames[f].count || dying[dom])
		return false;
	flush_mask(filter(ALL_CPUS, frames[f].tlb_stamp)); /* as the heap does */
	check_free(f);
	for (u32 i = 0; i < PT_ENTRIES; i++) /* like fresh memory, or memory set up by an earlier write */
		mem[f][i] = one_in(2) ? 0 : one_in(4) ? rnd() : random_entry(dom);
	if (one_in(3))
		memset(mem[f], 0, sizeof(mem[f]));
	frames[f].owner = tag(dom);
	frames[f].count = PC_ALLOCATED | 1;
	return true;
}

static bool op_release(u32 dom)
{
	struct page_info *pg = &frames[frame_owned_by(dom)];

	if (pg->owner != tag(dom) || !(pg->count & PC_ALLOCATED))
		return false;
	pg->count &= ~PC_ALLOCATED;
	pt_unref(pg);
	return true;
}

static u32 forced_frame; /* what get_frame() is to give, 0 = any */

/* A frame of @dom referenced for an operation, as hypercalls do. */
static struct page_info *get_frame(u32 dom)
{
	struct page_info *pg = &frames[forced_frame ? forced_frame : frame_owned_by(dom)];

	return pt_ref(pg, tag(dom)) ? pg : NULL;
}

/* The operation was interrupted: does its vCPU come back to go on? Not always, and others come first. */
static bool goes_on(u32 dom)
{
	if (one_in(12))
		return false;
	cpu_any();
	while (pt_finish(&space[dom]))
		if (one_in(12))
			return false;
	return true;
}

static bool op_pin(u32 dom)
{
	struct page_info *pg = get_frame(dom);
	u32 level = pt_level(pg ? pg->type : 0);
	bool ok = false;

	if (!pg)
		return false;
	if (!level || one_in(4))
		level = 1 + pick(4);
	if (!dying[dom] && pt_finish(&space[dom]) == 0) {
		int rc;

		do {
			rc = pt_pin(&space[dom], pg, pt_of_level(level));
		} while (rc == -ERESTART && goes_on(dom));
		ok = rc == 0;
	}
	pt_unref(pg);
	return ok;
}

static bool op_unpin(u32 dom)
{
	struct page_info *pg = get_frame(dom);
	bool ok = false;

	if (!pg)
		return false;
	if (pt_finish(&space[dom]) == 0)
		ok = pt_unpin(&space[dom], pg) == 0;
	pt_unref(pg);
	return ok;
}

/* mmu_update: an entry of a table, or a plain write if the frame is none. */
static bool op_write(u32 dom)
{
	struct page_info *pg = get_frame(dom);
	u32 slot = pick(PT_ENTRIES);
	u64 val = 0;
	bool ok = false;

	if (!pg)
		return false;
	if (!one_in(4))
		val = pt_level(pg->type) && !one_in(10) ? entry_for(dom, pt_level(pg->type)) : random_entry(dom);
	if (one_in(3) && (mem[frame_of(pg)][slot] & PTE_P)) /* change rights of what is there */
		val = mem[frame_of(pg)][slot] ^ PTE_RW;
	if (one_in(20) && pt_level(pg->type) > 1) /* a window on the table itself */
		val = (u64)frame_of(pg) << 12 | PTE_P | (one_in(4) ? PTE_RW : 0);
	if (pt_finish(&space[dom]) == 0) {
		if (pt_level(pg->type) && (pg->type & PT_COUNT)) {
			int rc;

			do {
				rc = pt_write_entry(&space[dom], pg, slot, val, data_owner(dom), one_in(2));
			} while (rc == -ERESTART && goes_on(dom));
			ok = rc == 0;
		} else if (pt_get_plain(pg, PT_WRITABLE, tag(dom)) == 0) {
			mem[frame_of(pg)][slot] = val;
			pt_put_plain(pg);
			ok = true;
		}
	}
	pt_unref(pg);
	return ok;
}

static bool busy(const struct page_info *pg)
{
	return (pg->type & PT_COUNT) && !(pg->type & (PT_VALIDATED | PT_PARTIAL));
}

/* A guest writes a whole table into memory of its own, as before pinning it. */
static bool op_fill(u32 dom)
{
	struct page_info *pg = get_frame(dom);
	u32 level = 1 + pick(4);
	bool ok;

	if (!pg)
		return false;
	ok = !busy(pg) && pt_get_plain(pg, PT_WRITABLE, tag(dom)) == 0;
	if (ok) {
		for (u32 i = 0; i < PT_ENTRIES; i++)
			mem[frame_of(pg)][i] = one_in(2) ? 0 : entry_for(dom, level);
		pt_put_plain(pg);
	}
	pt_unref(pg);
	return ok;
}

static struct page_info *get_l1(u32 dom);

static bool op_base(u32 dom);

/* An entry of the space being built: its tables only read-only. */
static u64 build_entry(u32 dom, const u32 *tables, u32 level)
{
	u64 e;

	if (one_in(2))
		return 0;
	if (level > 1)
		return (u64)(one_in(10) ? tables[level] : tables[level - 1]) << 12 | PTE_P |
		       (one_in(5) ? 0 : PTE_RW);
	e = entry_for(dom, 1);
	for (u32 l = 1; l <= 4; l++)
		if (pte_mfn(e).n == tables[l])
			e &= ~PTE_RW;
	if (pte_mfn(e).n < NF && pt_type(frames[pte_mfn(e).n].type) != PT_WRITABLE &&
	    (frames[pte_mfn(e).n].type & PT_COUNT))
		e &= ~PTE_RW;
	return e;
}

/* A guest sets up a whole address space bottom-up and runs on it. */
static bool op_build(u32 dom)
{
	u32 tables[5] = {0};

	for (u32 level = 1; level <= 4; level++)
		for (u32 n = 0; n < 20 && !tables[level]; n++) {
			u32 f = frame_owned_by(dom);
			bool used = pt_type(frames[f].type) != PT_WRITABLE && (frames[f].type & PT_COUNT);

			for (u32 l = 1; l < level; l++)
				used |= tables[l] == f;
			if (!used && frames[f].owner == tag(dom))
				tables[level] = f;
		}
	for (u32 level = 1; level <= 4; level++) {
		struct page_info *pg = &frames[tables[level]];

		if (!tables[level] || !pt_ref(pg, tag(dom)))
			return false;
		if (busy(pg) || pt_get_plain(pg, PT_WRITABLE, tag(dom))) {
			pt_unref(pg);
			return false;
		}
		for (u32 i = 0; i < PT_ENTRIES; i++)
			mem[tables[level]][i] = build_entry(dom, tables, level);
		pt_put_plain(pg);
		pt_unref(pg);
	}
	forced_frame = tables[4];
	(void)op_base(dom);
	forced_frame = 0;
	return base_l4[dom] == tables[4];
}

static bool op_cmpxchg(u32 dom)
{
	struct page_info *pg = get_l1(dom);
	u32 slot = pick(PT_ENTRIES);
	u64 old, val = entry_for(dom, 1);
	bool ok;

	if (!pg)
		return false;
	old = mem[frame_of(pg)][slot] & ~(one_in(4) ? PTE_A | PTE_D : 0);
	if (one_in(2))
		val = old ^ BIT(pick(3));
	if (one_in(4)) { /* what is expected is not there, nor anybody's perhaps */
		old = (u64)any_frame() << 12 | PTE_P | PTE_USER;
		val = old | PTE_RW;
	}
	ok = pt_cmpxchg_entry(&space[dom], pg, slot, &old, val) == 0;
	pt_unref(pg);
	return ok;
}

static bool op_base(u32 dom)
{
	struct page_info *pg = !forced_frame && one_in(4) ? NULL : get_frame(dom);
	u32 old = base_l4[dom];
	bool ok = false;

	if (pt_finish(&space[dom]) || dying[dom])
		goto out;
	if (pg) {
		int rc;

		do {
			rc = pt_get_table(&space[dom], pg, PT_L4);
		} while (rc == -ERESTART && goes_on(dom));
		if (rc)
			goto out;
	}
	if (!pg)
		for (u32 i = 0; i < NC; i++)
			if (cpus[i].dom == (int)dom)
				return false; /* a running vCPU always has one */
	base_l4[dom] = pg ? frame_of(pg) : 0;
	for (u32 i = 0; i < NC; i++)
		if (cpus[i].dom == (int)dom)
			cpu_flush(&cpus[i]); /* loads CR3 */
	if (old)
		pt_put_table(&space[dom], &frames[old]);
	return true;
out:
	if (pg)
		pt_unref(pg);
	return ok;
}

static struct hold *free_hold(void)
{
	for (u32 i = 0; i < MAX_HOLDS; i++)
		if (holds[i].kind == HOLD_NONE)
			return &holds[i];
	return NULL;
}

/* Grant of @dom's frame to somebody; a descriptor table of @dom; or a write by the hypervisor. */
static bool op_hold(u32 dom)
{
	struct page_info *pg = &frames[frame_owned_by(dom)];
	enum hold_kind kind = HOLD_GRANT + pick(4);
	struct hold *h;

	if (busy(pg) || (dying[dom] && !one_in(50)) || !pt_ref(pg, tag(dom)))
		return false;
	if (kind != HOLD_GRANT_RO &&
	    pt_get_plain(pg, kind == HOLD_SEGDESC ? PT_SEGDESC : PT_WRITABLE, tag(dom))) {
		pt_unref(pg);
		return false;
	}
	h = free_hold(); /* only now: another may have taken one meanwhile */
	if (!h) {
		if (kind != HOLD_GRANT_RO)
			pt_put_plain(pg);
		pt_unref(pg);
		return false;
	}
	h->user = kind <= HOLD_GRANT_RO ? pick(ND) : dom;
	h->frame = frame_of(pg);
	h->kind = kind;
	if (kind <= HOLD_GRANT_RO)
		for (u32 w = 0; w < 2; w++)
			grant_stale[w][h->user] |= w && kind == HOLD_GRANT_RO ? 0 : BIT(h->frame);
	return true;
}

static bool granted_entry_left(const struct hold *h)
{
	for (u32 f = 1; f < NF; f++)
		for (u32 i = 0; frames[f].owner == tag(h->user) && pt_type(frames[f].type) == PT_L1 &&
		                (frames[f].type & PT_COUNT) && i < PT_ENTRIES; i++)
			if ((mem[f][i] & PTE_P) && pte_mfn(mem[f][i]).n == h->frame)
				return true;
	return false;
}

static bool op_unhold(void)
{
	struct hold *h = &holds[pick(MAX_HOLDS)];
	bool other[2] = {0};
	enum hold_kind kind = h->kind;
	struct page_info *pg;

	if (kind == HOLD_NONE || busy(&frames[h->frame]))
		return false;
	if (kind <= HOLD_GRANT_RO) {
		if (granted_entry_left(h))
			return false; /* the grant table ends a use only when its entry is gone */
		for (u32 i = 0; i < MAX_HOLDS; i++) {
			const struct hold *o = &holds[i];
			bool same = o != h && o->user == h->user && o->frame == h->frame;

			other[0] |= same && (o->kind == HOLD_GRANT || o->kind == HOLD_GRANT_RO);
			other[1] |= same && o->kind == HOLD_GRANT;
		}
		flush_mask(dirty[h->user]);
		for (u32 w = 0; w < 2; w++)
			if (!other[w])
				grant_stale[w][h->user] &= ~BIT(h->frame);
	}
	h->kind = HOLD_NONE;
	pg = &frames[h->frame];
	if (kind != HOLD_GRANT_RO)
		pt_put_plain(pg);
	pt_unref(pg);
	return true;
}

/* A validated L1 table of @dom, most of the time. */
static struct page_info *get_l1(u32 dom)
{
	for (u32 n = 0; n < 8; n++) {
		struct page_info *pg = get_frame(dom);

		if (!pg)
			return NULL;
		if ((pt_type(pg->type) == PT_L1 && (pg->type & PT_COUNT)) || one_in(30))
			return pg;
		pt_unref(pg);
	}
	return NULL;
}

static bool op_map_granted(void)
{
	struct hold *h = &holds[pick(MAX_HOLDS)];
	struct page_info *table;
	u64 flags;
	bool ok;

	if (h->kind != HOLD_GRANT && h->kind != HOLD_GRANT_RO)
		return false;
	table = get_l1(h->user);
	if (!table)
		return false;
	flags = h->kind == HOLD_GRANT && one_in(2) ? PTE_RW : 0;
	ok = pt_map_granted(&space[h->user], table, pick(PT_ENTRIES), &frames[h->frame], flags) == 0;
	pt_unref(table);
	return ok;
}

static bool op_move(u32 dom)
{
	struct page_info *a = get_l1(dom), *b = get_l1(dom);
	bool ok = a && b && pt_move_entry(&space[dom], a, pick(PT_ENTRIES), b, pick(PT_ENTRIES)) == 0;

	if (a)
		pt_unref(a);
	if (b)
		pt_unref(b);
	return ok;
}

/* A domain dies: no vCPU runs, frames lose pins, bases go, then it is reborn. */
static bool op_die(u32 dom)
{
	bool left = false;

	for (u32 i = 0; i < NC; i++)
		if (cpus[i].dom == (int)dom) {
			cpu_flush(&cpus[i]);
			cpus[i].dom = -1;
			dirty[dom] &= ~(1u << i);
		}
	dying[dom] = true;
	if (pt_finish(&space[dom]))
		return false;
	if (base_l4[dom]) {
		u32 old = base_l4[dom];

		base_l4[dom] = 0;
		pt_put_table(&space[dom], &frames[old]);
	}
	for (u32 f = 1; f < NF; f++) {
		struct page_info *pg = &frames[f];

		if (!pt_ref(pg, tag(dom)))
			continue;
		if (pt_strip(&space[dom], pg)) {
			pt_unref(pg);
			return false;
		}
		if (pg->count & PC_ALLOCATED) {
			pg->count &= ~PC_ALLOCATED;
			pt_unref(pg);
		}
		pt_unref(pg);
	}
	if (pt_finish(&space[dom]))
		return false;
	for (u32 f = 1; f < NF; f++) {
		left |= frames[f].owner == tag(dom);
		if (frames[f].owner == tag(dom) && pt_level(frames[f].type) && (frames[f].type & PT_COUNT))
			die("a dead domain's table is in use", f, frames[f].type);
	}
	if (left)
		return false; /* others still map its frames */
	dying[dom] = false;
	space[dom].failed = NULL;
	return true;
}

/* Taken out of the domain and straight back in, as a failed exchange does; stale translations stay. */
static bool op_steal(u32 dom)
{
	struct page_info *pg = &frames[frame_owned_by(dom)];

	if (pg->owner != tag(dom) || pg->count != (PC_ALLOCATED | 1) || dying[dom])
		return false;
	pg->count = 0;
	pg->owner = 0;
	pg->owner = tag(dom);
	pg->count = PC_ALLOCATED | 1;
	return true;
}

static void interfere(void)
{
	if (nested)
		return;
	nested = 1;
	switch (pick(8)) {
	case 0:
		(void)op_hold(pick(ND));
		break;
	case 1:
		(void)op_unhold();
		break;
	case 2:
	case 3:
	case 4:
		cpu_any();
		break;
	default:
		break;
	}
	nested = 0;
}

static const char *const op_names[18] = {
	"alloc", "release", "pin", "unpin", "write", "cmpxchg", "base", "hold",
	"unhold", "map_granted", "move", "die", "steal", "access", "switch", "fill", "build", "finish",
};

static bool run_op(u32 op, u32 dom)
{
	switch (op) {
	case 0: return op_alloc(dom);
	case 1: return op_release(dom);
	case 2: return op_pin(dom);
	case 3: return op_unpin(dom);
	case 4: return op_write(dom);
	case 5: return op_cmpxchg(dom);
	case 6: return op_base(dom);
	case 7: return op_hold(dom);
	case 8: return op_unhold();
	case 9: return op_map_granted();
	case 10: return op_move(dom);
	case 11: return op_die(dom);
	case 12: return op_steal(dom);
	case 13: cpu_any(); return true;
	case 14: cpu_switch(); return true;
	case 15: return op_fill(dom);
	case 16: return op_build(dom);
	default: return pt_finish(&space[dom]) == 0;
	}
}

/* Relative frequencies. */
static const u8 weights[18] = {60, 6, 15, 4, 60, 15, 20, 6, 8, 12, 6, 1, 2, 90, 8, 8, 40, 5};

static u32 pick_op(void)
{
	u32 total = 0, n;

	for (u32 i = 0; i < 18; i++)
		total += weights[i];
	n = pick(total);
	for (u32 i = 0;; i++) {
		if (n < weights[i])
			return i;
		n -= weights[i];
	}
}

static void coverage_line(const char *what, u64 n)
{
	printf("  %-24s %10" PRIu64 "\n", what, n);
	if (operations >= 1000000 && n < 10)
		die("hardly ever happens", n, 0);
}

/* The test would prove nothing if everything had been refused. */
static void check_coverage(void)
{
	for (u32 i = 0; i < 18; i++) {
		printf("  %-12s %10" PRIu64 " of %10" PRIu64 " succeeded\n", op_names[i], done_ok[i], done_all[i]);
		if (operations >= 1000000 && done_ok[i] < 100)
			die("hardly ever succeeds", i, done_ok[i]);
	}
	coverage_line("walks to a frame", seen_leaf);
	coverage_line("writable walks", seen_leaf_rw);
	coverage_line("writes after unmapping", seen_stale_write);
	coverage_line("flushes", seen_flush);
	coverage_line("interruptions", seen_interrupted);
	coverage_line("walks through itself", seen_self);
}

int main(int argc, char **argv)
{
	operations = argc > 1 ? strtoull(argv[1], NULL, 0) : 2000000;
	rng = argc > 2 ? strtoull(argv[2], NULL, 0) : 88172645463325252ULL;
	if (!rng)
		rng = 1;
	for (u32 d = 0; d < ND; d++) {
		space[d].owner = tag(d);
		space[d].privileged = d == DOM0;
	}
	for (u32 i = 0; i < NC; i++)
		cpus[i].dom = -1;
	for (step = 0; step < operations; step++) {
		u32 op = pick_op(), dom = pick(ND);
		bool ok;

		if (dying[dom] && one_in(2)) /* or it would be dying most of the time */
			op = one_in(2) ? 11 : 8;
		ok = run_op(op, dom);

		done_all[op]++;
		done_ok[op] += ok;
		check_all();
	}
	check_coverage();
	return 0;
}
