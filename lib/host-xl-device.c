/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The real host: disks and networks of domains, and their counters. */
#include "lib/host-xl.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/size.h"
#include "lib/xs.h"

#define BACKENDS "/sys/bus/xen-backend/devices"
#define SECTOR	 512
/* XenbusStateConnected: the two halves of a device talk. */
#define CONNECTED 4

/* The number in a small file of sysfs below dirfd; 0 when there is none. */
static uint64_t read_number(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	char buf[32];
	uint64_t value = 0;
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return keel_parse_uint(buf, 0, UINT64_MAX, &value) ? value : 0;
}

static void disk_counters(int dirfd, const char *device, struct keel_io *io)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/statistics/rd_sect", device);
	io->disk_read += read_number(dirfd, path) * SECTOR;
	snprintf(path, sizeof(path), "%s/statistics/wr_sect", device);
	io->disk_written += read_number(dirfd, path) * SECTOR;
	snprintf(path, sizeof(path), "%s/statistics/rd_req", device);
	io->disk_reads += read_number(dirfd, path);
	snprintf(path, sizeof(path), "%s/statistics/wr_req", device);
	io->disk_writes += read_number(dirfd, path);
}

static struct keel_guest *of_domain(struct keel_guest *guests, size_t count,
				    unsigned domid)
{
	for (size_t i = 0; i < count; i++)
		if (guests[i].domid == domid)
			return &guests[i];
	return NULL;
}

static void add_disks(struct keel_guest *guests, size_t count)
{
	DIR *dir = opendir(BACKENDS);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		unsigned domid, devid;
		struct keel_guest *guest;

		if (sscanf(entry->d_name, "vbd-%u-%u", &domid, &devid) != 2)
			continue;
		guest = of_domain(guests, count, domid);
		if (guest)
			disk_counters(dirfd(dir), entry->d_name, &guest->io);
	}
	closedir(dir);
}

/* A line of /proc/net/dev as an interface's name and counters seen from the other end. */
static bool parse_net_line(char *line, char **name, struct keel_io *io)
{
	char *colon = strchr(line, ':');
	uint64_t rx, tx;

	if (!colon)
		return false;
	*colon = '\0';
	*name = line + strspn(line, " ");
	if (sscanf(colon + 1, "%" SCNu64 " %*u %*u %*u %*u %*u %*u %*u %" SCNu64, &rx,
		   &tx) != 2)
		return false;
	memset(io, 0, sizeof(*io));
	io->net_sent = rx; /* what the host receives, the guest has sent */
	io->net_received = tx;
	return true;
}

static void add_nets(struct keel_guest *guests, size_t count)
{
	FILE *f = fopen("/proc/net/dev", "re");
	char line[512];

	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		struct keel_guest *guest;
		unsigned domid, devid;
		struct keel_io io;
		char *name, end;

		if (!parse_net_line(line, &name, &io) ||
		    sscanf(name, "vif%u.%u%c", &domid, &devid, &end) != 2)
			continue;
		guest = of_domain(guests, count, domid);
		if (!guest)
			continue;
		guest->io.net_received += io.net_received;
		guest->io.net_sent += io.net_sent;
	}
	fclose(f);
}

void xl_add_io(struct keel_guest *guests, size_t count)
{
	add_disks(guests, count);
	add_nets(guests, count);
}

