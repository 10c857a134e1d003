/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Archive installs: a tar (or cpio) of a root file system becomes a disk with a
 * GPT and one ext4, in seconds. The archive is unpacked by a child that has
 * changed its root to a directory of its own, so that no name or link in it can
 * lead outside; there it also gets what a guest of its own needs (fstab, host
 * name, boot menu for pvgrub, hot-plug rule).
 */
#include "child.h"
#include "execute.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROOT_LABEL  "keel-root"
#define PART_START  (1 * KI_MIB)
#define PART_END    (1 * KI_MIB) /* the second copy of the GPT, rounded */
#define MESSAGE_MAX 600

/* --- the child, in its own root -------------------------------------------- */

/* What the child says: bytes read so far, or why it failed. */
struct word {
	uint64_t bytes;
	char failure[MESSAGE_MAX]; /* "" while all is well */
};

static void say(int fd, uint64_t bytes, const char *failure)
{
	struct word w = {.bytes = bytes};

	snprintf(w.failure, sizeof(w.failure), "%s", failure);
	if (write(fd, &w, sizeof(w)) != (ssize_t)sizeof(w))
		_exit(1);
}

static void __attribute__((noreturn))
child_fail(int fd, const char *what, const char *why)
{
	char text[MESSAGE_MAX];

	snprintf(text, sizeof(text), "%s: %s", what, why);
	say(fd, 0, text);
	_exit(1);
}

static void copy_data(struct archive *in, struct archive *out, int fd)
{
	const void *block;
	la_int64_t offset;
	size_t len;
	int rc;

	while ((rc = archive_read_data_block(in, &block, &len, &offset)) == ARCHIVE_OK)
		if (archive_write_data_block(out, block, len, offset) < ARCHIVE_OK)
			child_fail(fd, "unpacking", archive_error_string(out));
	if (rc != ARCHIVE_EOF)
		child_fail(fd, "the archive is damaged", archive_error_string(in));
}

static void unpack_entries(struct archive *in, struct archive *out, int fd)
{
	struct archive_entry *e;
	uint64_t told = 0;
	int rc;

	while ((rc = archive_read_next_header(in, &e)) == ARCHIVE_OK) {
		uint64_t bytes = (uint64_t)archive_filter_bytes(in, -1);

		if (archive_write_header(out, e) < ARCHIVE_WARN)
			child_fail(fd, archive_entry_pathname(e),
				   archive_error_string(out));
		if (archive_entry_size(e) > 0)
			copy_data(in, out, fd);
		if (bytes - told > KI_MIB) {
			told = bytes;
			say(fd, bytes, "");
		}
	}
	if (rc != ARCHIVE_EOF)
		child_fail(fd, "the archive is damaged", archive_error_string(in));
	if (archive_write_close(out) != ARCHIVE_OK)
		child_fail(fd, "unpacking", archive_error_string(out));
}

static void unpack(int archive_fd, int fd)
{
	struct archive *in = archive_read_new(), *out = archive_write_disk_new();

	if (!in || !out)
		child_fail(fd, "unpacking", "out of memory");
	archive_read_support_filter_all(in);
	archive_read_support_format_tar(in);
	archive_read_support_format_cpio(in);
	archive_write_disk_set_options(
		out, ARCHIVE_EXTRACT_OWNER | ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME |
			     ARCHIVE_EXTRACT_ACL | ARCHIVE_EXTRACT_XATTR |
			     ARCHIVE_EXTRACT_UNLINK | ARCHIVE_EXTRACT_SECURE_NODOTDOT |
			     ARCHIVE_EXTRACT_SECURE_SYMLINKS);
	if (archive_read_open_fd(in, archive_fd, 1 << 16) != ARCHIVE_OK)
		child_fail(fd, "not an archive", archive_error_string(in));
	unpack_entries(in, out, fd);
	archive_read_free(in);
	archive_write_free(out);
}

/* Writes a file of the new system; what was there is kept beside it. */
static void put_file(int fd, const char *path, const char *text)
{
	char *old = ki_printf("%s.before-keel", path);
	int out;

	if (rename(path, old) && errno != ENOENT)
		child_fail(fd, path, strerror(errno));
	out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (out < 0 || write(out, text, strlen(text)) != (ssize_t)strlen(text) ||
	    close(out))
		child_fail(fd, path, strerror(errno));
	free(old);
}

static void make_dir(int fd, const char *path)
{
	if (mkdir(path, 0755) && errno != EEXIST)
		child_fail(fd, path, strerror(errno));
}

/* The newest /boot/vmlinuz-VERSION; its VERSION, or NULL. */
static char *newest_kernel(void)
{
	DIR *dir = opendir("/boot");
	char *version = NULL;
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (ki_prefix(e->d_name, "vmlinuz-") &&
		    (!version || strverscmp(e->d_name + 8, version) > 0))
			ki_set(&version, e->d_name + 8);
	if (dir)
		closedir(dir);
	return version;
}

