/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands that begin, interrupt and end the life of a guest. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/size.h"
#include "tui/cli/command.h"

/* Seconds that a guest gets to shut down when nothing else is said. */
#define STOP_LIMIT 120

struct flags {
	bool force, wait, console;
	bool has_timeout;
	unsigned timeout;
};

static int parse(int argc, char **argv, struct flags *flags)
{
	static const struct option options[] = {{"force", no_argument, NULL, 'f'},
						{"wait", no_argument, NULL, 'w'},
						{"console", no_argument, NULL, 'c'},
						{"timeout", required_argument, NULL, 't'},
						{0}};
	uint64_t seconds;
	int opt;

	*flags = (struct flags){.timeout = STOP_LIMIT};
	while ((opt = getopt_long(argc, argv, "fwct:", options, NULL)) != -1)
		switch (opt) {
		case 'f':
			flags->force = true;
			break;
		case 'w':
			flags->wait = true;
			break;
		case 'c':
			flags->console = true;
			break;
		case 't':
			if (!keel_parse_seconds(optarg, &seconds) || seconds > 86400) {
				fprintf(stderr, "keel: \"%s\" is not a time\n", optarg);
				return -1;
			}
			flags->timeout = (unsigned)seconds;
			flags->has_timeout = true;
			break;
		default:
			return -1;
		}
	return optind < argc ? 0 : -1;
}

typedef int action(struct keel_host *host, const struct keel_guest *guest,
		   const struct flags *flags, struct keel_error *err);

/* Does one action to every guest named; goes on after a failure, returns the first one.
 */
static int each_guest(const struct command *self, int argc, char **argv, action *act)
{
	struct keel_guest guest;
	struct keel_error err;
	struct keel_host host;
	struct flags flags;
	int status = KEEL_OK;

	if (parse(argc, argv, &flags))
		return command_usage(self);
	if (keel_host_open(&host, &err))
		return command_fail(&err);
	command_catch();
	for (int i = optind; i < argc && !command_cancelled; i++) {
		if (keel_guest_find(&host, argv[i], &guest, &err) == 0 &&
		    act(&host, &guest, &flags, &err) == 0)
			continue;
		keel_error_print(&err);
		if (status == KEEL_OK)
			status = err.code;
	}
	keel_host_close(&host);
	return command_cancelled && status == KEEL_OK ? KEEL_ECANCELLED : status;
}

static int need_domain(const struct keel_guest *guest, struct keel_error *err)
{
	if (guest->domid == 0)
		return keel_fail(err, KEEL_ESTATE,
				 "%s is the control domain; that is not done to it",
				 guest->name);
	if (guest->domid == KEEL_NO_DOMAIN)
		return keel_fail(err, KEEL_ESTATE, "%s is not running", guest->name);
	return 0;
}

/* Runs, not only exists: until it is built whole, a domain is paused. */
static bool is_running(const struct keel_guest *guest)
{
	return guest->state == KEEL_STATE_RUNNING || guest->state == KEEL_STATE_IDLE;
}

static bool is_alive(const struct keel_guest *guest, void *arg)
{
	(void)arg;
	return guest && keel_state_alive(guest->state);
}

static bool is_gone(const struct keel_guest *guest, void *arg)
{
	(void)arg;
	return !guest || guest->domid == KEEL_NO_DOMAIN;
}

static bool is_not_alive(const struct keel_guest *guest, void *arg)
{
	(void)arg;
	return !guest || !keel_state_alive(guest->state);
}

/* True when the domain is another one than *arg, or none. */
static bool is_replaced(const struct keel_guest *guest, void *arg)
{
	return guest && is_running(guest) && guest->domid != *(const uint32_t *)arg;
}

/* Shows what the unit wrote lately: xl's own words are the best explanation. */
static void show_journal(const char *name)
{
	char unit[KEEL_UNIT_MAX];
	pid_t pid;

	keel_name_to_unit(name, unit, sizeof(unit));
	fflush(stderr);
	pid = fork();
	if (pid == 0) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execlp("journalctl", "journalctl", "-q", "--no-pager", "-o", "cat", "-n",
		       "12", "-u", unit, (char *)NULL);
		_exit(127);
	}
	if (pid > 0)
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
}

/* After a start that was cancelled halfway: nothing of it shall stay. */
static void undo_start(struct keel_host *host, const char *name)
{
	struct keel_guest guest;
	struct keel_error err;

	if (host->ops->unit_stop(host->ctx, name, NULL, &err))
		keel_error_print(&err);
	if (keel_guest_find(host, name, &guest, NULL) == 0 &&
	    guest.domid != KEEL_NO_DOMAIN &&
	    host->ops->destroy(host->ctx, guest.domid, &err))
		keel_error_print(&err);
}

