/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Grant tables. A domain grants pages to itself, maps them at a free address, copies through them and
 * lets go: both sides of each rule are in sight. What the entry does not permit is refused; while a
 * page is mapped through a grant it cannot become a page table; after the last use it can.
 */
#include "lib/test.h"

const char test_title[] = "grants";

static struct grant_entry_v1 *table;
static void *window; /* an address whose mapping grants replace */

#define REF 8

static void grant(u32 ref, const void *page, u16 flags)
{
	table[ref].domid = 0;
	table[ref].frame = (u32)va_to_mfn(page);
	__atomic_store_n(&table[ref].flags, (u16)(GTF_permit_access | flags), __ATOMIC_SEQ_CST);
}

static int16_t map(u32 ref, u32 flags, u32 *handle)
{
	struct gnttab_map_grant_ref m = {
	        .host_addr = P(window), .flags = GNTMAP_host_map | flags, .ref = ref, .dom = 0};

	CHECK_EQ(hc_grant_table_op(GNTTABOP_map_grant_ref, &m, 1), 0);
	*handle = m.handle;
	return m.status;
}

static int16_t unmap(u32 handle)
{
	struct gnttab_unmap_grant_ref u = {.host_addr = P(window), .handle = handle};

	CHECK_EQ(hc_grant_table_op(GNTTABOP_unmap_grant_ref, &u, 1), 0);
	return u.status;
}

static void set_up(void)
{
	xen_pfn_t frames[1];
	struct gnttab_setup_table s = {.dom = DOMID_SELF, .nr_frames = 1};
	struct gnttab_query_size q = {.dom = DOMID_SELF};

	set_xen_guest_handle(s.frame_list, frames);
	CHECK_EQ(hc_grant_table_op(GNTTABOP_setup_table, &s, 1), 0);
	CHECK_EQ(s.status, GNTST_okay);
	table = alloc_page();
	CHECK_EQ(set_pte(table, frames[0] << 12 | PTE_P | PTE_W | PTE_U), 0);
	CHECK_EQ(hc_grant_table_op(GNTTABOP_query_size, &q, 1), 0);
	CHECK_EQ(q.status, GNTST_okay);
	CHECK(q.nr_frames >= 1 && q.max_nr_frames >= q.nr_frames);
	window = alloc_page();
	CHECK_EQ(set_pte(window, 0), 0);
}

static void a_mapping_shows_the_page(void)
{
	u64 *page = alloc_page();
	u32 handle;

	page[3] = 0x1234;
	grant(REF, page, 0);
	CHECK_EQ(map(REF, 0, &handle), GNTST_okay);
	CHECK_EQ(((u64 *)window)[3], 0x1234);
	((u64 *)window)[4] = 0x5678;
	CHECK_EQ(page[4], 0x5678);
	CHECK_EQ(table[REF].flags & (GTF_reading | GTF_writing), GTF_reading | GTF_writing);
	CHECK_EQ(unmap(handle), GNTST_okay);
	CHECK_EQ(table[REF].flags & (GTF_reading | GTF_writing), 0);
	CHECK_EQ(probe_read(window, NULL), 14);
	CHECK_EQ(unmap(handle), GNTST_bad_handle);
}

static void read_only_stays_read_only(void)
{
	void *page = alloc_page();
	u32 handle;

	grant(REF, page, GTF_readonly);
	CHECK_EQ(map(REF, 0, &handle), GNTST_general_error);
	CHECK_EQ(map(REF, GNTMAP_readonly, &handle), GNTST_okay);
	CHECK_EQ(probe_read(window, NULL), -1);
	CHECK_EQ(probe_write(window, 1), 14);
	CHECK_EQ(table[REF].flags & (GTF_reading | GTF_writing), GTF_reading);
	CHECK_EQ(unmap(handle), GNTST_okay);
}

static void what_is_not_granted_is_refused(void)
{
	void *page = alloc_page();
	struct gnttab_map_grant_ref m = {.host_addr = P(window), .flags = GNTMAP_host_map, .ref = REF};
	u32 handle;

	table[REF].flags = 0;
	CHECK_EQ(map(REF, 0, &handle), GNTST_general_error);
	CHECK_EQ(map(1000000, 0, &handle), GNTST_bad_gntref);
	m.dom = 1234;
	CHECK_EQ(hc_grant_table_op(GNTTABOP_map_grant_ref, &m, 1), 0);
	CHECK_EQ(m.status, GNTST_bad_domain);
	grant(REF, page, 0);
	table[REF].domid = 77;
	CHECK_EQ(map(REF, 0, &handle), GNTST_general_error);
	table[REF].frame = 0xfffffff;
	table[REF].domid = 0;
	CHECK(map(REF, 0, &handle) < 0);
	CHECK_EQ(table[REF].flags & (GTF_reading | GTF_writing), 0);
}

static void a_page_table_is_never_granted_writable(void)
{
	u64 l1 = l1_mfn_of(window);
	u32 handle;

	grant(REF, window, 0);
	table[REF].frame = (u32)l1;
	CHECK(map(REF, 0, &handle) < 0);
	CHECK_EQ(map(REF, GNTMAP_readonly, &handle), GNTST_okay);
	CHECK_EQ(unmap(handle), GNTST_okay);
}

