/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What can be done to the selected guest.  Each action is one command of keel; the ones
 * that lose something ask for the guest's name first.
 */
#include <stdio.h>
#include <string.h>

#include <curses.h>

#include "lib/size.h"
#include "tui/app.h"

/* The guest that the dialog is about, if it is still there. */
static const struct keel_guest *dialog_guest(struct app *app)
{
	const struct row *row = snapshot_row(app->snap, app->dialog.guest);

	if (!row)
		app_say(app, STYLE_WARN, "%s is not there any more.", app->dialog.guest);
	return row ? &row->g : NULL;
}

static bool has_domain(struct app *app, const struct keel_guest *g)
{
	if (g->domid == KEEL_NO_DOMAIN)
		app_say(app, STYLE_WARN, "%s is not running.", g->name);
	return g->domid != KEEL_NO_DOMAIN;
}

static bool is_guest(struct app *app, const struct keel_guest *g)
{
	if (g->domid == 0)
		app_say(app, STYLE_WARN, "%s is the control domain.", g->name);
	return g->domid != 0;
}

static void start(struct app *app, const struct keel_guest *g)
{
	const char *argv[] = {"keel", "start", g->name, NULL};

	if (g->domid != KEEL_NO_DOMAIN)
		app_say(app, STYLE_WARN, "%s has a domain already (%s).", g->name,
			keel_state_name(g->state));
	else
		app_run(app, argv, "Starting %s", g->name);
}

static void destroy_done(struct app *app, int choice, const char *text)
{
	const struct keel_guest *g = dialog_guest(app);

	(void)choice;
	(void)text;
	if (g) {
		const char *argv[] = {"keel", "destroy", g->name, NULL};

		app_run(app, argv, "Destroying %s", g->name);
	}
}

static void ask_destroy(struct app *app, const struct keel_guest *g)
{
	char name[KEEL_NAME_MAX + 1], command[128];

	snprintf(name, sizeof(name), "%s", g->name);
	snprintf(command, sizeof(command), "keel destroy %s", name);
	dialog_prompt(app, "Force off", name, "", name, command, destroy_done);
	dialog_body(
		app,
		"%s ends at once, as if its plug were pulled. What it has not written "
		"to its disks is lost. Its disks and its file stay.\n"
		"Type the guest's name to go on:",
		name);
}

static void stop_done(struct app *app, int choice, const char *text)
{
	const struct keel_guest *g = dialog_guest(app);
	static const char *const verbs[] = {"stop", "reboot"};
	static const char *const titles[] = {"Shutting down", "Rebooting"};

	(void)text;
	if (!g)
		return;
	if (choice == 2) {
		ask_destroy(app, g);
	} else {
		const char *argv[] = {"keel", verbs[choice], g->name, NULL};

		app_run(app, argv, "%s %s", titles[choice], g->name);
	}
}

static void stop(struct app *app, const struct keel_guest *g)
{
	static const char *const labels[] = {"Shut down (ask the guest, wait)",
					     "Reboot (ask the guest)",
					     "Force off (unsaved data is lost)"};
	static const char *const verbs[] = {"stop", "reboot", "destroy"};
	char command[128];

	if (!is_guest(app, g) || !has_domain(app, g))
		return;
	snprintf(command, sizeof(command), "Stop %s", g->name);
	dialog_menu(app, command, g->name, stop_done);
	for (int i = 0; i < 3; i++) {
		snprintf(command, sizeof(command), "keel %s %s", verbs[i], g->name);
		dialog_item(app, labels[i], command);
	}
}

static void toggle_pause(struct app *app, const struct keel_guest *g)
{
	bool paused = g->state == KEEL_STATE_PAUSED;
	const char *argv[] = {"keel", paused ? "unpause" : "pause", g->name, NULL};

	if (is_guest(app, g) && has_domain(app, g))
		app_run(app, argv, paused ? "Unpausing %s" : "Pausing %s", g->name);
}

static void toggle_autostart(struct app *app, const struct keel_guest *g)
{
	const char *argv[] = {"keel", "autostart", g->name, g->autostart ? "off" : "on",
			      NULL};

	if (!is_guest(app, g))
		return;
	if (!g->defined)
		app_say(app, STYLE_WARN, "%s has no guest file: it cannot start at boot.",
			g->name);
	else
		app_run(app, argv, "Start of %s at boot: %s", g->name,
			g->autostart ? "off" : "on");
}

static void console(struct app *app, const struct keel_guest *g)
{
	const char *argv[] = {"keel", "console", g->name, NULL};

	/* consoled keeps the history of guests that are gone: attach shows it. */
	if (is_guest(app, g))
		app_run_foreground(app, argv);
}

void action_set_vcpus(struct app *app, const struct keel_guest *g, unsigned count)
{
	char number[12];
	const char *running[] = {"keel", "vcpu", "--wait", "10", g->name, number, NULL};
	const char *off[] = {"keel", "vcpu", "--save", g->name, number, NULL};

	snprintf(number, sizeof(number), "%u", count);
	app_run(app, g->domid == KEEL_NO_DOMAIN ? off : running, "vCPUs of %s: %u",
		g->name, count);
}

static void vcpus_done(struct app *app, int choice, const char *text)
{
	const struct keel_guest *g = dialog_guest(app);
	uint64_t count;

	(void)choice;
	if (!g)
		return;
	if (keel_parse_uint(text, 1, 4096, &count))
		action_set_vcpus(app, g, (unsigned)count);
	else
		app_say(app, STYLE_WARN, "\"%s\" is not a number of vCPUs.", text);
}

