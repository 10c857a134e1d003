/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the dashboard knows: snapshots of the host, taken by a thread of its own.
 *
 * The reader thread owns the connections to the hypervisor and to keel-consoled.  It
 * hands over finished snapshots, which nobody changes afterwards; the main thread takes
 * the newest one and frees the one before.  Nothing else is shared but struct want.
 */
#ifndef KEEL_TUI_MODEL_H
#define KEEL_TUI_MODEL_H

#include "lib/checks.h"
#include "lib/console-client.h"
#include "lib/host.h"

/* Samples of a sparkline, newest last. */
#define SPARK 32

struct row {
	struct keel_guest g;
	double cpu;	  /* percent of one CPU, over the last interval */
	double disk, net; /* bytes a second, both directions together */
	double cpu_spark[SPARK], disk_spark[SPARK], net_spark[SPARK];
	bool talking;	  /* its console wrote within the last seconds */
	unsigned viewers; /* of its console */
};

struct vcpu_row {
	struct keel_vcpu v;
	double cpu; /* percent */
};

/* The picture of one console; absent, with the reason, when there is none. */
struct picture {
	char name[KEEL_NAME_MAX + 1];
	bool has_screen;
	struct kcon_screen screen;
	char error[128];
};

/* Pictures at once, at most: a page of the wall. */
#define MAX_WALL 40

/* About one guest, when its page is open. */
struct details {
	bool valid;
	char name[KEEL_NAME_MAX + 1];
	struct vcpu_row *vcpus;
	struct keel_disk *disks;
	struct keel_nic *nics;
	size_t vcpu_count, disk_count, nic_count;
	bool has_picture;
	struct picture picture;
	char error[256];
};

struct snapshot {
	bool ok; /* else only error is set */
	struct keel_error error;
	struct keel_host_info info;
	struct row *rows;
	size_t count;
	double load[3];
	double cpu; /* percent of all CPUs that guests and the control domain used */
	uint64_t storage_free, storage_total;
	struct details details;
	struct picture *wall; /* as asked for by want.wall */
	size_t wall_count;
	struct keel_check *checks;
	size_t check_count;
};

/* What the main thread wants to have in the next snapshots. */
struct want {
	char focus[KEEL_NAME_MAX + 1];		/* details of this guest; "" = none */
	bool screen;				/* its console's screen too */
	char wall[MAX_WALL][KEEL_NAME_MAX + 1]; /* pictures of these consoles */
	size_t wall_count;
	bool checks; /* once; cleared when delivered */
};

struct model;

/* Starts the reader; NULL when there is no memory or no thread. */
struct model *model_start(unsigned interval_ms);
void model_stop(struct model *model);

/* Readable when a new snapshot is there. */
int model_fd(const struct model *model);

/* The newest snapshot, now the caller's (snapshot_free()); NULL when there is no new one.
 */
struct snapshot *model_take(struct model *model);
void snapshot_free(struct snapshot *snapshot);

/* Changes what is wanted, and asks for a snapshot at once. */
void model_want(struct model *model, const struct want *want);
void model_refresh(struct model *model);

/* Row of the guest called name, or NULL. */
const struct row *snapshot_row(const struct snapshot *snapshot, const char *name);

#endif
