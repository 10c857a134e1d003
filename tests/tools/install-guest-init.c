/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * /init of a stand-in for a distribution's installer: looks whether keel install
 * gave the initramfs its files, loads the disk driver that lies beside it, marks the
 * first disk, and reboots as installers do at their end. When something is missing it returns, which makes the kernel
 * panic: a crashed installer.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const char mark[512] = "installed by the stand-in";

static void load_disk_driver(void)
{
	int module = open("/xen-blkfront.ko", O_RDONLY);

	if (module < 0 || syscall(SYS_finit_module, module, "", 0))
		perror("STAND-IN: xen-blkfront.ko");
	if (module >= 0)
		close(module);
}

/* The disk comes up beside us: waited for at most a minute. */
static int open_disk(void)
{
	const struct timespec tenth = {.tv_nsec = 100000000};

	for (int tries = 0; tries < 600; tries++) {
		int fd = open("/dev/xvda", O_WRONLY | O_SYNC);

		if (fd >= 0)
			return fd;
		nanosleep(&tenth, NULL);
	}
	return -1;
}

int main(void)
{
	int fd;

	if (mkdir("/dev", 0755) && access("/dev", F_OK))
		return 1;
	if (mount("devtmpfs", "/dev", "devtmpfs", 0, NULL))
		return 2;
	fd = open("/dev/hvc0", O_RDWR);
	if (fd >= 0 && (dup2(fd, 1) < 0 || dup2(fd, 2) < 0))
		return 3;
	puts("STAND-IN: started");
	if (access("/etc/udev/rules.d/80-keel-hotplug.rules", R_OK) ||
	    access("/usr/lib/finish-install.d/15keel-hotplug", X_OK)) {
		puts("STAND-IN: files of keel install are missing");
		return 4;
	}
	load_disk_driver();
	fd = open_disk();
	if (fd < 0 || write(fd, mark, sizeof(mark)) != (ssize_t)sizeof(mark) ||
	    close(fd)) {
		puts("STAND-IN: no disk");
		return 5;
	}
	puts("STAND-IN: done, rebooting");
	sync();
	reboot(RB_AUTOBOOT);
	return 6;
}
