/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * domctl and sysctl: the version check comes first, unknown operations and domains are refused, an
 * empty domain can be made, filled, asked about and destroyed, and destroying it returns every page.
 */
#include "lib/test.h"

const char test_title[] = "control";

static u64 free_pages(void)
{
	struct xen_sysctl s;

	memset(&s, 0, sizeof(s));
	s.cmd = XEN_SYSCTL_physinfo;
	s.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
	CHECK_EQ(hc_sysctl(&s), 0);
	CHECK(s.u.physinfo.nr_cpus >= 1);
	return s.u.physinfo.free_pages;
}

static void versions_come_first(void)
{
	struct xen_domctl d = domctl_for(XEN_DOMCTL_getdomaininfo, 0);
	struct xen_sysctl s;
	struct xen_platform_op p;

	memset(&s, 0, sizeof(s));
	memset(&p, 0, sizeof(p));
	d.interface_version++;
	CHECK_EQ(hc_domctl(&d), -XEN_EACCES);
	s.cmd = XEN_SYSCTL_physinfo;
	s.interface_version = 1;
	CHECK_EQ(hc_sysctl(&s), -XEN_EACCES);
	p.cmd = XENPF_get_cpuinfo;
	CHECK_EQ(hc_platform_op(&p), -XEN_EACCES);
}

static void unknown_ones_are_refused(void)
{
	struct xen_domctl d = domctl_for(9999, 0);
	struct xen_sysctl s;

	CHECK_EQ(hc_domctl(&d), -XEN_ENOSYS);
	d = domctl_for(XEN_DOMCTL_pausedomain, 1234);
	CHECK_EQ(hc_domctl(&d), -XEN_ESRCH);
	d = domctl_for(XEN_DOMCTL_pausedomain, 0);
	CHECK_EQ(hc_domctl(&d), -XEN_EINVAL);
	d = domctl_for(XEN_DOMCTL_destroydomain, 0);
	CHECK_EQ(hc_domctl(&d), -XEN_EINVAL);
	memset(&s, 0, sizeof(s));
	s.cmd = 9999;
	s.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
	CHECK_EQ(hc_sysctl(&s), -XEN_ENOSYS);
}

static void bad_domains_are_not_made(void)
{
	struct xen_domctl d = small_domain();

	d.u.createdomain.max_vcpus = 0;
	CHECK_EQ(hc_domctl(&d), -XEN_EINVAL);
	d = small_domain();
	d.u.createdomain.max_vcpus = 1u << 20;
	CHECK_EQ(hc_domctl(&d), -XEN_EINVAL);
	d = small_domain();
	d.u.createdomain.flags = 1u << 31;
	CHECK_EQ(hc_domctl(&d), -XEN_EINVAL);
}

static void populate(domid_t id, u64 n)
{
	static xen_pfn_t list[256];
	struct xen_memory_reservation r = {.nr_extents = n, .domid = id};

	for (u64 i = 0; i < n; i++)
		list[i] = i;
	set_xen_guest_handle(r.extent_start, list);
	CHECK_EQ(hc_memory_op(XENMEM_populate_physmap, &r), (long)n);
}

static void full_life(void)
{
	struct xen_domctl d = small_domain(), op;
	domid_t id;

	CHECK_EQ(hc_domctl(&d), 0);
	id = d.domain;
	CHECK(id > 0 && id < DOMID_FIRST_RESERVED);

	op = domctl_for(XEN_DOMCTL_max_vcpus, id);
	op.u.max_vcpus.max = 3; /* not what it was created with */
	CHECK_EQ(hc_domctl(&op), -XEN_EINVAL);
	op.u.max_vcpus.max = 2;
	CHECK_EQ(hc_domctl(&op), 0);
	op = domctl_for(XEN_DOMCTL_max_mem, id);
	op.u.max_mem.max_memkb = 1024;
	CHECK_EQ(hc_domctl(&op), 0);
	populate(id, 256);

	op = domctl_for(XEN_DOMCTL_getdomaininfo, id);
	CHECK_EQ(hc_domctl(&op), 0);
	CHECK_EQ(op.domain, id);
	CHECK_EQ(op.u.getdomaininfo.tot_pages, 256);
	CHECK_EQ(op.u.getdomaininfo.max_pages, 256);
	CHECK_EQ(op.u.getdomaininfo.max_vcpu_id, 1);
	CHECK_EQ(op.u.getdomaininfo.nr_online_vcpus, 0);
	CHECK(op.u.getdomaininfo.flags & XEN_DOMINF_paused);
	/* it has not said how many pseudo-physical frames it has: `xl restore` asks at this point */
	CHECK_EQ(hc_memory_op(XENMEM_maximum_gpfn, &(struct xen_memory_domain){.domid = id}), 0);

	op = domctl_for(XEN_DOMCTL_getvcpucontext, id);
	CHECK(hc_domctl(&op) < 0); /* never initialised */
	op = domctl_for(XEN_DOMCTL_getvcpuinfo, id);
	op.u.getvcpuinfo.vcpu = 7;
	CHECK_EQ(hc_domctl(&op), -XEN_EINVAL);
	op = domctl_for(XEN_DOMCTL_destroydomain, id);
	CHECK_EQ(hc_domctl(&op), 0);
	CHECK(hc_domctl(&op) != 0); /* gone, or going */
}

static void more_than_its_limit_is_refused(void)
{
	struct xen_domctl d = small_domain(), op;
	xen_pfn_t list[4] = {0, 1, 2, 3};
	struct xen_memory_reservation r = {.nr_extents = 4};

	CHECK_EQ(hc_domctl(&d), 0);
	op = domctl_for(XEN_DOMCTL_max_mem, d.domain);
	op.u.max_mem.max_memkb = 8;
	CHECK_EQ(hc_domctl(&op), 0);
	r.domid = d.domain;
	set_xen_guest_handle(r.extent_start, list);
	CHECK_EQ(hc_memory_op(XENMEM_populate_physmap, &r), 2);
	op = domctl_for(XEN_DOMCTL_destroydomain, d.domain);
	CHECK_EQ(hc_domctl(&op), 0);
}

void test_main(void)
{
	u64 before;

	versions_come_first();
	unknown_ones_are_refused();
	bad_domains_are_not_made();
	full_life(); /* the first one may leave caches filled */
	before = free_pages();
	for (int i = 0; i < 10; i++)
		full_life();
	more_than_its_limit_is_refused();
	/* The last of a domain may go a moment after the call that destroyed it. */
	for (u32 i = 0; i < 1000000 && free_pages() < before; i++)
		hc_sched_op(SCHEDOP_yield, NULL);
	CHECK(free_pages() >= before);
}
