/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * init - first program of dom0 (and of a guest that uses the same initramfs).
 *
 * Loads the drivers that the root disk needs, mounts the root file system and
 * starts its init. One static program and no shell: each fork and exec costs
 * a paravirtualized kernel dear, and this is on the path of every boot.
 *
 * Kernel command line:
 *   root=/dev/NAME | LABEL=x | UUID=x   the root file system (ext4, or iso9660)
 *   ro, rw                              how to mount it (default ro)
 *   rootflags=x                         mount options
 *   keel.image=/path                    a file on that file system is the root
 *                                       image: used read-only under a tmpfs
 *   keel.rootwait=S                     seconds to wait for the disk (30)
 *   init=/path                          program to start (/sbin/init)
 *
 * A directory /overlay in the initramfs (a further cpio archive appended to
 * it may bring one) is copied over the root file system.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <ftw.h>
#include <linux/loop.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define NEWROOT "/newroot"
#define MEDIUM "/medium"
#define RAMFS_MAGIC_NUMBER 0x858458f6
#define TMPFS_MAGIC_NUMBER 0x01021994

/* What the command line asks for. */
struct options {
	char *root;
	char *flags;
	char *image;
	char *init;
	bool rw;
	int wait_s;
};

static struct options opt = { .init = "/sbin/init", .wait_s = 30 };
static char *modules_dep, *modules_alias;
static char module_dir[300];

__attribute__((format(printf, 1, 2))) static void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("keel-init: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}

/* Ends PID 1: the kernel panics, and obeys panic=. */
__attribute__((format(printf, 1, 2), noreturn)) static void
die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("keel-init: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

/* The whole of a (possibly virtual) file as a string, or NULL. */
static char *slurp(const char *path)
{
	size_t size = 0, room = 4096;
	char *text = malloc(room);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0 || !text) {
		free(text);
		return NULL;
	}
	while ((n = read(fd, text + size, room - size - 1)) > 0) {
		size += n;
		if (room - size > 1)
			continue;
		room *= 2;
		char *more = realloc(text, room);
		if (!more)
			break;
		text = more;
	}
	close(fd);
	text[size] = '\0';
	return text;
}

static void parse_command_line(void)
{
	char *line = slurp("/proc/cmdline"), *word, *save = NULL;

	if (!line)
		die("cannot read /proc/cmdline");
	for (word = strtok_r(line, " \n", &save); word;
	     word = strtok_r(NULL, " \n", &save)) {
		if (!strncmp(word, "root=", 5))
			opt.root = word + 5;
		else if (!strncmp(word, "rootflags=", 10))
			opt.flags = word + 10;
		else if (!strncmp(word, "keel.image=", 11))
			opt.image = word + 11;
		else if (!strncmp(word, "keel.rootwait=", 14))
			opt.wait_s = atoi(word + 14);
		else if (!strncmp(word, "init=", 5))
			opt.init = word + 5;
		else if (!strcmp(word, "rw"))
			opt.rw = true;
		else if (!strcmp(word, "ro"))
			opt.rw = false;
	}
	if (!opt.root)
		die("no root= on the kernel's command line");
}

/* ---- modules ---- */

static void load_tables(void)
{
	struct utsname name;
	char path[400];

	if (uname(&name))
		die("uname: %s", strerror(errno));
	snprintf(module_dir, sizeof(module_dir), "/lib/modules/%s", name.release);
	snprintf(path, sizeof(path), "%s/modules.dep", module_dir);
	modules_dep = slurp(path);
	snprintf(path, sizeof(path), "%s/modules.alias", module_dir);
	modules_alias = slurp(path);
	if (!modules_dep || !modules_alias)
		say("no modules for Linux %s here", name.release);
}

static void insert(const char *path, size_t len)
{
	char full[700];
	int fd;

	snprintf(full, sizeof(full), "%s/%.*s", module_dir, (int)len, path);
	fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		say("%s: %s", full, strerror(errno));
		return;
	}
	/* ENODEV: a driver for a processor feature that is not there. */
	if (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST &&
	    errno != ENODEV)
		say("%s: %s", full, strerror(errno));
	close(fd);
}

/* Does the path DIR/some-name.ko (of LEN bytes) hold the module NAME? */
static bool is_module(const char *path, size_t len, const char *name)
{
	const char *base = memrchr(path, '/', len);
	size_t i, blen;

	base = base ? base + 1 : path;
	blen = len - (base - path);
	if (blen < 3 || memcmp(base + blen - 3, ".ko", 3))
		return false;
	blen -= 3;
	for (i = 0; i < blen && name[i]; i++) {
		char a = base[i] == '-' ? '_' : base[i];
		char b = name[i] == '-' ? '_' : name[i];

		if (a != b)
			return false;
	}
	return i == blen && !name[i];
}

