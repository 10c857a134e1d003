/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libosinfo's opinion of an image. It runs in a child process with a time
 * limit: the database is large, GLib starts threads, and the descriptors that
 * it matches come from the medium. The answer is one "key=value" a line.
 */
#include "detect.h"

#include <errno.h>
#include <fcntl.h>
#include <osinfo/osinfo.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_SECONDS 30
#define ANSWER_BYTES   4096

static void put(FILE *out, const char *key, const char *value)
{
	if (value && *value && !strchr(value, '\n'))
		fprintf(out, "%s=%s\n", key, value);
}

static void put_memory(FILE *out, OsinfoOs *os)
{
	OsinfoResourcesList *list = osinfo_os_get_minimum_resources(os);
	gint64 most = 0;

	for (gint i = 0; list && i < osinfo_list_get_length(OSINFO_LIST(list)); i++) {
		OsinfoEntity *e = osinfo_list_get_nth(OSINFO_LIST(list), i);
		gint64 ram = osinfo_resources_get_ram(OSINFO_RESOURCES(e));

		if (ram > most)
			most = ram;
	}
	if (most > 0)
		fprintf(out, "memory=%lld\n", (long long)most / (1024 * 1024));
}

static void child_main(const char *location, FILE *out)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(OsinfoMedia) media =
		osinfo_media_create_from_location_with_flags(location, NULL, 0, &error);
	OsinfoLoader *loader;
	OsinfoDb *db;
	OsinfoOs *os;

	if (!media) {
		put(out, "why", error ? error->message : "libosinfo cannot read it");
		return;
	}
	loader = osinfo_loader_new();
	osinfo_loader_process_default_path(loader, &error);
	db = osinfo_loader_get_db(loader);
	if (!db || !osinfo_db_identify_media(db, media)) {
		put(out, "why", "libosinfo does not know these volume descriptors");
		return;
	}
	os = osinfo_media_get_os(media);
	if (!os)
		return;
	put(out, "name", osinfo_product_get_name(OSINFO_PRODUCT(os)));
	put(out, "version", osinfo_product_get_version(OSINFO_PRODUCT(os)));
	put(out, "kernel", osinfo_media_get_kernel_path(media));
	put(out, "initrd", osinfo_media_get_initrd_path(media));
	put_memory(out, os);
}

static long elapsed(const struct timespec *since)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - since->tv_sec) * 1000 +
	       (now.tv_nsec - since->tv_nsec) / 1000000;
}

/* Everything until the end of the stream or of the time; what came is kept. */
static void collect(int fd, struct ki_buf *buf)
{
	struct timespec start;
	long left;

	clock_gettime(CLOCK_MONOTONIC, &start);
	while ((left = ANSWER_SECONDS * 1000 - elapsed(&start)) > 0) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		char chunk[1024];
		ssize_t got;

		if (poll(&p, 1, (int)left) <= 0 && errno != EINTR)
			return;
		got = read(fd, chunk, sizeof(chunk));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0 || buf->len + (size_t)got > ANSWER_BYTES)
			return;
		ki_buf_add(buf, chunk, (size_t)got);
	}
}

static void take_line(struct ki_osinfo *info, char **why, char *line)
{
	char *value = strchr(line, '=');
	uint64_t number;

	if (!value)
		return;
	*value++ = '\0';
	if (!strcmp(line, "name"))
		ki_set(&info->name, value);
	else if (!strcmp(line, "version"))
		ki_set(&info->version, value);
	else if (!strcmp(line, "kernel"))
		ki_set(&info->kernel, value);
	else if (!strcmp(line, "initrd"))
		ki_set(&info->initrd, value);
	else if (!strcmp(line, "memory") && ki_parse_uint(value, 1, 1 << 20, &number))
		info->min_memory = number;
	else if (!strcmp(line, "why"))
		ki_set(why, value);
}

int ki_osinfo_ask(const char *location, struct ki_osinfo *info, char **why)
{
	struct ki_buf answer = {0};
	char *rest, *line;
	int pipefd[2];
	pid_t pid;

	memset(info, 0, sizeof(*info));
	if (pipe2(pipefd, O_CLOEXEC)) {
		*why = ki_strdup(strerror(errno));
		return 1;
	}
	pid = fork();
	if (!pid) {
		FILE *out = fdopen(pipefd[1], "w");
		int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!out || quiet < 0 || dup2(quiet, 2) < 0)
			_exit(1);
		child_main(location, out);
		_exit(fflush(out) ? 1 : 0);
	}
	close(pipefd[1]);
	if (pid > 0)
		collect(pipefd[0], &answer);
	close(pipefd[0]);
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	rest = answer.data;
	while (rest && (line = strsep(&rest, "\n")))
		take_line(info, why, line);
	ki_buf_free(&answer);
	if (info->name)
		return 0;
	if (!*why)
		*why = ki_strdup("libosinfo gave no answer");
	ki_osinfo_free(info);
	return 1;
}
