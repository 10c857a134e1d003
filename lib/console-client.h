/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Client side of the console protocol, for keel-console, the TUI and the
 * installer.  One struct kcon is one connection; it is not thread-safe.
 *
 * Functions return 0 or a negative value: -errno for trouble of this machine,
 * or -(KCON_CLIENT_ERR + KCON_E_*) when the daemon refused.  kcon_strerror()
 * tells what happened in words.  Calls that wait do so at most for the limit
 * given to kcon_open().
 */
#ifndef KEEL_CONSOLE_CLIENT_H
#define KEEL_CONSOLE_CLIENT_H

#include "console-proto.h"

#define KCON_CLIENT_ERR 10000

struct kcon;

/*
 * Connects to the daemon at path (NULL: $KEEL_CONSOLE_SOCKET or KCON_SOCKET) and
 * checks the version.  *out is set even on failure, for kcon_strerror(), unless
 * memory is short; close it in any case.  timeout_ms: for each answer.
 */
int kcon_open(struct kcon **out, const char *path, const char *program, int timeout_ms);
void kcon_close(struct kcon *k);
const char *kcon_strerror(const struct kcon *k);
/* Readable when kcon_next() may have something; see kcon_pending() too. */
int kcon_fd(const struct kcon *k);
/* True when an event is already here and the descriptor need not be readable. */
bool kcon_pending(const struct kcon *k);

typedef void kcon_list_fn(const struct kcon_list_item *item, void *ctx);
typedef void kcon_who_fn(const struct kcon_who_item *item, void *ctx);

int kcon_list(struct kcon *k, kcon_list_fn *fn, void *ctx);
/* guest "" means every guest that the caller may view. */
int kcon_who(struct kcon *k, const char *guest, const char *console, kcon_who_fn *fn,
	     void *ctx);
/*
 * Attaches to one console; guest is a name, a UUID or an unambiguous prefix of
 * one; console "" is the guest's main one.  A connection has one attachment.
 */
int kcon_attach(struct kcon *k, const struct kcon_attach *req, struct kcon_attached *out);
int kcon_detach(struct kcon *k);
/* Sends bytes to the guest's console; needs the writer role. */
int kcon_send(struct kcon *k, const void *bytes, size_t n);
int kcon_verb(struct kcon *k, uint8_t op, uint32_t id, uint32_t arg);
int kcon_resize(struct kcon *k, unsigned cols, unsigned rows);
int kcon_subscribe(struct kcon *k);
int kcon_repaint(struct kcon *k);

struct kcon_screen {
	uint64_t offset;
	unsigned cols, rows, cx, cy;
	bool cursor_visible;
	struct kcon_cell
		*cells; /* rows x cols, row by row; free with kcon_screen_free() */
};

/* The guest's screen as it is now, without attaching. */
int kcon_snapshot(struct kcon *k, const char *guest, const char *console,
		  struct kcon_screen *out);
void kcon_screen_free(struct kcon_screen *s);

struct kcon_mark {
	uint64_t offset, ms; /* the byte at offset came at ms (UTC) */
};

struct kcon_history {
	uint64_t first, head; /* offsets of bytes[0] and behind the last byte */
	size_t len, nmarks;
	uint8_t *bytes; /* as the guest wrote them: filter before showing */
	struct kcon_mark *marks;
};

int kcon_history(struct kcon *k, const struct kcon_history_req *req,
		 struct kcon_history *out);
void kcon_history_free(struct kcon_history *h);

struct kcon_event {
	uint8_t type; /* KCON_OUTPUT, REPAINT, NOTICE, ROLE, LOST, STATE, LIST_ITEM, ERROR
		       */
	uint8_t flags;	     /* KCON_F_MORE */
	uint8_t kind;	     /* NOTICE: kcon_notice; ROLE: role; STATE: state */
	uint16_t cols, rows; /* REPAINT */
	uint64_t offset; /* OUTPUT, REPAINT: position after these bytes; LOST: how many */
	const uint8_t *bytes; /* OUTPUT, REPAINT; valid until the next call */
	size_t len;
	char text[512]; /* NOTICE, ERROR: words; STATE: the guest's name */
	struct kcon_list_item item;
};

/*
 * The next event.  Returns 1 and fills ev, 0 when none came within timeout_ms
 * (0: do not wait, -1: no limit), or a negative value: -ECONNRESET when the
 * daemon closed the connection.
 */
int kcon_next(struct kcon *k, struct kcon_event *ev, int timeout_ms);

#endif
