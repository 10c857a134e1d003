/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ki_step *add_step(struct ki_plan *p, enum ki_step_kind kind, char *path,
				char *title)
{
	struct ki_step *s;

	p->steps = ki_grow(p->steps, p->n_steps + 1, sizeof(*p->steps));
	s = &p->steps[p->n_steps++];
	*s = (struct ki_step){.kind = kind, .path = path, .title = title};
	return s;
}

static void add_dir(struct ki_plan *p, const char *path)
{
	add_step(p, KI_MKDIR, ki_strdup(path), ki_printf("make directory %s", path));
}

static void add_own_dir(struct ki_plan *p, const char *base, const char *leaf)
{
	char *path = ki_printf("%s/%s", base, leaf);

	add_dir(p, path);
	free(path);
}

static void pack_extra(struct ki_plan *p, struct ki_step *s)
{
	size_t n, total;
	struct ki_extra_file *files = ki_hook_files(p->found.hooks, &n);

	total = n + p->spec.n_files;
	files = ki_grow(files, total, sizeof(*files));
	if (p->spec.n_files)
		memcpy(files + n, p->spec.files, p->spec.n_files * sizeof(*files));
	if (total && ki_cpio_make(files, total, &s->text, &s->text_len, NULL)) {
		s->text = NULL;
		s->text_len = 0;
	}
	ki_extra_free(files, n);
}

static void add_boot_files(struct ki_plan *p, const char *dir)
{
	struct ki_step *s;

	s = add_step(p, KI_KERNEL, ki_printf("%s/kernel", dir),
		     ki_printf("take kernel %s", p->found.kernel));
	s->from = ki_strdup(p->found.kernel);
	s->sha256 = ki_strdup(p->found.kernel_sha256);
	s->bytes = p->found.kernel_size;
	if (!p->found.initrd)
		return;
	s = add_step(p, KI_INITRD, ki_printf("%s/initrd", dir),
		     ki_printf("take initramfs %s", p->found.initrd));
	s->from = ki_strdup(p->found.initrd);
	s->sha256 = ki_strdup(p->found.initrd_sha256);
	pack_extra(p, s);
	s->bytes = p->found.initrd_size + s->text_len;
}

static void add_disk(struct ki_plan *p, const struct ki_disk *d, enum ki_step_kind kind)
{
	char size[24];
	struct ki_step *s;

	ki_format_size(d->size, size);
	s = add_step(p, kind, ki_strdup(d->path),
		     ki_printf("%s %s (%s, %s)",
			       kind == KI_CONVERT  ? "write the image to"
			       : kind == KI_UNPACK ? "unpack the archive to"
						   : "make disk",
			       d->path, size, d->format == KI_QCOW2 ? "qcow2" : "raw"));
	s->size = d->size;
	s->format = d->format;
	s->prealloc = d->prealloc;
	s->bytes = d->prealloc ? d->size : 0;
	if (kind != KI_DISK)
		s->from = ki_strdup(p->spec.location);
}

static void add_disks(struct ki_plan *p)
{
	for (size_t i = 0; i < p->spec.n_disks; i++) {
		const struct ki_disk *d = &p->spec.disks[i];
		enum ki_step_kind kind = KI_DISK;

		if (i == 0 && p->spec.source == KI_SRC_IMAGE)
			kind = KI_CONVERT;
		else if (i == 0 && p->spec.source == KI_SRC_ARCHIVE)
			kind = KI_UNPACK;
		if (!d->keep && d->path)
			add_disk(p, d, kind);
	}
}

static void add_directories(struct ki_plan *p, const char *dir)
{
	add_own_dir(p, p->paths.conf, "guests");
	add_own_dir(p, p->paths.state, "guests");
	for (size_t i = 0; i < p->spec.n_disks; i++) {
		const struct ki_disk *d = &p->spec.disks[i];
		const char *slash = d->path ? strrchr(d->path, '/') : NULL;
		char *pool;

		if (d->keep || !slash || slash == d->path)
			continue;
		pool = ki_strndup(d->path, (size_t)(slash - d->path));
		if (!d->pool)
			add_dir(p, pool);
		free(pool);
	}
	add_dir(p, dir);
}

static void add_seed(struct ki_plan *p, const char *dir)
{
	add_step(p, KI_SEED, ki_printf("%s/seed.iso", dir),
		 ki_printf("make the first-boot settings (NoCloud)"));
}

