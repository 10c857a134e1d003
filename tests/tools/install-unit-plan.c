/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The plan as pure data: what is made of a spec, the guest file (read back by
 * the library that xl reads it with), and that every way in which a host can be
 * unfit is found before anything is touched.
 */
#include "tests/tools/install-unit.h"
#include "lib/guest-file.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>

static struct ki_spec spec;
static struct ki_paths paths;
static struct ki_host host;
static struct ki_detection found;
static struct ki_plan plan;

static void setup(void)
{
	struct ki_disk *d;
	struct ki_nic *n;

	scratch_setup();
	good_paths(&paths);
	good_host(&host);
	ki_spec_init(&spec);
	spec.name = ki_strdup("web1");
	spec.location = ki_strdup("/iso/debian.iso");
	spec.vcpus = 2;
	spec.max_vcpus = 4;
	spec.memory = 768;
	d = ki_spec_add_disk(&spec);
	ck_assert_ptr_nonnull(d);
	n = ki_spec_add_nic(&spec);
	ck_assert_ptr_nonnull(n);
	n->bridge = ki_strdup("xenbr0");
	memset(&found, 0, sizeof(found));
	found.found = true;
	found.rule = ki_strdup("debian-installer");
	found.os = ki_strdup("Debian 12");
	found.version = ki_strdup("12");
	found.kernel = ki_strdup("install.amd/vmlinuz");
	found.initrd = ki_strdup("install.amd/initrd.gz");
	found.kernel_size = 8 * KI_MIB;
	found.initrd_size = 40 * KI_MIB;
	found.args = ki_strdup("dev=@CDROM@");
	found.attach = true;
	found.hooks = KI_HOOKS_DEBIAN;
	found.min_memory = 512;
}

static void teardown(void)
{
	ki_plan_free(&plan);
	ki_detection_free(&found);
	ki_spec_free(&spec);
	ki_host_free(&host);
	ki_paths_free(&paths);
	scratch_teardown();
}

static size_t make_plan(void)
{
	ki_plan_free(&plan);
	ki_spec_complete(&spec, &paths, fake_random);
	ki_plan_make(&plan, &spec, &paths, found.kernel ? &found : NULL);
	return ki_plan_check(&plan, &host);
}

/* Exactly the problem that is meant, and of that weight. */
static void problem_is(bool fatal, const char *what)
{
	size_t fatals = make_plan();

	ck_assert_msg((fatals > 0) == fatal, "%s: %zu fatal problems", what, fatals);
	for (size_t i = 0; i < plan.n_problems; i++)
		if (!strcmp(plan.problems[i].text.what, what)) {
			ck_assert_int_eq(plan.problems[i].fatal, fatal);
			return;
		}
	ck_abort_msg("no problem \"%s\" among %zu", what, plan.n_problems);
}

static void read_guest(const char *text, struct keel_guest_file *file)
{
	struct keel_error err;

	if (keel_guest_file_parse("web1", text, file, &err))
		ck_abort_msg("the guest file does not parse: %s\n%s", err.text, text);
}

START_TEST(good_plan)
{
	struct keel_guest_file file;

	ck_assert_uint_eq(make_plan(), 0);
	ck_assert_uint_eq(plan.n_problems, 0);
	read_guest(plan.cfg, &file);
	ck_assert_int_eq(file.type, KEEL_GUEST_PV);
	ck_assert_uint_eq(file.vcpus, 2);
	ck_assert_uint_eq(file.max_vcpus, 4);
	ck_assert_uint_eq(file.memory_mib, 768);
	ck_assert_str_eq(file.uuid, plan.spec.uuid);
	ck_assert_uint_eq(strlen(file.uuid), 36);
	ck_assert(ki_suffix(file.kernel, "/var/guests/web1/kernel"));
	ck_assert(ki_suffix(file.ramdisk, "/var/guests/web1/initrd"));
	ck_assert_str_eq(file.extra, "console=hvc0 dev=xvdb");
	ck_assert_str_eq(file.on_reboot, "destroy");
	ck_assert_str_eq(file.on_crash, "preserve");
	ck_assert(ki_suffix(file.disks[0], "/var/disks/web1-0.qcow2"));
	ck_assert(strstr(file.disks[1], "devtype=cdrom,target=/iso/debian.iso"));
	ck_assert_ptr_null(file.disks[2]);
	ck_assert(ki_prefix(file.vifs[0], "mac=00:16:3e:"));
	keel_guest_file_free(&file);
}
END_TEST

