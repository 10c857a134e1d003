/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Long texts: the pager view, and the log and config pages of a guest. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curses.h>

#include "tui/app.h"

void pager_set(struct pager *pager, char *text)
{
	size_t count = 1;
	char *p;

	free(pager->text);
	free(pager->lines);
	pager->text = text;
	pager->lines = NULL;
	pager->count = 0;
	if (!text)
		return;
	for (p = text; *p; p++)
		count += *p == '\n';
	pager->lines = calloc(count, sizeof(*pager->lines));
	if (!pager->lines)
		return;
	for (p = text; *p;) {
		char *end = strchr(p, '\n');

		pager->lines[pager->count++] = p;
		if (!end)
			break;
		*end = '\0';
		p = end + 1;
	}
}

void pager_draw(struct app *app, struct pager *pager, int row, int rows)
{
	if (!pager->text) {
		draw_text(row, 1, 0, STYLE_DIM, "Reading ...");
		return;
	}
	if (pager->top > (int)pager->count - rows)
		pager->top = (int)pager->count - rows;
	if (pager->top < 0)
		pager->top = 0;
	if (!pager->count)
		draw_text(row, 1, 0, STYLE_DIM, "(empty)");
	for (int i = 0; i < rows && pager->top + i < (int)pager->count; i++) {
		const char *line = pager->lines[pager->top + i];
		bool hit = pager->search[0] && strcasestr(line, pager->search);

		if ((int)strlen(line) > pager->left)
			draw_text(row + i, 1, draw_cols() - 2,
				  hit ? STYLE_BOLD : STYLE_NORMAL, line + pager->left);
	}
	app->focus_row = row;
}

static void search(struct app *app, struct pager *pager, int from)
{
	for (int i = from; i < (int)pager->count; i++)
		if (strcasestr(pager->lines[i], pager->search)) {
			pager->top = i;
			return;
		}
	app_say(app, STYLE_WARN, "\"%s\" does not occur further down.", pager->search);
}

/* Which pager the search prompt was opened for: there is one prompt at a time. */
static struct pager *searching;

static void search_done(struct app *app, int choice, const char *text)
{
	(void)choice;
	snprintf(searching->search, sizeof(searching->search), "%.63s", text);
	if (searching->search[0])
		search(app, searching, searching->top);
}

bool pager_key(struct app *app, struct pager *pager, int key, int rows)
{
	switch (key) {
	case KEY_UP:
	case 'k':
		pager->top--;
		break;
	case KEY_DOWN:
	case 'j':
		pager->top++;
		break;
	case KEY_PPAGE:
	case 'b':
		pager->top -= rows - 1;
		break;
	case KEY_NPAGE:
	case ' ':
		pager->top += rows - 1;
		break;
	case KEY_HOME:
	case 'g':
		pager->top = 0;
		break;
	case KEY_END:
	case 'G':
		pager->top = (int)pager->count;
		break;
	case KEY_LEFT:
		pager->left -= pager->left < 16 ? pager->left : 16;
		break;
	case KEY_RIGHT:
		pager->left += 16;
		break;
	case '/':
		searching = pager;
		dialog_prompt(app, "Search", NULL, pager->search, "", "", search_done);
		break;
	case 'n':
		if (!pager->search[0])
			return false;
		search(app, pager, pager->top + 1);
		break;
	default:
		return false;
	}
	if (pager->top < 0)
		pager->top = 0;
	return true;
}

struct request {
	struct pager *pager;
	int id;
};

static void command_done(void *arg, struct job *job)
{
	struct request *request = arg;
	struct pager *pager = request->pager;

	if (request->id == pager->id) {
		pager_set(pager, strdup(job->output ? job->output : ""));
		pager->top = (int)pager->count; /* logs: the newest is at the end */
	}
	free(request);
}

void pager_command(struct pager *pager, const char *const *argv)
{
	struct request *request = malloc(sizeof(*request));

	pager_set(pager, NULL);
	pager->top = pager->left = 0;
	if (!request)
		return;
	*request = (struct request){pager, ++pager->id};
	if (!job_run("", argv, true, command_done, request)) {
		free(request);
		pager_set(pager,
			  strdup("The command cannot be run: too many are running.\n"));
	}
}

void pager_open(struct app *app, const char *title, const char *const *argv)
{
	snprintf(app->pager.title, sizeof(app->pager.title), "%s", title);
	pager_command(&app->pager, argv);
	app_push(app, &view_pager);
}

static void draw(struct app *app)
{
	draw_text(3, 0, draw_cols(), STYLE_HEAD, app->pager.title);
	pager_draw(app, &app->pager, 4, draw_rows() - 6);
}

static bool key(struct app *app, int key_code)
{
	return pager_key(app, &app->pager, key_code, draw_rows() - 6);
}

static const struct help help[] = {
	{"Up Down", "one line"},	 {"PgUp PgDn", "one page (also b and Space)"},
	{"g G", "begin and end"},	 {"Left Right", "long lines"},
	{"/ n", "search, search again"}, {NULL, NULL},
};

const struct view view_pager = {
	.name = "Text",
	.keys = "Up Down PgUp PgDn scroll  / search  n next  F1 Help  Esc Back",
	.help = help,
	.draw = draw,
	.key = key,
};