/*
 * Load NAME after what it depends on. A line of modules.dep is
 * "module.ko: dep1.ko dep2.ko", the deepest dependency last.
 */
static void load_module(const char *name)
{
	char *line, *end, *colon, *word;

	for (line = modules_dep; line && *line; line = *end ? end + 1 : end) {
		end = strchrnul(line, '\n');
		colon = memchr(line, ':', end - line);
		if (!colon || !is_module(line, colon - line, name))
			continue;
		for (word = end; word > colon + 1;) {
			char *stop = word;

			while (word > colon + 1 && word[-1] != ' ')
				word--;
			if (stop > word)
				insert(word, stop - word);
			while (word > colon + 1 && word[-1] == ' ')
				word--;
		}
		insert(line, colon - line);
		return;
	}
}

/* Load what matches a device's modalias; "alias PATTERN MODULE" lines. */
static void load_for(const char *modalias)
{
	char pattern[512], module[128], *line, *end;

	for (line = modules_alias; line && *line; line = *end ? end + 1 : end) {
		end = strchrnul(line, '\n');
		if (sscanf(line, "alias %511s %127s", pattern, module) == 2 &&
		    !fnmatch(pattern, modalias, 0))
			load_module(module);
	}
}

/* PCI mass storage controllers (base class 01) and virtual disks. */
static bool is_storage(const char *modalias)
{
	return strstr(modalias, "bc01") || !strncmp(modalias, "virtio:", 7) ||
	       !strncmp(modalias, "xen:vbd", 7) ||
	       !strncmp(modalias, "scsi:", 5);
}

/*
 * Load drivers for the devices that the kernel knows already; devices that
 * turn up meanwhile come by uevent.
 */
static void coldplug(bool storage_only)
{
	static const char *const buses[] = { "xen", "pci", "virtio", "scsi", "usb" };
	char path[600], *alias;
	struct dirent *entry;
	DIR *dir;

	for (size_t i = 0; i < sizeof(buses) / sizeof(*buses); i++) {
		snprintf(path, sizeof(path), "/sys/bus/%s/devices", buses[i]);
		dir = opendir(path);
		if (!dir)
			continue;
		while ((entry = readdir(dir))) {
			if (entry->d_name[0] == '.')
				continue;
			snprintf(path, sizeof(path), "/sys/bus/%s/devices/%s/modalias",
				 buses[i], entry->d_name);
			alias = slurp(path);
			if (!alias)
				continue;
			alias[strcspn(alias, "\n")] = '\0';
			if (*alias && (!storage_only || is_storage(alias)))
				load_for(alias);
			free(alias);
		}
		closedir(dir);
	}
}

/* ---- finding the root ---- */

static bool has_uuid(const uint8_t *id, const char *text)
{
	char own[37];

	snprintf(own, sizeof(own),
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 id[0], id[1], id[2], id[3], id[4], id[5], id[6], id[7], id[8],
		 id[9], id[10], id[11], id[12], id[13], id[14], id[15]);
	return !strcasecmp(own, text);
}

/* Is a space- or NUL-padded volume name of SIZE bytes the given one? */
static bool has_label(const uint8_t *label, size_t size, const char *text)
{
	size_t len = strnlen((const char *)label, size);

	while (len && label[len - 1] == ' ')
		len--;
	return len == strlen(text) && !memcmp(label, text, len);
}

/* Does the block device hold a file system that root= names? */
static bool matches(const char *device)
{
	uint8_t ext[1024], iso[2048];
	bool match = false;
	int fd = open(device, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	/* ext4: superblock at 1024; magic 0x38, UUID 0x68, label 0x78. */
	if (pread(fd, ext, sizeof(ext), 1024) == sizeof(ext) &&
	    ext[0x38] == 0x53 && ext[0x39] == 0xef) {
		if (!strncmp(opt.root, "LABEL=", 6))
			match = has_label(ext + 0x78, 16, opt.root + 6);
		else if (!strncmp(opt.root, "UUID=", 5))
			match = has_uuid(ext + 0x68, opt.root + 5);
	} else if (pread(fd, iso, sizeof(iso), 16 * 2048) == sizeof(iso) &&
		   !memcmp(iso + 1, "CD001", 5) &&
		   !strncmp(opt.root, "LABEL=", 6)) {
		match = has_label(iso + 40, 32, opt.root + 6);
	}
	close(fd);
	return match;
}

/* Device path of the root, NULL while there is none; to be freed. */
static char *find_root(void)
{
	struct dirent *entry;
	char path[300], *found = NULL;
	DIR *dir;

	if (!strncmp(opt.root, "/dev/", 5))
		return access(opt.root, F_OK) ? NULL : strdup(opt.root);
	dir = opendir("/sys/class/block");
	while (dir && !found && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || !strncmp(entry->d_name, "loop", 4))
			continue;
		snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		if (matches(path))
			found = strdup(path);
	}
	if (dir)
		closedir(dir);
	return found;
}

