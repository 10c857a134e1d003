/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A page of the wizard on top of newt: labelled fields with their help, buttons,
 * and one way of leaving it. What was typed is read back on every way out, so
 * that Back and Esc lose nothing.
 */
#ifndef KEEL_INSTALLER_UI_H
#define KEEL_INSTALLER_UI_H

#include "util.h"

#include <newt.h>

#define UI_WIDTH  74 /* inside of a page's window: fits 80 columns with its shadow */
#define UI_HEIGHT 17 /* and 24 lines with title, help line and shadow */
#define UI_FIELDS 24

enum ui_answer {
	UI_NEXT,
	UI_BACK,
	UI_CANCEL, /* interrupted, or the terminal went away */
	UI_AGAIN,  /* repaint: ^L or another screen size */
	UI_BUTTON, /* one of the page's own buttons or lists; ->hit says which */
};

struct ui_field {
	newtComponent co;
	const char *help;
	char **text; /* entries: where the value is kept */
};

struct ui_page {
	newtComponent form;
	struct ui_field fields[UI_FIELDS];
	size_t n_fields;
	newtComponent next, back;
	newtComponent hit;
	const char *help; /* of the page as a whole */
	/* Asked before Next or a button leaves the page; false: it stays as it is. */
	bool (*may_leave)(struct ui_page *p, enum ui_answer answer, void *arg);
	void *arg;
};

/* Starts and ends newt. False when the terminal is too small; *why then says so. */
bool ui_start(const char **why);
void ui_end(void);
/* Paints everything anew, after UI_AGAIN. */
void ui_again(void);
/* What F9 does: @fn(@arg), called with the page's entries read back. */
void ui_on_command(void (*fn)(void *arg), void *arg);

void ui_open(struct ui_page *p, const char *title, const char *help);
/* A line of text; returns the component for changes. */
newtComponent ui_label(struct ui_page *p, int left, int top, const char *text);
/* Text broken into lines; scrolls when it is longer than @height. */
newtComponent ui_text(struct ui_page *p, int left, int top, int width, int height,
		      const char *text);
/* A label at @left and beside it, from @at on, an entry that keeps *@text. Enter is Next.
 */
newtComponent ui_entry(struct ui_page *p, int left, int at, int top, int width,
		       const char *label, char **text, const char *help);
/* A list; Enter on it is UI_BUTTON with it as the hit. */
newtComponent ui_list(struct ui_page *p, int left, int top, int width, int height,
		      const char *help);
newtComponent ui_check(struct ui_page *p, int left, int top, const char *label, bool on,
		       char *result, const char *help);
newtComponent ui_button(struct ui_page *p, int left, int top, const char *label,
			const char *help);
/* Sets what is asked before the page is left by Next or a button. */
void ui_guard(struct ui_page *p,
	      bool (*may_leave)(struct ui_page *p, enum ui_answer answer, void *arg),
	      void *arg);
/* The row of buttons that every page ends with. */
void ui_buttons(struct ui_page *p, const char *next, const char *back);
/* Runs the page, reads the entries back, and closes it. @focus may be NULL. */
enum ui_answer ui_run(struct ui_page *p, newtComponent focus);
/* The same without closing: for pages that ask again. ui_close() ends them. */
enum ui_answer ui_wait(struct ui_page *p);
void ui_close(struct ui_page *p);

/* Dialogs of their own. */
void ui_message(const char *title, const char *text);
void ui_error(const struct ki_error *err);
/* Two answers; true for the first. Enter takes @preset. */
bool ui_ask(const char *title, const char *text, const char *yes, const char *no,
	    bool preset);
/* Asks for one line; true when it was confirmed. */
bool ui_prompt(const char *title, const char *text, const char *help, char **value);
/* A window without keys that says what is being done; ui_idle_end closes it. */
void ui_idle(const char *text);
void ui_idle_end(void);

#endif
