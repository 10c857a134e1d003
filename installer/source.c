/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a spec's source to an opened, recognised medium. */
#include "execute.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int ki_rules_find(struct ki_rules *rules, const struct ki_paths *paths, const char *named,
		  const char *shipped, struct ki_error *err)
{
	char *local = ki_printf("%s/media-rules.conf", paths->conf);
	const char *env = secure_getenv("KEEL_MEDIA_RULES"), *path = shipped;
	int rc;

	if (named)
		path = named;
	else if (env && *env)
		path = env;
	else if (!access(local, R_OK))
		path = local;
	rc = ki_rules_load(rules, path, err);
	free(local);
	return rc;
}

static int look_at_medium(struct ki_spec *spec, const struct ki_rules *rules,
			  ki_osinfo_fn osinfo, struct ki_medium **m,
			  struct ki_detection *found, struct ki_error *err)
{
	bool image;
	int rc;

	if (spec->source == KI_SRC_TREE && !ki_is_url(spec->location))
		return ki_fail(err, "http://HOST/PATH; for a directory use --iso",
			       "not a URL of a tree", "%s", spec->location);
	if (spec->source == KI_SRC_MEDIUM && ki_is_url(spec->location))
		return ki_fail(
			err, "--tree for a tree; load an ISO to /var/lib/keel/iso first",
			"a URL is no install image", "%s", spec->location);
	*m = ki_medium_open(spec->location, err);
	if (!*m)
		return -1;
	/* libosinfo reads volume descriptors: only images have them. */
	image = strcmp((*m)->format, "directory") != 0 && !ki_is_url(spec->location);
	rc = ki_detect(*m, rules, image ? osinfo : NULL, found, err);
	if (!rc && (spec->kernel || spec->initrd)) {
		rc = ki_detect_override(*m, found, spec->kernel, spec->initrd, err);
		if (rc)
			ki_detection_free(found);
	}
	if (rc) {
		ki_medium_close(*m);
		*m = NULL;
	}
	return rc;
}

/* An image knows its own size; the disk is never made smaller. */
static int look_at_image(struct ki_spec *spec, struct ki_error *err)
{
	uint64_t size = ki_image_size(spec->location, err);

	if (!size)
		return -1;
	if (spec->n_disks && spec->disks[0].size < size)
		spec->disks[0].size = size;
	return 0;
}

static int look_at_archive(const struct ki_spec *spec, struct ki_error *err)
{
	if (!access(spec->location, R_OK))
		return 0;
	return ki_fail(err, "check the path", "the archive cannot be read", "%s: %s",
		       spec->location, strerror(errno));
}

int ki_source_look(struct ki_spec *spec, const struct ki_rules *rules,
		   ki_osinfo_fn osinfo, struct ki_medium **m, struct ki_detection *found,
		   struct ki_error *err)
{
	char *real;

	memset(found, 0, sizeof(*found));
	*m = NULL;
	if (spec->source == KI_SRC_EMPTY)
		return 0;
	if (!spec->location)
		return ki_fail(err, "--iso FILE", "nothing to install from",
			       "no source is named");
	/* The guest file needs the medium's absolute path. */
	real = spec->source == KI_SRC_TREE ? NULL : realpath(spec->location, NULL);
	if (real)
		ki_set(&spec->location, real);
	free(real);
	if (spec->source == KI_SRC_IMAGE)
		return look_at_image(spec, err);
	if (spec->source == KI_SRC_ARCHIVE)
		return look_at_archive(spec, err);
	return look_at_medium(spec, rules, osinfo, m, found, err);
}