static void add_config(struct ki_plan *p, const char *dir)
{
	bool seed = p->spec.source == KI_SRC_IMAGE;
	char *seed_path = seed ? ki_printf("%s/seed.iso", dir) : NULL;
	struct ki_step *s;

	p->cfg_path = ki_guest_cfg_path(&p->paths, p->spec.name);
	p->cfg = ki_guestcfg_text(&p->spec, &p->paths, &p->found, seed_path);
	s = add_step(p, KI_CONFIG, ki_strdup(p->cfg_path),
		     ki_printf("write guest file %s", p->cfg_path));
	s->text = ki_strdup(p->cfg);
	s->text_len = strlen(p->cfg);
	s->bytes = s->text_len;
	free(seed_path);
}

static void add_start(struct ki_plan *p)
{
	const char *name = p->spec.name;

	if (!p->spec.start)
		return;
	add_step(p, KI_START, NULL, ki_printf("start guest %s", name));
	if (p->found.kernel)
		add_step(p, KI_FOLLOW, NULL,
			 ki_printf("watch for the end of %s's installer", name));
}

static void sum_up(struct ki_plan *p)
{
	for (size_t i = 0; i < p->n_steps; i++) {
		p->bytes_now += p->steps[i].bytes;
		if (p->steps[i].size)
			p->bytes_max += p->steps[i].size;
		else
			p->bytes_max += p->steps[i].bytes;
	}
}

char *ki_shell_quote(const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-+=:,./@%";
	struct ki_buf out = {0};

	if (*word && strspn(word, plain) == strlen(word))
		return ki_strdup(word);
	ki_buf_printf(&out, "'");
	for (; *word; word++)
		ki_buf_printf(&out, *word == '\'' ? "'\\''" : "%c", *word);
	ki_buf_printf(&out, "'");
	return ki_buf_take(&out);
}

static void put_option(struct ki_buf *out, const char *option, const char *value)
{
	char *quoted;

	if (!value || !*value)
		return;
	quoted = ki_shell_quote(value);
	ki_buf_printf(out, " %s %s", option, quoted);
	free(quoted);
}

static void put_disk_option(struct ki_buf *out, const struct ki_disk *d,
			    const char *standard)
{
	struct ki_buf text = {0};
	char *value;

	if (!d->keep)
		ki_buf_printf(&text, "size=");
	if (!d->keep && d->size % KI_GIB == 0)
		ki_buf_printf(&text, "%lluG", (unsigned long long)(d->size / KI_GIB));
	else if (!d->keep && d->size % KI_MIB == 0)
		ki_buf_printf(&text, "%lluM", (unsigned long long)(d->size / KI_MIB));
	else if (!d->keep)
		ki_buf_printf(&text, "%llu", (unsigned long long)d->size);
	ki_buf_printf(&text, "%sformat=%s", d->keep ? "" : ",",
		      d->format == KI_QCOW2 ? "qcow2" : "raw");
	if (d->pool)
		ki_buf_printf(&text, ",pool=%s", d->pool);
	else if (d->path && strcmp(d->path, standard))
		ki_buf_printf(&text, ",path=%s", d->path);
	ki_buf_printf(&text, "%s%s", d->keep ? ",keep=yes" : "",
		      d->prealloc ? ",prealloc=yes" : "");
	value = ki_buf_take(&text);
	put_option(out, "--disk", value);
	free(value);
}

static void put_disk_options(struct ki_buf *out, const struct ki_plan *p)
{
	for (size_t i = 0; i < p->spec.n_disks; i++) {
		const struct ki_disk *d = &p->spec.disks[i];
		char *standard =
			ki_printf("%s/disks/%s-%zu.%s", p->paths.state, p->spec.name, i,
				  d->format == KI_QCOW2 ? "qcow2" : "raw");

		put_disk_option(out, d, standard);
		free(standard);
	}
	if (!p->spec.n_disks)
		ki_buf_printf(out, " --disk none");
}

static void put_nic_options(struct ki_buf *out, const struct ki_spec *spec)
{
	for (size_t i = 0; i < spec->n_nics; i++) {
		const struct ki_nic *n = &spec->nics[i];
		char *value =
			ki_printf("%s%s%smac=%02x:%02x:%02x:%02x:%02x:%02x",
				  n->bridge ? "bridge=" : "", n->bridge ? n->bridge : "",
				  n->bridge ? "," : "", n->mac[0], n->mac[1], n->mac[2],
				  n->mac[3], n->mac[4], n->mac[5]);

		put_option(out, "--nic", value);
		free(value);
	}
	if (!spec->n_nics)
		ki_buf_printf(out, " --nic none");
}

