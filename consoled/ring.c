/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PV console ring: checked index arithmetic modulo 2^32. */
#include "ring.h"

#include <string.h>

#define LOAD(x)	    __atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define STORE(x, v) __atomic_store_n(&(x), (v), __ATOMIC_RELEASE)

long ring_out_pending(const struct xencons_interface *ring, uint32_t cons)
{
	uint32_t n = LOAD(ring->out_prod) - cons;

	return n <= RING_OUT_SIZE ? (long)n : -1;
}

void ring_out_copy(const struct xencons_interface *ring, uint32_t cons, void *to,
		   size_t n)
{
	size_t at = MASK_XENCONS_IDX(cons, ring->out);
	size_t first = RING_OUT_SIZE - at < n ? RING_OUT_SIZE - at : n;

	memcpy(to, ring->out + at, first);
	memcpy((char *)to + first, ring->out, n - first);
}

void ring_out_release(struct xencons_interface *ring, uint32_t cons)
{
	STORE(ring->out_cons, cons);
}

long ring_in_put(struct xencons_interface *ring, uint32_t *prod, const void *from,
		 size_t n)
{
	uint32_t used = *prod - LOAD(ring->in_cons);
	size_t at, first;

	if (used > RING_IN_SIZE)
		return -1;
	if (n > RING_IN_SIZE - used)
		n = RING_IN_SIZE - used;
	at = MASK_XENCONS_IDX(*prod, ring->in);
	first = RING_IN_SIZE - at < n ? RING_IN_SIZE - at : n;
	memcpy(ring->in + at, from, first);
	memcpy(ring->in, (const char *)from + first, n - first);
	*prod += (uint32_t)n;
	STORE(ring->in_prod, *prod);
	return (long)n;
}
