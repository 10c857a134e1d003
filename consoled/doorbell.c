/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "doorbell.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

int doorbell_map(struct doorbell *d, int mem_fd, int event_fd)
{
	void *p = mmap(NULL, sizeof(*d->page), PROT_READ | PROT_WRITE, MAP_SHARED, mem_fd,
		       0);

	*d = (struct doorbell){.mem_fd = mem_fd, .event_fd = event_fd};
	if (p == MAP_FAILED)
		return -errno;
	d->page = p;
	return 0;
}

int doorbell_make(struct doorbell *d)
{
	int mem = memfd_create("keel-doorbell", MFD_CLOEXEC), ev, e;

	memset(d, 0, sizeof(*d));
	d->mem_fd = d->event_fd = -1;
	if (mem < 0)
		return -errno;
	ev = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ev < 0 || ftruncate(mem, sizeof(*d->page)) < 0) {
		e = -errno;
		close(mem);
		if (ev >= 0)
			close(ev);
		return e;
	}
	e = doorbell_map(d, mem, ev);
	if (e < 0)
		doorbell_close(d);
	return e;
}

void doorbell_close(struct doorbell *d)
{
	if (d->page)
		munmap(d->page, sizeof(*d->page));
	if (d->mem_fd >= 0)
		close(d->mem_fd);
	if (d->event_fd >= 0)
		close(d->event_fd);
	*d = (struct doorbell){.mem_fd = -1, .event_fd = -1};
}

void doorbell_ring(struct doorbell *d, uint32_t slot)
{
	uint64_t bit = 1ull << (slot % 64), one = 1;

	if (!d->page)
		return;
	/* Already rung and not yet heard: nothing to do. */
	if (__atomic_fetch_or(&d->page->bits[slot / 64], bit, __ATOMIC_ACQ_REL) & bit)
		return;
	if (write(d->event_fd, &one, sizeof(one)) < 0) {
		/* EAGAIN: the count is at its limit, so the helper is awake anyway. */
	}
}

void doorbell_clear(struct doorbell *d)
{
	uint64_t n;

	if (read(d->event_fd, &n, sizeof(n)) < 0) {
		/* EAGAIN: not rung; the bits are looked at anyway. */
	}
}

uint64_t doorbell_take(struct doorbell *d, uint32_t word)
{
	if (!__atomic_load_n(&d->page->bits[word], __ATOMIC_RELAXED))
		return 0;
	return __atomic_exchange_n(&d->page->bits[word], 0, __ATOMIC_ACQ_REL);
}
