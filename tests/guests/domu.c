/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "domu.h"

struct xencons_interface *console_ring;
struct xenstore_domain_interface *store_ring;
u16 own_domid;

static void *frame_to_va(u64 mfn)
{
	return pfn_to_va(mfn_to_pfn(mfn));
}

bool frame_is_own(u64 mfn)
{
	u64 pfn;

	return probe_read((u64 *)MACH2PHYS_VIRT_START + mfn, &pfn) < 0 &&
	       pfn < start_info->nr_pages && pfn_to_mfn(pfn) == mfn;
}

void domu_shutdown(u32 reason)
{
	struct sched_shutdown s = {.reason = reason};

	hc_sched_op(SCHEDOP_shutdown, &s);
	for (;;)
		hc_sched_op(SCHEDOP_yield, NULL);
}

const char *option(const char *name)
{
	const char *text = (const char *)start_info->cmd_line;
	size_t n = strlen(name);

	for (; *text; text++)
		if (memcmp(text, name, n) == 0 && text[n] == '=')
			return text + n + 1;
	return NULL;
}

/* ---- event channels ---- */

u32 port_for(u16 domid)
{
	struct evtchn_alloc_unbound a = {.dom = DOMID_SELF, .remote_dom = domid};
	long rc = hc_event_channel_op(EVTCHNOP_alloc_unbound, &a);

	if (rc)
		test_error("alloc_unbound: %ld", rc);
	return a.port;
}

void port_send(u32 port)
{
	struct evtchn_send s = {.port = port};
	long rc = hc_event_channel_op(EVTCHNOP_send, &s);

	if (rc)
		test_error("send to %u: %ld", port, rc);
}

void port_wait(u32 port)
{
	evtchn_port_t ports[1] = {port};
	struct sched_poll p = {.nr_ports = 1};
	long rc;

	set_xen_guest_handle(p.ports, ports);
	rc = hc_sched_op(SCHEDOP_poll, &p);
	if (rc)
		test_error("poll of %u: %ld", port, rc);
	__atomic_fetch_and(&shared_info->evtchn_pending[port / 64], ~(1UL << port % 64),
			   __ATOMIC_SEQ_CST);
	shared_info->vcpu_info[0].evtchn_pending_sel = 0;
	shared_info->vcpu_info[0].evtchn_upcall_pending = 0;
}

/* ---- the store ---- */

static void send_bytes(const void *data, u32 n)
{
	u32 prod = store_ring->req_prod;

	for (u32 i = 0; i < n; i++) {
		while (prod - READ_ONCE(store_ring->req_cons) == XENSTORE_RING_SIZE) {
			port_send(store_port);
			port_wait(store_port);
		}
		store_ring->req[MASK_XENSTORE_IDX(prod)] = ((const char *)data)[i];
		__atomic_store_n(&store_ring->req_prod, ++prod, __ATOMIC_SEQ_CST);
	}
	port_send(store_port);
}

/* The next @n bytes of the reply; @data of at least min(@n, @size) bytes keeps the first
 * @size. */
static void receive_bytes(void *data, u32 n, u32 size)
{
	u32 cons = store_ring->rsp_cons;

	for (u32 i = 0; i < n; i++) {
		while (cons == READ_ONCE(store_ring->rsp_prod)) {
			port_send(store_port);
			port_wait(store_port);
		}
		if (i < size)
			((char *)data)[i] = store_ring->rsp[MASK_XENSTORE_IDX(cons)];
		__atomic_store_n(&store_ring->rsp_cons, ++cons, __ATOMIC_SEQ_CST);
	}
	port_send(store_port);
}

/* One request of one or two strings, and its reply: true unless that is an error. */
static bool store_ask(u32 type, const char *path, const char *value, char *reply,
		      u32 size)
{
	u32 path_len = (u32)strlen(path) + 1, value_len = value ? (u32)strlen(value) : 0;
	struct xsd_sockmsg head = {.type = type, .len = path_len + value_len};

	send_bytes(&head, sizeof(head));
	send_bytes(path, path_len);
	send_bytes(value, value_len);
	receive_bytes(&head, sizeof(head), sizeof(head));
	memset(reply, 0, size);
	receive_bytes(reply, head.len, size - 1);
	return head.type != XS_ERROR;
}

