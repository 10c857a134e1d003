/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Holds a plan against the host: everything that would make it fail half-way. */
#include "plan.h"
#include "lib/name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct check {
	struct ki_plan *plan;
	const struct ki_host *host;
	size_t fatal;
};

static void report(struct check *c, bool fatal, enum ki_page page, const char *hint,
		   const char *what, const char *why, ...)
	__attribute__((format(printf, 6, 7)));

static void report(struct check *c, bool fatal, enum ki_page page, const char *hint,
		   const char *what, const char *why, ...)
{
	struct ki_plan *p = c->plan;
	struct ki_problem *slot;
	va_list ap;

	p->problems = ki_grow(p->problems, p->n_problems + 1, sizeof(*p->problems));
	slot = &p->problems[p->n_problems++];
	*slot = (struct ki_problem){.fatal = fatal, .page = page};
	snprintf(slot->text.what, sizeof(slot->text.what), "%s", what);
	snprintf(slot->text.hint, sizeof(slot->text.hint), "%s", hint ? hint : "");
	va_start(ap, why);
	vsnprintf(slot->text.why, sizeof(slot->text.why), why, ap);
	va_end(ap);
	c->fatal += fatal;
}

static enum ki_path_kind kind_of(const struct check *c, const char *path)
{
	return c->host->kind(c->host->arg, path);
}

/* What a guest file can hold between its quotes. */
static bool cfg_safe(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || strchr("\"\\\x7f", *text))
			return false;
	return true;
}

static void check_name(struct check *c)
{
	struct ki_plan *p = c->plan;
	struct keel_error fault;

	if (keel_name_check(p->spec.name, &fault)) {
		report(c, true, KI_PAGE_NAME,
		       fault.hint[0] ? fault.hint : "a name such as web1",
		       "bad guest name", "%s", fault.text);
		return;
	}
	if (ki_strv_has(&c->host->running, p->spec.name))
		report(c, true, KI_PAGE_NAME, "another name, or stop that guest first",
		       "the name is taken", "a guest named %s is running", p->spec.name);
	else if (kind_of(c, p->cfg_path) != KI_PATH_NONE && !p->spec.replace)
		report(c, true, KI_PAGE_NAME,
		       "another name, or --replace to overwrite that guest",
		       "the name is taken", "%s exists", p->cfg_path);
}

static void check_source(struct check *c)
{
	struct ki_plan *p = c->plan;
	bool wants_kernel =
		p->spec.source == KI_SRC_MEDIUM || p->spec.source == KI_SRC_TREE;

	if (p->spec.source != KI_SRC_EMPTY && !p->spec.location)
		report(c, true, KI_PAGE_SOURCE, "an ISO file", "nothing to install from",
		       "no source is named");
	else if (wants_kernel && !p->found.kernel)
		report(c, true, KI_PAGE_SOURCE,
		       "name kernel and initramfs by hand (--kernel, --initrd)",
		       "no kernel was found", "%s is not a medium that the rules know",
		       p->spec.location);
	else if (wants_kernel && !p->found.initrd)
		report(c, false, KI_PAGE_SOURCE, "--initrd PATH", "no initramfs",
		       "most installers need one");
	if (p->spec.source == KI_SRC_ARCHIVE && !c->host->root)
		report(c, true, KI_PAGE_SOURCE, "run it as root",
		       "the archive cannot be unpacked",
		       "its files have owners and devices");
	if (p->spec.location && !cfg_safe(p->spec.location))
		report(c, true, KI_PAGE_SOURCE, "rename it",
		       "the source's name cannot be used",
		       "it has quotes, backslashes or control characters");
	if (p->spec.args && !cfg_safe(p->spec.args))
		report(c, true, KI_PAGE_SOURCE, "leave them out", "bad kernel arguments",
		       "quotes, backslashes and control characters are not possible "
		       "there");
}

static void check_cpus(struct check *c)
{
	const struct ki_spec *s = &c->plan->spec;

	if (!s->vcpus || s->max_vcpus < s->vcpus || s->max_vcpus > KI_VCPUS_MAX)
		report(c, true, KI_PAGE_CPU,
		       "1 to 512, the maximum not below what it starts with",
		       "bad number of vCPUs", "%u now, %u at most", s->vcpus,
		       s->max_vcpus);
	else if (c->host->cpus && s->vcpus > c->host->cpus)
		report(c, false, KI_PAGE_CPU, NULL, "more vCPUs than CPUs",
		       "%u vCPUs share %u CPUs: the guest will run slower", s->vcpus,
		       c->host->cpus);
}

