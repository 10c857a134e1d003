/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fuzz target of the medium's path: a real image (made by libarchive) with the
 * input's damage in its descriptors and directories is opened through the
 * confined reader and recognised. Whatever libcdio does with it happens in the
 * reader; this process has to get an answer or an error, and stay within its
 * own limits. Built without address sanitizer: the reader's memory limit and
 * the sanitizer's address space do not go together.
 */
#include "installer/detect.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOLDS(condition) ((condition) ? (void)0 : abort())
#define DAMAGE_START	 0x8000 /* the first volume descriptor */
#define DAMAGE_SPAN	 0x20000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ki_buf image;
static struct ki_rules rules;

static const char rules_text[] = "[treeinfo]\ntry = treeinfo\nfile = .treeinfo\n"
				 "[mini]\nmatch = .disk/info ^Debian\nkernel = linux\n"
				 "initrd = a/b/initrd.gz\n"
				 "[bootcfg]\ntry = bootcfg\nfile = boot/grub/grub.cfg\n";

static la_ssize_t take(struct archive *a, void *arg, const void *data, size_t len)
{
	(void)a;
	ki_buf_add(arg, data, len);
	return (la_ssize_t)len;
}

static void put(struct archive *a, const char *path, const char *text)
{
	struct archive_entry *e = archive_entry_new();

	HOLDS(e);
	archive_entry_set_pathname(e, path);
	archive_entry_set_mode(e, S_IFREG | 0644);
	archive_entry_set_size(e, (la_int64_t)strlen(text));
	HOLDS(archive_write_header(a, e) == ARCHIVE_OK);
	HOLDS(archive_write_data(a, text, strlen(text)) == (la_ssize_t)strlen(text));
	archive_entry_free(e);
}

static void make_image(void)
{
	struct archive *a = archive_write_new();
	char *text = ki_strdup(rules_text);
	struct ki_error err;

	HOLDS(a && archive_write_set_format_iso9660(a) == ARCHIVE_OK);
	HOLDS(archive_write_open(a, &image, NULL, take, NULL) == ARCHIVE_OK);
	put(a, ".disk/info", "Debian GNU/Linux 12\n");
	put(a, "linux", "kernel");
	put(a, "a/b/initrd.gz", "initramfs");
	put(a, "boot/grub/grub.cfg", "linux /linux\ninitrd /a/b/initrd.gz\n");
	HOLDS(archive_write_close(a) == ARCHIVE_OK);
	archive_write_free(a);
	HOLDS(!ki_rules_parse(&rules, text, "fuzz", &err));
	free(text);
}

/* Three bytes of input are one damaged byte: where (two), and what (one). */
static int damaged_copy(const uint8_t *data, size_t size)
{
	int fd = memfd_create("medium", MFD_CLOEXEC);
	char *copy = ki_zalloc(image.len);

	HOLDS(fd >= 0);
	memcpy(copy, image.data, image.len);
	for (size_t i = 0; i + 2 < size; i += 3) {
		size_t at =
			DAMAGE_START + ((size_t)data[i] << 9 | (size_t)data[i + 1] << 1);

		if (at < image.len)
			copy[at % (DAMAGE_START + DAMAGE_SPAN)] = (char)data[i + 2];
	}
	HOLDS(write(fd, copy, image.len) == (ssize_t)image.len);
	free(copy);
	return fd;
}

/* The image has to be good before it is damaged, or nothing would be tested. */
static void check_sound(void)
{
	int fd = damaged_copy(NULL, 0);
	char *path = ki_printf("/proc/%d/fd/%d", (int)getpid(), fd);
	struct ki_detection d;
	struct ki_error err;
	struct ki_medium *m = ki_medium_open(path, &err);

	HOLDS(m && !ki_detect(m, &rules, NULL, &d, &err));
	HOLDS(d.found && !strcmp(d.rule, "mini") && d.kernel_size == 6);
	ki_detection_free(&d);
	ki_medium_close(m);
	free(path);
	close(fd);
}

static int count(void *arg, const void *data, size_t len)
{
	(void)data;
	*(size_t *)arg += len;
	return *(size_t *)arg > 8 * KI_MIB;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ki_detection d;
	struct ki_medium *m;
	struct ki_error err;
	size_t bytes = 0;
	char *path;
	int fd;

	if (!image.len) {
		make_image();
		check_sound();
	}
	fd = damaged_copy(data, size);
	path = ki_printf("/proc/%d/fd/%d", (int)getpid(), fd);
	m = ki_medium_open(path, &err);
	if (m && !ki_detect(m, &rules, NULL, &d, &err)) {
		if (d.kernel && d.kernel_size < 8 * KI_MIB)
			ki_medium_read(m, d.kernel, count, &bytes, &err);
		HOLDS(!d.kernel || bytes <= d.kernel_size);
		ki_detection_free(&d);
	}
	ki_medium_close(m);
	free(path);
	close(fd);
	return 0;
}
