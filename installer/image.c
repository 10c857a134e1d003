/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Disk and cloud images: qemu-img reads and writes the formats; an image that
 * refers to other files of this host is refused, for it could carry them into
 * the guest. The NoCloud seed is a small ISO 9660 volume "cidata".
 */
#include "child.h"
#include "execute.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct image {
	uint64_t size;
	char format[32];
};

static void gather(void *arg, const char *text, size_t len)
{
	struct ki_buf *buf = arg;

	if (buf->len + len < KI_MIB)
		ki_buf_add(buf, text, len);
}

/* Extents of a vmdk, data file of a qcow2: anything that is not @path itself. */
static bool refers_elsewhere(struct json_object *node, const char *path)
{
	if (json_object_is_type(node, json_type_object)) {
		json_object_object_foreach(node, key, value)
		{
			const char *text = json_object_get_string(value);

			if ((!strcmp(key, "filename") || !strcmp(key, "data-file") ||
			     !strcmp(key, "backing-filename") ||
			     !strcmp(key, "full-backing-filename")) &&
			    text && strcmp(text, path))
				return true;
			if (refers_elsewhere(value, path))
				return true;
		}
	} else if (json_object_is_type(node, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(node); i++)
			if (refers_elsewhere(json_object_array_get_idx(node, i), path))
				return true;
	}
	return false;
}

static int read_info(const char *text, const char *path, struct image *image,
		     struct ki_error *err)
{
	struct json_object *info = text ? json_tokener_parse(text) : NULL;
	struct json_object *size, *format;
	int rc = 0;

	if (!info || !json_object_object_get_ex(info, "virtual-size", &size) ||
	    !json_object_object_get_ex(info, "format", &format))
		rc = ki_fail(err, "a raw, qcow2, vmdk, vdi or vhd image",
			     "not a disk image", "%s", path);
	else if (refers_elsewhere(info, path))
		rc = ki_fail(err, "make a standalone image of it: qemu-img convert",
			     "the image depends on other files", "%s", path);
	if (!rc) {
		int64_t bytes = json_object_get_int64(size);

		image->size = bytes > 0 ? (uint64_t)bytes : 0;
		snprintf(image->format, sizeof(image->format), "%s",
			 json_object_get_string(format));
	}
	json_object_put(info);
	return rc;
}

static int ask_image(const char *path, struct image *image, struct ki_error *err)
{
	const char *argv[] = {"qemu-img", "info", "--output=json", "--", path, NULL};
	struct ki_buf out = {0};
	struct ki_child how = {.output = gather, .arg = &out};
	char *tail = NULL;
	int rc = ki_child_run(argv, &how, &tail, err);

	if (!rc)
		rc = read_info(out.data, path, image, err);
	else if (rc > 0)
		rc = ki_fail(err, "check the path and the file", "not a disk image", "%s",
			     tail ? tail : path);
	free(tail);
	ki_buf_free(&out);
	return rc;
}

uint64_t ki_image_size(const char *path, struct ki_error *err)
{
	struct image image = {0};

	return ask_image(path, &image, err) ? 0 : image.size;
}

struct convert {
	const struct ki_run *run;
	struct ki_progress *progress;
	uint64_t total;
};

/* qemu-img -p says "    (12.34/100%)\r". */
static void take_percent(void *arg, const char *text, size_t len)
{
	struct convert *c = arg;
	char *copy = ki_strndup(text, len), *at = strrchr(copy, '(');
	double percent = at ? strtod(at + 1, NULL) : -1;

	free(copy);
	if (percent < 0 || percent > 100 || !c->run->progress)
		return;
	c->progress->kind = KI_STEP_BYTES;
	c->progress->total = c->total;
	c->progress->done = (uint64_t)((double)c->total * percent / 100);
	c->run->progress(c->run->arg, c->progress);
}

static bool convert_cancelled(void *arg)
{
	struct convert *c = arg;

	return c->run->cancelled && c->run->cancelled(c->run->arg);
}

static int run_tool(const char *const argv[], const struct ki_child *how,
		    struct ki_error *err)
{
	char *tail = NULL;
	int rc = ki_child_run(argv, how, &tail, err);

	if (rc > 0)
		rc = ki_fail(err, NULL, "the image cannot be written", "%s",
			     tail && *tail ? tail : argv[0]);
	free(tail);
	return rc == -2 ? 1 : rc;
}

