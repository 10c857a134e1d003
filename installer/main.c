/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
	"usage: keel install                     the wizard\n"
	"       keel install --name NAME --iso FILE [options]\n"
	"       keel install --detect FILE       what is on a medium, and how it is "
	"known\n"
	"       keel install --list FILE [DIR]   the files of a medium\n"
	"       keel install --finish NAME       the installer has ended: boot what it "
	"installed\n"
	"       keel install --follow NAME       wait for that, then do it\n"
	"\n"
	"Source, one of\n"
	"  --iso FILE        install image (ISO 9660, UDF), block device, or unpacked "
	"directory\n"
	"  --tree URL        network tree (http, https, ftp)\n"
	"  --image FILE      disk or cloud image, copied to the first disk\n"
	"  --archive FILE    tar of a root file system with its kernel, unpacked to the "
	"first disk\n"
	"  --empty           nothing: an empty guest\n"
	"Guest\n"
	"  --name NAME       letters, digits, '.', '_', '-'\n"
	"  --vcpus N         vCPUs it starts with (1)\n"
	"  --max-vcpus N     vCPUs that can be added up to (4, or --vcpus)\n"
	"  --memory SIZE     MiB, or with a unit: 2G (1024)\n"
	"  --max-memory SIZE what it can grow to\n"
	"  --disk SPEC       "
	"size=8G,format=qcow2|raw[,pool=DIR][,path=FILE][,prealloc=yes]\n"
	"                    or path=FILE,keep=yes for an existing one; none; may be "
	"repeated\n"
	"                    (size=8G,format=qcow2)\n"
	"  --nic SPEC        bridge=NAME[,mac=ADDRESS]; none; may be repeated (first "
	"bridge)\n"
	"Installer\n"
	"  --kernel PATH     kernel and initramfs on the medium, when they are not "
	"detected\n"
	"  --initrd PATH\n"
	"  --args TEXT       further kernel arguments\n"
	"  --answers FILE    preseed or kickstart file, added to the initramfs\n"
	"  --ssh-key KEY     key for the default user of a cloud image; may be repeated\n"
	"  --rules FILE      detection rules to use\n"
	"  --no-osinfo       do not ask libosinfo\n"
	"Doing it\n"
	"  --dry-run         show the plan, change nothing\n"
	"  --json            progress and results as JSON, one object a line\n"
	"  --replace         overwrite a guest or disks that exist\n"
	"  --no-start        make everything, start nothing\n"
	"  --attach          then attach to the guest's console\n"
	"\n"
	"Exit status: 0 done; 1 a step failed and what was made was taken back; 2 wrong "
	"usage;\n"
	"3 refused by the checks, nothing touched; 4 medium unreadable or not "
	"recognised;\n"
	"5 cancelled and taken back; 6 running, but its console cannot be attached.\n";

enum {
	OPT_NAME = 256,
	OPT_ISO,
	OPT_TREE,
	OPT_IMAGE,
	OPT_ARCHIVE,
	OPT_EMPTY,
	OPT_VCPUS,
	OPT_MAX_VCPUS,
	OPT_MEMORY,
	OPT_MAX_MEMORY,
	OPT_DISK,
	OPT_NIC,
	OPT_KERNEL,
	OPT_INITRD,
	OPT_ARGS,
	OPT_ANSWERS,
	OPT_SSH_KEY,
	OPT_RULES,
	OPT_NO_OSINFO,
	OPT_DRY_RUN,
	OPT_JSON,
	OPT_REPLACE,
	OPT_NO_START,
	OPT_ATTACH,
	OPT_DETECT,
	OPT_LIST,
	OPT_FINISH,
	OPT_FOLLOW,
};

