/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ui.h"
#include "cli.h"

#include <signal.h>
#include <slang.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define KEY_CTRL_L 12
#define KEY_CTRL_C 3
#define HELP_LINE                                                                        \
	" Enter next | Esc back | Tab other field | F1 (Esc 1) help | F9 (Esc 9) "       \
	"command"

static unsigned open_pages;
static bool repaint_wanted; /* by a dialog, when its page is back */
static void (*command)(void *arg);
static void *command_arg;

void ui_on_command(void (*fn)(void *arg), void *arg)
{
	command = fn;
	command_arg = arg;
}

static void paint_root(void)
{
	newtCls();
	newtPushHelpLine(HELP_LINE);
	newtDrawRootText(0, 0, " Keel: new guest");
}

static bool large_enough(void)
{
	int cols, rows;

	newtGetScreenSize(&cols, &rows);
	return cols >= 80 && rows >= 24;
}

/* Until the terminal is large again: no window is opened that would not fit. */
static void wait_for_size(void)
{
	newtComponent form = newtForm(NULL, NULL, 0);
	struct newtExitStruct es;

	newtCls();
	newtDrawRootText(0, 0, "80 x 24 is needed");
	newtFormAddComponent(form, newtLabel(0, 2, ""));
	newtFormAddHotKey(form, NEWT_KEY_RESIZE);
	newtFormAddHotKey(form, KEY_CTRL_L);
	/* A change of size between newtInit() and here is not told: look now and then. */
	newtFormSetTimer(form, 1000);
	newtFormRun(form, &es);
	newtFormDestroy(form);
	newtFinished();
	newtInit();
}

/* newt's own resizing loses the root text; a fresh start draws everything. */
void ui_again(void)
{
	if (open_pages) { /* a dialog on top of a page: its windows cannot be given up */
		repaint_wanted = true;
		return;
	}
	repaint_wanted = false;
	newtFinished();
	newtInit();
	while (!large_enough() && !ki_interrupted(NULL))
		wait_for_size();
	paint_root();
}

bool ui_start(const char **why)
{
	if (newtInit()) {
		*why = "the terminal cannot be used (is TERM set?)";
		return false;
	}
	if (!large_enough()) {
		newtFinished();
		*why = "the terminal is smaller than 80 columns by 24 lines";
		return false;
	}
	paint_root();
	return true;
}

void ui_end(void)
{
	newtPopHelpLine();
	newtFinished();
}

static struct ui_field *add_field(struct ui_page *p, newtComponent co, const char *help)
{
	struct ui_field *f = &p->fields[p->n_fields];

	if (p->n_fields == UI_FIELDS)
		abort(); /* pages are fixed: more is a mistake of this program */
	p->n_fields++;
	*f = (struct ui_field){.co = co, .help = help};
	newtFormAddComponent(p->form, co);
	return f;
}

void ui_open(struct ui_page *p, const char *title, const char *help)
{
	memset(p, 0, sizeof(*p));
	p->help = help;
	open_pages++;
	newtCenteredWindow(UI_WIDTH, UI_HEIGHT, title);
	p->form = newtForm(NULL, NULL, 0);
	newtFormAddHotKey(p->form, NEWT_KEY_ESCAPE);
	newtFormAddHotKey(p->form, NEWT_KEY_F1);
	newtFormAddHotKey(p->form, NEWT_KEY_F9);
	newtFormAddHotKey(p->form, NEWT_KEY_RESIZE);
	newtFormAddHotKey(p->form, KEY_CTRL_L);
	newtFormAddHotKey(p->form, KEY_CTRL_C);
}

newtComponent ui_label(struct ui_page *p, int left, int top, const char *text)
{
	newtComponent co = newtLabel(left, top, text);

	newtFormAddComponent(p->form, co);
	return co;
}

/* Rows that @text takes when it is broken at blanks to @width. */
static int count_rows(const char *text, int width)
{
	int rows = 1, col = 0;

	while (*text) {
		int len = (int)strcspn(text, " \n");

		if (col && col + len > width) {
			rows++;
			col = 0;
		}
		rows += len / (width + 1);
		col += len;
		text += len;
		if (*text == '\n') {
			rows += text[1] != '\0';
			col = 0;
		}
		col += *text == ' ';
		text += *text != '\0';
	}
	return rows;
}

/* A scroll bar takes two columns of the width. */
static newtComponent text_box(int left, int top, int width, int height, const char *text)
{
	bool scroll = count_rows(text, width) > height;
	newtComponent co = newtTextbox(left, top, scroll ? width - 2 : width, height,
				       NEWT_FLAG_WRAP | (scroll ? NEWT_FLAG_SCROLL : 0));

	newtTextboxSetText(co, text);
	return co;
}

newtComponent ui_text(struct ui_page *p, int left, int top, int width, int height,
		      const char *text)
{
	newtComponent co = text_box(left, top, width, height, text);

	newtFormAddComponent(p->form, co);
	return co;
}

