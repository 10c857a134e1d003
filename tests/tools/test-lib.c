/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Unit tests of lib/: names, amounts, guest files, and the guest model on a fake host. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/checks.h"
#include "lib/guest-file.h"
#include "lib/host.h"
#include "lib/name.h"
#include "lib/size.h"

static char dir[] = "/tmp/keel-test-lib-XXXXXX";

static void setup_dir(void)
{
	char path[128];

	if (!mkdtemp(dir))
		abort();
	setenv("KEEL_ETC", dir, 1);
	snprintf(path, sizeof(path), "%s/state", dir);
	setenv("KEEL_FAKE_HOST", path, 1);
}

static void remove_dir(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	if (system(command))
		abort();
}

START_TEST(names_follow_the_rules)
{
	char longest[KEEL_NAME_MAX + 2];

	ck_assert(keel_name_valid("web1"));
	ck_assert(keel_name_valid("a.b_c+d-e"));
	ck_assert(keel_name_valid("1a"));
	ck_assert(!keel_name_valid(""));
	ck_assert(!keel_name_valid("-x"));
	ck_assert(!keel_name_valid(".x"));
	ck_assert(!keel_name_valid("a/b"));
	ck_assert(!keel_name_valid("a b"));
	ck_assert(!keel_name_valid("a\n"));
	ck_assert(!keel_name_valid("\xc3\xa4"));
	ck_assert(!keel_name_valid("17"));
	ck_assert(!keel_name_valid("Domain-0"));
	memset(longest, 'a', sizeof(longest));
	longest[KEEL_NAME_MAX + 1] = '\0';
	ck_assert(!keel_name_valid(longest));
	longest[KEEL_NAME_MAX] = '\0';
	ck_assert(keel_name_valid(longest));
}
END_TEST

/* The escaped forms are what systemd-escape(1) prints for these names. */
START_TEST(units_are_escaped_as_systemd_does)
{
	static const struct {
		const char *name, *unit;
	} cases[] = {
		{"web1", "keel-guest@web1.service"},
		{"a-b", "keel-guest@a\\x2db.service"},
		{"a.b_c", "keel-guest@a.b_c.service"},
		{"a+b", "keel-guest@a\\x2bb.service"},
	};
	char unit[KEEL_UNIT_MAX], name[KEEL_NAME_MAX + 1];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		keel_name_to_unit(cases[i].name, unit, sizeof(unit));
		ck_assert_str_eq(unit, cases[i].unit);
		ck_assert(keel_unit_to_name(unit, name, sizeof(name)));
		ck_assert_str_eq(name, cases[i].name);
	}
	ck_assert(!keel_unit_to_name("keel-guest@.service", name, sizeof(name)));
	ck_assert(!keel_unit_to_name("keel-guest@a-b.service", name, sizeof(name)));
	ck_assert(!keel_unit_to_name("keel-guest@a\\x2.service", name, sizeof(name)));
	ck_assert(!keel_unit_to_name("keel-guest@a\\x2f.service", name, sizeof(name)));
	ck_assert(!keel_unit_to_name("ssh.service", name, sizeof(name)));
}
END_TEST

START_TEST(longest_name_fits_its_unit)
{
	char name[KEEL_NAME_MAX + 1], unit[KEEL_UNIT_MAX], back[KEEL_NAME_MAX + 1];

	memset(name, '-', sizeof(name));
	name[0] = 'a';
	name[KEEL_NAME_MAX] = '\0';
	keel_name_to_unit(name, unit, sizeof(unit));
	ck_assert(keel_unit_to_name(unit, back, sizeof(back)));
	ck_assert_str_eq(back, name);
}
END_TEST