START_TEST(finished_file)
{
	struct keel_guest_file file;
	char *done, *edited;

	make_plan();
	/* What the user changed while the installer ran has to stay. */
	edited = ki_printf("%s# mine\nvcpus = 3\n", plan.cfg);
	done = ki_guestcfg_finish(edited);
	ck_assert_ptr_nonnull(done);
	read_guest(done, &file);
	ck_assert_str_eq(file.kernel, KI_PVGRUB);
	ck_assert_ptr_null(file.ramdisk);
	ck_assert_ptr_null(file.extra);
	ck_assert_str_eq(file.on_reboot, "restart");
	ck_assert_str_eq(file.on_crash, "restart");
	ck_assert_str_eq(file.on_poweroff, "destroy");
	ck_assert_uint_eq(file.vcpus, 3);
	ck_assert_ptr_nonnull(file.disks[0]);
	ck_assert_ptr_null(file.disks[1]); /* the medium is gone */
	ck_assert_ptr_nonnull(strstr(done, "# mine"));
	ck_assert_ptr_null(ki_guestcfg_finish(done));
	keel_guest_file_free(&file);
	free(edited);
	free(done);
}
END_TEST

START_TEST(hostile_strings)
{
	struct keel_guest_file file;

	/* What the medium and the user say cannot break out of the file's strings. */
	ki_set(&found.os, "Evil\nkernel = \"/etc/shadow\"\n# ");
	ki_set(&found.args, "a=\"b\" c\\ \n kernel=\"x\"");
	make_plan();
	read_guest(plan.cfg, &file);
	ck_assert(ki_suffix(file.kernel, "/var/guests/web1/kernel"));
	ck_assert_ptr_null(strpbrk(file.extra, "\"\\\n"));
	keel_guest_file_free(&file);
}
END_TEST

START_TEST(command_line)
{
	ki_set(&spec.args, "it's $HOME");
	make_plan();
	ck_assert_ptr_nonnull(strstr(plan.command, "--name web1 --iso /iso/debian.iso"));
	ck_assert_ptr_nonnull(strstr(plan.command, "--args 'it'\\''s $HOME'"));
	ck_assert_ptr_nonnull(strstr(plan.command, "--disk size=8G,format=qcow2 "));
	ck_assert_ptr_nonnull(strstr(plan.command, "--nic bridge=xenbr0,mac=00:16:3e:"));
}
END_TEST

START_TEST(names)
{
	static const char *const bad[] = {"",	"-x",  "a b",	   "a/b",
					  "..", "123", "Domain-0", "x;y"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		ki_set(&spec.name, bad[i]);
		problem_is(true, "bad guest name");
	}
}
END_TEST

START_TEST(name_clashes)
{
	ki_strv_add(&host.running, "web1");
	problem_is(true, "the name is taken");
	ki_strv_free(&host.running);
	put("etc/guests/web1.cfg", "x");
	problem_is(true, "the name is taken");
	spec.replace = true;
	ck_assert_uint_eq(make_plan(), 0);
	ck_assert(plan.steps[plan.n_steps - 3].replace);
}
END_TEST

START_TEST(disk_clashes)
{
	put("var/disks/web1-0.qcow2", "precious");
	problem_is(true, "the disk exists");
	spec.replace = true;
	ck_assert_uint_eq(make_plan(), 0);
	spec.replace = false;
	spec.disks[0].keep = true;
	problem_is(false, "an existing disk is used");
	shell("rm var/disks/web1-0.qcow2");
	problem_is(true, "the disk to keep is not there");
	shell("mkdir var/disks/web1-0.qcow2");
	spec.disks[0].keep = false;
	problem_is(true, "the disk cannot be made");
}
END_TEST

START_TEST(same_disk_twice)
{
	ki_set(&ki_spec_add_disk(&spec)->path, "/srv/a.raw");
	ki_set(&ki_spec_add_disk(&spec)->path, "/srv/a.raw");
	problem_is(true, "two disks are the same");
}
END_TEST

static char *somebody(void *arg, const char *path, const char *name)
{
	(void)arg;
	(void)path;
	ck_assert_str_eq(name, "web1");
	return ki_strdup("db1");
}

START_TEST(disk_of_another)
{
	host.disk_user = somebody;
	problem_is(true, "the disk is another guest's");
}
END_TEST

static bool little_space(void *arg, const char *path, uint64_t *bytes, uint64_t *fs)
{
	(void)path;
	*bytes = *(uint64_t *)arg;
	*fs = 1;
	return true;
}

START_TEST(space)
{
	uint64_t room = 1 * KI_GIB;

	host.space = little_space;
	host.arg = &room;
	problem_is(false, "the disks can outgrow their storage");
	room = 10 * KI_MIB;
	problem_is(true, "not enough space");
	room = 1 * KI_GIB;
	spec.disks[0].format = KI_RAW;
	spec.disks[0].prealloc = true;
	ki_set(&spec.disks[0].path, NULL);
	problem_is(true, "not enough space");
	spec.disks[0].format = KI_QCOW2;
	problem_is(true, "only raw disks can be allocated at once");
}
END_TEST