static int open_uevents(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int size = 1 << 20;
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			NETLINK_KOBJECT_UEVENT);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)))
		die("uevents: %s", strerror(errno));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		say("uevent buffer: %s", strerror(errno));
	return fd;
}

/* Take in the uevents at hand; true if a block device came. */
static bool take_uevents(int fd, bool storage_only)
{
	char text[8192], *field;
	bool block = false, add;
	ssize_t n;

	while ((n = recv(fd, text, sizeof(text) - 1, 0)) > 0) {
		text[n] = '\0';
		add = !strncmp(text, "add@", 4) || !strncmp(text, "change@", 7);
		for (field = text; add && field < text + n; field += strlen(field) + 1) {
			if (!strncmp(field, "MODALIAS=", 9) &&
			    (!storage_only || is_storage(field + 9)))
				load_for(field + 9);
			else if (!strcmp(field, "SUBSYSTEM=block"))
				block = true;
		}
	}
	/* ENOBUFS: some were lost, so a block device may be among them. */
	return block || (n < 0 && errno == ENOBUFS);
}

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void list_disks(void)
{
	struct dirent *entry;
	DIR *dir = opendir("/sys/class/block");

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			say("  disk %s", entry->d_name);
	if (dir)
		closedir(dir);
}

/*
 * Storage controllers first; only if no root turned up in two seconds, every
 * other bus that could lead to it (USB for one).
 */
static char *wait_for_root(void)
{
	long long start = now_ms(), limit = opt.wait_s * 1000LL, wait;
	bool storage_only = true;
	int fd = open_uevents();
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	char *device;

	coldplug(true);
	while (!(device = find_root())) {
		wait = (storage_only ? 2000 : limit) - (now_ms() - start);
		if (wait > 0 && poll(&poll_fd, 1, wait) > 0) {
			take_uevents(fd, storage_only);
			continue;
		}
		if (!storage_only) {
			list_disks();
			die("no root file system %s within %d s", opt.root,
			    opt.wait_s);
		}
		storage_only = false;
		coldplug(false);
	}
	close(fd);
	return device;
}

/* ---- mounting ---- */

static void must_mount(const char *what, const char *where, const char *type,
		       unsigned long flags, const char *data)
{
	if (mount(what, where, type, flags, data))
		die("mounting %s (%s) on %s: %s", what, type, where,
		    strerror(errno));
}

static void must_mkdir(const char *path)
{
	if (mkdir(path, 0755) && errno != EEXIST)
		die("mkdir %s: %s", path, strerror(errno));
}

/* Attach FILE read-only to a free loop device; its path in DEVICE. */
static void loop_attach(const char *file, char *device, size_t size)
{
	struct loop_config config = { 0 };
	int control, loop, number;

	load_module("loop");
	control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	number = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);
	if (number < 0)
		die("no loop device: %s", strerror(errno));
	snprintf(device, size, "/dev/loop%d", number);
	loop = open(device, O_RDWR | O_CLOEXEC);
	config.fd = open(file, O_RDONLY | O_CLOEXEC);
	config.info.lo_flags = LO_FLAGS_READ_ONLY;
	if (loop < 0 || (int)config.fd < 0 || ioctl(loop, LOOP_CONFIGURE, &config))
		die("%s on %s: %s", file, device, strerror(errno));
	close(config.fd);
	close(loop);
	close(control);
}

/* Live medium: the image below, what is written in memory. */
static void mount_image(void)
{
	char file[512], device[32];

	snprintf(file, sizeof(file), MEDIUM "%s", opt.image);
	loop_attach(file, device, sizeof(device));
	load_module("overlay");
	must_mkdir("/lower");
	must_mkdir("/upper");
	must_mount(device, "/lower", "ext4", MS_RDONLY, "noload");
	must_mount("tmpfs", "/upper", "tmpfs", 0, "mode=755");
	must_mkdir("/upper/data");
	must_mkdir("/upper/work");
	must_mount("overlay", NEWROOT, "overlay", 0,
		   "lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work");
}

