/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bootcfg.h"
#include "medium.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct state {
	struct ki_bootcfg *cfg;
	const char *dir;
	char *title;
	struct ki_boot_entry *entry; /* the one that a following initrd belongs to */
};

/* A path of a configuration file as one of the medium; NULL when it is computed. */
static char *medium_path(const struct state *s, const char *text)
{
	char *joined, *clean;

	if (*text == '(') {
		text = strchr(text, ')');
		if (!text)
			return NULL;
		text++;
	}
	if (strpbrk(text, "$`"))
		return NULL;
	if (*text == '/' || !*s->dir)
		return ki_clean_path(text);
	joined = ki_printf("%s/%s", s->dir, text);
	clean = ki_clean_path(joined);
	free(joined);
	return clean;
}

static struct ki_boot_entry *add_entry(struct state *s, const char *kernel)
{
	struct ki_bootcfg *cfg = s->cfg;
	struct ki_boot_entry *e;
	char *path = medium_path(s, kernel);

	s->entry = NULL;
	if (!path || !*path || cfg->n == KI_BOOT_ENTRIES) {
		free(path);
		return NULL;
	}
	cfg->entries = ki_grow(cfg->entries, cfg->n + 1, sizeof(*cfg->entries));
	e = &cfg->entries[cfg->n++];
	*e = (struct ki_boot_entry){
		.title = ki_strdup(s->title ? s->title : ""),
		.kernel = path,
		.args = ki_strdup(""),
	};
	s->entry = e;
	return e;
}

/* Splits off the first word of *@at, quotes taken away; "" at the end. */
static char *next_word(const char **at)
{
	struct ki_buf word = {0};
	char quote = '\0';

	*at += strspn(*at, " \t\r");
	while (**at && (quote || !strchr(" \t\r", **at))) {
		char c = *(*at)++;

		if (quote && c == quote)
			quote = '\0';
		else if (!quote && (c == '"' || c == '\''))
			quote = c;
		else
			ki_buf_add(&word, &c, 1);
	}
	return ki_buf_take(&word);
}

static void set_initrd(struct state *s, const char *text)
{
	char *first, *path;

	if (!s->entry || s->entry->initrd)
		return;
	first = ki_strndup(text, strcspn(text, ", \t"));
	path = medium_path(s, first);
	free(first);
	if (path && *path)
		s->entry->initrd = path;
	else
		free(path);
}

/* Arguments worth keeping; consoles, video modes and boot-loader matter are the host's.
 */
static bool keep_arg(const char *arg)
{
	static const char *const drop[] = {
		"initrd=", "console=", "vga=", "BOOT_IMAGE=", "video="};

	for (size_t i = 0; i < sizeof(drop) / sizeof(*drop); i++)
		if (ki_prefix(arg, drop[i]))
			return false;
	return *arg && strcmp(arg, "quiet") && strcmp(arg, "splash") &&
	       strcmp(arg, "---") && strcmp(arg, "--") && !strchr(arg, '$');
}

static void take_args(struct state *s, const char *at)
{
	struct ki_buf args = {0};

	if (!s->entry)
		return;
	ki_buf_printf(&args, "%s", s->entry->args);
	while (*(at += strspn(at, " \t\r"))) {
		char *word = next_word(&at);

		if (ki_prefix(word, "initrd="))
			set_initrd(s, word + 7);
		if (keep_arg(word) && args.len < 1024)
			ki_buf_printf(&args, "%s%s", args.len ? " " : "", word);
		free(word);
	}
	free(s->entry->args);
	s->entry->args = ki_buf_take(&args);
}

static void take_title(struct state *s, const char *at)
{
	char *word = next_word(&at);

	free(s->title);
	s->title = word;
	s->entry = NULL;
}

static void take_include(struct state *s, const char *at)
{
	char *word = next_word(&at), *path = medium_path(s, word);

	if (path && *path && s->cfg->includes.n < 64)
		ki_strv_add(&s->cfg->includes, path);
	free(path);
	free(word);
}

static void take_kernel(struct state *s, const char *at)
{
	char *word = next_word(&at);

	if (add_entry(s, word))
		take_args(s, at);
	free(word);
}

