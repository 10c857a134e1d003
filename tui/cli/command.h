/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands of keel: one const struct each, all of them in the table in main.c. */
#ifndef KEEL_CLI_COMMAND_H
#define KEEL_CLI_COMMAND_H

#include "lib/host.h"

struct command {
	const char *name;
	const char *synopsis; /* what follows the name */
	const char *summary;  /* one line, lower case, no full stop */
	const char *options;  /* lines of two columns, or NULL */
	/* argv[0] is the command's name; returns the exit status. */
	int (*run)(const struct command *self, int argc, char **argv);
};

extern const struct command cmd_attach_disk, cmd_attach_net, cmd_autostart, cmd_check,
	cmd_config, cmd_define, cmd_destroy, cmd_detach_disk, cmd_detach_net, cmd_eject,
	cmd_host, cmd_info, cmd_insert, cmd_list, cmd_log, cmd_mem, cmd_pause, cmd_reboot,
	cmd_rename, cmd_start, cmd_stop, cmd_sysrq, cmd_undefine, cmd_unpause, cmd_vcpu;

/* NULL-terminated, in the order in which help shows them. */
extern const struct command *const commands[];

/* The whole program but main(), so that it can be linked with another host. */
int keel_main(int argc, char **argv);

/* Prints how the command is used, to standard error; returns KEEL_EUSAGE. */
int command_usage(const struct command *self);

/* Prints the error and returns its code as exit status. */
int command_fail(const struct keel_error *err);

/* Set by SIGINT and SIGTERM once command_catch() was called. */
extern volatile int command_cancelled;
void command_catch(void);

/*
 * Finds program keel-NAME: in $KEEL_EXEC_PATH, beside this program, in the directory of
 * the installation, in $PATH; replaces this process by it.  Returns only on failure,
 * with errno.
 */
void command_exec(const char *name, char **argv);

/* Replaces this process by xl with a NULL-terminated list of arguments; fails otherwise.
 */
int command_exec_xl(const char *const *args);

#endif
