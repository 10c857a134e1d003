/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lib/checks.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "lib/size.h"

struct check_def {
	const char *name;
	void (*run)(struct keel_host *host, struct keel_check *check);
};

static void said(struct keel_check *check, enum keel_verdict verdict, const char *found,
		 const char *fix)
{
	check->verdict = verdict;
	snprintf(check->found, sizeof(check->found), "%.159s", found);
	snprintf(check->fix, sizeof(check->fix), "%s", fix);
}

static void check_hypervisor(struct keel_host *host, struct keel_check *check)
{
	struct keel_host_info info;
	struct keel_error err;

	if (!host) {
		said(check, KEEL_CHECK_BAD, "does not answer",
		     "boot the hypervisor's entry; be root");
		return;
	}
	if (host->ops->info(host->ctx, &info, &err))
		said(check, KEEL_CHECK_BAD, err.text, "keel log");
	else
		said(check, KEEL_CHECK_OK, info.hypervisor, "");
}

static void check_memory(struct keel_host *host, struct keel_check *check)
{
	struct keel_host_info info;
	char size[16];

	if (!host || host->ops->info(host->ctx, &info, NULL)) {
		said(check, KEEL_CHECK_BAD, "unknown", "");
		return;
	}
	snprintf(check->found, sizeof(check->found), "%s free for guests",
		 keel_format_size(info.free_kib * 1024, size, sizeof(size)));
	check->verdict = info.free_kib < 64 * 1024 ? KEEL_CHECK_WARN : KEEL_CHECK_OK;
	if (check->verdict != KEEL_CHECK_OK)
		snprintf(
			check->fix, sizeof(check->fix),
			"keel mem NAME SIZE takes some back; or lower dom0_mem= at boot");
}

/* A unit that must be active. */
static void need_unit(struct keel_host *host, struct keel_check *check, const char *unit)
{
	struct keel_error err;
	char state[32];

	if (!host || host->ops->unit_state(host->ctx, unit, state, sizeof(state), &err)) {
		said(check, KEEL_CHECK_BAD, host ? err.text : "unknown", "");
		return;
	}
	if (strcmp(state, "active") == 0) {
		said(check, KEEL_CHECK_OK, "active", "");
		return;
	}
	said(check, KEEL_CHECK_BAD, state, "");
	snprintf(check->fix, sizeof(check->fix), "systemctl start %s", unit);
}

static void check_xenstored(struct keel_host *host, struct keel_check *check)
{
	need_unit(host, check, "xenstored.service");
}

static void check_consoled(struct keel_host *host, struct keel_check *check)
{
	need_unit(host, check, "keel-consoled.service");
}

static void check_init(struct keel_host *host, struct keel_check *check)
{
	need_unit(host, check, "xen-init-dom0.service");
}

/* Services of another toolstack that would fight over the same guests. */
static void check_rivals(struct keel_host *host, struct keel_check *check)
{
	static const char *const units[] = {"xen.service", "xendomains.service"};
	char state[32];

	if (!host) {
		said(check, KEEL_CHECK_BAD, "unknown", "");
		return;
	}
	said(check, KEEL_CHECK_OK, "none active", "");
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (host->ops->unit_state(host->ctx, units[i], state, sizeof(state),
					  NULL))
			continue;
		if (strcmp(state, "active") != 0)
			continue;
		snprintf(check->found, sizeof(check->found), "%s is active", units[i]);
		snprintf(check->fix, sizeof(check->fix), "systemctl mask --now %s",
			 units[i]);
		check->verdict = KEEL_CHECK_WARN;
	}
}

