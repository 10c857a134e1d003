/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands that show: one guest, the host, its health, the hypervisor's log. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/checks.h"
#include "lib/size.h"
#include "tui/cli/command.h"
#include "tui/cli/json.h"

/* Handles --json, the only option of these commands; false: print the usage. */
static bool only_json(int argc, char **argv, bool *json)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {0}};
	int opt;

	*json = false;
	while ((opt = getopt_long(argc, argv, "j", options, NULL)) != -1) {
		if (opt != 'j')
			return false;
		*json = true;
	}
	return true;
}

struct details {
	struct keel_guest guest;
	struct keel_vcpu *vcpus;
	struct keel_disk *disks;
	struct keel_nic *nics;
	size_t vcpu_count, disk_count, nic_count;
};

static int read_details(struct keel_host *host, const char *name, struct details *d,
			struct keel_error *err)
{
	memset(d, 0, sizeof(*d));
	if (keel_guest_find(host, name, &d->guest, err))
		return -1;
	if (d->guest.domid == KEEL_NO_DOMAIN)
		return 0;
	if (host->ops->vcpus(host->ctx, d->guest.domid, &d->vcpus, &d->vcpu_count, err) ||
	    host->ops->disks(host->ctx, d->guest.domid, &d->disks, &d->disk_count, err) ||
	    host->ops->nics(host->ctx, d->guest.domid, &d->nics, &d->nic_count, err))
		return -1;
	return 0;
}

static void free_details(struct details *d)
{
	free(d->vcpus);
	free(d->disks);
	free(d->nics);
}

static int print_json(const struct details *d)
{
	struct json_object *o = json_of_guest(&d->guest);
	struct json_object *vcpus = json_object_new_array();
	struct json_object *disks = json_object_new_array();
	struct json_object *nics = json_object_new_array();

	for (size_t i = 0; i < d->vcpu_count; i++)
		json_object_array_add(vcpus, json_of_vcpu(&d->guest, &d->vcpus[i]));
	for (size_t i = 0; i < d->disk_count; i++)
		json_object_array_add(disks, json_of_disk(&d->disks[i]));
	for (size_t i = 0; i < d->nic_count; i++)
		json_object_array_add(nics, json_of_nic(&d->nics[i]));
	json_object_object_add(o, "vcpus", vcpus);
	json_object_object_add(o, "disks", disks);
	json_object_object_add(o, "networks", nics);
	return json_print(o);
}

static void print_devices(const struct details *d)
{
	char size[16];

	for (size_t i = 0; i < d->disk_count; i++) {
		const struct keel_disk *disk = &d->disks[i];

		printf("Disk %-8s %s, %s, %s%s, %s%s\n", disk->vdev,
		       disk->target[0] ? disk->target : "(empty)", disk->format,
		       disk->writable ? "read-write" : "read-only",
		       disk->cdrom ? ", CD" : "",
		       disk->size ? keel_format_size(disk->size, size, sizeof(size))
				  : "size unknown",
		       disk->connected ? "" : ", not connected");
	}
	for (size_t i = 0; i < d->nic_count; i++) {
		const struct keel_nic *nic = &d->nics[i];

		printf("Net %-9u %s on %s as %s%s\n", nic->devid, nic->mac,
		       nic->bridge[0] ? nic->bridge : "no bridge", nic->ifname,
		       nic->connected ? "" : ", not connected");
	}
}

static void print_guest(const struct details *d)
{
	const struct keel_guest *g = &d->guest;
	char now[16], limit[16], time_text[32], path[4200];

	printf("Name          %s\n", g->name);
	if (g->uuid[0])
		printf("UUID          %s\n", g->uuid);
	if (g->domid != KEEL_NO_DOMAIN)
		printf("Domain        %u\n", g->domid);
	printf("State         %s%s\n", keel_state_name(g->state),
	       g->unit_failed ? " (its unit failed)" : "");
	printf("Type          %s\n", keel_guest_type_name(g->type));
	printf("Starts        %s\n", g->autostart ? "when the host boots" : "by hand");
	printf("File          %s\n",
	       g->defined ? keel_guest_file_path(g->name, path, sizeof(path)) : "none");
	printf("vCPUs         %u online of %u\n", g->vcpus_online, g->vcpus_max);
	printf("CPU time      %s\n", keel_format_duration(g->cpu_ns / 1000000000,
							  time_text, sizeof(time_text)));
	printf("Memory        %s, at most %s\n",
	       keel_format_size(g->memory_kib * 1024, now, sizeof(now)),
	       keel_format_size(g->max_memory_kib * 1024, limit, sizeof(limit)));
	if (g->started)
		printf("Up for        %s\n",
		       keel_format_duration((uint64_t)(time(NULL) - g->started),
					    time_text, sizeof(time_text)));
	for (size_t i = 0; i < d->vcpu_count; i++)
		if (*keel_vcpu_reason(g, &d->vcpus[i]))
			printf("vCPU %-8u asked to be %s: %s\n", d->vcpus[i].id,
			       d->vcpus[i].requested ? "online" : "offline",
			       keel_vcpu_reason(g, &d->vcpus[i]));
	print_devices(d);
}

