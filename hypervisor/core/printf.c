/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Formatted output into a buffer: the subset of printf() that core/log.h names. Output past the
 * buffer's end is dropped but counted, as with snprintf(). */
#include "core/log.h"
#include "string.h"

struct out {
	char *buf;
	size_t size, pos;
};

struct spec {
	bool left, zero, plus, space, alt;
	u32 width;
	int precision; /* -1 = none */
	u8 length;     /* bytes of the integer argument */
};

static void put(struct out *o, char c)
{
	if (o->pos + 1 < o->size)
		o->buf[o->pos] = c;
	o->pos++;
}

static void pad(struct out *o, char c, u32 n)
{
	while (n-- > 0)
		put(o, c);
}

static void put_string(struct out *o, const struct spec *sp, const char *s)
{
	size_t len;

	if (!s)
		s = "(null)";
	len = sp->precision >= 0 ? strnlen(s, (size_t)sp->precision) : strlen(s);
	if (!sp->left && sp->width > len)
		pad(o, ' ', sp->width - (u32)len);
	for (size_t i = 0; i < len; i++)
		put(o, s[i]);
	if (sp->left && sp->width > len)
		pad(o, ' ', sp->width - (u32)len);
}

static void put_number(struct out *o, const struct spec *sp, u64 n, u32 base, bool upper,
                       char sign)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char tmp[24], prefix[3];
	u32 len = 0, npre = 0, zeros = 0, total;
	bool prefixed = sp->alt && base == 16 && n != 0;

	do {
		tmp[len++] = digits[n % base];
		n /= base;
	} while (n);
	if (sp->precision == 0 && len == 1 && tmp[0] == '0')
		len = 0;
	if (sign)
		prefix[npre++] = sign;
	if (prefixed) {
		prefix[npre++] = '0';
		prefix[npre++] = upper ? 'X' : 'x';
	}
	if (sp->precision > (int)len)
		zeros = (u32)sp->precision - len;
	else if (sp->zero && !sp->left && sp->precision < 0 && sp->width > len + npre)
		zeros = sp->width - len - npre;
	total = npre + zeros + len;
	if (!sp->left && sp->width > total)
		pad(o, ' ', sp->width - total);
	for (u32 i = 0; i < npre; i++)
		put(o, prefix[i]);
	pad(o, '0', zeros);
	while (len > 0)
		put(o, tmp[--len]);
	if (sp->left && sp->width > total)
		pad(o, ' ', sp->width - total);
}

static const char *parse_flags(const char *f, struct spec *sp)
{
	for (;; f++) {
		if (*f == '-')
			sp->left = true;
		else if (*f == '0')
			sp->zero = true;
		else if (*f == '+')
			sp->plus = true;
		else if (*f == ' ')
			sp->space = true;
		else if (*f == '#')
			sp->alt = true;
		else
			return f;
	}
}

#define MAX_FIELD 1024

static const char *parse_digits(const char *f, u32 *n)
{
	*n = 0;
	for (; *f >= '0' && *f <= '9'; f++)
		*n = MIN(*n * 10 + (u32)(*f - '0'), MAX_FIELD);
	return f;
}

static const char *parse_length(const char *f, struct spec *sp)
{
	sp->length = sizeof(int);
	for (;; f++) {
		if (*f == 'l' || *f == 'z' || *f == 'j' || *f == 't')
			sp->length = 8;
		else if (*f == 'h')
			sp->length = sp->length == 2 ? 1 : 2;
		else
			return f;
	}
}

static u64 truncate_to(u64 v, u8 bytes)
{
	return bytes == 8 ? v : v & (BIT(bytes * 8) - 1);
}

static s64 extend_from(u64 v, u8 bytes)
{
	u32 shift = 64 - bytes * 8u;

	return (s64)(v << shift) >> shift;
}

int kvsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct out o = {buf, size, 0};

	for (const char *f = fmt; *f; f++) {
		struct spec sp = {.precision = -1};
		char c[2] = {0};
		u64 v;
		s64 s;

		if (*f != '%') {
			put(&o, *f);
			continue;
		}
		f = parse_flags(f + 1, &sp);
		if (*f == '*') {
			int w = va_arg(ap, int);

			sp.left |= w < 0;
			sp.width = MIN((u32)(w < 0 ? -(s64)w : w), MAX_FIELD);
			f++;
		} else {
			f = parse_digits(f, &sp.width);
		}
		if (*f == '.') {
			u32 n;

			if (f[1] == '*') {
				sp.precision = va_arg(ap, int);
				f += 2;
			} else {
				f = parse_digits(f + 1, &n);
				sp.precision = (int)n;
			}
		}
		f = parse_length(f, &sp);
		switch (*f) {
		case 'd':
		case 'i':
			v = sp.length == 8 ? va_arg(ap, u64) : va_arg(ap, u32);
			s = extend_from(v, sp.length);
			put_number(&o, &sp, s < 0 ? -(u64)s : (u64)s, 10, false,
			           s < 0 ? '-' : sp.plus ? '+' : sp.space ? ' ' : 0);
			break;
		case 'u':
		case 'x':
		case 'X':
			v = sp.length == 8 ? va_arg(ap, u64) : va_arg(ap, u32);
			put_number(&o, &sp, truncate_to(v, sp.length), *f == 'u' ? 10 : 16,
			           *f == 'X', 0);
			break;
		case 'p':
			sp.zero = true;
			sp.width = MAX(sp.width, 16u);
			put_number(&o, &sp, (u64)va_arg(ap, void *), 16, false, 0);
			break;
		case 'c':
			c[0] = (char)va_arg(ap, int);
			put_string(&o, &sp, c);
			break;
		case 's':
			put_string(&o, &sp, va_arg(ap, const char *));
			break;
		case '%':
			put(&o, '%');
			break;
		default: /* not in the subset: show it as it stands */
			put(&o, '%');
			if (!*f)
				f--;
			else
				put(&o, *f);
			break;
		}
	}
	if (size > 0)
		buf[MIN(o.pos, size - 1)] = 0;
	return (int)o.pos;
}

int ksnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = kvsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}
