/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Unit tests of keel-install's library. Each suite's file says what it proves.
 */
#include "tests/tools/install-unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *scratch;

void scratch_setup(void)
{
	char template[] = "/tmp/keel-install-unit.XXXXXX";

	ck_assert_ptr_nonnull(mkdtemp(template));
	scratch = ki_strdup(template);
}

void scratch_teardown(void)
{
	shell("chmod -R u+rwx .");
	char *command = ki_printf("rm -rf '%s'", scratch);

	ck_assert_int_eq(system(command), 0);
	free(command);
	free(scratch);
	scratch = NULL;
}

char *at(const char *path)
{
	return ki_printf("%s/%s", scratch, path);
}

void put(const char *path, const char *text)
{
	char *whole = at(path);

	for (char *p = whole + strlen(scratch) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(whole, 0755); /* may exist */
		*p = '/';
	}
	ck_assert_int_eq(ki_write_file(whole, text, strlen(text), 0644), 0);
	free(whole);
}

void shell(const char *fmt, ...)
{
	char command[4096];
	char *whole;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	whole = ki_printf("cd '%s' && ( %s ) >shell.log 2>&1", scratch, command);
	if (system(whole)) {
		char *log = at("shell.log"), *text = ki_read_file(log, KI_MIB, NULL);

		ck_abort_msg("%s failed: %s", command, text ? text : "");
	}
	free(whole);
}

bool have_xorriso(void)
{
	return system("command -v xorriso >/dev/null 2>&1") == 0;
}

void load_rules(struct ki_rules *rules)
{
	const char *top = getenv("top_srcdir");
	char *path = ki_printf("%s/installer/media-rules.conf", top ? top : ".");
	struct ki_error err;

	if (ki_rules_load(rules, path, &err))
		ck_abort_msg("%s: %s", err.what, err.why);
	free(path);
}

void detect_at(const char *path, struct ki_detection *d)
{
	char *whole = at(path);
	struct ki_rules rules;
	struct ki_medium *m;
	struct ki_error err = {0};

	load_rules(&rules);
	m = ki_medium_open(whole, &err);
	if (!m)
		ck_abort_msg("%s: %s", err.what, err.why);
	ck_assert_int_eq(ki_detect(m, &rules, NULL, d, &err), 0);
	ki_medium_close(m);
	ki_rules_free(&rules);
	free(whole);
}

static enum ki_path_kind real_kind(void *arg, const char *path)
{
	struct stat st;

	(void)arg;
	if (!strcmp(path, KI_PVGRUB))
		return KI_PATH_FILE;
	if (lstat(path, &st))
		return KI_PATH_NONE;
	if (S_ISREG(st.st_mode))
		return KI_PATH_FILE;
	return S_ISDIR(st.st_mode) ? KI_PATH_DIR : KI_PATH_OTHER;
}

static bool much_space(void *arg, const char *path, uint64_t *bytes, uint64_t *fs)
{
	(void)arg;
	(void)path;
	*bytes = 1000 * KI_GIB;
	*fs = 1;
	return true;
}

static char *no_user(void *arg, const char *path, const char *name)
{
	(void)arg;
	(void)path;
	(void)name;
	return NULL;
}

void good_host(struct ki_host *host)
{
	*host = (struct ki_host){
		.xen = true,
		.cpus = 8,
		.free_memory = 16384,
		.total_memory = 32768,
		.kind = real_kind,
		.space = much_space,
		.disk_user = no_user,
	};
	ki_strv_add(&host->bridges, "xenbr0");
}

void good_paths(struct ki_paths *paths)
{
	paths->conf = at("etc");
	paths->state = at("var");
}

void fake_random(void *buf, size_t len)
{
	static uint8_t next = 1;

	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] = next++;
}

int main(void)
{
	SRunner *runner = srunner_create(parse_suite());
	int failed;

	srunner_add_suite(runner, media_suite());
	srunner_add_suite(runner, plan_suite());
	srunner_add_suite(runner, execute_suite());
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