static const struct option options[] = {
	{"name", required_argument, NULL, OPT_NAME},
	{"iso", required_argument, NULL, OPT_ISO},
	{"tree", required_argument, NULL, OPT_TREE},
	{"image", required_argument, NULL, OPT_IMAGE},
	{"archive", required_argument, NULL, OPT_ARCHIVE},
	{"empty", no_argument, NULL, OPT_EMPTY},
	{"vcpus", required_argument, NULL, OPT_VCPUS},
	{"max-vcpus", required_argument, NULL, OPT_MAX_VCPUS},
	{"memory", required_argument, NULL, OPT_MEMORY},
	{"max-memory", required_argument, NULL, OPT_MAX_MEMORY},
	{"disk", required_argument, NULL, OPT_DISK},
	{"nic", required_argument, NULL, OPT_NIC},
	{"kernel", required_argument, NULL, OPT_KERNEL},
	{"initrd", required_argument, NULL, OPT_INITRD},
	{"args", required_argument, NULL, OPT_ARGS},
	{"answers", required_argument, NULL, OPT_ANSWERS},
	{"ssh-key", required_argument, NULL, OPT_SSH_KEY},
	{"rules", required_argument, NULL, OPT_RULES},
	{"no-osinfo", no_argument, NULL, OPT_NO_OSINFO},
	{"dry-run", no_argument, NULL, OPT_DRY_RUN},
	{"json", no_argument, NULL, OPT_JSON},
	{"replace", no_argument, NULL, OPT_REPLACE},
	{"no-start", no_argument, NULL, OPT_NO_START},
	{"attach", no_argument, NULL, OPT_ATTACH},
	{"detect", required_argument, NULL, OPT_DETECT},
	{"list", required_argument, NULL, OPT_LIST},
	{"finish", required_argument, NULL, OPT_FINISH},
	{"follow", required_argument, NULL, OPT_FOLLOW},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

struct command {
	int what; /* OPT_DETECT, OPT_LIST, OPT_FINISH, OPT_FOLLOW or 0 */
	const char *arg;
	bool disks_given, nics_given, max_given;
};

static int complain(const char *fmt, const char *value)
{
	fprintf(stderr, "keel-install: ");
	fprintf(stderr, fmt, value);
	fprintf(stderr, "\n    try: keel install --help\n");
	return KI_EXIT_USAGE;
}

static void print_error(const struct ki_error *err)
{
	char *text = ki_error_text(err);

	fprintf(stderr, "keel-install: %s\n", text);
	free(text);
}

static int set_source(struct ki_spec *spec, enum ki_source source, const char *location)
{
	if (spec->location || spec->source == KI_SRC_EMPTY)
		return complain("a second source: %s", location ? location : "--empty");
	spec->source = source;
	ki_set(&spec->location, location);
	return 0;
}

static int set_count(unsigned *count, const char *value)
{
	uint64_t number;

	if (!ki_parse_uint(value, 1, KI_VCPUS_MAX, &number))
		return complain("not a number of vCPUs (1 to 512): %s", value);
	*count = (unsigned)number;
	return 0;
}

static int set_memory(uint64_t *mib, const char *value)
{
	uint64_t bytes;

	if (!ki_parse_size(value, KI_MIB, &bytes) || bytes < KI_MIB)
		return complain("not a memory size: %s", value);
	*mib = bytes / KI_MIB;
	return 0;
}

static int add_disk(struct ki_spec *spec, struct command *c, const char *value)
{
	struct ki_error err;
	struct ki_disk *d;

	c->disks_given = true;
	if (!strcmp(value, "none"))
		return 0;
	d = ki_spec_add_disk(spec);
	if (!d)
		return complain("too many disks: %s", value);
	if (ki_disk_parse(d, value, &err)) {
		print_error(&err);
		return KI_EXIT_USAGE;
	}
	return 0;
}

static int add_nic(struct ki_spec *spec, struct command *c, const char *value)
{
	struct ki_error err;
	struct ki_nic *n;

	c->nics_given = true;
	if (!strcmp(value, "none"))
		return 0;
	n = ki_spec_add_nic(spec);
	if (!n)
		return complain("too many network cards: %s", value);
	if (ki_nic_parse(n, value, &err)) {
		print_error(&err);
		return KI_EXIT_USAGE;
	}
	return 0;
}

static int take_guest_option(struct ki_options *o, struct command *c, int opt,
			     const char *value)
{
	struct ki_spec *s = &o->spec;

	switch (opt) {
	case OPT_NAME:
		ki_set(&s->name, value);
		return 0;
	case OPT_ISO:
		return set_source(s, KI_SRC_MEDIUM, value);
	case OPT_TREE:
		return set_source(s, KI_SRC_TREE, value);
	case OPT_IMAGE:
		return set_source(s, KI_SRC_IMAGE, value);
	case OPT_ARCHIVE:
		return set_source(s, KI_SRC_ARCHIVE, value);
	case OPT_EMPTY:
		return set_source(s, KI_SRC_EMPTY, NULL);
	case OPT_VCPUS:
		return set_count(&s->vcpus, value);
	case OPT_MAX_VCPUS:
		c->max_given = true;
		return set_count(&s->max_vcpus, value);
	case OPT_MEMORY:
		return set_memory(&s->memory, value);
	case OPT_MAX_MEMORY:
		return set_memory(&s->max_memory, value);
	case OPT_DISK:
		return add_disk(s, c, value);
	case OPT_NIC:
		return add_nic(s, c, value);
	default:
		return -1;
	}
}

static int take_option(struct ki_options *o, struct command *c, int opt,
		       const char *value)
{
	struct ki_spec *s = &o->spec;

	switch (opt) {
	case OPT_KERNEL:
		ki_set(&s->kernel, value);
		return 0;
	case OPT_INITRD:
		ki_set(&s->initrd, value);
		return 0;
	case OPT_ARGS:
		ki_set(&s->args, value);
		return 0;
	case OPT_ANSWERS:
		ki_set(&s->answers, value);
		return 0;
	case OPT_SSH_KEY:
		ki_strv_add(&s->ssh_keys, value);
		return 0;
	case OPT_RULES:
		ki_set(&o->rules, value);
		return 0;
	case OPT_NO_OSINFO:
		o->no_osinfo = true;
		return 0;
	case OPT_DRY_RUN:
		o->dry_run = true;
		return 0;
	case OPT_JSON:
		o->json = true;
		return 0;
	case OPT_REPLACE:
		s->replace = true;
		return 0;
	case OPT_NO_START:
		s->start = false;
		return 0;
	case OPT_ATTACH:
		s->attach = true;
		return 0;
	default:
		c->what = opt;
		c->arg = value;
		return 0;
	}
}

/* A disk and a card, unless the user spoke of them. */
static void add_defaults(struct ki_options *o, const struct command *c)
{
	struct ki_host host;

	if (!c->max_given && o->spec.max_vcpus < o->spec.vcpus)
		o->spec.max_vcpus = o->spec.vcpus;
	if (!c->disks_given)
		ki_spec_add_disk(&o->spec);
	if (c->nics_given)
		return;
	ki_host_gather(&host, &o->paths);
	if (host.bridges.n) {
		struct ki_nic *n = ki_spec_add_nic(&o->spec);

		if (n)
			ki_set(&n->bridge, host.bridges.v[0]);
	}
	ki_host_free(&host);
}

static int do_detect(struct ki_options *o, const char *file)
{
	struct ki_detection found;
	struct ki_medium *m;
	struct ki_error err;
	int rc;

	ki_set(&o->spec.location, file);
	o->spec.source = ki_is_url(file) ? KI_SRC_TREE : KI_SRC_MEDIUM;
	if (ki_look_at_source(o, &o->spec, &m, &found, &err)) {
		print_error(&err);
		return KI_EXIT_MEDIUM;
	}
	for (size_t i = 0; i < found.log.n; i++)
		printf("%s\n", found.log.v[i]);
	printf("\nsystem   %s\nkernel   %s\ninitrd   %s\nargs     %s\nmedium   %s\n",
	       found.os, found.kernel ? found.kernel : "(not found)",
	       found.initrd ? found.initrd : "(not found)", found.args,
	       found.attach ? "attached as a drive" : "not needed by the installer");
	rc = found.found ? KI_EXIT_OK : KI_EXIT_MEDIUM;
	ki_detection_free(&found);
	ki_medium_close(m);
	return rc;
}

static int do_list(const char *file, const char *dir)
{
	static const char types[] = {'-', 'd', 'l', '?'};
	struct ki_dirlist list;
	struct ki_error err;
	struct ki_medium *m = ki_medium_open(file, &err);
	int rc;

	if (!m) {
		print_error(&err);
		return KI_EXIT_MEDIUM;
	}
	rc = ki_medium_list(m, dir, &list, &err);
	if (rc > 0)
		ki_fail(&err, NULL, "no such directory on the medium", "%s", dir);
	if (rc)
		print_error(&err);
	for (size_t i = 0; !rc && i < list.n; i++)
		printf("%c %12llu %s\n", types[list.v[i].type],
		       (unsigned long long)list.v[i].size, list.v[i].name);
	if (!rc)
		ki_dirlist_free(&list);
	ki_medium_close(m);
	return rc ? KI_EXIT_MEDIUM : KI_EXIT_OK;
}

static int do_end(struct ki_options *o, const struct command *c)
{
	struct ki_error err;
	int rc = c->what == OPT_FOLLOW
			 ? ki_follow(&o->paths, c->arg, &err)
			 : ki_finish(&o->paths, c->arg, o->spec.start, &err);

	if (rc)
		print_error(&err);
	return rc ? KI_EXIT_FAILED : KI_EXIT_OK;
}

static int run(struct ki_options *o, struct command *c, int argc, char **argv)
{
	if (c->what == OPT_LIST)
		return do_list(c->arg, optind < argc ? argv[optind] : "");
	if (optind < argc)
		return complain("what is this: %s", argv[optind]);
	if (c->what == OPT_DETECT)
		return do_detect(o, c->arg);
	if (c->what)
		return do_end(o, c);
	ki_catch_signals();
	add_defaults(o, c);
	if (!o->any)
		return ki_wizard(o);
	if (!o->spec.name)
		return complain("%s is missing", "--name");
	if (!o->spec.location && o->spec.source != KI_SRC_EMPTY)
		return complain("%s is missing",
				"--iso (or --tree, --image, --archive, --empty)");
	return ki_cli_install(o);
}

static int parse(struct ki_options *o, struct command *c, int argc, char **argv)
{
	int opt, rc = 0;

	while (!rc && (opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt == '?')
			return complain("%s", "see the options");
		if (opt == 'h' || opt == 'V') {
			printf("%s",
			       opt == 'h' ? usage : "keel-install " PACKAGE_VERSION "\n");
			return -1;
		}
		rc = take_guest_option(o, c, opt, optarg);
		if (rc >= 0)
			o->any = true;
		else
			rc = take_option(o, c, opt, optarg);
	}
	return rc;
}

int main(int argc, char **argv)
{
	struct ki_options o = {0};
	struct command c = {0};
	int rc;

	ki_spec_init(&o.spec);
	ki_paths_default(&o.paths);
	rc = parse(&o, &c, argc, argv);
	if (rc < 0)
		rc = KI_EXIT_OK;
	else if (!rc)
		rc = run(&o, &c, argc, argv);
	ki_spec_free(&o.spec);
	ki_paths_free(&o.paths);
	free(o.rules);
	return rc;
}
