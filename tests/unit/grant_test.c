/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Grant entries (logic/grant.c).
 *
 * Argument: the rules are small enough to be stated one by one (first half), and the state is small
 * enough that long random sequences visit it all (second half): there a reference model keeps a plain
 * list of the uses in force, and after each step the active entry and the entry's own flags must
 * follow from that list, whatever the guest wrote meanwhile.
 */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "logic/grant.h"

static struct grant_entry_v1 entry(u16 flags, domid_t domid, u32 frame)
{
	return (struct grant_entry_v1){.flags = flags, .domid = domid, .frame = frame};
}

START_TEST(grants_what_the_entry_permits)
{
	struct grant_entry_v1 e = entry(GTF_permit_access, 7, 42);
	struct grant_active a = {0};
	u64 frame;

	ck_assert_int_eq(grant_claim(&e, &a, 7, true, &frame), GNTST_okay);
	ck_assert_uint_eq(frame, 42);
	ck_assert_uint_eq(e.flags, GTF_permit_access | GTF_reading | GTF_writing);
}
END_TEST

START_TEST(refuses_other_domains_and_types)
{
	struct grant_active a = {0};
	u64 frame;
	static const u16 types[] = {GTF_invalid, GTF_accept_transfer, GTF_transitive};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct grant_entry_v1 e = entry(types[i], 7, 42);

		ck_assert_int_eq(grant_claim(&e, &a, 7, false, &frame), GNTST_general_error);
		ck_assert_uint_eq(e.flags, types[i]);
	}
	struct grant_entry_v1 e = entry(GTF_permit_access, 7, 42);

	ck_assert_int_eq(grant_claim(&e, &a, 8, false, &frame), GNTST_general_error);
	ck_assert_uint_eq(e.flags, GTF_permit_access);
}
END_TEST

START_TEST(refuses_writing_what_is_read_only)
{
	struct grant_entry_v1 e = entry(GTF_permit_access | GTF_readonly, 7, 42);
	struct grant_active a = {0};
	u64 frame;

	ck_assert_int_eq(grant_claim(&e, &a, 7, true, &frame), GNTST_general_error);
	ck_assert_int_eq(grant_claim(&e, &a, 7, false, &frame), GNTST_okay);
	ck_assert_uint_eq(e.flags, GTF_permit_access | GTF_readonly | GTF_reading);
}
END_TEST

START_TEST(refuses_cache_attributes_and_sub_pages)
{
	static const u16 bad[] = {GTF_PWT, GTF_PCD, GTF_PAT, GTF_sub_page};
	struct grant_active a = {0};
	u64 frame;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct grant_entry_v1 e = entry(GTF_permit_access | bad[i], 7, 42);

		ck_assert_int_eq(grant_claim(&e, &a, 7, false, &frame), GNTST_general_error);
	}
}
END_TEST

START_TEST(keeps_the_frame_of_the_first_use)
{
	struct grant_entry_v1 e = entry(GTF_permit_access, 7, 42);
	struct grant_active a = {0};
	u64 frame;

	ck_assert_int_eq(grant_claim(&e, &a, 7, false, &frame), GNTST_okay);
	grant_count(&a, 7, false, frame);
	e.frame = 43;
	ck_assert_int_eq(grant_claim(&e, &a, 7, true, &frame), GNTST_okay);
	ck_assert_uint_eq(frame, 42);
}
END_TEST

START_TEST(refuses_a_second_user_of_another_domain)
{
	struct grant_entry_v1 e = entry(GTF_permit_access, 7, 42);
	struct grant_active a = {0};
	u64 frame;

	ck_assert_int_eq(grant_claim(&e, &a, 7, false, &frame), GNTST_okay);
	grant_count(&a, 7, false, frame);
	e.domid = 8;
	ck_assert_int_eq(grant_claim(&e, &a, 8, false, &frame), GNTST_general_error);
}
END_TEST

START_TEST(bounds_the_number_of_uses)
{
	struct grant_entry_v1 e = entry(GTF_permit_access, 7, 42);
	struct grant_active a = {.readers = GRANT_MAX_USES - 1, .domid = 7, .frame = 42};
	u64 frame;

	ck_assert_int_eq(grant_claim(&e, &a, 7, false, &frame), GNTST_okay);
	grant_count(&a, 7, false, frame);
	ck_assert_int_eq(grant_claim(&e, &a, 7, false, &frame), GNTST_general_error);
}
END_TEST

START_TEST(copies_stay_inside_their_frames)
{
	struct gnttab_copy op = {.source.offset = 4000, .dest.offset = 0, .len = 96};

	ck_assert(grant_copy_fits(&op));
	op.len = 97;
	ck_assert(!grant_copy_fits(&op));
	op = (struct gnttab_copy){.dest.offset = 65535, .len = 65535};
	ck_assert(!grant_copy_fits(&op));
}
END_TEST

/* ---- the model ---- */

/* Check notes every ck_assert in a pipe; loops of millions say only what fails. */
#define MUST(cond)                                                                         \
	do {                                                                               \
		if (!(cond))                                                               \
			ck_abort_msg("%s", #cond);                                         \
	} while (0)


#define MAX_USES 64

struct use {
	bool write;
};

struct model {
	struct use uses[MAX_USES];
	u32 n;
	domid_t user;
	u64 frame;
};

static u64 rng_state;

static u32 rnd(u32 below)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return (u32)(rng_state >> 32) % below;
}

static u32 writers(const struct model *m)
{
	u32 w = 0;

	for (u32 i = 0; i < m->n; i++)
		w += m->uses[i].write;
	return w;
}

