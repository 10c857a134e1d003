/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guest file (xl.cfg(5)). While the installer runs it boots the installer's
 * kernel; lines that belong to this phase end in INSTALL_MARK, and the lines of
 * the installed system wait behind INSTALLED_MARK. Ending the install is then a
 * change of marked lines only, whatever the user edited meanwhile.
 */
#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INSTALL_MARK   "# keel:install"
#define INSTALLED_MARK "#keel:installed# "

void ki_medium_vdev(const struct ki_spec *spec, char out[8])
{
	snprintf(out, 8, "xvd%c", (char)('a' + spec->n_disks));
}

char *ki_kernel_args(const struct ki_spec *spec, const struct ki_detection *found)
{
	struct ki_buf out = {0};
	const char *args = found ? found->args : "", *at;
	char vdev[8];

	ki_medium_vdev(spec, vdev);
	ki_buf_printf(&out, "console=hvc0");
	if (*args)
		ki_buf_printf(&out, " ");
	while ((at = strstr(args, "@CDROM@"))) {
		ki_buf_printf(&out, "%.*s%s", (int)(at - args), args, vdev);
		args = at + 7;
	}
	ki_buf_printf(&out, "%s", args);
	if (spec->args && *spec->args)
		ki_buf_printf(&out, " %s", spec->args);
	return ki_buf_take(&out);
}

/* Quotes, backslashes and control bytes would end the string: they are left out. */
static void put_string(struct ki_buf *out, const char *text)
{
	ki_buf_add(out, "\"", 1);
	for (; *text; text++)
		if ((unsigned char)*text >= 0x20 && !strchr("\"\\\x7f", *text))
			ki_buf_add(out, text, 1);
	ki_buf_add(out, "\"", 1);
}

static void put_key(struct ki_buf *out, const char *key, const char *value,
		    const char *mark)
{
	ki_buf_printf(out, "%s = ", key);
	put_string(out, value);
	ki_buf_printf(out, "%s%s\n", *mark ? " " : "", mark);
}

static void put_disk(struct ki_buf *out, const char *format, const char *vdev,
		     const char *rest, const char *target, const char *mark)
{
	char *text =
		ki_printf("format=%s,vdev=%s,%s,target=%s", format, vdev, rest, target);

	ki_buf_printf(out, "    ");
	put_string(out, text);
	ki_buf_printf(out, ",%s%s\n", *mark ? " " : "", mark);
	free(text);
}

static void put_disks(struct ki_buf *out, const struct ki_spec *spec, bool medium,
		      const char *seed)
{
	char vdev[8];

	ki_buf_printf(out, "disk = [\n");
	for (size_t i = 0; i < spec->n_disks; i++) {
		const struct ki_disk *d = &spec->disks[i];

		snprintf(vdev, sizeof(vdev), "xvd%c", (char)('a' + i));
		put_disk(out, d->format == KI_QCOW2 ? "qcow2" : "raw", vdev, "access=rw",
			 d->path ? d->path : "", "");
	}
	ki_medium_vdev(spec, vdev);
	if (medium)
		put_disk(out, "raw", vdev, "access=ro,devtype=cdrom", spec->location,
			 INSTALL_MARK);
	else if (seed)
		put_disk(out, "raw", vdev, "access=ro", seed, "");
	ki_buf_printf(out, "]\n");
}

static void put_nics(struct ki_buf *out, const struct ki_spec *spec)
{
	ki_buf_printf(out, "vif = [\n");
	for (size_t i = 0; i < spec->n_nics; i++) {
		const struct ki_nic *n = &spec->nics[i];
		char *text = ki_printf("mac=%02x:%02x:%02x:%02x:%02x:%02x%s%s", n->mac[0],
				       n->mac[1], n->mac[2], n->mac[3], n->mac[4],
				       n->mac[5], n->bridge ? ",bridge=" : "",
				       n->bridge ? n->bridge : "");

		ki_buf_printf(out, "    ");
		put_string(out, text);
		ki_buf_printf(out, ",\n");
		free(text);
	}
	ki_buf_printf(out, "]\n");
}

