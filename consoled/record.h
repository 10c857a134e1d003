/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The record of one console: its recent bytes and the position in the guest's
 * ring, in one mapped file, so that both survive the death of the daemon.
 *
 * One writer (the daemon), any number of readers in other processes (screen,
 * log), which map the file read-only.  Offsets count all bytes since the
 * record was made and never wrap.
 *
 * Exactness after SIGKILL: bytes are stored first, then {head, cons} goes into
 * the commit slot not in use, then one store of `seq` makes that slot the
 * valid one; only then is the guest's ring told.  A death between two of these
 * steps leaves the old pair, and the bytes are taken from the ring again.
 */
#ifndef KEEL_RECORD_H
#define KEEL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/console-proto.h"

#define REC_MAGIC     0x324345524c45454bull
#define REC_VERSION   2
#define REC_CHUNK_MAX 65536u /* largest single append */
#define REC_MIN_SIZE  (4 * REC_CHUNK_MAX)
#define REC_MAX_SIZE  (64u << 20)
#define REC_MARKS     2048u

struct rec_commit {
	uint64_t head; /* offset behind the newest byte */
	uint32_t cons; /* our consumer index in the guest's ring at that moment */
	uint32_t pad;
};

struct rec_mark {
	uint64_t offset, ms;
};

/* The first page of the file.  Only the daemon writes it. */
struct rec_header {
	uint64_t magic;
	uint32_t version, size; /* of the data, a power of two */
	char uuid[KCON_UUID_MAX], console[KCON_CONSOLE_MAX], name[KCON_NAME_MAX];
	uint32_t slot; /* small number of this record, unique among the living */
	uint16_t cols, rows;
	uint32_t reserved; /* data bytes backed by the file system */
	uint32_t log_off;  /* logging switched off by hand */
	uint64_t seq;
	struct rec_commit commit[2];
	/* Which incarnation of the ring commit.cons belongs to. */
	uint32_t ring_domid, ring_port;
	uint64_t ring_ref;
	uint64_t nmarks; /* marks ever made; the newest REC_MARKS are kept */
	uint64_t boots;	 /* domains this guest has had */
	uint64_t held_ms, gone_ms;
	uint64_t shown_loss; /* bytes that a viewer or the log did not get */
};

struct record {
	struct rec_header *h;
	struct rec_mark *marks;
	uint8_t *data;
	size_t map_len;
	int fd;
	uint64_t head; /* the writer's own copy; readers use rec_head() */
	bool writable;
};

/*
 * Makes the file `name` in directory dirfd, or opens it when it is there and
 * sound.  size: of the data, a power of two, REC_MIN_SIZE to REC_MAX_SIZE; an
 * existing record keeps its own.  0, or -errno (-EUCLEAN: not a sound record).
 */
int rec_create(struct record *r, int dirfd, const char *name, uint32_t size);
int rec_open(struct record *r, int dirfd, const char *name);
/* A reader's mapping of a descriptor (which the record then owns). */
int rec_map_reader(struct record *r, int fd);
/* Another descriptor of the same file, for reading only; -errno. */
int rec_reader_fd(int dirfd, const char *name);
void rec_close(struct record *r);

/*
 * Where to store the next bytes, and how many fit in one piece there; none
 * while the file system that holds the record is full.
 */
uint8_t *rec_space(struct record *r, size_t *n);
/*
 * Makes n bytes stored at rec_space() part of the record, together with the
 * consumer index.  n <= REC_CHUNK_MAX.  now_ms: UTC, for the time marks.
 */
void rec_commit(struct record *r, size_t n, uint32_t cons, uint64_t now_ms);
/*
 * Copies bytes in, in as many commits as needed, with the consumer index left.
 * Returns how many went in: fewer than n only on a full file system.
 */
size_t rec_append(struct record *r, const void *bytes, size_t n, uint64_t now_ms);
/* States that the consumer index now belongs to this ring, starting at cons. */
void rec_bind_ring(struct record *r, uint32_t domid, uint64_t ref, uint32_t port,
		   uint32_t cons);
bool rec_same_ring(const struct record *r, uint32_t domid, uint64_t ref, uint32_t port);
uint32_t rec_cons(const struct record *r);

uint64_t rec_head(const struct record *r);
static inline bool rec_has(const struct record *r, uint64_t from)
{
	return rec_head(r) > from;
}
/* Oldest offset a reader may still ask for, a chunk's margin kept. */
uint64_t rec_oldest(const struct record *r);
/*
 * Copies up to n bytes from *from into buf.  When they are gone already, *from
 * moves to the oldest there is.  Returns how many were copied; 0: none yet.
 */
size_t rec_read(const struct record *r, uint64_t *from, void *buf, size_t n);
/* When the byte at offset came (UTC ms); 0 when nothing is known. */
uint64_t rec_time(const struct record *r, uint64_t offset);
/* The same; *until is how far this answer holds. */
uint64_t rec_time_span(const struct record *r, uint64_t offset, uint64_t *until);
/* Marks of [from, to), oldest first, at most max of them. */
size_t rec_marks(const struct record *r, uint64_t from, uint64_t to, struct rec_mark *out,
		 size_t max);

#endif
