/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keel-consoled: start, signals, reload, end.  See keel-consoled(8). */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>
#include <pwd.h>

#include "settings.h"
#include "daemon.h"
#include "log-file.h"
#include "sandbox.h"

#define CONF_PATH    "/etc/keel/consoled.conf"
#define SETTLE_MS    5000
#define LOCK_TRIES   60
#define LOCK_WAIT_MS 50
#define HOUSEKEEPING 600000

struct options {
	const char *conf, *socket, *state_dir, *log_dir, *journal, *backend;
	const char *helper, *user, *confine;
	bool check, conf_given;
	int resume;
};

/* ---- configuration ---- */

/* The file's text; NULL with errno when it cannot be read. */
static char *read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "re");
	char *text = f ? malloc(CONFIG_MAX_BYTES + 1) : NULL;

	if (!f)
		return NULL;
	*len = text ? fread(text, 1, CONFIG_MAX_BYTES + 1, f) : 0;
	if (ferror(f)) {
		free(text);
		text = NULL;
		errno = EIO;
	}
	fclose(f);
	return text;
}

static void unknown_name(const char *what, void *ctx)
{
	say(ctx, LOG_WARNING, "configuration: %s; it matches nobody", what);
}

/*
 * Reads the configuration into *c.  0; or -errno / -EINVAL with the reason in
 * text.  A file that is not there is no error unless it was asked for.
 */
static int load_config(const struct options *o, struct config *c, char *text, size_t cap)
{
	struct config_error err;
	size_t len = 0;
	char *s = read_file(o->conf, &len);
	bool ok;

	if (!s) {
		config_default(c);
		if (errno == ENOENT && !o->conf_given)
			return 0;
		snprintf(text, cap, "%s: %s", o->conf, strerror(errno));
		return -errno;
	}
	ok = config_parse(c, s, len, &err);
	free(s);
	if (ok)
		return 0;
	snprintf(text, cap, "%s:%u:%u: %s", o->conf, err.line, err.column, err.text);
	return -EINVAL;
}

/* The command line is stronger than the file. */
static void override(const struct options *o, struct config *c)
{
	if (o->socket)
		snprintf(c->socket, sizeof(c->socket), "%s", o->socket);
	if (o->state_dir)
		snprintf(c->state_dir, sizeof(c->state_dir), "%s", o->state_dir);
	if (o->log_dir)
		snprintf(c->log_dir, sizeof(c->log_dir), "%s", o->log_dir);
}

static struct options options;

void daemon_reload(struct daemon *d)
{
	struct config c, old;
	struct session *s;
	char text[512];

	if (load_config(&options, &c, text, sizeof(text)) < 0) {
		say(d, LOG_ERR, "%s; the old configuration stays", text);
		config_free(&c);
		return;
	}
	override(&options, &c);
	config_resolve(&c, unknown_name, d);
	/* Where things are cannot change while they are in use. */
	old = d->conf;
	memcpy(c.socket, old.socket, sizeof(c.socket));
	memcpy(c.state_dir, old.state_dir, sizeof(c.state_dir));
	memcpy(c.log_dir, old.log_dir, sizeof(c.log_dir));
	d->conf = c;
	config_free(&old);
	TAILQ_FOREACH(s, &d->sessions, all)
	{
		session_configure(s);
		logs_configure(s);
	}
	say(d, LOG_NOTICE, "configuration read again");
}

/* ---- directories ---- */