static int start_guest(struct keel_host *host, const struct keel_guest *guest,
		       const struct flags *flags, struct keel_error *err)
{
	struct keel_guest_file file;

	(void)flags;
	if (guest->domid != KEEL_NO_DOMAIN)
		return keel_fail(err, KEEL_ESTATE, "%s has a domain already (%s)",
				 guest->name, keel_state_name(guest->state));
	/* A bad file is told here, in one line, instead of by a failed unit. */
	if (keel_guest_file_read(guest->name, &file, err))
		return -1;
	keel_guest_file_free(&file);
	if (host->ops->unit_start(host->ctx, guest->name, &command_cancelled, err)) {
		if (err->code == KEEL_ECANCELLED)
			undo_start(host, guest->name);
		else
			show_journal(guest->name);
		return -1;
	}
	return keel_guest_wait(host, guest->name, is_alive, NULL, 30, &command_cancelled,
			       err);
}

static int run_start(const struct command *self, int argc, char **argv)
{
	char *args[3] = {(char[]){"keel-console"}, NULL, NULL};
	struct flags flags;
	int rc = each_guest(self, argc, argv, start_guest);

	if (rc != KEEL_OK)
		return rc;
	optind = 1;
	if (parse(argc, argv, &flags) || !flags.console)
		return rc;
	args[1] = argv[optind];
	command_exec("console", args);
	fprintf(stderr, "keel: cannot run keel-console: %s\n", strerror(errno));
	return KEEL_EFAIL;
}

static int destroy_guest(struct keel_host *host, const struct keel_guest *guest,
			 const struct flags *flags, struct keel_error *err)
{
	(void)flags;
	if (need_domain(guest, err) || host->ops->destroy(host->ctx, guest->domid, err))
		return -1;
	if (keel_guest_wait(host, guest->name, is_gone, NULL, 60, NULL, err))
		return -1;
	/* The unit ends with its domain; stopping it makes sure that nothing restarts. */
	return guest->has_unit ? host->ops->unit_stop(host->ctx, guest->name,
						      &command_cancelled, err)
			       : 0;
}

/* Asks the guest to shut down and waits until it has. */
static int ask_to_stop(struct keel_host *host, const struct keel_guest *guest,
		       const struct flags *flags, struct keel_error *err)
{
	if (!keel_state_alive(guest->state))
		return 0;
	if (guest->state == KEEL_STATE_PAUSED &&
	    host->ops->unpause(host->ctx, guest->domid, err))
		return -1;
	if (host->ops->shutdown(host->ctx, guest->domid, err)) {
		keel_hint(err, "keel destroy %s ends it at once, like pulling the plug",
			  guest->name);
		return -1;
	}
	if (keel_guest_wait(host, guest->name, is_not_alive, NULL, flags->timeout,
			    &command_cancelled, err) == 0)
		return 0;
	if (err->code == KEEL_ETIMEOUT) {
		keel_fail(err, KEEL_ETIMEOUT, "%s has not shut down within %u s",
			  guest->name, flags->timeout);
		keel_hint(err, "keel destroy %s ends it at once, like pulling the plug",
			  guest->name);
	}
	return -1;
}

static int stop_guest(struct keel_host *host, const struct keel_guest *guest,
		      const struct flags *flags, struct keel_error *err)
{
	if (guest->has_unit && guest->domid == KEEL_NO_DOMAIN)
		return host->ops->unit_stop(host->ctx, guest->name, &command_cancelled,
					    err);
	if (flags->force)
		return destroy_guest(host, guest, flags, err);
	if (need_domain(guest, err))
		return -1;
	/* The unit has a limit of its own, after which it destroys the domain. */
	if (guest->has_unit && !flags->has_timeout)
		return host->ops->unit_stop(host->ctx, guest->name, &command_cancelled,
					    err);
	if (ask_to_stop(host, guest, flags, err))
		return -1;
	if (guest->has_unit)
		return host->ops->unit_stop(host->ctx, guest->name, &command_cancelled,
					    err);
	/* Nobody may watch a domain without a unit: clean up what it leaves. */
	if (keel_guest_wait(host, guest->name, is_gone, NULL, 5, NULL, NULL) == 0)
		return 0;
	return host->ops->destroy(host->ctx, guest->domid, err);
}

static int reboot_guest(struct keel_host *host, const struct keel_guest *guest,
			const struct flags *flags, struct keel_error *err)
{
	uint32_t domid = guest->domid;

	if (need_domain(guest, err) || host->ops->reboot(host->ctx, domid, err))
		return -1;
	if (!flags->wait && !flags->has_timeout)
		return 0;
	return keel_guest_wait(host, guest->name, is_replaced, &domid, flags->timeout,
			       &command_cancelled, err);
}

