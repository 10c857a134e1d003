/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The disks and the networks of a guest. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curses.h>

#include "lib/size.h"
#include "tui/app.h"

static const struct details *details_of(const struct app *app, const struct row *row)
{
	const struct details *d = &app->snap->details;

	return d->valid && strcmp(d->name, row->g.name) == 0 ? d : NULL;
}

/* Off or not read yet: says so.  What the file lists is shown for a guest that is off. */
static bool not_running(const struct row *row, const struct details *d, bool disks)
{
	struct keel_guest_file file;
	int at = 9;

	if (row->g.domid != KEEL_NO_DOMAIN) {
		if (!d)
			draw_text(7, 2, 0, STYLE_DIM, "Reading ...");
		return !d;
	}
	if (keel_guest_file_read(row->g.name, &file, NULL)) {
		draw_text(7, 2, 0, STYLE_WARN, "Its file cannot be read: see Config.");
		return true;
	}
	draw_text(7, 2, 0, STYLE_NORMAL, "It is off. Its file lists:");
	for (char **s = disks ? file.disks : file.vifs; *s && at < draw_rows() - 2; s++)
		draw_text(at++, 4, draw_cols() - 5, STYLE_NORMAL,
			  **s ? *s : "(defaults)");
	if (at == 9)
		draw_text(9, 4, 0, STYLE_DIM, "(none)");
	keel_guest_file_free(&file);
	return true;
}

static void select_in(struct app *app, int count)
{
	if (app->tab_selected >= count)
		app->tab_selected = count - 1;
	if (app->tab_selected < 0)
		app->tab_selected = 0;
	app->focus_row = 8 + app->tab_selected;
}

static void draw_disks(struct app *app, const struct row *row)
{
	const struct details *d = details_of(app, row);

	if (not_running(row, d, true))
		return;
	draw_text(7, 0, draw_cols(), STYLE_HEAD,
		  "  DISK     SIZE  FORMAT  MODE  STATE      READ   WRITTEN  FILE");
	select_in(app, (int)d->disk_count);
	for (int i = 0; i < (int)d->disk_count && 8 + i < draw_rows() - 2; i++) {
		const struct keel_disk *disk = &d->disks[i];
		char size[16] = "?", in[16], out[16];

		if (disk->size)
			keel_format_size_short(disk->size, size, sizeof(size));
		draw_format(
			8 + i, 0, draw_cols(),
			i == app->tab_selected ? STYLE_SELECTED : STYLE_NORMAL,
			"  %-7s %5s  %-7s %-5s %-8s %6s   %7s  %s%s", disk->vdev, size,
			disk->format, disk->writable ? "rw" : "ro",
			disk->connected ? "in use" : "waiting",
			keel_format_size_short(disk->io.disk_read, in, sizeof(in)),
			keel_format_size_short(disk->io.disk_written, out, sizeof(out)),
			disk->cdrom ? "(CD) " : "",
			disk->target[0] ? disk->target : "(empty)");
	}
	if (!d->disk_count)
		draw_text(9, 4, 0, STYLE_DIM, "(none)   A adds one.");
}

static void draw_networks(struct app *app, const struct row *row)
{
	const struct details *d = details_of(app, row);

	if (not_running(row, d, false))
		return;
	draw_text(7, 0, draw_cols(), STYLE_HEAD,
		  "   NR  MAC                BRIDGE          INTERFACE   STATE    "
		  "RECEIVED     SENT");
	select_in(app, (int)d->nic_count);
	for (int i = 0; i < (int)d->nic_count && 8 + i < draw_rows() - 2; i++) {
		const struct keel_nic *nic = &d->nics[i];
		char in[16], out[16];

		draw_format(8 + i, 0, draw_cols(),
			    i == app->tab_selected ? STYLE_SELECTED : STYLE_NORMAL,
			    "  %3u  %-17s  %-14.14s  %-10.10s  %-8s %8s %8s", nic->devid,
			    nic->mac, nic->bridge, nic->ifname,
			    nic->connected ? "in use" : "waiting",
			    keel_format_size_short(nic->io.net_received, in, sizeof(in)),
			    keel_format_size_short(nic->io.net_sent, out, sizeof(out)));
	}
	if (!d->nic_count)
		draw_text(9, 4, 0, STYLE_DIM, "(none)   A adds one.");
}

static void attach_disk_done(struct app *app, int choice, const char *text)
{
	const char *argv[] = {"keel", "attach-disk", app->dialog.guest, text, NULL};

	(void)choice;
	app_run(app, argv, "Adding a disk to %s", app->dialog.guest);
}

