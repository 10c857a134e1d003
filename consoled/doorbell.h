/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Wakes a helper process without ever waiting for it: a bitmap in shared
 * memory says which records have news, an eventfd that there are any.  However
 * slow the helper is, ringing costs one store and at most one system call.
 */
#ifndef KEEL_DOORBELL_H
#define KEEL_DOORBELL_H

#include <stdbool.h>
#include <stdint.h>

#define DOORBELL_SLOTS 4096u

struct doorbell_page {
	uint64_t bits[DOORBELL_SLOTS / 64];
	uint32_t busy_slot; /* helper: 1 + the slot it works on, 0 none */
};

struct doorbell {
	struct doorbell_page *page;
	int mem_fd, event_fd;
};

/* Daemon's side: makes both descriptors; 0 or -errno. */
int doorbell_make(struct doorbell *d);
/* Helper's side: takes both descriptors over. */
int doorbell_map(struct doorbell *d, int mem_fd, int event_fd);
void doorbell_close(struct doorbell *d);
void doorbell_ring(struct doorbell *d, uint32_t slot);
/* Helper: clears the event; then take each 64 slots' bits with doorbell_take(). */
void doorbell_clear(struct doorbell *d);
uint64_t doorbell_take(struct doorbell *d, uint32_t word);

#endif