static void check_memory(struct check *c)
{
	const struct ki_spec *s = &c->plan->spec;
	unsigned long long want = s->memory, least = c->plan->found.min_memory;

	if (want < 16 || (s->max_memory && s->max_memory < want) || want > (1ULL << 34))
		report(c, true, KI_PAGE_CPU, "for example 1024", "bad memory size",
		       "%llu MiB now, %llu at most", want,
		       (unsigned long long)s->max_memory);
	else if (c->host->free_memory && want > c->host->free_memory)
		report(c, s->start, KI_PAGE_CPU, "less memory, or stop another guest",
		       "not enough memory", "%llu MiB are wanted, %llu MiB are free",
		       want, (unsigned long long)c->host->free_memory);
	if (least && want < least)
		report(c, false, KI_PAGE_CPU, "more memory", "little memory",
		       "this installer wants %llu MiB or more, the guest gets %llu",
		       least, want);
}

static void check_new_disk(struct check *c, struct ki_step *s)
{
	enum ki_path_kind kind = kind_of(c, s->path);
	char *user = c->host->disk_user(c->host->arg, s->path, c->plan->spec.name);

	if (user)
		report(c, true, KI_PAGE_DISKS, "another path",
		       "the disk is another guest's", "%s belongs to guest %s", s->path,
		       user);
	else if (kind == KI_PATH_BLOCK)
		report(c, true, KI_PAGE_DISKS, "keep=yes to install on it as it is",
		       "the disk exists", "%s is a block device", s->path);
	else if (kind == KI_PATH_DIR || kind == KI_PATH_OTHER)
		report(c, true, KI_PAGE_DISKS, "another path", "the disk cannot be made",
		       "%s is something else", s->path);
	else if (kind == KI_PATH_FILE && !c->plan->spec.replace)
		report(c, true, KI_PAGE_DISKS,
		       "another name or path, keep=yes, or --replace to overwrite it",
		       "the disk exists", "%s would be overwritten", s->path);
	free(user);
}

static void check_kept_disk(struct check *c, const struct ki_disk *d)
{
	enum ki_path_kind kind = kind_of(c, d->path);
	char *user = c->host->disk_user(c->host->arg, d->path, c->plan->spec.name);

	if (kind != KI_PATH_FILE && kind != KI_PATH_BLOCK)
		report(c, true, KI_PAGE_DISKS, "check the path",
		       "the disk to keep is not there", "%s", d->path);
	else if (user)
		report(c, true, KI_PAGE_DISKS, "another path",
		       "the disk is another guest's", "%s belongs to guest %s", d->path,
		       user);
	else
		report(c, false, KI_PAGE_DISKS, NULL, "an existing disk is used",
		       "the installer may overwrite what is on %s", d->path);
	free(user);
}

static void check_disk_specs(struct check *c)
{
	const struct ki_spec *s = &c->plan->spec;

	for (size_t i = 0; i < s->n_disks; i++) {
		const struct ki_disk *d = &s->disks[i];

		if (!d->path || d->path[0] != '/' || !cfg_safe(d->path))
			report(c, true, KI_PAGE_DISKS, "an absolute path without quotes",
			       "bad disk path", "%s", d->path ? d->path : "(none)");
		else if (d->keep)
			check_kept_disk(c, d);
		else if (d->size < KI_MIB && s->source != KI_SRC_IMAGE)
			report(c, true, KI_PAGE_DISKS, "for example 8G",
			       "the disk is too small", "%llu bytes",
			       (unsigned long long)d->size);
		if (d->prealloc && d->format != KI_RAW)
			report(c, true, KI_PAGE_DISKS, "format=raw, or without prealloc",
			       "only raw disks can be allocated at once", "%s", d->path);
		for (size_t j = 0; j < i; j++)
			if (d->path && s->disks[j].path &&
			    !strcmp(d->path, s->disks[j].path))
				report(c, true, KI_PAGE_DISKS,
				       "a path of its own for each",
				       "two disks are the same", "%s", d->path);
	}
	if (!s->n_disks)
		report(c, false, KI_PAGE_DISKS, "--disk size=8G", "no disk",
		       "there is nothing to install to");
}

