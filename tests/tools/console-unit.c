/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The pure parts, each against a plain model of itself over many random cases
 * (fixed seeds): ring arithmetic, record with its readers, filter under every
 * split, codec round trips, settings, log lines, token bucket, escape keys.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "consoled/bucket.h"
#include "consoled/console.h"
#include "consoled/log-lines.h"
#include "consoled/record.h"
#include "consoled/ring.h"
#include "consoled/settings.h"
#include "lib/console-filter.h"

static uint32_t seed;

static uint32_t rnd(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % below;
}

static void fill(uint8_t *p, size_t n)
{
	while (n--)
		*p++ = (uint8_t)rnd(256);
}

/* ---- ring ---- */

START_TEST(ring_is_a_queue_across_the_wrap)
{
	static struct xencons_interface ring;
	static uint8_t want[1 << 20], got[1 << 20], piece[4096];
	uint32_t cons = 0xfffff000u; /* indexes wrap at 2^32 early in the test */
	size_t put = 0, taken = 0;

	seed = 1;
	memset(&ring, 0, sizeof(ring));
	ring.out_prod = ring.out_cons = cons;
	fill(want, sizeof(want));
	while (taken < sizeof(want)) {
		uint32_t room = 2048 - (ring.out_prod - ring.out_cons);
		uint32_t n = rnd(room + 1);
		long have;

		for (uint32_t i = 0; i < n && put < sizeof(want); i++)
			ring.out[ring.out_prod++ & 2047] = (char)want[put++];
		have = ring_out_pending(&ring, cons);
		ck_assert_int_ge(have, 0);
		have = have ? (long)rnd((uint32_t)have + 1) : 0;
		ring_out_copy(&ring, cons, piece, (size_t)have);
		memcpy(got + taken, piece, (size_t)have);
		taken += (size_t)have;
		cons += (uint32_t)have;
		ring_out_release(&ring, cons);
		ck_assert_uint_eq(ring.out_cons, cons);
	}
	ck_assert_mem_eq(want, got, sizeof(want));
}
END_TEST

START_TEST(ring_refuses_every_lie)
{
	struct xencons_interface ring = {0};
	uint32_t prod = 77;

	for (uint32_t i = 0; i < 100000; i++) {
		uint32_t cons = rnd(UINT32_MAX), d = rnd(2) ? rnd(5000) : rnd(UINT32_MAX);

		ring.out_prod = cons + d;
		ck_assert_int_eq(ring_out_pending(&ring, cons), d <= 2048 ? (long)d : -1);
		ring.in_cons = prod - d;
		if (d > 1024)
			ck_assert_int_eq(ring_in_put(&ring, &prod, "x", 1), -1);
		ck_assert_uint_eq(prod, 77);
		if (d < 1024) {
			ck_assert_int_eq(ring_in_put(&ring, &prod, "x", 1), 1);
			ck_assert_int_eq(ring.in[77 & 1023], 'x');
			prod = 77;
		}
	}
}
END_TEST

/* ---- record ---- */

