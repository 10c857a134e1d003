/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "detect.h"
#include "bootcfg.h"

#include <ctype.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_LIMIT    (64 * KI_KIB)
#define BOOTCFG_FILES 16

struct search {
	struct ki_medium *m;
	struct ki_detection *d;
	ki_osinfo_fn osinfo;
	bool network;	    /* the medium is a tree at a URL */
	bool osinfo_kernel; /* libosinfo named kernel and initramfs, and they exist */
};

static void note(struct search *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void note(struct search *s, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	for (char *p = line; *p; p++)
		if (iscntrl((unsigned char)*p))
			*p = '?';
	ki_strv_add(&s->d->log, line);
}

static bool present(struct search *s, const char *path)
{
	struct ki_dirent ent;

	return !ki_medium_stat(s->m, path, &ent, NULL);
}

static bool file_size(struct search *s, const char *path, uint64_t *size)
{
	struct ki_dirent ent;

	if (ki_medium_stat(s->m, path, &ent, NULL) || ent.type != KI_FT_FILE || !ent.size)
		return false;
	*size = ent.size;
	return true;
}

/* First group of @regex in @text into *@group when that is not NULL. */
static bool regex_matches(const char *text, const char *regex, char **group)
{
	regmatch_t at[2] = {{-1, -1}, {-1, -1}};
	regex_t re;
	bool yes;

	if (regcomp(&re, regex, REG_EXTENDED | REG_NEWLINE))
		return false;
	yes = !regexec(&re, text, 2, at, 0);
	regfree(&re);
	if (yes && group)
		*group = at[1].rm_so < 0
				 ? ki_strdup("")
				 : ki_strndup(text + at[1].rm_so,
					      (size_t)(at[1].rm_eo - at[1].rm_so));
	return yes;
}

static bool file_matches(struct search *s, const struct ki_match *m, char **group)
{
	char *text = ki_medium_text(s->m, m->file, TEXT_LIMIT, NULL);
	bool yes = text && regex_matches(text, m->regex, group);

	free(text);
	return yes;
}

/* Takes kernel and initramfs over if both are files; says so in the log. */
static bool settle(struct search *s, const struct ki_rule *r, const char *kernel,
		   const char *initrd)
{
	struct ki_detection *d = s->d;
	uint64_t ksize, isize;

	if (!file_size(s, kernel, &ksize) || !file_size(s, initrd, &isize)) {
		note(s, "%s: names %s and %s, which are not both on the medium", r->id,
		     kernel, initrd);
		return false;
	}
	ki_set(&d->kernel, kernel);
	ki_set(&d->initrd, initrd);
	d->kernel_size = ksize;
	d->initrd_size = isize;
	return true;
}

static const char *first_file(struct search *s, const struct ki_strv *names)
{
	uint64_t size;

	for (size_t i = 0; i < names->n; i++)
		if (file_size(s, names->v[i], &size))
			return names->v[i];
	return NULL;
}

static bool conditions_hold(struct search *s, const struct ki_rule *r)
{
	for (size_t i = 0; i < r->files.n; i++)
		if (!present(s, r->files.v[i])) {
			note(s, "%s: no %s", r->id, r->files.v[i]);
			return false;
		}
	for (size_t i = 0; i < r->n_matches; i++)
		if (!file_matches(s, &r->matches[i], NULL)) {
			note(s, "%s: %s is absent or does not match %s", r->id,
			     r->matches[i].file, r->matches[i].regex);
			return false;
		}
	return true;
}

static bool try_files(struct search *s, const struct ki_rule *r)
{
	const char *kernel, *initrd;

	if (!conditions_hold(s, r))
		return false;
	kernel = first_file(s, &r->kernels);
	initrd = first_file(s, &r->initrds);
	if (!kernel || !initrd) {
		note(s, "%s: no %s", r->id,
		     !kernel ? (r->kernels.n ? r->kernels.v[0] : "kernel")
			     : (r->initrds.n ? r->initrds.v[0] : "initramfs"));
		return false;
	}
	return settle(s, r, kernel, initrd);
}

/* libosinfo gives the name; whether it also gives the files, the medium decides. */
static bool try_osinfo(struct search *s, const struct ki_rule *r)
{
	struct ki_osinfo info = {0};
	char *why = NULL;

	if (!s->osinfo) {
		note(s, "%s: not asked", r->id);
		return false;
	}
	if (s->osinfo(s->m->location, &info, &why)) {
		note(s, "%s: %s", r->id, why ? why : "not known");
		free(why);
		return false;
	}
	free(why);
	note(s, "%s: the volume descriptors say %s", r->id, info.name);
	ki_set(&s->d->os, info.name);
	ki_set(&s->d->version, info.version ? info.version : "");
	s->d->min_memory = info.min_memory;
	if (info.kernel && info.initrd)
		s->osinfo_kernel = settle(s, r, info.kernel, info.initrd);
	if (s->osinfo_kernel)
		ki_set(&s->d->rule, r->id);
	ki_osinfo_free(&info);
	return false; /* later rules still tell how this medium wants to be booted */
}

static bool try_treeinfo(struct search *s, const struct ki_rule *r)
{
	const char *file = first_file(s, &r->files);
	char *text = file ? ki_medium_text(s->m, file, KI_TREEINFO_FILE, NULL) : NULL;
	struct ki_treeinfo info;
	bool ok = false;

	if (!text) {
		note(s, "%s: no %s", r->id, r->files.n ? r->files.v[0] : ".treeinfo");
		return false;
	}
	ki_treeinfo_parse(&info, text);
	free(text);
	if (!info.kernel || !info.initrd)
		note(s, "%s: %s names no kernel and initramfs for x86_64", r->id, file);
	else
		ok = settle(s, r, info.kernel, info.initrd);
	if (ok) {
		free(s->d->kernel_sha256);
		free(s->d->initrd_sha256);
		s->d->kernel_sha256 = ki_strdup(info.kernel_sha256);
		s->d->initrd_sha256 = ki_strdup(info.initrd_sha256);
		if (info.family && !*s->d->os) {
			free(s->d->os);
			s->d->os =
				ki_printf("%s%s%s", info.family, info.version ? " " : "",
					  info.version ? info.version : "");
			ki_set(&s->d->version, info.version ? info.version : "");
		}
	}
	ki_treeinfo_free(&info);
	return ok;
}

static char *dir_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return ki_strndup(path, slash ? (size_t)(slash - path) : 0);
}