START_TEST(sizes_are_parsed)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{"0", 0},
		{"512", UINT64_C(512) << 20},
		{"1b", 1},
		{"1k", 1024},
		{"1KiB", 1024},
		{"1.5g", UINT64_C(1536) << 20},
		{"2 GB", UINT64_C(2) << 30},
		{"0.5m", 512 * 1024},
		{"3t", UINT64_C(3) << 40},
		{"4095p", UINT64_C(4095) << 50},
	};
	static const char *const bad[] = {"",	   "x",	  "-1",	 "1x",
					  "1gx",   "1.",  ".5",	 "9999999999999999999999",
					  "8192p", "1 2", "1kk", "0x10",
					  " 1"};
	uint64_t bytes;

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		ck_assert_msg(keel_parse_size(good[i].text, 1 << 20, &bytes), "%s",
			      good[i].text);
		ck_assert_uint_eq(bytes, good[i].bytes);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_msg(!keel_parse_size(bad[i], 1 << 20, &bytes), "%s", bad[i]);
}
END_TEST

START_TEST(numbers_and_times_are_parsed)
{
	uint64_t value;

	ck_assert(keel_parse_uint("7", 1, 8, &value) && value == 7);
	ck_assert(!keel_parse_uint("9", 1, 8, &value));
	ck_assert(!keel_parse_uint("0", 1, 8, &value));
	ck_assert(!keel_parse_uint("+7", 1, 8, &value));
	ck_assert(!keel_parse_uint("7 ", 1, 8, &value));
	ck_assert(!keel_parse_uint("18446744073709551616", 0, UINT64_MAX, &value));
	ck_assert(keel_parse_uint("18446744073709551615", 0, UINT64_MAX, &value));
	ck_assert(keel_parse_seconds("90", &value) && value == 90);
	ck_assert(keel_parse_seconds("5m", &value) && value == 300);
	ck_assert(keel_parse_seconds("2h", &value) && value == 7200);
	ck_assert(keel_parse_seconds("1d", &value) && value == 86400);
	ck_assert(!keel_parse_seconds("1w", &value));
	ck_assert(!keel_parse_seconds("1mm", &value));
	ck_assert(!keel_parse_seconds("", &value));
}
END_TEST

START_TEST(amounts_are_shown)
{
	char buf[32];

	ck_assert_str_eq(keel_format_size(0, buf, sizeof(buf)), "0 B");
	ck_assert_str_eq(keel_format_size(1023, buf, sizeof(buf)), "1023 B");
	ck_assert_str_eq(keel_format_size(1024, buf, sizeof(buf)), "1 KiB");
	ck_assert_str_eq(keel_format_size(1536, buf, sizeof(buf)), "1.5 KiB");
	ck_assert_str_eq(keel_format_size(UINT64_C(100) << 30, buf, sizeof(buf)),
			 "100 GiB");
	ck_assert_str_eq(keel_format_size_short(UINT64_C(512) << 20, buf, sizeof(buf)),
			 "512M");
	ck_assert_str_eq(keel_format_duration(7, buf, sizeof(buf)), "7 s");
	ck_assert_str_eq(keel_format_duration(67, buf, sizeof(buf)), "1:07");
	ck_assert_str_eq(keel_format_duration(7267, buf, sizeof(buf)), "2:01:07");
	ck_assert_str_eq(keel_format_duration(90061, buf, sizeof(buf)), "1d 01:01");
	/* The promised widths hold for every magnitude. */
	for (uint64_t n = 1; n; n <<= 1) {
		ck_assert_uint_le(strlen(keel_format_size(n - 1, buf, sizeof(buf))), 9);
		ck_assert_uint_le(strlen(keel_format_size_short(n - 1, buf, sizeof(buf))),
				  5);
	}
}
END_TEST

#define GOOD                                                                             \
	"# a comment\n"                                                                  \
	"name = \"web1\"\n"                                                              \
	"type = 'pv'\n"                                                                  \
	"kernel = \"/boot/vmlinuz\"\n"                                                   \
	"memory = 256\n"                                                                 \
	"vcpus = 2\n"                                                                    \
	"maxvcpus = 8\n"                                                                 \
	"disk = [ '/srv/a.img,raw,xvda,rw',\n"                                           \
	"         '/srv/b.img,raw,xvdb,rw' ]\n"                                          \
	"vif = [ 'bridge=xenbr0' ]\n"

