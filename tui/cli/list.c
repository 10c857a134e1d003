/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/size.h"
#include "tui/cli/command.h"
#include "tui/cli/json.h"

static void print_text(const struct keel_guest *g)
{
	char id[12] = "-", vcpus[24], mem[16], time[32];

	if (g->domid != KEEL_NO_DOMAIN)
		snprintf(id, sizeof(id), "%u", g->domid);
	snprintf(vcpus, sizeof(vcpus), "%u/%u", g->vcpus_online, g->vcpus_max);
	keel_format_size_short(g->memory_kib * 1024, mem, sizeof(mem));
	keel_format_duration(g->cpu_ns / 1000000000, time, sizeof(time));
	printf("%-20s %5s %-10s %-4s %7s %7s %10s %s\n", g->name, id,
	       g->broken				      ? "bad file"
	       : g->unit_failed && g->state == KEEL_STATE_OFF ? "failed"
							      : keel_state_name(g->state),
	       keel_guest_type_name(g->type), vcpus, mem, time,
	       g->autostart ? "auto" : "-");
}

static int print_json(const struct keel_guest *guests, size_t count)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < count; i++)
		json_object_array_add(list, json_of_guest(&guests[i]));
	return json_print(list);
}

static void print_all(const struct keel_guest *guests, size_t count, bool names)
{
	if (!names)
		printf("%-20s %5s %-10s %-4s %7s %7s %10s %s\n", "NAME", "ID", "STATE",
		       "TYPE", "VCPUS", "MEMORY", "CPU TIME", "START");
	for (size_t i = 0; i < count; i++)
		if (names)
			puts(guests[i].name);
		else
			print_text(&guests[i]);
}

static int run(const struct command *self, int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'},
						{"names", no_argument, NULL, 'n'},
						{"running", no_argument, NULL, 'r'},
						{0}};
	bool json = false, names = false, running = false;
	struct keel_guest *guests;
	struct keel_error err;
	struct keel_host host;
	size_t count, kept = 0;
	int opt, rc = KEEL_OK;

	while ((opt = getopt_long(argc, argv, "jnr", options, NULL)) != -1)
		switch (opt) {
		case 'j':
			json = true;
			break;
		case 'n':
			names = true;
			break;
		case 'r':
			running = true;
			break;
		default:
			return command_usage(self);
		}
	if (optind != argc)
		return command_usage(self);
	if (keel_host_open(&host, &err))
		return command_fail(&err);
	if (keel_guests(&host, &guests, &count, &err)) {
		keel_host_close(&host);
		return command_fail(&err);
	}
	for (size_t i = 0; i < count; i++)
		if (!running || guests[i].domid != KEEL_NO_DOMAIN)
			guests[kept++] = guests[i];
	if (json)
		rc = print_json(guests, kept);
	else
		print_all(guests, kept, names);
	free(guests);
	keel_host_close(&host);
	return fflush(stdout) ? KEEL_EFAIL : rc;
}

const struct command cmd_list = {
	.name = "list",
	.synopsis = "[--json | --names] [--running]",
	.summary = "list all guests, with a domain or only defined",
	.options = "  -j, --json     as JSON, one object a guest\n"
		   "  -n, --names    names only, one a line\n"
		   "  -r, --running  only those that have a domain\n",
	.run = run,
};