static void a_granted_page_becomes_no_page_table(void)
{
	u64 *page = alloc_page();
	struct mmuext_op pin = {.cmd = MMUEXT_PIN_L1_TABLE, .arg1.mfn = va_to_mfn(page)};
	struct mmuext_op unpin = {.cmd = MMUEXT_UNPIN_TABLE, .arg1.mfn = va_to_mfn(page)};
	u32 handle;

	grant(REF, page, 0);
	CHECK_EQ(map(REF, 0, &handle), GNTST_okay);
	make_readonly(page);
	CHECK(hc_mmuext_op(&pin, 1, NULL, DOMID_SELF) != 0);
	CHECK_EQ(unmap(handle), GNTST_okay);
	CHECK_EQ(hc_mmuext_op(&pin, 1, NULL, DOMID_SELF), 0);
	CHECK(map(REF, 0, &handle) < 0);
	CHECK_EQ(hc_mmuext_op(&unpin, 1, NULL, DOMID_SELF), 0);
}

static void mapping_by_pte_address(void)
{
	u64 *page = alloc_page(), maddr;
	struct gnttab_map_grant_ref m = {.ref = REF};
	struct gnttab_unmap_grant_ref u;

	pte_of(window, &maddr);
	page[0] = 99;
	grant(REF, page, 0);
	m.host_addr = maddr;
	m.flags = GNTMAP_host_map | GNTMAP_application_map | GNTMAP_contains_pte |
	          1 << _GNTMAP_guest_avail0;
	CHECK_EQ(hc_grant_table_op(GNTTABOP_map_grant_ref, &m, 1), 0);
	CHECK_EQ(m.status, GNTST_okay);
	CHECK_EQ(*(u64 *)window, 99);
	CHECK_EQ(*pte_of(window, NULL) >> 9 & 7, 1);
	u = (struct gnttab_unmap_grant_ref){.host_addr = maddr, .handle = m.handle};
	CHECK_EQ(hc_grant_table_op(GNTTABOP_unmap_grant_ref, &u, 1), 0);
	CHECK_EQ(u.status, GNTST_okay);
	CHECK_EQ(probe_read(window, NULL), 14);
	m.host_addr = 0xfffffffff000; /* no table there */
	CHECK_EQ(hc_grant_table_op(GNTTABOP_map_grant_ref, &m, 1), 0);
	CHECK(m.status < 0);
}

static int16_t copy(u32 from_ref, void *to, u32 offset, u32 len)
{
	struct gnttab_copy c = {.source.u.ref = from_ref,
	                        .source.domid = 0,
	                        .dest.u.gmfn = va_to_mfn(to),
	                        .dest.domid = DOMID_SELF,
	                        .dest.offset = (u16)offset,
	                        .len = (u16)len,
	                        .flags = GNTCOPY_source_gref};

	CHECK_EQ(hc_grant_table_op(GNTTABOP_copy, &c, 1), 0);
	return c.status;
}

static void copies(void)
{
	u8 *from = alloc_page(), *to = alloc_page();

	memset(from, 0x5a, 100);
	grant(REF, from, GTF_readonly);
	CHECK_EQ(copy(REF, to, 10, 100), GNTST_okay);
	CHECK(to[9] == 0 && to[10] == 0x5a && to[109] == 0x5a && to[110] == 0);
	CHECK_EQ(copy(REF, to, 4000, 97), GNTST_bad_copy_arg);
	CHECK_EQ(copy(1000000, to, 0, 8), GNTST_bad_gntref);
	CHECK_EQ(table[REF].flags & (GTF_reading | GTF_writing), 0);
	make_readonly(to);
	{ /* still writable memory of ours, so a copy into it is allowed; into a page table it is not */
		struct gnttab_copy c = {.source.u.ref = REF,
		                        .dest.u.gmfn = l1_mfn_of(to),
		                        .dest.domid = DOMID_SELF,
		                        .len = 8,
		                        .flags = GNTCOPY_source_gref};

		CHECK_EQ(hc_grant_table_op(GNTTABOP_copy, &c, 1), 0);
		CHECK(c.status < 0);
	}
}

static void versions_and_the_rest(void)
{
	struct gnttab_set_version v = {.version = 1};
	struct gnttab_get_version g = {.dom = DOMID_SELF};

	CHECK_EQ(hc_grant_table_op(GNTTABOP_set_version, &v, 1), 0);
	CHECK_EQ(hc_grant_table_op(GNTTABOP_get_version, &g, 1), 0);
	CHECK_EQ(g.version, 1);
	v.version = 3;
	CHECK_EQ(hc_grant_table_op(GNTTABOP_set_version, &v, 1), -XEN_EINVAL);
	CHECK_EQ(hc_grant_table_op(99, &v, 1), -XEN_ENOSYS);
	CHECK_EQ(hc_grant_table_op(GNTTABOP_map_grant_ref, &v, 0), 0);
	CHECK(hc_grant_table_op(GNTTABOP_map_grant_ref, 0, 0x80000000u) < 0);
}

void test_main(void)
{
	set_up();
	a_mapping_shows_the_page();
	read_only_stays_read_only();
	what_is_not_granted_is_refused();
	a_page_table_is_never_granted_writable();
	a_granted_page_becomes_no_page_table();
	mapping_by_pte_address();
	copies();
	versions_and_the_rest();
}