static void mount_root(const char *device)
{
	static const char *const types[] = { "ext4", "iso9660" };
	const char *where = opt.image ? MEDIUM : NEWROOT;
	unsigned long flags = opt.rw && !opt.image ? 0 : MS_RDONLY;
	size_t i;

	must_mkdir(where);
	must_mkdir(NEWROOT);
	/* ext4 asks for crc32c by name, and there is no modprobe here. */
	load_module("crc32c_generic");
	load_module("crc32c_intel");
	for (i = 0; i < sizeof(types) / sizeof(*types); i++) {
		load_module(i ? "isofs" : "ext4");
		if (!mount(device, where, types[i], flags, opt.flags))
			break;
	}
	if (i == sizeof(types) / sizeof(*types))
		die("%s does not mount: %s", device, strerror(errno));
	if (opt.image)
		mount_image();
}

/* ---- overlay and hand-over ---- */

static int copy_data(const char *from, const char *to, mode_t mode)
{
	char block[65536];
	ssize_t n = -1;
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	while (in >= 0 && out >= 0 && (n = read(in, block, sizeof(block))) > 0)
		if (write(out, block, n) != n) {
			n = -1;
			break;
		}
	if (out >= 0 && fchmod(out, mode))
		n = -1;
	if (in >= 0)
		close(in);
	if (out >= 0 && close(out))
		n = -1;
	return n < 0 ? -1 : 0;
}

static int copy_entry(const char *path, const struct stat *info, int kind,
		      struct FTW *unused)
{
	char to[4096], link[4096];
	ssize_t n;
	int rc = 0;

	(void)unused;
	snprintf(to, sizeof(to), NEWROOT "%s", path + strlen("/overlay"));
	if (kind == FTW_D) {
		rc = mkdir(to, info->st_mode & 07777) && errno != EEXIST;
	} else if (S_ISLNK(info->st_mode)) {
		n = readlink(path, link, sizeof(link) - 1);
		link[n < 0 ? 0 : n] = '\0';
		unlink(to);
		rc = symlink(link, to);
	} else if (S_ISREG(info->st_mode)) {
		rc = copy_data(path, to, info->st_mode & 07777);
	}
	if (rc)
		say("overlay %s: %s", to, strerror(errno));
	return 0;
}

static dev_t initramfs_device;

static int remove_entry(const char *path, const struct stat *info, int kind,
			struct FTW *unused)
{
	(void)kind;
	(void)unused;
	/* Never leave the initramfs: everything else is mounted on it. */
	if (info->st_dev == initramfs_device && strcmp(path, "/"))
		remove(path);
	return 0;
}

/* Give the initramfs's memory back; only if this really is one. */
static void empty_initramfs(void)
{
	struct statfs fs;
	struct stat info;

	if (statfs("/", &fs) || (fs.f_type != RAMFS_MAGIC_NUMBER &&
				 fs.f_type != TMPFS_MAGIC_NUMBER))
		return;
	if (stat("/", &info))
		return;
	initramfs_device = info.st_dev;
	nftw("/", remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static void switch_root(char **argv)
{
	static const char *const kept[] = { "/dev", "/proc", "/sys" };
	char to[64];

	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++) {
		snprintf(to, sizeof(to), NEWROOT "%s", kept[i]);
		must_mount(kept[i], to, NULL, MS_MOVE, NULL);
	}
	if (opt.image) {
		must_mkdir(NEWROOT "/run");
		must_mount("tmpfs", NEWROOT "/run", "tmpfs", MS_NOSUID | MS_NODEV,
			   "mode=755");
		must_mkdir(NEWROOT "/run/medium");
		must_mount(MEDIUM, NEWROOT "/run/medium", NULL, MS_MOVE, NULL);
	}
	empty_initramfs();
	if (chdir(NEWROOT) || mount(".", "/", NULL, MS_MOVE, NULL) ||
	    chroot(".") || chdir("/"))
		die("switching to the root file system: %s", strerror(errno));
	argv[0] = opt.init;
	execv(opt.init, argv);
	die("%s: %s", opt.init, strerror(errno));
}

int main(int argc, char **argv)
{
	char *device;
	int console;

	(void)argc;
	must_mkdir("/proc");
	must_mkdir("/sys");
	must_mkdir("/dev");
	must_mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=755");
	console = open("/dev/console", O_RDWR);
	if (console >= 0) {
		dup2(console, 0);
		dup2(console, 1);
		dup2(console, 2);
		if (console > 2)
			close(console);
	}
	must_mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	must_mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	parse_command_line();
	load_tables();
	device = wait_for_root();
	mount_root(device);
	free(device);
	if (!access("/overlay", F_OK))
		nftw("/overlay", copy_entry, 16, FTW_PHYS);
	switch_root(argv);
}
