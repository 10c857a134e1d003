/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The console protocol: frames on a unix stream socket between keel-consoled
 * and whoever looks at a console.  Pure encoding and decoding: no I/O, no
 * allocation, no global state.  All integers are little-endian.
 *
 *   frame:  u32 payload length, u8 type, u8 flags, u16 tag, payload
 *
 * The tag of a request comes back in every frame that answers it; frames that
 * answer nothing carry tag 0.  Every answer ends with KCON_OK or KCON_ERROR.
 */
#ifndef KEEL_CONSOLE_PROTO_H
#define KEEL_CONSOLE_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KCON_MAGIC	 "KEELCON"
#define KCON_VERSION	 1
#define KCON_HEADER	 8
#define KCON_MAX_PAYLOAD 65536
#define KCON_MAX_FRAME	 (KCON_HEADER + KCON_MAX_PAYLOAD)
#define KCON_SOCKET	 "/run/keel/console.sock"
#define KCON_NAME_MAX	 256 /* a guest's name with its NUL */
#define KCON_UUID_MAX	 40
#define KCON_CONSOLE_MAX 16 /* "pv0", "pv12", "serial0" */
#define KCON_USER_MAX	 64
#define KCON_COLS_MAX	 500
#define KCON_ROWS_MAX	 300

enum kcon_type {
	/* both ways: magic, u16 version, str program */
	KCON_HELLO = 1,
	/* client to daemon */
	KCON_LIST = 2,	       /* empty -> LIST_ITEM... OK */
	KCON_ATTACH = 3,       /* struct kcon_attach -> ATTACHED OK, REPAINT, OUTPUT... */
	KCON_DETACH = 4,       /* empty -> OK */
	KCON_INPUT = 5,	       /* bytes for the guest; no answer but ERROR */
	KCON_VERB = 6,	       /* struct kcon_verb -> OK */
	KCON_WHO = 7,	       /* str guest, str console -> WHO_ITEM... OK */
	KCON_SNAPSHOT = 8,     /* str guest, str console -> SCREEN... OK */
	KCON_HISTORY = 9,      /* struct kcon_history_req -> HISTORY... OK */
	KCON_RESIZE = 10,      /* u16 cols, u16 rows: of the screen model -> OK */
	KCON_REPAINT_REQ = 11, /* empty -> OK, REPAINT */
	KCON_SUBSCRIBE = 12,   /* empty -> OK, then LIST_ITEM (tag 0) on each change */
	KCON_PING = 13,
	/* daemon to client */
	KCON_OK = 64,	     /* empty */
	KCON_ERROR = 65,     /* u16 code, str text */
	KCON_LIST_ITEM = 66, /* struct kcon_list_item */
	KCON_ATTACHED = 67,  /* struct kcon_attached */
	KCON_OUTPUT = 68,    /* u64 offset after these bytes, bytes */
	KCON_REPAINT = 69,   /* u64 offset, u16 cols, u16 rows, bytes */
	KCON_NOTICE = 70,    /* u8 kind, str text */
	KCON_ROLE = 71,	     /* u8 role */
	KCON_LOST = 72,	     /* u64 bytes not shown; a repaint follows */
	KCON_STATE = 73,     /* u8 state, str name */
	KCON_WHO_ITEM = 74,  /* struct kcon_who_item */
	KCON_SCREEN = 75,    /* u64 offset, u16 cols, rows, cx, cy, u8 visible, cells */
	KCON_HISTORY_DATA =
		76, /* u64 first, u64 head, u32 n, n x (u64 off, u64 ms), bytes */
};

/* Flag of REPAINT, SCREEN and HISTORY_DATA: the next frame continues this one. */
#define KCON_F_MORE 0x01

enum kcon_role { KCON_VIEWER = 0, KCON_WRITER = 1, KCON_EXCLUSIVE = 2 };

enum kcon_state {
	KCON_RUNNING = 0,
	KCON_GONE = 1,	      /* no domain; history and log remain */
	KCON_QUARANTINED = 2, /* its ring lied; not followed until the guest is rebuilt */
};

enum kcon_verb_op {
	KCON_V_TAKE = 1,     /* become writer; the old writer is told */
	KCON_V_GIVE,	     /* hand the writer role to client id */
	KCON_V_FORCE,	     /* take even from an exclusive writer (operators) */
	KCON_V_RELEASE,	     /* writer becomes viewer */
	KCON_V_KICK,	     /* detach client id (operators) */
	KCON_V_BREAK,	     /* send a break */
	KCON_V_SYSRQ,	     /* key in arg */
	KCON_V_LOG,	     /* arg 0: off, 1: on, 2: toggle */
	KCON_V_EXCLUSIVE,    /* become exclusive writer */
	KCON_V_RELOAD,	     /* read the configuration again (operators) */
	KCON_V_UPGRADE,	     /* execute the installed daemon anew (operators) */
	KCON_V_RELEASE_RING, /* lift the quarantine of a console (operators) */
};

