/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "terminal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vterm.h>

struct terminal {
	VTerm *vt;
	VTermScreen *screen;
	VTermState *state;
	bool visible, alt;
	int mouse, shape;
	unsigned cols, rows;
};

static int on_prop(VTermProp prop, VTermValue *v, void *user)
{
	struct terminal *t = user;

	switch (prop) {
	case VTERM_PROP_CURSORVISIBLE:
		t->visible = v->boolean;
		break;
	case VTERM_PROP_ALTSCREEN:
		t->alt = v->boolean;
		break;
	case VTERM_PROP_MOUSE:
		t->mouse = v->number;
		break;
	case VTERM_PROP_CURSORSHAPE:
		t->shape = v->number;
		break;
	default:
		break;
	}
	return 1;
}

static const VTermScreenCallbacks callbacks = {.settermprop = on_prop};

struct terminal *terminal_new(unsigned cols, unsigned rows)
{
	struct terminal *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->vt = vterm_new((int)rows, (int)cols);
	if (!t->vt) {
		free(t);
		return NULL;
	}
	t->cols = cols;
	t->rows = rows;
	vterm_set_utf8(t->vt, 1);
	t->screen = vterm_obtain_screen(t->vt);
	t->state = vterm_obtain_state(t->vt);
	vterm_screen_set_callbacks(t->screen, &callbacks, t);
	vterm_screen_enable_altscreen(t->screen, 1);
	vterm_screen_set_damage_merge(t->screen, VTERM_DAMAGE_SCREEN);
	vterm_screen_reset(t->screen, 1);
	t->visible = true;
	return t;
}

void terminal_free(struct terminal *t)
{
	if (!t)
		return;
	vterm_free(t->vt);
	free(t);
}

static unsigned clamp(int at, unsigned size)
{
	return at < 0 ? 0 : (unsigned)at < size ? (unsigned)at : size - 1;
}

/*
 * libvterm leaves the cursor above a screen that shrinks under it, and the saved
 * one and the margins outside; whatever then is written there kills us.
 */
void terminal_resize(struct terminal *t, unsigned cols, unsigned rows)
{
	char put[64];
	VTermPos p;
	int n;

	t->cols = cols;
	t->rows = rows;
	vterm_set_size(t->vt, (int)rows, (int)cols);
	vterm_state_get_cursorpos(t->state, &p);
	n = snprintf(put, sizeof(put), "\033[r\033[H\0337\033[%u;%uH",
		     clamp(p.row, rows) + 1, clamp(p.col, cols) + 1);
	terminal_feed(t, put, (size_t)n);
}

void terminal_size(const struct terminal *t, unsigned *cols, unsigned *rows)
{
	*cols = t->cols;
	*rows = t->rows;
}

void terminal_feed(struct terminal *t, const void *bytes, size_t n)
{
	vterm_input_write(t->vt, bytes, n);
	vterm_screen_flush_damage(t->screen);
}

static void set_colour(const VTermColor *c, uint16_t set, uint16_t rgb, uint16_t *attr,
		       uint8_t out[3])
{
	if (VTERM_COLOR_IS_DEFAULT_FG(c) || VTERM_COLOR_IS_DEFAULT_BG(c))
		return;
	*attr |= set;
	if (VTERM_COLOR_IS_INDEXED(c)) {
		out[0] = c->indexed.idx;
		return;
	}
	*attr |= rgb;
	out[0] = c->rgb.red;
	out[1] = c->rgb.green;
	out[2] = c->rgb.blue;
}

static void convert(const VTermScreenCell *v, struct kcon_cell *c)
{
	memset(c, 0, sizeof(*c));
	c->ch = v->chars[0] == (uint32_t)-1 ? 0 : v->chars[0] ? v->chars[0] : ' ';
	c->attr = (uint16_t)((v->attrs.bold ? KCON_A_BOLD : 0) |
			     (v->attrs.underline ? KCON_A_UNDERLINE : 0) |
			     (v->attrs.italic ? KCON_A_ITALIC : 0) |
			     (v->attrs.blink ? KCON_A_BLINK : 0) |
			     (v->attrs.reverse ? KCON_A_REVERSE : 0) |
			     (v->attrs.strike ? KCON_A_STRIKE : 0));
	set_colour(&v->fg, KCON_A_FG, KCON_A_FG_RGB, &c->attr, c->fg);
	set_colour(&v->bg, KCON_A_BG, KCON_A_BG_RGB, &c->attr, c->bg);
}

void terminal_cell(struct terminal *t, unsigned row, unsigned col, struct kcon_cell *c)
{
	VTermPos pos = {.row = (int)row, .col = (int)col};
	VTermScreenCell v;

	memset(&v, 0, sizeof(v));
	vterm_screen_get_cell(t->screen, pos, &v);
	convert(&v, c);
}

void terminal_cursor(struct terminal *t, unsigned *x, unsigned *y, bool *visible)
{
	VTermPos pos;

	vterm_state_get_cursorpos(t->state, &pos);
	*x = pos.col < 0 ? 0 : (unsigned)pos.col;
	*y = pos.row < 0 ? 0 : (unsigned)pos.row;
	*visible = t->visible;
}

