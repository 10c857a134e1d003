/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a kernel that `xl create` boots has besides lib/test.h: ports, grants, the store,
 * its console's ring, and the front ends' part in connecting a device. Only for vCPU 0.
 */
#pragma once
#include "lib/test.h"
#include <xen/io/console.h>
#include <xen/io/xenbus.h>
#include <xen/io/xs_wire.h>

extern struct xencons_interface *console_ring;
extern struct xenstore_domain_interface *store_ring;
#define console_port (start_info->console.domU.evtchn)
#define store_port   (start_info->store_evtchn)
extern u16 own_domid;

/* Finds the rings. From now on printk() sets the store's key data/said, which dom0 can
 * read. */
void domu_start(void);
void domu_shutdown(u32 reason) __attribute__((noreturn));
/* Has the command line the word @name=...? Then what follows the sign. */
const char *option(const char *name);

/* The list that tells has holes where the machine has no memory. */
bool frame_is_own(u64 mfn);

/* ---- event channels ---- */
u32 port_for(u16 domid);
void port_send(u32 port);
void port_wait(u32 port); /* until an event, maybe an old one: look again at what was
			     waited for */

/* ---- the store: paths are the domain's own unless they start with a slash ---- */
void store_write(const char *path, const char *value);
void store_write_number(const char *path, u64 value);
bool store_read(const char *path, char *value,
		u32 size); /* ends in 0; false: no such key */

/* ---- grants ---- */
#define GRANTS_PER_FRAME (PAGE_SIZE / sizeof(struct grant_entry_v1))
struct grant_entry_v1 *
grant_frame(u32 index); /* mapped; NULL when the table does not grow so far */
u32 grant(u16 domid, const void *page,
	  u16 flags); /* a new reference, in the first frame */

/* ---- devices: @path is device/KIND/NUMBER ---- */
struct device {
	char path[32];
	char backend[96];
	u32 port;
};
void device_find(struct device *d, const char *path); /* and wait for its backend */
void device_share(struct device *d, const char *key, const void *ring);
void device_connect(struct device *d, enum xenbus_state own);
