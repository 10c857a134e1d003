/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Carries a plan out, step by step, each with its undo. */
#ifndef KEEL_INSTALLER_EXECUTE_H
#define KEEL_INSTALLER_EXECUTE_H

#include "plan.h"

enum ki_progress_kind {
	KI_STEP_BEGIN,
	KI_STEP_BYTES, /* done of total */
	KI_STEP_END,
	KI_UNDO, /* title: what was taken back */
};

struct ki_progress {
	enum ki_progress_kind kind;
	size_t step, n_steps; /* step counts from 1 */
	const char *title;
	uint64_t done, total;
};

struct ki_run {
	void (*progress)(void *arg, const struct ki_progress *p); /* may be NULL */
	bool (*cancelled)(void *arg);				  /* may be NULL */
	void *arg;
};

/*
 * Executes a plan that ki_plan_check found free of fatal problems. @m is the
 * opened medium (NULL when the plan takes nothing from one). Returns 0; -1 and
 * @err after a failure; 1 and @err when cancelled. In both cases everything that
 * was made is taken back, replaced files are put back, and each undo is told.
 */
int ki_execute(const struct ki_plan *plan, struct ki_medium *m, const struct ki_run *run,
	       struct ki_error *err);

/*
 * Loads the detection rules: from @named (NULL: not named), else from
 * $KEEL_MEDIA_RULES, else from the host's own media-rules.conf, else @shipped.
 */
int ki_rules_find(struct ki_rules *rules, const struct ki_paths *paths, const char *named,
		  const char *shipped, struct ki_error *err);
/*
 * Opens and recognises @spec's source; makes its location absolute and the first
 * disk as large as an image. *@m (close it) and @found (free it) are set for
 * media and trees, empty for other sources. @osinfo as for ki_detect().
 * A medium that is not recognised is no failure: see @found. 0; -1 and @err.
 */
int ki_source_look(struct ki_spec *spec, const struct ki_rules *rules,
		   ki_osinfo_fn osinfo, struct ki_medium **m, struct ki_detection *found,
		   struct ki_error *err);

/* archive.c: unpacks an archive to a disk; returns as above. Root only. */
int ki_archive_install(const struct ki_step *s, const struct ki_spec *spec,
		       const struct ki_run *run, struct ki_progress *progress,
		       struct ki_error *err);

/* image.c: the steps of disk and cloud images. Same returns. */
int ki_image_convert(const struct ki_step *s, const struct ki_run *run,
		     struct ki_progress *progress, struct ki_error *err);
/* Virtual size of a disk image in bytes; 0 and @err when it is none. */
uint64_t ki_image_size(const char *path, struct ki_error *err);
/* A NoCloud seed ("cidata" volume) for @spec; the caller frees *@data. */
int ki_seed_make(const struct ki_spec *spec, char **data, size_t *len,
		 struct ki_error *err);

#endif