enum kcon_error {
	KCON_E_PROTO = 1,   /* malformed or unexpected frame */
	KCON_E_VERSION = 2, /* other protocol version */
	KCON_E_UNKNOWN = 3, /* no such guest or console */
	KCON_E_DENIED = 4,  /* the access list says no */
	KCON_E_BUSY = 5,    /* somebody else writes */
	KCON_E_STATE = 6,   /* not attached, guest gone, ... */
	KCON_E_NOMEM = 7,
	KCON_E_AMBIGUOUS = 8,	/* a prefix names several guests */
	KCON_E_UNAVAILABLE = 9, /* not now (the screen process restarts), or not on this console */
};

enum kcon_notice {
	KCON_N_INFO = 0,
	KCON_N_TAKEN = 1,    /* somebody took the writer role */
	KCON_N_GIVEN = 2,    /* you were given the writer role */
	KCON_N_KICKED = 3,   /* you were detached */
	KCON_N_LAGGING = 4,  /* you were too slow; a repaint follows */
	KCON_N_REBOOT = 5,   /* the guest's domain was built anew */
	KCON_N_SHUTDOWN = 6, /* the daemon stops */
};

#define KCON_ATTACH_FORCE     0x01 /* take the role even if held */
#define KCON_ATTACH_NOREPAINT 0x02 /* start with live output */
#define KCON_ATTACH_RESUME    0x04 /* continue after .resume, if still known */
#define KCON_ATTACH_RAW	      0x08 /* unfiltered output (operators) */

#define KCON_ITEM_LOGGED      0x01
#define KCON_ITEM_HELD	      0x02 /* flood policy: the guest waits just now */
#define KCON_ITEM_LOG_TROUBLE 0x04

struct kcon_frame {
	uint8_t type, flags;
	uint16_t tag;
	uint32_t len;
	const uint8_t *payload; /* within the decoded buffer */
};

struct kcon_attach {
	char name[KCON_NAME_MAX], console[KCON_CONSOLE_MAX];
	uint8_t role, flags;
	uint64_t resume;
};

struct kcon_attached {
	char name[KCON_NAME_MAX], uuid[KCON_UUID_MAX], console[KCON_CONSOLE_MAX];
	uint32_t id; /* this client's id, as in WHO_ITEM */
	uint8_t role, state;
	uint16_t cols, rows;
	uint64_t offset; /* where live output starts */
};

struct kcon_verb {
	uint8_t op;
	uint32_t id;
	uint32_t arg;
};

struct kcon_list_item {
	char name[KCON_NAME_MAX], uuid[KCON_UUID_MAX], console[KCON_CONSOLE_MAX];
	char writer[KCON_USER_MAX]; /* "" when nobody writes */
	uint32_t domid;
	uint8_t state, flags;
	uint16_t viewers; /* attached clients, the writer included */
	uint64_t bytes;	  /* taken from the guest so far */
	uint64_t dropped; /* of those, not logged or not shown */
	uint64_t last_ms; /* last output, UTC in ms; 0: none yet */
};

struct kcon_who_item {
	char name[KCON_NAME_MAX], console[KCON_CONSOLE_MAX];
	char user[KCON_USER_MAX];
	uint32_t id, uid, pid;
	uint8_t role, lagging, kind; /* kind 0: socket, 1: pty */
	uint64_t since_ms, queued;
};

struct kcon_history_req {
	char name[KCON_NAME_MAX], console[KCON_CONSOLE_MAX];
	uint64_t from; /* offset; older than known: from the oldest */
	uint32_t max;  /* bytes; 0: all; with KCON_HISTORY_TAIL the last max */
	uint8_t tail;
};

/* One cell of a SCREEN, 12 bytes on the wire. */
struct kcon_cell {
	uint32_t ch;	      /* Unicode; 0: right half of a wide character */
	uint16_t attr;	      /* KCON_A_* */
	uint8_t fg[3], bg[3]; /* palette index in [0], or red, green, blue */
};
#define KCON_CELL_WIRE	 12
#define KCON_A_BOLD	 0x01
#define KCON_A_UNDERLINE 0x02
#define KCON_A_ITALIC	 0x04
#define KCON_A_BLINK	 0x08
#define KCON_A_REVERSE	 0x10
#define KCON_A_STRIKE	 0x20
#define KCON_A_FG	 0x40 /* fg is set, else the terminal's default */
#define KCON_A_BG	 0x80
#define KCON_A_FG_RGB	 0x100 /* fg is red, green, blue, else palette index in fg[0] */
#define KCON_A_BG_RGB	 0x200

