/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tui/draw.h"

#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include <curses.h>

static WINDOW *canvas;
static SCREEN *screen;
static bool unicode;
static int cursor_row = -1, cursor_col;

/* Can the terminal show block elements and the like?  Consoles and true VTs cannot. */
static bool can_unicode(void)
{
	static const char *const plain[] = {"vt",     "linux", "ansi",
					    "cons25", "dumb",  "sun"};
	const char *term = getenv("TERM"), *ascii = getenv("KEEL_ASCII");

	if ((ascii && *ascii && strcmp(ascii, "0") != 0) || !term ||
	    strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		return false;
	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		if (strncmp(term, plain[i], strlen(plain[i])) == 0)
			return false;
	return true;
}

/* Reads the answer to a cursor report, "ESC [ rows ; cols R", within a second. */
static bool read_report(unsigned short *rows, unsigned short *cols)
{
	struct pollfd pfd = {.fd = STDIN_FILENO, .events = POLLIN};
	char buf[32];
	size_t n = 0;

	while (n < sizeof(buf) - 1 && poll(&pfd, 1, 1000) == 1) {
		char *start;

		if (read(STDIN_FILENO, buf + n, 1) != 1)
			return false;
		buf[++n] = '\0';
		if (buf[n - 1] != 'R')
			continue;
		start = strstr(buf, "\033[");
		return start && sscanf(start, "\033[%hu;%huR", rows, cols) == 2 &&
		       *rows && *cols;
	}
	return false;
}

/*
 * A serial line has no size.  Asks the terminal itself: moves the cursor far out, where
 * it stops at the edge, and lets it report where it is.
 */
static void probe_size(void)
{
	static const char ask[] = "\0337\033[r\033[999;999H\033[6n";
	struct termios old, raw;
	struct winsize ws;

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &ws) || (ws.ws_row && ws.ws_col) ||
	    getenv("LINES") || tcgetattr(STDIN_FILENO, &old))
		return;
	raw = old;
	cfmakeraw(&raw);
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw))
		return;
	if (write(STDOUT_FILENO, ask, sizeof(ask) - 1) == (ssize_t)sizeof(ask) - 1 &&
	    read_report(&ws.ws_row, &ws.ws_col))
		ioctl(STDIN_FILENO, TIOCSWINSZ, &ws);
	if (write(STDOUT_FILENO, "\0338", 2) != 2)
		ws.ws_row = 0;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
}

static void make_canvas(void)
{
	if (canvas)
		delwin(canvas);
	canvas = newpad(LINES > MIN_ROWS ? LINES : MIN_ROWS,
			COLS > MIN_COLS ? COLS : MIN_COLS);
	if (!canvas) {
		endwin();
		fprintf(stderr, "keel-tui: not enough memory\n");
		exit(1);
	}
}

static void set_modes(void)
{
	raw();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	/* Long enough for a serial line to deliver the rest of an arrow key's bytes. */
	set_escdelay(80);
}

bool draw_begin(void)
{
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return false;
	setlocale(LC_ALL, "");
	unicode = can_unicode();
	probe_size();
	screen = newterm(NULL, stdout, stdin);
	if (!screen)
		return false;
	set_term(screen);
	set_modes();
	if (has_colors() && start_color() == OK) {
		use_default_colors();
		init_pair(STYLE_TITLE, COLOR_WHITE, COLOR_BLUE);
		init_pair(STYLE_GOOD, COLOR_GREEN, -1);
		init_pair(STYLE_WARN, COLOR_YELLOW, -1);
		init_pair(STYLE_BAD, COLOR_RED, -1);
		init_pair(STYLE_HEAD, COLOR_CYAN, -1);
	}
	refresh();
	make_canvas();
	return true;
}

void draw_end(void)
{
	delwin(canvas);
	canvas = NULL;
	endwin();
	delscreen(screen);
}

void draw_suspend(void)
{
	def_prog_mode();
	endwin();
}

void draw_resume(void)
{
	reset_prog_mode();
	set_modes();
	flushinp();
	clearok(curscr, TRUE);
}

