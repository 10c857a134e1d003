/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pages of text over the guest's screen; the caller repaints afterwards. */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "console.h"

__attribute__((format(printf, 1, 2))) static void out(const char *fmt, ...)
{
	char b[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(b, sizeof(b), fmt, ap);
	va_end(ap);
	tty_write(b, n < (int)sizeof(b) ? (size_t)n : sizeof(b) - 1);
}

static void clear(const char *title)
{
	out("\033[!p\033(B\017\033[r\033[0m\033[H\033[2J\033[?25l\033[1m%s\033["
	    "0m\r\n\r\n",
	    title);
}

int menu_key(void)
{
	struct pollfd p[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
			      {.fd = tty_signal_fd(), .events = POLLIN}};
	uint8_t c;

	while (!tty_pending() && poll(p, 2, -1) < 0 && errno == EINTR)
		;
	if (p[1].revents && !p[0].revents)
		return -1; /* whatever the signal is, the main loop sees to it */
	return tty_read(&c, 1) == 1 ? c : -1;
}

#define HELP_WIDTH 39
#define HELP_HEAD  5 /* lines for what stands above and below a screenful */

static const char *const help[] = {
	"d  detach",
	"t  take the writer role",
	"n  next console",
	"x  take it exclusively",
	"p  previous console",
	"f  take it by force (operators)",
	"w  who is attached",
	"g  give the writer role to ...",
	"b  scrollback",
	"r  release the writer role",
	"/  search the scrollback",
	"k  send a special key",
	"L  repaint the screen",
	"B  send a break",
	"R  record, stop recording",
	"S  send a SysRq key",
	"l  logging on or off",
	"z  tell the guest this terminal's size",
	"?  this page",
	NULL,
};

/* In as many columns as fit; a small terminal gets more than one screenful. */
void menu_help(int prefix)
{
	unsigned cols, rows, across, line = 0;
	char name[8];

	tty_size(&cols, &rows);
	across = cols > 2 * HELP_WIDTH ? cols / HELP_WIDTH : 1;
	escape_name(prefix, name);
	clear("keel console");
	out("After %s comes one letter; %s %s sends %s.\r\n", name, name, name, name);
	for (unsigned i = 0; help[i]; i++) {
		if (i % across == 0) {
			out("\r\n ");
			line++;
		}
		out(" %-*s", HELP_WIDTH - 1, help[i]);
		if (help[i + 1] && (i + 1) % across == 0 && line + HELP_HEAD >= rows) {
			out("\r\nAny key goes on.");
			if (menu_key() < 0)
				return;
			clear("keel console");
			line = 0;
		}
	}
	out("\r\n\r\nAny key goes back.");
	menu_key();
}

static void who_line(const struct kcon_who_item *i, void *ctx)
{
	char stamp[32];

	(void)ctx;
	text_stamp(i->since_ms, stamp);
	out("%5u  %-16s %6u  %-9s  %.19s%s\r\n", i->id, i->user, i->uid,
	    kcon_role_name(i->role), stamp, i->lagging ? "  lagging" : "");
}

void menu_who(struct kcon *k, const char *guest, const char *console, bool wait)
{
	clear("attached");
	out("%5s  %-16s %6s  %-9s  %s\r\n", "ID", "USER", "UID", "ROLE", "SINCE (UTC)");
	if (kcon_who(k, guest, console, who_line, NULL) < 0)
		out("%s\r\n", kcon_strerror(k));
	if (!wait)
		return;
	out("\r\nAny key goes back.");
	menu_key();
}

struct special {
	char letter;
	const char *name, *bytes;
	size_t n;
};

static const struct special specials[] = {
	{'c', "Ctrl-C", "\003", 1},  {'\\', "Ctrl-\\", "\034", 1},
	{'z', "Ctrl-Z", "\032", 1},  {'d', "Ctrl-D", "\004", 1},
	{'s', "Ctrl-S", "\023", 1},  {'q', "Ctrl-Q", "\021", 1},
	{'e', "Escape", "\033", 1},  {'@', "NUL", "", 1},
	{'1', "F1", "\033OP", 3},    {'2', "F2", "\033OQ", 3},
	{'3', "F3", "\033OR", 3},    {'4', "F4", "\033OS", 3},
	{'5', "F5", "\033[15~", 5},  {'6', "F6", "\033[17~", 5},
	{'7', "F7", "\033[18~", 5},  {'8', "F8", "\033[19~", 5},
	{'9', "F9", "\033[20~", 5},  {'0', "F10", "\033[21~", 5},
	{'-', "F11", "\033[23~", 5}, {'=', "F12", "\033[24~", 5},
};

const char *menu_keys(size_t *n)
{
	const size_t all = sizeof(specials) / sizeof(specials[0]);
	unsigned cols, rows, across;
	int key;

	tty_size(&cols, &rows);
	across = cols >= 60 ? 4 : cols >= 30 ? cols / 15 : 1;
	clear("send a key");
	for (size_t i = 0; i < all; i++)
		out("  %c  %-10s%s", specials[i].letter, specials[i].name,
		    i % across == across - 1 || i + 1 == all ? "\r\n" : "");
	out("\r\nAny other key goes back.");
	key = menu_key();
	for (size_t i = 0; i < all; i++) {
		if (specials[i].letter == key) {
			*n = specials[i].n;
			return specials[i].bytes;
		}
	}
	return NULL;
}

bool menu_prompt(const char *question, char *text, size_t cap)
{
	unsigned cols, rows;
	size_t n = 0;
	int key;

	tty_size(&cols, &rows);
	for (;;) {
		out("\033[%u;1H\033[0;7m%s%.*s\033[K\033[0m", rows, question, (int)n,
		    text);
		key = menu_key();
		if (key < 0 || key == 27 || key == 3)
			return false;
		if (key == '\r' || key == '\n')
			break;
		if ((key == 8 || key == 127) && n)
			n--;
		else if (key >= 0x20 && key != 127 && n + 1 < cap)
			text[n++] = (char)key;
	}
	text[n] = '\0';
	return n > 0;
}