static uint64_t target_size(const char *target)
{
	struct stat st;
	int fd = open(target, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	off_t end = 0;

	if (fd < 0)
		return 0;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		end = st.st_size;
	else
		end = lseek(fd, 0, SEEK_END);
	close(fd);
	return end > 0 ? (uint64_t)end : 0;
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static void fill_disk(struct xl_host *host, uint32_t domid, libxl_device_disk *xl,
		      struct keel_disk *disk)
{
	libxl_diskinfo info;
	int dir;

	memset(disk, 0, sizeof(*disk));
	keel_printable(disk->vdev, sizeof(disk->vdev), or_empty(xl->vdev));
	keel_printable(disk->target, sizeof(disk->target), or_empty(xl->pdev_path));
	snprintf(disk->format, sizeof(disk->format), "%s",
		 or_empty(libxl_disk_format_to_string(xl->format)));
	snprintf(disk->backend, sizeof(disk->backend), "%s",
		 or_empty(libxl_disk_backend_to_string(xl->backend)));
	disk->writable = xl->readwrite;
	disk->cdrom = xl->is_cdrom;
	if (xl->format == LIBXL_DISK_FORMAT_RAW && xl->pdev_path)
		disk->size = target_size(xl->pdev_path);
	libxl_diskinfo_init(&info);
	xl_begin(host);
	if (libxl_device_disk_getinfo(host->xl, domid, xl, &info) == 0) {
		char device[64];

		disk->connected = info.state == CONNECTED;
		snprintf(device, sizeof(device), "vbd-%u-%d", domid, info.devid);
		dir = open(BACKENDS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir >= 0) {
			disk_counters(dir, device, &disk->io);
			close(dir);
		}
	}
	libxl_diskinfo_dispose(&info);
}

int xl_disks(void *ctx, uint32_t domid, struct keel_disk **disks, size_t *count,
	     struct keel_error *err)
{
	struct xl_host *host = ctx;
	libxl_device_disk *list;
	int n = 0;

	xl_begin(host);
	list = libxl_device_disk_list(host->xl, domid, &n);
	*disks = calloc((size_t)n + 1, sizeof(**disks));
	*count = *disks && list ? (size_t)n : 0;
	for (size_t i = 0; i < *count; i++)
		fill_disk(host, domid, &list[i], &(*disks)[i]);
	if (list)
		libxl_device_disk_list_free(list, n);
	return *disks ? 0 : keel_fail(err, KEEL_EFAIL, "not enough memory");
}

static void nic_counters(const char *ifname, struct keel_io *io)
{
	FILE *f = fopen("/proc/net/dev", "re");
	char line[512], *name;
	struct keel_io seen;

	if (!f)
		return;
	while (fgets(line, sizeof(line), f))
		if (parse_net_line(line, &name, &seen) && strcmp(name, ifname) == 0)
			*io = seen;
	fclose(f);
}

static void fill_nic(struct xl_host *host, uint32_t domid, libxl_device_nic *xl,
		     struct keel_nic *nic)
{
	libxl_nicinfo info;

	memset(nic, 0, sizeof(*nic));
	nic->devid = (unsigned)xl->devid;
	snprintf(nic->mac, sizeof(nic->mac), LIBXL_MAC_FMT, LIBXL_MAC_BYTES(xl->mac));
	keel_printable(nic->bridge, sizeof(nic->bridge), or_empty(xl->bridge));
	keel_printable(nic->model, sizeof(nic->model), or_empty(xl->model));
	if (xl->ifname)
		keel_printable(nic->ifname, sizeof(nic->ifname), xl->ifname);
	else
		snprintf(nic->ifname, sizeof(nic->ifname), "vif%u.%d", domid, xl->devid);
	libxl_nicinfo_init(&info);
	xl_begin(host);
	if (libxl_device_nic_getinfo(host->xl, domid, xl, &info) == 0)
		nic->connected = info.state == CONNECTED;
	libxl_nicinfo_dispose(&info);
	nic_counters(nic->ifname, &nic->io);
}

int xl_nics(void *ctx, uint32_t domid, struct keel_nic **nics, size_t *count,
	    struct keel_error *err)
{
	struct xl_host *host = ctx;
	libxl_device_nic *list;
	int n = 0;

	xl_begin(host);
	list = libxl_device_nic_list(host->xl, domid, &n);
	*nics = calloc((size_t)n + 1, sizeof(**nics));
	*count = *nics && list ? (size_t)n : 0;
	for (size_t i = 0; i < *count; i++)
		fill_nic(host, domid, &list[i], &(*nics)[i]);
	if (list)
		libxl_device_nic_list_free(list, n);
	return *nics ? 0 : keel_fail(err, KEEL_EFAIL, "not enough memory");
}
