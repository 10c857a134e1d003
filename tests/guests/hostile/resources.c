/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Takes all that there is of what the hypervisor hands out, and leaves it in a mess. */
#include "hostile.h"
#include "lib/pt.h"

#define BATCH 64

/* ---- grants ---- */

static u32 grant_everything(void)
{
	struct grant_entry_v1 *table;
	u32 frames = 0;

	for (; (table = grant_frame(frames)) != NULL; frames++)
		for (u32 i = frames ? 0 : 64; i < GRANTS_PER_FRAME; i++) {
			u64 pfn = (frames * GRANTS_PER_FRAME + i) % start_info->nr_pages;

			table[i].domid = i & 1 ? 0 : own_domid;
			table[i].frame = (u32)pfn_to_mfn(pfn);
			table[i].flags = GTF_permit_access;
		}
	return frames * (u32)GRANTS_PER_FRAME;
}

/* Maps its own grants over one another until there are no handles; none is unmapped. */
static void map_own(u32 refs)
{
	static struct gnttab_map_grant_ref maps[BATCH];
	u8 *windows[16];
	u32 mapped = 0;
	bool more = true;

	for (u32 i = 0; i < ARRAY_SIZE(windows); i++)
		windows[i] = alloc_page();
	for (u32 ref = 64; more && ref + 2 * BATCH < refs; ref += 2 * BATCH) {
		for (u32 i = 0; i < BATCH; i++)
			maps[i] = (struct gnttab_map_grant_ref){
				.host_addr = P(windows[i % ARRAY_SIZE(windows)]),
				.flags = GNTMAP_host_map | (i & 4 ? GNTMAP_readonly : 0) |
					 (i & 8 ? GNTMAP_device_map : 0),
				.ref = ref + 2 * i,
				.dom = own_domid,
			};
		CHECK_EQ(hc_grant_table_op(GNTTABOP_map_grant_ref, maps, BATCH), 0);
		for (u32 i = 0; i < BATCH; i++)
			mapped += maps[i].status == GNTST_okay;
		more = maps[BATCH - 1].status != GNTST_no_space;
	}
	if (!mapped || more)
		test_failure("%u grants of its own mapped, handles left: %u", mapped,
			     more);
}

static void copy_storm(void)
{
	static struct gnttab_copy copies[BATCH];
	void *page = alloc_page();

	for (u32 round = 0; round < 64; round++) {
		for (u32 i = 0; i < BATCH; i++) {
			struct gnttab_copy *c = &copies[i];

			c->source.domid = DOMID_SELF;
			c->source.u.gmfn = va_to_mfn(page);
			c->dest.domid = (u16)(i & 1 ? i * round : own_domid);
			c->dest.u.ref = i * round * 97;
			c->dest.offset = (u16)(i & 2 ? 4000 : 0);
			c->len = (u16)(i & 4 ? 0xffff : 512);
			c->flags = GNTCOPY_dest_gref;
			c->status = 1;
		}
		CHECK_EQ(hc_grant_table_op(GNTTABOP_copy, copies, BATCH), 0);
		for (u32 i = 0; i < BATCH; i++) {
			bool fits = !(i & 4) && copies[i].dest.offset <= 4096 - 512;

			if (copies[i].status == GNTST_okay &&
			    !(fits && copies[i].dest.domid == own_domid))
				test_failure("copied to reference %u of domain %u",
					     copies[i].dest.u.ref, copies[i].dest.domid);
		}
	}
}

void grants_exhausted(void)
{
	struct gnttab_unmap_grant_ref bad = {.host_addr = P(&bad), .handle = 0xfffffff};
	struct gnttab_set_version v = {.version = 2};
	u32 refs = grant_everything();

	copy_storm();
	map_own(refs);
	hc_grant_table_op(GNTTABOP_set_version, &v, 1);
	CHECK_EQ(hc_grant_table_op(GNTTABOP_unmap_grant_ref, &bad, 1), 0);
	CHECK(bad.status < 0);
}

/* ---- event channels ---- */

void ports_exhausted(void)
{
	struct evtchn_alloc_unbound a = {.dom = DOMID_SELF, .remote_dom = 0};
	struct evtchn_bind_interdomain b = {.remote_dom = own_domid};
	struct evtchn_alloc_unbound other = {.dom = 0, .remote_dom = own_domid};
	u32 count = 0;

	CHECK(hc_event_channel_op(EVTCHNOP_alloc_unbound, &other) < 0);
	for (u32 port = 0; port < 64; port++) { /* those of others */
		b = (struct evtchn_bind_interdomain){.remote_dom = 0,
						     .remote_port = port};
		CHECK(hc_event_channel_op(EVTCHNOP_bind_interdomain, &b) < 0);
	}
	while (hc_event_channel_op(EVTCHNOP_alloc_unbound, &a) == 0) {
		a.remote_dom = (u16)(count++ & 1 ? own_domid : 0);
		b = (struct evtchn_bind_interdomain){.remote_dom = own_domid,
						     .remote_port = a.port};
		hc_event_channel_op(EVTCHNOP_bind_interdomain, &b);
	}
	CHECK(count > 100);
	for (u32 i = 0; i < 50000; i++)
		port_send(console_port);
}

