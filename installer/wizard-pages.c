/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pages 1 to 3 of the wizard: name and kind, source, vCPUs and memory. */
#include "wizard.h"
#include "lib/name.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct {
	enum ki_source source;
	const char *text;
} kinds[] = {
	{KI_SRC_MEDIUM, "Install image (ISO): from a file, a drive or a directory"},
	{KI_SRC_TREE, "Network tree: a URL of an install tree"},
	{KI_SRC_IMAGE, "Disk or cloud image: a ready-made system, copied"},
	{KI_SRC_ARCHIVE, "Archive: a tar of a root file system, unpacked in seconds"},
	{KI_SRC_EMPTY, "Empty guest: a definition and its disks, nothing in them"},
};

static void explain(const struct keel_error *fault)
{
	struct ki_error err;

	ki_fail(&err, fault->hint[0] ? fault->hint : "a name such as web1",
		"That name cannot be used", "%s", fault->text);
	ui_error(&err);
}

static bool name_is_good(struct wizard *w)
{
	struct keel_error fault;
	char *cfg;
	FILE *f;

	if (keel_name_check(w->spec->name, &fault)) {
		explain(&fault);
		return false;
	}
	cfg = ki_guest_cfg_path(&w->o->paths, w->spec->name);
	f = fopen(cfg, "re");
	free(cfg);
	w->spec->replace = false;
	if (!f)
		return true;
	fclose(f);
	ui_message("The name is taken",
		   "There is a guest of that name. To replace it and overwrite its "
		   "disks, type its name on the next screen; to keep it, choose "
		   "another name.");
	char *typed = ki_strdup("");
	bool same =
		ui_prompt(
			"Replace a guest", "Name of the guest that is to be overwritten:",
			"Its definition and its disks are lost when the install begins.",
			&typed) &&
		!strcmp(typed, w->spec->name);

	free(typed);
	w->spec->replace = same;
	return same;
}

struct name_page {
	struct wizard *w;
	newtComponent list;
};

static void take_kind(struct wizard *w, size_t chosen)
{
	if (kinds[chosen].source == w->spec->source)
		return;
	w->spec->source = kinds[chosen].source;
	ki_set(&w->spec->location, NULL);
	w->looked = false;
}

static bool leave_name(struct ui_page *p, enum ui_answer answer, void *arg)
{
	struct name_page *page = arg;

	(void)p;
	(void)answer;
	return name_is_good(page->w);
}

static newtComponent list_kinds(struct ui_page *p, const struct wizard *w)
{
	newtComponent list;

	list = ui_list(
		p, 1, 4, UI_WIDTH - 2, 6,
		"An ISO is read directly: its kernel is booted with a text console, no "
		"firmware and no graphics are needed.");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		newtListboxAppendEntry(list, kinds[i].text, (void *)(i + 1));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (kinds[i].source == w->spec->source)
			newtListboxSetCurrent(list, (int)i);
	return list;
}

enum ui_answer page_name(struct wizard *w)
{
	struct name_page page = {.w = w};
	enum ui_answer answer;
	struct ui_page p;

	do {
		ui_open(&p, "1 of 6: name and kind",
			"A guest has a name and something to be installed from.");
		ui_entry(&p, 1, 8, 1, 40, "Name", &w->spec->name,
			 "Letters, digits, '.', '_', '+' and '-', beginning with a "
			 "letter or digit. The guest file, the unit keel-guest@NAME "
			 "and the disks are called by it.");
		ui_label(&p, 1, 3, "What to install");
		page.list = list_kinds(&p, w);
		ui_text(&p, 1, 11, UI_WIDTH - 2, 4,
			w->host.xen ? "The guest is paravirtualized, with its console as "
				      "text."
				    : "This system does not run on Keel or Xen: the "
				      "guest can be made here, but not started.");
		ui_buttons(&p, " Next ", "Cancel");
		ui_guard(&p, leave_name, &page);
		answer = ui_wait(&p);
		take_kind(w, (size_t)newtListboxGetCurrent(page.list) - 1);
		ui_close(&p);
		if (answer == UI_AGAIN)
			ui_again();
	} while (answer == UI_AGAIN);
	return answer == UI_BUTTON ? UI_NEXT : answer;
}

/* --- choosing a file ---------------------------------------------------------- */

