/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The scrollback: history as plain text, with search. */
#include <regex.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "console.h"

struct pager {
	struct lines_of l;
	size_t top;
	unsigned cols, rows; /* rows: of text, the status line not counted */
	char pattern[128];
	regex_t re;
	bool searching;
	const char *message;
};

static size_t last_top(const struct pager *p)
{
	return p->l.n > p->rows ? p->l.n - p->rows : 0;
}

/* A line cut to the terminal's width, counted in characters, not bytes. */
static void put_line(const struct pager *p, const char *s)
{
	unsigned col = 0;
	size_t n = 0;

	for (; s[n] && col < p->cols; n++) {
		if (s[n] == '\t')
			break;
		if (((uint8_t)s[n + 1] & 0xc0) != 0x80)
			col++;
	}
	tty_write(s, n);
	if (s[n] == '\t' && col < p->cols) { /* a tab: blanks up to the next stop */
		struct pager rest = *p;
		unsigned stop = 8 - col % 8;

		if (stop > p->cols - col)
			stop = p->cols - col;
		tty_write("        ", stop);
		rest.cols = p->cols - col - stop;
		if (rest.cols)
			put_line(&rest, s + n + 1);
	}
}

static void show(const struct pager *p)
{
	char status[256], stamp[32] = "";
	int n;

	tty_write("\033[0m\033[H", 7);
	for (unsigned i = 0; i < p->rows; i++) {
		size_t at = p->top + i;
		bool hit = at < p->l.n && p->searching &&
			   regexec(&p->re, p->l.line[at].text, 0, NULL, 0) == 0;

		tty_write("\033[K", 3);
		if (hit)
			tty_write("\033[7m", 4);
		if (at < p->l.n)
			put_line(p, p->l.line[at].text);
		tty_write("\033[0m\r\n", 6);
	}
	if (p->top < p->l.n)
		text_stamp(p->l.line[p->top].ms, stamp);
	n = snprintf(status, sizeof(status),
		     "\033[7m %s  line %zu of %zu  %s  arrows PgUp PgDn g G / n N q "
		     "\033[K\033[0m",
		     stamp, p->top + 1, p->l.n, p->message ? p->message : "");
	tty_write(status, (size_t)n);
}

static void set_pattern(struct pager *p, const char *pattern)
{
	if (p->searching)
		regfree(&p->re);
	p->searching = regcomp(&p->re, pattern, REG_EXTENDED) == 0;
	p->message = p->searching ? NULL : "not a regular expression";
}

static bool hit(const struct pager *p, size_t i)
{
	return regexec(&p->re, p->l.line[i].text, 0, NULL, 0) == 0;
}

/* Goes to the nearest match before (older) or behind the top line. */
static void search(struct pager *p, bool older)
{
	size_t i = p->top;

	if (!p->searching)
		return;
	p->message = "not found";
	while (older ? i > 0 : i + 1 < p->l.n) {
		i += older ? (size_t)-1 : 1;
		if (!hit(p, i))
			continue;
		p->top = i;
		p->message = NULL;
		return;
	}
}

static void move(struct pager *p, long by)
{
	if (by < 0)
		p->top = p->top > (size_t)-by ? p->top - (size_t)-by : 0;
	else
		p->top += (size_t)by;
	if (p->top > last_top(p))
		p->top = last_top(p);
}

/* The rest of an escape sequence of a cursor key. */
static void cursor_key(struct pager *p)
{
	int c = menu_key();

	if (c != '[' && c != 'O')
		return;
	c = menu_key();
	if (c == 'A' || c == 'B')
		move(p, c == 'A' ? -1 : 1);
	else if (c == 'H')
		p->top = 0;
	else if (c == 'F')
		p->top = last_top(p);
	else if (c == '5' || c == '6') {
		menu_key(); /* ~ */
		move(p, c == '5' ? -(long)p->rows : (long)p->rows);
	}
}

static void ask(struct pager *p)
{
	char text[sizeof(p->pattern)];

	if (!menu_prompt("/", text, sizeof(text)))
		return;
	memcpy(p->pattern, text, sizeof(text));
	set_pattern(p, p->pattern);
	search(p, true);
}

/* False: leave. */
static bool handle(struct pager *p, int key)
{
	p->message = NULL;
	switch (key) {
	case -1:
	case 'q':
	case 3:
		return false;
	case 'k':
	case 'y':
		move(p, -1);
		break;
	case 'j':
	case '\r':
		move(p, 1);
		break;
	case 'b':
	case 2:
	case 21:
		move(p, -(long)p->rows);
		break;
	case ' ':
	case 'f':
	case 6:
	case 4:
		move(p, (long)p->rows);
		break;
	case 'g':
	case '<':
		p->top = 0;
		break;
	case 'G':
	case '>':
		p->top = last_top(p);
		break;
	case '/':
	case '?':
		ask(p);
		break;
	case 'n':
		search(p, true);
		break;
	case 'N':
		search(p, false);
		break;
	case 27:
		cursor_key(p);
		break;
	}
	return true;
}

void pager_run(struct kcon *k, const char *guest, const char *console,
	       const char *pattern)
{
	struct pager p = {0};

	if (text_load(k, guest, console, UINT64_MAX, &p.l) < 0) {
		p.message = kcon_strerror(k);
		memset(&p.l, 0, sizeof(p.l));
	}
	tty_size(&p.cols, &p.rows);
	p.rows = p.rows > 1 ? p.rows - 1 : 1;
	p.top = last_top(&p);
	tty_write("\033[!p\033(B\017\033[r\033[0m\033[H\033[2J\033[?25l", 28);
	if (pattern) {
		set_pattern(&p, pattern);
		search(&p, true);
	}
	do
		show(&p);
	while (handle(&p, menu_key()));
	if (p.searching)
		regfree(&p.re);
	text_free(&p.l);
}
