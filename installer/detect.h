/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is on a medium, and what to boot from it. */
#ifndef KEEL_INSTALLER_DETECT_H
#define KEEL_INSTALLER_DETECT_H

#include "medium.h"
#include "rules.h"

struct ki_detection {
	bool found;    /* kernel and initramfs are known */
	char *rule;    /* id of the rule that decided; "by hand" */
	char *os;      /* "Debian GNU/Linux 12.5", best known name; never NULL */
	char *version; /* may be "" */
	char *kernel;  /* paths on the medium; NULL when not found */
	char *initrd;
	uint64_t kernel_size;
	uint64_t initrd_size;
	char *kernel_sha256; /* from the tree's own checksums; NULL when not given */
	char *initrd_sha256;
	char *args;  /* the medium's arguments, without the console's; never NULL */
	bool attach; /* the guest needs the medium as a drive */
	enum ki_hooks hooks;
	uint64_t min_memory; /* MiB; 0 unknown */
	struct ki_strv log;  /* what was tried, a line each, and why it decided */
};

/* What libosinfo says of an image; strings may be NULL. */
struct ki_osinfo {
	char *name;
	char *version;
	char *kernel;
	char *initrd;
	uint64_t min_memory; /* MiB */
};

/*
 * Asks libosinfo (in a child process, limited in time). 0 known, 1 unknown or
 * the library has no answer. @why is set (caller frees) to what happened.
 */
int ki_osinfo_ask(const char *location, struct ki_osinfo *info, char **why);
void ki_osinfo_free(struct ki_osinfo *info);
typedef int (*ki_osinfo_fn)(const char *location, struct ki_osinfo *info, char **why);

/*
 * Tries @rules in order on @m and fills @d (free it), also when nothing was
 * found (@d->found false, 0 returned). @osinfo answers for rules that ask
 * libosinfo; NULL skips them. -1 and @err when the medium cannot be read.
 */
int ki_detect(struct ki_medium *m, const struct ki_rules *rules, ki_osinfo_fn osinfo,
	      struct ki_detection *d, struct ki_error *err);
/*
 * Kernel and initramfs named by hand (paths on the medium; either may be NULL
 * to keep what was detected). -1 and @err when one is not there.
 */
int ki_detect_override(struct ki_medium *m, struct ki_detection *d, const char *kernel,
		       const char *initrd, struct ki_error *err);
void ki_detection_free(struct ki_detection *d);
void ki_detection_copy(struct ki_detection *to, const struct ki_detection *from);

#endif
