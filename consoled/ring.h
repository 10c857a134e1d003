/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The PV console ring (xen/io/console.h), seen from the back end.  Pure: the
 * page is an argument.  The guest writes this page at any time; each index is
 * therefore read once, checked, and only the checked copy is used.
 */
#ifndef KEEL_RING_H
#define KEEL_RING_H

#include <stddef.h>
#include <stdint.h>

#include <xen/io/console.h>

#define RING_OUT_SIZE sizeof(((struct xencons_interface *)0)->out)
#define RING_IN_SIZE  sizeof(((struct xencons_interface *)0)->in)

/*
 * Bytes the guest has produced beyond cons, our own copy of the consumer
 * index.  0 to RING_OUT_SIZE, or -1 when the producer index is a lie.
 */
long ring_out_pending(const struct xencons_interface *ring, uint32_t cons);

/* Copies n <= RING_OUT_SIZE bytes that lie behind cons; no index is changed. */
void ring_out_copy(const struct xencons_interface *ring, uint32_t cons, void *to,
		   size_t n);

/* Gives the bytes before cons back to the guest. */
void ring_out_release(struct xencons_interface *ring, uint32_t cons);

/*
 * Puts up to n bytes of input behind *prod, our own copy of the producer index,
 * and publishes them.  Returns how many went in, or -1 when the guest's
 * consumer index is a lie.
 */
long ring_in_put(struct xencons_interface *ring, uint32_t *prod, const void *from,
		 size_t n);

#endif