static char *command_text(const struct ki_plan *p)
{
	static const char *const source_options[] = {"--iso", "--tree", "--image",
						     "--archive", "--empty"};
	const struct ki_spec *s = &p->spec;
	struct ki_buf out = {0};

	ki_buf_printf(&out, "keel install");
	put_option(&out, "--name", s->name);
	if (s->source == KI_SRC_EMPTY)
		ki_buf_printf(&out, " --empty");
	else
		put_option(&out, source_options[s->source], s->location);
	put_option(&out, "--kernel", s->kernel);
	put_option(&out, "--initrd", s->initrd);
	put_option(&out, "--args", s->args);
	put_option(&out, "--answers", s->answers);
	ki_buf_printf(&out, " --vcpus %u --max-vcpus %u --memory %llu", s->vcpus,
		      s->max_vcpus, (unsigned long long)s->memory);
	if (s->max_memory > s->memory)
		ki_buf_printf(&out, " --max-memory %llu",
			      (unsigned long long)s->max_memory);
	put_disk_options(&out, p);
	put_nic_options(&out, s);
	for (size_t i = 0; i < s->ssh_keys.n; i++)
		put_option(&out, "--ssh-key", s->ssh_keys.v[i]);
	ki_buf_printf(&out, "%s%s%s", s->replace ? " --replace" : "",
		      s->start ? "" : " --no-start", s->attach ? " --attach" : "");
	return ki_buf_take(&out);
}

void ki_plan_make(struct ki_plan *plan, const struct ki_spec *spec,
		  const struct ki_paths *paths, const struct ki_detection *found)
{
	char *dir;

	memset(plan, 0, sizeof(*plan));
	ki_spec_copy(&plan->spec, spec);
	if (!plan->spec.name)
		plan->spec.name = ki_strdup("");
	ki_paths_copy(&plan->paths, paths);
	if (found) {
		ki_detection_copy(&plan->found, found);
	} else {
		plan->found.os = ki_strdup("");
		plan->found.args = ki_strdup("");
	}
	dir = ki_guest_dir(paths, plan->spec.name);
	add_directories(plan, dir);
	if (plan->found.kernel)
		add_boot_files(plan, dir);
	add_disks(plan);
	if (plan->spec.source == KI_SRC_IMAGE)
		add_seed(plan, dir);
	add_config(plan, dir);
	add_start(plan);
	plan->command = command_text(plan);
	sum_up(plan);
	free(dir);
}

static void free_step(struct ki_step *s)
{
	free(s->title);
	free(s->path);
	free(s->from);
	free(s->sha256);
	free(s->text);
}

void ki_plan_free(struct ki_plan *plan)
{
	for (size_t i = 0; i < plan->n_steps; i++)
		free_step(&plan->steps[i]);
	free(plan->steps);
	free(plan->problems);
	free(plan->cfg_path);
	free(plan->cfg);
	free(plan->command);
	ki_spec_free(&plan->spec);
	ki_paths_free(&plan->paths);
	ki_detection_free(&plan->found);
	memset(plan, 0, sizeof(*plan));
}

static void put_problems(struct ki_buf *out, const struct ki_plan *plan)
{
	for (size_t i = 0; i < plan->n_problems; i++) {
		const struct ki_problem *p = &plan->problems[i];

		ki_buf_printf(out, "%s: %s: %s\n", p->fatal ? "ERROR" : "warning",
			      p->text.what, p->text.why);
		if (p->text.hint[0])
			ki_buf_printf(out, "    try: %s\n", p->text.hint);
	}
}

char *ki_plan_text(const struct ki_plan *plan)
{
	char now[24], max[24];
	struct ki_buf out = {0};

	put_problems(&out, plan);
	ki_format_size(plan->bytes_now, now);
	ki_format_size(plan->bytes_max, max);
	ki_buf_printf(&out, "Steps (%s written now, %s when the disks are full):\n", now,
		      max);
	for (size_t i = 0; i < plan->n_steps; i++)
		ki_buf_printf(&out, "  %zu. %s%s\n", i + 1, plan->steps[i].title,
			      plan->steps[i].replace ? " (replaces what is there)" : "");
	ki_buf_printf(&out, "\nGuest file %s:\n", plan->cfg_path);
	for (const char *at = plan->cfg; *at;) {
		size_t len = strcspn(at, "\n");

		ki_buf_printf(&out, "  %.*s\n", (int)len, at);
		at += len + (at[len] == '\n');
	}
	ki_buf_printf(&out, "\nCommand:\n  %s\n", plan->command);
	return ki_buf_take(&out);
}