void draw_resize(void)
{
	make_canvas();
	clearok(curscr, TRUE);
}

int draw_rows(void)
{
	return getmaxy(canvas);
}

int draw_cols(void)
{
	return getmaxx(canvas);
}

int draw_screen_rows(void)
{
	return LINES;
}

int draw_screen_cols(void)
{
	return COLS;
}

bool draw_unicode(void)
{
	return unicode;
}

static attr_t attr_of(enum style style)
{
	bool color = has_colors();

	switch (style) {
	case STYLE_TITLE:
		return color ? (attr_t)COLOR_PAIR(STYLE_TITLE) | A_BOLD : A_REVERSE;
	case STYLE_HEAD:
		return color ? (attr_t)COLOR_PAIR(STYLE_HEAD) : A_BOLD;
	case STYLE_SELECTED:
		return A_REVERSE;
	case STYLE_GOOD:
		return color ? (attr_t)COLOR_PAIR(STYLE_GOOD) : A_NORMAL;
	case STYLE_WARN:
		return color ? (attr_t)COLOR_PAIR(STYLE_WARN) : A_BOLD;
	case STYLE_BAD:
		return color ? (attr_t)COLOR_PAIR(STYLE_BAD) | A_BOLD : A_BOLD;
	case STYLE_BOLD:
		return A_BOLD;
	default:
		return A_NORMAL;
	}
}

void draw_clear(void)
{
	werase(canvas);
	cursor_row = -1;
}

void draw_cursor(int row, int col)
{
	cursor_row = row;
	cursor_col = col;
}

/* First line (or column) shown, such that focus is inside and no space is wasted. */
static int first_shown(int focus, int shown, int all)
{
	int first = focus - shown / 2;

	if (first > all - shown)
		first = all - shown;
	return first < 0 ? 0 : first;
}

void draw_show(int row, int col, int shift, const char *note, bool repaint)
{
	int rows = LINES, cols = COLS, top, left;
	bool small = rows < draw_rows() || cols < draw_cols();

	/* The last line of a small terminal says that it is small. */
	if (small && rows > 1)
		rows--;
	top = first_shown(row, rows, draw_rows());
	left = first_shown(col, cols, draw_cols()) + shift;
	if (left > draw_cols() - cols)
		left = draw_cols() - cols;
	if (left < 0)
		left = 0;
	if (repaint)
		clearok(curscr, TRUE);
	/* stdscr lies below; it must not be flushed over the canvas later. */
	if (small && LINES > 1) {
		char small_note[64];

		snprintf(small_note, sizeof(small_note), "%dx%d: wants %dx%d. < > shift",
			 COLS, LINES, MIN_COLS, MIN_ROWS);
		mvwaddnstr(stdscr, LINES - 1, 0, *note ? note : small_note, COLS - 1);
		wclrtoeol(stdscr);
		touchline(stdscr, LINES - 1, 1);
	}
	wnoutrefresh(stdscr);
	touchwin(canvas);
	pnoutrefresh(canvas, top, left, 0, 0, rows - 1, cols - 1);
	curs_set(cursor_row >= 0 ? 1 : 0);
	if (cursor_row >= top && cursor_row < top + rows && cursor_col >= left &&
	    cursor_col < left + cols)
		wmove(newscr, cursor_row - top, cursor_col - left);
	doupdate();
}

/* Columns left of the canvas from col; 0 when the cell is outside. */
static int room(int row, int col)
{
	if (row < 0 || col < 0 || row >= draw_rows() || col >= draw_cols())
		return 0;
	return draw_cols() - col;
}

void draw_text(int row, int col, int width, enum style style, const char *text)
{
	int space = room(row, col), len = (int)strlen(text);

	if (width == 0)
		width = len;
	if (width > space)
		width = space;
	if (width <= 0)
		return;
	wattrset(canvas, (int)attr_of(style));
	mvwaddnstr(canvas, row, col, text, len < width ? len : width);
	if (len < width)
		mvwprintw(canvas, row, col + len, "%*s", width - len, "");
	wattrset(canvas, A_NORMAL);
}

