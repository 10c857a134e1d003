/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parsers: sizes, names of disks and cards, rules, boot menus, treeinfo, paths.
 * Each is given what it must take and what it must refuse; the hostile texts are
 * those that such parsers usually fall over.
 */
#include "tests/tools/install-unit.h"
#include "installer/bootcfg.h"

#include <stdlib.h>
#include <string.h>

START_TEST(sizes)
{
	uint64_t v;

	ck_assert(ki_parse_size("8G", 1, &v) && v == 8 * KI_GIB);
	ck_assert(ki_parse_size("20 GiB", 1, &v) && v == 20 * KI_GIB);
	ck_assert(ki_parse_size("512m", 1, &v) && v == 512 * KI_MIB);
	ck_assert(ki_parse_size("768", KI_MIB, &v) && v == 768 * KI_MIB);
	ck_assert(ki_parse_size("4096b", KI_MIB, &v) && v == 4096);
	ck_assert(!ki_parse_size("", 1, &v));
	ck_assert(!ki_parse_size("0", 1, &v));
	ck_assert(!ki_parse_size("-1G", 1, &v));
	ck_assert(!ki_parse_size("8X", 1, &v));
	ck_assert(!ki_parse_size("8Gx", 1, &v));
	ck_assert(!ki_parse_size("G", 1, &v));
	ck_assert(!ki_parse_size("99999999999999999999", 1, &v));
	ck_assert(!ki_parse_size("9999999999P", 1, &v));
}
END_TEST

START_TEST(size_texts)
{
	char out[24];

	ki_format_size(8 * KI_GIB, out);
	ck_assert_str_eq(out, "8 GiB");
	ki_format_size(1536 * KI_MIB, out);
	ck_assert_str_eq(out, "1.5 GiB");
	ki_format_size(UINT64_MAX, out);
	ck_assert_str_eq(out, "16.0 EiB");
}
END_TEST

START_TEST(disks)
{
	struct ki_error err;
	struct ki_disk d = {.size = 1, .format = KI_QCOW2};

	ck_assert_int_eq(
		ki_disk_parse(&d, "size=10G,format=raw,pool=/srv/x,prealloc=yes", &err),
		0);
	ck_assert(d.size == 10 * KI_GIB && d.format == KI_RAW && d.prealloc);
	ck_assert_str_eq(d.pool, "/srv/x");
	static const char *const bad[] = {
		"",	      "size",
		"size=",      "size=0",
		"size=1000",  "format=vmdk",
		"keep=yes",   "keep=maybe,path=/x",
		"colour=red", "size=8G,,format=raw",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct ki_disk b = {0};

		ck_assert_msg(ki_disk_parse(&b, bad[i], &err) == -1, "took %s", bad[i]);
		ck_assert(err.hint[0]);
	}
}
END_TEST

START_TEST(nics)
{
	struct ki_error err;
	struct ki_nic n = {0};

	ck_assert_int_eq(ki_nic_parse(&n, "bridge=xenbr0,mac=00:16:3E:01:02:03", &err),
			 0);
	ck_assert_str_eq(n.bridge, "xenbr0");
	ck_assert(n.mac_set && n.mac[2] == 0x3e && n.mac[5] == 3);
	static const char *const bad[] = {
		"xenbr0",
		"bridge=",
		"bridge=a b",
		"bridge=0123456789abcdef",
		"mac=1:2:3:4:5:6",
		"mac=01:00:00:00:00:00",
		"mac=00:16:3e:01:02",
		"mac=00:16:3e:01:02:03:04",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct ki_nic b = {0};

		ck_assert_msg(ki_nic_parse(&b, bad[i], &err) == -1, "took %s", bad[i]);
	}
}
END_TEST

static void clean_is(const char *path, const char *want)
{
	char *got = ki_clean_path(path);

	if (want)
		ck_assert_str_eq(got, want);
	else
		ck_assert_ptr_null(got);
	free(got);
}