static void guest_scribbles(struct grant_entry_v1 *e)
{
	switch (rnd(4)) {
	case 0:
		e->flags = (u16)rnd(65536);
		break;
	case 1:
		e->flags = GTF_permit_access | (rnd(2) ? GTF_readonly : 0);
		break;
	case 2:
		e->domid = (domid_t)(1 + rnd(3));
		break;
	default:
		e->frame = rnd(100);
	}
}

static void try_use(struct model *m, struct grant_entry_v1 *e, struct grant_active *a)
{
	domid_t who = (domid_t)(1 + rnd(3));
	bool write = rnd(2);
	struct grant_entry_v1 before = *e;
	u64 frame = ~0ULL;
	s16 status = grant_claim(e, a, who, write, &frame);
	bool allowed = (before.flags & GTF_type_mask) == GTF_permit_access && before.domid == who &&
	               !(before.flags & (GTF_PWT | GTF_PCD | GTF_PAT | GTF_sub_page)) &&
	               !(write && (before.flags & GTF_readonly)) && (m->n == 0 || m->user == who);

	MUST((status == GNTST_okay) == (allowed));
	if (!allowed) {
		MUST(memcmp(e, &before, sizeof(before)) == 0);
		return;
	}
	MUST((frame) == (m->n ? m->frame : before.frame));
	if (m->n == MAX_USES) { /* as when the frame cannot be had */
		grant_unclaim(e, a);
		return;
	}
	grant_count(a, who, write, frame);
	m->user = who;
	m->frame = frame;
	m->uses[m->n++].write = write;
}

static void end_use(struct model *m, struct grant_entry_v1 *e, struct grant_active *a)
{
	u32 i;

	if (m->n == 0)
		return;
	i = rnd(m->n);
	grant_uncount(e, a, m->uses[i].write);
	m->uses[i] = m->uses[--m->n];
	if (writers(m) == 0)
		MUST(!(e->flags & GTF_writing));
	if (m->n == 0)
		MUST(!(e->flags & GTF_reading));
}

START_TEST(model_holds_over_random_sequences)
{
	struct grant_entry_v1 e = {0};
	struct grant_active a = {0};
	struct model m = {0};

	rng_state = 0x9e3779b97f4a7c15ULL + (u64)_i;
	for (u32 step = 0; step < 1000000; step++) {
		switch (rnd(3)) {
		case 0:
			guest_scribbles(&e);
			break;
		case 1:
			try_use(&m, &e, &a);
			break;
		default:
			end_use(&m, &e, &a);
		}
		MUST((a.readers + a.writers) == (m.n));
		MUST((a.writers) == (writers(&m)));
		if (m.n) {
			MUST((a.domid) == (m.user));
			MUST((a.frame) == (m.frame));
		}
	}
}
END_TEST

/* A granter that revokes with cmpxchg, as kernels do, never sees a grant vanish under a use. */
struct race {
	struct grant_entry_v1 e;
	bool stop;
	u32 revoked;
};

static void *revoker(void *arg)
{
	struct race *r = arg;

	while (!__atomic_load_n(&r->stop, __ATOMIC_RELAXED)) {
		u16 f = __atomic_load_n(&r->e.flags, __ATOMIC_RELAXED);

		if (f & (GTF_reading | GTF_writing))
			continue;
		if (__atomic_compare_exchange_n(&r->e.flags, &f, 0, false, __ATOMIC_SEQ_CST,
		                                __ATOMIC_RELAXED)) {
			r->revoked++;
			__atomic_store_n(&r->e.frame, r->revoked, __ATOMIC_RELAXED);
			__atomic_store_n(&r->e.flags, GTF_permit_access, __ATOMIC_RELEASE);
		}
	}
	return NULL;
}

START_TEST(a_revoked_grant_is_never_in_use)
{
	struct race r = {.e = {.flags = GTF_permit_access, .domid = 1}};
	struct grant_active a = {0};
	pthread_t t;
	u32 claims = 0;

	MUST((pthread_create(&t, NULL, revoker, &r)) == (0));
	for (u32 i = 0; claims < 20000 && i < 100000000; i++) {
		u64 frame;
		s16 s = grant_claim(&r.e, &a, 1, true, &frame);

		if (s != GNTST_okay)
			continue;
		claims++;
		grant_count(&a, 1, true, frame);
		/* in use: the revoker must keep off the flags */
		MUST(__atomic_load_n(&r.e.flags, __ATOMIC_SEQ_CST) & GTF_reading);
		grant_uncount(&r.e, &a, true);
	}
	__atomic_store_n(&r.stop, true, __ATOMIC_RELAXED);
	MUST((pthread_join(t, NULL)) == (0));
	MUST(claims > 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("grant");
	TCase *rules = tcase_create("rules"), *model = tcase_create("model");
	SRunner *r;
	int failed;

	tcase_add_test(rules, grants_what_the_entry_permits);
	tcase_add_test(rules, refuses_other_domains_and_types);
	tcase_add_test(rules, refuses_writing_what_is_read_only);
	tcase_add_test(rules, refuses_cache_attributes_and_sub_pages);
	tcase_add_test(rules, keeps_the_frame_of_the_first_use);
	tcase_add_test(rules, refuses_a_second_user_of_another_domain);
	tcase_add_test(rules, bounds_the_number_of_uses);
	tcase_add_test(rules, copies_stay_inside_their_frames);
	tcase_add_loop_test(model, model_holds_over_random_sequences, 0, 8);
	tcase_add_test(model, a_revoked_grant_is_never_in_use);
	tcase_set_timeout(model, 120);
	suite_add_tcase(s, rules);
	suite_add_tcase(s, model);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