struct choice {
	char *path;
	char *text;
	bool dir;
};

struct choices {
	struct choice *v;
	size_t n;
};

static void add_choice(struct choices *c, char *path, char *text, bool dir)
{
	c->v = ki_grow(c->v, c->n + 1, sizeof(*c->v));
	c->v[c->n++] = (struct choice){.path = path, .text = text, .dir = dir};
}

static void free_choices(struct choices *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->v[i].path);
		free(c->v[i].text);
	}
	free(c->v);
	memset(c, 0, sizeof(*c));
}

static int by_kind_and_text(const void *a, const void *b)
{
	const struct choice *x = a, *y = b;

	if (x->dir != y->dir)
		return x->dir ? -1 : 1;
	return strcmp(x->text, y->text);
}

/* Files of @dir that end in @suffix (NULL: all), and its directories when @dirs. */
static void read_dir(const char *dir, const char *suffix, bool dirs, struct choices *c)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		char *path = ki_printf("%s/%s", strcmp(dir, "/") ? dir : "", e->d_name);
		char size[24] = "";
		struct stat st;

		if (*e->d_name == '.' || stat(path, &st)) {
			free(path);
		} else if (S_ISDIR(st.st_mode) && dirs) {
			add_choice(c, path, ki_printf("%.50s/", e->d_name), true);
		} else if ((S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)) &&
			   (!suffix || ki_suffix(e->d_name, suffix))) {
			ki_format_size((uint64_t)st.st_size, size);
			add_choice(c, path, ki_printf("%-52.52s %12s", e->d_name, size),
				   false);
		} else {
			free(path);
		}
	}
	if (d)
		closedir(d);
	if (c->n)
		qsort(c->v, c->n, sizeof(*c->v), by_kind_and_text);
}

static char *parent_of(const char *dir)
{
	const char *slash = strrchr(dir, '/');

	return slash && slash != dir ? ki_strndup(dir, (size_t)(slash - dir))
				     : ki_strdup("/");
}

/* One look into *@dir. NULL: stay (then *@dir may have changed) unless *@left. */
static char *browse_once(char **dir, const char *title, const char *suffix, bool *left)
{
	struct choices c = {0};
	struct ui_page p;
	newtComponent list, type;
	enum ui_answer answer;
	char *text, *path = NULL;
	size_t at;

	read_dir(*dir, suffix, true, &c);
	ui_open(&p, title,
		"Enter opens a directory or takes a file. With \"Type a path\" a name "
		"can be given directly.");
	text = ki_printf("Directory %.58s", *dir);
	ui_label(&p, 1, 1, text);
	free(text);
	list = ui_list(&p, 1, 2, UI_WIDTH - 2, 11, NULL);
	newtListboxAppendEntry(list, "../", NULL);
	for (size_t i = 0; i < c.n; i++)
		newtListboxAppendEntry(list, c.v[i].text, (void *)(i + 1));
	type = ui_button(&p, 1, 14, "Type a path", NULL);
	ui_buttons(&p, "  OK  ", "Cancel");
	answer = ui_wait(&p);
	at = (size_t)newtListboxGetCurrent(list);
	ui_close(&p);
	*left = answer == UI_BACK || answer == UI_CANCEL;
	if (answer == UI_AGAIN) {
		ui_again();
	} else if (answer == UI_BUTTON && p.hit == type) {
		path = ki_printf("%s/", strcmp(*dir, "/") ? *dir : "");
		if (!ui_prompt(title, "Path of the file, device or directory:",
			       "An absolute path on this host.", &path)) {
			free(path);
			path = NULL;
		}
	} else if ((answer == UI_NEXT || answer == UI_BUTTON) && !at) {
		text = parent_of(*dir);
		free(*dir);
		*dir = text;
	} else if (answer == UI_NEXT || answer == UI_BUTTON) {
		if (c.v[at - 1].dir)
			ki_set(dir, c.v[at - 1].path);
		else
			path = ki_strdup(c.v[at - 1].path);
	}
	free_choices(&c);
	return path;
}

char *wizard_browse(char **dir, const char *title, const char *suffix)
{
	bool left = false;
	char *path = NULL;
	struct stat st;

	while (strcmp(*dir, "/") && (stat(*dir, &st) || !S_ISDIR(st.st_mode))) {
		char *up = parent_of(*dir);

		free(*dir);
		*dir = up;
	}
	while (!path && !left)
		path = browse_once(dir, title, suffix, &left);
	return path;
}

