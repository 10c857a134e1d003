/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pages 4 to 6 of the wizard: disks and cards, answers, summary. */
#include "wizard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *disk_text(const struct ki_disk *d, size_t index)
{
	char size[24];

	ki_format_size(d->size, size);
	if (d->keep)
		return ki_printf("Disk %zu  xvd%c  existing  %.44s", index + 1,
				 (char)('a' + index), d->path);
	return ki_printf("Disk %zu  xvd%c  new  %-9s %-5s %.38s", index + 1,
			 (char)('a' + index), size,
			 d->format == KI_QCOW2 ? "qcow2" : "raw",
			 d->path   ? d->path
			 : d->pool ? d->pool
				   : "in the default pool");
}

static char *nic_text(const struct ki_nic *n, size_t index)
{
	if (n->mac_set)
		return ki_printf(
			"Card %zu  eth%zu  bridge %-15s %02x:%02x:%02x:%02x:%02x:%02x",
			index + 1, index, n->bridge ? n->bridge : "(default)", n->mac[0],
			n->mac[1], n->mac[2], n->mac[3], n->mac[4], n->mac[5]);
	return ki_printf("Card %zu  eth%zu  bridge %-15s new address", index + 1, index,
			 n->bridge ? n->bridge : "(default)");
}

/* A disk as it is typed; the disk itself changes when all of it is right. */
struct disk_page {
	struct ki_disk *d;
	char *size, *path;
	char raw, keep, prealloc; /* '*' when checked */
};

static bool refuse(const char *what, const char *hint, const char *why, const char *value)
{
	struct ki_error err;

	ki_fail(&err, hint, what, "\"%s\" %s", value, why);
	ui_error(&err);
	return false;
}

static bool leave_disk(struct ui_page *p, enum ui_answer answer, void *arg)
{
	struct disk_page *t = arg;
	uint64_t bytes = t->d->size;

	(void)p;
	(void)answer;
	if (t->keep != '*' && (!ki_parse_size(t->size, KI_GIB, &bytes) || bytes % 512))
		return refuse("Disk size", "for example 8G", "is not a size", t->size);
	if (*t->path && *t->path != '/')
		return refuse("Disk path", "begin it with /", "is not an absolute path",
			      t->path);
	if (t->keep == '*' && !*t->path)
		return refuse("Existing disk", "type its path", "is no path", t->path);
	t->d->size = bytes;
	t->d->format = t->raw == '*' ? KI_RAW : KI_QCOW2;
	t->d->keep = t->keep == '*';
	t->d->prealloc = t->prealloc == '*' && t->d->format == KI_RAW && !t->d->keep;
	ki_set(&t->d->path, *t->path ? t->path : NULL);
	return true;
}

static enum ui_answer ask_disk(struct disk_page *t)
{
	struct ui_page p;

	ui_open(&p, "Disk",
		"A new disk is made in the default pool unless a path is given.");
	ui_entry(&p, 1, 12, 1, 12, "Size", &t->size,
		 "With a unit: 8G, 500M. A number alone is GiB.");
	ui_check(&p, 1, 3, "raw format (else qcow2)", t->raw == '*', &t->raw,
		 "qcow2 grows as it is filled and can have snapshots; raw is a little "
		 "faster.");
	ui_check(&p, 1, 4, "allocate all of it now (raw)", t->prealloc == '*',
		 &t->prealloc,
		 "The space is taken at once, so that the disk cannot run out of it.");
	ui_entry(&p, 1, 12, 6, 58, "Path", &t->path,
		 "Empty: in the default pool, named after the guest.");
	ui_check(&p, 1, 8, "use what exists at that path, as it is", t->keep == '*',
		 &t->keep,
		 "For a block device, or a disk with data. The installer may overwrite "
		 "it.");
	ui_buttons(&p, "  OK  ", "Cancel");
	ui_guard(&p, leave_disk, t);
	return ui_run(&p, NULL);
}

/* True when the disk was changed as asked. */
static bool edit_disk(struct ki_disk *d)
{
	struct disk_page t = {
		.d = d,
		.path = ki_strdup(d->path ? d->path : ""),
		.raw = d->format == KI_RAW ? '*' : ' ',
		.keep = d->keep ? '*' : ' ',
		.prealloc = d->prealloc ? '*' : ' ',
	};
	enum ui_answer answer;

	t.size = d->size % KI_GIB
			 ? ki_printf("%lluM", (unsigned long long)(d->size / KI_MIB))
			 : ki_printf("%lluG", (unsigned long long)(d->size / KI_GIB));
	do
		answer = ask_disk(&t);
	while (answer == UI_AGAIN);
	free(t.path);
	free(t.size);
	return answer == UI_NEXT;
}

struct nic_page {
	struct ki_nic *n;
	char *bridge, *mac;
};

