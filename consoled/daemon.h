/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The daemon's own structures.  One thread runs all of this; nothing here is
 * locked.  What guests wrote is moved here, never parsed: that is the helpers'.
 */
#ifndef KEEL_DAEMON_H
#define KEEL_DAEMON_H

#include <stdarg.h>
#include <sys/queue.h>

#include <uv.h>

#include "lib/console-proto.h"
#include "backend.h"
#include "bucket.h"
#include "settings.h"
#include "helper.h"
#include "record.h"

#ifndef TAILQ_FOREACH_SAFE
#define TAILQ_FOREACH_SAFE(var, head, field, next)                                       \
	for ((var) = TAILQ_FIRST(head); (var) && ((next) = TAILQ_NEXT((var), field), 1); \
	     (var) = (next))
#endif

struct daemon;
struct client;
struct session;

TAILQ_HEAD(session_list, session);
TAILQ_HEAD(client_list, client);

/* Bytes on their way to a descriptor or a ring; grows up to a limit. */
struct queue {
	uint8_t *buf;
	size_t start, len, cap;
};

bool queue_put(struct queue *q, const void *p, size_t n, size_t max);
const uint8_t *queue_peek(const struct queue *q, size_t *n);
void queue_drop(struct queue *q, size_t n);
void queue_free(struct queue *q);

struct session {
	TAILQ_ENTRY(session) all, ready; /* ready: in `queue` */
	struct daemon *d;
	struct record rec;
	char file[96]; /* of the record, in the state directory */
	struct guest_conf conf;
	uint8_t state;		  /* enum kcon_state */
	struct console_desc desc; /* of the present or the last domain */
	/* Source: a ring, or a serial line's pty. */
	bool open;
	struct channel ch;
	uint32_t in_prod;
	int tty_fd;
	uv_poll_t *tty_poll;
	struct queue input; /* for the guest, when its ring or pty is full */
	/* Flood control. */
	struct bucket bytes, events, calm;
	uv_timer_t timer;
	struct session_list *queue; /* of flow.c, that it waits in; NULL: in none */
	bool flooding, rung, held, interactive;
	uint64_t held_since;
	/* Who looks on. */
	struct client_list clients;
	struct client *writer;
	struct pty *pty;
	bool screen_open, following;
	unsigned crashes; /* of the screen helper while it read this session */
	uint64_t shown;	  /* offset up to which followers have been served */
	uint64_t checked, checked_ms; /* when the packed screen was brought on */
	uint64_t view_lost;
	int log_trouble; /* errno of the log helper */
	/* How far the log was, and since when, while it is waited for. */
	uint64_t log_seen, log_seen_ms;
	uint64_t last_ms;
};

enum client_kind { CLIENT_SOCKET, CLIENT_PTY };

/* Longest series of history frames is sent piecewise, as the queue drains. */
struct transfer {
	struct session *s;
	uint64_t pos, end;
	uint16_t tag;
	bool active;
};

struct client {
	TAILQ_ENTRY(client) all, of_session;
	struct daemon *d;
	enum client_kind kind;
	int fd;
	uv_poll_t *poll;
	uint32_t id;
	struct peer peer;
	char user[KCON_USER_MAX];
	bool greeted, subscribed, closing, dead, raw;
	struct queue in, out;
	struct session *s; /* attached to; NULL: to none */
	uint8_t role;
	uint64_t since_ms;
	bool lagging, unpainted; /* unpainted: no output until its repaint came */
	bool replaying;
	uint64_t lost, raw_pos;
	uint16_t snap_tag; /* tag of the SNAPSHOT under way; 0: none */
	struct session *snap_session;
	struct transfer history;
	struct pty *pty; /* CLIENT_PTY: where it came from */
};

struct daemon {
	uv_loop_t *loop;
	struct config conf;
	const char *conf_path, *program, *journal_path;
	char **argv;
	int state_dir, log_dir, log_state;
	const struct log_state *log_states; /* the log helper writes them */
	const struct backend_ops *ops;
	struct backend *backend;
	const char *backend_arg;
	struct helper *screen, *log;
	struct session_list sessions;
	struct client_list clients;
	struct session *slots[DOORBELL_SLOTS];
	unsigned nsessions, nclients;
	uint32_t next_id;
	/* flow.c: who has bytes to take; what floods have of a processor. */
	struct session_list ready, floods;
	uv_idle_t idle;
	uv_timer_t rest;
	struct bucket flood_time; /* in ns */
	uint64_t flood_ns;	  /* when a flood last had bytes */
	bool resting, stopping;
	int listen_fd;
	uv_poll_t listen_poll;
	uv_signal_t sig_term, sig_int, sig_hup, sig_usr1, sig_chld;
	uv_timer_t housekeeping;
	int journal_fd;
	int inotify_fd;
	uv_poll_t inotify_poll;
	bool upgrade_wanted;
	char empty_dir[160]; /* where the screen helper is confined to */
};

uint64_t utc_ms(void);

