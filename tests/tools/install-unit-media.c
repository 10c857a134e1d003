/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Media and detection, on real images made by xorriso: every layout that the
 * rules speak of is recognised, what is not is said to be unknown, and images
 * that are cut, scrambled or crafted end in an error, never in a crash or in a
 * read outside the image. The random damage is seeded, so a failure repeats.
 */
#include "tests/tools/install-unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void need_xorriso(void)
{
	ck_assert_msg(have_xorriso(), "xorriso is needed for this test");
}

static void make_iso(const char *tree, const char *options, const char *iso)
{
	need_xorriso();
	shell("xorriso -as mkisofs -quiet %s -o %s %s", options, iso, tree);
}

static void debian_mini(void)
{
	put("t/.disk/info", "Debian GNU/Linux 12.5 mini\n");
	put("t/linux", "the kernel");
	put("t/initrd.gz", "the initramfs");
}

static void found_is(const struct ki_detection *d, const char *rule, const char *kernel,
		     const char *initrd)
{
	ck_assert_msg(d->found, "not found; last said: %s", d->log.v[d->log.n - 1]);
	ck_assert_str_eq(d->rule, rule);
	ck_assert_str_eq(d->kernel, kernel);
	ck_assert_str_eq(d->initrd, initrd);
	ck_assert_uint_gt(d->log.n, 1);
}

static void mini_is_known(const char *options)
{
	struct ki_detection d;

	debian_mini();
	make_iso("t", options, "a.iso");
	detect_at("a.iso", &d);
	found_is(&d, "debian-mini", "linux", "initrd.gz");
	ck_assert_str_eq(d.version, "12.5");
	ck_assert(!d.attach);
	ck_assert_int_eq(d.hooks, KI_HOOKS_DEBIAN);
	ck_assert_uint_eq(d.kernel_size, 10);
	ki_detection_free(&d);
}

START_TEST(rock_ridge)
{
	mini_is_known("-r -V KEEL_RR");
}
END_TEST

START_TEST(joliet)
{
	mini_is_known("-J --norock -V KEEL_J");
}
END_TEST

/* Without long names ".disk/info" becomes "_disk/info": the menu is what remains. */
START_TEST(bare_iso9660)
{
	struct ki_detection d;

	debian_mini();
	put("t/isolinux.cfg", "label install\n kernel linux\n append initrd=initrd.gz\n");
	make_iso("t", "--norock -V BARE", "a.iso");
	detect_at("a.iso", &d);
	found_is(&d, "debian-mini-bare", "linux", "initrd.gz");
	ki_detection_free(&d);
}
END_TEST

static const struct layout {
	const char *files[6]; /* path, text, ... */
	const char *rule, *kernel, *initrd;
} layouts[] = {
	{{".disk/info", "Debian GNU/Linux 12.5.0 \"Bookworm\" - Official amd64 NETINST",
	  "install.amd/vmlinuz", "k", "install.amd/initrd.gz", "i"},
	 "debian-installer",
	 "install.amd/vmlinuz",
	 "install.amd/initrd.gz"},
	{{".disk/info", "Ubuntu-Server 22.04.3 LTS", "casper/vmlinuz", "k",
	  "casper/initrd", "i"},
	 "ubuntu-casper",
	 "casper/vmlinuz",
	 "casper/initrd"},
	{{".disk/info", "Ubuntu-Server 18.04", "install/vmlinuz", "k",
	  "install/initrd.gz", "i"},
	 "ubuntu-installer",
	 "install/vmlinuz",
	 "install/initrd.gz"},
	{{"content", "VERSION 15.4\n", "boot/x86_64/loader/linux", "k",
	  "boot/x86_64/loader/initrd", "i"},
	 "suse-content",
	 "boot/x86_64/loader/linux",
	 "boot/x86_64/loader/initrd"},
	{{"boot/x86_64/loader/linux", "k", "boot/x86_64/loader/initrd", "i"},
	 "suse",
	 "boot/x86_64/loader/linux",
	 "boot/x86_64/loader/initrd"},
	{{"arch/version", "2023.11.01\n", "arch/boot/x86_64/vmlinuz-linux", "k",
	  "arch/boot/x86_64/initramfs-linux.img", "i"},
	 "arch",
	 "arch/boot/x86_64/vmlinuz-linux",
	 "arch/boot/x86_64/initramfs-linux.img"},
	{{".alpine-release", "alpine-virt-3.18.4", "boot/vmlinuz-virt", "k",
	  "boot/initramfs-virt", "i"},
	 "alpine",
	 "boot/vmlinuz-virt",
	 "boot/initramfs-virt"},
	{{".treeinfo",
	  "[general]\nfamily=CentOS\nversion=9\n[images-x86_64]\n"
	  "kernel=images/pxeboot/vmlinuz\ninitrd=images/pxeboot/initrd.img\n",
	  "images/pxeboot/vmlinuz", "k", "images/pxeboot/initrd.img", "i"},
	 "treeinfo",
	 "images/pxeboot/vmlinuz",
	 "images/pxeboot/initrd.img"},
	{{"boot/grub/grub.cfg",
	  "menuentry 'Install X' {\nlinux /x/k quiet a=b\ninitrd /x/i\n}\n", "x/k", "k",
	  "x/i", "i"},
	 "bootcfg",
	 "x/k",
	 "x/i"},
	{{"isolinux/isolinux.cfg", "label x\nkernel /x/k\nappend initrd=/x/i c=d\n",
	  "x/k", "k", "x/i", "i"},
	 "bootcfg",
	 "x/k",
	 "x/i"},
};

