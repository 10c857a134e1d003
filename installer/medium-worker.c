/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The confined reader. ki_worker_open() forks a child that opens the image,
 * then gives up every system call but reading it and answering on a socket,
 * and serves stat, list and read. The parent trusts nothing that comes back:
 * lengths are bounded, names are re-checked, silence ends in a kill.
 */
#include "medium.h"

#include <errno.h>
#include <fcntl.h>
#include <iconv.h>
#include <linux/close_range.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum op { OP_STAT = 1, OP_LIST, OP_READ };

struct request {
	uint32_t op;
	uint32_t path_len;
};

/* One frame of an answer; @more says that another one follows. */
struct reply {
	int32_t status; /* 0 fine, 1 absent, -1 failed (the payload is a ki_error) */
	uint32_t type;
	uint64_t size;
	uint32_t len;
	uint32_t more;
};

#define FRAME_MAX      (1u << 17)
#define ANSWER_SECONDS 30
#define WORKER_MEMORY  (512 * KI_MIB)

struct worker_medium {
	struct ki_medium base;
	int fd;
	pid_t pid;
};

/* --- both ends ---------------------------------------------------------- */

static bool send_all(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len) {
		ssize_t put = send(fd, at, len, MSG_NOSIGNAL);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return false;
		at += put;
		len -= (size_t)put;
	}
	return true;
}

/* @seconds 0 waits for ever. */
static bool recv_all(int fd, void *data, size_t len, int seconds)
{
	char *at = data;

	while (len) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int ready = seconds ? poll(&p, 1, seconds * 1000) : 1;
		ssize_t got;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return false;
		got = recv(fd, at, len, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		at += got;
		len -= (size_t)got;
	}
	return true;
}

/* --- the child ---------------------------------------------------------- */

static void allow(scmp_filter_ctx ctx, const int *calls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0))
			_exit(3);
}

/* Refused calls fail with EPERM: libraries then report, rather than die. */
static void confine(bool may_open)
{
	static const int calls[] = {
		SCMP_SYS(read),
		SCMP_SYS(pread64),
		SCMP_SYS(readv),
		SCMP_SYS(lseek),
		SCMP_SYS(close),
		SCMP_SYS(fstat),
		SCMP_SYS(newfstatat),
		SCMP_SYS(mmap),
		SCMP_SYS(munmap),
		SCMP_SYS(mremap),
		SCMP_SYS(brk),
		SCMP_SYS(madvise),
		SCMP_SYS(mprotect),
		SCMP_SYS(sendto),
		SCMP_SYS(recvfrom),
		SCMP_SYS(exit_group),
		SCMP_SYS(rt_sigreturn),
		SCMP_SYS(futex),
		SCMP_SYS(clock_gettime),
		SCMP_SYS(getrandom),
		SCMP_SYS(restart_syscall),
	};
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int rc = ctx ? 0 : -1;

	if (rc)
		_exit(3);
	allow(ctx, calls, sizeof(calls) / sizeof(*calls));
	if (may_open) {
		static const int opening[] = {SCMP_SYS(seccomp), SCMP_SYS(prctl),
					      SCMP_SYS(readlink), SCMP_SYS(fcntl)};

		allow(ctx, opening, sizeof(opening) / sizeof(*opening));
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
				      SCMP_A2(SCMP_CMP_MASKED_EQ,
					      O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY));
	}
	if (rc || seccomp_load(ctx))
		_exit(3);
	seccomp_release(ctx);
}

static void limit(int resource, rlim_t value)
{
	struct rlimit lim = {.rlim_cur = value, .rlim_max = value};

	if (setrlimit(resource, &lim))
		_exit(3);
}

static bool reply_frame(int fd, const struct reply *r, const void *payload)
{
	return send_all(fd, r, sizeof(*r)) && send_all(fd, payload, r->len);
}

static bool reply_error(int fd, const struct ki_error *err)
{
	struct reply r = {.status = -1, .len = sizeof(*err)};

	return reply_frame(fd, &r, err);
}

struct outlet {
	int fd;
	bool broken;
};

static int send_chunk(void *arg, const void *data, size_t len)
{
	struct outlet *o = arg;
	struct reply r = {.len = (uint32_t)len, .more = 1};

	o->broken = !reply_frame(o->fd, &r, data);
	return o->broken;
}

static bool serve_read(struct ki_medium *m, int fd, const char *path)
{
	struct outlet o = {.fd = fd};
	struct ki_error err = {0};
	struct reply end = {0};
	int rc = ki_medium_read(m, path, send_chunk, &o, &err);

	if (o.broken)
		return false;
	return rc < 0 ? reply_error(fd, &err) : reply_frame(fd, &end, "");
}

