/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parser is one table of keys and a line reader; see keel-consoled.conf(5). */
#include "settings.h"

#include <fnmatch.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum type { T_STRING, T_BOOL, T_SIZE, T_COUNT, T_TIME, T_ENUM, T_ACL, T_SCREEN };

struct key {
	const char *name;
	enum type type;
	size_t off, cap; /* cap: of a string */
	uint64_t min, max;
	const char *words[3]; /* of an enum */
};

#define D(field) offsetof(struct config, field), sizeof(((struct config *)0)->field)
#define G(field) offsetof(struct guest_conf, field), 0

static const struct key daemon_keys[] = {
	{"socket", T_STRING, D(socket), 0, 0, {0}},
	{"log-dir", T_STRING, D(log_dir), 0, 0, {0}},
	{"state-dir", T_STRING, D(state_dir), 0, 0, {0}},
	{"user", T_STRING, D(user), 0, 0, {0}},
	{"hypervisor-log", T_BOOL, D(hypervisor_log), 0, 0, {0}},
	{"keep-gone", T_COUNT, D(keep_gone), 0, 4096, {0}},
	{"keep-gone-time", T_TIME, D(keep_gone_s), 0, 366ull * 86400, {0}},
	{"client-queue", T_SIZE, D(client_queue), 128 << 10, 64 << 20, {0}},
	{"max-clients", T_COUNT, D(max_clients), 1, 10000, {0}},
	{"operators", T_ACL, D(operators), 0, 0, {0}},
	{0},
};

static const struct key guest_keys[] = {
	{"history", T_SIZE, G(history), 256 << 10, 64 << 20, {0}},
	{"log", T_BOOL, G(log), 0, 0, {0}},
	{"log-format", T_ENUM, G(log_format), 0, 0, {"plain", "raw", NULL}},
	{"log-size", T_SIZE, G(log_size), 0, 1ull << 50, {0}},
	{"log-age", T_TIME, G(log_age_s), 0, 3660ull * 86400, {0}},
	{"log-keep", T_COUNT, G(log_keep), 0, 10000, {0}},
	{"log-compress", T_BOOL, G(log_compress), 0, 0, {0}},
	{"flood-policy", T_ENUM, G(flood_policy), 0, 0, {"discard", "hold", NULL}},
	{"flood-bytes", T_SIZE, G(flood_bytes), 0, 1ull << 40, {0}},
	{"flood-events", T_COUNT, G(flood_events), 0, 10000000, {0}},
	{"screen", T_SCREEN, G(cols), 0, 0, {0}},
	{"view", T_ACL, G(view), 0, 0, {0}},
	{"write", T_ACL, G(write), 0, 0, {0}},
	{0},
};

static void guest_default(struct guest_conf *g)
{
	*g = (struct guest_conf){
		.history = 1 << 20,
		.log = true,
		.log_compress = true,
		.log_size = 10 << 20,
		.log_age_s = 30 * 86400,
		.log_keep = 10,
		.flood_bytes = 16 << 20,
		.flood_events = 10000,
		.cols = 80,
		.rows = 24,
	};
}

void config_default(struct config *c)
{
	*c = (struct config){
		.socket = "/run/keel/console.sock",
		.log_dir = "/var/log/keel/console",
		.state_dir = "/run/keel/console",
		.user = "keel-console",
		.hypervisor_log = true,
		.keep_gone = 64,
		.keep_gone_s = 86400,
		.client_queue = 512 << 10,
		.max_clients = 256,
	};
}

void config_free(struct config *c)
{
	free(c->rules);
	c->rules = NULL;
	c->nrules = 0;
}

struct parser {
	struct config *c;
	struct config_error *err;
	unsigned line;
	const char *start; /* of the line, for columns */
	struct guest_rule *rule;
	bool in_daemon;
};

