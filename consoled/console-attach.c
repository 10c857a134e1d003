/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Interactive attachment: terminal <-> daemon, escape commands, reconnection. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "console.h"

#define RECONNECT_MS 15000 /* how long the daemon may be away */
#define STATUS_MS    3000  /* how long a status line stays */

struct attachment {
	struct kcon *k;
	const struct options *o;
	struct escape esc;
	char guest[KCON_NAME_MAX], console[KCON_CONSOLE_MAX], uuid[KCON_UUID_MAX];
	uint8_t role, want;
	unsigned cols, rows; /* of the guest's screen */
	uint64_t offset;     /* output shown so far */
	struct cast *cast;
	uint64_t status_until; /* a status line covers the last row */
	bool tty, done, input_ended;
	int status;
};

static uint64_t clock_ms(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* A line for the person, over the last row; repainted away after a while. */
__attribute__((format(printf, 2, 3))) static void status(struct attachment *a,
							 const char *fmt, ...)
{
	char text[400], line[600];
	unsigned cols, rows;
	va_list ap;
	int n;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *p = text; *p; p++) { /* names come from guests' owners */
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	}
	if (!a->tty) {
		fprintf(stderr, "[keel: %s]\n", text);
		return;
	}
	tty_size(&cols, &rows);
	n = snprintf(line, sizeof(line),
		     "\0337\033[?6l\033[%u;1H\033[0;7m[keel: %.*s]\033[K\033[0m\0338",
		     rows, (int)(cols > 10 ? cols - 9 : 1), text);
	tty_write(line, (size_t)n);
	a->status_until = clock_ms(CLOCK_MONOTONIC) + STATUS_MS;
}

/* A request failed: a lost connection is met by the main loop, the rest is told. */
static void check(struct attachment *a, int e)
{
	if (e < 0 && e != -ECONNRESET && e != -EPIPE)
		status(a, "%s", kcon_strerror(a->k));
}

static void repaint(struct attachment *a)
{
	a->status_until = 0;
	check(a, kcon_repaint(a->k));
}

/* ---- attaching ---- */

static uint8_t wanted_role(const struct options *o)
{
	if (o->role == WANT_VIEW)
		return KCON_VIEWER;
	return o->role == WANT_EXCLUSIVE ? KCON_EXCLUSIVE : KCON_WRITER;
}

static int attach_as(struct attachment *a, uint8_t role, uint8_t flags)
{
	struct kcon_attach req = {.role = role, .flags = flags, .resume = a->offset};
	struct kcon_attached at;
	int e;

	snprintf(req.name, sizeof(req.name), "%s", *a->uuid ? a->uuid : a->guest);
	memcpy(req.console, a->console, sizeof(req.console));
	e = kcon_attach(a->k, &req, &at);
	if (e)
		return e;
	memcpy(a->guest, at.name, sizeof(a->guest));
	memcpy(a->uuid, at.uuid, sizeof(a->uuid));
	memcpy(a->console, at.console, sizeof(a->console));
	a->role = at.role;
	a->cols = at.cols;
	a->rows = at.rows;
	if (!(flags & KCON_ATTACH_RESUME))
		a->offset = at.offset;
	return 0;
}

/* With no role asked for: writer when that is free, else viewer. */
static int attach(struct attachment *a, uint8_t flags)
{
	const struct options *o = a->o;
	int e;

	if (o->raw)
		flags |= KCON_ATTACH_RAW;
	if (o->norepaint)
		flags |= KCON_ATTACH_NOREPAINT;
	if (o->role == WANT_TAKE || o->role == WANT_FORCE)
		flags |= KCON_ATTACH_FORCE;
	a->want = wanted_role(o);
	e = attach_as(a, a->want, flags);
	if (o->role != WANT_ANY || (e != -(KCON_CLIENT_ERR + KCON_E_BUSY) &&
				    e != -(KCON_CLIENT_ERR + KCON_E_DENIED)))
		return e;
	return attach_as(a, KCON_VIEWER, flags);
}