int ki_image_convert(const struct ki_step *s, const struct ki_run *run,
		     struct ki_progress *progress, struct ki_error *err)
{
	const char *out = s->format == KI_QCOW2 ? "qcow2" : "raw";
	struct convert c = {.run = run, .progress = progress};
	struct ki_child how = {
		.cancelled = convert_cancelled, .output = take_percent, .arg = &c};
	struct image image = {0};
	char size[24];
	int rc = ask_image(s->from, &image, err);

	if (rc)
		return rc;
	c.total = image.size;
	const char *convert[] = {"qemu-img", "convert", "-p",	 "-f",	  image.format,
				 "-O",	     out,	s->from, s->path, NULL};
	const char *resize[] = {"qemu-img", "resize", "-f", out, s->path, size, NULL};

	rc = run_tool(convert, &how, err);
	if (rc || s->size <= image.size)
		return rc;
	snprintf(size, sizeof(size), "%llu", (unsigned long long)s->size);
	how.output = NULL;
	return run_tool(resize, &how, err);
}

/* --- NoCloud ---------------------------------------------------------------- */

static void put_indented(struct ki_buf *out, const char *text, const char *indent)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		ki_buf_printf(out, "%s%.*s\n", indent, (int)len, text);
		text += len + (text[len] == '\n');
	}
}

static char *user_data(const struct ki_spec *spec)
{
	struct ki_buf out = {0};

	ki_buf_printf(&out, "#cloud-config\n");
	if (spec->ssh_keys.n)
		ki_buf_printf(&out, "ssh_authorized_keys:\n");
	for (size_t i = 0; i < spec->ssh_keys.n; i++) {
		struct json_object *key = json_object_new_string(spec->ssh_keys.v[i]);

		/* A JSON string is a YAML string, whatever is in it. */
		ki_buf_printf(&out, "  - %s\n",
			      json_object_to_json_string_ext(
				      key, JSON_C_TO_STRING_NOSLASHESCAPE));
		json_object_put(key);
	}
	ki_buf_printf(&out, "write_files:\n"
			    "  - path: /etc/udev/rules.d/80-keel-hotplug.rules\n"
			    "    permissions: '0644'\n"
			    "    content: |\n");
	put_indented(&out, ki_udev_rule(), "      ");
	ki_buf_printf(&out, "runcmd:\n  - [udevadm, control, --reload]\n");
	return ki_buf_take(&out);
}

static la_ssize_t take(struct archive *a, void *arg, const void *data, size_t len)
{
	(void)a;
	ki_buf_add(arg, data, len);
	return (la_ssize_t)len;
}

static int put_file(struct archive *a, const char *name, const char *text)
{
	struct archive_entry *e = archive_entry_new();
	size_t len = strlen(text);
	int rc;

	if (!e)
		return ARCHIVE_FATAL;
	archive_entry_set_pathname(e, name);
	archive_entry_set_mode(e, S_IFREG | 0444);
	archive_entry_set_size(e, (la_int64_t)len);
	rc = archive_write_header(a, e);
	archive_entry_free(e);
	if (rc == ARCHIVE_OK && archive_write_data(a, text, len) != (la_ssize_t)len)
		rc = ARCHIVE_FATAL;
	return rc;
}

static int write_seed(struct archive *a, const struct ki_spec *spec, struct ki_buf *out)
{
	char *meta = ki_printf("instance-id: %s\nlocal-hostname: %s\n", spec->uuid,
			       spec->name);
	char *user = user_data(spec);
	int rc = archive_write_set_format_iso9660(a);

	if (rc == ARCHIVE_OK)
		rc = archive_write_set_options(a, "iso9660:volume-id=cidata");
	if (rc == ARCHIVE_OK)
		rc = archive_write_open(a, out, NULL, take, NULL);
	if (rc == ARCHIVE_OK)
		rc = put_file(a, "meta-data", meta);
	if (rc == ARCHIVE_OK)
		rc = put_file(a, "user-data", user);
	if (rc == ARCHIVE_OK)
		rc = archive_write_close(a);
	free(meta);
	free(user);
	return rc;
}

int ki_seed_make(const struct ki_spec *spec, char **data, size_t *len,
		 struct ki_error *err)
{
	struct archive *a = archive_write_new();
	struct ki_buf out = {0};

	if (!a || write_seed(a, spec, &out) != ARCHIVE_OK) {
		ki_fail(err, NULL, "the first-boot settings cannot be made", "%s",
			a ? archive_error_string(a) : "out of memory");
		ki_buf_free(&out);
		if (a)
			archive_write_free(a);
		return -1;
	}
	archive_write_free(a);
	*len = out.len;
	*data = ki_buf_take(&out);
	return 0;
}