START_TEST(every_layout)
{
	const struct layout *l = &layouts[_i];
	struct ki_detection d;
	char *path;

	for (size_t i = 0; i < 6 && l->files[i]; i += 2) {
		path = ki_printf("t/%s", l->files[i]);
		put(path, l->files[i + 1]);
		free(path);
	}
	make_iso("t", "-r -V LAYOUT", "a.iso");
	detect_at("a.iso", &d);
	found_is(&d, l->rule, l->kernel, l->initrd);
	ki_detection_free(&d);
	detect_at("t", &d); /* the same tree as a directory */
	found_is(&d, l->rule, l->kernel, l->initrd);
	ki_detection_free(&d);
}
END_TEST

START_TEST(unknown_medium)
{
	struct ki_detection d;
	struct ki_medium *m;
	struct ki_error err;
	char *iso = at("a.iso");

	put("t/README", "nothing bootable");
	put("t/k", "kernel by hand");
	make_iso("t", "-r -V NOTHING", "a.iso");
	detect_at("a.iso", &d);
	ck_assert(!d.found);
	ck_assert_ptr_null(d.kernel);
	ck_assert_uint_gt(d.log.n, 10);
	m = ki_medium_open(iso, &err);
	ck_assert_ptr_nonnull(m);
	ck_assert_int_eq(ki_detect_override(m, &d, "missing", NULL, &err), -1);
	ck_assert(err.hint[0]);
	ck_assert_int_eq(ki_detect_override(m, &d, "k", NULL, &err), 0);
	ck_assert(d.found && d.kernel_size == 14);
	ck_assert_str_eq(d.rule, "by hand");
	ki_medium_close(m);
	ki_detection_free(&d);
	free(iso);
}
END_TEST

static int fake_osinfo(const char *location, struct ki_osinfo *info, char **why)
{
	(void)location;
	(void)why;
	*info = (struct ki_osinfo){.name = ki_strdup("Testix 7"),
				   .version = ki_strdup("7"),
				   .kernel = ki_strdup("special/k"),
				   .initrd = ki_strdup("special/i"),
				   .min_memory = 4096};
	return 0;
}