static int temp_dir(char *path)
{
	strcpy(path, "/tmp/keel-unit-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(path));
	return open(path, O_RDONLY | O_DIRECTORY);
}

START_TEST(record_keeps_the_newest_bytes)
{
	static uint8_t all[3 << 20], back[1 << 20];
	char path[64];
	int dir = temp_dir(path), fd;
	struct record w, r;
	size_t put = 0;
	uint64_t from;

	seed = 3;
	fill(all, sizeof(all));
	ck_assert_int_eq(rec_create(&w, dir, "a.rec", REC_MIN_SIZE), 0);
	fd = rec_reader_fd(dir, "a.rec");
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(rec_map_reader(&r, fd), 0);
	while (put < sizeof(all)) {
		size_t n = rnd(5000) + 1, got;

		if (n > sizeof(all) - put)
			n = sizeof(all) - put;
		ck_assert_uint_eq(rec_append(&w, all + put, n, put), n);
		put += n;
		ck_assert_uint_eq(rec_head(&r), put);
		from = rnd((uint32_t)put + 1);
		got = rec_read(&r, &from, back, sizeof(back));
		ck_assert_uint_ge(from, rec_oldest(&r));
		ck_assert_uint_eq(from + got, put);
		ck_assert_mem_eq(back, all + from, got);
	}
	ck_assert_uint_ge(put - rec_oldest(&r), REC_MIN_SIZE - REC_CHUNK_MAX);
	rec_close(&r);
	rec_close(&w);
	ck_assert_int_eq(rec_open(&w, dir, "a.rec"), 0);
	ck_assert_uint_eq(w.head, put);
	rec_close(&w);
	unlinkat(dir, "a.rec", 0);
	close(dir);
	rmdir(path);
}
END_TEST

START_TEST(record_times_and_commits)
{
	char path[64];
	int dir = temp_dir(path);
	struct record w;
	struct rec_mark m[64];
	size_t n, room;

	ck_assert_int_eq(rec_create(&w, dir, "b.rec", REC_MIN_SIZE), 0);
	rec_bind_ring(&w, 5, 1, 9, 1000);
	ck_assert(rec_same_ring(&w, 5, 1, 9));
	ck_assert(!rec_same_ring(&w, 6, 1, 9));
	for (uint32_t i = 0; i < 5000; i++) {
		uint8_t *p = rec_space(&w, &room);

		ck_assert_uint_ge(room, 1);
		*p = 'x';
		rec_commit(&w, 1, 1001 + i, 10 * i);
		ck_assert_uint_eq(rec_cons(&w), 1001 + i);
	}
	ck_assert_uint_eq(rec_time(&w, 4999), 49990);
	ck_assert_uint_eq(rec_time(&w, 4000), 40000);
	n = rec_marks(&w, 4990, 4995, m, 64);
	ck_assert_uint_eq(n, 5);
	ck_assert_uint_eq(m[0].offset, 4990);
	ck_assert_uint_eq(m[4].ms, 49940);
	rec_close(&w);
	unlinkat(dir, "b.rec", 0);
	close(dir);
	rmdir(path);
}
END_TEST

START_TEST(record_refuses_what_is_none)
{
	char path[64];
	int dir = temp_dir(path), fd;
	struct record r;
	uint8_t junk[8192];

	for (int i = 0; i < 200; i++) {
		fd = openat(dir, "c.rec", O_RDWR | O_CREAT | O_TRUNC, 0600);
		fill(junk, sizeof(junk));
		if (i % 2) { /* a right beginning, a wrong rest */
			struct rec_header *h = (struct rec_header *)(void *)junk;

			h->magic = REC_MAGIC;
			h->version = REC_VERSION;
			h->size = i % 4 == 1 ? REC_MIN_SIZE : h->size;
		}
		ck_assert_int_eq(write(fd, junk, rnd(sizeof(junk))) >= 0, 1);
		close(fd);
		ck_assert_int_eq(rec_open(&r, dir, "c.rec"), -EUCLEAN);
	}
	ck_assert_int_eq(rec_create(&r, dir, "c.rec", REC_MIN_SIZE), 0);
	rec_close(&r);
	unlinkat(dir, "c.rec", 0);
	close(dir);
	rmdir(path);
}
END_TEST

/* ---- filter ---- */

START_TEST(filter_does_not_depend_on_the_split)
{
	static const char alphabet[] =
		"ab\033\033[[]P;;?0123456789mhlHJcnt\\\a\n\x9b\xc2\xe4\xb8";
	uint8_t in[400], whole[600], parts[600];
	struct kfilter f, g;

	seed = 5;
	for (int round = 0; round < 20000; round++) {
		size_t n = rnd(sizeof(in)), o = 0, w;

		for (size_t i = 0; i < n; i++)
			in[i] = (uint8_t)alphabet[rnd(sizeof(alphabet) - 1)];
		kfilter_init(&f, round % 2);
		kfilter_init(&g, round % 2);
		w = kfilter_run(&f, in, n, whole);
		ck_assert_uint_le(w, n + KFILTER_SEQ_MAX);
		for (size_t i = 0; i < n;) {
			size_t part = rnd(7) + 1;

			if (part > n - i)
				part = n - i;
			o += kfilter_run(&g, in + i, part, parts + o);
			i += part;
		}
		ck_assert_uint_eq(w, o);
		ck_assert_mem_eq(whole, parts, w);
		ck_assert_mem_eq(&f, &g, offsetof(struct kfilter, seq));
		ck_assert_uint_eq(kfilter_pending(&f), kfilter_pending(&g));
	}
}
END_TEST

START_TEST(filter_restarts_at_its_boundary)
{
	static const char text[] = "a\033[1mb\033]0;t\ac\xe4\xb8\xad"
				   "d\033[2;2Hq\033(0z\033P1\033\\e";
	const uint8_t *in = (const uint8_t *)text;
	uint8_t all[256], rest[256];
	struct kfilter f, g;

	kfilter_init(&f, false);
	size_t whole = kfilter_run(&f, in, sizeof(text) - 1, all);

	for (size_t cut = 0; cut < sizeof(text); cut++) {
		size_t first, second, back;

		kfilter_init(&f, false);
		first = kfilter_run(&f, in, cut, rest);
		back = kfilter_pending(&f);
		kfilter_init(&g, false);
		second = kfilter_run(&g, in + cut - back, sizeof(text) - 1 - cut + back,
				     rest + first);
		ck_assert_uint_eq(first + second, whole);
		ck_assert_mem_eq(rest, all, whole);
	}
}
END_TEST

/* ---- codec ---- */

static void random_text(char *s, size_t cap)
{
	size_t n = rnd((uint32_t)cap);

	for (size_t i = 0; i < n; i++)
		s[i] = (char)(1 + rnd(255));
	s[n] = '\0';
}

START_TEST(codec_round_trips)
{
	uint8_t buf[4096];
	struct kcon_list_item a, b;
	struct kcon_frame f;
	struct kcon_w w;

	seed = 9;
	for (int i = 0; i < 2000; i++) {
		memset(&a, 0, sizeof(a));
		memset(&b, 0, sizeof(b));
		random_text(a.name, sizeof(a.name));
		random_text(a.uuid, sizeof(a.uuid));
		random_text(a.console, sizeof(a.console));
		random_text(a.writer, sizeof(a.writer));
		a.domid = rnd(UINT32_MAX);
		a.state = (uint8_t)rnd(3);
		a.viewers = (uint16_t)rnd(65536);
		a.bytes = (uint64_t)rnd(UINT32_MAX) << 20;
		kcon_w_init(&w, buf, sizeof(buf));
		ck_assert(kcon_put_list_item(&w, 42, &a));
		for (size_t cut = 0; cut < w.len; cut += 1 + rnd(40))
			ck_assert_int_eq(kcon_decode(buf, cut, &f), 0);
		ck_assert_int_eq(kcon_decode(buf, w.len, &f), (long)w.len);
		ck_assert_uint_eq(f.tag, 42);
		ck_assert(kcon_get_list_item(&f, &b));
		ck_assert_mem_eq(a.name, b.name, strlen(a.name) + 1);
		ck_assert_str_eq(a.uuid, b.uuid);
		ck_assert_uint_eq(a.bytes, b.bytes);
		ck_assert_uint_eq(a.viewers, b.viewers);
		f.len--; /* truncated by one byte: refused */
		ck_assert(!kcon_get_list_item(&f, &b));
		kcon_w_init(&w, buf, rnd(20));
		ck_assert(!kcon_put_list_item(&w, 1, &a));
	}
}
END_TEST

START_TEST(codec_limits)
{
	uint8_t head[KCON_HEADER] = {1, 0, 1, 0};
	struct kcon_frame f;

	ck_assert_int_eq(kcon_decode(head, sizeof(head), &f), -1);
	head[0] = 0;
	head[2] = 1; /* exactly the largest */
	ck_assert_int_eq(kcon_decode(head, sizeof(head), &f), 0);
}
END_TEST

/* ---- settings ---- */

START_TEST(settings_later_rules_win)
{
	static const char text[] = "[guest *]\nlog = no\nscreen = 100x30\n"
				   "[guest web*]\nlog = yes\nflood-policy = hold\n"
				   "[guest WEB1]\nscreen = 90x20\n"
				   "[guest 11111111-*]\nflood-bytes = 5K\n";
	struct config c;
	struct config_error e;
	struct guest_conf g;

	ck_assert(config_parse(&c, text, sizeof(text) - 1, &e));
	config_guest(&c, "db", "2", &g);
	ck_assert(!g.log && g.cols == 100 && g.rows == 30 &&
		  g.flood_policy == FLOOD_DISCARD);
	config_guest(&c, "web1", "11111111-2", &g);
	ck_assert(g.log && g.cols == 100 && g.flood_policy == FLOOD_HOLD);
	ck_assert_uint_eq(g.flood_bytes, 5 << 10);
	config_free(&c);
}
END_TEST

START_TEST(settings_access)
{
	struct peer nobody = {.uid = 5, .gid = 6, .ngroups = 1, .groups = {7}};
	struct peer root = {0};
	struct acl a = {.n = 1, .e = {{.kind = ACL_GROUP, .resolved = true, .id = 7}}};

	ck_assert(acl_allows(&a, &nobody));
	a.e[0].resolved = false;
	ck_assert(!acl_allows(&a, &nobody));
	a.e[0] = (struct acl_entry){.kind = ACL_USER, .resolved = true, .id = 7};
	ck_assert(!acl_allows(&a, &nobody)); /* a group's number is no user's */
	ck_assert(acl_allows(&a, &root));
	a.e[0] = (struct acl_entry){.kind = ACL_NONE};
	ck_assert(!acl_allows(&a, &nobody));
	a.e[0].kind = ACL_ALL;
	ck_assert(acl_allows(&a, &nobody));
	a.n = 0;
	ck_assert(!acl_allows(&a, &nobody));
}
END_TEST

/* ---- log lines ---- */

static uint64_t fixed_time(void *ctx, size_t back)
{
	(void)ctx;
	(void)back;
	return 1795186268442;
}

START_TEST(lines_are_stamped_once)
{
	static const char in[] = "one\r\ntwo \033[1mbold\033[0m\r\n\r\npart";
	static const char want[] = "2026-11-20T14:51:08.442Z one\n"
				   "2026-11-20T14:51:08.442Z two bold\n"
				   "2026-11-20T14:51:08.442Z \n"
				   "2026-11-20T14:51:08.442Z part";
	uint8_t out[4096];
	struct lines l;

	for (size_t cut = 0; cut < sizeof(in); cut++) {
		size_t pending, n;

		lines_init(&l, false, false);
		n = lines_run(&l, (const uint8_t *)in, cut, out, fixed_time, NULL,
			      &pending);
		n += lines_run(&l, (const uint8_t *)in + cut, sizeof(in) - 1 - cut,
			       out + n, fixed_time, NULL, &pending);
		ck_assert_uint_eq(n, sizeof(want) - 1);
		ck_assert_mem_eq(out, want, n);
		ck_assert(l.mid_line);
	}
}
END_TEST

START_TEST(lines_fit_their_room)
{
	static uint8_t in[8192], out[(8192 + KFILTER_SEQ_MAX) * (STAMP_LEN + 1)];
	struct lines l;
	size_t pending;

	seed = 13;
	for (int i = 0; i < 300; i++) {
		size_t n = rnd(sizeof(in));

		fill(in, n);
		if (i % 3 == 0)
			memset(in, '\n', n);
		lines_init(&l, i % 2, i % 5 == 0);
		ck_assert_uint_le(lines_run(&l, in, n, out, fixed_time, NULL, &pending),
				  LINES_ROOM(n));
		ck_assert_uint_le(pending, n);
	}
}
END_TEST

/* ---- bucket, escape ---- */

START_TEST(bucket_gives_its_rate)
{
	struct bucket b;
	uint64_t taken = 0;

	bucket_init(&b, 1000, 50, 0);
	for (uint64_t ms = 0; ms <= 10000; ms += 1 + ms % 7) {
		uint64_t n = bucket_level(&b, ms);

		ck_assert_uint_le(n, 50);
		bucket_take(&b, n);
		taken += n;
	}
	ck_assert_uint_ge(taken, 9900);
	ck_assert_uint_le(taken, 10050);
	ck_assert_uint_ge(bucket_wait(&b, 10), 1);
	bucket_init(&b, 0, 0, 0);
	ck_assert_uint_eq(bucket_level(&b, 1), UINT64_MAX);
}
END_TEST

START_TEST(escape_keys)
{
	struct escape e;

	escape_init(&e, 0x1d);
	ck_assert_int_eq(escape_feed(&e, 'a'), ESCAPE_PASS);
	ck_assert_int_eq(escape_feed(&e, 0x1d), ESCAPE_HELD);
	ck_assert_int_eq(escape_feed(&e, 0x1d), ESCAPE_PASS);
	ck_assert_int_eq(escape_feed(&e, 0x1d), ESCAPE_HELD);
	ck_assert_int_eq(escape_feed(&e, 'd'), ESCAPE_COMMAND);
	for (const char *p = "\033[200~\x1d"; *p; p++)
		ck_assert_int_eq(escape_feed(&e, (uint8_t)*p), ESCAPE_PASS);
	for (const char *p = "\033[20\033[201~"; *p; p++)
		ck_assert_int_eq(escape_feed(&e, (uint8_t)*p), ESCAPE_PASS);
	ck_assert_int_eq(escape_feed(&e, 0x1d), ESCAPE_HELD);
	ck_assert_int_eq(escape_parse("^]"), 0x1d);
	ck_assert_int_eq(escape_parse("^a"), 1);
	ck_assert_int_eq(escape_parse("~"), '~');
	ck_assert_int_eq(escape_parse("^^^"), -1);
	ck_assert_int_eq(escape_parse("^1"), -1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("console");
	TCase *t = tcase_create("pure");
	SRunner *r;
	int bad;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, ring_is_a_queue_across_the_wrap);
	tcase_add_test(t, ring_refuses_every_lie);
	tcase_add_test(t, record_keeps_the_newest_bytes);
	tcase_add_test(t, record_times_and_commits);
	tcase_add_test(t, record_refuses_what_is_none);
	tcase_add_test(t, filter_does_not_depend_on_the_split);
	tcase_add_test(t, filter_restarts_at_its_boundary);
	tcase_add_test(t, codec_round_trips);
	tcase_add_test(t, codec_limits);
	tcase_add_test(t, settings_later_rules_win);
	tcase_add_test(t, settings_access);
	tcase_add_test(t, lines_are_stamped_once);
	tcase_add_test(t, lines_fit_their_room);
	tcase_add_test(t, bucket_gives_its_rate);
	tcase_add_test(t, escape_keys);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	bad = srunner_ntests_failed(r);
	srunner_free(r);
	return bad != 0;
}