newtComponent ui_entry(struct ui_page *p, int left, int at, int top, int width,
		       const char *label, char **text, const char *help)
{
	newtComponent co;

	if (label)
		ui_label(p, left, top, label);
	co = newtEntry(at, top, *text ? *text : "", width, NULL,
		       NEWT_FLAG_RETURNEXIT | NEWT_FLAG_SCROLL);
	add_field(p, co, help)->text = text;
	return co;
}

newtComponent ui_list(struct ui_page *p, int left, int top, int width, int height,
		      const char *help)
{
	newtComponent co =
		newtListbox(left, top, height, NEWT_FLAG_RETURNEXIT | NEWT_FLAG_SCROLL);

	newtListboxSetWidth(co, width);
	add_field(p, co, help);
	return co;
}

newtComponent ui_check(struct ui_page *p, int left, int top, const char *label, bool on,
		       char *result, const char *help)
{
	newtComponent co = newtCheckbox(left, top, label, on ? '*' : ' ', " *", result);

	add_field(p, co, help);
	return co;
}

newtComponent ui_button(struct ui_page *p, int left, int top, const char *label,
			const char *help)
{
	newtComponent co = newtCompactButton(left, top, label);

	add_field(p, co, help);
	return co;
}

void ui_buttons(struct ui_page *p, const char *next, const char *back)
{
	p->next = ui_button(p, UI_WIDTH / 2 - 14, UI_HEIGHT - 1, next, NULL);
	p->back = ui_button(p, UI_WIDTH / 2 + 4, UI_HEIGHT - 1, back, NULL);
}

void ui_guard(struct ui_page *p,
	      bool (*may_leave)(struct ui_page *p, enum ui_answer answer, void *arg),
	      void *arg)
{
	p->may_leave = may_leave;
	p->arg = arg;
}

static void read_back(struct ui_page *p)
{
	for (size_t i = 0; i < p->n_fields; i++)
		if (p->fields[i].text) {
			char *value = newtEntryGetValue(p->fields[i].co);

			ki_set(p->fields[i].text, value ? value : "");
		}
}

static void show_help(const struct ui_page *p)
{
	newtComponent current = newtFormGetCurrent(p->form);
	const char *help = p->help;

	for (size_t i = 0; i < p->n_fields; i++)
		if (p->fields[i].co == current && p->fields[i].help)
			help = p->fields[i].help;
	ui_message("Help", help);
}

/*
 * Esc and then a digit is a function key on terminals that have none. newt pushes
 * keys that it could not make sense of back into S-Lang, so it is S-Lang that is
 * asked for the digit.
 */
static int after_escape(void)
{
	unsigned c;

	if (SLang_input_pending(4) <= 0)
		return NEWT_KEY_ESCAPE;
	c = SLang_getkey();
	if (c == '1')
		return NEWT_KEY_F1;
	return c == '9' ? NEWT_KEY_F9 : NEWT_KEY_ESCAPE;
}

static void show_command(struct ui_page *p)
{
	read_back(p);
	if (command)
		command(command_arg);
}

static enum ui_answer answer_key(struct ui_page *p, int key, bool *done)
{
	*done = true;
	if (key == NEWT_KEY_ESCAPE)
		key = after_escape();
	switch (key) {
	case NEWT_KEY_ESCAPE:
		return UI_BACK;
	case NEWT_KEY_F9:
		show_command(p);
		*done = false;
		return UI_AGAIN;
	case NEWT_KEY_F12:
		return UI_NEXT;
	case NEWT_KEY_F1:
		show_help(p);
		*done = false;
		return UI_AGAIN;
	case NEWT_KEY_RESIZE:
	case KEY_CTRL_L:
		return UI_AGAIN;
	default:
		return UI_CANCEL;
	}
}

static enum ui_answer answer_hit(struct ui_page *p)
{
	if (p->hit == p->back)
		return UI_BACK;
	if (p->hit == p->next)
		return UI_NEXT;
	for (size_t i = 0; i < p->n_fields; i++)
		if (p->fields[i].co == p->hit && p->fields[i].text)
			return UI_NEXT; /* Enter in an entry */
	return UI_BUTTON;
}

/* newt can miss a change of size that comes just before it waits for a key. */
static bool size_changed(void)
{
	struct winsize real;
	int cols, rows;

	newtGetScreenSize(&cols, &rows);
	return !ioctl(STDOUT_FILENO, TIOCGWINSZ, &real) && real.ws_col && real.ws_row &&
	       (real.ws_col != cols || real.ws_row != rows);
}

static bool stays(struct ui_page *p, enum ui_answer answer)
{
	return (answer == UI_NEXT || answer == UI_BUTTON) && p->may_leave &&
	       !p->may_leave(p, answer, p->arg);
}

/*
 * While newt waits, the signals that end the program come through a descriptor:
 * one that interrupts its select() would leave it reading a key that nobody has
 * pressed. SIGWINCH it handles itself.
 */