/* ---- repaint ---- */

struct text {
	char *p;
	size_t len, cap;
	bool failed;
};

static void add(struct text *o, const char *p, size_t n)
{
	if (o->failed)
		return;
	if (o->len + n > o->cap) {
		size_t cap = (o->len + n) * 2 + 4096;
		char *b = realloc(o->p, cap);

		if (!b) {
			o->failed = true;
			return;
		}
		o->p = b;
		o->cap = cap;
	}
	memcpy(o->p + o->len, p, n);
	o->len += n;
}

__attribute__((format(printf, 2, 3))) static void addf(struct text *o, const char *fmt,
						       ...)
{
	char b[128];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(b, sizeof(b), fmt, ap);
	va_end(ap);
	add(o, b, (size_t)n);
}

static void add_utf8(struct text *o, uint32_t c)
{
	char b[4];
	size_t n;

	if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c > 0x10ffff ||
	    (c >= 0xd800 && c < 0xe000))
		c = c ? '?' : ' ';
	if (c < 0x80) {
		b[0] = (char)c;
		n = 1;
	} else if (c < 0x800) {
		b[0] = (char)(0xc0 | c >> 6);
		n = 2;
	} else if (c < 0x10000) {
		b[0] = (char)(0xe0 | c >> 12);
		n = 3;
	} else {
		b[0] = (char)(0xf0 | c >> 18);
		n = 4;
	}
	for (size_t i = 1; i < n; i++)
		b[i] = (char)(0x80 | (c >> 6 * (n - 1 - i) & 0x3f));
	add(o, b, n);
}

static void add_colour(struct text *o, int base, bool rgb, const uint8_t c[3])
{
	if (rgb)
		addf(o, ";%d;2;%d;%d;%d", base + 8, c[0], c[1], c[2]);
	else if (c[0] < 8)
		addf(o, ";%d", base + c[0]);
	else if (c[0] < 16)
		addf(o, ";%d", base + 60 + c[0] - 8);
	else
		addf(o, ";%d;5;%d", base + 8, c[0]);
}

static void add_pen(struct text *o, const struct kcon_cell *c)
{
	static const char sgr[] = {1, 4, 3, 5, 7, 9};

	add(o, "\033[0", 3);
	for (int i = 0; i < 6; i++) {
		if (c->attr & 1 << i)
			addf(o, ";%d", sgr[i]);
	}
	if (c->attr & KCON_A_FG)
		add_colour(o, 30, c->attr & KCON_A_FG_RGB, c->fg);
	if (c->attr & KCON_A_BG)
		add_colour(o, 40, c->attr & KCON_A_BG_RGB, c->bg);
	add(o, "m", 1);
}

static bool same_pen(const struct kcon_cell *a, const struct kcon_cell *b)
{
	return a->attr == b->attr && !memcmp(a->fg, b->fg, 3) && !memcmp(a->bg, b->bg, 3);
}

/* Columns of a row up to the last one that is not a bare blank. */
static unsigned row_width(struct terminal *t, unsigned row)
{
	struct kcon_cell c;
	unsigned w = t->cols;

	for (; w > 0; w--) {
		terminal_cell(t, row, w - 1, &c);
		if (c.ch != ' ' || c.attr)
			break;
	}
	return w;
}

/* Ranges that some terminal takes for two columns wide (UAX #11: W and F). */
static bool may_be_wide(uint32_t c)
{
	static const uint32_t ranges[][2] = {
		{0x1100, 0x115f},  {0x231a, 0x232a}, {0x23e9, 0x23f3}, {0x25fd, 0x27bf},
		{0x2b1b, 0x2b55},  {0x2e80, 0xa4cf}, {0xa960, 0xa97c}, {0xac00, 0xd7a3},
		{0xf900, 0xfaff},  {0xfe10, 0xfe6f}, {0xff00, 0xff60}, {0xffe0, 0xffe6},
		{0x16fe0, 0x3fffd}};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (c >= ranges[i][0] && c <= ranges[i][1])
			return true;
	}
	return false;
}

/*
 * Paints one cell; returns whether the cursor surely stands on the next column
 * then.  How wide anything but ASCII is, terminals do not agree about, and half
 * of a wide character may have been overwritten.
 */
static bool paint_cell(struct text *o, struct terminal *t, unsigned row, unsigned col)
{
	VTermPos pos = {.row = (int)row, .col = (int)col};
	VTermScreenCell v;

	memset(&v, 0, sizeof(v));
	vterm_screen_get_cell(t->screen, pos, &v);
	/* Left there by an insertion; printed, it would begin the next row. */
	if (col + 1 == t->cols && may_be_wide(v.chars[0]))
		v.chars[0] = '?';
	add_utf8(o, v.chars[0]);
	/* A mark behind the last column would begin the next row on some. */
	for (int i = 1; col + 1 < t->cols && i < VTERM_MAX_CHARS_PER_CELL && v.chars[0] &&
			v.chars[i];
	     i++)
		add_utf8(o, v.chars[i]);
	return v.chars[0] < 0x7f && !(v.chars[0] && v.chars[1]);
}