/* Reads @files and what they include, each once. */
static void read_bootcfgs(struct search *s, struct ki_bootcfg *cfg,
			  const struct ki_strv *files)
{
	struct ki_strv queue;

	ki_strv_copy(&queue, files);
	for (size_t i = 0, read = 0; i < queue.n && read < BOOTCFG_FILES; i++) {
		char *text = ki_medium_text(s->m, queue.v[i], KI_BOOTCFG_FILE, NULL),
		     *dir;

		if (!text)
			continue;
		read++;
		dir = dir_of(queue.v[i]);
		ki_bootcfg_parse(cfg, text, dir);
		for (size_t j = 0; j < cfg->includes.n; j++)
			if (!ki_strv_has(&queue, cfg->includes.v[j]))
				ki_strv_add(&queue, cfg->includes.v[j]);
		free(dir);
		free(text);
	}
	ki_strv_free(&queue);
}

static bool try_bootcfg(struct search *s, const struct ki_rule *r)
{
	struct ki_bootcfg cfg = {0};
	const struct ki_boot_entry *e;
	bool ok = false, *skip;

	read_bootcfgs(s, &cfg, &r->files);
	skip = ki_zalloc(cfg.n * sizeof(*skip));
	while (!ok && (e = ki_bootcfg_best(&cfg, skip))) {
		ok = settle(s, r, e->kernel, e->initrd);
		skip[e - cfg.entries] = true;
		if (ok) {
			note(s, "%s: entry \"%s\"", r->id, e->title);
			ki_set(&s->d->args, e->args);
		}
	}
	if (!ok)
		note(s, "%s: no usable entry in a boot menu (%zu read)", r->id, cfg.n);
	free(skip);
	ki_bootcfg_free(&cfg);
	return ok;
}

/* What a volume label may contribute to a kernel's command line. */
static char *safe_label(const char *label)
{
	struct ki_buf out = {0};

	for (; *label; label++)
		if (isalnum((unsigned char)*label) || strchr("._-", *label))
			ki_buf_add(&out, label, 1);
	return ki_buf_take(&out);
}

