/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Dialogs: a menu, a question with one line of input, a text.  One is open at most. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <curses.h>

#include "tui/app.h"

#define WIDTH	   70
#define TEXT_WIDTH (WIDTH - 4)

static struct dialog *begin(struct app *app, int kind, const char *title,
			    const char *guest, dialog_done *done)
{
	struct dialog *d = &app->dialog;

	memset(d, 0, sizeof(*d));
	d->open = true;
	d->kind = kind;
	d->done = done;
	snprintf(d->title, sizeof(d->title), "%s", title);
	if (guest)
		snprintf(d->guest, sizeof(d->guest), "%s", guest);
	return d;
}

void dialog_menu(struct app *app, const char *title, const char *guest, dialog_done *done)
{
	begin(app, DIALOG_MENU, title, guest, done);
}

void dialog_item(struct app *app, const char *label, const char *command)
{
	struct dialog *d = &app->dialog;
	struct dialog_item *item;

	if (d->item_count == MAX_ITEMS)
		return;
	item = &d->items[d->item_count++];
	snprintf(item->label, sizeof(item->label), "%s", label);
	snprintf(item->command, sizeof(item->command), "%s", command);
}

void dialog_prompt(struct app *app, const char *title, const char *guest,
		   const char *initial, const char *must, const char *command,
		   dialog_done *done)
{
	struct dialog *d = begin(app, DIALOG_PROMPT, title, guest, done);

	snprintf(d->input, sizeof(d->input), "%s", initial);
	d->cursor = strlen(d->input);
	snprintf(d->must, sizeof(d->must), "%s", must);
	snprintf(d->command, sizeof(d->command), "%s", command);
}

void dialog_body(struct app *app, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(app->dialog.body, sizeof(app->dialog.body), fmt, ap);
	va_end(ap);
}

void dialog_text(struct app *app, const char *title, const char *text)
{
	begin(app, DIALOG_TEXT, title, NULL, NULL);
	dialog_body(app, "%s", text);
}

/* Help of the view: its own keys, those of the guest, those that always work. */
void dialog_help(struct app *app)
{
	static const struct help always[] = {
		{"F1 ?", "this help"},
		{"F9", "show the command behind the last action"},
		{"^L", "repaint the screen"},
		{"^C", "cancel the action that runs"},
		{"Esc 1..0", "F1..F10 where F-keys do not work"},
		{"Esc q", "back; q on the first screen quits"},
		{NULL, NULL},
	};
	const struct help *parts[] = {app_view(app)->help, always};
	size_t size = sizeof(app->dialog.body), n = 0;
	char *body = app->dialog.body;

	begin(app, DIALOG_TEXT, "Help", NULL, NULL);
	for (size_t i = 0; i < 2; i++)
		for (const struct help *h = parts[i]; h && h->keys && n < size; h++)
			n += (size_t)snprintf(body + n, size - n, "%-10s %s\n", h->keys,
					      h->text);
}

/* The next line of text, wrapped at width; returns what follows it. */
static const char *next_line(const char *text, int width, int *len)
{
	int end = (int)strcspn(text, "\n"), cut;

	if (end <= width) {
		*len = end;
		return text + end + (text[end] == '\n');
	}
	for (cut = width; cut > 0 && text[cut] != ' '; cut--)
		;
	if (cut == 0)
		cut = width;
	*len = cut;
	return text + cut + (text[cut] == ' ');
}

static int count_lines(const char *text, int width)
{
	int count = 0, len;

	while (*text) {
		text = next_line(text, width, &len);
		count++;
	}
	return count;
}

/* Draws wrapped text from its line top on; returns the rows used. */
static int draw_wrapped(int row, int col, const char *text, int width, int top, int max)
{
	int used = 0, line = 0;

	while (*text && used < max) {
		char buf[160];
		const char *start = text;
		int len;

		text = next_line(text, width, &len);
		if (line++ < top)
			continue;
		snprintf(buf, sizeof(buf), "%.*s", len, start);
		draw_text(row + used++, col, width, STYLE_NORMAL, buf);
	}
	return used;
}

/* The command that Enter would run now. */
static void current_command(const struct dialog *d, char *buf, size_t size)
{
	const char *gap;

	buf[0] = '\0';
	if (d->kind == DIALOG_MENU && d->selected < d->item_count)
		snprintf(buf, size, "%s", d->items[d->selected].command);
	if (d->kind != DIALOG_PROMPT || !d->command[0])
		return;
	gap = strstr(d->command, "%s");
	if (gap)
		snprintf(buf, size, "%.*s%.100s%s", (int)(gap - d->command), d->command,
			 d->input[0] ? d->input : "...", gap + 2);
	else
		snprintf(buf, size, "%s", d->command);
}

static int body_rows(const struct dialog *d)
{
	int lines = count_lines(d->body, TEXT_WIDTH), most = draw_rows() - 8;

	return lines < most ? lines : most;
}

static void draw_input(struct app *app, int row, int col)
{
	const struct dialog *d = &app->dialog;
	int width = TEXT_WIDTH - 2, from;

	from = (int)d->cursor > width - 1 ? (int)d->cursor - width + 1 : 0;
	draw_text(row, col, 2, STYLE_BOLD, "> ");
	draw_text(row, col + 2, width, STYLE_SELECTED, d->input + from);
	draw_cursor(row, col + 2 + (int)d->cursor - from);
	app->focus_row = row;
	app->focus_col = col + 2 + (int)d->cursor - from;
}

static void draw_items(struct app *app, int row, int col)
{
	const struct dialog *d = &app->dialog;

	for (int i = 0; i < d->item_count; i++)
		draw_format(row + i, col, TEXT_WIDTH,
			    i == d->selected ? STYLE_SELECTED : STYLE_NORMAL, " %d  %s",
			    i + 1, d->items[i].label);
	app->focus_row = row + d->selected;
	app->focus_col = col;
}

