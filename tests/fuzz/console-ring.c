/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A guest that writes anything into its ring between the daemon's steps.  What
 * must hold: no access outside of the page (the sanitizers see it), never more
 * than a ring of bytes at once, our own indexes move only by what was taken.
 */
#include <stdlib.h>
#include <string.h>

#include "consoled/ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct page {
	struct xencons_interface ring;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct page *p = calloc(1, sizeof(*p));
	uint8_t out[RING_OUT_SIZE];
	uint32_t cons = 0, prod = 0;

	if (!p)
		return 0;
	while (size >= 6) {
		uint32_t v, *index = &p->ring.in_cons, before;
		long n;

		memcpy(&v, data + 1, 4);
		switch (data[0] & 7) {
		case 0: /* the guest stores an index */
			index[data[5] & 3] = v;
			break;
		case 1: /* or nearly the right one */
			index[data[5] & 3] += v % 5000;
			break;
		case 2: /* or a byte anywhere in the page */
			((uint8_t *)p)[v % sizeof(*p)] = data[5];
			break;
		case 3:
			n = ring_out_pending(&p->ring, cons);
			if (n < -1 || n > (long)RING_OUT_SIZE)
				abort();
			if (n > 0) {
				n = (long)(v % (uint32_t)n);
				ring_out_copy(&p->ring, cons, out, (size_t)n);
				cons += (uint32_t)n;
				ring_out_release(&p->ring, cons);
				if (p->ring.out_cons != cons)
					abort();
			}
			break;
		default:
			before = prod;
			n = ring_in_put(&p->ring, &prod, out, v % sizeof(out));
			if (n < 0 ? prod != before
				  : prod - before != (uint32_t)n ||
					    n > (long)RING_IN_SIZE)
				abort();
		}
		data += 6;
		size -= 6;
	}
	free(p);
	return 0;
}