static int catch_signals(sigset_t *before)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, before))
		abort(); /* cannot fail with these arguments */
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* One run of the form; true when its answer counts. */
static bool wait_once(struct ui_page *p, enum ui_answer *answer)
{
	struct newtExitStruct es;
	bool done = true;

	newtFormRun(p->form, &es);
	switch (es.reason) {
	case NEWT_EXIT_HOTKEY:
		*answer = answer_key(p, es.u.key, &done);
		return done;
	case NEWT_EXIT_COMPONENT:
		p->hit = es.u.co;
		*answer = answer_hit(p);
		return true;
	case NEWT_EXIT_TIMER:
		*answer = UI_AGAIN;
		return size_changed();
	default: /* a signal, or the terminal is gone */
		ki_interrupt();
		*answer = UI_CANCEL;
		return true;
	}
}

enum ui_answer ui_wait(struct ui_page *p)
{
	enum ui_answer answer = UI_CANCEL;
	sigset_t before;
	int signals = catch_signals(&before);
	bool done;

	if (signals >= 0)
		newtFormWatchFd(p->form, signals, NEWT_FD_READ);
	newtFormSetTimer(p->form, 500);
	do {
		done = wait_once(p, &answer);
		if (done)
			read_back(p);
	} while (!done || (stays(p, answer) && !(repaint_wanted && open_pages == 1)));
	if (signals >= 0)
		close(signals);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return repaint_wanted && open_pages == 1 ? UI_AGAIN : answer;
}

void ui_close(struct ui_page *p)
{
	newtFormDestroy(p->form);
	newtPopWindow();
	open_pages--;
}

enum ui_answer ui_run(struct ui_page *p, newtComponent focus)
{
	enum ui_answer answer;

	if (focus)
		newtFormSetCurrent(p->form, focus);
	answer = ui_wait(p);
	ui_close(p);
	if (answer == UI_AGAIN)
		ui_again();
	return answer;
}

/* --- dialogs --------------------------------------------------------------- */

/* A window as large as the text needs, with one row of buttons. */
static newtComponent dialog(const char *title, const char *text, int *height)
{
	newtComponent form = newtForm(NULL, NULL, 0), box;
	int lines = count_rows(text, 66);

	if (lines > 14)
		lines = 14;
	box = text_box(1, 1, 66, lines, text);
	*height = lines + 4;
	newtCenteredWindow(68, (unsigned)*height, title);
	newtFormAddComponent(form, box);
	newtFormAddHotKey(form, NEWT_KEY_ESCAPE);
	return form;
}

void ui_message(const char *title, const char *text)
{
	struct newtExitStruct es;
	newtComponent form, ok;
	int height;

	form = dialog(title, text, &height);
	ok = newtCompactButton(31, height - 2, "OK");
	newtFormAddComponent(form, ok);
	newtFormSetCurrent(form, ok);
	newtFormRun(form, &es);
	newtFormDestroy(form);
	newtPopWindow();
}

void ui_error(const struct ki_error *err)
{
	char *text =
		ki_printf("%s%s%s", err->why, err->hint[0] ? "\n\nTry: " : "", err->hint);
	char *title = ki_printf("%.60s", err->what);

	ui_message(title, text);
	free(title);
	free(text);
}

bool ui_ask(const char *title, const char *text, const char *yes, const char *no,
	    bool preset)
{
	struct newtExitStruct es;
	newtComponent form, first, second;
	int height;
	bool answer;

	form = dialog(title, text, &height);
	first = newtCompactButton(16, height - 2, yes);
	second = newtCompactButton(40, height - 2, no);
	newtFormAddComponents(form, first, second, NULL);
	newtFormSetCurrent(form, preset ? first : second);
	newtFormRun(form, &es);
	answer = es.reason == NEWT_EXIT_COMPONENT && es.u.co == first;
	newtFormDestroy(form);
	newtPopWindow();
	return answer;
}

bool ui_prompt(const char *title, const char *text, const char *help, char **value)
{
	enum ui_answer answer;
	struct ui_page p;

	do {
		ui_open(&p, title, help);
		ui_text(&p, 1, 1, UI_WIDTH - 2, 3, text);
		ui_entry(&p, 1, 1, 5, UI_WIDTH - 2, NULL, value, help);
		ui_buttons(&p, "  OK  ", "Cancel");
		answer = ui_run(&p, NULL);
	} while (answer == UI_AGAIN);
	return answer == UI_NEXT;
}

void ui_idle(const char *text)
{
	newtComponent form = newtForm(NULL, NULL, 0);
	newtComponent label = newtLabel(1, 1, text);

	newtCenteredWindow(68, 3, NULL);
	newtFormAddComponent(form, label);
	newtDrawForm(form);
	newtRefresh();
	newtFormDestroy(form);
}

void ui_idle_end(void)
{
	newtPopWindow();
}
