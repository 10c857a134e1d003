/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the user asked for: defaults, parsing, copying. */
#include "plan.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ki_spec_init(struct ki_spec *spec)
{
	*spec = (struct ki_spec){
		.source = KI_SRC_MEDIUM,
		.vcpus = 1,
		.max_vcpus = 4,
		.memory = 1024,
		.start = true,
	};
}

static void free_disk(struct ki_disk *d)
{
	free(d->path);
	free(d->pool);
}

void ki_spec_free(struct ki_spec *spec)
{
	free(spec->name);
	free(spec->location);
	free(spec->kernel);
	free(spec->initrd);
	free(spec->args);
	free(spec->answers);
	for (size_t i = 0; i < spec->n_disks; i++)
		free_disk(&spec->disks[i]);
	free(spec->disks);
	for (size_t i = 0; i < spec->n_nics; i++)
		free(spec->nics[i].bridge);
	free(spec->nics);
	ki_extra_free(spec->files, spec->n_files);
	ki_strv_free(&spec->ssh_keys);
	memset(spec, 0, sizeof(*spec));
}

static void *copy_array(const void *from, size_t n, size_t size)
{
	void *to = ki_zalloc(n * size);

	if (n)
		memcpy(to, from, n * size);
	return to;
}

void ki_spec_copy(struct ki_spec *to, const struct ki_spec *from)
{
	*to = *from;
	to->name = ki_strdup(from->name);
	to->location = ki_strdup(from->location);
	to->kernel = ki_strdup(from->kernel);
	to->initrd = ki_strdup(from->initrd);
	to->args = ki_strdup(from->args);
	to->answers = ki_strdup(from->answers);
	to->disks = copy_array(from->disks, from->n_disks, sizeof(*to->disks));
	for (size_t i = 0; i < to->n_disks; i++) {
		to->disks[i].path = ki_strdup(from->disks[i].path);
		to->disks[i].pool = ki_strdup(from->disks[i].pool);
	}
	to->nics = copy_array(from->nics, from->n_nics, sizeof(*to->nics));
	for (size_t i = 0; i < to->n_nics; i++)
		to->nics[i].bridge = ki_strdup(from->nics[i].bridge);
	to->files = copy_array(from->files, from->n_files, sizeof(*to->files));
	for (size_t i = 0; i < to->n_files; i++) {
		to->files[i].path = ki_strdup(from->files[i].path);
		to->files[i].data =
			copy_array(from->files[i].data, from->files[i].len, 1);
	}
	ki_strv_copy(&to->ssh_keys, &from->ssh_keys);
}

struct ki_disk *ki_spec_add_disk(struct ki_spec *spec)
{
	struct ki_disk *d;

	if (spec->n_disks == KI_DISKS_MAX)
		return NULL;
	spec->disks = ki_grow(spec->disks, spec->n_disks + 1, sizeof(*spec->disks));
	d = &spec->disks[spec->n_disks++];
	*d = (struct ki_disk){.size = 8 * KI_GIB, .format = KI_QCOW2};
	return d;
}

struct ki_nic *ki_spec_add_nic(struct ki_spec *spec)
{
	struct ki_nic *n;

	if (spec->n_nics == KI_NICS_MAX)
		return NULL;
	spec->nics = ki_grow(spec->nics, spec->n_nics + 1, sizeof(*spec->nics));
	n = &spec->nics[spec->n_nics++];
	*n = (struct ki_nic){0};
	return n;
}

void ki_spec_drop_disk(struct ki_spec *spec, size_t index)
{
	free_disk(&spec->disks[index]);
	memmove(&spec->disks[index], &spec->disks[index + 1],
		(--spec->n_disks - index) * sizeof(*spec->disks));
}

void ki_spec_drop_nic(struct ki_spec *spec, size_t index)
{
	free(spec->nics[index].bridge);
	memmove(&spec->nics[index], &spec->nics[index + 1],
		(--spec->n_nics - index) * sizeof(*spec->nics));
}

