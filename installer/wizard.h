/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the pages of the wizard share. */
#ifndef KEEL_INSTALLER_WIZARD_H
#define KEEL_INSTALLER_WIZARD_H

#include "cli.h"
#include "ui.h"

struct wizard {
	struct ki_options *o;
	struct ki_spec *spec; /* = &o->spec: the answers so far */
	struct ki_host host;
	struct ki_medium *m;
	struct ki_detection found;
	bool looked; /* @found belongs to @looked_at */
	char *looked_at;
	/* Numbers as they were typed, also while they are wrong. */
	char *vcpus, *max_vcpus, *memory, *max_memory;
	bool mending; /* the summary sends the user to the page @mend */
	enum ki_page mend;
	char *dir; /* where the file browser was */
};

/* A page shows itself until it is left: UI_NEXT, UI_BACK or UI_CANCEL. */
enum ui_answer page_name(struct wizard *w);
enum ui_answer page_source(struct wizard *w);
enum ui_answer page_found(struct wizard *w);
enum ui_answer page_cpu(struct wizard *w);
enum ui_answer page_devices(struct wizard *w);
enum ui_answer page_answers(struct wizard *w);
enum ui_answer page_summary(struct wizard *w);

/* Opens and recognises the chosen source once; -1 and an error dialog. */
int wizard_look(struct wizard *w);
/* Plan of the answers so far; free it. Returns the number of fatal problems. */
size_t wizard_plan(struct wizard *w, struct ki_plan *plan);
/* Lets the user pick a file, beginning in *@dir; NULL: none. The caller frees it. */
char *wizard_browse(char **dir, const char *title, const char *suffix);

#endif
