/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands about guest files. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tui/cli/command.h"

#define MAX_TEXT (1u << 20)

/* All of a file ("-": standard input) as text; NULL with errno. */
static char *slurp(const char *path)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	char *text = NULL;
	size_t len;

	if (!f)
		return NULL;
	text = malloc(MAX_TEXT + 1);
	if (text) {
		len = fread(text, 1, MAX_TEXT + 1, f);
		if (ferror(f) || len > MAX_TEXT || memchr(text, 0, len)) {
			free(text);
			text = NULL;
			errno = ferror(f) ? EIO : EINVAL;
		} else {
			text[len] = '\0';
		}
	}
	if (f != stdin)
		fclose(f);
	return text;
}

/* The guest's name that the text itself gives, or NULL. */
static char *name_in(const char *text)
{
	const char *p = text;
	char quote, *name;

	while (p && *p) {
		p += strspn(p, " \t\n");
		if (strncmp(p, "name", 4) == 0 && strchr(" \t=", p[4])) {
			p += 4 + strspn(p + 4, " \t");
			if (*p++ != '=')
				return NULL;
			p += strspn(p, " \t");
			quote = *p++;
			if (quote != '"' && quote != '\'')
				return NULL;
			name = strndup(p, strcspn(p, "\"'\n"));
			return name;
		}
		p = strchr(p, '\n');
	}
	return NULL;
}

static int run_define(const struct command *self, int argc, char **argv)
{
	static const struct option options[] = {{"replace", no_argument, NULL, 'r'}, {0}};
	char *text, *name, path[4200];
	struct keel_error err;
	bool replace = false;
	int opt, rc;

	while ((opt = getopt_long(argc, argv, "r", options, NULL)) != -1) {
		if (opt != 'r')
			return command_usage(self);
		replace = true;
	}
	if (argc - optind != 1)
		return command_usage(self);
	text = slurp(argv[optind]);
	if (!text) {
		fprintf(stderr, "keel: cannot read %s: %s\n", argv[optind],
			strerror(errno));
		return KEEL_EFAIL;
	}
	name = name_in(text);
	if (!name)
		rc = keel_fail(&err, KEEL_EFILE, "%s: there is no name= in it",
			       argv[optind]);
	else
		rc = keel_guest_file_write(name, text, replace, &err);
	if (!rc)
		printf("%s\n", keel_guest_file_path(name, path, sizeof(path)));
	free(name);
	free(text);
	return rc ? command_fail(&err) : KEEL_OK;
}

static int run_undefine(const struct command *self, int argc, char **argv)
{
	struct keel_guest guest;
	struct keel_error err;
	struct keel_host host;
	int rc;

	if (argc != 2)
		return command_usage(self);
	if (keel_host_open(&host, &err))
		return command_fail(&err);
	rc = keel_guest_find(&host, argv[1], &guest, &err);
	if (!rc && guest.domid != KEEL_NO_DOMAIN) {
		rc = keel_fail(&err, KEEL_ESTATE, "%s is running", guest.name);
		keel_hint(&err, "stop it first: keel stop %s", guest.name);
	}
	if (!rc && guest.autostart)
		rc = host.ops->unit_enable(host.ctx, guest.name, false, &err);
	if (!rc)
		rc = keel_guest_file_remove(guest.name, &err);
	keel_host_close(&host);
	return rc ? command_fail(&err) : KEEL_OK;
}

static int wait_editor(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

static int run_editor(const char *path)
{
	const char *editor = getenv("VISUAL");
	char command[4300];
	pid_t pid;

	if (!editor || !*editor)
		editor = getenv("EDITOR");
	if (!editor || !*editor)
		editor = "sensible-editor";
	/* The editor may be a command with options; the path holds no quotes (mkstemp).
	 */
	snprintf(command, sizeof(command), "%s '%s'", editor, path);
	pid = fork();
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	return pid < 0 ? -1 : wait_editor(pid);
}

/* Asks on the terminal; the answer no loses what was typed, so only "n" is no. */
static bool again(void)
{
	char line[16];

	fprintf(stderr, "Edit again? [Y/n] ");
	return fgets(line, sizeof(line), stdin) && line[0] != 'n' && line[0] != 'N';
}

static int edit(const char *name, const char *text, struct keel_error *err)
{
	char path[] = "/tmp/keel-edit-XXXXXX";
	int fd = mkstemp(path), rc = -1;
	char *edited = NULL;

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || close(fd))
		return keel_fail_errno(err, KEEL_EFAIL, errno, "cannot write %s", path);
	do {
		if (run_editor(path)) {
			keel_fail(err, KEEL_EFAIL, "the editor failed");
			break;
		}
		free(edited);
		edited = slurp(path);
		if (!edited) {
			keel_fail_errno(err, KEEL_EFAIL, errno, "cannot read %s", path);
			break;
		}
		rc = strcmp(edited, text) == 0
			     ? 0
			     : keel_guest_file_write(name, edited, true, err);
		if (rc)
			keel_error_print(err);
	} while (rc && again());
	free(edited);
	/* What was typed and cannot be stored is not thrown away. */
	if (rc)
		keel_hint(err, "your text is kept in %s", path);
	else
		unlink(path);
	return rc;
}