START_TEST(paths)
{
	char *huge = ki_zalloc(KI_PATH_MAX + 100);

	clean_is("/boot//x/./y", "boot/x/y");
	clean_is("", "");
	clean_is("a/../b", NULL);
	clean_is("..", NULL);
	clean_is("a\nb", NULL);
	memset(huge, 'a', KI_PATH_MAX + 1);
	clean_is(huge, NULL);
	free(huge);
}
END_TEST

static int parse_rules(const char *text, struct ki_error *err)
{
	char *copy = ki_strdup(text);
	struct ki_rules rules;
	int rc = ki_rules_parse(&rules, copy, "test", err);

	if (!rc)
		ki_rules_free(&rules);
	free(copy);
	return rc;
}

START_TEST(rules_refused)
{
	static const struct {
		const char *text, *where;
	} bad[] = {
		{"title = x\n", "test:1: a section has to come first"},
		{"[a]\nnonsense\n", "test:2: key = value"},
		{"[a]\n\ncolour = red\n", "test:3: unknown key"},
		{"[a]\nmatch = file\n", "test:2: a file and a regular expression"},
		{"[a]\nmatch = file (\n", "test:2: bad regular expression"},
		{"[a]\ntry = magic\n", "test:2: unknown method"},
		{"[a]\nhooks = fish\n", "test:2: unknown hooks"},
		{"[a]\nmedium = maybe\n", "test:2: attach or none"},
		{"[a]\nmemory = lots\n", "test:2: a memory size"},
		{"[a\n", "test:1: a section is written"},
		{"[]\n", "test:1: a section is written"},
	};
	struct ki_error err;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		ck_assert_int_eq(parse_rules(bad[i].text, &err), -1);
		ck_assert_msg(strstr(err.why, bad[i].where), "%s gave %s", bad[i].text,
			      err.why);
	}
	ck_assert_int_eq(parse_rules("# nothing\n\n", &err), 0);
}
END_TEST

START_TEST(rules_shipped)
{
	struct ki_rules rules;

	load_rules(&rules);
	ck_assert_uint_ge(rules.n, 10);
	ck_assert_str_eq(rules.v[0].id, "osinfo");
	ck_assert_str_eq(rules.v[1].id, "treeinfo");
	for (size_t i = 0; i < rules.n; i++)
		if (rules.v[i].method == KI_BY_FILES)
			ck_assert_msg(rules.v[i].kernels.n && rules.v[i].initrds.n,
				      "rule %s names no files", rules.v[i].id);
	ki_rules_free(&rules);
}
END_TEST

START_TEST(grub_menu)
{
	struct ki_bootcfg cfg = {0};
	const struct ki_boot_entry *e;

	ki_bootcfg_parse(
		&cfg,
		"set timeout=5\n"
		"menuentry 'Rescue' {\n linux /boot/vmlinuz rescue\n"
		" initrd /boot/initrd\n}\n"
		"menuentry \"Install me\" --class os {\n"
		"  linuxefi ($root)/casper/vmlinuz  file=/cdrom/x quiet splash ---\n"
		"  initrdefi (cd0)/casper/initrd /second\n}\n"
		"menuentry 'Computed' {\n linux ${kernel}\n initrd $initrd\n}\n"
		"source /boot/grub/more.cfg\n",
		"boot/grub");
	e = ki_bootcfg_best(&cfg, NULL);
	ck_assert_ptr_nonnull(e);
	ck_assert_str_eq(e->title, "Install me");
	ck_assert_str_eq(e->kernel, "casper/vmlinuz");
	ck_assert_str_eq(e->initrd, "casper/initrd");
	ck_assert_str_eq(e->args, "file=/cdrom/x");
	ck_assert_uint_eq(cfg.n, 2);
	ck_assert(ki_strv_has(&cfg.includes, "boot/grub/more.cfg"));
	ki_bootcfg_free(&cfg);
}
END_TEST

