/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Carrying a plan out, and taking it back: whatever step fails or is cancelled,
 * the directory tree afterwards is, name by name and byte by byte, the one from
 * before. A step is made to fail by real causes: an occupied path, a damaged
 * medium, a program that refuses.
 */
#include "tests/tools/install-unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct ki_spec spec;
static struct ki_paths paths;
static struct ki_detection found;
static struct ki_host host;
static struct ki_plan plan;
static struct ki_medium *medium;

static void setup(void)
{
	struct ki_error err;
	char *tree;

	scratch_setup();
	put("t/linux", "this is the kernel");
	put("t/initrd.gz", "odd-sized initramfs");
	tree = at("t");
	medium = ki_medium_open(tree, &err);
	ck_assert_ptr_nonnull(medium);
	good_paths(&paths);
	good_host(&host);
	ki_spec_init(&spec);
	spec.name = ki_strdup("web1");
	spec.location = tree;
	spec.start = false;
	ki_spec_add_disk(&spec)->format = KI_RAW;
	memset(&found, 0, sizeof(found));
	found.os = ki_strdup("test");
	found.args = ki_strdup("");
	found.kernel = ki_strdup("linux");
	found.initrd = ki_strdup("initrd.gz");
	found.kernel_size = 18;
	found.initrd_size = 19;
	found.hooks = KI_HOOKS_DEBIAN;
	put("var/iso/keep", "was here before");
}

static void teardown(void)
{
	ki_plan_free(&plan);
	ki_medium_close(medium);
	ki_detection_free(&found);
	ki_host_free(&host);
	ki_spec_free(&spec);
	ki_paths_free(&paths);
	scratch_teardown();
}

static void make_plan(void)
{
	ki_plan_free(&plan);
	ki_spec_complete(&spec, &paths, fake_random);
	ki_plan_make(&plan, &spec, &paths, &found);
	ck_assert_uint_eq(ki_plan_check(&plan, &host), 0);
}

struct watch {
	size_t undos, steps;
	int cancel_at; /* step at whose begin the user cancels; 0 never */
	bool cancelled;
};

static void on_progress(void *arg, const struct ki_progress *p)
{
	struct watch *w = arg;

	w->undos += p->kind == KI_UNDO;
	w->steps += p->kind == KI_STEP_END;
	if (w->cancel_at && p->kind == KI_STEP_BEGIN && (int)p->step == w->cancel_at)
		w->cancelled = true;
	ck_assert(p->kind != KI_STEP_BYTES || p->done <= p->total);
}

static bool on_cancelled(void *arg)
{
	return ((struct watch *)arg)->cancelled;
}

static int execute(struct watch *w, struct ki_error *err)
{
	struct ki_run run = {
		.progress = on_progress, .cancelled = on_cancelled, .arg = w};

	return ki_execute(&plan, medium, &run, err);
}

static void snapshot(const char *name)
{
	shell("find etc var -printf '%%p %%y %%s\\n' 2>/dev/null | sort >%s;"
	      " find etc var -type f -exec sha256sum {} + 2>/dev/null | sort >>%s || "
	      "true",
	      name, name);
}

START_TEST(all_steps)
{
	struct watch w = {0};
	struct ki_error err;
	struct stat st;
	char *path;

	make_plan();
	ck_assert_int_eq(execute(&w, &err), 0);
	ck_assert_uint_eq(w.steps, plan.n_steps);
	ck_assert_uint_eq(w.undos, 0);
	shell("cmp var/guests/web1/kernel t/linux");
	/* The initramfs, padded to four, and the archive behind it. */
	shell("cmp -n 19 var/guests/web1/initrd t/initrd.gz &&"
	      " tail -c +21 var/guests/web1/initrd | cpio -it --quiet |"
	      " grep -x etc/udev/rules.d/80-keel-hotplug.rules");
	path = at("var/disks/web1-0.raw");
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq((uint64_t)st.st_size, 8 * KI_GIB);
	ck_assert_int_lt(st.st_blocks, 100);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	free(path);
	path = ki_read_file(plan.cfg_path, KI_MIB, NULL);
	ck_assert_str_eq(path, plan.cfg);
	free(path);
}
END_TEST

/* Cancelled at each step in turn. */
START_TEST(cancel_leaves_nothing)
{
	struct watch w = {.cancel_at = _i};
	struct ki_error err;

	make_plan();
	if ((size_t)_i > plan.n_steps)
		return;
	snapshot("before");
	ck_assert_int_eq(execute(&w, &err), (size_t)_i == plan.n_steps ? 0 : 1);
	if ((size_t)_i == plan.n_steps) /* the last step was under way: it stands */
		return;
	ck_assert_str_eq(err.what, "cancelled");
	snapshot("after");
	shell("diff before after");
}
END_TEST