START_TEST(memory)
{
	host.free_memory = 500;
	problem_is(true, "not enough memory");
	spec.start = false;
	problem_is(false, "not enough memory");
	host.free_memory = 0; /* not known: no complaint */
	ck_assert_uint_eq(make_plan(), 0);
	found.min_memory = 1024;
	problem_is(false, "little memory");
	spec.memory = 4;
	problem_is(true, "bad memory size");
}
END_TEST

START_TEST(cpus)
{
	spec.vcpus = spec.max_vcpus = 16;
	problem_is(false, "more vCPUs than CPUs");
	spec.vcpus = spec.max_vcpus = 513;
	problem_is(true, "bad number of vCPUs");
}
END_TEST

START_TEST(cards)
{
	ki_set(&spec.nics[0].bridge, "br9");
	problem_is(true, "no such bridge");
	ki_set(&spec.nics[0].bridge, "xenbr0");
	struct ki_nic *second = ki_spec_add_nic(&spec);

	ck_assert_ptr_nonnull(second);
	memcpy(second->mac, spec.nics[0].mac, 6);
	second->mac_set = true;
	problem_is(true, "two network cards have the same address");
}
END_TEST

START_TEST(no_hypervisor)
{
	host.xen = false;
	problem_is(true, "no guest can be started here");
	spec.start = false;
	ck_assert_uint_eq(make_plan(), 0);
}
END_TEST

START_TEST(nothing_found)
{
	ki_set(&found.kernel, NULL);
	problem_is(true, "no kernel was found");
	ki_set(&spec.location, NULL);
	problem_is(true, "nothing to install from");
}
END_TEST

/* Every answer a person can read: the plan names each file that will be made. */
START_TEST(plan_text)
{
	char *text;

	make_plan();
	text = ki_plan_text(&plan);
	for (size_t i = 0; i < plan.n_steps; i++)
		ck_assert_ptr_nonnull(strstr(text, plan.steps[i].title));
	ck_assert_ptr_nonnull(strstr(text, plan.cfg_path));
	ck_assert_ptr_nonnull(strstr(text, plan.command));
	free(text);
}
END_TEST

/* The extra archive is one that cpio reads, aligned, and ends in zeros. */
START_TEST(extra_archive)
{
	size_t n, len, seen = 0;
	struct ki_extra_file *files = ki_hook_files(KI_HOOKS_DEBIAN, &n);
	struct archive_entry *e;
	struct archive *a;
	struct ki_error err;
	char *data;

	ck_assert_uint_eq(n, 2);
	ck_assert_int_eq(ki_cpio_make(files, n, &data, &len, &err), 0);
	ck_assert_uint_eq(len % 4, 0);
	ck_assert(!memcmp(data + len - 4, "\0\0\0\0", 4));
	a = archive_read_new();
	archive_read_support_format_cpio(a);
	ck_assert_int_eq(archive_read_open_memory(a, data, len), ARCHIVE_OK);
	while (archive_read_next_header(a, &e) == ARCHIVE_OK)
		for (size_t i = 0; i < n; i++)
			if (!strcmp(archive_entry_pathname(e), files[i].path)) {
				char text[2048] = "";
				la_ssize_t got = archive_read_data(a, text, sizeof(text));

				ck_assert_int_eq(got, (la_ssize_t)files[i].len);
				ck_assert(!memcmp(text, files[i].data, files[i].len));
				ck_assert_uint_eq(archive_entry_perm(e), files[i].mode);
				seen++;
			}
	ck_assert_uint_eq(seen, n);
	archive_read_free(a);
	ki_extra_free(files, n);
	free(data);
}
END_TEST

Suite *plan_suite(void)
{
	Suite *s = suite_create("plan");
	TCase *t = tcase_create("plan");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, good_plan);
	tcase_add_test(t, finished_file);
	tcase_add_test(t, hostile_strings);
	tcase_add_test(t, command_line);
	tcase_add_test(t, names);
	tcase_add_test(t, name_clashes);
	tcase_add_test(t, disk_clashes);
	tcase_add_test(t, same_disk_twice);
	tcase_add_test(t, disk_of_another);
	tcase_add_test(t, space);
	tcase_add_test(t, memory);
	tcase_add_test(t, cpus);
	tcase_add_test(t, cards);
	tcase_add_test(t, no_hypervisor);
	tcase_add_test(t, nothing_found);
	tcase_add_test(t, plan_text);
	tcase_add_test(t, extra_archive);
	suite_add_tcase(s, t);
	return s;
}