static int pause_guest(struct keel_host *host, const struct keel_guest *guest,
		       const struct flags *flags, struct keel_error *err)
{
	(void)flags;
	return need_domain(guest, err) ? -1
				       : host->ops->pause(host->ctx, guest->domid, err);
}

static int unpause_guest(struct keel_host *host, const struct keel_guest *guest,
			 const struct flags *flags, struct keel_error *err)
{
	(void)flags;
	return need_domain(guest, err) ? -1
				       : host->ops->unpause(host->ctx, guest->domid, err);
}

static int run_stop(const struct command *self, int argc, char **argv)
{
	return each_guest(self, argc, argv, stop_guest);
}

static int run_destroy(const struct command *self, int argc, char **argv)
{
	return each_guest(self, argc, argv, destroy_guest);
}

static int run_reboot(const struct command *self, int argc, char **argv)
{
	return each_guest(self, argc, argv, reboot_guest);
}

static int run_pause(const struct command *self, int argc, char **argv)
{
	return each_guest(self, argc, argv, pause_guest);
}

static int run_unpause(const struct command *self, int argc, char **argv)
{
	return each_guest(self, argc, argv, unpause_guest);
}

static int run_autostart(const struct command *self, int argc, char **argv)
{
	struct keel_guest guest;
	struct keel_error err;
	struct keel_host host;
	bool on;
	int rc;

	if (argc != 3 || (strcmp(argv[2], "on") != 0 && strcmp(argv[2], "off") != 0))
		return command_usage(self);
	on = strcmp(argv[2], "on") == 0;
	if (keel_host_open(&host, &err))
		return command_fail(&err);
	rc = keel_guest_find(&host, argv[1], &guest, &err);
	if (!rc && on && !guest.defined)
		rc = keel_fail(&err, KEEL_ESTATE,
			       "%s has no guest file, so it cannot be started at boot",
			       guest.name);
	if (!rc)
		rc = host.ops->unit_enable(host.ctx, guest.name, on, &err);
	keel_host_close(&host);
	return rc ? command_fail(&err) : KEEL_OK;
}

static int run_sysrq(const struct command *self, int argc, char **argv)
{
	struct keel_guest guest;
	struct keel_error err;
	struct keel_host host;
	int rc;

	if (argc != 3 || strlen(argv[2]) != 1)
		return command_usage(self);
	if (keel_host_open(&host, &err))
		return command_fail(&err);
	rc = keel_guest_find(&host, argv[1], &guest, &err);
	if (!rc)
		rc = need_domain(&guest, &err);
	if (!rc)
		rc = host.ops->sysrq(host.ctx, guest.domid, argv[2][0], &err);
	keel_host_close(&host);
	return rc ? command_fail(&err) : KEEL_OK;
}

const struct command cmd_start = {
	.name = "start",
	.synopsis = "[--console] NAME...",
	.summary = "start guests, and wait until they run",
	.options = "  -c, --console  attach to the console of the (first) guest\n",
	.run = run_start,
};

const struct command cmd_stop = {
	.name = "stop",
	.synopsis = "[--force | --timeout TIME] NAME...",
	.summary = "shut guests down, and wait until they are gone",
	.options = "  -f, --force         as keel destroy\n"
		   "  -t, --timeout TIME  give up after TIME (90, 5m) and leave it "
		   "running;\n"
		   "                      else its unit destroys it after the unit's "
		   "limit\n",
	.run = run_stop,
};

const struct command cmd_reboot = {
	.name = "reboot",
	.synopsis = "[--wait] [--timeout TIME] NAME...",
	.summary = "ask guests to reboot",
	.options = "  -w, --wait          wait until the guest runs again\n"
		   "  -t, --timeout TIME  wait that long at most (default 120 s)\n",
	.run = run_reboot,
};

const struct command cmd_pause = {
	.name = "pause",
	.synopsis = "NAME...",
	.summary = "stop running a guest's vCPUs, keeping everything",
	.run = run_pause,
};

const struct command cmd_unpause = {
	.name = "unpause",
	.synopsis = "NAME...",
	.summary = "let a paused guest run on",
	.run = run_unpause,
};

const struct command cmd_destroy = {
	.name = "destroy",
	.synopsis = "NAME...",
	.summary = "end guests at once, like pulling the plug; unsaved data is lost",
	.run = run_destroy,
};

const struct command cmd_autostart = {
	.name = "autostart",
	.synopsis = "NAME on|off",
	.summary = "start a guest when the host boots, or not",
	.run = run_autostart,
};

const struct command cmd_sysrq = {
	.name = "sysrq",
	.synopsis = "NAME KEY",
	.summary = "send a magic SysRq key to a Linux guest",
	.run = run_sysrq,
};