/* Counts the bridges among the network interfaces. */
static void check_bridge(struct keel_host *host, struct keel_check *check)
{
	DIR *dir = opendir("/sys/class/net");
	struct dirent *entry;
	unsigned count = 0;

	(void)host;
	while (dir && (entry = readdir(dir))) {
		char path[300];

		snprintf(path, sizeof(path), "/sys/class/net/%s/bridge", entry->d_name);
		if (access(path, F_OK))
			continue;
		count++;
		snprintf(check->found, sizeof(check->found), "%s%.32s",
			 count > 1 ? "several, one is " : "", entry->d_name);
	}
	if (dir)
		closedir(dir);
	if (count)
		check->verdict = KEEL_CHECK_OK;
	else
		said(check, KEEL_CHECK_WARN, "there is none: guests have no network",
		     "ip link add xenbr0 type bridge && ip link set xenbr0 up");
}

static void check_storage(struct keel_host *host, struct keel_check *check)
{
	static const char *const places[] = {"/var/lib/keel", "/var/lib", "/"};
	struct statvfs st;
	char size[16];

	(void)host;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		uint64_t free_bytes;

		if (statvfs(places[i], &st))
			continue;
		free_bytes = (uint64_t)st.f_bavail * st.f_frsize;
		snprintf(check->found, sizeof(check->found), "%s free in %s",
			 keel_format_size(free_bytes, size, sizeof(size)), places[i]);
		check->verdict =
			free_bytes < (1u << 30) ? KEEL_CHECK_WARN : KEEL_CHECK_OK;
		if (check->verdict != KEEL_CHECK_OK)
			snprintf(check->fix, sizeof(check->fix), "df -h %s", places[i]);
		return;
	}
	said(check, KEEL_CHECK_BAD, "cannot be read", "df -h");
}

static void check_time(struct keel_host *host, struct keel_check *check)
{
	time_t now = time(NULL);
	struct tm tm;
	char text[40];

	(void)host;
	if (!gmtime_r(&now, &tm) || !strftime(text, sizeof(text), "%F %T UTC", &tm)) {
		said(check, KEEL_CHECK_BAD, "unknown", "timedatectl");
		return;
	}
	/* A clock that lost its battery starts in the past: TLS and logs suffer. */
	if (tm.tm_year + 1900 < 2024)
		said(check, KEEL_CHECK_WARN, text, "timedatectl set-time ...");
	else
		said(check, KEEL_CHECK_OK, text, "");
}

static void check_files(struct keel_host *host, struct keel_check *check)
{
	struct keel_guest_file file;
	unsigned good = 0, bad = 0;
	struct keel_error err;
	char **names;

	(void)host;
	if (keel_guest_file_list(&names, &err)) {
		said(check, KEEL_CHECK_BAD, err.text, "");
		return;
	}
	for (char **name = names; *name; name++) {
		if (keel_guest_file_read(*name, &file, &err) == 0) {
			keel_guest_file_free(&file);
			good++;
			continue;
		}
		if (!bad++)
			snprintf(check->fix, sizeof(check->fix), "keel config --edit %s",
				 *name);
		snprintf(check->found, sizeof(check->found), "%.*s",
			 (int)sizeof(check->found) - 1, err.text);
	}
	keel_strv_free(names);
	check->verdict = bad ? KEEL_CHECK_WARN : KEEL_CHECK_OK;
	if (!bad)
		snprintf(check->found, sizeof(check->found), "%u, all readable", good);
}

static const struct check_def defs[] = {
	{"hypervisor", check_hypervisor},  {"free memory", check_memory},
	{"xenstored", check_xenstored},	   {"xen-init-dom0", check_init},
	{"keel-consoled", check_consoled}, {"other toolstacks", check_rivals},
	{"bridge", check_bridge},	   {"storage", check_storage},
	{"guest files", check_files},	   {"time", check_time},
};

int keel_checks_run(struct keel_host *host, struct keel_check **results, size_t *count)
{
	*count = sizeof(defs) / sizeof(*defs);
	*results = calloc(*count, sizeof(**results));
	if (!*results)
		return -1;
	for (size_t i = 0; i < *count; i++) {
		(*results)[i].name = defs[i].name;
		defs[i].run(host, &(*results)[i]);
	}
	return 0;
}
