/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Event delivery (logic/evtchn_fifo.c): FIFO queues and the 2-level bits.
 *
 * Argument: senders run against a guest written here from the public description of the interface, in
 * other threads and with every instruction of both sides free to interleave. An event is lost if
 * its word stays PENDING, unmasked, when senders are done and the guest sees no more work; that must
 * never happen, however ports change queue meanwhile. Second, a hostile guest scribbles over all words,
 * heads and links at random while senders run: each call must still return (the loops are bounded)
 * and write only the words and heads of that guest, which guard pages of the sanitizer and canaries watch.
 */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "logic/bitmap.h"
#include "logic/evtchn_fifo.h"
#include "must.h"

#define PORTS   64u
#define QUEUES  (2u * EVTCHN_FIFO_MAX_QUEUES)
#define SENDERS 3u

struct port {
	u32 last, want;
	u64 sent, handled; /* atomic */
};

static struct {
	u32 word[PORTS];
	struct evtchn_fifo_control_block block[2];
	struct fifo_queue queue[QUEUES];
	pthread_mutex_t lock[QUEUES];
	struct port port[PORTS];
	u32 upcall[2];
	u32 senders_left;
	bool stop;
} g;

static struct fifo_queue *op_lock(void *ctx, u32 queue)
{
	(void)ctx;
	if (queue >= QUEUES)
		return NULL;
	pthread_mutex_lock(&g.lock[queue]);
	return &g.queue[queue];
}

static void op_unlock(void *ctx, u32 queue)
{
	(void)ctx;
	pthread_mutex_unlock(&g.lock[queue]);
}

static u32 *op_word(void *ctx, u32 port)
{
	(void)ctx;
	return port < PORTS ? &g.word[port] : NULL;
}

static u32 *op_head(void *ctx, u32 queue)
{
	(void)ctx;
	return &g.block[queue / EVTCHN_FIFO_MAX_QUEUES].head[queue % EVTCHN_FIFO_MAX_QUEUES];
}

static void op_ready(void *ctx, u32 queue)
{
	u32 vcpu = queue / EVTCHN_FIFO_MAX_QUEUES, bit = 1u << queue % EVTCHN_FIFO_MAX_QUEUES;

	(void)ctx;
	if (!(__atomic_fetch_or(&g.block[vcpu].ready, bit, __ATOMIC_SEQ_CST) & bit))
		__atomic_store_n(&g.upcall[vcpu], 1, __ATOMIC_SEQ_CST);
}

static const struct fifo_ops ops = {
        .lock = op_lock,
        .unlock = op_unlock,
        .word = op_word,
        .head = op_head,
        .ready = op_ready,
};

static void set_up(void)
{
	memset(&g, 0, sizeof(g));
	for (u32 i = 0; i < QUEUES; i++)
		pthread_mutex_init(&g.lock[i], NULL);
	for (u32 i = 0; i < PORTS; i++)
		g.port[i].last = g.port[i].want = EVTCHN_FIFO_PRIORITY_DEFAULT;
}

/* What core/evtchn_fifo.c does for a send. */
static void send(u32 port)
{
	u32 old = fifo_set(&g.word[port], FIFO_PENDING);

	if (!(old & (FIFO_MASKED | FIFO_LINKED)))
		fifo_link(&ops, NULL, port, &g.word[port], &g.port[port].last,
		          READ_ONCE(g.port[port].want));
}

static void unmask(u32 port)
{
	fifo_clear(&g.word[port], FIFO_MASKED);
	if (READ_ONCE(g.word[port]) & FIFO_PENDING)
		send(port);
}

static u32 next_random(u64 *seed)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (u32)(*seed >> 33);
}

/* ---- the guest's side, after the interface's description ---- */

/* Takes the word off its queue: clears LINKED and the link at once, unless the hypervisor asks it to
 * wait by BUSY. Returns the link. */