START_TEST(definitions_are_parsed)
{
	struct keel_guest_file file;
	struct keel_error err;

	ck_assert_int_eq(keel_guest_file_parse("web1", GOOD, &file, &err), 0);
	ck_assert_int_eq(file.type, KEEL_GUEST_PV);
	ck_assert_uint_eq(file.vcpus, 2);
	ck_assert_uint_eq(file.max_vcpus, 8);
	ck_assert_uint_eq(file.memory_mib, 256);
	ck_assert_uint_eq(file.max_memory_mib, 256);
	ck_assert_str_eq(file.on_reboot, "restart");
	ck_assert_str_eq(file.on_crash, "destroy");
	ck_assert_str_eq(file.disks[1], "/srv/b.img,raw,xvdb,rw");
	ck_assert_ptr_null(file.disks[2]);
	ck_assert_str_eq(file.vifs[0], "bridge=xenbr0");
	keel_guest_file_free(&file);
}
END_TEST

START_TEST(bad_definitions_are_refused_with_a_reason)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"", "no name="},
		{"name = \"other\"\nkernel = \"/k\"\n", "not the name of the file"},
		{"name = \"web1\"\n", "kernel= or bootloader="},
		{"name = \"web1\"\nkernel = \"/k\"\nvcpus = 4\nmaxvcpus = 2\n",
		 "maxvcpus"},
		{"name = \"web1\"\nkernel = \"/k\"\nmemory = 64\nmaxmem = 32\n",
		 "maxmem"},
		{"name = \"web1\"\ntype = \"xyz\"\n", "type="},
		{"name = \"web1\"\nkernel = \"/k\"\nvcpus = 0\n", "smaller"},
		{"name = \"web1\"\nkernel = \"/k\"\nvcpus = \"many\"\n", "vcpus"},
		{"name = \"web1\"\nkernel = \"/k\"\ndisk = 3\n", "disk"},
		{"name = \"web1\nkernel = 3\n", "web1.cfg:1"},
		{"name = \"web1\"\nkernel = [\n", "web1.cfg"},
	};
	struct keel_guest_file file;
	struct keel_error err;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		ck_assert_int_eq(
			keel_guest_file_parse("web1", cases[i].text, &file, &err), -1);
		ck_assert_int_eq(err.code, KEEL_EFILE);
		ck_assert_msg(strstr(err.text, cases[i].says) != NULL, "case %zu: %s", i,
			      err.text);
	}
}
END_TEST