static void take_initrd(struct state *s, const char *at)
{
	char *word = next_word(&at);

	set_initrd(s, word);
	free(word);
}

/* "menu label ^Install" gives the entry of the label above its title. */
static void take_menu(struct state *s, const char *at)
{
	char *word = next_word(&at), *text, *p;

	if (!strcasecmp(word, "label")) {
		text = ki_strdup(at + strspn(at, " \t"));
		for (p = text; (p = strchr(p, '^'));)
			memmove(p, p + 1, strlen(p));
		free(s->title);
		s->title = ki_strdup(ki_trim(text));
		if (s->entry)
			ki_set(&s->entry->title, s->title);
		free(text);
	} else if (!strcasecmp(word, "include")) {
		take_include(s, at);
	}
	free(word);
}

static const struct directive {
	const char *name;
	void (*take)(struct state *s, const char *at);
} directives[] = {
	{"menuentry", take_title},    {"label", take_title},
	{"menu", take_menu},	      {"linux", take_kernel},
	{"linux16", take_kernel},     {"linuxefi", take_kernel},
	{"kernel", take_kernel},      {"initrd", take_initrd},
	{"initrd16", take_initrd},    {"initrdefi", take_initrd},
	{"append", take_args},	      {"source", take_include},
	{"configfile", take_include}, {"include", take_include},
};

static void take_line(struct state *s, const char *line)
{
	char *word = next_word(&line);

	for (size_t i = 0; i < sizeof(directives) / sizeof(*directives); i++)
		if (!strcasecmp(word, directives[i].name)) {
			directives[i].take(s, line);
			break;
		}
	free(word);
}

void ki_bootcfg_parse(struct ki_bootcfg *cfg, const char *text, const char *dir)
{
	struct state s = {.cfg = cfg, .dir = dir};

	while (*text) {
		size_t len = strcspn(text, "\n");
		char *line = ki_strndup(text, len);

		take_line(&s, line);
		free(line);
		text += len;
		text += *text == '\n';
	}
	free(s.title);
}

void ki_bootcfg_free(struct ki_bootcfg *cfg)
{
	for (size_t i = 0; i < cfg->n; i++) {
		free(cfg->entries[i].title);
		free(cfg->entries[i].kernel);
		free(cfg->entries[i].initrd);
		free(cfg->entries[i].args);
	}
	free(cfg->entries);
	ki_strv_free(&cfg->includes);
	memset(cfg, 0, sizeof(*cfg));
}

static int score(const struct ki_boot_entry *e)
{
	static const char *const bad[] = {
		"rescue", "memtest", "speech", "expert",    "automated", "auto", "hdt",
		"check",  "local",   "gtk",    "graphical", "kde",	 "safe"};
	int points = 0;

	if (!e->initrd)
		return -1000;
	if (strcasestr(e->title, "install") || strcasestr(e->kernel, "install"))
		points += 10;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (strcasestr(e->title, bad[i]) || strcasestr(e->args, bad[i]))
			points -= 5;
	return points;
}

const struct ki_boot_entry *ki_bootcfg_best(const struct ki_bootcfg *cfg,
					    const bool *skip)
{
	const struct ki_boot_entry *best = NULL;

	for (size_t i = 0; i < cfg->n; i++) {
		const struct ki_boot_entry *e = &cfg->entries[i];

		if ((skip && skip[i]) || !e->initrd)
			continue;
		if (!best || score(e) > score(best))
			best = e;
	}
	return best;
}

/* --- treeinfo ------------------------------------------------------------ */

struct ini {
	char section[64];
	struct ki_strv sums; /* "path" and "sha256:..." alternating */
};

static void take_image(struct ki_treeinfo *info, const char *key, const char *value)
{
	char **slot = !strcmp(key, "kernel")   ? &info->kernel
		      : !strcmp(key, "initrd") ? &info->initrd
					       : NULL;
	char *path = slot ? ki_clean_path(value) : NULL;

	if (!path || !*path) {
		free(path);
		return;
	}
	free(*slot);
	*slot = path;
}

