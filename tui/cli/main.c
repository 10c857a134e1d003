/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * keel: the command that leads to all others.
 *
 *   keel             the dashboard (keel-tui)
 *   keel COMMAND     a command of the table below, or the program keel-COMMAND
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tui/cli/command.h"

const struct command *const commands[] = {
	&cmd_list,	  &cmd_info,   &cmd_start,     &cmd_stop,
	&cmd_reboot,	  &cmd_pause,  &cmd_unpause,   &cmd_destroy,
	&cmd_vcpu,	  &cmd_mem,    &cmd_autostart, &cmd_define,
	&cmd_undefine,	  &cmd_config, &cmd_rename,    &cmd_attach_disk,
	&cmd_detach_disk, &cmd_insert, &cmd_eject,     &cmd_attach_net,
	&cmd_detach_net,  &cmd_sysrq,  &cmd_host,      &cmd_check,
	&cmd_log,	  NULL,
};

/* Programs of their own that belong to Keel, for the help. */
static const struct {
	const char *name, *summary;
} programs[] = {
	{"tui", "the dashboard; also what keel without a command shows"},
	{"install", "install a guest, through menus or from options"},
	{"console", "attach to a guest's console"},
};

volatile int command_cancelled;

static void on_signal(int sig)
{
	(void)sig;
	command_cancelled = 1;
}

void command_catch(void)
{
	struct sigaction act = {.sa_handler = on_signal};

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
}

int command_usage(const struct command *self)
{
	fprintf(stderr, "usage: keel %s %s\n       %s\n", self->name, self->synopsis,
		self->summary);
	if (self->options)
		fprintf(stderr, "\n%s", self->options);
	return KEEL_EUSAGE;
}

int command_fail(const struct keel_error *err)
{
	keel_error_print(err);
	return err->code;
}

static void exec_in(const char *dir, size_t dir_len, const char *name, char **argv)
{
	char path[4096];

	if (!dir_len)
		return;
	snprintf(path, sizeof(path), "%.*s/keel-%s", (int)dir_len, dir, name);
	execv(path, argv);
}

void command_exec(const char *name, char **argv)
{
	const char *env = secure_getenv("KEEL_EXEC_PATH");
	char self[4096], program[64];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self));
	const char *slash;

	if (strchr(name, '/') || strlen(name) > 32) {
		errno = ENOENT;
		return;
	}
	if (env)
		exec_in(env, strlen(env), name, argv);
	slash = len > 0 ? memrchr(self, '/', (size_t)len) : NULL;
	/* The programs run keel commands themselves: through this very dispatcher. */
	if (len > 0 && (size_t)len < sizeof(self)) {
		self[len] = '\0';
		setenv("KEEL_PROGRAM", self, 0);
	}
	if (slash)
		exec_in(self, (size_t)(slash - self), name, argv);
	exec_in(KEEL_LIBEXECDIR, strlen(KEEL_LIBEXECDIR), name, argv);
	snprintf(program, sizeof(program), "keel-%s", name);
	execvp(program, argv);
}

int command_exec_xl(const char *const *args)
{
	/* xl does not write to what it is given. */
	execvp("xl", (char *const *)(uintptr_t)args);
	fprintf(stderr, "%s: cannot run xl: %s\n", keel_program(), strerror(errno));
	return KEEL_EHOST;
}

static int help(FILE *out)
{
	fprintf(out, "usage: keel [COMMAND [ARGUMENT]...]\n\n"
		     "Without a command the dashboard is shown.  Commands:\n\n");
	for (const struct command *const *c = commands; *c; c++)
		fprintf(out, "  %-12s %s\n", (*c)->name, (*c)->summary);
	fprintf(out, "\n");
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++)
		fprintf(out, "  %-12s %s\n", programs[i].name, programs[i].summary);
	fprintf(out, "\nkeel COMMAND --help tells about one; keel(1) about all.\n");
	return ferror(out) ? KEEL_EFAIL : KEEL_OK;
}

static const struct command *find(const char *name)
{
	for (const struct command *const *c = commands; *c; c++)
		if (strcmp((*c)->name, name) == 0)
			return *c;
	return NULL;
}

static int run_program(const char *name, char **argv)
{
	command_exec(name, argv);
	if (errno == ENOENT)
		fprintf(stderr,
			"keel: there is no command \"%s\"; keel help lists them\n", name);
	else
		fprintf(stderr, "keel: cannot run keel-%s: %s\n", name, strerror(errno));
	return errno == ENOENT ? KEEL_EUSAGE : KEEL_EFAIL;
}

int keel_main(int argc, char **argv)
{
	const struct command *command;
	char *tui[] = {(char[]){"keel-tui"}, NULL};

	keel_set_program("keel");
	if (argc < 2)
		return run_program("tui", tui);
	if (strcmp(argv[1], "help") == 0 && argc > 2 && (command = find(argv[2]))) {
		command_usage(command);
		return KEEL_OK;
	}
	if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
	    strcmp(argv[1], "-h") == 0)
		return help(stdout);
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
		printf("keel %s\n", PACKAGE_VERSION);
		return KEEL_OK;
	}
	command = find(argv[1]);
	if (!command)
		return run_program(argv[1], argv + 1);
	if (argc > 2 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0)) {
		command_usage(command);
		return KEEL_OK;
	}
	return command->run(command, argc - 1, argv + 1);
}
