/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads enough of GRUB's and ISOLINUX/SYSLINUX's configuration to know which
 * kernels and initramfs a medium boots. Pure: text in, entries out.
 */
#ifndef KEEL_INSTALLER_BOOTCFG_H
#define KEEL_INSTALLER_BOOTCFG_H

#include "util.h"

struct ki_boot_entry {
	char *title;  /* may be "" */
	char *kernel; /* path on the medium, cleaned */
	char *initrd; /* first one named; NULL when none is */
	char *args; /* the rest of the kernel's line, without initrd= and quiet markers */
};

struct ki_bootcfg {
	struct ki_boot_entry *entries;
	size_t n;
	struct ki_strv includes; /* further files named by source, configfile, include */
};

#define KI_BOOT_ENTRIES 256
#define KI_BOOTCFG_FILE (256 * KI_KIB)

/*
 * Adds the entries of @text. @dir is the directory of the file ("" the top),
 * which ISOLINUX's relative names start from.
 */
void ki_bootcfg_parse(struct ki_bootcfg *cfg, const char *text, const char *dir);
void ki_bootcfg_free(struct ki_bootcfg *cfg);
/*
 * The entry to boot for an install: has an initramfs, and its title or name
 * speaks of installing rather than of rescue, memory tests or speech; NULL when
 * there is none. @skip (may be NULL) leaves out entries, by index.
 */
const struct ki_boot_entry *ki_bootcfg_best(const struct ki_bootcfg *cfg,
					    const bool *skip);

/* .treeinfo / treeinfo (productmd's ini file). */
struct ki_treeinfo {
	char *family; /* NULL when not given; so the others */
	char *version;
	char *kernel;
	char *initrd;
	char *kernel_sha256; /* lower-case hex digits */
	char *initrd_sha256;
};

#define KI_TREEINFO_FILE (256 * KI_KIB)

void ki_treeinfo_parse(struct ki_treeinfo *info, const char *text);
void ki_treeinfo_free(struct ki_treeinfo *info);

/*
 * The SHA-256 sum that a list (lines "HEX  [*./]PATH", of the file in directory
 * @dir) has for @path; NULL when it has none. The caller frees it.
 */
char *ki_sums_find(const char *text, const char *dir, const char *path);

#define KI_SUMS_FILE (4 * KI_MIB)

#endif
