/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Escape-sequence filter (ECMA-48, DEC VT510 manual, XTerm control sequences). */
#include "console-filter.h"

#include <string.h>

enum { GROUND, UTF8, ESC, ESC_MID, CSI, SKIP_CSI, STRING, STRING_ESC };

void kfilter_init(struct kfilter *f, bool plain)
{
	memset(f, 0, sizeof(*f));
	f->plain = plain;
	f->g0 = f->g1 = 'B';
}

/*
 * Strings (OSC, DCS) are dropped as they come; they end by BEL, ST, CAN or SUB, and a
 * line feed ends them too, lest one unfinished string hide all later output.
 */
size_t kfilter_pending(const struct kfilter *f)
{
	return f->back;
}

void kfilter_break(struct kfilter *f)
{
	f->state = GROUND;
	f->len = 0;
	f->back = 0;
	f->repeatable = false;
}

struct csi {
	uint8_t leader, mid, final;
	unsigned n;
	unsigned arg[16];
};

/* Splits f->seq (ESC [ ... final); false when it has no ordinary form. */
static bool csi_split(const struct kfilter *f, struct csi *c)
{
	unsigned i = 2, end = f->len - 1u;

	memset(c, 0, sizeof(*c));
	c->final = f->seq[end];
	if (i < end && f->seq[i] >= '<' && f->seq[i] <= '?')
		c->leader = f->seq[i++];
	for (; i < end && f->seq[i] >= '0' && f->seq[i] <= ';'; i++) {
		if (f->seq[i] > '9') {
			if (++c->n >= 16)
				return false;
			continue;
		}
		c->arg[c->n] = c->arg[c->n] * 10 + (f->seq[i] - '0');
		if (c->arg[c->n] > 9999)
			return false;
	}
	if (i < end && f->seq[i] >= 0x20 && f->seq[i] <= 0x2f)
		c->mid = f->seq[i++];
	c->n++;
	return i == end;
}

static bool private_mode_ok(unsigned m)
{
	switch (m) {
	case 1:
	case 5:
	case 6:
	case 7:
	case 12:
	case 25:
	case 9:
	case 1000:
	case 1002:
	case 1003:
	case 1005:
	case 1006:
	case 1015:
	case 47:
	case 1047:
	case 1048:
	case 1049:
	case 2004:
		return true;
	default:
		return false;
	}
}

static void note_mode(struct kfilter *f, const struct csi *c, unsigned m, bool on)
{
	if (!c->leader) {
		if (m == 4)
			f->insert = on;
		return;
	}
	switch (m) {
	case 1:
		f->appcursor = on;
		break;
	case 6:
		f->origin = on;
		break;
	case 7:
		f->nowrap = !on;
		break;
	case 2004:
		f->paste = on;
		break;
	}
}

static bool modes_ok(struct kfilter *f, const struct csi *c)
{
	for (unsigned i = 0; i < c->n; i++) {
		unsigned m = c->arg[i];

		if (c->leader ? c->leader != '?' || !private_mode_ok(m)
			      : m != 4 && m != 20)
			return false;
	}
	for (unsigned i = 0; i < c->n; i++)
		note_mode(f, c, c->arg[i], c->final == 'h');
	return true;
}

static void soft_reset(struct kfilter *f)
{
	f->margin_top = f->margin_bottom = 0;
	f->g0 = f->g1 = 'B';
	f->shifted = f->origin = f->nowrap = f->insert = false;
	f->appcursor = f->appkeypad = false;
}

