/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The escape-sequence filter between a guest's bytes and a terminal.
 *
 * Allow-list: printable text, harmless controls, and the sequences that draw.
 * Whatever makes a terminal answer (DA, DSR, DECRQSS, title and colour
 * reports), execute or store (OSC 52, printing, DECUDK, APC) is left out.
 * Pure: no I/O, no allocation; the state is the caller's.
 *
 * A sequence is emitted whole or not at all; the beginning of one is withheld
 * until its end arrives, across any split of the input.
 */
#ifndef KEEL_CONSOLE_FILTER_H
#define KEEL_CONSOLE_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KFILTER_SEQ_MAX 128

struct kfilter {
	uint8_t state;
	bool plain; /* text only: no sequence passes, CR and BS neither */
	uint8_t len;
	uint8_t need; /* UTF-8 continuation bytes to come */
	uint8_t seq[KFILTER_SEQ_MAX];
	size_t back; /* input bytes since the last boundary between sequences */
	/* What a repaint must restore and a terminal model does not tell. */
	bool repeatable; /* what came out last is one plain character */
	uint16_t margin_top, margin_bottom; /* DECSTBM, 1-based; 0: whole screen */
	uint8_t g0, g1;			    /* designated set: 'B' or '0', ... */
	bool shifted, origin, nowrap, insert, appcursor, appkeypad, paste;
};

void kfilter_init(struct kfilter *f, bool plain);
/* Breaks off what was begun: the terminal behind is not where this filter was. */
void kfilter_break(struct kfilter *f);

/*
 * Filters n bytes into out, which must hold n + KFILTER_SEQ_MAX bytes.
 * Returns the bytes written.
 */
size_t kfilter_run(struct kfilter *f, const uint8_t *in, size_t n, uint8_t *out);

/*
 * How many bytes back the last boundary between sequences is: a fresh filter
 * that starts there goes on exactly as this one would, but for a REP whose
 * character lies before it.
 */
size_t kfilter_pending(const struct kfilter *f);

#endif