/* Something appears at a path between the checks and the step. */
START_TEST(failure_leaves_nothing)
{
	static const char *const occupied[] = {
		"var/disks/web1-0.raw", "etc/guests/web1.cfg", "var/guests/web1/initrd"};
	struct watch w = {0};
	struct ki_error err;

	make_plan();
	put(occupied[_i], "somebody else's");
	snapshot("before");
	ck_assert_int_eq(execute(&w, &err), -1);
	ck_assert(err.what[0] && err.why[0]);
	snapshot("after");
	shell("diff before after");
}
END_TEST

START_TEST(damaged_medium)
{
	struct watch w = {0};
	struct ki_error err;

	found.kernel_sha256 = ki_strdup("00112233445566778899aabbccddeeff"
					"00112233445566778899aabbccddeeff");
	make_plan();
	snapshot("before");
	ck_assert_int_eq(execute(&w, &err), -1);
	ck_assert_str_eq(err.what, "the medium is damaged");
	ck_assert_uint_gt(w.undos, 0);
	snapshot("after");
	shell("diff before after");
}
END_TEST

START_TEST(good_checksum)
{
	struct watch w = {0};
	struct ki_error err;

	shell("sha256sum <t/linux | cut -c1-64 | tr -d '\\n' >sum");
	char *path = at("sum");

	found.kernel_sha256 = ki_read_file(path, 100, NULL);
	free(path);
	make_plan();
	ck_assert_int_eq(execute(&w, &err), 0);
}
END_TEST

static void replace_setup(void)
{
	put("etc/guests/web1.cfg", "old definition");
	put("var/disks/web1-0.raw", "old disk");
	spec.replace = true;
	make_plan();
}

START_TEST(replace)
{
	struct watch w = {0};
	struct ki_error err;

	replace_setup();
	ck_assert_int_eq(execute(&w, &err), 0);
	shell("grep uuid etc/guests/web1.cfg && test ! -e etc/guests/web1.cfg.keel-old &&"
	      " test ! -e var/disks/web1-0.raw.keel-old &&"
	      " test $(stat -c %%s var/disks/web1-0.raw) -gt 1000000");
}
END_TEST

START_TEST(replace_taken_back)
{
	struct watch w = {.cancel_at = (int)_i};
	struct ki_error err;

	replace_setup();
	snapshot("before");
	if ((size_t)_i >= plan.n_steps)
		return;
	ck_assert_int_eq(execute(&w, &err), 1);
	snapshot("after");
	shell("diff before after");
}
END_TEST

START_TEST(qcow2)
{
	struct watch w = {0};
	struct ki_error err;

	spec.disks[0].format = KI_QCOW2;
	make_plan();
	ck_assert_int_eq(execute(&w, &err), 0);
	shell("qemu-img info var/disks/web1-0.qcow2 | grep -q 'virtual size: 8 GiB'");
}
END_TEST

/* An image: converted and grown, with its first-boot settings beside it. */
static void image_setup(void)
{
	spec.source = KI_SRC_IMAGE;
	free(spec.location);
	spec.location = at("cloud.img");
	spec.disks[0].format = KI_QCOW2;
	spec.disks[0].size = 64 * KI_MIB;
	ki_strv_add(&spec.ssh_keys, "ssh-ed25519 AAAA \"me\": you");
	ki_detection_free(&found);
	found.os = ki_strdup("");
	found.args = ki_strdup("");
}

START_TEST(image)
{
	struct watch w = {0};
	struct ki_error err;

	shell("head -c 3000000 /dev/urandom >raw && truncate -s 32M raw &&"
	      " qemu-img convert -f raw -O qcow2 raw cloud.img");
	image_setup();
	make_plan();
	ck_assert_int_eq(execute(&w, &err), 0);
	shell("qemu-img info var/disks/web1-0.qcow2 | grep -q 'virtual size: 64 MiB' &&"
	      " qemu-img convert -O raw var/disks/web1-0.qcow2 back && cmp -n 33554432 "
	      "raw back");
	shell("xorriso -osirrox on -indev var/guests/web1/seed.iso -extract / seed &&"
	      " xorriso -indev var/guests/web1/seed.iso -pvd_info 2>&1 | grep -qi cidata "
	      "&&"
	      " grep -q '^local-hostname: web1$' seed/meta-data &&"
	      " grep -q '80-keel-hotplug.rules' seed/user-data &&"
	      " grep -qF '\"ssh-ed25519 AAAA \\\"me\\\": you\"' seed/user-data &&"
	      " grep -q 'seed.iso' etc/guests/web1.cfg");
}
END_TEST

/* An image that would bring other files of the host along is refused. */
START_TEST(image_with_backing)
{
	struct watch w = {0};
	struct ki_error err;

	put("secret", "host secret");
	shell("truncate -s 1M secret && qemu-img create -q -f qcow2 -b secret -F raw "
	      "cloud.img");
	image_setup();
	make_plan();
	snapshot("before");
	ck_assert_int_eq(execute(&w, &err), -1);
	ck_assert_str_eq(err.what, "the image depends on other files");
	snapshot("after");
	shell("diff before after");
	put("cloud.img", "no image at all");
	char *path = at("absent");

	ck_assert_uint_eq(ki_image_size(path, &err), 0);
	free(path);
}
END_TEST