void store_write(const char *path, const char *value)
{
	char reply[16];

	if (!store_ask(XS_WRITE, path, value, reply, sizeof(reply)))
		domu_shutdown(SHUTDOWN_reboot); /* nobody can be told */
}

void store_write_number(const char *path, u64 value)
{
	char digits[24] = "";
	char *p = &digits[sizeof(digits) - 1];

	do
		*--p = (char)('0' + value % 10);
	while (value /= 10);
	store_write(path, p);
}

bool store_read(const char *path, char *value, u32 size)
{
	return store_ask(XS_READ, path, NULL, value, size);
}

static void say(const char *text, u32 n)
{
	char value[256];

	n = n < sizeof(value) ? n : sizeof(value) - 1;
	memcpy(value, text, n);
	value[n] = 0;
	store_write("data/said", value);
}

static u16 read_domid(void)
{
	char text[16];
	u32 id = 0;

	if (!store_read("domid", text, sizeof(text)))
		test_error("no domid in the store");
	for (const char *p = text; *p; p++)
		id = id * 10 + (u32)(*p - '0');
	return (u16)id;
}

void domu_start(void)
{
	console_ring = frame_to_va(start_info->console.domU.mfn);
	store_ring = frame_to_va(start_info->store_mfn);
	print_hook = say;
	own_domid = read_domid();
}

/* ---- grants ---- */

#define MOST_FRAMES 64
static struct grant_entry_v1 *grant_frames[MOST_FRAMES];
static u32 next_grant = GNTTAB_NR_RESERVED_ENTRIES;

static void *map_frame(u64 mfn)
{
	void *at = alloc_page();
	long rc = set_pte(at, mfn << 12 | PTE_P | PTE_W | PTE_U);

	if (rc)
		test_error("cannot map frame %lx: %ld", mfn, rc);
	return at;
}

struct grant_entry_v1 *grant_frame(u32 index)
{
	static xen_pfn_t frames[MOST_FRAMES];
	struct gnttab_setup_table s = {.dom = DOMID_SELF, .nr_frames = index + 1};

	if (index >= MOST_FRAMES)
		return NULL;
	if (grant_frames[index])
		return grant_frames[index];
	set_xen_guest_handle(s.frame_list, frames);
	if (hc_grant_table_op(GNTTABOP_setup_table, &s, 1) || s.status != GNTST_okay)
		return NULL;
	return grant_frames[index] = map_frame(frames[index]);
}

u32 grant(u16 domid, const void *page, u16 flags)
{
	struct grant_entry_v1 *table = grant_frame(0);

	if (!table || next_grant == GRANTS_PER_FRAME)
		test_error("no grant left");
	table[next_grant].domid = domid;
	table[next_grant].frame = (u32)va_to_mfn(page);
	__atomic_store_n(&table[next_grant].flags, (u16)(GTF_permit_access | flags),
			 __ATOMIC_SEQ_CST);
	return next_grant++;
}

/* ---- devices ---- */

static const char *join(const char *path, const char *key)
{
	static char text[160];
	size_t n = strlen(path), m = strlen(key);

	if (n + m + 2 > sizeof(text))
		test_error("path too long");
	memcpy(text, path, n);
	text[n] = '/';
	memcpy(text + n + 1, key, m + 1);
	return text;
}

static void wait_for_backend(struct device *d, enum xenbus_state wanted)
{
	char state[8];

	do {
		hc_sched_op(SCHEDOP_yield, NULL);
		if (!store_read(join(d->backend, "state"), state, sizeof(state)))
			test_error("%s has no state", d->backend);
	} while (state[0] != '0' + (char)wanted);
}

void device_find(struct device *d, const char *path)
{
	memcpy(d->path, path, strlen(path) + 1);
	if (!store_read(join(path, "backend"), d->backend, sizeof(d->backend)))
		test_error("no device %s", path);
	wait_for_backend(d, XenbusStateInitWait);
	d->port = port_for(0);
	store_write_number(join(path, "event-channel"), d->port);
}

void device_share(struct device *d, const char *key, const void *ring)
{
	store_write_number(join(d->path, key), grant(0, ring, 0));
}

void device_connect(struct device *d, enum xenbus_state own)
{
	store_write_number(join(d->path, "state"), own);
	wait_for_backend(d, XenbusStateConnected);
	store_write_number(join(d->path, "state"), XenbusStateConnected);
}