static bool send_list(int fd, const struct ki_dirlist *list)
{
	struct reply end = {0};

	for (size_t i = 0; i < list->n; i++) {
		size_t len = strlen(list->v[i].name);
		struct reply r = {.type = list->v[i].type,
				  .size = list->v[i].size,
				  .len = (uint32_t)len,
				  .more = 1};

		if (len && len <= KI_PATH_MAX && !reply_frame(fd, &r, list->v[i].name))
			return false;
	}
	return reply_frame(fd, &end, "");
}

static bool serve_list(struct ki_medium *m, int fd, const char *path)
{
	struct ki_dirlist list = {0};
	struct ki_error err = {0};
	struct reply absent = {.status = 1};
	int rc = ki_medium_list(m, path, &list, &err);
	bool ok;

	if (rc)
		ok = rc > 0 ? reply_frame(fd, &absent, "") : reply_error(fd, &err);
	else
		ok = send_list(fd, &list);
	ki_dirlist_free(&list);
	return ok;
}

static bool serve_stat(struct ki_medium *m, int fd, const char *path)
{
	struct ki_error err = {0};
	struct ki_dirent ent;
	struct reply r = {.status = ki_medium_stat(m, path, &ent, &err)};

	if (r.status < 0)
		return reply_error(fd, &err);
	r.type = ent.type;
	r.size = ent.size;
	return reply_frame(fd, &r, "");
}

static bool serve_one(struct ki_medium *m, int fd)
{
	char path[KI_PATH_MAX + 1];
	struct request q;

	if (!recv_all(fd, &q, sizeof(q), 0) || q.path_len > KI_PATH_MAX ||
	    !recv_all(fd, path, q.path_len, 0))
		return false;
	path[q.path_len] = '\0';
	if (q.op == OP_STAT)
		return serve_stat(m, fd, path);
	if (q.op == OP_LIST)
		return serve_list(m, fd, path);
	return q.op == OP_READ && serve_read(m, fd, path);
}

/* ISO 9660 with long names, else UDF, else bare ISO 9660. */
static struct ki_medium *open_image(const char *path, struct ki_error *err)
{
	struct ki_medium *iso = ki_iso_open(path, err), *udf;

	if (iso && ki_iso_long_names(iso))
		return iso;
	udf = ki_udf_open(path, iso ? NULL : err);
	if (!udf)
		return iso;
	ki_medium_close(iso);
	return udf;
}

static bool say_hello(int fd, const struct ki_medium *m)
{
	const char *texts[] = {m->format, m->label, m->system, m->application};

	for (size_t i = 0; i < 4; i++) {
		struct reply r = {.len = (uint32_t)strnlen(texts[i], KI_PATH_MAX),
				  .more = i < 3};

		if (!reply_frame(fd, &r, texts[i]))
			return false;
	}
	return true;
}

static void child_main(const char *path, int fd)
{
	struct ki_error err = {0};
	struct ki_medium *m;
	iconv_t cd;

	if (dup2(fd, 3) < 0 || close_range(4, ~0U, 0))
		_exit(3);
	signal(SIGINT, SIG_IGN); /* the parent decides when a ^C ends the reading */
	limit(RLIMIT_AS, WORKER_MEMORY);
	limit(RLIMIT_CORE, 0);
	/* The converters for Joliet's names have to be found before the door shuts. */
	cd = iconv_open("UTF-8", "UCS-2BE");
	if (cd != (iconv_t)-1)
		iconv_close(cd);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		_exit(3);
	confine(true);
	m = open_image(path, &err);
	if (!m) {
		reply_error(3, &err);
		_exit(1);
	}
	confine(false);
	if (!say_hello(3, m))
		_exit(1);
	while (serve_one(m, 3))
		;
	_exit(0);
}

/* --- the parent --------------------------------------------------------- */

static int reader_failed(struct worker_medium *w, struct ki_error *err)
{
	int status = 0;

	kill(w->pid, SIGKILL);
	if (waitpid(w->pid, &status, 0) != w->pid)
		status = 0;
	w->pid = -1;
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		return ki_fail(err,
			       "the image is damaged or hostile: compare its checksum",
			       "the medium cannot be read",
			       "%s: its reader was stopped by signal %d",
			       w->base.location, WTERMSIG(status));
	return ki_fail(err, "the image is damaged or hostile: compare its checksum",
		       "the medium cannot be read", "%s: its reader gave no answer",
		       w->base.location);
}

static void take_error(struct ki_error *err, const char *payload, uint32_t len)
{
	struct ki_error got;

	if (!err || len != sizeof(got))
		return;
	memcpy(&got, payload, sizeof(got));
	got.what[sizeof(got.what) - 1] = '\0';
	got.why[sizeof(got.why) - 1] = '\0';
	got.hint[sizeof(got.hint) - 1] = '\0';
	*err = got;
}

/*
 * Next frame of an answer; @payload holds FRAME_MAX + 1 bytes and is ended with
 * a NUL. The status is the child's (its error is taken over), or -1 when the
 * child is not to be talked to any more.
 */