static bool leave_nic(struct ui_page *p, enum ui_answer answer, void *arg)
{
	struct nic_page *t = arg;
	uint8_t bytes[6] = {0};

	(void)p;
	(void)answer;
	if (*t->mac && !ki_mac_parse(t->mac, bytes))
		return refuse("MAC address", "leave it empty, or type 00:16:3e:xx:xx:xx",
			      "is not one", t->mac);
	ki_set(&t->n->bridge, *t->bridge ? t->bridge : NULL);
	t->n->mac_set = *t->mac != '\0';
	memcpy(t->n->mac, bytes, 6);
	return true;
}

static char *bridges_text(const struct wizard *w)
{
	struct ki_buf text = {0};

	ki_buf_printf(&text, "Bridges of this host:");
	for (size_t i = 0; i < w->host.bridges.n; i++)
		ki_buf_printf(&text, " %s", w->host.bridges.v[i]);
	if (!w->host.bridges.n)
		ki_buf_printf(&text, " none");
	return ki_buf_take(&text);
}

static enum ui_answer ask_nic(struct nic_page *t, const char *bridges)
{
	struct ui_page p;

	ui_open(&p, "Network card", "A card is connected to a bridge of this host.");
	ui_text(&p, 1, 1, UI_WIDTH - 2, 2, bridges);
	ui_entry(&p, 1, 14, 4, 16, "Bridge", &t->bridge,
		 "Empty: the toolstack's default.");
	ui_entry(&p, 1, 14, 6, 20, "MAC address", &t->mac,
		 "Empty: one is made up (00:16:3e:...).");
	ui_buttons(&p, "  OK  ", "Cancel");
	ui_guard(&p, leave_nic, t);
	return ui_run(&p, NULL);
}

static bool edit_nic(struct wizard *w, struct ki_nic *n)
{
	struct nic_page t = {.n = n, .bridge = ki_strdup(n->bridge ? n->bridge : "")};
	char *bridges = bridges_text(w);
	enum ui_answer answer;

	if (n->mac_set)
		t.mac = ki_printf("%02x:%02x:%02x:%02x:%02x:%02x", n->mac[0], n->mac[1],
				  n->mac[2], n->mac[3], n->mac[4], n->mac[5]);
	else
		t.mac = ki_strdup("");
	do
		answer = ask_nic(&t, bridges);
	while (answer == UI_AGAIN);
	free(t.bridge);
	free(t.mac);
	free(bridges);
	return answer == UI_NEXT;
}

static void add_disk(struct wizard *w)
{
	struct ki_disk *d = ki_spec_add_disk(w->spec);

	if (d && !edit_disk(d))
		ki_spec_drop_disk(w->spec, w->spec->n_disks - 1);
}

static void add_nic(struct wizard *w)
{
	struct ki_nic *n = ki_spec_add_nic(w->spec);

	if (!n)
		return;
	if (w->host.bridges.n)
		ki_set(&n->bridge, w->host.bridges.v[0]);
	if (!edit_nic(w, n))
		ki_spec_drop_nic(w->spec, w->spec->n_nics - 1);
}

/* Keys of the list: disks from 1 on, cards behind them. */
static void edit_item(struct wizard *w, size_t key)
{
	if (key && key <= w->spec->n_disks)
		edit_disk(&w->spec->disks[key - 1]);
	else if (key && key <= w->spec->n_disks + w->spec->n_nics)
		edit_nic(w, &w->spec->nics[key - 1 - w->spec->n_disks]);
}

static void drop_item(struct wizard *w, size_t key)
{
	if (key && key <= w->spec->n_disks)
		ki_spec_drop_disk(w->spec, key - 1);
	else if (key && key <= w->spec->n_disks + w->spec->n_nics)
		ki_spec_drop_nic(w->spec, key - 1 - w->spec->n_disks);
}

static void fill_items(const struct wizard *w, newtComponent list)
{
	size_t key = 1;

	for (size_t i = 0; i < w->spec->n_disks; i++) {
		char *text = disk_text(&w->spec->disks[i], i);

		newtListboxAppendEntry(list, text, (void *)key++);
		free(text);
	}
	for (size_t i = 0; i < w->spec->n_nics; i++) {
		char *text = nic_text(&w->spec->nics[i], i);

		newtListboxAppendEntry(list, text, (void *)key++);
		free(text);
	}
	if (key == 1)
		newtListboxAppendEntry(list, "(no disk and no network card)", NULL);
}

enum ui_answer page_devices(struct wizard *w)
{
	for (;;) {
		newtComponent list, disk, nic, drop;
		enum ui_answer answer;
		struct ui_page p;
		size_t key;

		ui_open(&p, "4 of 6: disks and network cards",
			"Enter on a line changes it. More can be added while the guest "
			"runs.");
		list = ui_list(&p, 1, 1, UI_WIDTH - 2, 11, "Enter changes the line.");
		fill_items(w, list);
		disk = ui_button(&p, 1, 13, "Add disk", NULL);
		nic = ui_button(&p, 14, 13, "Add network card", NULL);
		drop = ui_button(&p, 35, 13, "Remove line",
				 "Takes the chosen line away.");
		ui_buttons(&p, " Next ", " Back ");
		newtFormSetCurrent(p.form, p.next);
		answer = ui_wait(&p);
		key = (size_t)newtListboxGetCurrent(list);
		ui_close(&p);
		if (answer == UI_AGAIN)
			ui_again();
		if (answer == UI_BUTTON && p.hit == disk)
			add_disk(w);
		else if (answer == UI_BUTTON && p.hit == nic)
			add_nic(w);
		else if (answer == UI_BUTTON && p.hit == drop)
			drop_item(w, key);
		else if (answer == UI_BUTTON)
			edit_item(w, key);
		else if (answer != UI_AGAIN)
			return answer;
	}
}