static void ask_vcpus(struct app *app, const struct keel_guest *g)
{
	char command[128], now[12];
	bool off = g->domid == KEEL_NO_DOMAIN;

	snprintf(command, sizeof(command), "keel vcpu %s %s %%s",
		 off ? "--save" : "--wait 10", g->name);
	snprintf(now, sizeof(now), "%u", g->vcpus_online);
	dialog_prompt(app, "vCPUs", g->name, off ? "" : now, "", command, vcpus_done);
	if (off)
		dialog_body(app, "%s is off. vCPUs at its next start (its file changes):",
			    g->name);
	else
		dialog_body(app, "%s has %u of at most %u vCPUs online. How many now?",
			    g->name, g->vcpus_online, g->vcpus_max);
}

static void memory_done(struct app *app, int choice, const char *text)
{
	const struct keel_guest *g = dialog_guest(app);

	(void)choice;
	if (g) {
		const char *running[] = {"keel", "mem", g->name, text, NULL};
		const char *off[] = {"keel", "mem", "--save", g->name, text, NULL};

		app_run(app, g->domid == KEEL_NO_DOMAIN ? off : running,
			"Memory of %s: %s", g->name, text);
	}
}

static void ask_memory(struct app *app, const struct keel_guest *g)
{
	bool off = g->domid == KEEL_NO_DOMAIN;
	char command[128], now[16], limit[16], left[16];

	snprintf(command, sizeof(command), "keel mem %s%s %%s", off ? "--save " : "",
		 g->name);
	dialog_prompt(app, "Memory", g->name, "", "", command, memory_done);
	dialog_body(app,
		    "%s has %s, at most %s; the host has %s free.\n"
		    "New amount in MiB, or with a unit (1.5G)%s:",
		    g->name, keel_format_size(g->memory_kib * 1024, now, sizeof(now)),
		    keel_format_size(g->max_memory_kib * 1024, limit, sizeof(limit)),
		    keel_format_size(app->snap->info.free_kib * 1024, left, sizeof(left)),
		    off ? ", for its next start" : "");
}

static void open_tab(struct app *app, const struct keel_guest *g, int tab)
{
	(void)g;
	app->tab = tab;
	app->tab_selected = 0;
	if (app_view(app) == &view_guest)
		view_guest.enter(app);
	else
		app_push(app, &view_guest);
}

static void show_disks(struct app *app, const struct keel_guest *g)
{
	open_tab(app, g, 3);
}

static void show_networks(struct app *app, const struct keel_guest *g)
{
	open_tab(app, g, 4);
}

static void show_log(struct app *app, const struct keel_guest *g)
{
	open_tab(app, g, 6);
}

static void migrate_done(struct app *app, int choice, const char *text)
{
	const struct keel_guest *g = dialog_guest(app);

	(void)choice;
	if (g && *text && *text != '-') {
		const char *argv[] = {"xl", "migrate", g->name, text, NULL};

		app_run(app, argv, "Migrating %s to %s", g->name, text);
	}
}

static void ask_migrate(struct app *app, const struct keel_guest *g)
{
	char command[128];

	if (!is_guest(app, g) || !has_domain(app, g))
		return;
	snprintf(command, sizeof(command), "xl migrate %s %%s", g->name);
	dialog_prompt(app, "Migrate", g->name, "", "", command, migrate_done);
	dialog_body(app,
		    "%s moves to another host while it runs. That host needs its disks "
		    "under the same names, and lets root in by ssh.\nTo which host?",
		    g->name);
}

static void undefine_done(struct app *app, int choice, const char *text)
{
	const struct keel_guest *g = dialog_guest(app);

	(void)choice;
	(void)text;
	if (g) {
		const char *argv[] = {"keel", "undefine", g->name, NULL};

		app_run(app, argv, "Removing the file of %s", g->name);
	}
}

static void ask_undefine(struct app *app, const struct keel_guest *g)
{
	char name[KEEL_NAME_MAX + 1], command[128];

	if (!is_guest(app, g))
		return;
	if (g->domid != KEEL_NO_DOMAIN || !g->defined) {
		app_say(app, STYLE_WARN,
			g->defined ? "%s is running: stop it first."
				   : "%s has no guest file.",
			g->name);
		return;
	}
	snprintf(name, sizeof(name), "%s", g->name);
	snprintf(command, sizeof(command), "keel undefine %s", name);
	dialog_prompt(app, "Remove guest", name, "", name, command, undefine_done);
	dialog_body(
		app,
		"The file of %s is removed, so this host knows the guest no more. Its "
		"disks stay.\nType the guest's name to go on:",
		name);
}

static const struct {
	int key;
	void (*run)(struct app *app, const struct keel_guest *g);
} actions[] = {
	{'s', start},	    {'S', stop},	  {'p', toggle_pause},
	{'c', console},	    {'v', ask_vcpus},	  {'m', ask_memory},
	{'d', show_disks},  {'w', show_networks}, {'a', toggle_autostart},
	{'x', ask_migrate}, {'l', show_log},	  {'X', ask_undefine},
};

bool action_key(struct app *app, int key)
{
	const struct row *row = app_selected(app);

	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++) {
		if (actions[i].key != key)
			continue;
		if (row)
			actions[i].run(app, &row->g);
		else
			app_say(app, STYLE_WARN, "There is no guest to do that to.");
		return true;
	}
	return false;
}