/* An archive of a root file system: unpacked, made the guest's own, bootable by pvgrub.
 */
static void archive_setup(void)
{
	spec.source = KI_SRC_ARCHIVE;
	free(spec.location);
	spec.location = at("root.tar");
	spec.disks[0].size = 64 * KI_MIB;
	host.root = true;
	ki_detection_free(&found);
	found.os = ki_strdup("");
	found.args = ki_strdup("");
	put("r/etc/fstab", "old\n");
	put("r/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
	put("r/boot/vmlinuz-6.1.0-9", "old kernel");
	put("r/boot/vmlinuz-6.1.0-10", "kernel");
	put("r/boot/initrd.img-6.1.0-10", "initramfs");
	shell("mknod r/null c 1 3 && chown 1234:5678 r/boot/vmlinuz-6.1.0-9 && ln -s "
	      "/etc r/link");
}

#define IN_DISK                                                                          \
	"debugfs -R '%s' 'var/disks/web1-0.raw?offset=1048576' 2>/dev/null | grep -q "   \
	"'%s'"

START_TEST(archive)
{
	static const char *const packers[] = {"tar -cf root.tar", "tar -cJf root.tar",
					      "tar --zstd -cf root.tar"};
	struct watch w = {0};
	struct ki_error err = {0};

	archive_setup();
	shell("%s -C r .", packers[_i]);
	make_plan();
	if (execute(&w, &err))
		ck_abort_msg("%s: %s", err.what, err.why);
	shell("sfdisk -d var/disks/web1-0.raw | grep -q 'start= *2048, size= *126976'");
	shell(IN_DISK, "cat /etc/fstab", "LABEL=keel-root / ext4");
	shell(IN_DISK, "cat /etc/fstab.before-keel", "old");
	shell(IN_DISK, "cat /etc/hostname", "^web1$");
	shell(IN_DISK, "cat /etc/udev/rules.d/80-keel-hotplug.rules", "online");
	shell(IN_DISK, "cat /boot/grub/grub.cfg", "linux /boot/vmlinuz-6.1.0-10 ");
	shell(IN_DISK, "cat /boot/grub/grub.cfg", "initrd /boot/initrd.img-6.1.0-10");
	shell(IN_DISK, "stat /boot/vmlinuz-6.1.0-9", "User: *1234 *Group: *5678");
	shell(IN_DISK, "stat /etc/machine-id", "Size: 0");
	shell(IN_DISK, "stat /null", "character special");
	shell("e2fsck -fn 'var/disks/web1-0.raw?offset=1048576'");
	shell("test \"$(ls var/disks)\" = web1-0.raw && grep -q grub-xen "
	      "etc/guests/web1.cfg");
}
END_TEST

/* Names and links that lead outside, damage, no kernel: refused, and nothing is left. */
START_TEST(hostile_archive)
{
	static const char *const makers[] = {
		"tar -C r -Pcf root.tar --transform='s,^boot,../../../../boot,' etc boot",
		"rm -rf r/etc && ln -s '%s/outside' r/etc && tar -C r -cf root.tar . &&"
		" rm r/etc && mkdir r/etc && echo x >r/etc/victim &&"
		" tar -C r -rf root.tar etc/victim",
		"tar -C r -cJf whole . && head -c 200 whole >root.tar",
		"rm r/boot/vmlinuz* && tar -C r -cf root.tar .",
		"echo no archive >root.tar",
		"mv r/boot/vmlinuz-6.1.0-10 'r/boot/vmlinuz-9\" { evil' && tar -C r -cf "
		"root.tar .",
	};
	struct watch w = {0};
	struct ki_error err = {0};

	archive_setup();
	put("outside/victim", "mine");
	shell(makers[_i], scratch);
	make_plan();
	snapshot("before");
	if (!execute(&w, &err)) {
		/* Taken, then: with the name or the link kept inside. */
		ck_assert_int_lt(_i, 2);
		shell("grep -qx mine outside/victim && test ! -e boot");
		return;
	}
	ck_assert(err.what[0] && err.why[0]);
	snapshot("after");
	shell("diff before after && grep -qx mine outside/victim");
}
END_TEST

Suite *execute_suite(void)
{
	Suite *s = suite_create("execute");
	TCase *t = tcase_create("execute");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, all_steps);
	tcase_add_loop_test(t, cancel_leaves_nothing, 1, 10);
	tcase_add_loop_test(t, failure_leaves_nothing, 0, 3);
	tcase_add_test(t, damaged_medium);
	tcase_add_test(t, good_checksum);
	tcase_add_test(t, replace);
	tcase_add_loop_test(t, replace_taken_back, 1, 9);
	tcase_add_test(t, qcow2);
	tcase_add_test(t, image);
	tcase_add_test(t, image_with_backing);
	if (!geteuid()) { /* owners, devices and the change of root are root's */
		tcase_add_loop_test(t, archive, 0, 3);
		tcase_add_loop_test(t, hostile_archive, 0, 6);
	}
	suite_add_tcase(s, t);
	return s;
}
