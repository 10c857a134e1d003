/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys: what curses decodes, and Esc followed by a digit as the F-key of that number
 * (0 is F10), for terminals whose F-keys do not arrive.
 */
#include <time.h>

#include <curses.h>

#include "tui/app.h"

/* How long a digit may take after Esc; then it was a lone Esc. */
#define ESC_MS 700

static bool esc_pending;
static int64_t esc_at;

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int after_escape(int key)
{
	esc_pending = false;
	if (key == '0')
		return KEY_F(10);
	if (key >= '1' && key <= '9')
		return KEY_F(key - '0');
	/* Esc Esc is one Esc; anything else: the Esc, then the key. */
	if (key != KEY_ESCAPE)
		ungetch(key);
	return KEY_ESCAPE;
}

int key_read(void)
{
	int key = wgetch(stdscr);

	if (key == ERR) {
		if (!esc_pending || now_ms() - esc_at < ESC_MS)
			return -1;
		esc_pending = false;
		return KEY_ESCAPE;
	}
	if (esc_pending && key != KEY_RESIZE)
		return after_escape(key);
	if (key == KEY_ESCAPE) {
		esc_pending = true;
		esc_at = now_ms();
		return key_read();
	}
	return key;
}

int key_wait_ms(void)
{
	int64_t left;

	if (!esc_pending)
		return -1;
	left = esc_at + ESC_MS - now_ms();
	return left < 0 ? 0 : (int)left + 1;
}