static void paint_row(struct text *o, struct terminal *t, unsigned row,
		      struct kcon_cell *pen)
{
	unsigned w = row_width(t, row);
	bool sure = true;
	struct kcon_cell c;

	if (w)
		addf(o, "\033[%uH", row + 1);
	if (w && w < t->cols) /* the blank that took half of a wide character */
		w++;
	for (unsigned col = 0; col < w; col++) {
		terminal_cell(t, row, col, &c);
		if (!c.ch) { /* right half of the character before */
			sure = false;
			continue;
		}
		if (!sure)
			addf(o, "\033[%uG", col + 1);
		if (!same_pen(&c, pen)) {
			add_pen(o, &c);
			*pen = c;
		}
		sure = paint_cell(o, t, row, col);
	}
}

static void pen_bool(VTermState *s, VTermAttr a, uint16_t bit, struct kcon_cell *c)
{
	VTermValue v;

	if (vterm_state_get_penattr(s, a, &v) && v.boolean)
		c->attr |= bit;
}

/* The pen the guest writes with next. */
static void current_pen(struct terminal *t, struct kcon_cell *c)
{
	VTermValue v;

	memset(c, 0, sizeof(*c));
	pen_bool(t->state, VTERM_ATTR_BOLD, KCON_A_BOLD, c);
	pen_bool(t->state, VTERM_ATTR_UNDERLINE, KCON_A_UNDERLINE, c);
	pen_bool(t->state, VTERM_ATTR_ITALIC, KCON_A_ITALIC, c);
	pen_bool(t->state, VTERM_ATTR_BLINK, KCON_A_BLINK, c);
	pen_bool(t->state, VTERM_ATTR_REVERSE, KCON_A_REVERSE, c);
	pen_bool(t->state, VTERM_ATTR_STRIKE, KCON_A_STRIKE, c);
	if (vterm_state_get_penattr(t->state, VTERM_ATTR_FOREGROUND, &v))
		set_colour(&v.color, KCON_A_FG, KCON_A_FG_RGB, &c->attr, c->fg);
	if (vterm_state_get_penattr(t->state, VTERM_ATTR_BACKGROUND, &v))
		set_colour(&v.color, KCON_A_BG, KCON_A_BG_RGB, &c->attr, c->bg);
}

static void mode(struct text *o, unsigned m, bool on)
{
	addf(o, "\033[?%u%c", m, on ? 'h' : 'l');
}

/*
 * A known state to start from, whatever was on this terminal before.  Nothing
 * wraps while it is painted: half a wide character may stand in the last column.
 */
static void paint_prologue(struct text *o, const struct terminal *t)
{
	addf(o, "\033[!p\033(B\033)B\017\033[?25l\033[?5l\033[?6l\033[?7l\033[4l\033[r");
	mode(o, 1049, false);
	if (t->alt)
		mode(o, 1049, true);
	addf(o, "\033[0m\033[H\033[2J");
}

static void paint_modes(struct text *o, const struct terminal *t, const struct kfilter *f)
{
	static const unsigned mouse[] = {0, 1000, 1002, 1003};

	if (f->margin_top || f->margin_bottom)
		addf(o, "\033[%u;%ur", f->margin_top ? f->margin_top : 1,
		     f->margin_bottom ? f->margin_bottom : t->rows);
	if (f->g0 != 'B')
		addf(o, "\033(%c", f->g0);
	if (f->g1 != 'B')
		addf(o, "\033)%c", f->g1);
	if (f->shifted)
		add(o, "\016", 1);
	mode(o, 1, f->appcursor);
	addf(o, "\033%c", f->appkeypad ? '=' : '>');
	mode(o, 2004, f->paste);
	if (t->mouse > 0 && t->mouse < 4)
		mode(o, mouse[t->mouse], true);
}

static void paint_cursor(struct text *o, struct terminal *t, const struct kfilter *f)
{
	unsigned x, y, top = f->origin && f->margin_top ? f->margin_top - 1u : 0;
	bool visible;

	terminal_cursor(t, &x, &y, &visible);
	if (!f->nowrap)
		mode(o, 7, true);
	if (f->insert)
		addf(o, "\033[4h");
	if (f->origin)
		mode(o, 6, true);
	addf(o, "\033[%u;%uH", (y >= top ? y - top : 0) + 1, x + 1);
	mode(o, 25, visible);
}

uint8_t *terminal_paint(struct terminal *t, const struct kfilter *f, size_t *n)
{
	struct text o = {0};
	struct kcon_cell pen = {0};

	paint_prologue(&o, t);
	for (unsigned row = 0; row < t->rows; row++)
		paint_row(&o, t, row, &pen);
	current_pen(t, &pen);
	add_pen(&o, &pen);
	paint_modes(&o, t, f);
	paint_cursor(&o, t, f);
	if (o.failed) {
		free(o.p);
		return NULL;
	}
	*n = o.len;
	return (uint8_t *)o.p;
}
