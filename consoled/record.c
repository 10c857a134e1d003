/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mapped record of a console: see record.h for the order of stores. */
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER_BYTES 4096u
#define MARK_BYTES   (REC_MARKS * sizeof(struct rec_mark))

_Static_assert(sizeof(struct rec_header) <= HEADER_BYTES, "header fits its page");
_Static_assert(MARK_BYTES % 4096 == 0, "data starts on a page");

#define LOAD(x)	    __atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define STORE(x, v) __atomic_store_n(&(x), (v), __ATOMIC_RELEASE)

static size_t file_bytes(uint32_t size)
{
	return HEADER_BYTES + MARK_BYTES + size;
}

static bool size_ok(uint32_t size)
{
	return size >= REC_MIN_SIZE && size <= REC_MAX_SIZE && !(size & (size - 1));
}

static int map_file(struct record *r, uint32_t size, int prot)
{
	uint8_t *p;

	r->map_len = file_bytes(size);
	p = mmap(NULL, r->map_len, prot, MAP_SHARED, r->fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	/* No reading ahead: an idle console costs the page of its header. */
	if (madvise(p, r->map_len, MADV_RANDOM) < 0) {
		/* Then it costs more. */
	}
	r->h = (struct rec_header *)p;
	r->marks = (struct rec_mark *)(p + HEADER_BYTES);
	r->data = p + HEADER_BYTES + MARK_BYTES;
	r->writable = prot & PROT_WRITE;
	return 0;
}

static bool ends_nul(const char *s, size_t cap)
{
	return memchr(s, 0, cap) != NULL;
}

static bool header_ok(const struct rec_header *h, uint64_t bytes)
{
	return h->magic == REC_MAGIC && h->version == REC_VERSION && size_ok(h->size) &&
	       bytes >= file_bytes(h->size) && ends_nul(h->uuid, sizeof(h->uuid)) &&
	       ends_nul(h->console, sizeof(h->console)) &&
	       ends_nul(h->name, sizeof(h->name));
}

/* Maps r->fd after looking at its header; the file may be anything. */
static int map_existing(struct record *r, int prot)
{
	struct rec_header h;
	struct stat st;

	if (fstat(r->fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || pread(r->fd, &h, sizeof(h), 0) != sizeof(h) ||
	    !header_ok(&h, (uint64_t)st.st_size))
		return -EUCLEAN;
	return map_file(r, h.size, prot);
}

static int fill_new(struct record *r, uint32_t size)
{
	int e;

	/* Only the header is reserved now, the rest as bytes come: an idle
	 * console costs one page. */
	e = posix_fallocate(r->fd, 0, HEADER_BYTES);
	if (e)
		return -e;
	if (ftruncate(r->fd, (off_t)file_bytes(size)) < 0)
		return -errno;
	e = map_file(r, size, PROT_READ | PROT_WRITE);
	if (e < 0)
		return e;
	r->h->size = size;
	r->h->version = REC_VERSION;
	r->h->cols = 80;
	r->h->rows = 24;
	STORE(r->h->magic, REC_MAGIC);
	return 0;
}

int rec_open(struct record *r, int dirfd, const char *name)
{
	int e;

	memset(r, 0, sizeof(*r));
	r->fd = openat(dirfd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (r->fd < 0)
		return -errno;
	e = map_existing(r, PROT_READ | PROT_WRITE);
	if (e < 0)
		rec_close(r);
	else
		r->head = rec_head(r);
	return e;
}

int rec_create(struct record *r, int dirfd, const char *name, uint32_t size)
{
	int e = rec_open(r, dirfd, name);

	if (e == 0 || (e != -ENOENT && e != -EUCLEAN))
		return e;
	if (e == -EUCLEAN && unlinkat(dirfd, name, 0) < 0)
		return -errno;
	if (!size_ok(size))
		return -EINVAL;
	r->fd = openat(dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		       0600);
	if (r->fd < 0)
		return -errno;
	e = fill_new(r, size);
	if (e < 0) {
		rec_close(r);
		unlinkat(dirfd, name, 0);
	}
	return e;
}

int rec_map_reader(struct record *r, int fd)
{
	memset(r, 0, sizeof(*r));
	r->fd = fd;
	return map_existing(r, PROT_READ);
}

int rec_reader_fd(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : fd;
}

void rec_close(struct record *r)
{
	if (r->h)
		munmap(r->h, r->map_len);
	if (r->fd >= 0)
		close(r->fd);
	memset(r, 0, sizeof(*r));
	r->fd = -1;
}

static const struct rec_commit *current(const struct record *r)
{
	return &r->h->commit[LOAD(r->h->seq) & 1];
}

/*
 * Makes sure that storing cannot meet a full file system, which a mapping
 * would answer with SIGBUS.
 */
static bool reserve(struct record *r, size_t upto)
{
	uint32_t have = r->h->reserved;
	off_t start = HEADER_BYTES + (have ? MARK_BYTES + have : 0);
	off_t end = HEADER_BYTES + MARK_BYTES + have + REC_CHUNK_MAX;

	if (upto <= have)
		return true;
	if (posix_fallocate(r->fd, start, end - start))
		return false;
	/* One call instead of a fault for each page, later and one by one. */
	if (madvise(r->data + have, REC_CHUNK_MAX, MADV_POPULATE_WRITE) < 0) {
		/* Before Linux 5.14: the faults, then. */
	}
	r->h->reserved = have + REC_CHUNK_MAX;
	return true;
}

uint8_t *rec_space(struct record *r, size_t *n)
{
	size_t at = (size_t)(r->head & (r->h->size - 1));

	*n = REC_CHUNK_MAX - at % REC_CHUNK_MAX;
	if (!reserve(r, at + *n))
		*n = 0;
	return r->data + at;
}

static void add_mark(struct record *r, uint64_t offset, uint64_t ms)
{
	uint64_t n = r->h->nmarks;

	if (n && r->marks[(n - 1) % REC_MARKS].ms == ms)
		return;
	r->marks[n % REC_MARKS] = (struct rec_mark){offset, ms};
	STORE(r->h->nmarks, n + 1);
}

static void publish(struct record *r, uint64_t head, uint32_t cons)
{
	uint64_t seq = r->h->seq;
	struct rec_commit *c = &r->h->commit[(seq + 1) & 1];

	c->head = head;
	c->cons = cons;
	STORE(r->h->seq, seq + 1);
	r->head = head;
}

void rec_commit(struct record *r, size_t n, uint32_t cons, uint64_t now_ms)
{
	if (n)
		add_mark(r, r->head, now_ms);
	publish(r, r->head + n, cons);
}

size_t rec_append(struct record *r, const void *bytes, size_t n, uint64_t now_ms)
{
	const uint8_t *p = bytes;
	uint32_t cons = rec_cons(r);
	size_t all = n;

	while (n) {
		size_t part;
		uint8_t *to = rec_space(r, &part);

		if (!part)
			break;
		if (part > n)
			part = n;
		memcpy(to, p, part);
		rec_commit(r, part, cons, now_ms);
		p += part;
		n -= part;
	}
	return all - n;
}

void rec_bind_ring(struct record *r, uint32_t domid, uint64_t ref, uint32_t port,
		   uint32_t cons)
{
	/* Unbound first: a death in between must not pair the old index with
	 * the new ring. */
	STORE(r->h->ring_domid, UINT32_MAX);
	publish(r, r->head, cons);
	r->h->ring_ref = ref;
	r->h->ring_port = port;
	STORE(r->h->ring_domid, domid);
}

bool rec_same_ring(const struct record *r, uint32_t domid, uint64_t ref, uint32_t port)
{
	return r->h->ring_domid == domid && r->h->ring_ref == ref &&
	       r->h->ring_port == port;
}

uint32_t rec_cons(const struct record *r)
{
	return current(r)->cons;
}

uint64_t rec_head(const struct record *r)
{
	uint64_t seq, head;

	/* The slot read is reused only after the next but one commit. */
	do {
		seq = LOAD(r->h->seq);
		head = LOAD(r->h->commit[seq & 1].head);
	} while (LOAD(r->h->seq) - seq > 1);
	return head;
}

static uint64_t oldest_at(const struct record *r, uint64_t head)
{
	uint64_t keep = r->h->size - REC_CHUNK_MAX;

	return head > keep ? head - keep : 0;
}

uint64_t rec_oldest(const struct record *r)
{
	return oldest_at(r, rec_head(r));
}

size_t rec_read(const struct record *r, uint64_t *from, void *buf, size_t n)
{
	uint64_t head = rec_head(r), old = oldest_at(r, head);
	size_t mask = r->h->size - 1, at, first;

	if (*from > head)
		*from = head;
	for (;;) {
		if (*from < old)
			*from = old;
		if (n > head - *from)
			n = (size_t)(head - *from);
		at = (size_t)*from & mask;
		first = mask + 1 - at < n ? mask + 1 - at : n;
		memcpy(buf, r->data + at, first);
		memcpy((uint8_t *)buf + first, r->data, n - first);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		/* What was overwritten meanwhile must not count. */
		old = oldest_at(r, rec_head(r));
		if (old <= *from)
			return n;
		head = rec_head(r);
	}
}

/* Index of the first kept mark. */
static uint64_t first_mark(uint64_t n)
{
	/* The oldest slot may be overwritten while it is read. */
	return n >= REC_MARKS ? n - REC_MARKS + 1 : 0;
}

/* Number of the last mark with offset <= `offset`; UINT64_MAX: none. */
static uint64_t find_mark(const struct record *r, uint64_t offset)
{
	uint64_t n = LOAD(r->h->nmarks), lo = first_mark(n), hi = n;

	while (lo < hi) {
		uint64_t mid = lo + (hi - lo) / 2;

		if (r->marks[mid % REC_MARKS].offset <= offset)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo > first_mark(n) ? lo - 1 : UINT64_MAX;
}

uint64_t rec_time_span(const struct record *r, uint64_t offset, uint64_t *until)
{
	uint64_t i = find_mark(r, offset), n = LOAD(r->h->nmarks);

	*until = offset;
	if (i == UINT64_MAX)
		i = first_mark(n);
	else if (i + 1 < n)
		*until = r->marks[(i + 1) % REC_MARKS].offset;
	return n ? r->marks[i % REC_MARKS].ms : 0;
}

uint64_t rec_time(const struct record *r, uint64_t offset)
{
	uint64_t until;

	return rec_time_span(r, offset, &until);
}

size_t rec_marks(const struct record *r, uint64_t from, uint64_t to, struct rec_mark *out,
		 size_t max)
{
	uint64_t n = LOAD(r->h->nmarks), i = find_mark(r, from);
	size_t k = 0;

	if (i == UINT64_MAX)
		i = first_mark(n);
	for (; i < n && k < max; i++) {
		struct rec_mark m = r->marks[i % REC_MARKS];

		if (m.offset >= to)
			break;
		out[k++] = m;
	}
	return k;
}