static int get_frame(struct worker_medium *w, struct reply *r, char *payload,
		     struct ki_error *err)
{
	if (w->pid < 0)
		return ki_fail(err, NULL, "the medium cannot be read",
			       "its reader has failed before");
	if (!recv_all(w->fd, r, sizeof(*r), ANSWER_SECONDS) || r->len > FRAME_MAX ||
	    !recv_all(w->fd, payload, r->len, ANSWER_SECONDS))
		return reader_failed(w, err);
	payload[r->len] = '\0';
	if (r->status < 0)
		take_error(err, payload, r->len);
	return r->status < 0 ? -1 : r->status > 0;
}

static int ask(struct worker_medium *w, enum op op, const char *path,
	       struct ki_error *err)
{
	struct request q = {.op = op, .path_len = (uint32_t)strlen(path)};

	if (strlen(path) > KI_PATH_MAX)
		return ki_fail(err, NULL, "the path is too long", "%.60s...", path);
	if (w->pid < 0 || !send_all(w->fd, &q, sizeof(q)) ||
	    !send_all(w->fd, path, q.path_len))
		return w->pid < 0 ? ki_fail(err, NULL, "the medium cannot be read",
					    "its reader has failed before")
				  : reader_failed(w, err);
	return 0;
}

static bool good_type(uint32_t type)
{
	return type <= KI_FT_OTHER;
}

static int worker_stat(struct ki_medium *m, const char *path, struct ki_dirent *ent,
		       struct ki_error *err)
{
	struct worker_medium *w = (struct worker_medium *)m;
	static char payload[FRAME_MAX + 1];
	struct reply r;
	int rc = ask(w, OP_STAT, path, err);

	if (!rc)
		rc = get_frame(w, &r, payload, err);
	if (rc)
		return rc;
	ent->type = good_type(r.type) ? (enum ki_ftype)r.type : KI_FT_OTHER;
	ent->size = r.size;
	return 0;
}

static int worker_list(struct ki_medium *m, const char *path, struct ki_dirlist *list,
		       struct ki_error *err)
{
	struct worker_medium *w = (struct worker_medium *)m;
	static char payload[FRAME_MAX + 1];
	struct reply r;
	int rc = ask(w, OP_LIST, path, err);

	while (!rc && !(rc = get_frame(w, &r, payload, err)) && r.more) {
		if (list->n >= KI_DIR_ENTRIES)
			rc = reader_failed(w, err);
		else if (r.len && good_type(r.type) && !strchr(payload, '/'))
			ki_dirlist_add(list, payload, (enum ki_ftype)r.type, r.size,
				       NULL);
	}
	if (rc)
		ki_dirlist_free(list);
	return rc;
}

static int worker_read(struct ki_medium *m, const char *path, ki_sink sink, void *arg,
		       struct ki_error *err)
{
	struct worker_medium *w = (struct worker_medium *)m;
	static char payload[FRAME_MAX + 1];
	struct reply r;
	int stopped = 0, rc = ask(w, OP_READ, path, err);

	while (!rc && !(rc = get_frame(w, &r, payload, err)) && r.more)
		if (!stopped) /* the rest is drained, so that the next answer fits its
				 question */
			stopped = sink(arg, payload, r.len);
	return rc ? -1 : stopped;
}

static void worker_close(struct ki_medium *m)
{
	struct worker_medium *w = (struct worker_medium *)m;

	close(w->fd);
	if (w->pid > 0) {
		kill(w->pid, SIGKILL); /* it holds nothing that needs an orderly end */
		waitpid(w->pid, NULL, 0);
	}
	ki_medium_free(m);
}

static const struct ki_medium_ops worker_ops = {
	.stat = worker_stat,
	.list = worker_list,
	.read = worker_read,
	.close = worker_close,
};

static int hear_hello(struct worker_medium *w, struct ki_error *err)
{
	char **texts[] = {&w->base.format, &w->base.label, &w->base.system,
			  &w->base.application};
	static char payload[FRAME_MAX + 1];
	struct reply r;

	for (size_t i = 0; i < 4; i++) {
		if (get_frame(w, &r, payload, err))
			return -1;
		*texts[i] = ki_strdup(payload);
	}
	return 0;
}

struct ki_medium *ki_worker_open(const char *path, struct ki_error *err)
{
	struct worker_medium *w;
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
		ki_fail(err, NULL, "the medium's reader cannot be started", "%s",
			strerror(errno));
		return NULL;
	}
	pid = fork();
	if (!pid)
		child_main(path, pair[1]);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		ki_fail(err, NULL, "the medium's reader cannot be started", "%s",
			strerror(errno));
		return NULL;
	}
	w = ki_zalloc(sizeof(*w));
	w->base.ops = &worker_ops;
	w->base.location = ki_strdup(path);
	w->fd = pair[0];
	w->pid = pid;
	if (hear_hello(w, err)) {
		worker_close(&w->base);
		return NULL;
	}
	return &w->base;
}