START_TEST(isolinux_menu)
{
	struct ki_bootcfg cfg = {0};
	const struct ki_boot_entry *e;

	ki_bootcfg_parse(&cfg,
			 "DEFAULT vesamenu.c32\nlabel install\r\n"
			 "  menu label ^Install\n  KERNEL linux\n"
			 "  append vga=788 initrd=initrd.gz,extra.gz lang=en --- quiet\n"
			 "include sub/more.cfg\nlabel local\n localboot 0\n",
			 "isolinux");
	e = ki_bootcfg_best(&cfg, NULL);
	ck_assert_ptr_nonnull(e);
	ck_assert_str_eq(e->title, "Install");
	ck_assert_str_eq(e->kernel, "isolinux/linux");
	ck_assert_str_eq(e->initrd, "isolinux/initrd.gz");
	ck_assert_str_eq(e->args, "lang=en");
	ck_assert(ki_strv_has(&cfg.includes, "isolinux/sub/more.cfg"));
	ki_bootcfg_free(&cfg);
}
END_TEST

START_TEST(hostile_menus)
{
	static const char *const texts[] = {
		"linux ../../../etc/shadow\ninitrd /../x\n",
		"initrd before\nappend initrd=\nlinux\nmenu\nmenu "
		"label\nlabel\ninclude\n",
		"linux '\"unclosed\ninitrd \"\n",
		"linux (((((\ninitrd (hd0\n",
		"\n\n\r\r = [ ] { }\n",
	};
	struct ki_buf many = {0};
	struct ki_bootcfg cfg;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		cfg = (struct ki_bootcfg){0};
		ki_bootcfg_parse(&cfg, texts[i], "dir");
		for (size_t j = 0; j < cfg.n; j++)
			ck_assert_ptr_null(strstr(cfg.entries[j].kernel, ".."));
		ki_bootcfg_free(&cfg);
	}
	for (int i = 0; i < 5000; i++)
		ki_buf_printf(&many, "linux k%d\ninitrd i%d\ninclude f%d\n", i, i, i);
	cfg = (struct ki_bootcfg){0};
	ki_bootcfg_parse(&cfg, many.data, "");
	ck_assert_uint_eq(cfg.n, KI_BOOT_ENTRIES);
	ck_assert_uint_le(cfg.includes.n, 64);
	ki_bootcfg_free(&cfg);
	ki_buf_free(&many);
}
END_TEST

#define SUM "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

START_TEST(treeinfo)
{
	struct ki_treeinfo info;

	ki_treeinfo_parse(&info, "[general]\nfamily = Fedora\nversion=38\n"
				 "[images-xen]\nkernel = xen/vmlinuz\n"
				 "[images-x86_64]\nkernel = images/pxeboot/vmlinuz\n"
				 "initrd = images/pxeboot/initrd.img\n"
				 "[checksums]\nimages/pxeboot/vmlinuz = sha256:" SUM "\n"
				 "images/pxeboot/initrd.img = md5:1234\n");
	ck_assert_str_eq(info.family, "Fedora");
	ck_assert_str_eq(info.version, "38");
	ck_assert_str_eq(info.kernel, "images/pxeboot/vmlinuz");
	ck_assert_str_eq(info.initrd, "images/pxeboot/initrd.img");
	ck_assert_str_eq(info.kernel_sha256, SUM);
	ck_assert_ptr_null(info.initrd_sha256);
	ki_treeinfo_free(&info);
	ki_treeinfo_parse(&info,
			  "[images-x86_64\nkernel=../../x\n====\n[checksums]\n=\n");
	ck_assert_ptr_null(info.kernel);
	ki_treeinfo_free(&info);
}
END_TEST

Suite *parse_suite(void)
{
	Suite *s = suite_create("parsers");
	TCase *t = tcase_create("parsers");

	tcase_add_test(t, sizes);
	tcase_add_test(t, size_texts);
	tcase_add_test(t, disks);
	tcase_add_test(t, nics);
	tcase_add_test(t, paths);
	tcase_add_test(t, rules_refused);
	tcase_add_test(t, rules_shipped);
	tcase_add_test(t, grub_menu);
	tcase_add_test(t, isolinux_menu);
	tcase_add_test(t, hostile_menus);
	tcase_add_test(t, treeinfo);
	suite_add_tcase(s, t);
	return s;
}
