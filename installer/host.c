/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The facts of this host that a plan is held against. */
#include "plan.h"

#include <dirent.h>
#include <errno.h>
#include <libxl.h>
#include <libxl_utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <xentoollog.h>

#define CFG_LIMIT (256 * KI_KIB)

void ki_random(void *buf, size_t len)
{
	char *at = buf;

	while (len) {
		ssize_t got = getrandom(at, len, 0);

		if (got < 0 && errno != EINTR) {
			perror("keel-install: no random numbers");
			abort();
		}
		if (got > 0) {
			at += got;
			len -= (size_t)got;
		}
	}
}

static enum ki_path_kind path_kind(void *arg, const char *path)
{
	struct stat st;

	(void)arg;
	if (stat(path, &st))
		return lstat(path, &st) ? KI_PATH_NONE : KI_PATH_OTHER;
	if (S_ISREG(st.st_mode))
		return KI_PATH_FILE;
	if (S_ISDIR(st.st_mode))
		return KI_PATH_DIR;
	return S_ISBLK(st.st_mode) ? KI_PATH_BLOCK : KI_PATH_OTHER;
}

/* The nearest directory above @path that exists tells the file system. */
static bool path_space(void *arg, const char *path, uint64_t *bytes, uint64_t *fs)
{
	char *at = ki_strdup(path), *slash;
	struct statvfs vfs;
	struct stat st;
	bool ok = false;

	(void)arg;
	while (stat(at, &st) && (slash = strrchr(at, '/')) && slash != at)
		*slash = '\0';
	if (!stat(at, &st) && !statvfs(at, &vfs)) {
		*bytes = (uint64_t)vfs.f_bavail * vfs.f_frsize;
		*fs = st.st_dev;
		ok = true;
	}
	free(at);
	return ok;
}

static bool names_path(const char *text, const char *path)
{
	size_t len = strlen(path);

	for (const char *at = text; (at = strstr(at, path)); at += len)
		if (strchr("\"', \n", at[len]))
			return true;
	return false;
}

static char *disk_user(void *arg, const char *path, const char *name)
{
	const struct ki_paths *paths = arg;
	char *dir_path = ki_printf("%s/guests", paths->conf), *user = NULL;
	DIR *dir = opendir(dir_path);
	struct dirent *e;

	while (dir && !user && (e = readdir(dir))) {
		size_t len = strlen(e->d_name);
		char *file, *text;

		if (!ki_suffix(e->d_name, ".cfg") ||
		    (strlen(name) == len - 4 && !strncmp(e->d_name, name, len - 4)))
			continue;
		file = ki_printf("%s/%s", dir_path, e->d_name);
		text = ki_read_file(file, CFG_LIMIT, NULL);
		if (text && names_path(text, path))
			user = ki_strndup(e->d_name, len - 4);
		free(text);
		free(file);
	}
	if (dir)
		closedir(dir);
	free(dir_path);
	return user;
}

static void find_bridges(struct ki_host *host)
{
	DIR *dir = opendir("/sys/class/net");
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		char *probe = ki_printf("/sys/class/net/%s/bridge", e->d_name);

		if (!access(probe, F_OK))
			ki_strv_add(&host->bridges, e->d_name);
		free(probe);
	}
	if (dir)
		closedir(dir);
}

static void list_running(libxl_ctx *ctx, struct ki_host *host)
{
	int n = 0;
	libxl_dominfo *list = libxl_list_domain(ctx, &n);

	for (int i = 0; list && i < n; i++) {
		char *name = libxl_domid_to_name(ctx, list[i].domid);

		if (name)
			ki_strv_add(&host->running, name);
		free(name);
	}
	if (list)
		libxl_dominfo_list_free(list, n);
}

static void ask_libxl(struct ki_host *host)
{
	xentoollog_logger_stdiostream *log =
		xtl_createlogger_stdiostream(stderr, XTL_CRITICAL, 0);
	libxl_physinfo phys;
	libxl_ctx *ctx = NULL;

	if (!log)
		return;
	if (!libxl_ctx_alloc(&ctx, LIBXL_VERSION, 0, (xentoollog_logger *)log)) {
		libxl_physinfo_init(&phys);
		if (!libxl_get_physinfo(ctx, &phys)) {
			const libxl_version_info *v = libxl_get_version_info(ctx);
			uint64_t page = v ? (uint64_t)v->pagesize : 4096;

			host->xen = true;
			host->cpus = phys.nr_cpus;
			host->free_memory = phys.free_pages * page / KI_MIB;
			host->total_memory = phys.total_pages * page / KI_MIB;
			list_running(ctx, host);
		}
		libxl_physinfo_dispose(&phys);
		libxl_ctx_free(ctx);
	}
	xtl_logger_destroy((xentoollog_logger *)log);
}

void ki_host_gather(struct ki_host *host, const struct ki_paths *paths)
{
	memset(host, 0, sizeof(*host));
	host->root = geteuid() == 0;
	host->kind = path_kind;
	host->space = path_space;
	host->disk_user = disk_user;
	host->arg = (void *)paths;
	find_bridges(host);
	/* Without the device libxl would only print complaints. */
	if (!access("/dev/xen/privcmd", R_OK | W_OK))
		ask_libxl(host);
	if (!host->cpus) {
		long n = sysconf(_SC_NPROCESSORS_ONLN);

		host->cpus = n > 0 ? (unsigned)n : 0;
	}
}

void ki_host_free(struct ki_host *host)
{
	ki_strv_free(&host->running);
	ki_strv_free(&host->bridges);
	memset(host, 0, sizeof(*host));
}
