/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where consoles come from: Xen (backend-xen.c), or the tests' simulated rings.
 * All functions are called, and all callbacks are made, on the loop's thread.
 */
#ifndef KEEL_BACKEND_H
#define KEEL_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "lib/console-proto.h"
#include "ring.h"

/* One console of one running domain. */
struct console_desc {
	char uuid[KCON_UUID_MAX], name[KCON_NAME_MAX], console[KCON_CONSOLE_MAX];
	uint32_t domid;
	uint64_t ref;  /* grant reference or frame of the ring, with port: its identity */
	uint32_t port; /* the guest's event channel */
	char tty[108]; /* serial line: the emulator's pty; else "" */
	uint64_t token; /* the backend's own */
};

/* An open ring; priv is the backend's. */
struct channel {
	struct xencons_interface *ring;
	void *priv;
};

struct backend_events {
	/* A console appeared, or its ring, port or tty changed. */
	void (*found)(void *ctx, const struct console_desc *d);
	/* It went away; console "" means all consoles of the domain. */
	void (*gone)(void *ctx, uint32_t domid, const char *console);
	void (*renamed)(void *ctx, uint32_t domid, const char *name);
	/* The guest rang; nothing more comes until rearm(). cookie: of open(). */
	void (*event)(void *ctx, void *cookie);
	/* Bytes of a console that has no ring: the hypervisor's own. */
	void (*bytes)(void *ctx, const struct console_desc *d, const void *p, size_t n);
	/* The token that came with the last bytes of such a console, also before a
	 * restart of the daemon; 0: there were none. */
	uint64_t (*position)(void *ctx, const struct console_desc *d);
	/* Something worth a line in the journal. */
	void (*trouble)(void *ctx, const char *text);
};

struct backend;

struct backend_ops {
	const char *name;
	/* arg: of --backend, behind the colon.  0 or -errno. */
	int (*start)(struct backend **out, uv_loop_t *loop,
		     const struct backend_events *ev, void *ctx, const char *arg);
	void (*stop)(struct backend *b);
	int (*open)(struct backend *b, const struct console_desc *d, void *cookie,
		    struct channel *out);
	void (*close)(struct backend *b, struct channel *ch);
	void (*notify)(struct backend *b, struct channel *ch);
	void (*rearm)(struct backend *b, struct channel *ch);
	/* Tells other tools which pty leads to this console; "": none any more. */
	void (*publish)(struct backend *b, const struct console_desc *d, const char *tty);
	/* Asks the guest's kernel for a SysRq; -errno when that cannot be. */
	int (*sysrq)(struct backend *b, uint32_t domid, char key);
};

extern const struct backend_ops backend_xen;
/* The back ends of this program, the default first, NULL at the end. */
extern const struct backend_ops *const backends[];

/* The hypervisor's own console, as a guest of this name and UUID. */
#define HYPERVISOR_NAME "hypervisor"
#define HYPERVISOR_UUID "00000000-0000-0000-0000-000000000000"

#endif