void dialog_draw(struct app *app)
{
	static const char *const hints[] = {
		[DIALOG_MENU] = "Enter choose   Esc back",
		[DIALOG_PROMPT] = "Enter go   Esc back",
		[DIALOG_TEXT] = "Arrows scroll   Esc close",
	};
	struct dialog *d = &app->dialog;
	int text_rows = body_rows(d), rows, row, col;
	char command[300];

	current_command(d, command, sizeof(command));
	rows = text_rows + 4;
	if (d->kind == DIALOG_MENU)
		rows += d->item_count + (text_rows ? 1 : 0);
	if (d->kind == DIALOG_PROMPT)
		rows += 1 + (text_rows ? 1 : 0);
	if (command[0])
		rows += 2;
	row = (draw_rows() - rows) / 2;
	col = (draw_cols() - WIDTH) / 2;
	app->focus_row = row;
	app->focus_col = col;
	draw_frame(row, col, rows, WIDTH, d->title);
	col += 2;
	row += 1;
	row += draw_wrapped(row, col, d->body, TEXT_WIDTH, d->top, text_rows);
	row += text_rows ? 1 : 0;
	if (d->kind == DIALOG_MENU) {
		draw_items(app, row, col);
		row += d->item_count + 1;
	} else if (d->kind == DIALOG_PROMPT) {
		draw_input(app, row, col);
		row += 2;
	}
	if (command[0]) {
		draw_format(row, col, TEXT_WIDTH, STYLE_HEAD, "$ %.250s", command);
		row += 2;
	}
	draw_text(row, col, TEXT_WIDTH, STYLE_DIM, hints[d->kind]);
}

/* Closes it first, so that done may open the next one. */
static void finish(struct app *app, int choice)
{
	struct dialog d = app->dialog;

	app->dialog.open = false;
	if (!d.done)
		return;
	/* done finds whom it is about where it was. */
	d.done(app, choice, d.input);
}

static void menu_key(struct app *app, int key)
{
	struct dialog *d = &app->dialog;

	if (key == KEY_UP && d->selected > 0)
		d->selected--;
	else if (key == KEY_DOWN && d->selected < d->item_count - 1)
		d->selected++;
	else if (key >= '1' && key < '1' + d->item_count)
		finish(app, key - '1');
	else if ((key == '\r' || key == '\n' || key == KEY_ENTER) && d->item_count)
		finish(app, d->selected);
}

static void insert(struct dialog *d, int key)
{
	size_t len = strlen(d->input);

	if (len + 1 >= sizeof(d->input))
		return;
	memmove(d->input + d->cursor + 1, d->input + d->cursor, len - d->cursor + 1);
	d->input[d->cursor++] = (char)key;
}

static void erase_at(struct dialog *d, size_t at)
{
	size_t len = strlen(d->input);

	if (at < len)
		memmove(d->input + at, d->input + at + 1, len - at);
}

static void submit(struct app *app)
{
	struct dialog *d = &app->dialog;

	if (d->must[0] && strcmp(d->input, d->must) != 0) {
		app_say(app, STYLE_WARN, "That is not \"%s\": nothing was done.",
			d->must);
		return;
	}
	finish(app, 0);
}

static void prompt_key(struct app *app, int key)
{
	struct dialog *d = &app->dialog;

	switch (key) {
	case '\r':
	case '\n':
	case KEY_ENTER:
		submit(app);
		break;
	case KEY_LEFT:
		d->cursor -= d->cursor > 0;
		break;
	case KEY_RIGHT:
		d->cursor += d->cursor < strlen(d->input);
		break;
	case KEY_HOME:
	case KEY_CTRL('a'):
		d->cursor = 0;
		break;
	case KEY_END:
	case KEY_CTRL('e'):
		d->cursor = strlen(d->input);
		break;
	case KEY_BACKSPACE:
	case KEY_CTRL('h'):
	case 127:
		if (d->cursor)
			erase_at(d, --d->cursor);
		break;
	case KEY_DC:
		erase_at(d, d->cursor);
		break;
	case KEY_CTRL('u'):
		d->input[0] = '\0';
		d->cursor = 0;
		break;
	default:
		if (key >= 0x20 && key < 0x7f)
			insert(d, key);
	}
}

static void text_key(struct app *app, int key)
{
	struct dialog *d = &app->dialog;
	int rows = body_rows(d), most = count_lines(d->body, TEXT_WIDTH) - rows;

	if (key == KEY_UP || key == 'k')
		d->top--;
	else if (key == KEY_DOWN || key == 'j')
		d->top++;
	else if (key == KEY_PPAGE || key == 'b')
		d->top -= rows - 1;
	else if (key == KEY_NPAGE || key == ' ')
		d->top += rows - 1;
	else if (key == KEY_END || key == 'G')
		d->top = most;
	else if (key == KEY_HOME || key == 'g')
		d->top = 0;
	else if (key == 'q' || key == '\r' || key == '\n' || key == '?')
		d->open = false;
	if (d->top > most)
		d->top = most;
	if (d->top < 0)
		d->top = 0;
}

void dialog_key(struct app *app, int key)
{
	struct dialog *d = &app->dialog;

	if (key == KEY_ESCAPE || key == KEY_F(10)) {
		d->open = false;
		return;
	}
	switch (d->kind) {
	case DIALOG_MENU:
		menu_key(app, key);
		break;
	case DIALOG_PROMPT:
		prompt_key(app, key);
		break;
	case DIALOG_TEXT:
		text_key(app, key);
		break;
	}
}