/* --- source ------------------------------------------------------------------- */

static bool take_source(struct wizard *w, const char *path)
{
	char *copy = ki_strdup(path); /* @path may be the location itself */

	ki_set(&w->spec->location, copy);
	free(copy);
	if (!wizard_look(w))
		return true;
	ki_set(&w->spec->location, NULL);
	return false;
}

static enum ui_answer page_iso(struct wizard *w)
{
	for (;;) {
		char *dir = ki_printf("%s/iso", w->o->paths.state), *note, *path = NULL;
		struct choices c = {0};
		struct ui_page p;
		newtComponent list;
		enum ui_answer answer;
		size_t at;

		read_dir(dir, ".iso", false, &c);
		ui_open(&p, "2 of 6: install image",
			"Images in the directory above are offered. Any other image, a "
			"drive such as /dev/sr0, or an unpacked directory can be "
			"browsed for.");
		note = ki_printf("Images in %.60s", dir);
		ui_label(&p, 1, 1, note);
		free(note);
		list = ui_list(&p, 1, 2, UI_WIDTH - 2, 12, NULL);
		for (size_t i = 0; i < c.n; i++) {
			newtListboxAppendEntry(list, c.v[i].text, (void *)(i + 1));
			if (w->spec->location && !strcmp(c.v[i].path, w->spec->location))
				newtListboxSetCurrent(list, (int)i);
		}
		newtListboxAppendEntry(list, "Another file, drive or directory ...",
				       NULL);
		if (w->spec->location && strncmp(w->spec->location, dir, strlen(dir))) {
			note = ki_printf("%.66s", w->spec->location);
			newtListboxAppendEntry(list, note, (void *)(c.n + 1));
			newtListboxSetCurrent(list, (int)c.n + 1);
			free(note);
		}
		ui_buttons(&p, " Next ", " Back ");
		answer = ui_wait(&p);
		at = (size_t)newtListboxGetCurrent(list);
		ui_close(&p);
		if (answer == UI_AGAIN)
			ui_again();
		if (answer == UI_NEXT || answer == UI_BUTTON) {
			if (!at)
				path = wizard_browse(&w->dir, "Install image", NULL);
			else
				path = ki_strdup(at <= c.n ? c.v[at - 1].path
							   : w->spec->location);
		}
		free_choices(&c);
		free(dir);
		if (path && take_source(w, path))
			answer = UI_NEXT;
		else if (answer != UI_BACK && answer != UI_CANCEL)
			answer = UI_AGAIN;
		free(path);
		if (answer != UI_AGAIN)
			return answer;
	}
}

static enum ui_answer page_tree(struct wizard *w)
{
	for (;;) {
		struct ui_page p;
		enum ui_answer answer;

		ui_open(&p, "2 of 6: network tree",
			"The tree is looked at over the network; only kernel and "
			"initramfs are loaded.");
		ui_text(&p, 1, 1, UI_WIDTH - 2, 3,
			"URL of the tree's top: the directory that holds .treeinfo, "
			"dists/ or the like.");
		ui_entry(&p, 1, 1, 5, UI_WIDTH - 2, NULL, &w->spec->location,
			 "http://, https:// or ftp://. Checksums that the tree has are "
			 "checked.");
		ui_buttons(&p, " Next ", " Back ");
		answer = ui_run(&p, NULL);
		if (answer == UI_AGAIN)
			continue;
		if (answer != UI_NEXT)
			return answer;
		if (w->spec->location && *w->spec->location &&
		    take_source(w, w->spec->location))
			return UI_NEXT;
	}
}

static enum ui_answer page_file(struct wizard *w, const char *title)
{
	for (;;) {
		char *path = wizard_browse(&w->dir, title, NULL);
		bool ok;

		if (!path)
			return ki_interrupted(NULL) ? UI_CANCEL : UI_BACK;
		if (!w->spec->n_disks)
			ki_spec_add_disk(w->spec);
		ok = take_source(w, path);
		free(path);
		if (ok)
			return UI_NEXT;
	}
}