/* libosinfo's name and files go first; the rule still says how to boot them. */
START_TEST(osinfo_first)
{
	char *iso = at("a.iso");
	struct ki_detection d;
	struct ki_rules rules;
	struct ki_medium *m;
	struct ki_error err;

	debian_mini();
	put("t/special/k", "kkk");
	put("t/special/i", "iii");
	make_iso("t", "-r -V X", "a.iso");
	load_rules(&rules);
	m = ki_medium_open(iso, &err);
	ck_assert_ptr_nonnull(m);
	ck_assert_int_eq(ki_detect(m, &rules, fake_osinfo, &d, &err), 0);
	found_is(&d, "osinfo", "special/k", "special/i");
	ck_assert_str_eq(d.os, "Testix 7");
	ck_assert_int_eq(d.hooks, KI_HOOKS_DEBIAN);
	ck_assert_uint_eq(d.min_memory, 4096);
	ck_assert_uint_eq(d.kernel_size, 3);
	ki_detection_free(&d);
	ki_medium_close(m);
	ki_rules_free(&rules);
	free(iso);
}
END_TEST

/* A volume label that osinfo-db knows, asked of the real library. */
START_TEST(osinfo_real)
{
	struct ki_osinfo info;
	char *why = NULL, *iso = at("a.iso");
	int rc;

	put("t/x", "x");
	make_iso("t", "-r -V 'Debian 11.0.0 amd64 n'", "a.iso");
	rc = ki_osinfo_ask(iso, &info, &why);
	if (rc)
		ck_assert_ptr_nonnull(
			why); /* a database without it: the reason is told */
	else
		ck_assert_ptr_nonnull(strstr(info.name, "Debian"));
	ki_osinfo_free(&info);
	free(why);
	why = NULL;
	ck_assert_int_eq(ki_osinfo_ask("/nonexistent", &info, &why), 1);
	ck_assert_ptr_nonnull(why);
	free(why);
	free(iso);
}
END_TEST

static int take(void *arg, const void *data, size_t len)
{
	ki_buf_add(arg, data, len);
	return 0;
}

START_TEST(links)
{
	char *iso = at("a.iso");
	struct ki_buf got = {0};
	struct ki_medium *m;
	struct ki_dirent ent;
	struct ki_error err;

	put("t/real/dir/file", "through a link");
	shell("cd t && ln -s real debian && ln -s ../real/dir real/back && ln -s loop "
	      "loop &&"
	      " ln -s ../../../../etc/passwd out && ln -s /real/dir/file absolute");
	make_iso("t", "-r -V LINKS", "a.iso");
	m = ki_medium_open(iso, &err);
	ck_assert_ptr_nonnull(m);
	ck_assert_int_eq(ki_medium_read(m, "debian/back/file", take, &got, &err), 0);
	ck_assert_str_eq(got.data, "through a link");
	ck_assert(ki_medium_has_file(m, "absolute"));
	ck_assert(ki_medium_has_file(m, "DEBIAN/Dir/FILE"));
	ck_assert_int_eq(ki_medium_stat(m, "loop", &ent, &err), 1);
	ck_assert_int_eq(ki_medium_stat(m, "out", &ent, &err), 1);
	ck_assert_int_eq(ki_medium_stat(m, "real/dir/file/below", &ent, &err), 1);
	ck_assert_int_eq(ki_medium_stat(m, "../etc/passwd", &ent, &err), 1);
	ki_medium_close(m);
	/* A directory tree keeps links inside itself, too. */
	char *tree = at("t");

	m = ki_medium_open(tree, &err);
	ck_assert_ptr_nonnull(m);
	ck_assert(ki_medium_has_file(m, "debian/back/file"));
	ck_assert_int_eq(ki_medium_stat(m, "out", &ent, &err), 1);
	ck_assert_int_eq(ki_medium_stat(m, "loop", &ent, &err), 1);
	ki_medium_close(m);
	ki_buf_free(&got);
	free(tree);
	free(iso);
}
END_TEST

START_TEST(big_file_is_whole)
{
	char *iso = at("a.iso"), *copy = at("copy");
	struct ki_buf got = {0};
	struct ki_medium *m;
	struct ki_error err;

	shell("mkdir t && head -c 3000001 /dev/urandom >t/big");
	make_iso("t", "-r -V BIG", "a.iso");
	m = ki_medium_open(iso, &err);
	ck_assert_ptr_nonnull(m);
	ck_assert_int_eq(ki_medium_read(m, "big", take, &got, &err), 0);
	ck_assert_uint_eq(got.len, 3000001);
	ck_assert_int_eq(ki_write_file(copy, got.data, got.len, 0600), 0);
	shell("cmp copy t/big");
	ki_medium_close(m);
	ki_buf_free(&got);
	free(copy);
	free(iso);
}
END_TEST

