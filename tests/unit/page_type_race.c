/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Argument: page_type_model shows the rules right when operations follow each other; here they run at the same
 * time. Threads play CPUs that take and drop writable, descriptor and general references of the same frames
 * without any lock, while others, under the page-table lock, use these frames as page tables. Every holder
 * announces itself in a plain counter and looks at the counters of the other uses: two uses at one moment, a
 * flush not done before a new use begins, or a count that does not end at 0 fail the test.
 */
#include "hypervisor/logic/page_type.c"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NF      3
#define WORKERS 4
#define OWNER   1

enum use { USE_WRITABLE, USE_SEGDESC, USE_TABLE, USES };

static struct page_info frames[NF];
static u64 mem[NF][PT_ENTRIES];
static u32 users[NF][USES];         /* atomic: holders now */
static u32 last_use_end[NF];        /* clock when a holder last went, of any use */
static u32 last_flush[NF];          /* clock of the frame's last flush */
static u32 tick = 1;
static struct pt_space space = {.owner = OWNER, .no_preempt = true};
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static u32 rounds = 150000;
static u64 changes;

static void die(const char *what, u32 f)
{
	fprintf(stderr, "%s: frame %u, type %#lx\n", what, f, frames[f].type);
	abort();
}

u64 *pt_env_table(const struct page_info *pg)
{
	return mem[pg - frames];
}

struct page_info *pt_env_page(mfn_t m)
{
	return m.n < NF ? &frames[m.n] : NULL;
}

mfn_t pt_env_mfn(const struct page_info *pg)
{
	return MFN((u64)(pg - frames));
}

u32 pt_env_tlb_clock(void)
{
	return __atomic_load_n(&tick, __ATOMIC_SEQ_CST);
}

void pt_env_flush(const struct page_info *pg, bool foreign, u32 stamp)
{
	u32 f = (u32)(pg - frames);

	(void)foreign;
	/* The stamp must not be older than the end of any use. */
	if (stamp < __atomic_load_n(&last_use_end[f], __ATOMIC_SEQ_CST))
		die("stamp overtaken by a use", f);
	for (u32 u = 0; u < USES; u++)
		if (__atomic_load_n(&users[f][u], __ATOMIC_SEQ_CST))
			die("used while the type changes", f);
	__atomic_store_n(&last_flush[f], __atomic_add_fetch(&tick, 1, __ATOMIC_SEQ_CST), __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&changes, 1, __ATOMIC_RELAXED);
}

bool pt_env_preempt(void)
{
	return false;
}

void pt_env_free(struct page_info *pg)
{
	die("freed", (u32)(pg - frames));
}

bool pt_env_owner_mappable(u32 owner)
{
	return owner != 0;
}

int pt_env_mmio(u32 data_owner, mfn_t m, u64 *e)
{
	(void)data_owner;
	(void)m;
	(void)e;
	return -XEN_EPERM;
}

bool pt_env_segdesc_ok(struct page_info *pg)
{
	u32 f = (u32)(pg - frames);

	if (__atomic_load_n(&users[f][USE_WRITABLE], __ATOMIC_SEQ_CST))
		die("checked while writable", f);
	return true;
}

void pt_env_l4_enter(struct pt_space *s, struct page_info *pg)
{
	(void)s;
	(void)pg;
}

void pt_env_l4_leave(struct pt_space *s, struct page_info *pg)
{
	(void)s;
	(void)pg;
}

void pt_env_relax(void)
{
	sched_yield();
}

static void use(u32 f, enum use u)
{
	__atomic_add_fetch(&users[f][u], 1, __ATOMIC_SEQ_CST);
	for (u32 o = 0; o < USES; o++)
		if (o != u && __atomic_load_n(&users[f][o], __ATOMIC_SEQ_CST))
			die("two uses at once", f);
}

static void end_use(u32 f, enum use u)
{
	u32 now = __atomic_load_n(&tick, __ATOMIC_SEQ_CST);

	__atomic_store_n(&last_use_end[f], now, __ATOMIC_SEQ_CST);
	__atomic_sub_fetch(&users[f][u], 1, __ATOMIC_SEQ_CST);
}

static void table_round(struct page_info *pg, u32 f)
{
	pthread_mutex_lock(&table_lock);
	if (pt_get_table(&space, pg, PT_L1) == 0) {
		use(f, USE_TABLE);
		end_use(f, USE_TABLE);
		pt_put_table(&space, pg); /* the general reference too */
	} else {
		pt_unref(pg);
	}
	pthread_mutex_unlock(&table_lock);
}

static void *worker(void *arg)
{
	u64 rng = (u64)(uintptr_t)arg * 0x9e3779b97f4a7c15ULL + 1;

	for (u32 i = 0; i < rounds; i++) {
		u32 f, kind;
		struct page_info *pg;

		rng ^= rng << 13;
		rng ^= rng >> 7;
		rng ^= rng << 17;
		f = (u32)(rng >> 20) % NF;
		kind = (u32)(rng >> 40) % 8;
		pg = &frames[f];
		if (!pt_ref(pg, OWNER))
			die("no reference to be had", f);
		if (kind == 0) {
			table_round(pg, f);
			continue;
		}
		if (kind < 6 && pt_get_plain(pg, kind < 4 ? PT_WRITABLE : PT_SEGDESC, OWNER + kind % 2) == 0) {
			enum use u = kind < 4 ? USE_WRITABLE : USE_SEGDESC;

			use(f, u);
			end_use(f, u);
			pt_put_plain(pg);
		}
		pt_unref(pg);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[WORKERS];

	if (argc > 1)
		rounds = (u32)strtoul(argv[1], NULL, 0);
	for (u32 f = 0; f < NF; f++) {
		frames[f].owner = OWNER;
		frames[f].count = PC_ALLOCATED | 1;
	}
	for (u32 i = 0; i < WORKERS; i++)
		if (pthread_create(&threads[i], NULL, worker, (void *)(uintptr_t)(i + 1)))
			die("no thread", 0);
	for (u32 i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	for (u32 f = 0; f < NF; f++)
		if (frames[f].count != (PC_ALLOCATED | 1) || (frames[f].type & PT_COUNT))
			die("counts do not end where they began", f);
	printf("%lu changes of type\n", changes);
	if (changes < rounds / 100)
		die("types hardly changed", 0);
	return 0;
}