static void put_head(struct ki_buf *out, const struct ki_spec *spec, const char *os)
{
	ki_buf_printf(out, "# Guest %s", spec->name);
	if (os && *os) {
		ki_buf_printf(out, ": ");
		for (; *os; os++)
			if ((unsigned char)*os >= 0x20 && *os != 0x7f)
				ki_buf_add(out, os, 1);
	}
	ki_buf_printf(
		out,
		"\n# Made by keel install; see xl.cfg(5) for what can be changed.\n");
	put_key(out, "name", spec->name, "");
	put_key(out, "uuid", spec->uuid, "");
	put_key(out, "type", "pv", "");
	ki_buf_printf(out, "vcpus = %u\nmaxvcpus = %u\nmemory = %llu\n", spec->vcpus,
		      spec->max_vcpus, (unsigned long long)spec->memory);
	if (spec->max_memory > spec->memory)
		ki_buf_printf(out, "maxmem = %llu\n",
			      (unsigned long long)spec->max_memory);
}

static void put_install_boot(struct ki_buf *out, const struct ki_spec *spec,
			     const struct ki_paths *paths,
			     const struct ki_detection *found)
{
	char *dir = ki_guest_dir(paths, spec->name);
	char *kernel = ki_printf("%s/kernel", dir), *initrd = ki_printf("%s/initrd", dir);
	char *args = ki_kernel_args(spec, found);

	put_key(out, "kernel", kernel, INSTALL_MARK);
	if (found->initrd)
		put_key(out, "ramdisk", initrd, INSTALL_MARK);
	put_key(out, "extra", args, INSTALL_MARK);
	put_key(out, "on_reboot", "destroy", INSTALL_MARK);
	put_key(out, "on_crash", "preserve", INSTALL_MARK);
	ki_buf_printf(out, "%s", INSTALLED_MARK);
	put_key(out, "kernel", KI_PVGRUB, "");
	ki_buf_printf(out, "%s", INSTALLED_MARK);
	put_key(out, "on_reboot", "restart", "");
	ki_buf_printf(out, "%s", INSTALLED_MARK);
	put_key(out, "on_crash", "restart", "");
	free(dir);
	free(kernel);
	free(initrd);
	free(args);
}

char *ki_guestcfg_text(const struct ki_spec *spec, const struct ki_paths *paths,
		       const struct ki_detection *found, const char *seed)
{
	struct ki_buf out = {0};
	bool installs = found && found->kernel;
	bool medium = installs && found->attach && spec->source == KI_SRC_MEDIUM;

	put_head(&out, spec, found ? found->os : NULL);
	put_disks(&out, spec, medium, seed);
	put_nics(&out, spec);
	put_key(&out, "on_poweroff", "destroy", "");
	if (installs) {
		put_install_boot(&out, spec, paths, found);
	} else {
		put_key(&out, "kernel", KI_PVGRUB, "");
		put_key(&out, "on_reboot", "restart", "");
		put_key(&out, "on_crash", "restart", "");
	}
	return ki_buf_take(&out);
}

char *ki_guestcfg_finish(const char *text)
{
	struct ki_buf out = {0};
	bool marked = false;

	while (*text) {
		size_t len = strcspn(text, "\n");
		char *line = ki_strndup(text, len), *body = line;
		bool drop = ki_suffix(line, INSTALL_MARK);

		if (ki_prefix(line, INSTALLED_MARK))
			body = line + strlen(INSTALLED_MARK);
		marked |= drop || body != line;
		if (!drop)
			ki_buf_printf(&out, "%s\n", body);
		free(line);
		text += len;
		text += *text == '\n';
	}
	if (!marked) {
		ki_buf_free(&out);
		return NULL;
	}
	return ki_buf_take(&out);
}