static u32 guest_clear_linked(u32 *word)
{
	u32 old = __atomic_load_n(word, __ATOMIC_SEQ_CST), new;

	do {
		while (old & FIFO_BUSY)
			old = __atomic_load_n(word, __ATOMIC_SEQ_CST);
		new = old & ~(u32)(FIFO_LINKED | EVTCHN_FIFO_LINK_MASK);
	} while (!__atomic_compare_exchange_n(word, &old, new, false, __ATOMIC_SEQ_CST,
	                                      __ATOMIC_SEQ_CST));
	return old & EVTCHN_FIFO_LINK_MASK;
}

static void guest_take_one(u32 vcpu, u32 prio, u32 *local_head, u32 *ready)
{
	u32 head = local_head[prio], *word;

	if (head == 0)
		head = __atomic_load_n(&g.block[vcpu].head[prio], __ATOMIC_SEQ_CST);
	MUST(head < PORTS);
	if (head == 0) {
		*ready &= ~(1u << prio);
		return;
	}
	word = &g.word[head];
	local_head[prio] = guest_clear_linked(word);
	/* Empty: the ready bit says when it no longer is. */
	if (local_head[prio] == 0)
		*ready &= ~(1u << prio);
	if (!(READ_ONCE(*word) & FIFO_PENDING) || (READ_ONCE(*word) & FIFO_MASKED))
		return;
	fifo_clear(word, FIFO_PENDING);
	__atomic_fetch_add(&g.port[head].handled, 1, __ATOMIC_SEQ_CST);
}

static void guest_upcall(u32 vcpu, u32 *local_head)
{
	u32 ready = __atomic_exchange_n(&g.block[vcpu].ready, 0, __ATOMIC_SEQ_CST);

	while (ready) {
		guest_take_one(vcpu, (u32)__builtin_ctz(ready), local_head, &ready);
		ready |= __atomic_exchange_n(&g.block[vcpu].ready, 0, __ATOMIC_SEQ_CST);
	}
}

static void *guest_vcpu(void *arg)
{
	u32 vcpu = *(const u32 *)arg, local_head[EVTCHN_FIFO_MAX_QUEUES] = {0};
	bool last_look = false;

	for (;;) {
		if (__atomic_exchange_n(&g.upcall[vcpu], 0, __ATOMIC_SEQ_CST)) {
			guest_upcall(vcpu, local_head);
			last_look = false;
		} else if (last_look) {
			return NULL;
		} else if (__atomic_load_n(&g.senders_left, __ATOMIC_SEQ_CST) == 0) {
			last_look = true;
		}
	}
}

struct sender {
	u64 seed;
	u32 sends;
	bool moves; /* changes vCPU and priority, masks and unmasks */
};

