/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keel-console: what its parts share. */
#ifndef KEEL_CONSOLE_H
#define KEEL_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/console-client.h"

/* Exit statuses; keel-console(1) lists them. */
enum {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_UNKNOWN = 3,
	EXIT_DENIED = 4,
	EXIT_BUSY = 5,
	EXIT_NO_DAEMON = 6,
	EXIT_VERSION = 7,
	EXIT_TIMEOUT = 8,
	EXIT_NO_MATCH = 9,
};

enum want_role { WANT_ANY, WANT_VIEW, WANT_WRITE, WANT_TAKE, WANT_FORCE, WANT_EXCLUSIVE };

/* One step of --expect and --send, in the order given. */
struct step {
	bool send;
	const char *text;
};

#define STEPS_MAX 64

struct options {
	const char *socket;
	char guest[KCON_NAME_MAX], console[KCON_CONSOLE_MAX];
	enum want_role role;
	bool raw, json, follow, history, norepaint;
	int prefix; /* the escape key */
	const char *record, *replay, *export, *grep;
	double speed, timeout;
	long tail; /* lines; -1: not asked for */
	struct step steps[STEPS_MAX];
	unsigned nsteps;
	uint8_t verb;
	uint32_t verb_id, verb_arg;
};

#define ANSWER_MS 10000

/* Tells what went wrong on stderr; returns the exit status for it. */
int complain(const struct kcon *k, int error);

/* console-tty.c */
int tty_raw(void); /* 0 or -errno; undone at exit and by tty_restore() */
void tty_restore(void);
bool tty_is(void); /* stdin and stdout are terminals */
void tty_size(unsigned *cols, unsigned *rows);
bool tty_write(const void *p, size_t n); /* false: nobody reads it any more */
/* Reads stdin: bytes, 0 at its end, or -errno; what was unread comes first. */
long tty_read(uint8_t *p, size_t n);
void tty_unread(const uint8_t *p, size_t n); /* n <= 1024 */
bool tty_pending(void);
/* Leaves modes that a guest's program may have set on this terminal. */
void tty_reset_modes(void);
/* Readable whenever a signal came: SIGWINCH, SIGTERM, SIGHUP. -1: none. */
int tty_signal_fd(void);
int tty_signal_take(void);

/* console-escape.c */
struct escape {
	int prefix;
	bool armed;	 /* the prefix came, the command letter not yet */
	bool paste;	 /* inside ESC [ 200 ~ ... ESC [ 201 ~ */
	uint8_t matched; /* bytes of a paste bracket seen */
};

enum escape_result { ESCAPE_PASS, ESCAPE_HELD, ESCAPE_COMMAND };

void escape_init(struct escape *e, int prefix);
/*
 * Takes one byte of input.  PASS: it goes to the guest; HELD: it was the first
 * of two keys; COMMAND: it is a command letter.
 */
enum escape_result escape_feed(struct escape *e, uint8_t c);
/* "^]" or "^A" or one character; -1 when it is neither. */
int escape_parse(const char *text);
void escape_name(int prefix, char out[8]);

/* console-cast.c: asciicast v2 */
struct cast;
struct cast *cast_create(const char *path, unsigned cols, unsigned rows, uint64_t ms,
			 const char *title);
bool cast_output(struct cast *c, uint64_t ms, const uint8_t *p, size_t n);
/* 0 or -errno: whether all of it reached the file. */
int cast_close(struct cast *c);
int cast_replay(FILE *f, double speed);
int cast_export(struct kcon *k, const struct options *o, const char *path);
int cast_replay_history(struct kcon *k, const struct options *o);

/* console-attach.c */
int attach_run(struct kcon **k, const struct options *o);

/* console-menu.c: full-screen pages of text; any key leaves them. */
void menu_help(int prefix);
/* wait: for a key; else the caller asks something below. */
void menu_who(struct kcon *k, const char *guest, const char *console, bool wait);
/* A special key's bytes by its letter; NULL: none. */
const char *menu_keys(size_t *n);
/* Reads a line on the bottom row; false: given up. */
bool menu_prompt(const char *question, char *out, size_t cap);
/* One key from the terminal; -1 at its end. */
int menu_key(void);

/* console-pager.c */
void pager_run(struct kcon *k, const char *guest, const char *console,
	       const char *search);

/* console-auto.c */
int auto_list(struct kcon *k, const struct options *o);
int auto_who(struct kcon *k, const struct options *o);
int auto_screen(struct kcon *k, const struct options *o);
int auto_tail(struct kcon *k, const struct options *o);
int auto_grep(struct kcon *k, const struct options *o);
int auto_expect(struct kcon *k, const struct options *o);
int auto_verb(struct kcon *k, const struct options *o);

/* console-text.c: history as lines of plain text */
struct line {
	uint64_t ms;
	char *text;
};

struct lines_of {
	struct line *line;
	size_t n;
};

/*
 * Lines of a console's history before offset upto (UINT64_MAX: all of it),
 * escape sequences left out.  0 or an error.
 */
int text_load(struct kcon *k, const char *guest, const char *console, uint64_t upto,
	      struct lines_of *out);
void text_free(struct lines_of *l);
/* "2026-11-20T14:00:00.123Z" */
void text_stamp(uint64_t ms, char out[32]);

#endif