/* After the daemon went: the same console, from the byte shown last. */
static bool reconnect(struct attachment *a)
{
	uint64_t limit = clock_ms(CLOCK_MONOTONIC) + RECONNECT_MS;
	uint8_t role = a->role;
	struct kcon *k;

	status(a, "connection to keel-consoled lost; connecting again");
	do {
		struct pollfd in = {.fd = tty_signal_fd(), .events = POLLIN};

		if (poll(&in, 1, 50) > 0)
			break;
		if (kcon_open(&k, a->o->socket, "keel-console", ANSWER_MS) == 0) {
			kcon_close(a->k);
			a->k = k;
			if (attach_as(a, role, KCON_ATTACH_RESUME) == 0 ||
			    attach_as(a, KCON_VIEWER, KCON_ATTACH_RESUME) == 0) {
				a->status_until = a->status_until ? 1 : 0;
				return true;
			}
			return false;
		}
		kcon_close(k);
	} while (clock_ms(CLOCK_MONOTONIC) < limit);
	return false;
}

/* ---- commands ---- */

static void do_verb(struct attachment *a, uint8_t op, uint32_t id, uint32_t arg)
{
	check(a, kcon_verb(a->k, op, id, arg));
}

static void cmd_detach(struct attachment *a)
{
	a->done = true;
}

static void cmd_take(struct attachment *a)
{
	do_verb(a, KCON_V_TAKE, 0, 0);
}

static void cmd_exclusive(struct attachment *a)
{
	do_verb(a, KCON_V_EXCLUSIVE, 0, 0);
}

static void cmd_force(struct attachment *a)
{
	do_verb(a, KCON_V_FORCE, 0, 0);
}

static void cmd_release(struct attachment *a)
{
	do_verb(a, KCON_V_RELEASE, 0, 0);
}

static void cmd_give(struct attachment *a)
{
	char text[16];

	menu_who(a->k, a->guest, a->console, false);
	if (menu_prompt("give the writer role to client id: ", text, sizeof(text)))
		do_verb(a, KCON_V_GIVE, (uint32_t)strtoul(text, NULL, 10), 0);
	repaint(a);
}

static void cmd_who(struct attachment *a)
{
	menu_who(a->k, a->guest, a->console, true);
	repaint(a);
}

static void cmd_help(struct attachment *a)
{
	menu_help(a->esc.prefix);
	repaint(a);
}

static void cmd_scrollback(struct attachment *a)
{
	pager_run(a->k, a->guest, a->console, NULL);
	repaint(a);
}

static void cmd_search(struct attachment *a)
{
	char text[128];

	if (menu_prompt("search: ", text, sizeof(text)))
		pager_run(a->k, a->guest, a->console, text);
	repaint(a);
}

static void cmd_break(struct attachment *a)
{
	do_verb(a, KCON_V_BREAK, 0, 0);
}

static void cmd_sysrq(struct attachment *a)
{
	char text[2];

	if (menu_prompt("SysRq key (h: help): ", text, sizeof(text)))
		do_verb(a, KCON_V_SYSRQ, 0, (uint8_t)text[0]);
	repaint(a);
}

static void cmd_key(struct attachment *a)
{
	size_t n;
	const char *p = menu_keys(&n);

	if (p)
		check(a, kcon_send(a->k, p, n));
	repaint(a);
}

static void cmd_log(struct attachment *a)
{
	do_verb(a, KCON_V_LOG, 0, 2);
}

static void start_recording(struct attachment *a, const char *path)
{
	a->cast = cast_create(path, a->cols, a->rows, clock_ms(CLOCK_REALTIME), a->guest);
	if (a->cast)
		status(a, "recording to %s", path);
	else
		status(a, "%s: %s", path, strerror(errno));
}

static void stop_recording(struct attachment *a)
{
	int e = cast_close(a->cast);

	a->cast = NULL;
	if (e < 0)
		status(a, "the recording is not complete: %s", strerror(-e));
	else
		status(a, "recording ended");
}

static void cmd_record(struct attachment *a)
{
	char path[256];

	if (a->cast) {
		stop_recording(a);
		return;
	}
	if (menu_prompt("record to file: ", path, sizeof(path)))
		start_recording(a, path);
	repaint(a); /* is the first thing in the recording */
}

/* The guest cannot see this terminal's size: it is typed as a command. */
static void cmd_size(struct attachment *a)
{
	unsigned cols, rows;
	char text[64];
	int n;

	tty_size(&cols, &rows);
	if (kcon_resize(a->k, cols, rows) < 0) {
		check(a, -EINVAL);
		return;
	}
	a->cols = cols;
	a->rows = rows;
	n = snprintf(text, sizeof(text), "stty rows %u cols %u\r", rows, cols);
	check(a, kcon_send(a->k, text, (size_t)n));
}