static int run_info(const struct command *self, int argc, char **argv)
{
	struct keel_error err;
	struct keel_host host;
	struct details d;
	bool json;
	int rc;

	if (!only_json(argc, argv, &json) || argc - optind != 1)
		return command_usage(self);
	if (keel_host_open(&host, &err))
		return command_fail(&err);
	rc = read_details(&host, argv[optind], &d, &err);
	keel_host_close(&host);
	if (rc)
		rc = command_fail(&err);
	else if (json)
		rc = print_json(&d);
	else
		print_guest(&d);
	free_details(&d);
	return rc;
}

static void print_host(const struct keel_host_info *info)
{
	char total[16], left[16];

	printf("Host          %s\n", info->hostname);
	printf("Hypervisor    %s\n", info->hypervisor);
	printf("Options       %s\n", info->command_line);
	printf("Guests        %s%s%s\n", info->pv ? "PV" : "",
	       info->hvm ? " PVH HVM" : "",
	       info->hvm && !info->hap ? " (without nested paging)" : "");
	printf("Kernel        %s\n", info->kernel);
	printf("CPUs          %u (%u nodes, %u cores a socket, %u threads a core)\n",
	       info->cpus, info->nodes, info->cores_per_socket, info->threads_per_core);
	printf("Clock         %u MHz\n", info->cpu_khz / 1000);
	printf("Memory        %s, %s free\n",
	       keel_format_size(info->memory_kib * 1024, total, sizeof(total)),
	       keel_format_size(info->free_kib * 1024, left, sizeof(left)));
}

static int run_host(const struct command *self, int argc, char **argv)
{
	struct keel_host_info info;
	struct keel_error err;
	struct keel_host host;
	bool json;
	int rc;

	if (!only_json(argc, argv, &json) || argc != optind)
		return command_usage(self);
	if (keel_host_open(&host, &err))
		return command_fail(&err);
	rc = host.ops->info(host.ctx, &info, &err);
	keel_host_close(&host);
	if (rc)
		return command_fail(&err);
	if (json)
		return json_print(json_of_host(&info));
	print_host(&info);
	return KEEL_OK;
}

static int run_log(const struct command *self, int argc, char **argv)
{
	struct keel_error err;
	struct keel_host host;
	char *text;
	int rc;

	(void)argv;
	if (argc != 1)
		return command_usage(self);
	if (keel_host_open(&host, &err))
		return command_fail(&err);
	rc = host.ops->log(host.ctx, &text, &err);
	keel_host_close(&host);
	if (rc)
		return command_fail(&err);
	fputs(text, stdout);
	free(text);
	return fflush(stdout) ? KEEL_EFAIL : KEEL_OK;
}

static const char *const verdicts[] = {
	[KEEL_CHECK_OK] = "ok", [KEEL_CHECK_WARN] = "warning", [KEEL_CHECK_BAD] = "bad"};

static int print_checks(const struct keel_check *checks, size_t count, bool json)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < count; i++) {
		struct json_object *o = json_object_new_object();

		json_str(o, "check", checks[i].name);
		json_str(o, "verdict", verdicts[checks[i].verdict]);
		json_str(o, "found", checks[i].found);
		json_str(o, "fix", checks[i].fix);
		json_object_array_add(list, o);
		if (json)
			continue;
		printf("%-8s %-17s %s\n", verdicts[checks[i].verdict], checks[i].name,
		       checks[i].found);
		if (checks[i].fix[0])
			printf("%-8s %-17s fix: %s\n", "", "", checks[i].fix);
	}
	if (json)
		return json_print(list);
	json_object_put(list);
	return fflush(stdout) ? KEEL_EFAIL : KEEL_OK;
}

static int run_check(const struct command *self, int argc, char **argv)
{
	struct keel_check *checks;
	struct keel_host host;
	bool json, open;
	size_t count;
	int rc;

	if (!only_json(argc, argv, &json) || argc != optind)
		return command_usage(self);
	open = keel_host_open(&host, NULL) == 0;
	rc = keel_checks_run(open ? &host : NULL, &checks, &count);
	if (open)
		keel_host_close(&host);
	if (rc) {
		fprintf(stderr, "keel: not enough memory\n");
		return KEEL_EFAIL;
	}
	rc = print_checks(checks, count, json);
	for (size_t i = 0; i < count; i++)
		if (checks[i].verdict == KEEL_CHECK_BAD && rc == KEEL_OK)
			rc = KEEL_EHOST;
	free(checks);
	return rc;
}

const struct command cmd_info = {
	.name = "info",
	.synopsis = "[--json] NAME",
	.summary = "tell everything about one guest",
	.run = run_info,
};

const struct command cmd_host = {
	.name = "host",
	.synopsis = "[--json]",
	.summary = "tell about the machine and its hypervisor",
	.run = run_host,
};

const struct command cmd_log = {
	.name = "log",
	.synopsis = "",
	.summary = "print the hypervisor's log",
	.run = run_log,
};

const struct command cmd_check = {
	.name = "check",
	.synopsis = "[--json]",
	.summary = "verify the control domain; each finding comes with its fix",
	.run = run_check,
};