__attribute__((format(printf, 3, 4))) static bool bad(struct parser *p, const char *at,
						      const char *fmt, ...)
{
	va_list ap;

	p->err->line = p->line;
	p->err->column = (unsigned)(at - p->start) + 1;
	va_start(ap, fmt);
	vsnprintf(p->err->text, sizeof(p->err->text), fmt, ap);
	va_end(ap);
	return false;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static const char *skip_blanks(const char *s, const char *end)
{
	while (s < end && is_blank(*s))
		s++;
	return s;
}

static const char *trim_end(const char *s, const char *end)
{
	while (end > s && is_blank(end[-1]))
		end--;
	return end;
}

static bool word_is(const char *s, const char *end, const char *w)
{
	return (size_t)(end - s) == strlen(w) && memcmp(s, w, (size_t)(end - s)) == 0;
}

static bool copy_word(const char *s, const char *end, char *out, size_t cap)
{
	size_t n = (size_t)(end - s);

	if (!n || n >= cap || memchr(s, 0, n))
		return false;
	memcpy(out, s, n);
	out[n] = '\0';
	return true;
}

static bool parse_string(struct parser *p, const char *s, const char *end, void *to,
			 size_t cap)
{
	if (!copy_word(s, end, to, cap))
		return bad(p, s, "a text of 1 to %zu bytes is needed here", cap - 1);
	return true;
}

static bool parse_bool(struct parser *p, const char *s, const char *end, bool *to)
{
	if (word_is(s, end, "yes") || word_is(s, end, "no")) {
		*to = *s == 'y';
		return true;
	}
	return bad(p, s, "yes or no is needed here");
}

/* Digits, then one unit letter of `units`, each with its factor. */
static bool parse_number(struct parser *p, const char *s, const char *end,
			 const struct key *k, const char *units, const uint64_t *factors,
			 uint64_t *to)
{
	const char *at = s, *u;
	uint64_t v = 0;

	for (; s < end && *s >= '0' && *s <= '9'; s++) {
		if (v > UINT64_MAX / 10 - 1)
			return bad(p, at, "the number is too large");
		v = v * 10 + (uint64_t)(*s - '0');
	}
	if (s == at)
		return bad(p, s, "a number is needed here");
	if (s < end) {
		u = *s ? strchr(units, *s) : NULL;
		if (!u || s + 1 != end)
			return bad(p, s, "unknown unit; known are: %s",
				   *units ? units : "none");
		if (v > UINT64_MAX / factors[u - units])
			return bad(p, at, "the number is too large");
		v *= factors[u - units];
	}
	if (v < k->min || v > k->max)
		return bad(p, at, "%s is from %llu to %llu", k->name,
			   (unsigned long long)k->min, (unsigned long long)k->max);
	*to = v;
	return true;
}

static bool parse_enum(struct parser *p, const char *s, const char *end,
		       const struct key *k, unsigned *to)
{
	for (unsigned i = 0; k->words[i]; i++) {
		if (word_is(s, end, k->words[i])) {
			*to = i;
			return true;
		}
	}
	return bad(p, s, "%s is %s or %s", k->name, k->words[0], k->words[1]);
}

static bool parse_screen(struct parser *p, const char *s, const char *end, unsigned *to)
{
	unsigned v[2] = {0, 0}, i = 0;
	const char *at = s;

	for (; s < end; s++) {
		if (*s == 'x' && i == 0 && s > at)
			i = 1;
		else if (*s >= '0' && *s <= '9' && v[i] < 10000)
			v[i] = v[i] * 10 + (unsigned)(*s - '0');
		else
			return bad(p, s, "a screen is COLUMNSxROWS, such as 80x24");
	}
	if (v[0] < 20 || v[0] > 500 || v[1] < 5 || v[1] > 300)
		return bad(p, at, "a screen is from 20x5 to 500x300");
	to[0] = v[0];
	to[1] = v[1];
	return true;
}

static bool parse_acl_entry(struct parser *p, const char *s, const char *end,
			    struct acl_entry *e)
{
	const char *name = s;

	memset(e, 0, sizeof(*e));
	if (word_is(s, end, "all") || word_is(s, end, "none")) {
		e->kind = *s == 'a' ? ACL_ALL : ACL_NONE;
		return true;
	}
	while (name < end && !is_blank(*name))
		name++;
	if (word_is(s, name, "user"))
		e->kind = ACL_USER;
	else if (word_is(s, name, "group"))
		e->kind = ACL_GROUP;
	else
		return bad(p, s, "user NAME, group NAME, all or none is needed here");
	name = skip_blanks(name, end);
	if (!copy_word(name, end, e->name, sizeof(e->name)))
		return bad(p, name, "a name is needed here");
	return true;
}

static bool parse_acl(struct parser *p, const char *s, const char *end, struct acl *a)
{
	memset(a, 0, sizeof(*a));
	for (;;) {
		const char *comma = memchr(s, ',', (size_t)(end - s));
		const char *stop = trim_end(s, comma ? comma : end);

		if (a->n == ACL_MAX)
			return bad(p, s, "more than %d entries", ACL_MAX);
		if (!parse_acl_entry(p, s, stop, &a->e[a->n++]))
			return false;
		if (!comma)
			return true;
		s = skip_blanks(comma + 1, end);
	}
}

static bool parse_value(struct parser *p, const struct key *k, const char *s,
			const char *end, void *base)
{
	static const uint64_t sizes[] = {1ull << 10, 1ull << 20, 1ull << 30};
	static const uint64_t times[] = {1, 60, 3600, 86400};
	void *to = (char *)base + k->off;

	switch (k->type) {
	case T_STRING:
		return parse_string(p, s, end, to, k->cap);
	case T_BOOL:
		return parse_bool(p, s, end, to);
	case T_SIZE:
		return parse_number(p, s, end, k, "KMG", sizes, to);
	case T_COUNT:
		return parse_number(p, s, end, k, "", sizes, to);
	case T_TIME:
		return parse_number(p, s, end, k, "smhd", times, to);
	case T_ENUM:
		return parse_enum(p, s, end, k, to);
	case T_ACL:
		return parse_acl(p, s, end, to);
	default:
		return parse_screen(p, s, end, to);
	}
}

static bool add_rule(struct parser *p, const char *s, const char *end)
{
	struct guest_rule *r;

	if (p->c->nrules == CONFIG_MAX_RULES)
		return bad(p, s, "more than %d guest sections", CONFIG_MAX_RULES);
	r = realloc(p->c->rules, (p->c->nrules + 1) * sizeof(*r));
	if (!r)
		return bad(p, s, "out of memory");
	p->c->rules = r;
	p->rule = &r[p->c->nrules++];
	memset(p->rule, 0, sizeof(*r));
	if (!copy_word(s, end, p->rule->pattern, sizeof(p->rule->pattern)))
		return bad(p, s, "a guest's name, UUID or pattern is needed here");
	return true;
}

static bool parse_section(struct parser *p, const char *s, const char *end)
{
	const char *close = end - 1, *w = s + 1;

	if (*close != ']' || close == s)
		return bad(p, end, "] is missing");
	w = skip_blanks(w, close);
	close = trim_end(w, close);
	p->in_daemon = word_is(w, close, "daemon");
	p->rule = NULL;
	if (p->in_daemon)
		return true;
	if (close - w > 5 && memcmp(w, "guest", 5) == 0 && is_blank(w[5]))
		return add_rule(p, skip_blanks(w + 5, close), close);
	return bad(p, w, "a section is [daemon] or [guest PATTERN]");
}

static bool parse_setting(struct parser *p, const char *s, const char *end)
{
	const char *eq = memchr(s, '=', (size_t)(end - s));
	const char *name_end, *value;
	const struct key *keys = p->in_daemon ? daemon_keys : guest_keys;

	if (!eq)
		return bad(p, s, "KEY = VALUE is needed here");
	if (!p->in_daemon && !p->rule)
		return bad(p, s, "a setting before the first section");
	name_end = trim_end(s, eq);
	value = skip_blanks(eq + 1, end);
	for (unsigned i = 0; keys[i].name; i++) {
		if (!word_is(s, name_end, keys[i].name))
			continue;
		if (value == end)
			return bad(p, value, "%s needs a value", keys[i].name);
		if (p->in_daemon)
			return parse_value(p, &keys[i], value, end, p->c);
		p->rule->set |= 1ull << i;
		return parse_value(p, &keys[i], value, end, &p->rule->conf);
	}
	return bad(p, s, "unknown key '%.*s' in this section",
		   (int)(name_end - s > 40 ? 40 : name_end - s), s);
}

static bool parse_line(struct parser *p, const char *s, const char *end)
{
	p->start = s;
	s = skip_blanks(s, end);
	end = trim_end(s, end);
	if (s == end || *s == '#' || *s == ';')
		return true;
	for (const char *q = s; q < end; q++) {
		if ((unsigned char)*q < 0x20 && !is_blank(*q))
			return bad(p, q, "a control character");
	}
	return *s == '[' ? parse_section(p, s, end) : parse_setting(p, s, end);
}

bool config_parse(struct config *c, const char *text, size_t len,
		  struct config_error *err)
{
	struct parser p = {.c = c, .err = err, .start = text};
	const char *end = text + len, *nl;
	bool ok = true;

	config_default(c);
	memset(err, 0, sizeof(*err));
	if (len > CONFIG_MAX_BYTES)
		ok = bad(&p, text, "larger than %u bytes", CONFIG_MAX_BYTES);
	for (; ok && text < end; text = nl + 1) {
		p.line++;
		nl = memchr(text, '\n', (size_t)(end - text));
		if (!nl)
			nl = end;
		ok = parse_line(&p, text, nl);
		if (nl == end)
			break;
	}
	if (!ok) {
		config_free(c);
		config_default(c);
	}
	return ok;
}

static void resolve_acl(struct acl *a, void (*fn)(const char *what, void *ctx), void *ctx)
{
	char text[96];

	for (unsigned i = 0; i < a->n; i++) {
		struct acl_entry *e = &a->e[i];
		struct passwd *pw = e->kind == ACL_USER ? getpwnam(e->name) : NULL;
		struct group *gr = e->kind == ACL_GROUP ? getgrnam(e->name) : NULL;

		e->resolved = pw || gr;
		e->id = pw ? pw->pw_uid : gr ? gr->gr_gid : 0;
		if (e->resolved || e->kind < ACL_USER)
			continue;
		snprintf(text, sizeof(text), "unknown %s '%s'",
			 e->kind == ACL_USER ? "user" : "group", e->name);
		fn(text, ctx);
	}
}

void config_resolve(struct config *c, void (*fn)(const char *what, void *ctx), void *ctx)
{
	resolve_acl(&c->operators, fn, ctx);
	for (unsigned i = 0; i < c->nrules; i++) {
		resolve_acl(&c->rules[i].conf.view, fn, ctx);
		resolve_acl(&c->rules[i].conf.write, fn, ctx);
	}
}

static size_t type_size(const struct key *k)
{
	switch (k->type) {
	case T_BOOL:
		return sizeof(bool);
	case T_ENUM:
		return sizeof(unsigned);
	case T_SCREEN:
		return 2 * sizeof(unsigned);
	case T_ACL:
		return sizeof(struct acl);
	default:
		return sizeof(uint64_t);
	}
}

_Static_assert(offsetof(struct guest_conf, rows) ==
		       offsetof(struct guest_conf, cols) + sizeof(unsigned),
	       "a screen's two numbers are parsed and copied as one");

static void apply(struct guest_conf *g, const struct guest_rule *r)
{
	for (unsigned i = 0; guest_keys[i].name; i++) {
		const struct key *k = &guest_keys[i];

		if (r->set & 1ull << i)
			memcpy((char *)g + k->off, (const char *)&r->conf + k->off,
			       type_size(k));
	}
}

void config_guest(const struct config *c, const char *name, const char *uuid,
		  struct guest_conf *out)
{
	uint64_t size = 256 << 10;

	guest_default(out);
	for (unsigned i = 0; i < c->nrules; i++) {
		const struct guest_rule *r = &c->rules[i];

		if (fnmatch(r->pattern, name, 0) == 0 ||
		    fnmatch(r->pattern, uuid, FNM_CASEFOLD) == 0)
			apply(out, r);
	}
	while (size < out->history)
		size <<= 1;
	out->history = size;
}

static bool in_group(const struct peer *p, uint32_t gid)
{
	if (p->gid == gid)
		return true;
	for (unsigned i = 0; i < p->ngroups; i++) {
		if (p->groups[i] == gid)
			return true;
	}
	return false;
}

bool acl_allows(const struct acl *a, const struct peer *p)
{
	if (p->uid == 0)
		return true;
	for (unsigned i = 0; i < a->n; i++) {
		const struct acl_entry *e = &a->e[i];

		if (e->kind == ACL_ALL)
			return true;
		if (!e->resolved)
			continue;
		if (e->kind == ACL_USER && e->id == p->uid)
			return true;
		if (e->kind == ACL_GROUP && in_group(p, e->id))
			return true;
	}
	return false;
}