static void cmd_repaint(struct attachment *a)
{
	repaint(a);
}

/* Neighbours in the daemon's list, in which each console has its place. */
struct neighbours {
	struct kcon_list_item first, last, before, after;
	const struct attachment *a;
	bool seen, any, have_before, have_after;
};

static void neighbour(const struct kcon_list_item *i, void *ctx)
{
	struct neighbours *n = ctx;

	if (!n->any)
		n->first = *i;
	n->any = true;
	if (!strcmp(i->uuid, n->a->uuid) && !strcmp(i->console, n->a->console)) {
		n->seen = true;
	} else if (n->seen && !n->have_after) {
		n->after = *i;
		n->have_after = true;
	} else if (!n->seen) {
		n->before = *i;
		n->have_before = true;
	}
	n->last = *i;
}

static void go(struct attachment *a, bool next)
{
	struct neighbours n = {.a = a};
	const struct kcon_list_item *to;
	uint8_t role = a->role;
	int e = kcon_list(a->k, neighbour, &n);

	if (e || !n.any) {
		check(a, e);
		return;
	}
	if (next)
		to = n.have_after ? &n.after : &n.first;
	else
		to = n.have_before ? &n.before : &n.last;
	memcpy(a->uuid, to->uuid, sizeof(a->uuid));
	memcpy(a->console, to->console, sizeof(a->console));
	if (attach_as(a, role, 0) < 0 && attach_as(a, KCON_VIEWER, 0) < 0) {
		check(a, -EINVAL);
		return;
	}
	status(a, "%s, %s, %s", a->guest, a->console, kcon_role_name(a->role));
}

static void cmd_next(struct attachment *a)
{
	go(a, true);
}

static void cmd_previous(struct attachment *a)
{
	go(a, false);
}

static const struct command {
	char letter;
	void (*run)(struct attachment *a);
} commands[] = {
	{'d', cmd_detach}, {'.', cmd_detach},	  {'t', cmd_take},   {'x', cmd_exclusive},
	{'f', cmd_force},  {'r', cmd_release},	  {'g', cmd_give},   {'w', cmd_who},
	{'?', cmd_help},   {'b', cmd_scrollback}, {'/', cmd_search}, {'B', cmd_break},
	{'S', cmd_sysrq},  {'k', cmd_key},	  {'l', cmd_log},    {'R', cmd_record},
	{'z', cmd_size},   {'L', cmd_repaint},	  {'n', cmd_next},   {'p', cmd_previous},
};

static void command(struct attachment *a, uint8_t letter)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (commands[i].letter == letter) {
			commands[i].run(a);
			return;
		}
	}
	status(a, "no command '%c'; ? lists them", letter);
}

/* ---- the loop ---- */

static void send_bytes(struct attachment *a, const uint8_t *p, size_t n)
{
	if (!n)
		return;
	if (a->role == KCON_VIEWER) {
		char name[8];

		escape_name(a->esc.prefix, name);
		status(a, "you are a viewer; %s t takes the writer role", name);
		return;
	}
	check(a, kcon_send(a->k, p, n));
}

static void take_input(struct attachment *a)
{
	uint8_t in[1024], out[1024];
	long n = tty_read(in, sizeof(in));
	size_t o = 0;

	if (n == -EINTR || n == -EAGAIN)
		return;
	if (n <= 0) {
		a->input_ended = true;
		a->done = a->tty;
		return;
	}
	for (long i = 0; i < n && !a->done; i++) {
		enum escape_result r = ESCAPE_PASS;

		if (a->tty)
			r = escape_feed(&a->esc, in[i]);
		if (r == ESCAPE_PASS) {
			out[o++] = in[i];
		} else if (r == ESCAPE_COMMAND) {
			send_bytes(a, out, o);
			/* What follows may be for a menu of the command. */
			tty_unread(in + i + 1, (size_t)(n - i - 1));
			command(a, in[i]);
			return;
		}
	}
	send_bytes(a, out, o);
}

static void show(struct attachment *a, const struct kcon_event *ev)
{
	if (!tty_write(ev->bytes, ev->len)) {
		a->done = true;
		a->status = EXIT_FAILED;
	}
	if (a->cast &&
	    !cast_output(a->cast, clock_ms(CLOCK_REALTIME), ev->bytes, ev->len))
		stop_recording(a);
	a->offset = ev->offset;
}