static char *initrd_of(const char *version)
{
	static const char *const forms[] = {"/boot/initrd.img-%s",
					    "/boot/initramfs-%s.img", "/boot/initrd-%s"};

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		const char *mark = strstr(forms[i], "%s");
		char *path = ki_printf("%.*s%s%s", (int)(mark - forms[i]), forms[i],
				       version, mark + 2);

		if (!access(path, R_OK))
			return path;
		free(path);
	}
	return NULL;
}

/* A boot menu that pvgrub reads. The version is a file's name: it may hold anything. */
static void put_boot_menu(int fd)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789._+~-";
	char *version = newest_kernel(), *initrd, *text;

	if (!version)
		child_fail(fd, "the archive has no kernel",
			   "/boot/vmlinuz-* is not in it");
	if (strspn(version, plain) != strlen(version))
		child_fail(fd, "the kernel's name cannot be used", version);
	initrd = initrd_of(version);
	text = ki_printf("set timeout=2\n"
			 "search --no-floppy --label " ROOT_LABEL " --set=root\n"
			 "menuentry \"Linux %s\" {\n"
			 "\tlinux /boot/vmlinuz-%s root=LABEL=" ROOT_LABEL
			 " ro console=hvc0\n"
			 "%s%s%s}\n",
			 version, version, initrd ? "\tinitrd " : "",
			 initrd ? initrd : "", initrd ? "\n" : "");
	make_dir(fd, "/boot/grub");
	put_file(fd, "/boot/grub/grub.cfg", text);
	free(text);
	free(initrd);
	free(version);
}

static void make_its_own(const struct ki_spec *spec, int fd)
{
	char *name = ki_printf("%s\n", spec->name);

	make_dir(fd, "/etc");
	make_dir(fd, "/etc/udev");
	make_dir(fd, "/etc/udev/rules.d");
	put_file(fd, "/etc/hostname", name);
	put_file(fd, "/etc/fstab",
		 "LABEL=" ROOT_LABEL " / ext4 defaults,errors=remount-ro 0 1\n");
	put_file(fd, "/etc/udev/rules.d/80-keel-hotplug.rules", ki_udev_rule());
	/* An empty one is filled in at the first boot; two guests must not share one. */
	if (!access("/etc/machine-id", F_OK) && truncate("/etc/machine-id", 0))
		child_fail(fd, "/etc/machine-id", strerror(errno));
	put_boot_menu(fd);
	free(name);
}

static void child_main(const struct ki_spec *spec, const char *archive, const char *root,
		       int fd)
{
	int in = open(archive, O_RDONLY | O_CLOEXEC);

	setpgid(0, 0); /* the parent decides what a ^C ends */
	umask(022);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		_exit(1);
	if (in < 0)
		child_fail(fd, archive, strerror(errno));
	if (chroot(root) || chdir("/"))
		child_fail(fd, root, strerror(errno));
	unpack(in, fd);
	make_its_own(spec, fd);
	_exit(0);
}

/* --- the parent ---------------------------------------------------------------- */

struct unpacking {
	const struct ki_run *run;
	struct ki_progress *progress;
	char failure[MESSAGE_MAX];
};

static bool is_cancelled(void *arg)
{
	const struct ki_run *run = arg;

	return run->cancelled && run->cancelled(run->arg);
}

static void hear(struct unpacking *u, const struct word *w)
{
	if (w->failure[0]) {
		memcpy(u->failure, w->failure, sizeof(u->failure));
		u->failure[sizeof(u->failure) - 1] = '\0';
		return;
	}
	u->progress->kind = KI_STEP_BYTES;
	u->progress->done = w->bytes < u->progress->total ? w->bytes : u->progress->total;
	if (u->run->progress)
		u->run->progress(u->run->arg, u->progress);
}

/* Follows the child to its end. 0; 1 cancelled; -1 with ->failure. */
static int listen_to(struct unpacking *u, int fd, pid_t pid)
{
	struct word w;
	int status = 0;
	bool cancel = false;

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t got;

		cancel = is_cancelled((void *)u->run);
		if (cancel)
			break;
		if (poll(&p, 1, 100) <= 0)
			continue;
		got = read(fd, &w, sizeof(w));
		if (got < 0 && errno == EINTR)
			continue;
		if (got !=
		    (ssize_t)sizeof(w)) /* smaller than PIPE_BUF: whole or nothing */
			break;
		hear(u, &w);
	}
	if (cancel)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (cancel)
		return 1;
	if (!u->failure[0] && (!WIFEXITED(status) || WEXITSTATUS(status)))
		snprintf(u->failure, sizeof(u->failure), "the unpacking process died");
	return u->failure[0] ? -1 : 0;
}

