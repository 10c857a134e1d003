/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A front end that lies to blkback and netback. A bad request is answered with an error;
 * an impossible index makes the back end leave the device alone, so that no answer comes.
 */
#include "hostile.h"

#define xen_mb()  __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define xen_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)
#include <xen/io/blkif.h>
#include <xen/io/netif.h>

/* Asks for an event with the next response before it looks once more. */
#define WAIT_FOR_RESPONSE(ring, port)                                                    \
	for (;;) {                                                                       \
		int there;                                                               \
		RING_FINAL_CHECK_FOR_RESPONSES(ring, there);                             \
		if (there)                                                               \
			break;                                                           \
		port_wait(port);                                                         \
	}

#define BAD_REF	  0x00ffffffu
#define DISK	  "device/vbd/51712"
#define FIRST_NIC "device/vif/0"
#define OTHER_NIC "device/vif/1"

/* ---- disk ---- */

static struct device disk;
static struct blkif_front_ring disk_ring;

static void disk_start(void)
{
	struct blkif_sring *shared;

	if (disk_ring.sring)
		return;
	shared = alloc_page();
	SHARED_RING_INIT(shared);
	FRONT_RING_INIT(&disk_ring, shared, PAGE_SIZE);
	device_find(&disk, DISK);
	device_share(&disk, "ring-ref", shared);
	device_connect(&disk, XenbusStateInitialised);
}

static struct blkif_request *disk_request(void)
{
	struct blkif_request *r = RING_GET_REQUEST(&disk_ring, disk_ring.req_prod_pvt);

	memset(r, 0, sizeof(*r));
	r->id = disk_ring.req_prod_pvt++;
	r->operation = BLKIF_OP_READ;
	r->nr_segments = 1;
	r->seg[0].gref = grant(0, alloc_page(), 0);
	r->seg[0].last_sect = 7;
	return r;
}

static int16_t disk_answer(void)
{
	RING_PUSH_REQUESTS(&disk_ring);
	port_send(disk.port);
	WAIT_FOR_RESPONSE(&disk_ring, disk.port);
	return RING_GET_RESPONSE(&disk_ring, disk_ring.rsp_cons++)->status;
}

static void indirect(struct blkif_request *r, u16 segments, u32 ref)
{
	struct blkif_request_indirect *i = (struct blkif_request_indirect *)r;

	memset(i, 0, sizeof(*r));
	i->operation = BLKIF_OP_INDIRECT;
	i->indirect_op = BLKIF_OP_READ;
	i->nr_segments = segments;
	i->id = disk_ring.req_prod_pvt - 1;
	for (u32 n = 0; n < BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST; n++)
		i->indirect_grefs[n] = ref;
}

static void bad_operation(struct blkif_request *r)
{
	r->operation = 77;
}

static void no_such_reference(struct blkif_request *r)
{
	r->seg[0].gref = BAD_REF;
}

static void read_into_readonly(struct blkif_request *r)
{
	grant_frame(0)[r->seg[0].gref].flags |= GTF_readonly;
}

static void no_such_frame(struct blkif_request *r)
{
	grant_frame(0)[r->seg[0].gref].frame = 0xfffffff;
}

static void frame_of_another(struct blkif_request *r)
{
	u32 mfn = 0x200;

	while (frame_is_own(mfn))
		mfn++;
	grant_frame(0)[r->seg[0].gref].frame = mfn;
}

static void granted_to_another(struct blkif_request *r)
{
	grant_frame(0)[r->seg[0].gref].domid = own_domid;
}

static void sectors_backwards(struct blkif_request *r)
{
	r->seg[0].first_sect = 7;
	r->seg[0].last_sect = 0;
}

static void sectors_beyond_page(struct blkif_request *r)
{
	r->seg[0].last_sect = 255;
}

static void too_many_segments(struct blkif_request *r)
{
	r->nr_segments = 255;
}

static void beyond_the_disk(struct blkif_request *r)
{
	r->sector_number = ~0UL - 4;
}

static void indirect_without_pages(struct blkif_request *r)
{
	indirect(r, 32, BAD_REF);
}

static void indirect_too_many(struct blkif_request *r)
{
	indirect(r, 0xffff, BAD_REF);
}

static void indirect_garbage(struct blkif_request *r)
{
	void *segments = alloc_page();

	memset(segments, 0xff, PAGE_SIZE);
	indirect(r, 32, grant(0, segments, 0));
}