static void take_event(struct attachment *a, const struct kcon_event *ev)
{
	switch (ev->type) {
	case KCON_OUTPUT:
	case KCON_REPAINT:
		show(a, ev);
		break;
	case KCON_NOTICE:
		status(a, "%s", ev->text);
		if (ev->kind == KCON_N_KICKED)
			a->done = true;
		break;
	case KCON_ERROR:
		status(a, "%s", ev->text);
		break;
	case KCON_ROLE:
		if (ev->kind != a->role)
			status(a, "you are %s now", kcon_role_name(ev->kind));
		a->role = ev->kind;
		break;
	case KCON_LOST:
		if (!a->tty)
			status(a, "%llu bytes not shown", (unsigned long long)ev->offset);
		break;
	case KCON_STATE:
		if (ev->kind == KCON_GONE)
			status(a, "%s is gone; its screen and history remain", ev->text);
		memcpy(a->guest, ev->text, KCON_NAME_MAX - 1);
		break;
	default:
		break;
	}
}

static void take_events(struct attachment *a)
{
	struct kcon_event ev;
	int n = 0;

	while (!a->done && (n = kcon_next(a->k, &ev, 0)) > 0)
		take_event(a, &ev);
	if (n < 0 && !a->done && !reconnect(a)) {
		a->done = true;
		a->status = complain(a->k, n);
	}
}

static void take_signal(struct attachment *a)
{
	int sig = tty_signal_take();

	if (sig == SIGTERM || sig == SIGHUP)
		a->done = true;
	else if (sig == SIGWINCH)
		repaint(a);
}

static int wait_ms(const struct attachment *a)
{
	uint64_t now = clock_ms(CLOCK_MONOTONIC);

	if (kcon_pending(a->k) || tty_pending())
		return 0;
	if (!a->status_until)
		return -1;
	return a->status_until > now ? (int)(a->status_until - now) : 0;
}

static void loop(struct attachment *a)
{
	while (!a->done) {
		struct pollfd p[3] = {{.fd = kcon_fd(a->k), .events = POLLIN},
				      {.fd = tty_signal_fd(), .events = POLLIN},
				      {.fd = STDIN_FILENO, .events = POLLIN}};
		int n = poll(p, a->input_ended ? 2 : 3, wait_ms(a));

		if (n < 0 && errno != EINTR)
			return;
		if (n > 0 && p[1].revents)
			take_signal(a);
		if (!a->input_ended && (tty_pending() || (n > 0 && p[2].revents)))
			take_input(a);
		if (a->status_until && clock_ms(CLOCK_MONOTONIC) >= a->status_until)
			repaint(a);
		if (!a->done)
			take_events(a);
	}
}

static void greet(struct attachment *a)
{
	unsigned cols, rows;
	char name[8];

	if (!a->tty)
		return;
	tty_size(&cols, &rows);
	escape_name(a->esc.prefix, name);
	if (cols < a->cols || rows < a->rows)
		status(a, "%s: screen %ux%u, this terminal %ux%u; %s z adapts the guest",
		       a->guest, a->cols, a->rows, cols, rows, name);
	else
		status(a, "%s, %s, %s; %s ? for help", a->guest, a->console,
		       kcon_role_name(a->role), name);
}

int attach_run(struct kcon **k, const struct options *o)
{
	struct attachment a = {.k = *k, .o = o, .tty = tty_is()};
	int e;

	memcpy(a.guest, o->guest, sizeof(a.guest));
	memcpy(a.console, o->console, sizeof(a.console));
	escape_init(&a.esc, o->prefix);
	e = attach(&a, 0);
	if (e)
		return complain(a.k, e);
	if (a.tty && (e = tty_raw()) < 0) {
		fprintf(stderr, "keel-console: terminal: %s\n", strerror(-e));
		return EXIT_FAILED;
	}
	if (o->record)
		start_recording(&a, o->record);
	take_events(&a);
	greet(&a);
	loop(&a);
	if (a.cast)
		stop_recording(&a);
	if (a.tty) {
		tty_reset_modes();
		tty_write("\r\n", 2);
	}
	tty_restore();
	*k = a.k;
	return a.status;
}
