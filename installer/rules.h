/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The detection rules: how an install medium is recognised and where its kernel
 * and initramfs are. They are data (media-rules.conf), tried in file order;
 * that file's head explains the keys.
 */
#ifndef KEEL_INSTALLER_RULES_H
#define KEEL_INSTALLER_RULES_H

#include "util.h"

enum ki_method { KI_BY_FILES, KI_BY_OSINFO, KI_BY_TREEINFO, KI_BY_BOOTCFG };

/* What goes into the initramfs so that an added vCPU comes online. */
enum ki_hooks { KI_HOOKS_UDEV, KI_HOOKS_DEBIAN, KI_HOOKS_NONE };

struct ki_match {
	char *file;
	char *regex; /* POSIX extended */
};

struct ki_rule {
	char *id;
	char *title;
	enum ki_method method;
	struct ki_strv files; /* must exist; for treeinfo and bootcfg: where to look */
	struct ki_match *matches; /* all must match */
	size_t n_matches;
	struct ki_match
		version;	/* first group is the version; file NULL when not given */
	struct ki_strv kernels; /* candidates, the first that exists is taken */
	struct ki_strv initrds;
	struct ki_strv sums; /* lists of SHA-256 sums, the first that exists is taken */
	char *label_regex;   /* the volume label must match; NULL: any */
	char *args;	     /* kernel arguments beside the console's */
	char *args_medium;   /* further ones when the medium is attached as a drive */
	char *args_tree;     /* further ones when installing from a network tree */
	bool attach;	     /* the installer needs the medium as a drive */
	uint64_t min_memory; /* MiB the installer wants at least; 0 unknown */
	enum ki_hooks hooks;
};

struct ki_rules {
	struct ki_rule *v;
	size_t n;
};

#define KI_RULES_MAX  200
#define KI_RULES_FILE (256 * KI_KIB)

/*
 * Parses @text (changed in the course); @name is used in errors, which give
 * NAME:LINE. Returns 0, or -1 and @err with nothing left in @rules.
 */
int ki_rules_parse(struct ki_rules *rules, char *text, const char *name,
		   struct ki_error *err);
/* Parses the file at @path. */
int ki_rules_load(struct ki_rules *rules, const char *path, struct ki_error *err);
void ki_rules_free(struct ki_rules *rules);

#endif