/* audit.c: one line to the journal with fields; never waits. */
__attribute__((format(printf, 3, 4))) void say(struct daemon *d, int priority,
					       const char *fmt, ...);
__attribute__((format(printf, 5, 6))) void audit(struct daemon *d, const char *event,
						 const struct session *s,
						 const struct client *c, const char *fmt,
						 ...);
void audit_open(struct daemon *d);

/* session.c */
extern const struct backend_events session_events;
int sessions_load(struct daemon *d);
void session_configure(struct session *s);
void session_expire(struct daemon *d);
void session_settle(struct daemon *d);
struct session *session_by_uuid(struct daemon *d, const char *uuid, const char *console);
void session_close_source(struct session *s);
void session_close_all(struct daemon *d);
struct session *session_find(struct daemon *d, const char *guest, const char *console,
			     unsigned *error);
void session_quarantine(struct session *s, const char *why);
void session_unquarantine(struct session *s);

/* flow.c: bytes between rings and records, flood control. */
void flow_start(struct daemon *d);
/* Takes s->conf's limits over. */
void flow_configure(struct session *s);
/* The session's ring is to be looked at, or not any more. */
void flow_ready(struct session *s);
void flow_leave(struct session *s);
/* All that the ring holds, at once: the last words of a guest. */
void flow_drain(struct session *s);
/* Typed: for the guest, as far as INPUT_MAX bytes that it has not read yet. */
void flow_input(struct session *s, const void *p, size_t n);
/* Bytes were appended to the record: wakes the log, and who looks. */
void flow_new_bytes(struct session *s);

/* serial.c: consoles whose source is an emulator's pty. */
int serial_open(struct session *s);
void serial_close(struct session *s);
void serial_flush(struct session *s);

/* feed.c: between the screen helper and those who look. */
void feed_start(struct daemon *d);
void feed_prepare(struct client *c);
void feed_attach(struct client *c, bool repaint, uint64_t resume, bool has_resume);
void feed_detach(struct session *s);
void feed_repaint(struct client *c);
void feed_snapshot(struct client *c, struct session *s, uint16_t tag);
void feed_raw(struct session *s);
void feed_unseen(struct session *s);
void feed_resize(struct session *s);
void feed_close(struct session *s);
void feed_drained(struct client *c);

/* logs.c: between the log helper and the sessions. */
void logs_start(struct daemon *d);
void logs_open(struct session *s);
void logs_configure(struct session *s);
void logs_note(struct session *s, const char *text);
void logs_close(struct session *s);
/* Bytes that the log did not get: the record had forgotten them. */
uint64_t logs_lost(const struct session *s);
/* For `hold`: the log is about to lose bytes, but it gets on. */
bool logs_behind(struct session *s);

/* client.c */
int clients_listen(struct daemon *d);
void clients_watch(struct daemon *d);
struct client *client_new(struct daemon *d, enum client_kind kind, int fd);
void client_close(struct client *c);
void client_kill(struct client *c);
/* At once; not from within a loop over its session's clients. */
void client_free(struct client *c);
bool client_send(struct client *c, const struct kcon_w *w);
void client_ok(struct client *c, uint16_t tag);
__attribute__((format(printf, 4, 5))) void
client_error(struct client *c, uint16_t tag, uint16_t code, const char *fmt, ...);
__attribute__((format(printf, 3, 4))) void client_notice(struct client *c, uint8_t kind,
							 const char *fmt, ...);
void client_poll(struct client *c);
void clients_changed(struct session *s);
/* Guest output for one client: a frame, or bare bytes to a pty. */
void client_output(struct client *c, uint64_t offset, const void *p, size_t n);
void client_paint(struct client *c, uint64_t offset, unsigned cols, unsigned rows,
		  bool more, const void *p, size_t n);
void client_role(struct client *c);
void client_item(const struct session *s, struct kcon_list_item *i);

/* requests.c */
void request_handle(struct client *c, const struct kcon_frame *f);
void history_pump(struct client *c);
bool may_view(const struct session *s, const struct client *c);
bool may_write(const struct session *s, const struct client *c);
bool is_operator(const struct client *c);

/* roles.c */
int role_attach(struct client *c, struct session *s, unsigned role, bool force);
void role_detach(struct client *c);
void role_verb(struct client *c, uint16_t tag, const struct kcon_verb *v);

/* pty.c */
int ptys_start(struct daemon *d);
void pty_make(struct session *s);
void pty_destroy(struct session *s);
/* For a new image of the daemon: the master's descriptor (-1: no pty), and back. */
int pty_master(const struct session *s);
void pty_adopt(struct session *s, int master, const char *path);
/* The client that is on the pty, taken over from an earlier image. */
void pty_set_client(struct session *s, struct client *c);
const char *pty_path(const struct session *s);
/* The client on the pty is being freed. */
void pty_client_ended(struct pty *p);

/* upgrade.c */
int upgrade_execute(struct daemon *d);
/* pids: of the earlier image's helpers, screen and log. */
int upgrade_resume(struct daemon *d, int fd, int pids[2]);

/* main.c */
void daemon_reload(struct daemon *d);

#endif
