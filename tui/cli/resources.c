/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keel vcpu and keel mem: what a guest has of the machine, seen and changed live. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/size.h"
#include "tui/cli/command.h"
#include "tui/cli/json.h"

struct args {
	bool json, save;
	bool has_wait;
	unsigned wait;
	const char *pin;
	unsigned vcpu;
	uint64_t max_kib; /* 0: not given */
};

static int bad(const char *what, const char *value)
{
	fprintf(stderr, "keel: \"%s\" is not %s\n", value, what);
	return -1;
}

static int parse_one(int opt, struct args *args)
{
	uint64_t value;

	switch (opt) {
	case 'j':
		args->json = true;
		return 0;
	case 's':
		args->save = true;
		return 0;
	case 'w':
		if (!keel_parse_seconds(optarg, &value) || value > 86400)
			return bad("a time", optarg);
		args->has_wait = true;
		args->wait = (unsigned)value;
		return 0;
	case 'p':
		args->pin = optarg;
		return 0;
	case 'v':
		if (!keel_parse_uint(optarg, 0, 4095, &value))
			return bad("the number of a vCPU", optarg);
		args->vcpu = (unsigned)value;
		return 0;
	case 'm':
		if (!keel_parse_size(optarg, 1 << 20, &value) || value < (1 << 20))
			return bad("an amount of memory", optarg);
		args->max_kib = value / 1024;
		return 0;
	default:
		return -1;
	}
}

static int parse(int argc, char **argv, const struct option *options, struct args *args)
{
	int opt;

	*args = (struct args){.vcpu = KEEL_ALL_VCPUS};
	while ((opt = getopt_long(argc, argv, "js", options, NULL)) != -1)
		if (parse_one(opt, args))
			return -1;
	return argc - optind == 1 || argc - optind == 2 ? 0 : -1;
}

/* Opens the host and finds the guest that argv[optind] names. */
static int find(struct keel_host *host, const char *name, struct keel_guest *guest,
		struct keel_error *err)
{
	if (keel_host_open(host, err))
		return -1;
	if (keel_guest_find(host, name, guest, err) == 0)
		return 0;
	keel_host_close(host);
	return -1;
}

/* Puts one number into the guest's file. */
static int save_number(const char *name, const char *key, uint64_t value,
		       struct keel_error *err)
{
	struct keel_guest_file file;
	char number[24], *text;
	int rc;

	if (keel_guest_file_read(name, &file, err))
		return -1;
	snprintf(number, sizeof(number), "%" PRIu64, value);
	text = keel_guest_text_set(file.text, key, number);
	keel_guest_file_free(&file);
	if (!text)
		return keel_fail(err, KEEL_EFAIL, "not enough memory");
	rc = keel_guest_file_write(name, text, true, err);
	free(text);
	return rc;
}

static void print_vcpus(const struct keel_guest *guest, const struct keel_vcpu *vcpus,
			size_t count)
{
	printf("%-5s %-9s %-7s %4s %10s %-8s %s\n", "VCPU", "REQUESTED", "STATE", "CPU",
	       "TIME", "AFFINITY", "REASON");
	for (size_t i = 0; i < count; i++) {
		char time[32], cpu[12] = "-";

		keel_format_duration(vcpus[i].cpu_ns / 1000000000, time, sizeof(time));
		if (vcpus[i].cpu != UINT32_MAX)
			snprintf(cpu, sizeof(cpu), "%u", vcpus[i].cpu);
		printf("%-5u %-9s %-7s %4s %10s %-8s %s\n", vcpus[i].id,
		       vcpus[i].requested ? "online" : "offline",
		       !vcpus[i].online	  ? "offline"
		       : vcpus[i].running ? "running"
					  : "online",
		       cpu, time, vcpus[i].affinity, keel_vcpu_reason(guest, &vcpus[i]));
	}
}

static int show_vcpus(struct keel_host *host, const struct keel_guest *guest, bool json,
		      struct keel_error *err)
{
	struct json_object *list;
	struct keel_vcpu *vcpus;
	size_t count;
	int rc = 0;

