/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files added to an installer's initramfs: an extra newc archive behind it
 * (Documentation/driver-api/early-userspace/buffer-format.rst of Linux). It is
 * left uncompressed and ends in zeros: a domain builder that looks for a gzip
 * length in the last four bytes then hands the ramdisk over untouched.
 */
#include "plan.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char udev_rule[] =
	"# Added vCPUs and memory come online by themselves (keel install).\n"
	"SUBSYSTEM==\"cpu\", ACTION==\"add\", TEST==\"online\", ATTR{online}==\"0\", "
	"ATTR{online}=\"1\"\n"
	"SUBSYSTEM==\"memory\", ACTION==\"add\", TEST==\"state\", "
	"ATTR{state}==\"offline\", "
	"ATTR{state}=\"online\"\n";

const char *ki_udev_rule(void)
{
	return udev_rule;
}

/* Run by debian-installer just before it ends; /target is the new system. */
static const char finish_hook[] =
	"#!/bin/sh\n"
	"# Carries keel's hot-plug rule into the installed system.\n"
	"set -e\n"
	"mkdir -p /target/etc/udev/rules.d\n"
	"cp /etc/udev/rules.d/80-keel-hotplug.rules /target/etc/udev/rules.d/\n";

#define RULE_PATH "etc/udev/rules.d/80-keel-hotplug.rules"
#define HOOK_PATH "usr/lib/finish-install.d/15keel-hotplug"

static void set_file(struct ki_extra_file *f, const char *path, const char *text,
		     unsigned mode)
{
	f->path = ki_strdup(path);
	f->data = ki_strdup(text);
	f->len = strlen(text);
	f->mode = mode;
}

struct ki_extra_file *ki_hook_files(enum ki_hooks hooks, size_t *n)
{
	struct ki_extra_file *files = ki_zalloc(2 * sizeof(*files));

	*n = 0;
	if (hooks == KI_HOOKS_NONE)
		return files;
	set_file(&files[(*n)++], RULE_PATH, udev_rule, 0644);
	if (hooks == KI_HOOKS_DEBIAN)
		set_file(&files[(*n)++], HOOK_PATH, finish_hook, 0755);
	return files;
}

void ki_extra_free(struct ki_extra_file *files, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(files[i].path);
		free(files[i].data);
	}
	free(files);
}

static int put_entry(struct archive *a, const char *path, unsigned mode, const char *data,
		     size_t len)
{
	struct archive_entry *e = archive_entry_new();
	int rc;

	if (!e)
		return ARCHIVE_FATAL;
	archive_entry_set_pathname(e, path);
	archive_entry_set_mode(e, mode);
	archive_entry_set_size(e, (la_int64_t)len);
	archive_entry_set_nlink(e, 1);
	rc = archive_write_header(a, e);
	archive_entry_free(e);
	if (rc == ARCHIVE_OK && len &&
	    archive_write_data(a, data, len) != (la_ssize_t)len)
		rc = ARCHIVE_FATAL;
	return rc;
}

/* The directories above @path, each once over the whole archive. */
static int put_parents(struct archive *a, const char *path, struct ki_strv *made)
{
	for (const char *at = strchr(path, '/'); at; at = strchr(at + 1, '/')) {
		char *dir = ki_strndup(path, (size_t)(at - path));
		int rc = ARCHIVE_OK;

		if (*dir && !ki_strv_has(made, dir)) {
			rc = put_entry(a, dir, S_IFDIR | 0755, NULL, 0);
			ki_strv_add(made, dir);
		}
		free(dir);
		if (rc != ARCHIVE_OK)
			return rc;
	}
	return ARCHIVE_OK;
}

static la_ssize_t take(struct archive *a, void *arg, const void *data, size_t len)
{
	(void)a;
	ki_buf_add(arg, data, len);
	return (la_ssize_t)len;
}

static int write_all(struct archive *a, const struct ki_extra_file *files, size_t n,
		     struct ki_buf *out)
{
	struct ki_strv made = {0};
	int rc = archive_write_set_format_cpio_newc(a);

	if (rc == ARCHIVE_OK)
		rc = archive_write_set_bytes_in_last_block(a, 512);
	if (rc == ARCHIVE_OK)
		rc = archive_write_open(a, out, NULL, take, NULL);
	for (size_t i = 0; i < n && rc == ARCHIVE_OK; i++) {
		rc = put_parents(a, files[i].path, &made);
		if (rc == ARCHIVE_OK)
			rc = put_entry(a, files[i].path,
				       S_IFREG | (files[i].mode & 07777), files[i].data,
				       files[i].len);
	}
	if (rc == ARCHIVE_OK)
		rc = archive_write_close(a);
	ki_strv_free(&made);
	return rc;
}

int ki_cpio_make(const struct ki_extra_file *files, size_t n, char **data, size_t *len,
		 struct ki_error *err)
{
	static const char zeros[512];
	struct archive *a = archive_write_new();
	struct ki_buf out = {0};

	if (!a || write_all(a, files, n, &out) != ARCHIVE_OK) {
		ki_fail(err, NULL, "the files for the initramfs cannot be packed", "%s",
			a ? archive_error_string(a) : "out of memory");
		ki_buf_free(&out);
		if (a)
			archive_write_free(a);
		return -1;
	}
	archive_write_free(a);
	ki_buf_add(&out, zeros, sizeof(zeros) - out.len % sizeof(zeros));
	*len = out.len;
	*data = ki_buf_take(&out);
	return 0;
}