enum ui_answer page_source(struct wizard *w)
{
	switch (w->spec->source) {
	case KI_SRC_MEDIUM:
		return page_iso(w);
	case KI_SRC_TREE:
		return page_tree(w);
	case KI_SRC_IMAGE:
		return page_file(w, "2 of 6: disk or cloud image");
	case KI_SRC_ARCHIVE:
		return page_file(w, "2 of 6: archive");
	default:
		return UI_NEXT;
	}
}

/* --- what was found ------------------------------------------------------------ */

static void show_log(const struct wizard *w)
{
	struct ki_buf text = {0};
	char *all;

	for (size_t i = 0; i < w->found.log.n; i++)
		ki_buf_printf(&text, "%s\n", w->found.log.v[i]);
	all = ki_buf_take(&text);
	ui_message("What was tried", all);
	free(all);
}

/* Takes what was typed for kernel and initramfs when it differs from what was found. */
static bool take_by_hand(struct wizard *w, const char *kernel, const char *initrd)
{
	struct ki_error err;
	bool same_kernel = w->found.kernel && !strcmp(kernel, w->found.kernel);
	bool same_initrd = w->found.initrd && !strcmp(initrd, w->found.initrd);

	if (!*kernel) {
		ki_fail(&err, "type the path of a kernel on the medium",
			"A kernel is wanted",
			"the guest boots the installer's kernel directly");
		ui_error(&err);
		return false;
	}
	if (same_kernel && same_initrd)
		return true;
	if (ki_detect_override(w->m, &w->found, same_kernel ? NULL : kernel,
			       same_initrd || !*initrd ? NULL : initrd, &err)) {
		ui_error(&err);
		return false;
	}
	if (!same_kernel)
		ki_set(&w->spec->kernel, kernel);
	if (!same_initrd && *initrd)
		ki_set(&w->spec->initrd, initrd);
	return true;
}

static char *how_found(const struct wizard *w)
{
	if (!w->found.found)
		return ki_printf("Not recognised (%s). Name kernel and initramfs below.",
				 w->m ? w->m->format : "");
	return ki_printf("Recognised by rule \"%s\" (%s). The installer %s.",
			 w->found.rule, w->m ? w->m->format : "network",
			 w->found.attach ? "gets the medium as a drive"
					 : "does not need the medium any more");
}

struct found_page {
	struct wizard *w;
	char *kernel, *initrd;
};

static bool leave_found(struct ui_page *p, enum ui_answer answer, void *arg)
{
	struct found_page *page = arg;

	(void)p;
	if (answer == UI_NEXT)
		return take_by_hand(page->w, page->kernel, page->initrd);
	show_log(page->w);
	return false;
}

static enum ui_answer ask_found(struct found_page *page)
{
	struct wizard *w = page->w;
	char *how = how_found(w), *os = ki_printf("%.70s", w->found.os);
	enum ui_answer answer;
	newtComponent first;
	struct ui_page p;

	ui_open(&p, "2 of 6: what is on it",
		"What was recognised can be changed: paths are those on the medium.");
	ui_label(&p, 1, 1, os);
	ui_text(&p, 1, 2, UI_WIDTH - 2, 3, how);
	first = ui_entry(
		&p, 1, 12, 6, 60, "Kernel", &page->kernel,
		"The installer's kernel, a path on the medium. It has to be able to "
		"run paravirtualized: that of any Linux distribution does.");
	ui_entry(&p, 1, 12, 8, 60, "Initramfs", &page->initrd,
		 "The installer's initramfs. Keel adds a rule to it that brings added "
		 "vCPUs online.");
	ui_entry(&p, 1, 12, 10, 60, "Arguments", &w->spec->args,
		 "Further kernel arguments. console=hvc0 and what the medium itself "
		 "needs are there already.");
	ui_button(&p, 1, 13, "What was tried",
		  "Each rule, and why it did or did not decide.");
	ui_buttons(&p, " Next ", " Back ");
	ui_guard(&p, leave_found, page);
	answer = ui_run(&p, w->found.found ? p.next : first);
	free(how);
	free(os);
	return answer;
}

enum ui_answer page_found(struct wizard *w)
{
	struct found_page page = {.w = w};
	enum ui_answer answer;