static bool csi_ok(struct kfilter *f)
{
	struct csi c;

	if (!csi_split(f, &c))
		return false;
	if (c.final == 'h' || c.final == 'l')
		return !c.mid && modes_ok(f, &c);
	if (c.mid == '!' && c.final == 'p' && !c.leader) {
		soft_reset(f);
		return true;
	}
	if (c.mid)
		return c.mid == ' ' && c.final == 'q' && !c.leader;
	if (c.leader) /* selective erase is the only other private one that draws */
		return c.leader == '?' && (c.final == 'J' || c.final == 'K');
	if (c.final == 'r') {
		f->margin_top = (uint16_t)c.arg[0];
		f->margin_bottom = (uint16_t)c.arg[1];
		return true;
	}
	if (c.final == 'J' && c.arg[0] == 3)
		return false; /* would wipe the viewer's own scrollback */
	/* REP with nothing to repeat, or what has no width: libvterm never returns. */
	if (c.final == 'b')
		return f->repeatable;
	return strchr("@ABCDEFGHIJKLMPSTXZ`adefgmsu", c.final) != NULL;
}

static bool esc_ok(struct kfilter *f)
{
	uint8_t a = f->seq[1];

	if (f->len == 3) {    /* designation of a character set, DECALN */
		if (a == '#') /* no double lines: a repaint could not tell of them */
			return f->seq[2] == '8';
		if (!strchr("()*+", a) || !strchr("0AB", f->seq[2]))
			return false;
		if (a == '(')
			f->g0 = f->seq[2];
		if (a == ')')
			f->g1 = f->seq[2];
		return true;
	}
	if (f->len != 2)
		return false;
	if (a == 'c') {
		soft_reset(f);
		f->paste = false;
		return true;
	}
	if (a == '=' || a == '>')
		f->appkeypad = a == '=';
	return strchr("78DEHM=>", a) != NULL;
}

/* Ends the withheld sequence: writes it out if it is good. */
static size_t release(struct kfilter *f, bool good, uint8_t *out)
{
	size_t n = 0;

	if (good && !f->plain) {
		memcpy(out, f->seq, f->len);
		n = f->len;
		f->repeatable = false;
	}
	f->len = 0;
	f->state = GROUND;
	return n;
}

static void hold(struct kfilter *f, uint8_t b, uint8_t state)
{
	f->state = state;
	if (f->len < KFILTER_SEQ_MAX) {
		f->seq[f->len++] = b;
		return;
	}
	f->len = 0; /* too long to be meant well: dropped to its end */
	f->state = SKIP_CSI;
}

static bool control_ok(struct kfilter *f, uint8_t b)
{
	if (b == '\n' || b == '\t')
		return true;
	if (f->plain)
		return false;
	if (b == 0x0e || b == 0x0f)
		f->shifted = b == 0x0e;
	return b == '\a' || b == '\b' || (b >= 0x0b && b <= 0x0f);
}

static size_t ground(struct kfilter *f, uint8_t b, uint8_t *out)
{
	if (b == 0x1b) {
		hold(f, b, ESC);
		return 0;
	}
	if (b < 0x20) {
		*out = b;
		return control_ok(f, b);
	}
	if (b == 0x7f)
		return 0;
	if (b < 0x80) {
		*out = b;
		return 1;
	}
	if (b >= 0xc2 && b <= 0xf4) {
		f->need = b < 0xe0 ? 1 : b < 0xf0 ? 2 : 3;
		hold(f, b, UTF8);
		return 0;
	}
	*out = '?'; /* a stray byte: some terminals take 0x80..0x9f for controls */
	return 1;
}

/* Overlong forms, surrogates and C1 controls must not come through as UTF-8. */
static bool utf8_ok(const struct kfilter *f)
{
	const uint8_t *s = f->seq;

	if (s[0] == 0xc2 && s[1] < 0xa0)
		return false;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f))
		return false;
	return !((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f));
}

static size_t in_utf8(struct kfilter *f, uint8_t b, uint8_t *out)
{
	bool good;

	if ((b & 0xc0) != 0x80) { /* broken off: a mark for it, then b anew */
		f->len = 0;
		f->state = GROUND;
		*out = '?';
		return 1 + ground(f, b, out + 1);
	}
	f->seq[f->len++] = b;
	if (--f->need)
		return 0;
	good = utf8_ok(f);
	f->repeatable = false;
	if (good) {
		memcpy(out, f->seq, f->len);
		b = f->len;
	} else {
		*out = '?';
		b = 1;
	}
	f->len = 0;
	f->state = GROUND;
	return b;
}