	if (guest->domid == KEEL_NO_DOMAIN)
		return keel_fail(err, KEEL_ESTATE, "%s is not running", guest->name);
	if (host->ops->vcpus(host->ctx, guest->domid, &vcpus, &count, err))
		return -1;
	if (json) {
		list = json_object_new_array();
		for (size_t i = 0; i < count; i++)
			json_object_array_add(list, json_of_vcpu(guest, &vcpus[i]));
		rc = json_print(list);
	} else {
		print_vcpus(guest, vcpus, count);
	}
	free(vcpus);
	return rc ? keel_fail(err, KEEL_EFAIL, "cannot write the answer") : 0;
}

static bool has_online(const struct keel_guest *guest, void *arg)
{
	return guest && guest->vcpus_online == *(const unsigned *)arg;
}

/* After a wait that was too short: names the first vCPU that is not as asked, and why. */
static int tell_why(struct keel_host *host, const struct keel_guest *guest,
		    unsigned limit, struct keel_error *err)
{
	struct keel_vcpu *vcpus;
	size_t count;

	if (host->ops->vcpus(host->ctx, guest->domid, &vcpus, &count, err))
		return -1;
	for (size_t i = 0; i < count; i++)
		if (vcpus[i].requested != vcpus[i].online) {
			keel_fail(err, KEEL_ETIMEOUT, "vCPU %u is not %s after %u s: %s",
				  vcpus[i].id, vcpus[i].requested ? "online" : "offline",
				  limit, keel_vcpu_reason(guest, &vcpus[i]));
			keel_hint(err,
				  "in a Linux guest: echo %d > "
				  "/sys/devices/system/cpu/cpu%u/online",
				  vcpus[i].requested, vcpus[i].id);
			break;
		}
	free(vcpus);
	return -1;
}

static int set_vcpus(struct keel_host *host, const struct keel_guest *guest,
		     unsigned count, const struct args *args, struct keel_error *err)
{
	if (guest->domid == KEEL_NO_DOMAIN && !args->save)
		return keel_fail(err, KEEL_ESTATE,
				 "%s is not running; --save changes its file",
				 guest->name);
	if (guest->domid != KEEL_NO_DOMAIN &&
	    host->ops->set_vcpus(host->ctx, guest->domid, count, err))
		return -1;
	if (args->save && save_number(guest->name, "vcpus", count, err))
		return -1;
	if (!args->has_wait || guest->domid == KEEL_NO_DOMAIN)
		return 0;
	if (keel_guest_wait(host, guest->name, has_online, &count, args->wait,
			    &command_cancelled, err) == 0)
		return 0;
	return err->code == KEEL_ETIMEOUT ? tell_why(host, guest, args->wait, err) : -1;
}

static int pin_vcpus(struct keel_host *host, const struct keel_guest *guest,
		     const struct args *args, struct keel_error *err)
{
	if (guest->domid == KEEL_NO_DOMAIN)
		return keel_fail(err, KEEL_ESTATE, "%s is not running", guest->name);
	return host->ops->set_affinity(host->ctx, guest->domid, args->vcpu, args->pin,
				       err);
}

static int run_vcpu(const struct command *self, int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'},
						{"save", no_argument, NULL, 's'},
						{"wait", required_argument, NULL, 'w'},
						{"pin", required_argument, NULL, 'p'},
						{"vcpu", required_argument, NULL, 'v'},
						{0}};
	struct keel_guest guest;
	struct keel_error err;
	struct keel_host host;
	struct args args;
	uint64_t count = 0;
	int rc = 0;

	if (parse(argc, argv, options, &args))
		return command_usage(self);
	if (optind + 1 < argc && !keel_parse_uint(argv[optind + 1], 1, 4096, &count)) {
		bad("a number of vCPUs", argv[optind + 1]);
		return command_usage(self);
	}
	if (find(&host, argv[optind], &guest, &err))
		return command_fail(&err);
	command_catch();
	if (args.pin)
		rc = pin_vcpus(&host, &guest, &args, &err);
	if (!rc && count)
		rc = set_vcpus(&host, &guest, (unsigned)count, &args, &err);
	if (!rc && !count && !args.pin)
		rc = show_vcpus(&host, &guest, args.json, &err);
	keel_host_close(&host);
	return rc ? command_fail(&err) : KEEL_OK;
}

