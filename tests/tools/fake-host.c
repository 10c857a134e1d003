/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A host of the tests' own behind keel_host_open(): no hypervisor, no systemd.
 *
 * Its domains are lines of the file $KEEL_FAKE_HOST, so that several processes (the
 * dashboard and the commands that it runs) see one host; each call locks the file,
 * reads it, and writes it back when something changed.  Definitions are real files below
 * $KEEL_ETC.  Some guests misbehave, which one is told by its name:
 *
 *   ...noudev   never brings an added vCPU online
 *   ...stuck    does not react when asked to shut down
 *   ...fail     cannot be started
 *   ...slow     takes until $KEEL_FAKE_GO exists to start
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/host.h"

#define MAX_DOMAINS 256

struct fake_domain {
	uint32_t domid;
	char name[KEEL_NAME_MAX + 1];
	enum keel_state state;
	unsigned online, requested, max;
	uint64_t memory_kib, max_memory_kib;
	unsigned load; /* percent of one CPU that it uses */
	time_t started;
	bool unit, autostart;
	char affinity[64];
};

struct fake {
	struct fake_domain dom[MAX_DOMAINS];
	size_t count;
	uint32_t next;
	int fd;
};

static const char *state_path(void)
{
	const char *path = getenv("KEEL_FAKE_HOST");

	if (!path) {
		fprintf(stderr, "fake host: KEEL_FAKE_HOST is not set\n");
		abort();
	}
	return path;
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static bool parse_line(const char *line, struct fake_domain *d)
{
	unsigned state, unit, autostart;
	int64_t started;

	memset(d, 0, sizeof(*d));
	if (sscanf(line,
		   "%" SCNu32 " %63s %u %u %u %u %" SCNu64 " %" SCNu64 " %u %" SCNd64
		   " %u %u %63s",
		   &d->domid, d->name, &state, &d->online, &d->requested, &d->max,
		   &d->memory_kib, &d->max_memory_kib, &d->load, &started, &unit,
		   &autostart, d->affinity) != 13)
		return false;
	d->state = state;
	d->started = (time_t)started;
	d->unit = unit;
	d->autostart = autostart;
	return true;
}

/* Locks the file and reads all of it. */
static void begin(struct fake *f)
{
	char line[512];
	FILE *in;
	int copy;

	f->count = 0;
	f->next = 1;
	f->fd = open(state_path(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (f->fd < 0 || flock(f->fd, LOCK_EX)) {
		perror(state_path());
		abort();
	}
	copy = fcntl(f->fd, F_DUPFD_CLOEXEC, 0);
	in = copy < 0 ? NULL : fdopen(copy, "r");
	if (!in)
		abort();
	while (fgets(line, sizeof(line), in) && f->count < MAX_DOMAINS) {
		if (!parse_line(line, &f->dom[f->count]))
			continue;
		if (f->dom[f->count].domid != KEEL_NO_DOMAIN &&
		    f->dom[f->count].domid >= f->next)
			f->next = f->dom[f->count].domid + 1;
		f->count++;
	}
	fclose(in);
}

static void end(struct fake *f, bool changed)
{
	if (changed) {
		if (lseek(f->fd, 0, SEEK_SET) || ftruncate(f->fd, 0))
			abort();
		for (size_t i = 0; i < f->count; i++) {
			const struct fake_domain *d = &f->dom[i];

			dprintf(f->fd,
				"%" PRIu32 " %s %u %u %u %u %" PRIu64 " %" PRIu64
				" %u %" PRId64 " %u %u %s\n",
				d->domid, d->name, (unsigned)d->state, d->online,
				d->requested, d->max, d->memory_kib, d->max_memory_kib,
				d->load, (int64_t)d->started, d->unit, d->autostart,
				d->affinity[0] ? d->affinity : "all");
		}
	}
	close(f->fd);
}

static struct fake_domain *find_id(struct fake *f, uint32_t domid)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->dom[i].domid == domid)
			return &f->dom[i];
	return NULL;
}

static struct fake_domain *find_name(struct fake *f, const char *name)
{
	for (size_t i = 0; i < f->count; i++)
		if (strcmp(f->dom[i].name, name) == 0)
			return &f->dom[i];
	return NULL;
}

static void drop(struct fake *f, struct fake_domain *d)
{
	/* The line stays as long as it carries autostart; else the guest is forgotten. */
	if (d->autostart) {
		d->domid = KEEL_NO_DOMAIN;
		d->state = KEEL_STATE_OFF;
		d->unit = false;
		return;
	}
	*d = f->dom[--f->count];
}

static int gone(struct fake *f, struct keel_error *err)
{
	end(f, false);
	return keel_fail(err, KEEL_ESTATE, "the domain is gone");
}

static int fake_info(void *ctx, struct keel_host_info *info, struct keel_error *err)
{
	struct fake *f = ctx;
	uint64_t used = 0;

	(void)err;
	memset(info, 0, sizeof(*info));
	begin(f);
	for (size_t i = 0; i < f->count; i++)
		if (f->dom[i].domid != KEEL_NO_DOMAIN)
			used += f->dom[i].memory_kib;
	end(f, false);
	snprintf(info->hostname, sizeof(info->hostname), "testhost");
	snprintf(info->hypervisor, sizeof(info->hypervisor), "Fake 1.0");
	snprintf(info->capabilities, sizeof(info->capabilities), "xen-3.0-x86_64");
	snprintf(info->command_line, sizeof(info->command_line), "dom0_mem=1G");
	snprintf(info->kernel, sizeof(info->kernel), "Linux 6.1");
	info->cpus = 8;
	info->nodes = 1;
	info->cores_per_socket = 4;
	info->threads_per_core = 2;
	info->cpu_khz = 2500000;
	info->memory_kib = 16u << 20;
	info->free_kib = used < info->memory_kib ? info->memory_kib - used : 0;
	info->pv = true;
	return 0;
}

static void fill(const struct fake_domain *d, struct keel_guest *g)
{
	int64_t up = now_ns() - (int64_t)d->started * 1000000000;

	memset(g, 0, sizeof(*g));
	snprintf(g->name, sizeof(g->name), "%s", d->name);
	snprintf(g->uuid, sizeof(g->uuid), "00000000-0000-4000-8000-%012u", d->domid);
	g->domid = d->domid;
	g->state = d->state;
	g->type = KEEL_GUEST_PV;
	g->vcpus_online = d->online;
	g->vcpus_max = d->max;
	g->memory_kib = d->memory_kib;
	g->max_memory_kib = d->max_memory_kib;
	g->started = d->started;
	if (up > 0) {
		g->cpu_ns = (uint64_t)(up / 100) * d->load;
		g->io.disk_read = (uint64_t)(up / 1000) * d->load / 10;
		g->io.disk_written = (uint64_t)(up / 1000) * d->load / 20;
		g->io.net_received = (uint64_t)(up / 10000) * d->load;
		g->io.net_sent = (uint64_t)(up / 20000) * d->load;
	}
}

static int fake_list(void *ctx, struct keel_guest **guests, size_t *count,
		     struct keel_error *err)
{
	struct fake *f = ctx;

	begin(f);
	end(f, false);
	*guests = calloc(f->count + 1, sizeof(**guests));
	*count = 0;
	if (!*guests)
		return keel_fail(err, KEEL_EFAIL, "not enough memory");
	for (size_t i = 0; i < f->count; i++)
		if (f->dom[i].domid != KEEL_NO_DOMAIN)
			fill(&f->dom[i], &(*guests)[(*count)++]);
	return 0;
}

static int fake_vcpus(void *ctx, uint32_t domid, struct keel_vcpu **vcpus, size_t *count,
		      struct keel_error *err)
{
	struct fake *f = ctx;
	struct fake_domain *d;
	struct keel_guest g;

	begin(f);
	d = find_id(f, domid);
	if (!d)
		return gone(f, err);
	end(f, false);
	fill(d, &g);
	*count = d->max;
	*vcpus = calloc(d->max + 1, sizeof(**vcpus));
	if (!*vcpus)
		return keel_fail(err, KEEL_EFAIL, "not enough memory");
	for (unsigned i = 0; i < d->max; i++) {
		struct keel_vcpu *v = &(*vcpus)[i];

		v->id = i;
		v->requested = i < d->requested;
		v->online = i < d->online;
		v->cpu = v->online ? i % 8 : UINT32_MAX;
		v->cpu_ns = v->online ? g.cpu_ns / d->online : 0;
		snprintf(v->affinity, sizeof(v->affinity), "%s", d->affinity);
	}
	return 0;
}

static int fake_disks(void *ctx, uint32_t domid, struct keel_disk **disks, size_t *count,
		      struct keel_error *err)
{
	struct keel_disk *disk = calloc(1, sizeof(*disk));

	(void)ctx;
	*disks = disk;
	*count = 1;
	if (!disk)
		return keel_fail(err, KEEL_EFAIL, "not enough memory");
	snprintf(disk->vdev, sizeof(disk->vdev), "xvda");
	snprintf(disk->target, sizeof(disk->target), "/srv/disk-%" PRIu32 ".img", domid);
	snprintf(disk->format, sizeof(disk->format), "raw");
	snprintf(disk->backend, sizeof(disk->backend), "phy");
	disk->writable = disk->connected = true;
	disk->size = UINT64_C(8) << 30;
	return 0;
}

static int fake_nics(void *ctx, uint32_t domid, struct keel_nic **nics, size_t *count,
		     struct keel_error *err)
{
	struct keel_nic *nic = calloc(1, sizeof(*nic));

	(void)ctx;
	*nics = nic;
	*count = 1;
	if (!nic)
		return keel_fail(err, KEEL_EFAIL, "not enough memory");
	snprintf(nic->mac, sizeof(nic->mac), "00:16:3e:00:00:%02x", domid & 0xff);
	snprintf(nic->bridge, sizeof(nic->bridge), "xenbr0");
	snprintf(nic->ifname, sizeof(nic->ifname), "vif%" PRIu32 ".0", domid);
	nic->connected = true;
	return 0;
}

/* Does one change to one domain under the lock. */
#define CHANGE(ctx, domid, err, statement)                                               \
	do {                                                                             \
		struct fake *f = (ctx);                                                  \
		struct fake_domain *d;                                                   \
                                                                                         \
		begin(f);                                                                \
		d = find_id(f, (domid));                                                 \
		if (!d)                                                                  \
			return gone(f, (err));                                           \
		statement;                                                               \
		end(f, true);                                                            \
		return 0;                                                                \
	} while (0)

static int fake_pause(void *ctx, uint32_t domid, struct keel_error *err)
{
	CHANGE(ctx, domid, err, d->state = KEEL_STATE_PAUSED);
}

static int fake_unpause(void *ctx, uint32_t domid, struct keel_error *err)
{
	CHANGE(ctx, domid, err, d->state = KEEL_STATE_IDLE);
}

static int fake_shutdown(void *ctx, uint32_t domid, struct keel_error *err)
{
	CHANGE(ctx, domid, err, if (!strstr(d->name, "stuck")) drop(f, d));
}

static int fake_reboot(void *ctx, uint32_t domid, struct keel_error *err)
{
	CHANGE(ctx, domid, err, d->domid = f->next; d->started = time(NULL));
}

static int fake_destroy(void *ctx, uint32_t domid, struct keel_error *err)
{
	CHANGE(ctx, domid, err, drop(f, d));
}

static int fake_set_vcpus(void *ctx, uint32_t domid, unsigned count,
			  struct keel_error *err)
{
	struct fake *f = ctx;
	struct fake_domain *d;

	begin(f);
	d = find_id(f, domid);
	if (!d)
		return gone(f, err);
	if (count < 1 || count > d->max) {
		end(f, false);
		return keel_fail(err, KEEL_EUSAGE,
				 "this guest can have 1 to %u vCPUs, not %u", d->max,
				 count);
	}
	d->requested = count;
	if (!strstr(d->name, "noudev") || count < d->online)
		d->online = count;
	end(f, true);
	return 0;
}

static int fake_set_memory(void *ctx, uint32_t domid, uint64_t kib,
			   struct keel_error *err)
{
	CHANGE(ctx, domid, err, d->memory_kib = kib);
}

static int fake_set_max(void *ctx, uint32_t domid, uint64_t kib, struct keel_error *err)
{
	CHANGE(ctx, domid, err, d->max_memory_kib = kib);
}

static int fake_affinity(void *ctx, uint32_t domid, unsigned vcpu, const char *cpus,
			 struct keel_error *err)
{
	(void)vcpu;
	CHANGE(ctx, domid, err,
	       snprintf(d->affinity, sizeof(d->affinity), "%.63s", cpus));
}

static int fake_rename(void *ctx, uint32_t domid, const char *name,
		       struct keel_error *err)
{
	CHANGE(ctx, domid, err, snprintf(d->name, sizeof(d->name), "%.63s", name));
}

static int fake_sysrq(void *ctx, uint32_t domid, char key, struct keel_error *err)
{
	CHANGE(ctx, domid, err, (void)key);
}

static int fake_log(void *ctx, char **text, struct keel_error *err)
{
	(void)ctx;
	*text = strdup("(FAKE) line one of the log\n(FAKE) line two of the log\n");
	return *text ? 0 : keel_fail(err, KEEL_EFAIL, "not enough memory");
}

static int fake_wait(void *ctx, int limit_ms, struct keel_error *err)
{
	/* The file has no events: a short pause bounds how often it is read. */
	struct timespec ts = {0, (limit_ms < 20 ? limit_ms : 20) * 1000000L};

	(void)ctx;
	(void)err;
	nanosleep(&ts, NULL);
	return 0;
}

static int fake_units(void *ctx, struct keel_guest *guests, size_t count,
		      struct keel_error *err)
{
	struct fake *f = ctx;

	(void)err;
	begin(f);
	end(f, false);
	for (size_t i = 0; i < count; i++) {
		struct fake_domain *d = find_name(f, guests[i].name);

		if (!d)
			continue;
		guests[i].has_unit = d->unit;
		guests[i].autostart = d->autostart;
	}
	return 0;
}

static struct fake_domain *add(struct fake *f, const char *name)
{
	struct fake_domain *d = find_name(f, name);

	if (!d) {
		if (f->count == MAX_DOMAINS)
			abort();
		d = &f->dom[f->count++];
		memset(d, 0, sizeof(*d));
		snprintf(d->name, sizeof(d->name), "%s", name);
	}
	return d;
}

static int fake_unit_start(void *ctx, const char *name, const volatile int *cancel,
			   struct keel_error *err)
{
	const char *go = getenv("KEEL_FAKE_GO");
	struct keel_guest_file file;
	struct fake *f = ctx;
	struct fake_domain *d;

	if (strstr(name, "fail"))
		return keel_fail(err, KEEL_EFAIL,
				 "cannot start %s: the job's result is \"failed\"", name);
	while (strstr(name, "slow") && go && access(go, F_OK)) {
		if (cancel && *cancel)
			return keel_fail(err, KEEL_ECANCELLED, "cancelled");
		fake_wait(ctx, 20, err);
	}
	if (keel_guest_file_read(name, &file, err))
		return -1;
	begin(f);
	d = add(f, name);
	d->domid = f->next;
	d->state = KEEL_STATE_RUNNING;
	d->online = d->requested = file.vcpus;
	d->max = file.max_vcpus;
	d->memory_kib = file.memory_mib * 1024;
	d->max_memory_kib = file.max_memory_mib * 1024;
	d->load = 10;
	d->started = time(NULL);
	d->unit = true;
	end(f, true);
	keel_guest_file_free(&file);
	return 0;
}

static int fake_unit_stop(void *ctx, const char *name, const volatile int *cancel,
			  struct keel_error *err)
{
	struct fake *f = ctx;
	struct fake_domain *d;

	(void)err;
	(void)cancel;
	begin(f);
	d = find_name(f, name);
	if (d)
		drop(f, d);
	end(f, true);
	return 0;
}

static int fake_unit_enable(void *ctx, const char *name, bool on, struct keel_error *err)
{
	struct fake *f = ctx;
	struct fake_domain *d;

	(void)err;
	begin(f);
	d = find_name(f, name);
	if (!d) {
		d = add(f, name);
		d->domid = KEEL_NO_DOMAIN;
	}
	d->autostart = on;
	end(f, true);
	return 0;
}

static int fake_unit_state(void *ctx, const char *unit, char *state, size_t size,
			   struct keel_error *err)
{
	(void)ctx;
	(void)err;
	snprintf(state, size, "%s",
		 strcmp(unit, "keel-consoled.service") == 0 ? "failed"
		 : strncmp(unit, "xen", 3) == 0 &&
				 strcmp(unit, "xenstored.service") != 0 &&
				 strcmp(unit, "xen-init-dom0.service") != 0
			 ? "masked"
			 : "active");
	return 0;
}

static void fake_close(void *ctx)
{
	free(ctx);
}

static const struct keel_host_ops fake_ops = {
	.info = fake_info,
	.list = fake_list,
	.vcpus = fake_vcpus,
	.disks = fake_disks,
	.nics = fake_nics,
	.pause = fake_pause,
	.unpause = fake_unpause,
	.shutdown = fake_shutdown,
	.reboot = fake_reboot,
	.destroy = fake_destroy,
	.set_vcpus = fake_set_vcpus,
	.set_memory = fake_set_memory,
	.set_max_memory = fake_set_max,
	.set_affinity = fake_affinity,
	.rename = fake_rename,
	.sysrq = fake_sysrq,
	.log = fake_log,
	.wait = fake_wait,
	.units = fake_units,
	.unit_start = fake_unit_start,
	.unit_stop = fake_unit_stop,
	.unit_enable = fake_unit_enable,
	.unit_state = fake_unit_state,
	.close = fake_close,
};

int keel_host_open(struct keel_host *host, struct keel_error *err)
{
	struct fake *f = calloc(1, sizeof(*f));

	host->ops = NULL;
	host->ctx = NULL;
	if (!f)
		return keel_fail(err, KEEL_EFAIL, "not enough memory");
	if (getenv("KEEL_FAKE_BROKEN")) {
		free(f);
		keel_fail(err, KEEL_EHOST, "this system does not run on a hypervisor");
		return keel_hint(err, "boot it through Keel's (or Xen's) boot entry");
	}
	host->ops = &fake_ops;
	host->ctx = f;
	return 0;
}