/* --- answers -------------------------------------------------------------------- */

struct answers_page {
	struct wizard *w;
	char *key;
};

static bool leave_answers(struct ui_page *p, enum ui_answer answer, void *arg)
{
	struct answers_page *t = arg;
	struct ki_spec *spec = t->w->spec, probe;
	struct ki_error err;
	bool ok;

	(void)p;
	(void)answer;
	if (spec->answers && !*spec->answers)
		ki_set(&spec->answers, NULL);
	ki_spec_init(&probe);
	probe.answers = ki_strdup(spec->answers);
	ok = !ki_spec_take_answers(&probe, &t->w->found, &err);
	ki_spec_free(&probe);
	if (!ok)
		ui_error(&err);
	return ok;
}

static void take_key(struct wizard *w, char *key)
{
	char *text = ki_trim(key);

	ki_strv_free(&w->spec->ssh_keys);
	if (*text)
		ki_strv_add(&w->spec->ssh_keys, text);
}

static enum ui_answer ask_answers(struct answers_page *t, bool image)
{
	struct ui_page p;

	ui_open(&p, "5 of 6: unattended answers",
		"Optional. Without answers the installer asks on the console.");
	if (image) {
		ui_text(&p, 1, 1, UI_WIDTH - 2, 5,
			"The image is given a name and, if you like, a key for its "
			"default user at its first boot (NoCloud).");
		ui_entry(&p, 1, 12, 7, 60, "SSH key", &t->key,
			 "The line of a .pub file: ssh-ed25519 AAAA... name");
	} else {
		ui_text(&p, 1, 1, UI_WIDTH - 2, 5,
			"A file with the installer's answers (preseed or kickstart) is "
			"added to its initramfs. Leave it empty to answer on the "
			"console.");
		ui_entry(&p, 1, 12, 7, 60, "Answers", &t->w->spec->answers,
			 "Path of the file on this host.");
	}
	ui_buttons(&p, " Next ", " Back ");
	ui_guard(&p, leave_answers, t);
	return ui_run(&p, NULL);
}

enum ui_answer page_answers(struct wizard *w)
{
	struct answers_page t = {.w = w};
	enum ui_answer answer;

	if (w->spec->source == KI_SRC_EMPTY || w->spec->source == KI_SRC_ARCHIVE)
		return UI_NEXT;
	t.key = ki_strdup(w->spec->ssh_keys.n ? w->spec->ssh_keys.v[0] : "");
	do
		answer = ask_answers(&t, w->spec->source == KI_SRC_IMAGE);
	while (answer == UI_AGAIN);
	take_key(w, t.key);
	free(t.key);
	return answer;
}

/* --- summary -------------------------------------------------------------------- */

/* The page that mends the first fatal problem. */
static enum ki_page page_to_mend(const struct ki_plan *plan)
{
	for (size_t i = 0; i < plan->n_problems; i++)
		if (plan->problems[i].fatal)
			return plan->problems[i].page;
	return KI_PAGE_NAME;
}

enum ui_answer page_summary(struct wizard *w)
{
	char start = w->spec->start ? '*' : ' ', attach = w->spec->attach ? '*' : ' ';

	for (;;) {
		enum ui_answer answer;
		struct ki_plan plan;
		struct ui_page p;
		size_t fatal;
		char *text;

		ki_spec_identity(w->spec, ki_random);
		fatal = wizard_plan(w, &plan);
		text = ki_plan_text(&plan);
		ui_open(&p, "6 of 6: summary",
			"Nothing has been made yet. Tab to the text and scroll with "
			"the arrows.");
		ui_text(&p, 1, 0, UI_WIDTH - 2, 12, text);
		ui_label(&p, 1, 12,
			 "-- more: Tab to the text, then the arrows or Page Down --");
		if (w->host.xen) {
			ui_check(&p, 1, 14, "start it", start == '*', &start, NULL);
			ui_check(&p, 20, 14, "attach to its console", attach == '*',
				 &attach, NULL);
		}
		ui_buttons(&p, fatal ? "Mend" : "Install", " Back ");
		answer = ui_run(&p, p.next);
		free(text);
		w->mend = page_to_mend(&plan);
		ki_plan_free(&plan);
		if (w->host.xen) {
			w->spec->start = start == '*';
			w->spec->attach = attach == '*';
		}
		if (answer == UI_AGAIN)
			continue;
		w->mending = answer == UI_NEXT && fatal;
		return w->mending ? UI_BACK : answer;
	}
}