static int show_mem(const struct keel_guest *guest, bool json)
{
	struct json_object *o;
	char now[16], limit[16];

	if (json) {
		o = json_object_new_object();
		json_str(o, "name", guest->name);
		json_num(o, "memory_kib", guest->memory_kib);
		json_num(o, "max_memory_kib", guest->max_memory_kib);
		return json_print(o);
	}
	printf("%s: %s, at most %s\n", guest->name,
	       keel_format_size(guest->memory_kib * 1024, now, sizeof(now)),
	       keel_format_size(guest->max_memory_kib * 1024, limit, sizeof(limit)));
	return KEEL_OK;
}

static int set_mem(struct keel_host *host, const struct keel_guest *guest, uint64_t kib,
		   const struct args *args, struct keel_error *err)
{
	bool lives = guest->domid != KEEL_NO_DOMAIN;

	if (!lives && !args->save)
		return keel_fail(err, KEEL_ESTATE,
				 "%s is not running; --save changes its file",
				 guest->name);
	/* The limit first when it grows: the target may be above the old one. */
	if (lives && args->max_kib &&
	    host->ops->set_max_memory(host->ctx, guest->domid, args->max_kib, err))
		return -1;
	if (lives && kib && host->ops->set_memory(host->ctx, guest->domid, kib, err))
		return -1;
	if (args->save && args->max_kib &&
	    save_number(guest->name, "maxmem", args->max_kib / 1024, err))
		return -1;
	if (args->save && kib && save_number(guest->name, "memory", kib / 1024, err))
		return -1;
	return 0;
}

static int run_mem(const struct command *self, int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'},
						{"save", no_argument, NULL, 's'},
						{"max", required_argument, NULL, 'm'},
						{0}};
	struct keel_guest guest;
	struct keel_error err;
	struct keel_host host;
	struct args args;
	uint64_t bytes = 0;
	int rc;

	if (parse(argc, argv, options, &args))
		return command_usage(self);
	if (optind + 1 < argc &&
	    (!keel_parse_size(argv[optind + 1], 1 << 20, &bytes) || bytes < (1 << 20))) {
		bad("an amount of memory", argv[optind + 1]);
		return command_usage(self);
	}
	if (find(&host, argv[optind], &guest, &err))
		return command_fail(&err);
	if (!bytes && !args.max_kib) {
		keel_host_close(&host);
		return show_mem(&guest, args.json);
	}
	rc = set_mem(&host, &guest, bytes / 1024, &args, &err);
	keel_host_close(&host);
	return rc ? command_fail(&err) : KEEL_OK;
}

const struct command cmd_vcpu = {
	.name = "vcpu",
	.synopsis = "[--json] NAME | [--save] [--wait TIME] NAME COUNT | --pin CPUS NAME",
	.summary = "show, add, remove or pin a guest's vCPUs",
	.options = "  -j, --json      as JSON\n"
		   "  -s, --save      also in the guest's file\n"
		   "      --wait TIME wait until the guest has COUNT vCPUs online\n"
		   "      --pin CPUS  let them run on these CPUs only: 0-3,7 or all\n"
		   "      --vcpu N    pin only vCPU N\n",
	.run = run_vcpu,
};

const struct command cmd_mem = {
	.name = "mem",
	.synopsis = "[--json] NAME | [--save] [--max SIZE] NAME [SIZE]",
	.summary = "show or set a guest's memory",
	.options = "  -j, --json      as JSON\n"
		   "  -s, --save      also in the guest's file\n"
		   "      --max SIZE  set the limit as well; sizes are in MiB or have a "
		   "unit\n",
	.run = run_mem,
};
