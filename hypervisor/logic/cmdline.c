/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "logic/cmdline.h"
#include <string.h>

enum option_kind { STRING, NUMBER, FLAG };

struct option_row {
	enum option_kind kind;
	const char *name;
	size_t offset, size;
};

static const struct option_row rows[] = {
#define OPTION(kind_, field, name_, def, text)                                             \
	{.kind = kind_, .name = name_, .offset = offsetof(struct options, field),          \
	 .size = sizeof(((struct options *)0)->field)},
#include "options.def"
#undef OPTION
};

static void copy_string(char *dst, size_t size, const char *src, size_t n)
{
	n = MIN(n, size - 1);
	memcpy(dst, src, n);
	dst[n] = '\0';
}

void options_default(struct options *o)
{
	memset(o, 0, sizeof(*o));
#define DEFAULT_STRING(field, def) copy_string(o->field, sizeof(o->field), def, strlen(def))
#define DEFAULT_NUMBER(field, def) (o->field = (def))
#define DEFAULT_FLAG(field, def)   (o->field = (def))
#define OPTION(kind, field, name, def, text) DEFAULT_##kind(field, def);
#include "options.def"
#undef OPTION
}

static bool name_is(const char *s, size_t n, const char *name)
{
	if (strlen(name) != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		char a = s[i] == '-' ? '_' : s[i], b = name[i] == '-' ? '_' : name[i];

		if (a != b)
			return false;
	}
	return true;
}

static const struct option_row *find_option(const char *s, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (name_is(s, n, rows[i].name))
			return &rows[i];
	return NULL;
}

/* @value is NULL for a bare name. */
static bool parse_flag(const char *value, size_t n, bool *out)
{
	static const char *const yes[] = {"1", "yes", "on", "true", "enable"};
	static const char *const no[] = {"0", "no", "off", "false", "disable"};

	if (!value) {
		*out = true;
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		bool is_yes = name_is(value, n, yes[i]);

		if (is_yes || name_is(value, n, no[i])) {
			*out = is_yes;
			return true;
		}
	}
	return false;
}

static bool set_option(struct options *o, const struct option_row *row, const char *value, size_t n)
{
	void *field = (char *)o + row->offset;
	const char *end;
	u64 number;

	switch (row->kind) {
	case FLAG:
		return parse_flag(value, n, field);
	case NUMBER:
		if (!value || !parse_u64(value, &end, &number) || end != value + n ||
		    number > UINT32_MAX)
			return false;
		*(u32 *)field = (u32)number;
		return true;
	case STRING:
		if (!value || n >= row->size)
			return false;
		copy_string(field, row->size, value, n);
		return true;
	}
	return false;
}

static bool parse_word(struct options *o, const char *word, size_t n)
{
	const char *eq = memchr(word, '=', n);
	size_t name_len = eq ? (size_t)(eq - word) : n;
	const struct option_row *row = find_option(word, name_len);

	if (row)
		return set_option(o, row, eq ? eq + 1 : NULL, eq ? n - name_len - 1 : 0);
	if (!eq && n > 3 && strncmp(word, "no-", 3) == 0) {
		row = find_option(word + 3, n - 3);
		if (row && row->kind == FLAG)
			return set_option(o, row, "0", 1);
	}
	return false;
}

u32 options_parse(struct options *o, const char *cmdline, char *bad, size_t bad_size)
{
	u32 wrong = 0;

	copy_string(o->command_line, sizeof(o->command_line), cmdline, strlen(cmdline));
	for (const char *s = cmdline; *s;) {
		size_t n = 0;

		while (*s == ' ' || *s == '\t')
			s++;
		while (s[n] && s[n] != ' ' && s[n] != '\t')
			n++;
		if (n && !parse_word(o, s, n) && wrong++ == 0)
			copy_string(bad, bad_size, s, n);
		s += n;
	}
	return wrong;
}

static u32 digit(char c)
{
	if (c >= '0' && c <= '9')
		return (u32)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (u32)(c - 'a' + 10);
	if (c >= 'A' && c <= 'F')
		return (u32)(c - 'A' + 10);
	return 99;
}

bool parse_u64(const char *s, const char **end, u64 *val)
{
	u32 base = 10;
	u64 v = 0;
	bool any = false;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		base = 16;
		s += 2;
	} else if (s[0] == '0') {
		base = 8;
	}
	for (; digit(*s) < base; s++, any = true)
		if (__builtin_mul_overflow(v, (u64)base, &v) ||
		    __builtin_add_overflow(v, (u64)digit(*s), &v))
			return false;
	*end = s;
	*val = v;
	return any;
}

bool parse_size(const char *s, const char **end, u64 *bytes)
{
	u32 shift = 10;
	u64 v;

	if (!parse_u64(s, end, &v))
		return false;
	switch (**end | 0x20) {
	case 'b':
		shift = 0;
		break;
	case 'k':
		break;
	case 'm':
		shift = 20;
		break;
	case 'g':
		shift = 30;
		break;
	case 't':
		shift = 40;
		break;
	default:
		(*end)--;
	}
	(*end)++;
	if (v > UINT64_MAX >> shift)
		return false;
	*bytes = v << shift;
	return true;
}

/* BAUD[/CLOCK] or "auto" */
static const char *parse_speed(struct uart_config *cfg, const char *s)
{
	u64 v;

	if (strncmp(s, "auto", 4) == 0) {
		cfg->baud = 0;
		return s + 4;
	}
	if (!parse_u64(s, &s, &v) || !v || v > 4000000)
		return NULL;
	cfg->baud = (u32)v;
	if (*s == '/') {
		if (!parse_u64(s + 1, &s, &v) || !v || v > UINT32_MAX)
			return NULL;
		cfg->clock_hz = (u32)v;
	}
	return s;
}

static const char *parse_frame(struct uart_config *cfg, const char *s)
{
	if (*s == ',' || !*s)
		return s;
	if (s[0] < '5' || s[0] > '8' || !s[1] || !strchr("noems", s[1]) || s[2] < '1' || s[2] > '2')
		return NULL;
	cfg->data_bits = (u8)(s[0] - '0');
	cfg->parity = s[1];
	cfg->stop_bits = (u8)(s[2] - '0');
	return s + 3;
}

bool uart_config_parse(struct uart_config *cfg, const char *s)
{
	u64 v;

	if (*s && *s != ',')
		s = parse_speed(cfg, s);
	if (s && *s == ',')
		s = parse_frame(cfg, s + 1);
	if (s && *s == ',') {
		if (!parse_u64(s + 1, &s, &cfg->base))
			return false;
	}
	if (s && *s == ',') {
		if (!parse_u64(s + 1, &s, &v) || v > 255)
			return false;
		cfg->irq = (u32)v;
	}
	return s && !*s;
}

bool list_has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	while (*list) {
		size_t k = 0;

		while (list[k] && list[k] != ',')
			k++;
		if (k == n && strncmp(list, word, n) == 0)
			return true;
		list += k;
		if (*list == ',')
			list++;
	}
	return false;
}