/* A file whose end is not in the image any more: an error, no short kernel. */
START_TEST(cut_image)
{
	char *iso = at("a.iso");
	struct ki_buf got = {0};
	struct ki_medium *m;
	struct ki_error err;

	shell("mkdir t && head -c 3000001 /dev/urandom >t/big");
	make_iso("t", "-r -V CUT", "a.iso");
	shell("truncate -s 1000000 a.iso");
	m = ki_medium_open(iso, &err);
	ck_assert_ptr_nonnull(m);
	ck_assert_int_eq(ki_medium_read(m, "big", take, &got, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.why, "big"));
	ki_medium_close(m);
	ki_buf_free(&got);
	free(iso);
}
END_TEST

START_TEST(no_image)
{
	static const char *const contents[] = {"", "this is no image",
					       "\x7f"
					       "ELF"};
	char *path = at("x");
	struct ki_error err;

	for (size_t i = 0; i < 3; i++) {
		put("x", contents[i]);
		ck_assert_ptr_null(ki_medium_open(path, &err));
		ck_assert(err.what[0] && err.hint[0]);
	}
	shell("head -c 5000000 /dev/zero >x");
	ck_assert_ptr_null(ki_medium_open(path, &err));
	ck_assert_ptr_null(ki_medium_open("/nonexistent/x", &err));
	ck_assert_ptr_null(ki_medium_open("/dev/null", &err));
	free(path);
}
END_TEST

static uint32_t seed_state;

static uint32_t next_random(void)
{
	seed_state = seed_state * 1664525u + 1013904223u;
	return seed_state >> 8;
}

/* Forty bytes of damage within @span bytes from @start. */
static void scramble(const char *path, unsigned seed, long start, unsigned span)
{
	FILE *f = fopen(path, "r+b");

	ck_assert_ptr_nonnull(f);
	seed_state = seed;
	for (int i = 0; i < 40; i++) {
		long offset = start + (long)(next_random() % span);

		ck_assert_int_eq(fseek(f, offset, SEEK_SET), 0);
		fputc((int)(next_random() & 0xff), f);
	}
	ck_assert_int_eq(fclose(f), 0);
}

/*
 * Whatever the damage does to libcdio in the reader process, this process sees
 * an error or a detection, and can go on with the next medium.
 */
START_TEST(scrambled_images)
{
	char *iso = at("b.iso");

	debian_mini();
	put("t/boot/grub/grub.cfg",
	    "menuentry x {\n linux /linux\n initrd /initrd.gz\n}\n");
	put("t/a/b/c/d", "deep");
	make_iso("t", "-r -J -V SCRAMBLED", "a.iso");
	for (unsigned seed = 1; seed <= 60; seed++) {
		struct ki_detection d;
		struct ki_rules rules;
		struct ki_medium *m;
		struct ki_error err;

		shell("cp a.iso b.iso");
		/* Where the structures are: descriptors and first directories. */
		scramble(iso, seed + (unsigned)_i * 1000, 0x8000, 60 * 2048);
		m = ki_medium_open(iso, &err);
		if (!m)
			continue;
		load_rules(&rules);
		if (!ki_detect(m, &rules, NULL, &d, &err))
			ki_detection_free(&d);
		ki_rules_free(&rules);
		ki_medium_close(m);
	}
	/* And the whole one is still read as ever. */
	struct ki_detection d;

	detect_at("a.iso", &d);
	found_is(&d, "debian-mini", "linux", "initrd.gz");
	ki_detection_free(&d);
	free(iso);
}
END_TEST

