/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the installer's unit tests share: a scratch directory, media, a host of their own.
 */
#ifndef INSTALL_UNIT_H
#define INSTALL_UNIT_H

#include <check.h>

#include "installer/execute.h"
#include "installer/plan.h"

/* A fresh directory for one test; removed by the fixture that made it. */
extern char *scratch;

void scratch_setup(void);
void scratch_teardown(void);
/* Writes @text at @path below the scratch directory, making directories. */
void put(const char *path, const char *text);
/* An absolute path in the scratch directory; the caller frees it. */
char *at(const char *path);
/* Runs a shell command in the scratch directory; the test fails when it does. */
void shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
bool have_xorriso(void);
/* The shipped rules. */
void load_rules(struct ki_rules *rules);
/* Detects on @path (relative to the scratch directory) without libosinfo. */
void detect_at(const char *path, struct ki_detection *d);
/* A host that has everything, with the paths of the scratch directory. */
void good_host(struct ki_host *host);
void good_paths(struct ki_paths *paths);
/* Deterministic "random" bytes. */
void fake_random(void *buf, size_t len);

Suite *parse_suite(void);
Suite *media_suite(void);
Suite *plan_suite(void);
Suite *execute_suite(void);

#endif
