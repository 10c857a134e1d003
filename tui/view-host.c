/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The host: the machine, and checks of the control domain with their fixes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curses.h>

#include "lib/size.h"
#include "tui/app.h"

#define CHECKS 11

static void field(int row, int col, const char *name, const char *value, int width)
{
	draw_text(row, col, 12, STYLE_HEAD, name);
	draw_text(row, col + 12, width, STYLE_NORMAL, value);
}

static void draw_machine(const struct keel_host_info *info)
{
	char text[160], total[16], left[16];
	int wide = draw_cols() - 14;

	field(4, 1, "Hypervisor", info->hypervisor, 26);
	field(4, 41, "Kernel", info->kernel, draw_cols() - 54);
	field(5, 1, "Options", info->command_line, wide);
	snprintf(text, sizeof(text),
		 "%u at %u MHz (NUMA nodes: %u, cores a socket: %u, threads a core: %u)",
		 info->cpus, info->cpu_khz / 1000, info->nodes, info->cores_per_socket,
		 info->threads_per_core);
	field(6, 1, "CPUs", text, wide);
	snprintf(text, sizeof(text), "%s, %s free",
		 keel_format_size(info->memory_kib * 1024, total, sizeof(total)),
		 keel_format_size(info->free_kib * 1024, left, sizeof(left)));
	field(7, 1, "Memory", text, wide);
	snprintf(text, sizeof(text), "%s%s", info->pv ? "PV" : "",
		 info->hvm ? " PVH HVM" : "   (PVH and HVM need SVM or VT-x)");
	field(8, 1, "Can run", text, wide);
}

static void draw_check(int row, const struct keel_check *check, bool selected)
{
	static const char *const words[] = {"ok", "warning", "bad"};
	static const enum style styles[] = {STYLE_GOOD, STYLE_WARN, STYLE_BAD};
	enum style style = selected ? STYLE_SELECTED : STYLE_NORMAL;

	draw_text(row, 0, draw_cols(), style, "");
	draw_text(row, 1, 8, selected ? style : styles[check->verdict],
		  words[check->verdict]);
	draw_text(row, 10, 17, style, check->name);
	draw_text(row, 28, draw_cols() - 29, style, check->found);
}

static void draw(struct app *app)
{
	draw_text(3, 0, draw_cols(), STYLE_BOLD, " The host");
	if (app->snap && app->snap->ok)
		draw_machine(&app->snap->info);
	draw_text(CHECKS - 1, 0, draw_cols(), STYLE_HEAD,
		  " CHECK    WHAT              FOUND");
	if (!app->checks) {
		draw_text(CHECKS, 2, 0, STYLE_DIM, "Checking ...");
		return;
	}
	if (app->check_selected >= (int)app->check_count)
		app->check_selected = (int)app->check_count - 1;
	if (app->check_selected < 0)
		app->check_selected = 0;
	for (int i = 0; i < (int)app->check_count && CHECKS + i < draw_rows() - 3; i++)
		draw_check(CHECKS + i, &app->checks[i], i == app->check_selected);
	app->focus_row = CHECKS + app->check_selected;
	if (app->checks[app->check_selected].fix[0])
		draw_format(draw_rows() - 3, 1, draw_cols() - 2, STYLE_WARN, "Fix: %s",
			    app->checks[app->check_selected].fix);
}

static void again(struct app *app)
{
	free(app->checks);
	app->checks = NULL;
	app_update_want(app);
}

/* Reboot and power-off: what runs at that moment, kept while the dialog is open. */
static bool power_off;

static void power_done(struct app *app, int choice, const char *text)
{
	const char *argv[] = {"systemctl", power_off ? "poweroff" : "reboot", NULL};

	(void)choice;
	(void)text;
	app_run(app, argv, power_off ? "Powering the host off" : "Rebooting the host");
}

static void ask_power(struct app *app, bool off)
{
	unsigned alive = 0;

	if (!app->snap || !app->snap->ok)
		return;
	for (size_t i = 0; i < app->snap->count; i++)
		alive += app->snap->rows[i].g.domid != 0 &&
			 keel_state_alive(app->snap->rows[i].g.state);
	power_off = off;
	dialog_prompt(app, off ? "Power the host off" : "Reboot the host", NULL, "",
		      app->snap->info.hostname,
		      off ? "systemctl poweroff" : "systemctl reboot", power_done);
	dialog_body(
		app,
		"%u guests run; those with a unit are shut down first, the others are "
		"lost with what they have not written.\nType the host's name (%s):",
		alive, app->snap->info.hostname);
}

static void show_check(struct app *app)
{
	const struct keel_check *check;

	if (!app->checks || app->check_selected >= (int)app->check_count)
		return;
	check = &app->checks[app->check_selected];
	dialog_text(app, check->name, "");
	dialog_body(app, "%s\n\n%s%s", check->found,
		    check->fix[0] ? "What to do:\n$ " : "All is well.", check->fix);
}

static bool key(struct app *app, int key_code)
{
	static const char *const log_argv[] = {"keel", "log", NULL};
	static const char *const shell_argv[] = {"bash", "-l", NULL};

	switch (key_code) {
	case '\r':
	case '\n':
	case KEY_ENTER:
		show_check(app);
		return true;
	case KEY_UP:
	case 'k':
		app->check_selected--;
		return true;
	case KEY_DOWN:
	case 'j':
		app->check_selected++;
		return true;
	case 'R':
		again(app);
		return true;
	case 'l':
		pager_open(app, "Log of the hypervisor   ($ keel log)", log_argv);
		return true;
	case '!':
		app_run_foreground(app, shell_argv);
		return true;
	case 'B':
		ask_power(app, false);
		return true;
	case 'O':
		ask_power(app, true);
		return true;
	default:
		return false;
	}
}

static const struct help help[] = {
	{"Up Down", "choose a check; its fix is shown below"},
	{"Enter", "all that the check has to say"},
	{"R", "check again"},
	{"l", "the hypervisor's log"},
	{"!", "a shell; exit comes back here"},
	{"B O", "reboot the host, power it off"},
	{NULL, NULL},
};

const struct view view_host = {
	.name = "Host",
	.keys = "R Check again  l Hypervisor log  ! Shell  B Reboot  O Power off  Esc "
		"Back",
	.help = help,
	.draw = draw,
	.key = key,
	.enter = again,
};