void draw_right(int row, int col, int width, enum style style, const char *text)
{
	int len = (int)strlen(text);

	if (len >= width) {
		draw_text(row, col, width, style, text);
		return;
	}
	draw_text(row, col, width - len, style, "");
	draw_text(row, col + width - len, len, style, text);
}

void draw_format(int row, int col, int width, enum style style, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	draw_text(row, col, width, style, text);
}

void draw_char(int row, int col, enum style style, uint32_t ch, bool bold, bool reverse)
{
	attr_t attr = attr_of(style) | (bold ? A_BOLD : 0) | (reverse ? A_REVERSE : 0);
	wchar_t text[2] = {(wchar_t)ch, 0};
	cchar_t cell;

	if (room(row, col) <= 0)
		return;
	if (ch < 0x20 || (ch >= 0x7f && ch < 0xa0))
		text[0] = ch == 0 ? ' ' : '?';
	else if (ch >= 0xa0 && (!unicode || wcwidth((wchar_t)ch) != 1))
		text[0] = '?';
	if (setcchar(&cell, text, attr, (short)PAIR_NUMBER(attr), NULL) == OK)
		mvwadd_wch(canvas, row, col, &cell);
}

void draw_line(int row, int col, int width)
{
	if (room(row, col) < width)
		width = room(row, col);
	if (width > 0)
		mvwhline(canvas, row, col, ACS_HLINE, width);
}

void draw_frame(int row, int col, int rows, int cols, const char *title)
{
	if (rows < 2 || cols < 2 || room(row, col) < cols || row + rows > draw_rows())
		return;
	for (int i = 0; i < rows; i++)
		draw_text(row + i, col, cols, STYLE_NORMAL, "");
	mvwaddch(canvas, row, col, ACS_ULCORNER);
	mvwaddch(canvas, row, col + cols - 1, ACS_URCORNER);
	mvwaddch(canvas, row + rows - 1, col, ACS_LLCORNER);
	mvwaddch(canvas, row + rows - 1, col + cols - 1, ACS_LRCORNER);
	mvwhline(canvas, row, col + 1, ACS_HLINE, cols - 2);
	mvwhline(canvas, row + rows - 1, col + 1, ACS_HLINE, cols - 2);
	mvwvline(canvas, row + 1, col, ACS_VLINE, rows - 2);
	mvwvline(canvas, row + 1, col + cols - 1, ACS_VLINE, rows - 2);
	if (title && *title && cols > 6) {
		char text[128];

		snprintf(text, sizeof(text), " %.*s ", cols - 6, title);
		draw_text(row, col + 2, 0, STYLE_BOLD, text);
	}
}

void draw_bar(int row, int col, int width, double fraction, enum style style)
{
	int inner = width - 2, full;

	if (inner < 1)
		return;
	if (!(fraction > 0))
		fraction = 0;
	if (fraction > 1)
		fraction = 1;
	full = (int)(fraction * inner + 0.5);
	draw_text(row, col, 1, STYLE_NORMAL, "[");
	for (int i = 0; i < inner; i++)
		draw_text(row, col + 1 + i, 1, i < full ? style : STYLE_DIM,
			  i < full ? "#" : ".");
	draw_text(row, col + 1 + inner, 1, STYLE_NORMAL, "]");
}

void draw_spark(int row, int col, int width, const double *samples, int count, double top,
		enum style style)
{
	static const char ascii[] = " .:-=+*#%";

	if (width > count)
		width = count;
	samples += count - width;
	if (top <= 0)
		for (int i = 0; i < width; i++)
			if (samples[i] > top)
				top = samples[i];
	for (int i = 0; i < width; i++) {
		int level = top > 0 ? (int)(samples[i] / top * 8 + 0.5) : 0;

		if (level > 8)
			level = 8;
		/* Something is not nothing. */
		if (level == 0 && samples[i] > 0 && samples[i] * 100 >= top)
			level = 1;
		if (level < 0)
			level = 0;
		draw_char(row, col + i, style,
			  !unicode || !level ? (uint32_t)ascii[level]
					     : 0x2580u + (uint32_t)level,
			  false, false);
	}
}