	if (w->spec->source != KI_SRC_MEDIUM && w->spec->source != KI_SRC_TREE)
		return UI_NEXT;
	page.kernel = ki_strdup(w->found.kernel ? w->found.kernel : "");
	page.initrd = ki_strdup(w->found.initrd ? w->found.initrd : "");
	do
		answer = ask_found(&page);
	while (answer == UI_AGAIN);
	free(page.kernel);
	free(page.initrd);
	return answer;
}

/* --- vCPUs and memory ------------------------------------------------------------- */

static bool bad_number(const char *what, const char *why, const char *value)
{
	struct ki_error err;

	ki_fail(&err, NULL, what, "\"%s\": %s", value, why);
	ui_error(&err);
	return false;
}

/* An untouched maximum that was the memory itself goes along with it. */
static bool most_follows(const struct wizard *w)
{
	uint64_t most;

	return (!w->spec->max_memory || w->spec->max_memory == w->spec->memory) &&
	       ki_parse_size(w->max_memory, KI_MIB, &most) &&
	       most / KI_MIB == w->spec->memory;
}

static bool take_cpu(struct wizard *w)
{
	uint64_t now, max, memory, most;

	if (!ki_parse_uint(w->vcpus, 1, KI_VCPUS_MAX, &now))
		return bad_number("vCPUs", "a number from 1 to 512 is wanted", w->vcpus);
	if (!ki_parse_uint(w->max_vcpus, now, KI_VCPUS_MAX, &max))
		return bad_number("Most vCPUs",
				  "a number from what it starts with to 512 is wanted",
				  w->max_vcpus);
	if (!ki_parse_size(w->memory, KI_MIB, &memory) || memory < 16 * KI_MIB)
		return bad_number("Memory", "MiB, or with a unit (2G), is wanted",
				  w->memory);
	if (most_follows(w) || !ki_parse_size(w->max_memory, KI_MIB, &most) ||
	    most < memory)
		most = memory;
	w->spec->vcpus = (unsigned)now;
	w->spec->max_vcpus = (unsigned)max;
	w->spec->memory = memory / KI_MIB;
	w->spec->max_memory = most / KI_MIB;
	free(w->max_memory);
	w->max_memory = ki_printf("%llu", (unsigned long long)w->spec->max_memory);
	return true;
}

static bool leave_cpu(struct ui_page *p, enum ui_answer answer, void *arg)
{
	(void)p;
	(void)answer;
	return take_cpu(arg);
}

static void cpu_fields(struct ui_page *p, struct wizard *w)
{
	ui_entry(p, 1, 28, 1, 8, "vCPUs at start", &w->vcpus,
		 "The guest starts with this many.");
	ui_entry(p, 1, 28, 3, 8, "vCPUs at most", &w->max_vcpus,
		 "Up to this many can be added while it runs; they come online in the "
		 "guest by a rule that Keel gives its installer.");
	ui_entry(p, 1, 28, 6, 8, "Memory (MiB)", &w->memory,
		 "In MiB, or with a unit: 2G.");
	ui_entry(p, 1, 28, 8, 8, "Memory at most (MiB)", &w->max_memory,
		 "It can grow to this while it runs. Each GiB of it costs the guest "
		 "about 16 MiB for its own tables.");
}

static void cpu_notes(struct ui_page *p, const struct wizard *w)
{
	char *text = ki_printf("This host: %u CPUs", w->host.cpus);

	ui_label(p, 40, 1, text);
	free(text);
	if (w->host.free_memory)
		text = ki_printf("%llu MiB free of %llu",
				 (unsigned long long)w->host.free_memory,
				 (unsigned long long)w->host.total_memory);
	else
		text = ki_strdup("free memory not known here");
	ui_label(p, 40, 6, text);
	free(text);
	if (!w->found.min_memory)
		return;
	text = ki_printf("This installer wants %llu MiB or more.",
			 (unsigned long long)w->found.min_memory);
	ui_label(p, 1, 11, text);
	free(text);
}

enum ui_answer page_cpu(struct wizard *w)
{
	enum ui_answer answer;
	struct ui_page p;

	do {
		ui_open(&p, "3 of 6: vCPUs and memory",
			"Both can be changed while the guest runs, up to their maximum.");
		cpu_fields(&p, w);
		cpu_notes(&p, w);
		ui_buttons(&p, " Next ", " Back ");
		ui_guard(&p, leave_cpu, w);
		answer = ui_run(&p, NULL);
	} while (answer == UI_AGAIN);
	return answer;
}