/* Marks the files that are there already and may be replaced. */
static void check_targets(struct check *c)
{
	struct ki_plan *p = c->plan;

	for (size_t i = 0; i < p->n_steps; i++) {
		struct ki_step *s = &p->steps[i];

		if (!s->path || s->kind == KI_MKDIR)
			continue;
		if (s->kind == KI_DISK || s->kind == KI_CONVERT || s->kind == KI_UNPACK)
			check_new_disk(c, s);
		else if (s->kind != KI_CONFIG && kind_of(c, s->path) != KI_PATH_NONE &&
			 !p->spec.replace)
			report(c, true, KI_PAGE_NAME,
			       "another name, or --replace to overwrite it",
			       "left over from another guest", "%s exists", s->path);
		s->replace = kind_of(c, s->path) != KI_PATH_NONE;
	}
}

/* Needed space, file system by file system. */
struct fs_need {
	uint64_t fs, free, now, full;
	const char *path;
};

static struct fs_need *need_of(struct fs_need *needs, size_t *n, uint64_t fs)
{
	for (size_t i = 0; i < *n; i++)
		if (needs[i].fs == fs)
			return &needs[i];
	needs[*n] = (struct fs_need){.fs = fs};
	return &needs[(*n)++];
}

static void report_space(struct check *c, const struct fs_need *need)
{
	char now[24], full[24], have[24];

	ki_format_size(need->now, now);
	ki_format_size(need->full, full);
	ki_format_size(need->free, have);
	if (need->now > need->free)
		report(c, true, KI_PAGE_DISKS, "another pool, or make room",
		       "not enough space", "%s needs %s now, %s are free", need->path,
		       now, have);
	else if (need->full > need->free)
		report(c, false, KI_PAGE_DISKS, "smaller disks, or another pool",
		       "the disks can outgrow their storage",
		       "full, they take %s on the file system of %s, which has %s free",
		       full, need->path, have);
}

static void check_space(struct check *c)
{
	struct ki_plan *p = c->plan;
	struct fs_need *needs = ki_zalloc((p->n_steps + 1) * sizeof(*needs));
	size_t n = 0;

	for (size_t i = 0; i < p->n_steps; i++) {
		const struct ki_step *s = &p->steps[i];
		uint64_t room, fs;
		struct fs_need *need;

		if (!s->path || !c->host->space(c->host->arg, s->path, &room, &fs))
			continue;
		need = need_of(needs, &n, fs);
		need->free = room;
		if (!need->path)
			need->path = s->path;
		need->now += s->bytes;
		need->full += s->size ? s->size : s->bytes;
	}
	for (size_t i = 0; i < n; i++)
		report_space(c, &needs[i]);
	free(needs);
}

static void check_nics(struct check *c)
{
	const struct ki_spec *s = &c->plan->spec;

	for (size_t i = 0; i < s->n_nics; i++) {
		const char *bridge = s->nics[i].bridge;

		if (bridge && c->host->xen && !ki_strv_has(&c->host->bridges, bridge))
			report(c, true, KI_PAGE_NICS,
			       "one of the host's bridges, or --nic none",
			       "no such bridge", "%s", bridge);
		for (size_t j = 0; j < i; j++)
			if (!memcmp(s->nics[i].mac, s->nics[j].mac, 6))
				report(c, true, KI_PAGE_NICS, "leave the address out",
				       "two network cards have the same address",
				       "card %zu", i + 1);
	}
	if (!s->n_nics && c->plan->found.kernel && !c->plan->found.attach)
		report(c, false, KI_PAGE_NICS, "--nic bridge=NAME", "no network card",
		       "this installer loads what it installs over the network");
}

static void check_host(struct check *c)
{
	if (c->plan->spec.start && !c->host->xen)
		report(c, true, KI_PAGE_NAME,
		       "run it in the control domain, or use --no-start",
		       "no guest can be started here",
		       "this system does not run on Keel or Xen");
	if (!c->plan->found.kernel && c->plan->spec.source != KI_SRC_EMPTY)
		return;
	if (kind_of(c, KI_PVGRUB) != KI_PATH_FILE)
		report(c, false, KI_PAGE_SOURCE, "install the package grub-xen-host",
		       "the installed system will not boot", "%s is not there",
		       KI_PVGRUB);
}

size_t ki_plan_check(struct ki_plan *plan, const struct ki_host *host)
{
	struct check c = {.plan = plan, .host = host};

	free(plan->problems);
	plan->problems = NULL;
	plan->n_problems = 0;
	check_host(&c);
	check_name(&c);
	check_source(&c);
	check_cpus(&c);
	check_memory(&c);
	check_disk_specs(&c);
	check_targets(&c);
	check_space(&c);
	check_nics(&c);
	return c.fatal;
}
