/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rules.h"

#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

struct parser {
	struct ki_rules *rules;
	const char *name;
	unsigned line;
	struct ki_error *err;
};

static int complain(const struct parser *p, const char *what, const char *text)
{
	return ki_fail(p->err, NULL, "the detection rules cannot be used",
		       "%s:%u: %s: %s", p->name, p->line, what, text);
}

static int check_regex(const struct parser *p, const char *text)
{
	regex_t re;

	if (regcomp(&re, text, REG_EXTENDED | REG_NOSUB))
		return complain(p, "bad regular expression", text);
	regfree(&re);
	return 0;
}

static int set_try(const struct parser *p, struct ki_rule *r, char *value)
{
	static const char *const names[] = {"files", "osinfo", "treeinfo", "bootcfg"};

	for (int i = 0; i < 4; i++)
		if (!strcmp(value, names[i])) {
			r->method = (enum ki_method)i;
			return 0;
		}
	return complain(p, "unknown method", value);
}

static int set_hooks(const struct parser *p, struct ki_rule *r, char *value)
{
	static const char *const names[] = {"udev", "debian-installer", "none"};

	for (int i = 0; i < 3; i++)
		if (!strcmp(value, names[i])) {
			r->hooks = (enum ki_hooks)i;
			return 0;
		}
	return complain(p, "unknown hooks", value);
}

static int set_title(const struct parser *p, struct ki_rule *r, char *value)
{
	(void)p;
	ki_set(&r->title, value);
	return 0;
}

static int set_files(const struct parser *p, struct ki_rule *r, char *value)
{
	(void)p;
	ki_strv_split(&r->files, value);
	return 0;
}

/* "FILE REGEX": the file name ends at the first blank. */
static int split_match(const struct parser *p, char *value, struct ki_match *m)
{
	size_t len = strcspn(value, " \t");
	char *regex = ki_trim(value + len);

	if (!*regex)
		return complain(p, "a file and a regular expression are wanted", value);
	if (check_regex(p, regex))
		return -1;
	m->file = ki_strndup(value, len);
	m->regex = ki_strdup(regex);
	return 0;
}

static int set_match(const struct parser *p, struct ki_rule *r, char *value)
{
	struct ki_match m;

	if (split_match(p, value, &m))
		return -1;
	r->matches = ki_grow(r->matches, r->n_matches + 1, sizeof(*r->matches));
	r->matches[r->n_matches++] = m;
	return 0;
}

static int set_version(const struct parser *p, struct ki_rule *r, char *value)
{
	if (r->version.file)
		return complain(p, "given twice", "version");
	return split_match(p, value, &r->version);
}

static int set_kernel(const struct parser *p, struct ki_rule *r, char *value)
{
	(void)p;
	ki_strv_split(&r->kernels, value);
	return 0;
}

static int set_initrd(const struct parser *p, struct ki_rule *r, char *value)
{
	(void)p;
	ki_strv_split(&r->initrds, value);
	return 0;
}

static int set_sums(const struct parser *p, struct ki_rule *r, char *value)
{
	(void)p;
	ki_strv_split(&r->sums, value);
	return 0;
}

static int set_label(const struct parser *p, struct ki_rule *r, char *value)
{
	if (check_regex(p, value))
		return -1;
	ki_set(&r->label_regex, value);
	return 0;
}

static int set_args(const struct parser *p, struct ki_rule *r, char *value)
{
	(void)p;
	ki_set(&r->args, value);
	return 0;
}

static int set_args_medium(const struct parser *p, struct ki_rule *r, char *value)
{
	(void)p;
	ki_set(&r->args_medium, value);
	return 0;
}

static int set_args_tree(const struct parser *p, struct ki_rule *r, char *value)
{
	(void)p;
	ki_set(&r->args_tree, value);
	return 0;
}

static int set_medium(const struct parser *p, struct ki_rule *r, char *value)
{
	if (strcmp(value, "attach") && strcmp(value, "none"))
		return complain(p, "attach or none is wanted", value);
	r->attach = !strcmp(value, "attach");
	return 0;
}