static int run_config(const struct command *self, int argc, char **argv)
{
	static const struct option options[] = {
		{"edit", no_argument, NULL, 'e'}, {"check", no_argument, NULL, 'c'}, {0}};
	bool do_edit = false, check = false;
	char path[4200], *text;
	struct keel_error err;
	struct keel_guest_file file;
	int opt, rc = 0;

	while ((opt = getopt_long(argc, argv, "ec", options, NULL)) != -1)
		switch (opt) {
		case 'e':
			do_edit = true;
			break;
		case 'c':
			check = true;
			break;
		default:
			return command_usage(self);
		}
	if (argc - optind != 1)
		return command_usage(self);
	if (keel_name_check(argv[optind], &err))
		return command_fail(&err);
	text = slurp(keel_guest_file_path(argv[optind], path, sizeof(path)));
	if (!text) {
		fprintf(stderr, "keel: cannot read %s: %s\n", path, strerror(errno));
		return errno == ENOENT ? KEEL_ENOGUEST : KEEL_EFAIL;
	}
	if (do_edit)
		rc = edit(argv[optind], text, &err);
	else if (!check)
		fputs(text, stdout);
	else if ((rc = keel_guest_file_parse(argv[optind], text, &file, &err)) == 0)
		keel_guest_file_free(&file);
	free(text);
	return rc ? command_fail(&err) : KEEL_OK;
}

static int rename_guest(struct keel_host *host, const char *old, const char *name,
			struct keel_error *err)
{
	struct keel_guest_file file;
	struct keel_guest guest;
	char *quoted, *text;
	int rc;

	if (keel_guest_find(host, old, &guest, err) || keel_name_check(name, err))
		return -1;
	if (guest.domid != KEEL_NO_DOMAIN || guest.has_unit)
		return keel_fail(err, KEEL_ESTATE, "%s is running: stop it first", old);
	if (guest.autostart)
		return keel_fail(err, KEEL_ESTATE,
				 "%s starts at boot: first turn that off", old);
	if (keel_guest_file_read(old, &file, err))
		return -1;
	quoted = keel_guest_quote(name);
	text = quoted ? keel_guest_text_set(file.text, "name", quoted) : NULL;
	keel_guest_file_free(&file);
	rc = text ? keel_guest_file_write(name, text, false, err)
		  : keel_fail(err, KEEL_EFAIL, "not enough memory");
	free(quoted);
	free(text);
	return rc ? -1 : keel_guest_file_remove(old, err);
}

static int run_rename(const struct command *self, int argc, char **argv)
{
	struct keel_error err;
	struct keel_host host;
	int rc;

	if (argc != 3)
		return command_usage(self);
	if (keel_host_open(&host, &err))
		return command_fail(&err);
	rc = rename_guest(&host, argv[1], argv[2], &err);
	keel_host_close(&host);
	return rc ? command_fail(&err) : KEEL_OK;
}

const struct command cmd_define = {
	.name = "define",
	.synopsis = "[--replace] FILE",
	.summary = "check a guest file (xl.cfg syntax) and make it a guest of this host",
	.options = "  -r, --replace  replace the guest of that name; FILE may be - "
		   "(stdin)\n",
	.run = run_define,
};

const struct command cmd_undefine = {
	.name = "undefine",
	.synopsis = "NAME",
	.summary = "remove a guest's file; its disks stay",
	.run = run_undefine,
};

const struct command cmd_config = {
	.name = "config",
	.synopsis = "[--edit | --check] NAME",
	.summary = "print, edit or check a guest's file",
	.options = "  -e, --edit   in $VISUAL or $EDITOR; checked before it is stored\n"
		   "  -c, --check  only say whether it is valid\n",
	.run = run_config,
};

const struct command cmd_rename = {
	.name = "rename",
	.synopsis = "NAME NEWNAME",
	.summary = "rename a guest that is off",
	.run = run_rename,
};
