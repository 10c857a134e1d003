/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to the libxl backend: its connection, shared by host-xl*.c. */
#ifndef KEEL_HOST_XL_H
#define KEEL_HOST_XL_H

#include <libxl.h>
#include <libxl_utils.h>
#include <xenstore.h>
#include <systemd/sd-bus.h>

#include "lib/host.h"

/* What changes seldom about a domain, kept so that a refresh asks xenstore for little. */
struct known {
	uint32_t domid;
	libxl_uuid uuid;
	char name[KEEL_NAME_MAX + 1];
	time_t started;
	uint64_t limit_kib; /* memory/static-max; 0 = not known */
	unsigned age;	    /* listings since the name and the limit were read */
	bool seen;	    /* in the listing that is being made */
};

struct xl_host {
	/* First, so that the logger's callbacks find the rest. */
	xentoollog_logger logger;
	char message[384]; /* first error that libxl logged in the current call */
	libxl_ctx *xl;
	struct xs_handle *xs;
	bool watching;
	sd_bus *bus; /* NULL until first needed, or when there is none */
	struct known *known;
	size_t known_count;
};

/* Fails with libxl's own words for what went wrong; rc is libxl's return value. */
int xl_fail(struct xl_host *host, int rc, struct keel_error *err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* To be called before each libxl call whose failure xl_fail() shall tell. */
void xl_begin(struct xl_host *host);

/* host-xl-device.c */
int xl_disks(void *ctx, uint32_t domid, struct keel_disk **disks, size_t *count,
	     struct keel_error *err);
int xl_nics(void *ctx, uint32_t domid, struct keel_nic **nics, size_t *count,
	    struct keel_error *err);
/* Adds the counters of all back-end devices to the guests whose domain they serve. */
void xl_add_io(struct keel_guest *guests, size_t count);

/* host-xl-action.c */
int xl_pause(void *ctx, uint32_t domid, struct keel_error *err);
int xl_unpause(void *ctx, uint32_t domid, struct keel_error *err);
int xl_shutdown(void *ctx, uint32_t domid, struct keel_error *err);
int xl_reboot(void *ctx, uint32_t domid, struct keel_error *err);
int xl_destroy(void *ctx, uint32_t domid, struct keel_error *err);
int xl_set_vcpus(void *ctx, uint32_t domid, unsigned count, struct keel_error *err);
int xl_set_memory(void *ctx, uint32_t domid, uint64_t kib, struct keel_error *err);
int xl_set_max_memory(void *ctx, uint32_t domid, uint64_t kib, struct keel_error *err);
int xl_set_affinity(void *ctx, uint32_t domid, unsigned vcpu, const char *cpus,
		    struct keel_error *err);
int xl_rename(void *ctx, uint32_t domid, const char *name, struct keel_error *err);
int xl_sysrq(void *ctx, uint32_t domid, char key, struct keel_error *err);

/* host-xl-unit.c: the units, through this connection's bus */
int xl_units(void *ctx, struct keel_guest *guests, size_t count, struct keel_error *err);
int xl_unit_start(void *ctx, const char *name, const volatile int *cancel,
		  struct keel_error *err);
int xl_unit_stop(void *ctx, const char *name, const volatile int *cancel,
		 struct keel_error *err);
int xl_unit_enable(void *ctx, const char *name, bool on, struct keel_error *err);
int xl_unit_state(void *ctx, const char *unit, char *state, size_t size,
		  struct keel_error *err);

#endif