static size_t in_esc(struct kfilter *f, uint8_t b, uint8_t *out)
{
	bool first = f->state == ESC;

	if (first && b == '[') {
		hold(f, b, CSI);
	} else if (first && b && strchr("]PX^_", b)) {
		f->len = 0;
		f->state = STRING;
	} else if (b >= 0x20 && b <= 0x2f) {
		hold(f, b, ESC_MID);
	} else if (b >= 0x30 && b <= 0x7e) {
		hold(f, b, ESC);
		return release(f, esc_ok(f), out);
	} else {
		f->len = 0;
		f->state = GROUND;
		return ground(f, b, out);
	}
	return 0;
}

static size_t in_csi(struct kfilter *f, uint8_t b, uint8_t *out)
{
	if (b >= 0x20 && b <= 0x3f) {
		hold(f, b, CSI);
		return 0;
	}
	if (b >= 0x40 && b <= 0x7e) {
		hold(f, b, CSI);
		return f->state == CSI ? release(f, csi_ok(f), out) : 0;
	}
	/* A control inside a sequence: the sequence is given up. */
	f->len = 0;
	f->state = GROUND;
	return ground(f, b, out);
}

static size_t in_string(struct kfilter *f, uint8_t b, uint8_t *out)
{
	if (f->state == STRING_ESC && b == '\\') {
		f->state = GROUND;
	} else if (b == 0x1b) {
		f->state = STRING_ESC;
	} else if (b == '\a' || b == 0x18 || b == 0x1a) {
		f->state = GROUND;
	} else if (b == '\n') {
		f->state = GROUND;
		*out = b;
		return 1;
	} else {
		f->state = STRING;
	}
	return 0;
}

static size_t step(struct kfilter *f, uint8_t b, uint8_t *out)
{
	switch (f->state) {
	case GROUND:
		return ground(f, b, out);
	case UTF8:
		return in_utf8(f, b, out);
	case ESC:
	case ESC_MID:
		return in_esc(f, b, out);
	case CSI:
		return in_csi(f, b, out);
	case SKIP_CSI:
		if (b < 0x20 || (b >= 0x40 && b <= 0x7e))
			f->state = GROUND;
		return 0;
	default:
		return in_string(f, b, out);
	}
}

/* Keeps count of the bytes since the last boundary between sequences. */
static void count_back(struct kfilter *f)
{
	if (f->state == GROUND)
		f->back = 0;
	else if (f->len == 1)
		f->back = 1;
	else
		f->back++;
}

/* True when none of the eight bytes at p is below 0x20, 0x7f or above. */
static bool all_text(const uint8_t *p)
{
	const uint64_t ones = ~0ull / 255;
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	/* Once no byte has its top bit, neither addition carries into the next. */
	return !((v | (v + ones)) & ones << 7) && !(~(v + ones * 0x60) & ones << 7);
}

/* Length of the run of plain printable bytes at p. */
static size_t text_run(const uint8_t *p, size_t n)
{
	size_t i = 0;

	while (i + 8 <= n && all_text(p + i))
		i += 8;
	while (i < n && p[i] >= 0x20 && p[i] < 0x7f)
		i++;
	return i;
}

size_t kfilter_run(struct kfilter *f, const uint8_t *in, size_t n, uint8_t *out)
{
	size_t i = 0, o = 0, run;

	while (i < n) {
		run = f->state == GROUND ? text_run(in + i, n - i) : 0;
		if (run)
			f->repeatable = true;
		memcpy(out + o, in + i, run);
		i += run;
		o += run;
		if (i == n)
			break;
		o += step(f, in[i++], out + o);
		count_back(f);
	}
	return o;
}