static void *sender(void *arg)
{
	struct sender *s = arg;

	for (u32 i = 0; i < s->sends; i++) {
		u32 r = next_random(&s->seed), port = 1 + r % (PORTS - 1);

		if (s->moves && r / PORTS % 16 == 0)
			WRITE_ONCE(g.port[port].want, next_random(&s->seed) % QUEUES);
		if (s->moves && r / PORTS % 16 == 1) {
			fifo_set(&g.word[port], FIFO_MASKED);
			send(port);
			unmask(port);
		}
		__atomic_fetch_add(&g.port[port].sent, 1, __ATOMIC_SEQ_CST);
		send(port);
	}
	__atomic_fetch_sub(&g.senders_left, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void run_race(u64 seed, bool moves)
{
	static const u32 ids[2] = {0, 1};
	pthread_t guest[2], sends[SENDERS];
	struct sender s[SENDERS];

	set_up();
	g.senders_left = SENDERS;
	for (u32 i = 0; i < 2; i++)
		MUST(pthread_create(&guest[i], NULL, guest_vcpu, (void *)&ids[i]) == 0);
	for (u32 i = 0; i < SENDERS; i++) {
		s[i] = (struct sender){seed * 100 + i, 40000, moves};
		MUST(pthread_create(&sends[i], NULL, sender, &s[i]) == 0);
	}
	for (u32 i = 0; i < SENDERS; i++)
		pthread_join(sends[i], NULL);
	for (u32 i = 0; i < 2; i++)
		pthread_join(guest[i], NULL);
	for (u32 port = 1; port < PORTS; port++) {
		MUST_OP(g.word[port] & (FIFO_PENDING | FIFO_MASKED | FIFO_LINKED | FIFO_BUSY), ==, 0);
		MUST(!g.port[port].sent || g.port[port].handled > 0);
	}
}

START_TEST(no_event_is_lost)
{
	run_race((u64)_i + 1, false);
}
END_TEST

START_TEST(no_event_is_lost_when_ports_move)
{
	run_race((u64)_i + 1, true);
}
END_TEST

static void *scribbler(void *arg)
{
	u64 seed = (u64)(uintptr_t)arg;

	while (!__atomic_load_n(&g.stop, __ATOMIC_SEQ_CST)) {
		u32 r = next_random(&seed), v = next_random(&seed) << 1 | (r & 1);

		if (r % 4)
			__atomic_store_n(&g.word[r / 4 % PORTS], v, __ATOMIC_SEQ_CST);
		else
			__atomic_store_n(&g.block[r & 1].head[r / 8 % EVTCHN_FIFO_MAX_QUEUES], v,
			                 __ATOMIC_SEQ_CST);
		__atomic_store_n(&g.block[r & 1].ready, v, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

START_TEST(a_hostile_guest_stalls_nobody)
{
	pthread_t evil;
	struct sender s = {99, 200000, true};

	set_up();
	g.senders_left = 1;
	MUST(pthread_create(&evil, NULL, scribbler, (void *)(uintptr_t)(_i + 1)) == 0);
	sender(&s); /* the test's time limit says whether it came back */
	__atomic_store_n(&g.stop, true, __ATOMIC_SEQ_CST);
	pthread_join(evil, NULL);
	for (u32 q = 0; q < QUEUES; q++) {
		MUST_OP(g.queue[q].tail, <, PORTS); /* only ports of ours */
		MUST(pthread_mutex_trylock(&g.lock[q]) == 0);
	}
}
END_TEST

/* ---- step by step ---- */

START_TEST(links_only_to_linked_words)
{
	u32 word = FIFO_PENDING;

	MUST(!fifo_set_link(&word, 5));
	MUST_OP(word, ==, (u32)FIFO_PENDING);
	word = FIFO_PENDING | FIFO_LINKED | 77;
	MUST(fifo_set_link(&word, 5));
	MUST_OP(word, ==, (u32)(FIFO_PENDING | FIFO_LINKED | 5));
}
END_TEST

START_TEST(first_becomes_head_second_is_linked)
{
	struct fifo_queue q = {0};
	u32 head = 0, word[3] = {0, FIFO_LINKED, FIFO_LINKED};

	MUST(fifo_enqueue(&q, 1, NULL, &head));
	MUST_OP(head, ==, 1);
	MUST(!fifo_enqueue(&q, 2, &word[1], &head));
	MUST_OP(head, ==, 1);
	MUST_OP(word[1] & EVTCHN_FIFO_LINK_MASK, ==, 2);
	word[2] = 0; /* the guest emptied the queue */
	MUST(fifo_enqueue(&q, 1, &word[2], &head));
	MUST_OP(head, ==, 1);
	MUST_OP(q.tail, ==, 1);
}
END_TEST

START_TEST(a_linked_event_stays_on_its_queue)
{
	set_up();
	send(3);
	MUST_OP(g.block[0].head[EVTCHN_FIFO_PRIORITY_DEFAULT], ==, 3);
	g.port[3].want = EVTCHN_FIFO_MAX_QUEUES; /* vCPU 1, highest priority */
	fifo_clear(&g.word[3], FIFO_PENDING);
	send(3);
	MUST_OP(g.port[3].last, ==, EVTCHN_FIFO_PRIORITY_DEFAULT);
	MUST_OP(g.upcall[1], ==, 0);
	guest_clear_linked(&g.word[3]);
	fifo_clear(&g.word[3], FIFO_PENDING);
	send(3);
	MUST_OP(g.block[1].head[0], ==, 3);
	MUST_OP(g.upcall[1], ==, 1);
	/* It was the old queue's tail: that one starts anew. */
	MUST_OP(g.queue[EVTCHN_FIFO_PRIORITY_DEFAULT].tail, ==, 0);
	send(4);
	MUST_OP(g.block[0].head[EVTCHN_FIFO_PRIORITY_DEFAULT], ==, 4);
}
END_TEST

/* The guest took the only event of the queue: sent again, it is the head again, not linked to itself. */
START_TEST(the_tail_itself_comes_again)
{
	set_up();
	for (u32 i = 0; i < 3; i++) {
		send(3);
		MUST_OP(g.block[0].head[EVTCHN_FIFO_PRIORITY_DEFAULT], ==, 3);
		MUST_OP(g.word[3], ==, (u32)(FIFO_PENDING | FIFO_LINKED));
		MUST_OP(guest_clear_linked(&g.word[3]), ==, 0);
		fifo_clear(&g.word[3], FIFO_PENDING);
		g.block[0].head[EVTCHN_FIFO_PRIORITY_DEFAULT] = 0;
	}
}
END_TEST

START_TEST(an_event_without_a_queue_is_dropped_quietly)
{
	set_up();
	g.port[3].want = QUEUES + 5;
	send(3);
	MUST(g.word[3] & FIFO_PENDING);
	g.port[4].last = QUEUES + 5;
	send(4);
	MUST(!(g.word[4] & FIFO_LINKED));
}
END_TEST

START_TEST(two_level_bits_follow_the_rules)
{
	u64 seed = 3, pending[64] = {0}, mask[64] = {0}, sel = 0;
	u8 model_pending[4096] = {0}, model_mask[4096] = {0}, model_sel[64] = {0};

	for (u32 step = 0; step < 300000; step++) {
		u32 port = next_random(&seed) % 4096, what = next_random(&seed) % 5;
		u8 *p = &model_pending[port], *m = &model_mask[port], *s = &model_sel[port / 64];
		enum evtchn_2l_result want = *p ? EVTCHN_2L_NOTHING
		                             : *m || *s ? EVTCHN_2L_PENDED : EVTCHN_2L_UPCALL;

		switch (what) {
		case 0:
			MUST_OP(evtchn_2l_set(pending, mask, &sel, port), ==, want);
			*s |= !*p && !*m;
			*p = 1;
			break;
		case 1:
			MUST_OP(evtchn_2l_unmask(pending, mask, &sel, port), ==, *m && *p && !*s);
			*s |= *m && *p;
			*m = 0;
			break;
		case 2:
			bit_set(mask, port);
			*m = 1;
			break;
		case 3:
			bit_clear(pending, port);
			*p = 0;
			break;
		case 4:
			sel &= ~BIT(port / 64);
			*s = 0;
			break;
		}
		MUST_OP(bit_test(pending, port), ==, *p);
		MUST_OP(bit_test(mask, port), ==, *m);
		MUST_OP(sel >> (port / 64) & 1, ==, *s);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("event delivery");
	TCase *t = tcase_create("event delivery");
	SRunner *r;
	int failed;

	tcase_add_test(t, links_only_to_linked_words);
	tcase_add_test(t, first_becomes_head_second_is_linked);
	tcase_add_test(t, a_linked_event_stays_on_its_queue);
	tcase_add_test(t, the_tail_itself_comes_again);
	tcase_add_test(t, an_event_without_a_queue_is_dropped_quietly);
	tcase_add_test(t, two_level_bits_follow_the_rules);
	tcase_add_loop_test(t, no_event_is_lost, 0, 4);
	tcase_add_loop_test(t, no_event_is_lost_when_ports_move, 0, 4);
	tcase_add_loop_test(t, a_hostile_guest_stalls_nobody, 0, 4);
	tcase_set_timeout(t, 120);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
