/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The daemon's two helper processes, which hold no privilege: `screen` parses
 * what guests write, `log` writes their log files.  Each is this same program
 * executed with --helper, talks over one SOCK_SEQPACKET socket (one message a
 * packet) and reads the records through read-only mappings.
 */
#ifndef KEEL_HELPER_H
#define KEEL_HELPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "doorbell.h"
#include "priority.h"

#define HELPER_SOCKET_FD 3 /* in the helper */
#define HELPER_MEM_FD	 4
#define HELPER_EVENT_FD	 5
#define HELPER_DIR_FD	 6 /* log: the log directory */
#define HELPER_STATE_FD	 7 /* log: its state file */
#define HELPER_PAYLOAD	 49152u

enum hmsg_type {
	/* daemon to screen */
	HM_OPEN = 1, /* record fd attached; a cols, b rows */
	HM_CLOSE,
	HM_FOLLOW, /* off: where live output starts */
	HM_UNFOLLOW,
	HM_PAINT,  /* a: request id */
	HM_SNAP,   /* a: request id */
	HM_REPLAY, /* a: request id, off: from where */
	HM_RESIZE, /* a cols, b rows */
	HM_CHECK,  /* nobody looks, but much was written: bring the packed screen on */
	/* screen to daemon */
	HM_OUT,	     /* off: position after it; filtered bytes */
	HM_PAINTED,  /* a: request id (0: for all), b: cols << 16 | rows, more, off */
	HM_SNAPPED,  /* the same; payload: x,y,visible then cells */
	HM_REPLAYED, /* a: request id, off, more; b: 1 when it was not possible */
	HM_LOST,     /* off: bytes skipped; HM_PAINTED for all follows */
	/* daemon to log */
	HM_LOG_OPEN, /* record fd attached; payload struct log_open */
	HM_LOG_CONF, /* payload struct log_open; off: where logging starts if it was off
		      */
	HM_LOG_CLOSE,
	HM_LOG_NOTE, /* payload: text of a marker line */
	/* log to daemon */
	HM_LOG_STATE, /* a: 0 well, else errno */
};

struct hmsg {
	uint32_t type, slot, a, b;
	uint64_t off;
	uint32_t more, len; /* of the payload */
	uint8_t payload[];
};

struct log_open {
	char name[512]; /* base name of the file */
	uint8_t on, raw, compress, pad[5];
	uint64_t size, age_s, keep, flood_bytes;
};

struct helper;
typedef void helper_message_fn(void *ctx, const struct hmsg *m);
typedef void helper_started_fn(void *ctx); /* again after each restart */
typedef void helper_died_fn(void *ctx, int status, uint32_t busy_slot);

struct helper_conf {
	const char *kind, *user, *dir; /* dir: to be confined to; may be NULL */
	int dir_fd, state_fd;	       /* given to the helper; -1: none */
	enum priority priority;
	helper_message_fn *message;
	helper_started_fn *started;
	helper_died_fn *died;
	void *ctx;
};

/* Starts the helper; it is restarted whenever it ends.  NULL: no memory. */
struct helper *helper_new(uv_loop_t *loop, const struct helper_conf *conf);
/* An earlier image's helper, of which only the pid is left: its end is awaited. */
void helper_inherit(struct helper *h, int pid);
/* The SIGCHLD handler's part: true when pid was this helper. */
int helper_reap(struct helper *h, int pid, int status);
/*
 * Sends a message, now or as soon as the helper takes it; fd -1: none; the
 * descriptor stays the caller's.  -ENOBUFS when too much is waiting.
 */
int helper_send(struct helper *h, const struct hmsg *m, const void *payload, int fd);
void helper_ring(struct helper *h, uint32_t slot);
bool helper_alive(const struct helper *h);
int helper_pid(const struct helper *h);
/* Ends it: closes its socket, so that it finishes what it has and leaves. */
void helper_stop(struct helper *h);

/* The helpers' own main functions; they do not return. */
int screen_helper_main(void);
int log_helper_main(void);

#endif