static void take_general(struct ki_treeinfo *info, const char *key, const char *value)
{
	if (!strcmp(key, "family") && !info->family)
		info->family = ki_strndup(value, strnlen(value, 80));
	else if (!strcmp(key, "version") && !info->version)
		info->version = ki_strndup(value, strnlen(value, 40));
}

static void take_pair(struct ki_treeinfo *info, struct ini *ini, const char *key,
		      const char *value)
{
	if (!strcmp(ini->section, "general") || !strcmp(ini->section, "release"))
		take_general(info, !strcmp(key, "name") ? "family" : key, value);
	/* images-x86_64 boots everywhere; images-xen fills in for trees without it. */
	else if (!strcmp(ini->section, "images-x86_64"))
		take_image(info, key, value);
	else if (!strcmp(ini->section, "images-xen") && !info->kernel)
		take_image(info, key, value);
	else if (!strcmp(ini->section, "images-xen") && !info->initrd)
		take_image(info, key, value);
	else if (!strcmp(ini->section, "checksums") && ini->sums.n < 2000) {
		ki_strv_add(&ini->sums, key);
		ki_strv_add(&ini->sums, value);
	}
}

static void take_ini_line(struct ki_treeinfo *info, struct ini *ini, char *line)
{
	char *eq;

	line = ki_trim(line);
	if (*line == '[') {
		size_t len = strcspn(line + 1, "]");

		if (len >= sizeof(ini->section))
			len = sizeof(ini->section) - 1;
		memcpy(ini->section, line + 1, len);
		ini->section[len] = '\0';
		return;
	}
	eq = strpbrk(line, "=");
	if (!eq || *line == '#' || *line == ';')
		return;
	*eq = '\0';
	take_pair(info, ini, ki_trim(line), ki_trim(eq + 1));
}

static char *sum_of(const struct ini *ini, const char *path)
{
	for (size_t i = 0; path && i + 1 < ini->sums.n; i += 2) {
		char *clean = ki_clean_path(ini->sums.v[i]);
		bool same = clean && !strcmp(clean, path);
		const char *sum = ini->sums.v[i + 1];

		free(clean);
		if (same && ki_prefix(sum, "sha256:") && strlen(sum) == 7 + 64 &&
		    strspn(sum + 7, "0123456789abcdef") == 64)
			return ki_strdup(sum + 7);
	}
	return NULL;
}

void ki_treeinfo_parse(struct ki_treeinfo *info, const char *text)
{
	struct ini ini = {0};
	char *copy = ki_strdup(text), *rest = copy, *line;

	memset(info, 0, sizeof(*info));
	while ((line = strsep(&rest, "\n")))
		take_ini_line(info, &ini, line);
	info->kernel_sha256 = sum_of(&ini, info->kernel);
	info->initrd_sha256 = sum_of(&ini, info->initrd);
	ki_strv_free(&ini.sums);
	free(copy);
}

void ki_treeinfo_free(struct ki_treeinfo *info)
{
	free(info->family);
	free(info->version);
	free(info->kernel);
	free(info->initrd);
	free(info->kernel_sha256);
	free(info->initrd_sha256);
	memset(info, 0, sizeof(*info));
}

/* --- lists of sums --------------------------------------------------------- */

static bool is_sum(const char *text)
{
	return strspn(text, "0123456789abcdef") == 64 &&
	       (text[64] == ' ' || text[64] == '\t');
}

char *ki_sums_find(const char *text, const char *dir, const char *path)
{
	char *found = NULL;

	while (*text && !found) {
		size_t len = strcspn(text, "\n");
		char *line = ki_strndup(text, len);

		if (len > 66 && is_sum(line)) {
			const char *name = ki_trim(line + 65);
			char *joined = ki_printf("%s/%s", dir, name + (*name == '*'));
			char *clean = ki_clean_path(joined);

			if (clean && !strcmp(clean, path))
				found = ki_strndup(line, 64);
			free(clean);
			free(joined);
		}
		free(line);
		text += len;
		text += *text == '\n';
	}
	return found;
}
