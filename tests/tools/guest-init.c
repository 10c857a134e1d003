/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * First and only process of the tests' Linux guest (statically linked, in an initramfs).
 *
 * Does what a prepared guest's udev rule does: brings added CPUs online as they appear.
 * Says on the console what happens, so that a test can wait for it.  Called as
 * /sbin/poweroff or /sbin/reboot (the kernel does, when the toolstack asks), it does
 * that.
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CPUS "/sys/devices/system/cpu"

/* Brings every offline CPU online; says so. */
static void online_all(void)
{
	DIR *dir = opendir(CPUS);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char path[300], state = '1';
		unsigned cpu;
		char end;
		int fd;

		if (sscanf(entry->d_name, "cpu%u%c", &cpu, &end) != 1)
			continue;
		snprintf(path, sizeof(path), CPUS "/%s/online", entry->d_name);
		fd = open(path, O_RDWR);
		if (fd < 0)
			continue; /* CPU 0 has no such file */
		if (read(fd, &state, 1) == 1 && state == '0' && write(fd, "1", 1) == 1)
			printf("guest: cpu %u is online\n", cpu);
		close(fd);
	}
	if (dir)
		closedir(dir);
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/');
	struct timespec pause = {0, 100 * 1000 * 1000};

	(void)argc;
	name = name ? name + 1 : argv[0];
	if (strcmp(name, "poweroff") == 0)
		return reboot(RB_POWER_OFF);
	if (strcmp(name, "reboot") == 0)
		return reboot(RB_AUTOBOOT);
	setvbuf(stdout, NULL, _IONBF, 0);
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	if (mount("proc", "/proc", "proc", 0, NULL) ||
	    mount("sys", "/sys", "sysfs", 0, NULL))
		perror("guest: mount");
	printf("guest: up\n");
	for (;;) {
		online_all();
		nanosleep(&pause, NULL);
	}
}