static int unpack_to(const struct ki_step *s, const struct ki_spec *spec,
		     const char *root, const struct ki_run *run,
		     struct ki_progress *progress, struct ki_error *err)
{
	struct unpacking u = {.run = run, .progress = progress};
	int pipefd[2], rc;
	pid_t pid;

	if (pipe2(pipefd, O_CLOEXEC))
		return ki_fail(err, NULL, "the archive cannot be unpacked", "%s",
			       strerror(errno));
	pid = fork();
	if (!pid)
		child_main(spec, s->from, root, pipefd[1]);
	close(pipefd[1]);
	if (pid < 0) {
		close(pipefd[0]);
		return ki_fail(err, NULL, "the archive cannot be unpacked", "%s",
			       strerror(errno));
	}
	rc = listen_to(&u, pipefd[0], pid);
	close(pipefd[0]);
	if (rc < 0)
		ki_fail(err,
			"a tar of a whole root file system, with its kernel in /boot",
			"the archive cannot be installed", "%s", u.failure);
	return rc;
}

static int run_tool(const char *const argv[], const struct ki_run *run,
		    struct ki_error *err)
{
	struct ki_child how = {.cancelled = is_cancelled, .arg = (void *)run};
	char *tail = NULL;
	int rc = ki_child_run(argv, &how, &tail, err);

	if (rc > 0)
		rc = ki_fail(err, "a larger disk", "the disk cannot be filled", "%s: %s",
			     argv[0], tail && *tail ? tail : "failed");
	free(tail);
	return rc == -2 ? 1 : rc;
}

/* GPT, one partition, ext4 with the tree at @root, all into the raw file @disk. */
static int fill_disk(const struct ki_step *s, const char *disk, const char *root,
		     const struct ki_run *run, struct ki_error *err)
{
	char size[32];
	const char *partition[] = {
		"sh",
		"-c",
		"printf 'label: gpt\\nstart=2048, type=L\\n' | sfdisk -q -- \"$1\"",
		"sh",
		disk,
		NULL};
	const char *mkfs[] = {"mke2fs", "-q", "-F", "-t", "ext4", "-L", ROOT_LABEL, "-O",
			      /* what the boot loader's ext4 reader does not know */
			      "^metadata_csum_seed,^orphan_file", "-E", "offset=1048576",
			      "-d", root, disk, size, NULL};
	int fd = open(disk, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), rc = 0;

	snprintf(size, sizeof(size), "%lluk",
		 (unsigned long long)((s->size - PART_START - PART_END) / KI_KIB));
	if (fd < 0 || ftruncate(fd, (off_t)s->size) || close(fd))
		return ki_fail(err, NULL, "a disk cannot be made", "%s: %s", disk,
			       strerror(errno));
	rc = run_tool(partition, run, err);
	return rc ? rc : run_tool(mkfs, run, err);
}

static int fill_qcow2(const struct ki_step *s, const char *raw, const char *root,
		      const struct ki_run *run, struct ki_error *err)
{
	const char *convert[] = {"qemu-img", "convert", "-f",	 "raw", "-O",
				 "qcow2",    raw,	s->path, NULL};
	int rc = fill_disk(s, raw, root, run, err);

	return rc ? rc : run_tool(convert, run, err);
}

static void remove_tree(const char *path)
{
	const char *argv[] = {"rm", "-rf", "--one-file-system", "--", path, NULL};

	if (ki_child_run(argv, NULL, NULL, NULL))
		fprintf(stderr, "keel-install: %s could not be removed\n", path);
}

int ki_archive_install(const struct ki_step *s, const struct ki_spec *spec,
		       const struct ki_run *run, struct ki_progress *progress,
		       struct ki_error *err)
{
	char *work = ki_printf("%s.unpack.XXXXXX", s->path), *root, *raw;
	struct stat st;
	int rc;

	if (s->size < 16 * KI_MIB || stat(s->from, &st) || !mkdtemp(work)) {
		rc = ki_fail(err, NULL, "the archive cannot be unpacked", "%s: %s", work,
			     s->size < 16 * KI_MIB ? "the disk is too small"
						   : strerror(errno));
		free(work);
		return rc;
	}
	progress->total = (uint64_t)st.st_size;
	root = ki_printf("%s/root", work);
	raw = ki_printf("%s/raw", work);
	if (mkdir(root, 0755))
		rc = ki_fail(err, NULL, "the archive cannot be unpacked", "%s: %s", root,
			     strerror(errno));
	else
		rc = unpack_to(s, spec, root, run, progress, err);
	if (!rc)
		rc = s->format == KI_RAW ? fill_disk(s, s->path, root, run, err)
					 : fill_qcow2(s, raw, root, run, err);
	remove_tree(work);
	free(raw);
	free(root);
	free(work);
	return rc;
}
