/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEEL_INSTALLER_CLI_H
#define KEEL_INSTALLER_CLI_H

#include "child.h"
#include "execute.h"

/* Exit statuses of keel-install, part of its interface. */
enum ki_exit {
	KI_EXIT_OK = 0,
	KI_EXIT_FAILED = 1,    /* a step failed; what was made was taken back */
	KI_EXIT_USAGE = 2,     /* the command line is wrong */
	KI_EXIT_REFUSED = 3,   /* the plan does not fit the host; nothing was touched */
	KI_EXIT_MEDIUM = 4,    /* the medium cannot be read or is not recognised */
	KI_EXIT_CANCELLED = 5, /* ^C or Cancel; what was made was taken back */
	KI_EXIT_ATTACH = 6, /* installed and started, but the console is not to be had */
};

struct ki_options {
	struct ki_spec spec;
	struct ki_paths paths;
	char *rules;
	bool dry_run, json, no_osinfo;
	bool any; /* an option that makes it a command-line install was given */
};

/* Set by SIGINT, SIGTERM, SIGHUP. */
bool ki_interrupted(void *arg);
void ki_interrupt(void);
void ki_catch_signals(void);

/* The medium of @spec opened and recognised; *@m stays NULL for other sources. */
int ki_look_at_source(const struct ki_options *o, struct ki_spec *spec,
		      struct ki_medium **m, struct ki_detection *found,
		      struct ki_error *err);
/* Command-line install of a filled spec; returns an exit status. */
int ki_cli_install(struct ki_options *o);
/* The wizard (wizard.c); returns an exit status. */
int ki_wizard(struct ki_options *o);

#endif