/* The top directory's record says 4 GiB - 1: the reader hits its memory limit. */
START_TEST(huge_directory)
{
	char *iso = at("a.iso");
	struct ki_detection d;
	struct ki_rules rules;
	struct ki_medium *m;
	struct ki_error err;

	debian_mini();
	make_iso("t", "-r -V HUGE", "a.iso");
	/* Root directory record in the volume descriptor: size at 156 + 10, both ends. */
	shell("printf '\\377\\377\\377\\377\\377\\377\\377\\377' |"
	      " dd of=a.iso bs=1 seek=$((32768 + 156 + 10)) conv=notrunc");
	m = ki_medium_open(iso, &err);
	if (m) {
		load_rules(&rules);
		if (!ki_detect(m, &rules, NULL, &d, &err))
			ki_detection_free(&d);
		ki_rules_free(&rules);
		ki_medium_close(m);
	}
	ck_assert(err.what[0] || m);
	free(iso);
}
END_TEST

/*
 * A UDF volume whose ISO 9660 side has only short names. It was made by
 * genisoimage -udf and is kept with the tests, packed.
 */
START_TEST(udf)
{
	const char *top = getenv("top_srcdir");
	char *iso = at("a.iso"), *copy = at("copy");
	struct ki_detection d;
	struct ki_buf got = {0};
	struct ki_medium *m;
	struct ki_error err;

	shell("base64 -d '%s/tests/tools/install-udf.b64' | xz -dc >a.iso",
	      top ? top : ".");
	detect_at("a.iso", &d);
	found_is(&d, "debian-mini", "linux", "initrd.gz");
	ki_detection_free(&d);
	m = ki_medium_open(iso, &err);
	ck_assert_ptr_nonnull(m);
	ck_assert_str_eq(m->format, "UDF");
	ck_assert_str_eq(m->label, "UDFTEST");
	ck_assert(ki_medium_has_file(m, "deep/er/file"));
	ck_assert(!ki_medium_has_file(m, "deep/er"));
	ck_assert_int_eq(ki_medium_read(m, "initrd.gz", take, &got, &err), 0);
	ck_assert_int_eq(ki_write_file(copy, got.data, got.len, 0600), 0);
	shell("seq 1 20000 | cmp - copy");
	ki_medium_close(m);
	ki_buf_free(&got);
	free(copy);
	free(iso);
}
END_TEST

/* The same volume with damage in its descriptors, file entries and directories. */
START_TEST(scrambled_udf)
{
	const char *top = getenv("top_srcdir");
	char *iso = at("b.iso");

	shell("base64 -d '%s/tests/tools/install-udf.b64' | xz -dc >a.iso",
	      top ? top : ".");
	for (unsigned seed = 1; seed <= 60; seed++) {
		struct ki_detection d;
		struct ki_rules rules;
		struct ki_medium *m;
		struct ki_error err;

		shell("cp a.iso b.iso");
		scramble(iso, seed, (256 + seed % 64) * 2048L, 40 * 2048);
		m = ki_medium_open(iso, &err);
		if (!m)
			continue;
		load_rules(&rules);
		if (!ki_detect(m, &rules, NULL, &d, &err))
			ki_detection_free(&d);
		ki_rules_free(&rules);
		ki_medium_close(m);
	}
	/* And the whole one is still read as ever. */
	struct ki_detection d;

	detect_at("a.iso", &d);
	found_is(&d, "debian-mini", "linux", "initrd.gz");
	ki_detection_free(&d);
	free(iso);
}
END_TEST

Suite *media_suite(void)
{
	Suite *s = suite_create("media");
	TCase *t = tcase_create("media");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, scratch_setup, scratch_teardown);
	tcase_add_test(t, rock_ridge);
	tcase_add_test(t, joliet);
	tcase_add_test(t, bare_iso9660);
	tcase_add_loop_test(t, every_layout, 0, sizeof(layouts) / sizeof(*layouts));
	tcase_add_test(t, unknown_medium);
	tcase_add_test(t, osinfo_first);
	tcase_add_test(t, osinfo_real);
	tcase_add_test(t, links);
	tcase_add_test(t, big_file_is_whole);
	tcase_add_test(t, cut_image);
	tcase_add_test(t, no_image);
	tcase_add_loop_test(t, scrambled_images, 0, 2);
	tcase_add_test(t, huge_directory);
	tcase_add_test(t, udf);
	tcase_add_test(t, scrambled_udf);
	suite_add_tcase(s, t);
	return s;
}