void ki_spec_add_file(struct ki_spec *spec, const char *path, const char *data,
		      size_t len, unsigned mode)
{
	struct ki_extra_file *f;

	spec->files = ki_grow(spec->files, spec->n_files + 1, sizeof(*spec->files));
	f = &spec->files[spec->n_files++];
	*f = (struct ki_extra_file){.path = ki_strdup(path),
				    .data = ki_zalloc(len),
				    .len = len,
				    .mode = mode};
	if (len)
		memcpy(f->data, data, len);
}

int ki_spec_take_answers(struct ki_spec *spec, const struct ki_detection *found,
			 struct ki_error *err)
{
	bool debian = found->hooks == KI_HOOKS_DEBIAN;
	char *data, *args;
	size_t len;

	if (!spec->answers)
		return 0;
	data = ki_read_file(spec->answers, KI_MIB, &len);
	if (!data)
		return ki_fail(err, "check the path", "the answers file cannot be read",
			       "%s: %s", spec->answers, strerror(errno));
	/* debian-installer reads /preseed.cfg unasked; kickstart has to be pointed at. */
	ki_spec_add_file(spec, debian ? "preseed.cfg" : "ks.cfg", data, len, 0600);
	free(data);
	args = ki_printf("%s%s%s", spec->args ? spec->args : "", spec->args ? " " : "",
			 debian ? "auto=true priority=critical" : "inst.ks=file:/ks.cfg");
	free(spec->args);
	spec->args = args;
	return 0;
}

static int bad_option(struct ki_error *err, const char *which, const char *why,
		      const char *text)
{
	return ki_fail(
		err,
		!strcmp(which, "--disk")
			? "--disk size=8G,format=qcow2[,pool=DIR][,path=FILE][,keep=yes]"
			  "[,prealloc=yes]"
			: "--nic bridge=NAME[,mac=00:16:3e:xx:xx:xx] or --nic none",
		which, "%s: \"%s\"", why, text);
}

static bool parse_yes(const char *value, bool *flag)
{
	*flag = !strcmp(value, "yes");
	return *flag || !strcmp(value, "no");
}

static int disk_option(struct ki_disk *d, const char *key, const char *value,
		       struct ki_error *err)
{
	if (!strcmp(key, "size")) {
		if (!ki_parse_size(value, 1, &d->size) || d->size % 512)
			return bad_option(err, "--disk", "not a disk size", value);
	} else if (!strcmp(key, "format")) {
		if (strcmp(value, "raw") && strcmp(value, "qcow2"))
			return bad_option(err, "--disk", "raw or qcow2 is wanted", value);
		d->format = *value == 'r' ? KI_RAW : KI_QCOW2;
	} else if (!strcmp(key, "pool")) {
		ki_set(&d->pool, value);
	} else if (!strcmp(key, "path")) {
		ki_set(&d->path, value);
	} else if (!strcmp(key, "keep")) {
		if (!parse_yes(value, &d->keep))
			return bad_option(err, "--disk", "yes or no is wanted", value);
	} else if (!strcmp(key, "prealloc")) {
		if (!parse_yes(value, &d->prealloc))
			return bad_option(err, "--disk", "yes or no is wanted", value);
	} else {
		return bad_option(err, "--disk", "unknown key", key);
	}
	return 0;
}

int ki_disk_parse(struct ki_disk *disk, const char *text, struct ki_error *err)
{
	char *copy = ki_strdup(text), *rest = copy, *part;
	int rc = 0;

	while (!rc && (part = strsep(&rest, ","))) {
		char *eq = strchr(part, '=');

		if (!eq || !eq[1])
			rc = bad_option(err, "--disk", "key=value is wanted", part);
		else {
			*eq = '\0';
			rc = disk_option(disk, part, eq + 1, err);
		}
	}
	free(copy);
	if (!rc && disk->keep && !disk->path)
		rc = bad_option(err, "--disk", "keep=yes needs path=", text);
	return rc;
}

bool ki_mac_parse(const char *text, uint8_t mac[6])
{
	for (int i = 0; i < 6; i++) {
		if (!isxdigit((unsigned char)text[0]) ||
		    !isxdigit((unsigned char)text[1]) || text[2] != (i < 5 ? ':' : '\0'))
			return false;
		mac[i] = (uint8_t)strtoul((char[]){text[0], text[1], '\0'}, NULL, 16);
		text += 3;
	}
	return !(mac[0] & 1); /* no group address */
}

