/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The host as the tools see it: domains, their devices, their units, the machine.
 *
 * A struct keel_host is one connection to it and is used by one thread at a time; each
 * thread that needs the host opens its own.  Behind it stands a table of functions: the
 * real one is in host-xl.c (libxl, xenstore, sd-bus), tests bring their own.
 */
#ifndef KEEL_HOST_H
#define KEEL_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "lib/error.h"
#include "lib/guest-file.h"
#include "lib/name.h"

#define KEEL_NO_DOMAIN UINT32_MAX
#define KEEL_ALL_VCPUS UINT32_MAX

enum keel_state {
	KEEL_STATE_OFF,	     /* defined, no domain */
	KEEL_STATE_STARTING, /* its unit is, or its domain is being built */
	KEEL_STATE_RUNNING,  /* on a CPU now */
	KEEL_STATE_IDLE,     /* runs; every vCPU waits for an event */
	KEEL_STATE_PAUSED,
	KEEL_STATE_SHUTDOWN,  /* has shut down and is not cleaned up (yet) */
	KEEL_STATE_REBOOTING, /* has shut down to reboot */
	KEEL_STATE_CRASHED,
	KEEL_STATE_SUSPENDED,
	KEEL_STATE_DYING, /* is being torn down */
};

/* One word for a state, lower case. */
const char *keel_state_name(enum keel_state state);
/* True when a domain exists that has not shut down. */
bool keel_state_alive(enum keel_state state);

/* Counters since the domain's devices were made. */
struct keel_io {
	uint64_t disk_read, disk_written; /* bytes */
	uint64_t disk_reads, disk_writes; /* requests */
	uint64_t net_received, net_sent;  /* bytes, as the guest sees them */
};

/* One guest: a domain, a definition, or both. */
struct keel_guest {
	char name[KEEL_NAME_MAX + 1]; /* of a domain: made printable and cut */
	char uuid[37];
	uint32_t domid; /* KEEL_NO_DOMAIN when there is no domain */
	enum keel_state state;
	enum keel_guest_type type;
	bool defined;  /* has a file in keel_guest_dir() */
	bool broken;   /* the file is there and cannot be read */
	bool has_unit; /* its unit is active or on the way */
	bool unit_failed;
	bool autostart; /* its unit is enabled */
	unsigned vcpus_online, vcpus_max;
	uint64_t memory_kib;	 /* held now (of a definition: at start) */
	uint64_t max_memory_kib; /* limit */
	uint64_t cpu_ns;	 /* time its vCPUs have run, all together */
	struct keel_io io;
	time_t started;		/* 0 when unknown */
};

struct keel_vcpu {
	unsigned id;
	bool requested; /* the toolstack asks for it (xenstore cpu/N/availability) */
	bool online;	/* the guest runs it, as the hypervisor sees it */
	bool running, blocked;
	uint32_t cpu; /* physical CPU it ran on last; UINT32_MAX when none */
	uint64_t cpu_ns;
	char affinity[64]; /* "0-3,7", "all" */
};

struct keel_disk {
	char vdev[32];	  /* xvda */
	char target[256]; /* file or device */
	char format[16];  /* raw, qcow2, ... */
	char backend[16]; /* phy, qdisk, tap */
	bool writable, cdrom;
	bool connected;
	uint64_t size; /* bytes; 0 = unknown */
	struct keel_io io;
};

struct keel_nic {
	unsigned devid;
	char mac[18];
	char bridge[32];
	char ifname[32]; /* in the control domain */
	char model[16];
	bool connected;
	struct keel_io io;
};

struct keel_host_info {
	char hostname[65];
	char hypervisor[64]; /* "Keel 0.1" or "Xen 4.17.7" */
	char capabilities[256];
	char command_line[256];
	char kernel[160]; /* of the control domain */
	unsigned cpus, nodes, cores_per_socket, threads_per_core;
	unsigned cpu_khz;
	uint64_t memory_kib, free_kib;
	bool hvm, hap, pv; /* kinds of guests the hypervisor can run */
};

struct keel_host;