static int make_dir(const char *path, mode_t mode)
{
	char part[256];
	struct stat st;

	snprintf(part, sizeof(part), "%s", path);
	for (char *p = part + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	if (mkdir(part, mode) < 0 && errno != EEXIST)
		return -errno;
	if (stat(part, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

static int open_dir(const char *path, mode_t mode, int *fd)
{
	int e = make_dir(path, mode);

	*fd = e < 0 ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return e < 0 ? e : *fd < 0 ? -errno : 0;
}

/* The log helper works as this user, if there is one. */
static void own_log_dir(struct daemon *d)
{
	const struct passwd *pw = getpwnam(d->conf.user);

	if (pw && geteuid() == 0 && fchown(d->log_dir, pw->pw_uid, pw->pw_gid) < 0)
		say(d, LOG_WARNING, "%s: cannot be given to %s: %s", d->conf.log_dir,
		    d->conf.user, strerror(errno));
}

/*
 * Two daemons on the same rings and records would each take half of the bytes.
 * The lock ends with this process, and with this image of it at an upgrade.
 */
static int lock_state(struct daemon *d)
{
	int fd = openat(d->state_dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int tries = LOCK_TRIES, e;

	if (fd < 0)
		return -errno;
	/* A helper that an earlier image was just starting holds it for a moment. */
	while ((e = flock(fd, LOCK_EX | LOCK_NB)) < 0 && errno == EWOULDBLOCK && --tries)
		poll(NULL, 0, LOCK_WAIT_MS);
	if (e < 0) {
		e = -errno;

		say(d, LOG_ERR, "%s: %s", d->conf.state_dir,
		    e == -EWOULDBLOCK ? "another keel-consoled is running"
				      : strerror(-e));
		return e;
	}
	return 0;
}

static int open_dirs(struct daemon *d)
{
	int e = open_dir(d->conf.state_dir, 0700, &d->state_dir);

	if (e < 0) {
		say(d, LOG_ERR, "%s: %s", d->conf.state_dir, strerror(-e));
		return e;
	}
	e = lock_state(d);
	if (e < 0)
		return e;
	snprintf(d->empty_dir, sizeof(d->empty_dir), "%s/empty", d->conf.state_dir);
	e = make_dir(d->empty_dir, 0555);
	if (e < 0) {
		say(d, LOG_ERR, "%s: %s", d->empty_dir, strerror(-e));
		return e;
	}
	d->log_state =
		openat(d->state_dir, "log.state", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (d->log_state < 0 || ftruncate(d->log_state, (off_t)LOG_STATE_BYTES) < 0) {
		say(d, LOG_ERR, "%s/log.state: %s", d->conf.state_dir, strerror(errno));
		return -errno;
	}
	d->log_states =
		mmap(NULL, LOG_STATE_BYTES, PROT_READ, MAP_SHARED, d->log_state, 0);
	if (d->log_states == MAP_FAILED)
		return -errno;
	e = open_dir(d->conf.log_dir, 0750, &d->log_dir);
	if (e < 0) /* consoles matter more than their logs */
		say(d, LOG_ERR, "%s: %s; nothing is logged", d->conf.log_dir,
		    strerror(-e));
	else
		own_log_dir(d);
	return 0;
}

/* ---- signals ---- */

static void stop(struct daemon *d)
{
	if (d->stopping)
		return;
	d->stopping = true;
	sd_notify(0, "STOPPING=1");
	uv_stop(d->loop);
}

static void reap(struct daemon *d)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (!helper_reap(d->screen, pid, status))
			helper_reap(d->log, pid, status);
	}
}

static void on_signal(uv_signal_t *h, int sig)
{
	struct daemon *d = h->data;

	switch (sig) {
	case SIGHUP:
		daemon_reload(d);
		break;
	case SIGUSR1:
		d->upgrade_wanted = true;
		break;
	case SIGCHLD:
		reap(d);
		break;
	default:
		stop(d);
	}
}

static void watch_signal(struct daemon *d, uv_signal_t *h, int sig)
{
	uv_signal_init(d->loop, h);
	h->data = d;
	uv_signal_start(h, on_signal, sig);
	uv_unref((uv_handle_t *)h);
}

static void watch_signals(struct daemon *d)
{
	signal(SIGPIPE, SIG_IGN);
	watch_signal(d, &d->sig_term, SIGTERM);
	watch_signal(d, &d->sig_int, SIGINT);
	watch_signal(d, &d->sig_hup, SIGHUP);
	watch_signal(d, &d->sig_usr1, SIGUSR1);
	watch_signal(d, &d->sig_chld, SIGCHLD);
}

/* ---- life ---- */

static void on_housekeeping(uv_timer_t *t)
{
	struct daemon *d = t->data;

	session_settle(d);
	session_expire(d);
	uv_timer_start(t, on_housekeeping, HOUSEKEEPING, 0);
}

/* Between two turns of the loop, where no callback is on the stack. */
static void on_check(uv_check_t *c)
{
	struct daemon *d = c->data;
	int e;

	if (!d->upgrade_wanted)
		return;
	d->upgrade_wanted = false;
	say(d, LOG_NOTICE, "executing %s anew", d->program);
	e = upgrade_execute(d);
	say(d, LOG_ERR, "upgrade failed, going on as before: %s", strerror(-e));
}

static const struct backend_ops *find_backend(struct daemon *d, const char *want)
{
	size_t n = want ? strcspn(want, ":") : 0;

	if (!want)
		return backends[0];
	d->backend_arg = want[n] ? want + n + 1 : "";
	for (int i = 0; backends[i]; i++) {
		if (strlen(backends[i]->name) == n &&
		    !strncmp(backends[i]->name, want, n))
			return backends[i];
	}
	return NULL;
}

static void raise_limits(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

static void resume(struct daemon *d)
{
	int pids[2] = {0, 0}, e;

	if (options.resume < 0)
		return;
	e = upgrade_resume(d, options.resume, pids);
	if (e < 0)
		say(d, LOG_ERR, "the earlier image's state is not usable: %s",
		    strerror(-e));
	helper_inherit(d->screen, pids[0]);
	helper_inherit(d->log, pids[1]);
	reap(d); /* those that ended while no image looked */
}

static int start(struct daemon *d)
{
	int e = open_dirs(d);

	if (e < 0)
		return e;
	feed_start(d);
	logs_start(d);
	if (!d->screen || !d->log)
		return -ENOMEM;
	e = ptys_start(d);
	if (e < 0)
		say(d, LOG_ERR, "inotify: %s; xl console will not work", strerror(-e));
	e = sessions_load(d);
	if (e < 0)
		say(d, LOG_ERR, "%s: %s", d->conf.state_dir, strerror(-e));
	resume(d);
	if (d->listen_fd < 0 && (e = clients_listen(d)) < 0) {
		say(d, LOG_ERR, "%s: %s", d->conf.socket, strerror(-e));
		return e;
	}
	clients_watch(d);
	e = d->ops->start(&d->backend, d->loop, &session_events, d, d->backend_arg);
	if (e < 0)
		say(d, LOG_ERR, "%s: %s", d->ops->name, strerror(-e));
	return e;
}

/* Serial lines get the emulator's pty back, so that xl console works without us. */
static void unpublish(struct daemon *d)
{
	struct session *s;

	TAILQ_FOREACH(s, &d->sessions, all)
	{
		if (s->state != KCON_GONE && *s->desc.tty)
			d->ops->publish(d->backend, &s->desc, "");
	}
}

static void finish(struct daemon *d)
{
	struct client *c;

	TAILQ_FOREACH(c, &d->clients, all)
	client_notice(c, KCON_N_SHUTDOWN, "keel-consoled stops");
	unpublish(d);
	/* The log helper writes what it has, once its socket is closed. */
	helper_stop(d->screen);
	helper_stop(d->log);
	d->ops->stop(d->backend);
	unlink(d->conf.socket);
}

static int run(struct daemon *d)
{
	uv_check_t check;
	int e;

	TAILQ_INIT(&d->sessions);
	TAILQ_INIT(&d->clients);
	d->listen_fd = -1;
	d->loop = uv_default_loop();
	flow_start(d);
	uv_check_init(d->loop, &check);
	check.data = d;
	uv_check_start(&check, on_check);
	watch_signals(d);
	uv_timer_init(d->loop, &d->housekeeping);
	d->housekeeping.data = d;
	e = start(d);
	if (e < 0)
		return 1;
	uv_timer_start(&d->housekeeping, on_housekeeping, SETTLE_MS, 0);
	sd_notify(0, "READY=1");
	uv_run(d->loop, UV_RUN_DEFAULT);
	finish(d);
	return 0;
}

/* ---- command line ---- */

static int run_helper(const struct options *o)
{
	bool screen = !strcmp(o->helper, "screen");
	int e;

	/* Executed as /proc/self/exe: ps and top would call it "exe". */
	prctl(PR_SET_NAME, screen ? "consoled-screen" : "consoled-log");
	e = sandbox_enter(screen ? SANDBOX_SCREEN : SANDBOX_LOG,
			  o->user ? o->user : "nobody", o->confine);

	if (e < 0) {
		fprintf(stderr, "keel-consoled: the %s process cannot be confined: %s\n",
			o->helper, strerror(-e));
		return 1;
	}
	return screen ? screen_helper_main() : log_helper_main();
}

static const char usage[] = "usage: keel-consoled [options]\n"
			    "  --config FILE      read FILE instead of " CONF_PATH "\n"
			    "  --check-config     check the configuration and leave\n"
			    "  --socket PATH      listen there\n"
			    "  --state-dir DIR    keep the records of consoles there\n"
			    "  --log-dir DIR      write log files there\n"
			    "  --journal PATH     the journal's socket\n"
			    "  --backend NAME     where consoles come from\n"
			    "  --version, --help\n";

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"config", 1, 0, 'c'},	{"check-config", 0, 0, 'C'},
		{"socket", 1, 0, 's'},	{"state-dir", 1, 0, 'S'},
		{"log-dir", 1, 0, 'l'}, {"journal", 1, 0, 'j'},
		{"backend", 1, 0, 'b'}, {"resume", 1, 0, 'r'},
		{"helper", 1, 0, 'H'},	{"user", 1, 0, 'u'},
		{"confine", 1, 0, 'F'}, {"version", 0, 0, 'V'},
		{"help", 0, 0, 'h'},	{0, 0, 0, 0},
	};
	int c;

	*o = (struct options){.conf = CONF_PATH, .resume = -1};
	while ((c = getopt_long(argc, argv, "c:hV", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->conf = optarg;
			o->conf_given = true;
			break;
		case 'C':
			o->check = true;
			break;
		case 's':
			o->socket = optarg;
			break;
		case 'S':
			o->state_dir = optarg;
			break;
		case 'l':
			o->log_dir = optarg;
			break;
		case 'j':
			o->journal = optarg;
			break;
		case 'b':
			o->backend = optarg;
			break;
		case 'r':
			o->resume = atoi(optarg);
			break;
		case 'H':
			o->helper = optarg;
			break;
		case 'u':
			o->user = optarg;
			break;
		case 'F':
			o->confine = optarg;
			break;
		case 'V':
			puts("keel-consoled " PACKAGE_VERSION);
			exit(0);
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			return -1;
		}
	}
	return optind == argc ? 0 : -1;
}

static const char *own_path(void)
{
	static char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n < 0)
		return "/proc/self/exe";
	path[n] = '\0';
	return path;
}

int main(int argc, char **argv)
{
	static struct daemon d;
	char text[512];
	int e;

	if (parse(argc, argv, &options) < 0) {
		fputs(usage, stderr);
		return 2;
	}
	if (options.helper)
		return run_helper(&options);
	e = load_config(&options, &d.conf, text, sizeof(text));
	if (options.check) {
		if (e < 0)
			fprintf(stderr, "%s\n", text);
		return e < 0;
	}
	d.journal_path = options.journal;
	d.program = own_path();
	d.argv = argv;
	audit_open(&d);
	/* Consoles are served all the same, for root alone, until it is mended. */
	if (e < 0)
		say(&d, LOG_ERR, "%s; the built-in settings hold", text);
	override(&options, &d.conf);
	config_resolve(&d.conf, unknown_name, &d);
	priority_set(PRIORITY_DAEMON);
	raise_limits();
	d.ops = find_backend(&d, options.backend);
	if (!d.ops) {
		fprintf(stderr, "keel-consoled: no back end '%s'\n", options.backend);
		return 2;
	}
	return run(&d);
}
