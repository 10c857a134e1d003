/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Drawing on the canvas: a pad of at least 80x24 cells, of which the terminal shows all,
 * or, when it is smaller, a part.  Nothing here draws outside of it.
 */
#ifndef KEEL_TUI_DRAW_H
#define KEEL_TUI_DRAW_H

#include <stdbool.h>
#include <stdint.h>

#define MIN_ROWS 24
#define MIN_COLS 80

/* What a text means; how that looks depends on the terminal. */
enum style {
	STYLE_NORMAL,
	STYLE_TITLE, /* first row of the screen, key bar */
	STYLE_HEAD,  /* head of a table, name of a field */
	STYLE_SELECTED,
	STYLE_GOOD,
	STYLE_WARN,
	STYLE_BAD,
	STYLE_DIM,
	STYLE_BOLD,
	STYLE_COUNT,
};

/* Takes the terminal; false when it cannot be used (no terminal type, not a terminal). */
bool draw_begin(void);
/* Gives it back as it was. */
void draw_end(void);

/* Gives the terminal to another program, and takes it back. */
void draw_suspend(void);
void draw_resume(void);

/* After a change of the terminal's size: a new canvas. */
void draw_resize(void);
int draw_rows(void);
int draw_cols(void);
/* The terminal's own size, which may be less than the canvas. */
int draw_screen_rows(void);
int draw_screen_cols(void);
/* True when characters outside ASCII may be shown. */
bool draw_unicode(void);

void draw_clear(void);
/*
 * Shows the canvas.  On a small terminal the part around (row, col) is shown, shifted by
 * shift columns, and note on the last line.  repaint sends everything again.
 */
void draw_show(int row, int col, int shift, const char *note, bool repaint);

/* Text in width columns: cut or filled up.  A width of 0 means: as long as it is. */
void draw_text(int row, int col, int width, enum style style, const char *text);
void draw_right(int row, int col, int width, enum style style, const char *text);
void draw_format(int row, int col, int width, enum style style, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* One character of Unicode, or '?' where the terminal cannot show it. */
void draw_char(int row, int col, enum style style, uint32_t ch, bool bold, bool reverse);

/* A horizontal line; a frame with a title. */
void draw_line(int row, int col, int width);
void draw_frame(int row, int col, int rows, int cols, const char *title);

/* "[#####.....]" for a fraction of 0..1, width columns with the brackets. */
void draw_bar(int row, int col, int width, double fraction, enum style style);

/* The last width of count samples, as heights of 0..top (top 0: their maximum). */
void draw_spark(int row, int col, int width, const double *samples, int count, double top,
		enum style style);

/* Puts the cursor there (it is hidden when row < 0). */
void draw_cursor(int row, int col);

#endif