/* What a backend offers; all functions are mandatory, return 0 or -1 and fill err. */
struct keel_host_ops {
	int (*info)(void *ctx, struct keel_host_info *info, struct keel_error *err);
	/* All domains, Domain-0 first; *guests is malloc()ed. */
	int (*list)(void *ctx, struct keel_guest **guests, size_t *count,
		    struct keel_error *err);
	int (*vcpus)(void *ctx, uint32_t domid, struct keel_vcpu **vcpus, size_t *count,
		     struct keel_error *err);
	int (*disks)(void *ctx, uint32_t domid, struct keel_disk **disks, size_t *count,
		     struct keel_error *err);
	int (*nics)(void *ctx, uint32_t domid, struct keel_nic **nics, size_t *count,
		    struct keel_error *err);
	int (*pause)(void *ctx, uint32_t domid, struct keel_error *err);
	int (*unpause)(void *ctx, uint32_t domid, struct keel_error *err);
	/* Ask the guest; these do not wait for it. */
	int (*shutdown)(void *ctx, uint32_t domid, struct keel_error *err);
	int (*reboot)(void *ctx, uint32_t domid, struct keel_error *err);
	int (*destroy)(void *ctx, uint32_t domid, struct keel_error *err);
	/* Ask for vCPUs 0..count-1 to be online and the others not. */
	int (*set_vcpus)(void *ctx, uint32_t domid, unsigned count,
			 struct keel_error *err);
	int (*set_memory)(void *ctx, uint32_t domid, uint64_t kib,
			  struct keel_error *err);
	int (*set_max_memory)(void *ctx, uint32_t domid, uint64_t kib,
			      struct keel_error *err);
	int (*set_affinity)(void *ctx, uint32_t domid, unsigned vcpu, const char *cpus,
			    struct keel_error *err);
	int (*rename)(void *ctx, uint32_t domid, const char *name,
		      struct keel_error *err);
	int (*sysrq)(void *ctx, uint32_t domid, char key, struct keel_error *err);
	/* Text of the hypervisor's console ring; malloc()ed, printable and newlines. */
	int (*log)(void *ctx, char **text, struct keel_error *err);
	/*
	 * Waits until a domain appears, goes or shuts down, at most limit_ms.
	 * Returns 1 when something happened, 0 when the time is over.
	 */
	int (*wait)(void *ctx, int limit_ms, struct keel_error *err);
	/* Units: fills has_unit, unit_failed, autostart of the guests that it knows. */
	int (*units)(void *ctx, struct keel_guest *guests, size_t count,
		     struct keel_error *err);
	/*
	 * Start or stop NAME's unit and wait for the job's end, or until *cancel (may be
	 * NULL) becomes nonzero (KEEL_ECANCELLED): then the job goes on by itself.
	 */
	int (*unit_start)(void *ctx, const char *name, const volatile int *cancel,
			  struct keel_error *err);
	int (*unit_stop)(void *ctx, const char *name, const volatile int *cancel,
			 struct keel_error *err);
	int (*unit_enable)(void *ctx, const char *name, bool on, struct keel_error *err);
	/* "active", "failed", ... of any unit by its full name. */
	int (*unit_state)(void *ctx, const char *unit, char *state, size_t size,
			  struct keel_error *err);
	void (*close)(void *ctx);
};

struct keel_host {
	const struct keel_host_ops *ops;
	void *ctx;
};

/*
 * Opens the host.  Defined by the backend that the program is linked with.
 * KEEL_EHOST when this is not a control domain, or rights are missing.
 */
int keel_host_open(struct keel_host *host, struct keel_error *err);
void keel_host_close(struct keel_host *host);

/*
 * All guests: each domain, and each definition without one, with unit states merged.
 * Domain-0 first, the others by name.  *guests is malloc()ed.
 */
int keel_guests(struct keel_host *host, struct keel_guest **guests, size_t *count,
		struct keel_error *err);

/*
 * One guest by name or domain id; KEEL_ENOGUEST when there is none.
 * A definition's name wins over an id.
 */
int keel_guest_find(struct keel_host *host, const char *name, struct keel_guest *guest,
		    struct keel_error *err);

/*
 * Why vCPU vcpu of a guest is not as asked, in one line; "" when all is as asked.
 * guest and vcpu are as keel_guest_find() and the backend's vcpus() gave them.
 */
const char *keel_vcpu_reason(const struct keel_guest *guest,
			     const struct keel_vcpu *vcpu);

/*
 * Waits until pred(guest, arg) holds for the guest called name, or limit_s seconds are
 * over (KEEL_ETIMEOUT), or *cancel (may be NULL) becomes nonzero (KEEL_ECANCELLED).
 * guest is NULL in the call when there is neither domain nor definition.
 */
typedef bool keel_guest_pred(const struct keel_guest *guest, void *arg);
int keel_guest_wait(struct keel_host *host, const char *name, keel_guest_pred *pred,
		    void *arg, unsigned limit_s, const volatile int *cancel,
		    struct keel_error *err);

#endif