/* ---- memory ---- */

/* The frames of @n pages from the last one back: those are mapped nowhere. */
static u32 last_frames(xen_pfn_t *frames, u32 n)
{
	for (u32 i = 0; i < n; i++)
		frames[i] = pfn_to_mfn(start_info->nr_pages - 1 - i);
	return n;
}

static void exchange_storm(void)
{
	static xen_pfn_t in[BATCH], out[BATCH];
	struct xen_memory_exchange e;

	last_frames(in, BATCH);
	for (u32 i = 0; i < BATCH; i++)
		out[i] = start_info->nr_pages - 1 - i;
	for (u32 round = 0; round < 200; round++) {
		e = (struct xen_memory_exchange){
			.in = {.nr_extents = BATCH, .domid = DOMID_SELF},
			.out = {.nr_extents = BATCH, .domid = DOMID_SELF}};
		set_xen_guest_handle(e.in.extent_start, in);
		set_xen_guest_handle(e.out.extent_start, out);
		if (hc_memory_op(XENMEM_exchange, &e) == 0 && e.nr_exchanged == BATCH)
			memcpy(in, out, sizeof(in));
		for (u32 i = 0; i < BATCH; i++)
			out[i] = start_info->nr_pages - 1 - i;
	}
	for (u32 i = 0; i < BATCH; i++)
		((u64 *)start_info->mfn_list)[start_info->nr_pages - 1 - i] = in[i];
}

void memory_abused(void)
{
	static xen_pfn_t frames[4096];
	struct xen_memory_reservation all = {.nr_extents = ~0UL >> 4,
					     .domid = DOMID_SELF};

	for (u32 i = 0; i < ARRAY_SIZE(frames); i++)
		frames[i] = start_info->nr_pages + i;
	CHECK(reserve(XENMEM_increase_reservation, frames, ARRAY_SIZE(frames), 0) <
	      (long)ARRAY_SIZE(frames));
	CHECK(reserve(XENMEM_populate_physmap, frames, 4, 18) < 4);
	CHECK(reserve(XENMEM_populate_physmap, frames, 4, 63) < 4);
	set_xen_guest_handle(all.extent_start, (xen_pfn_t *)0x1000);
	CHECK(hc_memory_op(XENMEM_populate_physmap, &all) != (long)all.nr_extents);
	exchange_storm();
	for (u32 round = 0; round < 20; round++) { /* out and in */
		long n = reserve(XENMEM_decrease_reservation, frames,
				 last_frames(frames, BATCH), 0);

		CHECK_EQ(n, BATCH);
		CHECK_EQ(reserve(XENMEM_decrease_reservation, frames, BATCH, 0), 0);
		for (u32 i = 0; i < BATCH; i++)
			frames[i] = start_info->nr_pages - 1 - i;
		CHECK_EQ(reserve(XENMEM_populate_physmap, frames, BATCH, 0), BATCH);
		for (u32 i = 0; i < BATCH; i++)
			((u64 *)start_info->mfn_list)[start_info->nr_pages - 1 - i] =
				frames[i];
	}
}

/* Tables that name each other and themselves, pinned, and so left. */
void tables_abused(void)
{
	u64 *tables[12];

	for (u32 i = 0; i < ARRAY_SIZE(tables); i++)
		tables[i] = alloc_page();
	for (u32 i = 0; i < ARRAY_SIZE(tables); i++)
		for (u32 slot = 0; slot < 512; slot += 17)
			tables[i][slot] = entry(tables[(i + slot) % ARRAY_SIZE(tables)],
						PTE_RO_ENTRY);
	for (u32 i = 0; i < ARRAY_SIZE(tables); i++)
		make_readonly(tables[i]);
	for (u32 round = 0; round < 200; round++)
		for (u32 i = 0; i < ARRAY_SIZE(tables); i++) {
			u64 *slot = &tables[i][round * 7 % 512];

			pin(tables[i], 1 + (i + round) % 4);
			update_entry(slot, entry(tables[round % ARRAY_SIZE(tables)],
						 PTE_RO_ENTRY));
			if (round % 3 == 0)
				unpin(tables[i]);
		}
	for (u32 i = 0; i < ARRAY_SIZE(tables); i++) {
		unpin(tables[i]);
		pin(tables[i], 1);
	}
}

/* Even what it runs in: what is in use stays until it is not. */
void all_memory_given_back(void)
{
	for (u64 pfn = start_info->nr_pages; pfn-- > 0;) {
		xen_pfn_t frame = pfn_to_mfn(pfn);

		reserve(XENMEM_decrease_reservation, &frame, 1, 0);
	}
}
