/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Watching xenstore for domains and their consoles, on a thread of its own: a
 * xenstored that answers slowly must not hold up consoles that run already.
 */
#ifndef KEEL_XSWATCH_H
#define KEEL_XSWATCH_H

#include "backend.h"

struct xswatch;

/* As in struct backend_events; called on the loop's thread. */
int xswatch_start(struct xswatch **out, uv_loop_t *loop, const struct backend_events *ev,
		  void *ctx);
void xswatch_stop(struct xswatch *w);
/* Both are done by the thread, later. */
void xswatch_publish(struct xswatch *w, const struct console_desc *d, const char *tty);
int xswatch_sysrq(struct xswatch *w, uint32_t domid, char key);

#endif