/* Adds @args with @LABEL@ and @URL@ filled in. */
static void add_args(struct search *s, const char *args)
{
	char *label = safe_label(s->m->label), *old = s->d->args;
	struct ki_buf out = {0};

	ki_buf_printf(&out, "%s%s", old, *old ? " " : "");
	while (*args) {
		size_t len = strcspn(args, "@");

		ki_buf_add(&out, args, len);
		args += len;
		if (ki_prefix(args, "@LABEL@")) {
			ki_buf_printf(&out, "%s", label);
			args += 7;
		} else if (ki_prefix(args, "@URL@")) {
			ki_buf_printf(&out, "%s", s->m->location);
			args += 5;
		} else if (*args) {
			ki_buf_add(&out, args++, 1);
		}
	}
	s->d->args = ki_buf_take(&out);
	free(old);
	free(label);
}

static void take_args(struct search *s, const struct ki_rule *r)
{
	const char *more = s->network ? r->args_tree : r->args_medium;

	if (r->method != KI_BY_BOOTCFG)
		ki_set(&s->d->args, "");
	if (r->args)
		add_args(s, r->args);
	if (more)
		add_args(s, more);
}

/* Sums from the medium's own list, where the rule knows of one. */
static void find_sums(struct search *s, const struct ki_rule *r)
{
	const char *file = first_file(s, &r->sums);
	char *text = file ? ki_medium_text(s->m, file, KI_SUMS_FILE, NULL) : NULL, *dir;

	if (!text)
		return;
	dir = dir_of(file);
	free(s->d->kernel_sha256);
	free(s->d->initrd_sha256);
	s->d->kernel_sha256 = ki_sums_find(text, dir, s->d->kernel);
	s->d->initrd_sha256 = ki_sums_find(text, dir, s->d->initrd);
	note(s, "%s: %s lists %s", r->id, file,
	     s->d->kernel_sha256 && s->d->initrd_sha256 ? "kernel and initramfs"
	     : s->d->kernel_sha256			? "the kernel"
	     : s->d->initrd_sha256			? "the initramfs"
							: "neither kernel nor initramfs");
	free(dir);
	free(text);
}

static void take_rule(struct search *s, const struct ki_rule *r)
{
	struct ki_detection *d = s->d;
	char *version = NULL;

	if (!d->rule)
		ki_set(&d->rule, r->id);
	if (r->version.file && file_matches(s, &r->version, &version))
		ki_set(&d->version, version);
	free(version);
	if (!*d->os) {
		free(d->os);
		d->os = ki_printf("%s%s%s", r->title, *d->version ? " " : "", d->version);
	}
	take_args(s, r);
	find_sums(s, r);
	d->attach = r->attach && !s->network;
	d->hooks = r->hooks;
	if (r->min_memory > d->min_memory)
		d->min_memory = r->min_memory;
	note(s, "%s: kernel %s, initramfs %s: decided", r->id, d->kernel, d->initrd);
}

static bool try_rule(struct search *s, const struct ki_rule *r)
{
	static bool (*const methods[])(struct search *, const struct ki_rule *) = {
		[KI_BY_FILES] = try_files,
		[KI_BY_OSINFO] = try_osinfo,
		[KI_BY_TREEINFO] = try_treeinfo,
		[KI_BY_BOOTCFG] = try_bootcfg,
	};

	if (r->label_regex && !regex_matches(s->m->label, r->label_regex, NULL)) {
		note(s, "%s: label \"%s\" does not match", r->id, s->m->label);
		return false;
	}
	return methods[r->method](s, r);
}

/*
 * With libosinfo's files at hand, the first rule that holds only adds what it
 * knows of booting; its own kernel is not taken.
 */
static bool decide(struct search *s, const struct ki_rule *r)
{
	char *kernel, *initrd;
	uint64_t ksize = s->d->kernel_size, isize = s->d->initrd_size;

	if (!s->osinfo_kernel) {
		if (!try_rule(s, r))
			return false;
		take_rule(s, r);
		return true;
	}
	kernel = ki_strdup(s->d->kernel);
	initrd = ki_strdup(s->d->initrd);
	if (!try_rule(s, r)) {
		free(kernel);
		free(initrd);
		return false;
	}
	if (strcmp(kernel, s->d->kernel))
		note(s, "osinfo: its kernel %s goes before %s", kernel, s->d->kernel);
	free(s->d->kernel);
	free(s->d->initrd);
	s->d->kernel = kernel;
	s->d->initrd = initrd;
	s->d->kernel_size = ksize;
	s->d->initrd_size = isize;
	take_rule(s, r);
	return true;
}