/* Writing into a caller's buffer; past its end only `overflow` is set. */
struct kcon_w {
	uint8_t *buf;
	size_t cap, len;
	bool overflow;
};

void kcon_w_init(struct kcon_w *w, void *buf, size_t cap);
void kcon_w_u8(struct kcon_w *w, uint8_t v);
void kcon_w_u16(struct kcon_w *w, uint16_t v);
void kcon_w_u32(struct kcon_w *w, uint32_t v);
void kcon_w_u64(struct kcon_w *w, uint64_t v);
void kcon_w_bytes(struct kcon_w *w, const void *p, size_t n);
/* A string: u16 length and its bytes; longer than 65535 overflows. */
void kcon_w_str(struct kcon_w *w, const char *s);
/* Opens a frame; its length is filled in by kcon_w_end().  Returns the mark. */
size_t kcon_w_begin(struct kcon_w *w, uint8_t type, uint8_t flags, uint16_t tag);
void kcon_w_end(struct kcon_w *w, size_t mark);

/* Reading; after the first bad access every further read gives 0 or "". */
struct kcon_r {
	const uint8_t *p;
	size_t len, pos;
	bool bad;
};

void kcon_r_init(struct kcon_r *r, const void *p, size_t len);
uint8_t kcon_r_u8(struct kcon_r *r);
uint16_t kcon_r_u16(struct kcon_r *r);
uint32_t kcon_r_u32(struct kcon_r *r);
uint64_t kcon_r_u64(struct kcon_r *r);
/* A string into out (cap bytes with NUL); too long, or with a NUL in it: bad. */
void kcon_r_str(struct kcon_r *r, char *out, size_t cap);
const uint8_t *kcon_r_rest(struct kcon_r *r, size_t *n);
/* True when everything was there and nothing is left over. */
bool kcon_r_done(const struct kcon_r *r);

/*
 * Looks for one frame at the start of buf.  Returns the bytes it occupies, 0
 * when more are needed, -1 when the length exceeds KCON_MAX_PAYLOAD.
 */
long kcon_decode(const void *buf, size_t len, struct kcon_frame *f);

/* Whole frames; each returns false when it does not fit. */
bool kcon_put_hello(struct kcon_w *w, const char *program);
bool kcon_put_empty(struct kcon_w *w, uint8_t type, uint16_t tag);
bool kcon_put_error(struct kcon_w *w, uint16_t tag, uint16_t code, const char *text);
bool kcon_put_notice(struct kcon_w *w, uint8_t kind, const char *text);
bool kcon_put_attach(struct kcon_w *w, uint16_t tag, const struct kcon_attach *a);
bool kcon_put_attached(struct kcon_w *w, uint16_t tag, const struct kcon_attached *a);
bool kcon_put_verb(struct kcon_w *w, uint16_t tag, const struct kcon_verb *v);
bool kcon_put_list_item(struct kcon_w *w, uint16_t tag, const struct kcon_list_item *i);
bool kcon_put_who_item(struct kcon_w *w, uint16_t tag, const struct kcon_who_item *i);
bool kcon_put_history_req(struct kcon_w *w, uint16_t tag,
			  const struct kcon_history_req *h);
bool kcon_put_target(struct kcon_w *w, uint8_t type, uint16_t tag, const char *name,
		     const char *console);

/* Payloads; each returns false when the payload is malformed. */
bool kcon_get_hello(const struct kcon_frame *f, uint16_t *version, char *program,
		    size_t cap);
bool kcon_get_error(const struct kcon_frame *f, uint16_t *code, char *text, size_t cap);
bool kcon_get_attach(const struct kcon_frame *f, struct kcon_attach *a);
bool kcon_get_attached(const struct kcon_frame *f, struct kcon_attached *a);
bool kcon_get_verb(const struct kcon_frame *f, struct kcon_verb *v);
bool kcon_get_list_item(const struct kcon_frame *f, struct kcon_list_item *i);
bool kcon_get_who_item(const struct kcon_frame *f, struct kcon_who_item *i);
bool kcon_get_history_req(const struct kcon_frame *f, struct kcon_history_req *h);
bool kcon_get_target(const struct kcon_frame *f, char *name, char *console);

void kcon_w_cell(struct kcon_w *w, const struct kcon_cell *c);
void kcon_r_cell(struct kcon_r *r, struct kcon_cell *c);

/* For people: "viewer", "writer", ...; "?" for what is not known. */
const char *kcon_role_name(unsigned role);
const char *kcon_state_name(unsigned state);
const char *kcon_error_name(unsigned code);

#endif
