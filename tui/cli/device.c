/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Disks and networks of running guests.  The work is xl's, which keeps the domain's
 * configuration in step; here names are checked and the commands get one spelling.
 */
#include <stdio.h>
#include <string.h>

#include "tui/cli/command.h"

/* The guest must run; fills id with its domain id for xl. */
static int domain_of(const char *name, char *id, size_t size)
{
	struct keel_guest guest;
	struct keel_error err;
	struct keel_host host;
	int rc;

	if (keel_host_open(&host, &err))
		return command_fail(&err);
	rc = keel_guest_find(&host, name, &guest, &err);
	keel_host_close(&host);
	if (!rc && guest.domid == KEEL_NO_DOMAIN)
		rc = keel_fail(&err, KEEL_ESTATE,
			       "%s is not running; change its file instead", name);
	if (rc)
		return command_fail(&err);
	snprintf(id, size, "%u", guest.domid);
	return KEEL_OK;
}

/* Runs "xl VERB DOMAIN argv[2..]"; there must be min to max arguments after the name. */
static int run_xl(const struct command *self, const char *verb, int min, int max,
		  int argc, char **argv)
{
	const char *args[16] = {"xl", verb};
	char id[12];
	int rc, n = 2;

	if (argc - 2 < min || argc - 2 > max)
		return command_usage(self);
	for (int i = 1; i < argc; i++)
		if (argv[i][0] == '-')
			return command_usage(self);
	rc = domain_of(argv[1], id, sizeof(id));
	if (rc)
		return rc;
	args[n++] = id;
	for (int i = 2; i < argc; i++)
		args[n++] = argv[i];
	args[n] = NULL;
	return command_exec_xl(args);
}

static int run_attach_disk(const struct command *self, int argc, char **argv)
{
	return run_xl(self, "block-attach", 1, 4, argc, argv);
}

static int run_detach_disk(const struct command *self, int argc, char **argv)
{
	return run_xl(self, "block-detach", 1, 1, argc, argv);
}

static int run_insert(const struct command *self, int argc, char **argv)
{
	return run_xl(self, "cd-insert", 2, 2, argc, argv);
}

static int run_eject(const struct command *self, int argc, char **argv)
{
	return run_xl(self, "cd-eject", 1, 1, argc, argv);
}

static int run_attach_net(const struct command *self, int argc, char **argv)
{
	return run_xl(self, "network-attach", 0, 8, argc, argv);
}

static int run_detach_net(const struct command *self, int argc, char **argv)
{
	return run_xl(self, "network-detach", 1, 1, argc, argv);
}

const struct command cmd_attach_disk = {
	.name = "attach-disk",
	.synopsis = "NAME SPEC",
	.summary = "add a disk to a running guest",
	.options = "  SPEC is as in xl-disk-configuration(5): "
		   "/srv/data.img,format=raw,vdev=xvdb,access=rw\n",
	.run = run_attach_disk,
};

const struct command cmd_detach_disk = {
	.name = "detach-disk",
	.synopsis = "NAME VDEV",
	.summary = "take a disk from a running guest",
	.run = run_detach_disk,
};

const struct command cmd_insert = {
	.name = "insert",
	.synopsis = "NAME VDEV FILE",
	.summary = "put an image into a guest's CD drive",
	.run = run_insert,
};

const struct command cmd_eject = {
	.name = "eject",
	.synopsis = "NAME VDEV",
	.summary = "empty a guest's CD drive",
	.run = run_eject,
};

const struct command cmd_attach_net = {
	.name = "attach-net",
	.synopsis = "NAME [bridge=BRIDGE] [mac=MAC] [rate=RATE]",
	.summary = "add a network interface to a running guest",
	.run = run_attach_net,
};

const struct command cmd_detach_net = {
	.name = "detach-net",
	.synopsis = "NAME NUMBER|MAC",
	.summary = "take a network interface from a running guest",
	.run = run_detach_net,
};