static void detection_init(struct ki_detection *d)
{
	memset(d, 0, sizeof(*d));
	d->os = ki_strdup("");
	d->version = ki_strdup("");
	d->args = ki_strdup("");
	d->attach = true;
}

int ki_detect(struct ki_medium *m, const struct ki_rules *rules, ki_osinfo_fn osinfo,
	      struct ki_detection *d, struct ki_error *err)
{
	struct search s = {
		.m = m, .d = d, .osinfo = osinfo, .network = ki_is_url(m->location)};
	struct ki_dirlist top;
	size_t n;
	int rc;

	detection_init(d);
	rc = ki_medium_list(m, "", &top, err);
	if (rc) {
		ki_detection_free(d);
		return rc < 0 ? -1
			      : ki_fail(err, NULL, "the medium is empty", "%s",
					m->location);
	}
	n = top.n;
	ki_dirlist_free(&top);
	note(&s, "medium: %s, label \"%s\", %zu entries at its top", m->format, m->label,
	     n);
	for (size_t i = 0; i < rules->n && !d->found; i++)
		d->found = decide(&s, &rules->v[i]);
	if (!d->found && s.osinfo_kernel) {
		d->found = true;
		note(&s, "osinfo: kernel %s, initramfs %s: decided", d->kernel,
		     d->initrd);
	}
	if (!d->found)
		note(&s, "nothing decided: name kernel and initramfs by hand");
	if (!*d->os)
		ki_set(&d->os, *m->label ? m->label : "unknown system");
	return 0;
}

static int check_by_hand(struct ki_medium *m, const char *path, uint64_t *size,
			 struct ki_error *err)
{
	struct ki_dirent ent;
	int rc = ki_medium_stat(m, path, &ent, err);

	if (rc < 0)
		return -1;
	if (rc || ent.type != KI_FT_FILE || !ent.size)
		return ki_fail(err,
			       "list the medium with: keel install --list FILE [DIR]",
			       "that file is not on the medium", "%s", path);
	*size = ent.size;
	return 0;
}

int ki_detect_override(struct ki_medium *m, struct ki_detection *d, const char *kernel,
		       const char *initrd, struct ki_error *err)
{
	if (kernel && check_by_hand(m, kernel, &d->kernel_size, err))
		return -1;
	if (initrd && check_by_hand(m, initrd, &d->initrd_size, err))
		return -1;
	if (kernel) {
		ki_set(&d->kernel, kernel);
		ki_set(&d->kernel_sha256, NULL);
	}
	if (initrd) {
		ki_set(&d->initrd, initrd);
		ki_set(&d->initrd_sha256, NULL);
	}
	if (!d->rule || kernel)
		ki_set(&d->rule, "by hand");
	ki_strv_take(&d->log, ki_printf("by hand: kernel %s, initramfs %s",
					d->kernel ? d->kernel : "(none)",
					d->initrd ? d->initrd : "(none)"));
	d->found = d->kernel != NULL;
	return 0;
}

void ki_detection_free(struct ki_detection *d)
{
	free(d->rule);
	free(d->os);
	free(d->version);
	free(d->kernel);
	free(d->initrd);
	free(d->kernel_sha256);
	free(d->initrd_sha256);
	free(d->args);
	ki_strv_free(&d->log);
	memset(d, 0, sizeof(*d));
}

void ki_detection_copy(struct ki_detection *to, const struct ki_detection *from)
{
	*to = *from;
	to->rule = ki_strdup(from->rule);
	to->os = ki_strdup(from->os);
	to->version = ki_strdup(from->version);
	to->kernel = ki_strdup(from->kernel);
	to->initrd = ki_strdup(from->initrd);
	to->kernel_sha256 = ki_strdup(from->kernel_sha256);
	to->initrd_sha256 = ki_strdup(from->initrd_sha256);
	to->args = ki_strdup(from->args);
	ki_strv_copy(&to->log, &from->log);
}

void ki_osinfo_free(struct ki_osinfo *info)
{
	free(info->name);
	free(info->version);
	free(info->kernel);
	free(info->initrd);
	memset(info, 0, sizeof(*info));
}