static bool good_bridge(const char *name)
{
	size_t len = strlen(name);

	return len && len < 16 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01234567"
			    "89._-") == len;
}

int ki_nic_parse(struct ki_nic *nic, const char *text, struct ki_error *err)
{
	char *copy = ki_strdup(text), *rest = copy, *part;
	int rc = 0;

	while (!rc && (part = strsep(&rest, ","))) {
		if (ki_prefix(part, "bridge=") && good_bridge(part + 7)) {
			ki_set(&nic->bridge, part + 7);
		} else if (ki_prefix(part, "mac=")) {
			nic->mac_set = ki_mac_parse(part + 4, nic->mac);
			if (!nic->mac_set)
				rc = bad_option(err, "--nic", "not a MAC address",
						part + 4);
		} else {
			rc = bad_option(err, "--nic", "unknown or bad", part);
		}
	}
	free(copy);
	return rc;
}

void ki_paths_default(struct ki_paths *paths)
{
	const char *conf = secure_getenv("KEEL_ETC"), *state = secure_getenv("KEEL_VAR");

	paths->conf = ki_strdup(conf && *conf ? conf : "/etc/keel");
	paths->state = ki_strdup(state && *state ? state : "/var/lib/keel");
}

void ki_paths_copy(struct ki_paths *to, const struct ki_paths *from)
{
	to->conf = ki_strdup(from->conf);
	to->state = ki_strdup(from->state);
}

void ki_paths_free(struct ki_paths *paths)
{
	free(paths->conf);
	free(paths->state);
	memset(paths, 0, sizeof(*paths));
}

char *ki_guest_cfg_path(const struct ki_paths *paths, const char *name)
{
	return ki_printf("%s/guests/%s.cfg", paths->conf, name);
}

char *ki_guest_dir(const struct ki_paths *paths, const char *name)
{
	return ki_printf("%s/guests/%s", paths->state, name);
}

static void make_uuid(char out[37], void (*random)(void *, size_t))
{
	uint8_t b[16];

	random(b, sizeof(b));
	b[6] = (b[6] & 0x0f) | 0x40; /* version 4, RFC 4122 */
	b[8] = (b[8] & 0x3f) | 0x80;
	snprintf(out, 37,
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11],
		 b[12], b[13], b[14], b[15]);
}

/* 00:16:3e is Xen's own prefix; its lower half is for addresses made up locally. */
static void make_mac(struct ki_nic *nic, void (*random)(void *, size_t))
{
	nic->mac[0] = 0x00;
	nic->mac[1] = 0x16;
	nic->mac[2] = 0x3e;
	random(nic->mac + 3, 3);
	nic->mac[3] &= 0x7f;
	nic->mac_set = true;
}

void ki_spec_identity(struct ki_spec *spec, void (*random)(void *buf, size_t len))
{
	if (!spec->uuid[0])
		make_uuid(spec->uuid, random);
	for (size_t i = 0; i < spec->n_nics; i++)
		if (!spec->nics[i].mac_set)
			make_mac(&spec->nics[i], random);
}

void ki_spec_complete(struct ki_spec *spec, const struct ki_paths *paths,
		      void (*random)(void *buf, size_t len))
{
	ki_spec_identity(spec, random);
	if (!spec->vcpus)
		spec->vcpus = 1;
	if (spec->max_vcpus < spec->vcpus)
		spec->max_vcpus = spec->vcpus;
	for (size_t i = 0; i < spec->n_disks; i++) {
		struct ki_disk *d = &spec->disks[i];
		char *pool = d->pool ? ki_strdup(d->pool)
				     : ki_printf("%s/disks", paths->state);

		if (!d->path)
			d->path = ki_printf("%s/%s-%zu.%s", pool,
					    spec->name ? spec->name : "", i,
					    d->format == KI_QCOW2 ? "qcow2" : "raw");
		free(pool);
	}
}
