/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hypervisor's command line: options.def says what there is. PURE. */
#pragma once
#include "logic/options.h"

/* Sets every option to its default. */
void options_default(struct options *o);
/* Applies @cmdline. Returns how many words it did not understand; the first of them is copied to
 * @bad (cut to @bad_size). */
u32 options_parse(struct options *o, const char *cmdline, char *bad, size_t bad_size);

/* Number in base 8, 10 or 16 by its prefix; *end = first character after it. False if there is no
 * digit or it does not fit 64 bits. */
bool parse_u64(const char *s, const char **end, u64 *val);
/* The same with K, M, G, T behind it, in bytes; plain numbers are KiB, as usual for dom0_mem=. */
bool parse_size(const char *s, const char **end, u64 *bytes);

/* A serial port as com1= describes it. */
struct uart_config {
	u32 baud;      /* 0 = as the firmware left it */
	u32 clock_hz;
	u8 data_bits, stop_bits;
	char parity;   /* n o e m s */
	u64 base;      /* port (< 0x10000) or machine address */
	u32 irq;       /* 0 = polled */
};
/* @cfg holds the defaults for what @s leaves out. False (and @cfg undefined) if it is malformed. */
bool uart_config_parse(struct uart_config *cfg, const char *s);

/* Does the comma-separated @list have @word? */
bool list_has_word(const char *list, const char *word);
