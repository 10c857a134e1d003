/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A log file with its rotation, and the state that makes it exact: after each
 * write, {record offset, file length, ...} is committed in a mapped state file
 * (two slots and a sequence number, as in record.h).  After a crash the file is
 * cut to the committed length and written on from the committed offset.
 */
#ifndef KEEL_LOG_FILE_H
#define KEEL_LOG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "helper.h"

struct log_commit {
	uint64_t cursor, length, inode, lost, born_ms;
	uint32_t mid_line, pad;
};

struct log_state {
	char id[64]; /* uuid and console: whose state this is */
	uint64_t seq;
	struct log_commit c[2];
};

#define LOG_STATE_BYTES (DOORBELL_SLOTS * sizeof(struct log_state))

struct log_file {
	int fd;
	struct log_open conf;
	struct log_state *state;
	struct log_commit now; /* what the next commit will say */
};

/* Opens (or makes) the file, cut to what was committed.  0 or -errno. */
int log_file_open(struct log_file *f, uint64_t now_ms);
void log_file_close(struct log_file *f);
void log_file_commit(struct log_file *f);
/* Writes all or tells how much went out: bytes written, or -errno for none. */
long log_file_write(struct log_file *f, const uint8_t *p, size_t n);
/* True when size or age ask for a new file. */
bool log_file_due(const struct log_file *f, uint64_t now_ms);
/* Shifts NAME.1 ... up, makes NAME the new NAME.1.  0 or -errno. */
int log_file_rotate(struct log_file *f);
/* Moves the file and its old ones to another name.  0 or -errno. */
int log_file_rename(struct log_file *f, const char *name);

/* log-gzip.c: compresses NAME.1 to NAME.1.gz, a piece at a time. */
void gzip_begin(const char *name);
/* Does one piece; false when there is nothing to do. */
bool gzip_step(void);
/* Finishes the work on this name (before its files are shifted). */
void gzip_finish(const char *name);

#endif
