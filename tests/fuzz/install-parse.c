/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fuzz target of the installer's parsers. The first byte picks one; the rest is
 * its input: rules, boot menus, treeinfo, the guest file's end, sizes and specs.
 * Beside the sanitizers' findings, these must hold: no path leaves the medium,
 * limits are kept, and ending an install twice changes nothing more.
 */
#include "installer/bootcfg.h"
#include "installer/detect.h"
#include "installer/plan.h"

#include <stdlib.h>
#include <string.h>

#define HOLDS(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void path_holds(const char *path)
{
	char *again;

	if (!path)
		return;
	again = ki_clean_path(path);
	HOLDS(again && !strcmp(again, path));
	free(again);
}

static void fuzz_rules(char *text)
{
	struct ki_rules rules;
	struct ki_error err;

	if (!ki_rules_parse(&rules, text, "fuzz", &err)) {
		HOLDS(rules.n <= KI_RULES_MAX);
		ki_rules_free(&rules);
	} else {
		HOLDS(rules.n == 0 && !rules.v && err.why[0]);
	}
}

static void fuzz_bootcfg(char *text)
{
	struct ki_bootcfg cfg = {0};
	const struct ki_boot_entry *best;

	ki_bootcfg_parse(&cfg, text, "boot/grub");
	HOLDS(cfg.n <= KI_BOOT_ENTRIES && cfg.includes.n <= 64);
	for (size_t i = 0; i < cfg.n; i++) {
		path_holds(cfg.entries[i].kernel);
		path_holds(cfg.entries[i].initrd);
	}
	for (size_t i = 0; i < cfg.includes.n; i++)
		path_holds(cfg.includes.v[i]);
	best = ki_bootcfg_best(&cfg, NULL);
	HOLDS(!best || best->initrd);
	ki_bootcfg_free(&cfg);
}

static void fuzz_treeinfo(char *text)
{
	struct ki_treeinfo info;

	ki_treeinfo_parse(&info, text);
	path_holds(info.kernel);
	path_holds(info.initrd);
	HOLDS(!info.kernel_sha256 || strlen(info.kernel_sha256) == 64);
	ki_treeinfo_free(&info);
}

static void fuzz_guestcfg(char *text)
{
	char *done = ki_guestcfg_finish(text), *again;

	if (!done)
		return;
	again = ki_guestcfg_finish(done);
	/* A line may carry marks behind marks; each pass takes some away. */
	HOLDS(!again || strlen(again) <= strlen(done));
	free(again);
	free(done);
}

static void fuzz_specs(char *text)
{
	struct ki_disk disk = {0};
	struct ki_nic nic = {0};
	struct ki_error err;
	uint8_t mac[6];
	uint64_t v;

	if (ki_parse_size(text, KI_MIB, &v))
		HOLDS(v && v <= INT64_MAX);
	if (!ki_disk_parse(&disk, text, &err))
		HOLDS(disk.size % 512 == 0);
	ki_nic_parse(&nic, text, &err);
	if (ki_mac_parse(text, mac))
		HOLDS(!(mac[0] & 1));
	free(disk.path);
	free(disk.pool);
	free(nic.bridge);
	v = 0;
	char *quoted = ki_shell_quote(text);

	HOLDS(strlen(quoted) >= strlen(text));
	free(quoted);
}

static void fuzz_path(char *text)
{
	char *clean = ki_clean_path(text), *sum = ki_sums_find(text, "a", "a/linux");

	HOLDS(!sum || strlen(sum) == 64);
	free(sum);

	path_holds(clean);
	free(clean);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const targets[])(char *) = {fuzz_rules,	 fuzz_bootcfg,
						  fuzz_treeinfo, fuzz_guestcfg,
						  fuzz_specs,	 fuzz_path};
	char *text;

	if (!size)
		return 0;
	text = ki_strndup((const char *)data + 1,
			  strnlen((const char *)data + 1, size - 1));
	targets[data[0] % 6](text);
	free(text);
	return 0;
}