static void (*const spoil[])(struct blkif_request *) = {
	bad_operation,	   no_such_reference,	   read_into_readonly,
	no_such_frame,	   frame_of_another,	   granted_to_another,
	sectors_backwards, sectors_beyond_page,	   too_many_segments,
	beyond_the_disk,   indirect_without_pages, indirect_too_many,
	indirect_garbage,
};

void disk_bad_requests(void)
{
	disk_start();
	disk_request();
	CHECK_EQ(disk_answer(), BLKIF_RSP_OKAY);
	for (u32 i = 0; i < ARRAY_SIZE(spoil); i++) {
		spoil[i](disk_request());
		if (disk_answer() >= 0)
			test_failure("bad disk request %u succeeded", i);
	}
	disk_request();
	CHECK_EQ(disk_answer(), BLKIF_RSP_OKAY);
}

void disk_bad_index(void)
{
	disk_start();
	disk_request();
	disk_ring.sring->req_prod = disk_ring.req_prod_pvt + 0x80000000;
	port_send(disk.port);
}

/* ---- network ---- */

struct nic {
	struct device device;
	struct netif_tx_front_ring tx;
	struct netif_rx_front_ring rx;
};

static void nic_start(struct nic *n, const char *path)
{
	struct netif_tx_sring *tx = alloc_page();
	struct netif_rx_sring *rx = alloc_page();
	char key[64];

	SHARED_RING_INIT(tx);
	SHARED_RING_INIT(rx);
	FRONT_RING_INIT(&n->tx, tx, PAGE_SIZE);
	FRONT_RING_INIT(&n->rx, rx, PAGE_SIZE);
	device_find(&n->device, path);
	device_share(&n->device, "tx-ring-ref", tx);
	device_share(&n->device, "rx-ring-ref", rx);
	memcpy(key, path, strlen(path));
	memcpy(key + strlen(path), "/request-rx-copy", 17);
	store_write_number(key, 1);
	device_connect(&n->device, XenbusStateConnected);
}

static struct netif_tx_request *packet(struct nic *n)
{
	struct netif_tx_request *r = RING_GET_REQUEST(&n->tx, n->tx.req_prod_pvt);
	void *page = alloc_page();

	memset(page, 0xff, PAGE_SIZE); /* to everybody */
	*r = (struct netif_tx_request){.gref = grant(0, page, GTF_readonly), .size = 64};
	r->id = (u16)n->tx.req_prod_pvt++;
	return r;
}

static int16_t sent(struct nic *n)
{
	RING_PUSH_REQUESTS(&n->tx);
	port_send(n->device.port);
	WAIT_FOR_RESPONSE(&n->tx, n->device.port);
	return RING_GET_RESPONSE(&n->tx, n->tx.rsp_cons++)->status;
}

/* The last is fatal to the interface. */
void net_bad_requests(void)
{
	static struct nic n;

	nic_start(&n, FIRST_NIC);
	packet(&n);
	CHECK_EQ(sent(&n), NETIF_RSP_OKAY);
	packet(&n)->gref = BAD_REF;
	CHECK(sent(&n) < 0);
	grant_frame(0)[packet(&n)->gref].frame = 0xfffffff;
	CHECK(sent(&n) < 0);
	packet(&n)->size = 3;
	CHECK(sent(&n) < 0);
	/* Buffers for what comes in that are none. */
	for (u32 i = 0; i < 64; i++) {
		struct netif_rx_request *r = RING_GET_REQUEST(&n.rx, n.rx.req_prod_pvt++);

		*r = (struct netif_rx_request){.id = 0xffff, .gref = i & 1 ? BAD_REF : 0};
	}
	RING_PUSH_REQUESTS(&n.rx);
	packet(&n);
	CHECK_EQ(sent(&n), NETIF_RSP_OKAY);
	*packet(&n) = (struct netif_tx_request){.offset = 4000, .size = 4000, .gref = 8};
	RING_PUSH_REQUESTS(&n.tx);
	port_send(n.device.port);
}

void net_bad_index(void)
{
	static struct nic n;

	nic_start(&n, OTHER_NIC);
	packet(&n);
	n.tx.sring->req_prod = n.tx.req_prod_pvt + 0x80000000;
	n.rx.sring->req_prod = 0x7fffffff;
	port_send(n.device.port);
}
