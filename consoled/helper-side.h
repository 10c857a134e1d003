/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What both helper processes need: receiving with descriptors, sending. */
#ifndef KEEL_HELPER_SIDE_H
#define KEEL_HELPER_SIDE_H

#include <stdbool.h>

#include "helper.h"

struct hmsg_in {
	struct hmsg head;
	uint8_t payload[4096];
};

/* 1: a message (fd: what came with it, or -1), 0: none now, -1: the daemon left. */
int side_receive(struct hmsg_in *m, int *fd);
/* False: the daemon's socket takes nothing now. */
bool side_send(const struct hmsg *m, const void *payload, size_t n);
/* After side_send() failed: whether it is only a matter of waiting. */
bool side_can_retry(void);
/* Waits up to timeout_ms (-1: no limit) for a message, news, or room to send. */
void side_wait(struct doorbell *bell, int timeout_ms, bool want_room);
/* Waits for a message alone, whatever news there are. */
void side_pause(int timeout_ms);

#endif
