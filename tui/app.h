/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The dashboard's own state, and what its views, dialogs and actions share. */
#ifndef KEEL_TUI_APP_H
#define KEEL_TUI_APP_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "tui/draw.h"
#include "tui/job.h"
#include "tui/model.h"

/* Keys as the views get them: bytes, curses' KEY_* (the F-keys too), and these. */
#define KEY_ESCAPE  27
#define KEY_CTRL(c) ((c)&0x1f)
#define MAX_STACK   8
#define MAX_EVENTS  200
#define MAX_ITEMS   10

struct app;

/* One line of help. */
struct help {
	const char *keys, *text;
};

/* A full-screen view. */
struct view {
	const char *name;
	const char *keys;	 /* the key bar, at most 80 columns */
	const struct help *help; /* ends with keys == NULL */
	/* Draws rows 3 .. draw_rows() - 3; sets app->focus_row. */
	void (*draw)(struct app *app);
	/* True when the key was one of the view's. */
	bool (*key)(struct app *app, int key);
	/* Called when the view comes to the top of the stack; may be NULL. */
	void (*enter)(struct app *app);
};

extern const struct view view_list, view_guest, view_host, view_events, view_pager,
	view_wall;

/* One page of the guest view. */
struct tab {
	const char *name;
	const char *keys;
	bool wants_screen;
	void (*draw)(struct app *app, const struct row *row);
	bool (*key)(struct app *app, const struct row *row, int key);
	void (*enter)(struct app *app);
};

extern const struct tab tab_overview, tab_vcpus, tab_memory, tab_disks, tab_networks,
	tab_console, tab_log, tab_config;

/* Something that happened; kept for the event view. */
struct event {
	time_t when;
	enum style style;
	char text[160];
	char *detail; /* more lines, or NULL */
};

typedef void dialog_done(struct app *app, int choice, const char *text);

struct dialog_item {
	char label[64];
	char command[256]; /* what it runs; shown, "" = nothing to show */
};

/* The one dialog that may be open. */
struct dialog {
	bool open;
	enum { DIALOG_MENU, DIALOG_PROMPT, DIALOG_TEXT } kind;
	char title[64];
	char body[2048];
	char command[256]; /* of a prompt; "%s" stands for the input */
	char must[128];	   /* a prompt: only this text is accepted; "" = any */
	char input[256];
	size_t cursor;
	struct dialog_item items[MAX_ITEMS];
	int item_count, selected;
	int top; /* first line of the body that is shown */
	dialog_done *done;
	char guest[KEEL_NAME_MAX + 1]; /* whom it is about */
};

enum sort_key {
	SORT_NAME,
	SORT_STATE,
	SORT_CPU,
	SORT_MEMORY,
	SORT_DISK,
	SORT_NET,
	SORT_COUNT
};

/* Text in the pager and in the log tab. */
struct pager {
	char title[96];
	char *text;   /* NULL: still being read */
	char **lines; /* into text; line ends are zero bytes */
	size_t count;
	int top, left;
	char search[64];
	int id; /* of the request, so that a late answer to an older one is dropped */
};

struct app {
	struct model *model;
	struct snapshot *snap; /* newest, or NULL before the first */
	struct want want;
	const struct view *stack[MAX_STACK];
	int depth;
	struct dialog dialog;
	bool quit, repaint;
	int focus_row, focus_col, shift;

	char message[256]; /* status line */
	enum style message_style;
	time_t message_time;
	char *last_error; /* whole output of the last job that failed */
	char last_command[256];
	bool show_command;
	struct event events[MAX_EVENTS]; /* newest last */
	size_t event_count;
	int event_selected;

	/* List. */
	char selected[KEEL_NAME_MAX + 1];
	enum sort_key sort;
	bool reverse;
	char filter[64];
	const struct row **visible; /* of snap, sorted and filtered */
	size_t visible_count;
	int list_top;

	/* Guest. */
	int tab;
	int tab_selected;
	struct pager log, pager, config;

	/* Host. */
	struct keel_check *checks;
	size_t check_count;
	int check_selected;

	/* Wall. */
	int wall_selected;
};

/* app.c */
void app_push(struct app *app, const struct view *view);
void app_pop(struct app *app);
const struct view *app_view(const struct app *app);
void app_say(struct app *app, enum style style, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void app_event(struct app *app, enum style style, const char *detail, const char *fmt,
	       ...) __attribute__((format(printf, 4, 5)));
/* The selected guest; NULL when there is none. */
const struct row *app_selected(const struct app *app);
/* Runs a command in the background: progress on the status line, result as an event. */
void app_run(struct app *app, const char *const *argv, const char *title, ...)
	__attribute__((format(printf, 3, 4)));
/* Runs a command on the terminal. */
void app_run_foreground(struct app *app, const char *const *argv);
/* A new snapshot has come. */
void app_snapshot(struct app *app, struct snapshot *snap);
/* Tells the model what the open view needs. */
void app_update_want(struct app *app);

/* frame.c: header, status line, key bar; and the whole screen */
void frame_draw(struct app *app);

/* dialog.c */
void dialog_menu(struct app *app, const char *title, const char *guest,
		 dialog_done *done);
void dialog_item(struct app *app, const char *label, const char *command);
void dialog_prompt(struct app *app, const char *title, const char *guest,
		   const char *initial, const char *must, const char *command,
		   dialog_done *done);
void dialog_text(struct app *app, const char *title, const char *text);
void dialog_body(struct app *app, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void dialog_draw(struct app *app);
void dialog_key(struct app *app, int key);
void dialog_help(struct app *app);

/* action.c: what can be done to a guest, from every view that has one selected */
bool action_key(struct app *app, int key);
void action_set_vcpus(struct app *app, const struct keel_guest *guest, unsigned count);

/* pager.c */
void pager_set(struct pager *pager, char *text);
void pager_draw(struct app *app, struct pager *pager, int row, int rows);
bool pager_key(struct app *app, struct pager *pager, int key, int rows);
/* Fills the pager with what a command prints, when it has ended. */
void pager_command(struct pager *pager, const char *const *argv);
void pager_open(struct app *app, const char *title, const char *const *argv);

/* picture.c: returns the row of the cursor */
int picture_draw(const struct picture *picture, int row, int col, int rows, int cols,
		 bool center);

/* view-wall.c: the pictures that it shows now */
void wall_want(const struct app *app, struct want *want);

/* view-guest.c: the tab that is open */
const struct tab *guest_tab(const struct app *app);

/* view-list.c */
void list_update(struct app *app);

/* key.c */
/* The next key, or -1 when there is none now; *pending: an Esc waits for its digit. */
int key_read(void);
int key_wait_ms(void);

#endif
