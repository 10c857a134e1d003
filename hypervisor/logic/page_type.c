/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * References to frames and what frames are used as. docs/page-types.md explains the rules; in short:
 *
 * - A frame's type word holds one type and a count. The type changes only while the count is 0, and
 *   only after pt_env_flush() made sure that no CPU still translates through the old use.
 * - count 0 -> 1 and 1 -> 0 pass through a word that is neither VALIDATED nor PARTIAL. Whoever made it
 *   so owns it: all others see another type (and fail) or wait. Hence no flush and no time stamp can
 *   be overtaken.
 * - Page tables change under the page-table lock of their owner; the other types change lock-free.
 * - An entry of a validated table holds one general reference on its frame, and a type reference:
 *   of PT_WRITABLE if it is a writable L1 entry, of the next lower table type above level 1.
 *   Except: frames that are no RAM, and an upper table's read-only entry for itself, hold none.
 */
#include "logic/page_type.h"
#include <xen/errno.h>

#define ERESTART 85 /* XEN_ERESTART, which the public header hides */

/* Upper entries: no cache attributes, no large pages, bit 8 unused. */
#define UPPER_REFUSED (PTE_PWT | PTE_PCD | PTE_PSE | PTE_G)

static bool cas(u64 *p, u64 *old, u64 new)
{
	return __atomic_compare_exchange_n(p, old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

static u64 load(const u64 *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void store(u64 *p, u64 v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

/* ---- general references ---- */

bool pt_ref_any(struct page_info *pg)
{
	u64 x = load(&pg->count);

	do {
		if ((x & PC_COUNT) == 0 || (x & PC_COUNT) == PC_COUNT)
			return false; /* nobody's, being freed, or one too many */
	} while (!cas(&pg->count, &x, x + 1));
	return true;
}

bool pt_ref(struct page_info *pg, u32 owner)
{
	if (!pt_ref_any(pg))
		return false;
	if (__atomic_load_n(&pg->owner, __ATOMIC_RELAXED) == owner) /* stable while referenced */
		return true;
	pt_unref(pg);
	return false;
}

void pt_unref(struct page_info *pg)
{
	u64 left = __atomic_sub_fetch(&pg->count, 1, __ATOMIC_SEQ_CST);

	if ((left & PC_COUNT) == 0)
		pt_env_free(pg);
}

/* ---- the type word: first and last reference ---- */

/*
 * Takes a reference of @type. *fresh: it is the first one, the word is now ours alone and not yet
 * validated; the caller ends that with type_ready() or type_clear().
 */
static int type_start(struct page_info *pg, u64 type, bool *fresh)
{
	u64 x = load(&pg->type);

	for (;;) {
		if ((x & PT_COUNT) == 0) {
			bool change = pt_type(x) != type;

			if (!cas(&pg->type, &x, type | 1 | (change ? 0 : x & PT_FOREIGN)))
				continue;
			if (change && pt_type(x) != PT_NONE)
				pt_env_flush(pg, x & PT_FOREIGN, pg->tlb_stamp);
			*fresh = true;
			return 0;
		}
		if (pt_type(x) != type)
			return -XEN_EBUSY;
		if (!(x & PT_VALIDATED)) {
			if (pt_level(type))
				return -XEN_EBUSY; /* its owner's lock is ours: interrupted work */
			pt_env_relax();
			x = load(&pg->type);
			continue;
		}
		if ((x & PT_COUNT) == PT_COUNT)
			return -XEN_EBUSY;
		if (cas(&pg->type, &x, x + 1)) {
			*fresh = false;
			return 0;
		}
	}
}

static void type_ready(struct page_info *pg, u64 more)
{
	store(&pg->type, (load(&pg->type) & (PT_TYPE_MASK | PT_COUNT | PT_FOREIGN)) | PT_VALIDATED | more);
}

static void type_interrupted(struct page_info *pg)
{
	store(&pg->type, (load(&pg->type) & (PT_TYPE_MASK | PT_COUNT)) | PT_PARTIAL);
}

/* Drops a reference unless it is the last: then the word becomes ours alone, and false is returned. */
static bool type_drop_unless_last(struct page_info *pg)
{
	u64 x = load(&pg->type);

	for (;;) {
		if ((x & PT_COUNT) > 1) {
			if (cas(&pg->type, &x, x - 1))
				return true;
		} else if (cas(&pg->type, &x, x & ~PT_VALIDATED)) {
			return false;
		}
	}
}

/* The word is ours alone: nobody uses the frame as anything any more. The CAS or the locked operation
 * that got us here ordered the change of the mapping before this reading of the clock. */
static void type_clear(struct page_info *pg)
{
	pg->tlb_stamp = pt_env_tlb_clock();
	store(&pg->type, load(&pg->type) & (PT_TYPE_MASK | PT_FOREIGN));
}

int pt_get_plain(struct page_info *pg, u64 type, u32 mapper)
{
	bool fresh;
	int rc;

	if (pt_level(type) || type == PT_NONE)
		return -XEN_EINVAL;
	rc = type_start(pg, type, &fresh);
	if (rc)
		return rc;
	if (fresh && type == PT_SEGDESC && !pt_env_segdesc_ok(pg)) {
		type_clear(pg);
		return -XEN_EINVAL;
	}
	if (fresh)
		type_ready(pg, 0);
	if (mapper != pg->owner && !(load(&pg->type) & PT_FOREIGN))
		__atomic_fetch_or(&pg->type, PT_FOREIGN, __ATOMIC_SEQ_CST);
	return 0;
}

void pt_put_plain(struct page_info *pg)
{
	if (!type_drop_unless_last(pg))
		type_clear(pg);
}

/* ---- what an L1 entry holds ---- */

static int l1_ref(struct pt_space *s, u32 data_owner, struct page_info *pg)
{
	if (pt_ref(pg, data_owner))
		return 0;
	/* dom0 may map what belongs to its guests; said so or not, as when it pins a table */
	if (!s->privileged || data_owner != s->owner || !pt_ref_any(pg))
		return -XEN_EINVAL;
	if (pt_env_owner_mappable(pg->owner))
		return 0;
	pt_unref(pg);
	return -XEN_EINVAL;
}

/* Bits as they are stored: every guest mapping is a user one; global entries would outlive a change of
 * address space; only dom0 may choose how RAM is cached (an uncached view of a frame shows what was
 * in it before its scrubbing reached memory). */
static u64 l1_adjust(const struct pt_space *s, u64 e, bool ram)
{
	if (!(e & PTE_P))
		return e;
	if (ram && !s->privileged)
		e &= ~PTE_CACHE;
	return (e | PTE_USER) & ~PTE_G;
}

/* Takes what entry *e is to hold, and adjusts its bits. */
static int l1_get(struct pt_space *s, u32 data_owner, u64 *e)
{
	struct page_info *pg;
	int rc;

	if (!(*e & PTE_P))
		return 0;
	pg = pt_env_page(pte_mfn(*e));
	*e = l1_adjust(s, *e, pg);
	if (!pg)
		return s->privileged ? pt_env_mmio(data_owner, pte_mfn(*e), e) : -XEN_EINVAL;
	rc = l1_ref(s, data_owner, pg);
	if (rc || !(*e & PTE_RW))
		return rc;
	rc = pt_get_plain(pg, PT_WRITABLE, s->owner);
	if (rc)
		pt_unref(pg);
	return rc;
}

static void l1_put(u64 e)
{
	struct page_info *pg = e & PTE_P ? pt_env_page(pte_mfn(e)) : NULL;

	if (!pg)
		return;
	if (e & PTE_RW)
		pt_put_plain(pg);
	pt_unref(pg);
}

/* ---- what an upper entry holds: validation and devalidation of whole tables ---- */

static int table_fill(struct pt_space *s, struct page_info *pg, u32 level);
static int table_empty(struct pt_space *s, struct page_info *pg, u32 level);

static bool should_stop(const struct pt_space *s, u32 level)
{
	return level > 1 && !s->no_preempt && pt_env_preempt();
}

/* The entries that hold nothing although they are present. */
static bool upper_is_self(const struct page_info *table, u64 e)
{
	return mfn_eq(pte_mfn(e), pt_env_mfn(table));
}

static bool upper_holds(const struct page_info *table, u32 level, u32 slot, u64 e)
{
	return (e & PTE_P) && !pt_slot_is_hyp(level, slot) && !upper_is_self(table, e);
}

/* Checks the bits of a present upper entry and adjusts them. */
static int upper_check(const struct page_info *table, u64 *e)
{
	if (*e & UPPER_REFUSED)
		return -XEN_EINVAL;
	/* A table may show itself read-only: walking through it shifts each level down by one and
	 * ends on table contents as data, never on data taken for a table. */
	if (upper_is_self(table, *e) && (*e & PTE_RW))
		return -XEN_EINVAL;
	*e |= PTE_USER;
	return 0;
}

/* Takes both references on the table below. On errors *held says that it was left half done with both
 * references in place: child_undo() is due. */
static int child_get(struct pt_space *s, struct page_info *pg, u32 level, bool *held)
{
	bool fresh;
	int rc;

	if (!pt_ref(pg, s->owner))
		return -XEN_EINVAL;
	rc = type_start(pg, pt_of_level(level), &fresh);
	if (rc)
		pt_unref(pg);
	if (rc || !fresh)
		return rc;
	pg->valid_entries = 0;
	pg->partial = 0;
	rc = table_fill(s, pg, level);
	if (rc) {
		type_interrupted(pg);
		*held = true;
		return rc;
	}
	type_ready(pg, 0);
	return 0;
}

static int child_resume(struct pt_space *s, struct page_info *pg, u32 level)
{
	int rc = table_fill(s, pg, level);

	if (!rc)
		type_ready(pg, 0);
	return rc;
}

/* Goes on giving up a half-done table; both references go with it. 0 or -XEN_ERESTART. */
static int child_undo(struct pt_space *s, struct page_info *pg, u32 level)
{
	int rc = table_empty(s, pg, level);

	if (rc)
		return rc;
	type_clear(pg);
	pt_unref(pg);
	return 0;
}

static int child_put(struct pt_space *s, struct page_info *pg, u32 level)
{
	int rc;

	if (type_drop_unless_last(pg)) {
		pt_unref(pg);
		return 0;
	}
	pg->valid_entries = PT_ENTRIES;
	pg->partial = 0;
	rc = child_undo(s, pg, level);
	if (rc)
		type_interrupted(pg);
	return rc;
}

/* Takes what upper entry *e is to hold, and adjusts its bits. */
static int upper_get(struct pt_space *s, struct page_info *table, u32 level, u32 slot, u64 *e, bool *held)
{
	struct page_info *child;
	int rc;

	if (!(*e & PTE_P) || pt_slot_is_hyp(level, slot))
		return 0;
	rc = upper_check(table, e);
	if (rc || upper_is_self(table, *e))
		return rc;
	child = pt_env_page(pte_mfn(*e));
	return child ? child_get(s, child, level - 1, held) : -XEN_EINVAL;
}

/* Validates entries from valid_entries on. 0, -XEN_ERESTART, or an error: the state says how far. */
static int table_fill(struct pt_space *s, struct page_info *pg, u32 level)
{
	u64 *t = pt_env_table(pg);
	bool again = false;
	int rc;

	if (level == 4)
		pt_env_l4_enter(s, pg);
	for (; pg->valid_entries < PT_ENTRIES; pg->valid_entries++) {
		u32 i = pg->valid_entries;
		bool held = false;
		u64 e = t[i];

		if (!(e & PTE_P))
			continue; /* holds nothing: most of most tables */
		if (again && should_stop(s, level))
			return -ERESTART;
		again = true;
		if (pg->partial) {
			rc = child_resume(s, pt_env_page(pte_mfn(e)), level - 1);
			if (rc)
				return rc;
			pg->partial = 0;
			e |= PTE_USER;
		} else {
			rc = level == 1 ? l1_get(s, s->owner, &e) : upper_get(s, pg, level, i, &e, &held);
			pg->partial = held;
			if (rc)
				return rc;
		}
		if (e != t[i])
			WRITE_ONCE(t[i], e); /* no CPU walks through an unvalidated table */
	}
	return 0;
}

/* Gives up the entry at valid_entries if it is half done, then those below. 0 or -XEN_ERESTART. */
static int table_empty(struct pt_space *s, struct page_info *pg, u32 level)
{
	const u64 *t = pt_env_table(pg);
	bool again = false;

	if (pg->partial) {
		if (child_undo(s, pt_env_page(pte_mfn(t[pg->valid_entries])), level - 1))
			return -ERESTART;
		pg->partial = 0;
		again = true;
	}
	while (pg->valid_entries > 0) {
		u32 i = pg->valid_entries - 1u;

		if (!(t[i] & PTE_P)) {
			pg->valid_entries = (u16)i;
			continue;
		}
		if (again && should_stop(s, level))
			return -ERESTART;
		again = true;
		pg->valid_entries = (u16)i;
		if (level == 1) {
			l1_put(t[i]);
		} else if (upper_holds(pg, level, i, t[i]) &&
		           child_put(s, pt_env_page(pte_mfn(t[i])), level - 1)) {
			pg->partial = 1;
			return -ERESTART;
		}
	}
	if (level == 4)
		pt_env_l4_leave(s, pg);
	return 0;
}

/* ---- one table, from outside ---- */

static void set_pending(struct pt_space *s, struct page_info *pg, bool drop)
{
	type_interrupted(pg);
	s->pending = pg;
	s->pending_drop = drop;
}

int pt_finish(struct pt_space *s)
{
	struct page_info *pg = s->pending;
	u32 level;
	int rc;

	if (!pg)
		return 0;
	level = pt_level(load(&pg->type));
	if (!s->pending_drop) {
		rc = table_fill(s, pg, level);
		if (rc == -ERESTART)
			return rc;
		if (!rc) {
			s->pending = NULL;
			type_ready(pg, PT_HELD);
			return 0;
		}
		s->failed = pg;
		s->failed_type = pt_of_level(level);
		s->failed_err = rc;
		s->pending_drop = true;
	}
	rc = child_undo(s, pg, level);
	if (!rc)
		s->pending = NULL;
	return rc;
}

/* The operation that was interrupted asks again: what pt_finish() left for it. */
static bool take_result(struct pt_space *s, struct page_info *pg, u64 type, int *rc)
{
	u64 x = load(&pg->type);

	if (s->failed == pg && s->failed_type == type) {
		s->failed = NULL;
		*rc = s->failed_err;
		return true;
	}
	if (!(x & PT_HELD) || pt_type(x) != type)
		return false;
	__atomic_fetch_and(&pg->type, ~PT_HELD, __ATOMIC_SEQ_CST);
	pt_unref(pg); /* the caller has a general reference of its own */
	*rc = 0;
	return true;
}

int pt_get_table(struct pt_space *s, struct page_info *pg, u64 type)
{
	u32 level = pt_level(type);
	bool fresh;
	int rc;

	if (!level || s->pending)
		return -XEN_EBUSY;
	if (take_result(s, pg, type, &rc))
		return rc;
	rc = type_start(pg, type, &fresh);
	if (rc || !fresh)
		return rc;
	pg->valid_entries = 0;
	pg->partial = 0;
	rc = table_fill(s, pg, level);
	if (!rc) {
		type_ready(pg, 0);
		return 0;
	}
	/* The caller's general reference is its own: what is interrupted needs another. Cannot fail. */
	__atomic_fetch_add(&pg->count, 1, __ATOMIC_SEQ_CST);
	set_pending(s, pg, rc != -ERESTART);
	if (rc != -ERESTART && pt_finish(s))
		return rc; /* undone later, but it has failed all the same */
	return rc;
}

void pt_put_table(struct pt_space *s, struct page_info *pg)
{
	u32 level = pt_level(load(&pg->type));

	if (child_put(s, pg, level))
		set_pending(s, pg, true);
}

bool pt_get_table_again(struct page_info *pg, u64 type)
{
	u64 x = load(&pg->type);

	do {
		if (pt_type(x) != type || !(x & PT_VALIDATED) || (x & PT_HELD) ||
		    (x & PT_COUNT) == 0 || (x & PT_COUNT) == PT_COUNT)
			return false;
	} while (!cas(&pg->type, &x, x + 1));
	return true;
}

bool pt_put_table_unless_last(struct page_info *pg)
{
	u64 x = load(&pg->type);

	do {
		if ((x & PT_COUNT) <= 1)
			return false;
	} while (!cas(&pg->type, &x, x - 1));
	pt_unref(pg);
	return true;
}

int pt_pin(struct pt_space *s, struct page_info *pg, u64 type)
{
	int rc;

	if (load(&pg->type) & PT_PINNED)
		return -XEN_EINVAL;
	rc = pt_get_table(s, pg, type);
	if (rc)
		return rc;
	__atomic_fetch_add(&pg->count, 1, __ATOMIC_SEQ_CST);
	__atomic_fetch_or(&pg->type, PT_PINNED, __ATOMIC_SEQ_CST);
	return 0;
}

int pt_unpin(struct pt_space *s, struct page_info *pg)
{
	if (s->pending)
		return -XEN_EBUSY;
	if (!(load(&pg->type) & PT_PINNED))
		return -XEN_EINVAL;
	__atomic_fetch_and(&pg->type, ~PT_PINNED, __ATOMIC_SEQ_CST);
	pt_put_table(s, pg);
	return 0;
}

int pt_strip(struct pt_space *s, struct page_info *pg)
{
	static const u64 marks[] = {PT_HELD, PT_PINNED};
	int rc = pt_finish(s);

	for (u32 i = 0; i < ARRAY_SIZE(marks) && !rc; i++) {
		if (!(load(&pg->type) & marks[i]))
			continue;
		__atomic_fetch_and(&pg->type, ~marks[i], __ATOMIC_SEQ_CST);
		pt_put_table(s, pg);
		rc = pt_finish(s);
	}
	return rc;
}

/* ---- one entry of a validated table ---- */

/* Stores @val; returns what was there. CPUs set accessed and dirty bits at any moment. */
static u64 entry_swap(u64 *pte, u64 val, bool keep_ad)
{
	u64 old = load(pte), new;

	do {
		new = keep_ad ? val | (old & (PTE_A | PTE_D)) : val;
	} while (!cas(pte, &old, new));
	return old;
}

static bool same_frame(u64 old, u64 val)
{
	return (old & val & PTE_P) && mfn_eq(pte_mfn(old), pte_mfn(val));
}

/* ---- level 1 ---- */

static bool is_l1(const struct page_info *table)
{
	u64 x = load(&table->type);

	return pt_type(x) == PT_L1 && (x & PT_VALIDATED);
}

/* The frame whose general reference the new entry takes over from the old one, or NULL. A right to write
 * is added only to a frame that could be mapped so anew: a read-only grant stays one. */
static struct page_info *l1_kept(u64 old, u64 val, u32 data_owner)
{
	struct page_info *pg = same_frame(old, val) ? pt_env_page(pte_mfn(val)) : NULL;

	return pg && (!(val & ~old & PTE_RW) || pg->owner == data_owner) ? pg : NULL;
}

/* The whole change but for the store: takes what *val holds beyond what @kept brings along. */
static int l1_prepare(struct pt_space *s, u64 old, u64 *val, u32 data_owner, struct page_info *kept)
{
	if (!kept)
		return l1_get(s, data_owner, val);
	*val = l1_adjust(s, *val, true);
	return *val & ~old & PTE_RW ? pt_get_plain(kept, PT_WRITABLE, s->owner) : 0;
}

/* Drops of @gone what @stays, the entry instead of it, does not hold. */
static void l1_drop(u64 gone, u64 stays, struct page_info *kept)
{
	if (!kept)
		l1_put(gone);
	else if (gone & ~stays & PTE_RW)
		pt_put_plain(kept);
}

static int l1_write(struct pt_space *s, u64 *pte, u64 val, u32 data_owner, bool keep_ad)
{
	u64 old = load(pte);
	struct page_info *kept = l1_kept(old, val, data_owner);
	int rc = l1_prepare(s, old, &val, data_owner, kept);

	if (!rc)
		l1_drop(entry_swap(pte, val, keep_ad), val, kept);
	return rc;
}

int pt_cmpxchg_entry(struct pt_space *s, struct page_info *table, u32 slot, u64 *expect, u64 val)
{
	u64 *pte = pt_env_table(table) + slot, old = load(pte);
	struct page_info *kept;
	int rc;

	if (!is_l1(table))
		return -XEN_EINVAL;
	if (old != *expect) { /* then it holds nothing of what the caller expects */
		*expect = old;
		return -XEN_EAGAIN;
	}
	kept = l1_kept(old, val, s->owner);
	rc = l1_prepare(s, old, &val, s->owner, kept);
	if (rc)
		return rc;
	if (!cas(pte, expect, val)) {
		l1_drop(val, old, kept);
		return -XEN_EAGAIN;
	}
	l1_drop(old, val, kept);
	return 0;
}

int pt_map_granted(struct pt_space *s, struct page_info *table, u32 slot, struct page_info *pg, u64 flags)
{
	u64 *pte = pt_env_table(table) + slot;
	u64 val = mfn_to_maddr(pt_env_mfn(pg)) | flags | PTE_P | PTE_USER;
	int rc;

	if (!is_l1(table) || !pt_ref_any(pg))
		return -XEN_EINVAL;
	if (flags & PTE_RW) {
		rc = pt_get_plain(pg, PT_WRITABLE, s->owner);
		if (rc) {
			pt_unref(pg);
			return rc;
		}
	}
	l1_put(entry_swap(pte, val, false));
	return 0;
}

int pt_move_entry(struct pt_space *s, struct page_info *from, u32 from_slot, struct page_info *to,
                  u32 to_slot)
{
	u64 *src = pt_env_table(from) + from_slot, *dst = pt_env_table(to) + to_slot;

	(void)s;
	if (!is_l1(from) || !is_l1(to) || src == dst)
		return -XEN_EINVAL;
	l1_put(entry_swap(dst, entry_swap(src, 0, false), false));
	return 0;
}

/* ---- the levels above ---- */

/* All of an upper entry's change but for the store. A table below that is left half done is pending then,
 * with the references that were to be the entry's. */
static int upper_prepare(struct pt_space *s, struct page_info *table, u32 level, u32 slot, u64 *val)
{
	struct page_info *child;
	bool held = false;
	int rc = upper_get(s, table, level, slot, val, &held);

	if (!held)
		return rc;
	child = pt_env_page(pte_mfn(*val));
	set_pending(s, child, rc != -ERESTART);
	if (rc != -ERESTART && pt_finish(s))
		return rc; /* undone later, but it has failed all the same */
	return rc;
}

/* An upper entry whose interrupted validation pt_finish() completed: the reference that waits is ours. */
static bool upper_take_result(struct pt_space *s, struct page_info *table, u32 level, u32 slot, u64 val,
                              int *rc)
{
	struct page_info *child;

	if (!upper_holds(table, level, slot, val))
		return false;
	child = pt_env_page(pte_mfn(val));
	if (!child || !pt_ref(child, s->owner))
		return false;
	if (!take_result(s, child, pt_of_level(level - 1), rc)) {
		pt_unref(child);
		return false;
	}
	if (*rc)
		pt_unref(child);
	return true;
}

static int upper_write(struct pt_space *s, struct page_info *table, u32 level, u32 slot, u64 val, bool keep_ad)
{
	u64 *pte = pt_env_table(table) + slot, old = load(pte);
	bool kept = same_frame(old, val);
	struct page_info *child;
	int rc = 0;

	if (s->pending)
		return -XEN_EBUSY; /* what is pending may be this table's */
	if (pt_slot_is_hyp(level, slot))
		return -XEN_EINVAL;
	if (upper_take_result(s, table, level, slot, val, &rc)) {
		kept = false;
		if (!rc && (rc = upper_check(table, &val)) != 0)
			pt_put_table(s, pt_env_page(pte_mfn(val)));
	} else {
		rc = kept ? upper_check(table, &val) : upper_prepare(s, table, level, slot, &val);
	}
	if (rc)
		return rc;
	old = entry_swap(pte, val, keep_ad);
	if (kept || !upper_holds(table, level, slot, old))
		return 0;
	child = pt_env_page(pte_mfn(old));
	if (child_put(s, child, level - 1))
		set_pending(s, child, true);
	return 0;
}

int pt_write_entry(struct pt_space *s, struct page_info *table, u32 slot, u64 val, u32 data_owner,
                   bool keep_ad)
{
	u64 x = load(&table->type);

	if (!pt_level(x) || !(x & PT_VALIDATED))
		return -XEN_EINVAL;
	/* L1 tables are never half done, and need no interruptible work. */
	return pt_type(x) == PT_L1 ? l1_write(s, pt_env_table(table) + slot, val, data_owner, keep_ad)
	                           : upper_write(s, table, pt_level(x), slot, val, keep_ad);
}