START_TEST(definitions_are_stored_whole_or_not_at_all)
{
	struct keel_guest_file file;
	struct keel_error err;
	struct stat st;
	char path[256], uuid[37], **names;

	ck_assert_int_eq(keel_guest_file_write("web1", GOOD, false, &err), 0);
	ck_assert_int_eq(stat(keel_guest_file_path("web1", path, sizeof(path)), &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	/* Again only when asked for, and never with a text that is wrong. */
	ck_assert_int_eq(keel_guest_file_write("web1", GOOD, false, &err), -1);
	ck_assert_int_eq(err.code, KEEL_ESTATE);
	ck_assert_int_eq(keel_guest_file_write("web1", "name = 3", true, &err), -1);
	ck_assert_int_eq(keel_guest_file_read("web1", &file, &err), 0);
	/* The text as it was given, and an identity, which a later text does not change. */
	ck_assert_int_eq(strncmp(file.text, GOOD, strlen(GOOD)), 0);
	ck_assert_ptr_nonnull(file.uuid);
	ck_assert_uint_eq(strlen(file.uuid), 36);
	snprintf(uuid, sizeof(uuid), "%s", file.uuid);
	keel_guest_file_free(&file);
	ck_assert_int_eq(
		keel_guest_file_write("web1", GOOD "extra = \"x\"\n", true, &err), 0);
	ck_assert_int_eq(keel_guest_file_read("web1", &file, &err), 0);
	ck_assert_str_eq(file.uuid, uuid);
	ck_assert_str_eq(file.extra, "x");
	keel_guest_file_free(&file);
	/* Nothing but the definition is left in the directory. */
	ck_assert_int_eq(keel_guest_file_list(&names, &err), 0);
	ck_assert_str_eq(names[0], "web1");
	ck_assert_ptr_null(names[1]);
	keel_strv_free(names);
	ck_assert_int_eq(keel_guest_file_remove("web1", &err), 0);
	ck_assert_int_eq(keel_guest_file_remove("web1", &err), -1);
	ck_assert_int_eq(err.code, KEEL_ENOGUEST);
	ck_assert_int_eq(keel_guest_file_read("../web1", &file, &err), -1);
	ck_assert_int_eq(err.code, KEEL_EUSAGE);
}
END_TEST

START_TEST(only_regular_files_without_zero_bytes_are_read)
{
	struct keel_guest_file file;
	struct keel_error err;
	char path[256];
	FILE *f;

	keel_guest_file_path("odd", path, sizeof(path));
	ck_assert_int_eq(symlink("/etc/passwd", path), 0);
	ck_assert_int_eq(keel_guest_file_read("odd", &file, &err), -1);
	unlink(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(keel_guest_file_read("odd", &file, &err), -1);
	unlink(path);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite("name = \"odd\"\n\0x", 1, 15, f), 15);
	fclose(f);
	ck_assert_int_eq(keel_guest_file_read("odd", &file, &err), -1);
	unlink(path);
}
END_TEST

static void check_set(const char *text, const char *key, const char *value,
		      const char *expected)
{
	char *out = keel_guest_text_set(text, key, value);

	ck_assert_ptr_nonnull(out);
	ck_assert_str_eq(out, expected);
	free(out);
}

START_TEST(one_assignment_is_changed_and_nothing_else)
{
	check_set("a = 1\nvcpus = 2\nb = 3\n", "vcpus", "4", "a = 1\nvcpus = 4\nb = 3\n");
	check_set("vcpus=2", "vcpus", "4", "vcpus = 4\n");
	check_set("a = 1", "vcpus", "4", "a = 1\nvcpus = 4\n");
	check_set("", "vcpus", "4", "vcpus = 4\n");
	/* Not in comments, strings, lists, or as part of another key. */
	check_set("# vcpus = 9\nmaxvcpus = 8\nextra = \"vcpus = 7\"\n", "vcpus", "4",
		  "# vcpus = 9\nmaxvcpus = 8\nextra = \"vcpus = 7\"\nvcpus = 4\n");
	check_set("disk = [\n 'a',\n 'b'\n]\nx = 1\n", "disk", "[]",
		  "disk = []\nx = 1\n");
	check_set("disk = [\n# ] vcpus = 1\n'a' ]\nvcpus = 1\n", "vcpus", "2",
		  "disk = [\n# ] vcpus = 1\n'a' ]\nvcpus = 2\n");
}
END_TEST

START_TEST(quoting_survives_the_parser)
{
	static const char *const values[] = {
		"web1", "a b", "back\\slash", "it's", "a \"quoted\" word", ""};
	struct keel_guest_file file;
	char *quoted, *text;

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		quoted = keel_guest_quote(values[i]);
		ck_assert_ptr_nonnull(quoted);
		text = keel_guest_text_set(GOOD, "extra", quoted);
		ck_assert_int_eq(keel_guest_file_parse("web1", text, &file, NULL), 0);
		ck_assert_str_eq(file.extra, values[i]);
		keel_guest_file_free(&file);
		free(text);
		free(quoted);
	}
	ck_assert_ptr_null(keel_guest_quote("both ' and \""));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_ptr_null(keel_guest_quote("new\nline"));
}
END_TEST

static void write_state(const char *text)
{
	FILE *f = fopen(getenv("KEEL_FAKE_HOST"), "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	fclose(f);
}

START_TEST(guests_are_domains_and_definitions)
{
	struct keel_host host;
	struct keel_guest *guests;
	struct keel_error err;
	char path[256];
	size_t count;
	FILE *f;

	write_state("0 Domain-0 2 2 2 2 1048576 1048576 0 1 0 0 all\n"
		    "7 zeta 3 1 1 2 65536 65536 0 1 0 0 all\n"
		    "3 web1 3 1 1 8 65536 65536 0 1 1 1 all\n");
	ck_assert_int_eq(keel_guest_file_write("web1", GOOD, true, &err), 0);
	ck_assert_int_eq(keel_guest_file_write("alpha",
					       "name = \"alpha\"\nkernel = \"/k\"\n"
					       "maxvcpus = 3\n",
					       true, &err),
			 0);
	f = fopen(keel_guest_file_path("broken", path, sizeof(path)), "w");
	ck_assert_ptr_nonnull(f);
	fputs("name = \"", f);
	fclose(f);
	ck_assert_int_eq(keel_host_open(&host, &err), 0);
	ck_assert_int_eq(keel_guests(&host, &guests, &count, &err), 0);
	ck_assert_uint_eq(count, 5);
	ck_assert_str_eq(guests[0].name, "Domain-0");
	ck_assert_str_eq(guests[1].name, "alpha");
	ck_assert_int_eq(guests[1].state, KEEL_STATE_OFF);
	ck_assert_uint_eq(guests[1].domid, KEEL_NO_DOMAIN);
	ck_assert_uint_eq(guests[1].vcpus_max, 3);
	ck_assert_str_eq(guests[2].name, "broken");
	ck_assert(guests[2].broken);
	ck_assert_str_eq(guests[3].name, "web1");
	ck_assert(guests[3].defined && guests[3].has_unit && guests[3].autostart);
	ck_assert_str_eq(guests[4].name, "zeta");
	ck_assert(!guests[4].defined);
	free(guests);
	unlink(path);
	keel_guest_file_remove("web1", NULL);
	keel_guest_file_remove("alpha", NULL);
	keel_host_close(&host);
}
END_TEST

START_TEST(guests_are_found_by_name_or_id)
{
	struct keel_guest guest;
	struct keel_host host;
	struct keel_error err;

	write_state("0 Domain-0 2 2 2 2 1048576 1048576 0 1 0 0 all\n"
		    "7 zeta 3 1 1 2 65536 65536 0 1 0 0 all\n");
	ck_assert_int_eq(keel_host_open(&host, &err), 0);
	ck_assert_int_eq(keel_guest_find(&host, "zeta", &guest, &err), 0);
	ck_assert_uint_eq(guest.domid, 7);
	ck_assert_int_eq(keel_guest_find(&host, "7", &guest, &err), 0);
	ck_assert_str_eq(guest.name, "zeta");
	/* A domain that lingers while its guest is built anew is not the guest. */
	write_state("7 zeta 9 0 0 2 0 65536 0 1 0 0 all\n"
		    "9 zeta 3 1 1 2 65536 65536 0 1 0 0 all\n");
	ck_assert_int_eq(keel_guest_find(&host, "zeta", &guest, &err), 0);
	ck_assert_uint_eq(guest.domid, 9);
	ck_assert_int_eq(keel_guest_find(&host, "8", &guest, &err), -1);
	ck_assert_int_eq(err.code, KEEL_ENOGUEST);
	ck_assert(err.hint[0]);
	ck_assert_int_eq(keel_guest_find(&host, "", &guest, &err), -1);
	keel_host_close(&host);
}
END_TEST

static bool never(const struct keel_guest *guest, void *arg)
{
	unsigned *calls = arg;

	(void)guest;
	++*calls;
	return false;
}

START_TEST(waits_end_at_their_limit_and_on_cancel)
{
	volatile int cancel = 1;
	struct keel_host host;
	struct keel_error err;
	unsigned calls = 0;

	write_state("7 zeta 3 1 1 2 65536 65536 0 1 0 0 all\n");
	ck_assert_int_eq(keel_host_open(&host, &err), 0);
	ck_assert_int_eq(keel_guest_wait(&host, "zeta", never, &calls, 0, NULL, &err),
			 -1);
	ck_assert_int_eq(err.code, KEEL_ETIMEOUT);
	ck_assert_uint_ge(calls, 1);
	ck_assert_int_eq(keel_guest_wait(&host, "zeta", never, &calls, 60, &cancel, &err),
			 -1);
	ck_assert_int_eq(err.code, KEEL_ECANCELLED);
	keel_host_close(&host);
}
END_TEST

START_TEST(a_vcpu_that_stays_offline_has_a_reason)
{
	struct keel_guest guest = {.state = KEEL_STATE_IDLE};
	struct keel_vcpu vcpu = {.requested = true, .online = true};

	ck_assert_str_eq(keel_vcpu_reason(&guest, &vcpu), "");
	vcpu.online = false;
	ck_assert_ptr_nonnull(strstr(keel_vcpu_reason(&guest, &vcpu), "udev"));
	vcpu.cpu_ns = 1;
	ck_assert_ptr_nonnull(strstr(keel_vcpu_reason(&guest, &vcpu), "itself"));
	guest.state = KEEL_STATE_PAUSED;
	ck_assert_ptr_nonnull(strstr(keel_vcpu_reason(&guest, &vcpu), "paused"));
	guest.state = KEEL_STATE_CRASHED;
	ck_assert_ptr_nonnull(strstr(keel_vcpu_reason(&guest, &vcpu), "not run"));
	vcpu = (struct keel_vcpu){.requested = false, .online = true};
	ck_assert_ptr_nonnull(strstr(keel_vcpu_reason(&guest, &vcpu), "given it up"));
}
END_TEST

START_TEST(checks_work_without_a_host)
{
	struct keel_check *checks;
	bool hypervisor_bad = false;
	size_t count;

	ck_assert_int_eq(keel_checks_run(NULL, &checks, &count), 0);
	ck_assert_uint_ge(count, 5);
	for (size_t i = 0; i < count; i++) {
		ck_assert(checks[i].found[0]);
		if (strcmp(checks[i].name, "hypervisor") == 0)
			hypervisor_bad =
				checks[i].verdict == KEEL_CHECK_BAD && checks[i].fix[0];
	}
	ck_assert(hypervisor_bad);
	free(checks);
}
END_TEST

START_TEST(errors_carry_their_hint)
{
	struct keel_error err;

	ck_assert_int_eq(keel_fail(&err, KEEL_ESTATE, "guest %s", "x"), -1);
	ck_assert_str_eq(err.text, "guest x");
	ck_assert_str_eq(err.hint, "");
	ck_assert_int_eq(keel_hint(&err, "try %d", 2), -1);
	ck_assert_str_eq(err.hint, "try 2");
	ck_assert_int_eq(keel_fail_errno(&err, KEEL_EFAIL, ENOENT, "open %s", "f"), -1);
	ck_assert_str_eq(err.text, "open f: No such file or directory");
	ck_assert_str_eq(err.hint, "");
	ck_assert_int_eq(keel_fail(NULL, KEEL_EFAIL, "nobody listens"), -1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lib");
	TCase *tc = tcase_create("lib");
	SRunner *runner;
	int failed;

	tcase_add_unchecked_fixture(tc, setup_dir, remove_dir);
	tcase_add_test(tc, names_follow_the_rules);
	tcase_add_test(tc, units_are_escaped_as_systemd_does);
	tcase_add_test(tc, longest_name_fits_its_unit);
	tcase_add_test(tc, sizes_are_parsed);
	tcase_add_test(tc, numbers_and_times_are_parsed);
	tcase_add_test(tc, amounts_are_shown);
	tcase_add_test(tc, definitions_are_parsed);
	tcase_add_test(tc, bad_definitions_are_refused_with_a_reason);
	tcase_add_test(tc, definitions_are_stored_whole_or_not_at_all);
	tcase_add_test(tc, only_regular_files_without_zero_bytes_are_read);
	tcase_add_test(tc, one_assignment_is_changed_and_nothing_else);
	tcase_add_test(tc, quoting_survives_the_parser);
	tcase_add_test(tc, guests_are_domains_and_definitions);
	tcase_add_test(tc, guests_are_found_by_name_or_id);
	tcase_add_test(tc, waits_end_at_their_limit_and_on_cancel);
	tcase_add_test(tc, a_vcpu_that_stays_offline_has_a_reason);
	tcase_add_test(tc, checks_work_without_a_host);
	tcase_add_test(tc, errors_carry_their_hint);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