static int set_memory(const struct parser *p, struct ki_rule *r, char *value)
{
	uint64_t bytes;

	if (!ki_parse_size(value, KI_MIB, &bytes))
		return complain(p, "a memory size is wanted", value);
	r->min_memory = bytes / KI_MIB;
	return 0;
}

static const struct key {
	const char *name;
	int (*set)(const struct parser *p, struct ki_rule *r, char *value);
} keys[] = {
	{"title", set_title},	      {"try", set_try},
	{"file", set_files},	      {"match", set_match},
	{"version", set_version},     {"kernel", set_kernel},
	{"initrd", set_initrd},	      {"label", set_label},
	{"args", set_args},	      {"medium", set_medium},
	{"memory", set_memory},	      {"hooks", set_hooks},
	{"sums", set_sums},	      {"args-medium", set_args_medium},
	{"args-tree", set_args_tree},
};

static int start_rule(const struct parser *p, char *line)
{
	size_t len = strlen(line);
	struct ki_rule *r;

	if (len < 3 || line[len - 1] != ']')
		return complain(p, "a section is written [name]", line);
	if (p->rules->n == KI_RULES_MAX)
		return complain(p, "too many rules", line);
	p->rules->v = ki_grow(p->rules->v, p->rules->n + 1, sizeof(*p->rules->v));
	r = &p->rules->v[p->rules->n++];
	memset(r, 0, sizeof(*r));
	r->id = ki_strndup(line + 1, len - 2);
	r->title = ki_strdup(r->id);
	r->attach = true;
	return 0;
}

static int take_line(const struct parser *p, char *line)
{
	char *eq, *key, *value;

	line = ki_trim(line);
	if (!*line || *line == '#')
		return 0;
	if (*line == '[')
		return start_rule(p, line);
	eq = strchr(line, '=');
	if (!eq || !p->rules->n)
		return complain(
			p, eq ? "a section has to come first" : "key = value is wanted",
			line);
	*eq = '\0';
	key = ki_trim(line);
	value = ki_trim(eq + 1);
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (!strcmp(key, keys[i].name))
			return keys[i].set(p, &p->rules->v[p->rules->n - 1], value);
	return complain(p, "unknown key", key);
}

int ki_rules_parse(struct ki_rules *rules, char *text, const char *name,
		   struct ki_error *err)
{
	struct parser p = {.rules = rules, .name = name, .err = err};
	char *line;

	memset(rules, 0, sizeof(*rules));
	while ((line = strsep(&text, "\n"))) {
		p.line++;
		if (take_line(&p, line)) {
			ki_rules_free(rules);
			return -1;
		}
	}
	return 0;
}

int ki_rules_load(struct ki_rules *rules, const char *path, struct ki_error *err)
{
	char *text = ki_read_file(path, KI_RULES_FILE, NULL);
	int rc;

	if (!text)
		return ki_fail(
			err,
			"name a rules file with --rules, or install Keel's data files",
			"the detection rules cannot be read", "%s: %s", path,
			strerror(errno));
	rc = ki_rules_parse(rules, text, path, err);
	free(text);
	return rc;
}

static void free_match(struct ki_match *m)
{
	free(m->file);
	free(m->regex);
}

void ki_rules_free(struct ki_rules *rules)
{
	for (size_t i = 0; i < rules->n; i++) {
		struct ki_rule *r = &rules->v[i];

		for (size_t j = 0; j < r->n_matches; j++)
			free_match(&r->matches[j]);
		free(r->matches);
		free_match(&r->version);
		ki_strv_free(&r->files);
		ki_strv_free(&r->kernels);
		ki_strv_free(&r->initrds);
		ki_strv_free(&r->sums);
		free(r->id);
		free(r->title);
		free(r->label_regex);
		free(r->args);
		free(r->args_medium);
		free(r->args_tree);
	}
	free(rules->v);
	memset(rules, 0, sizeof(*rules));
}