static void attach_net_done(struct app *app, int choice, const char *text)
{
	const char *argv[] = {"keel", "attach-net", app->dialog.guest, text, NULL};

	(void)choice;
	app_run(app, argv, "Adding a network to %s", app->dialog.guest);
}

/* The device to take away, kept while its dialog is open. */
static char device[32];

static void detach_disk_done(struct app *app, int choice, const char *text)
{
	const char *argv[] = {"keel", "detach-disk", app->dialog.guest, device, NULL};

	(void)choice;
	(void)text;
	app_run(app, argv, "Taking disk %s from %s", device, app->dialog.guest);
}

static void detach_net_done(struct app *app, int choice, const char *text)
{
	const char *argv[] = {"keel", "detach-net", app->dialog.guest, device, NULL};

	(void)choice;
	(void)text;
	app_run(app, argv, "Taking network %s from %s", device, app->dialog.guest);
}

static void insert_done(struct app *app, int choice, const char *text)
{
	const char *argv[] = {"keel", "insert", app->dialog.guest, device, text, NULL};

	(void)choice;
	app_run(app, argv, "Inserting a CD into %s", app->dialog.guest);
}

static void ask_detach(struct app *app, const struct row *row, const char *what,
		       const char *verb, dialog_done *done)
{
	char name[KEEL_NAME_MAX + 1], command[160];

	snprintf(name, sizeof(name), "%s", row->g.name);
	snprintf(command, sizeof(command), "keel %s %s %s", verb, name, device);
	dialog_prompt(app, "Take a device away", name, "", name, command, done);
	dialog_body(
		app,
		"%s %s is taken from %s while it runs; the guest loses what it has not "
		"written.\nType the guest's name to go on:",
		what, device, name);
}

static void attach_disk(struct app *app, const struct row *row)
{
	char command[160];

	snprintf(command, sizeof(command), "keel attach-disk %s %%s", row->g.name);
	dialog_prompt(app, "Add a disk", row->g.name, "", "", command, attach_disk_done);
	dialog_body(app, "As in xl-disk-configuration(5), for example\n"
			 "/srv/data.img,format=raw,vdev=xvdb,access=rw");
}

static bool disks_key(struct app *app, const struct row *row, int key)
{
	const struct details *d = details_of(app, row);
	const struct keel_disk *disk = d && app->tab_selected < (int)d->disk_count
					       ? &d->disks[app->tab_selected]
					       : NULL;

	switch (key) {
	case KEY_UP:
		app->tab_selected--;
		return true;
	case KEY_DOWN:
		app->tab_selected++;
		return true;
	case 'A':
		if (row->g.domid != KEEL_NO_DOMAIN)
			attach_disk(app, row);
		return true;
	case 'D':
		if (disk) {
			snprintf(device, sizeof(device), "%s", disk->vdev);
			ask_detach(app, row, "Disk", "detach-disk", detach_disk_done);
		}
		return true;
	case 'I':
		if (disk && disk->cdrom) {
			snprintf(device, sizeof(device), "%s", disk->vdev);
			dialog_prompt(app, "Insert a CD image", row->g.name, "", "", "",
				      insert_done);
		}
		return true;
	case 'J':
		if (disk && disk->cdrom) {
			const char *argv[] = {"keel", "eject", row->g.name, disk->vdev,
					      NULL};

			app_run(app, argv, "Ejecting the CD of %s", row->g.name);
		}
		return true;
	default:
		return false;
	}
}

static bool networks_key(struct app *app, const struct row *row, int key)
{
	const struct details *d = details_of(app, row);
	char command[160];

	switch (key) {
	case KEY_UP:
		app->tab_selected--;
		return true;
	case KEY_DOWN:
		app->tab_selected++;
		return true;
	case 'A':
		if (row->g.domid == KEEL_NO_DOMAIN)
			return true;
		snprintf(command, sizeof(command), "keel attach-net %s %%s", row->g.name);
		dialog_prompt(app, "Add a network", row->g.name, "bridge=xenbr0", "",
			      command, attach_net_done);
		return true;
	case 'D':
		if (d && app->tab_selected < (int)d->nic_count) {
			snprintf(device, sizeof(device), "%u",
				 d->nics[app->tab_selected].devid);
			ask_detach(app, row, "Network", "detach-net", detach_net_done);
		}
		return true;
	default:
		return false;
	}
}

const struct tab tab_disks = {
	.name = "Disks",
	.keys = "A Add  D Take away  I Insert CD  J Eject  1-8 Tab Pages  F1 Help  Esc "
		"Back",
	.draw = draw_disks,
	.key = disks_key,
};

const struct tab tab_networks = {
	.name = "Networks",
	.keys = "A Add  D Take away  1-8 Tab Pages  F1 Help  Esc Back",
	.draw = draw_networks,
	.key = networks_key,
};
