/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * xen_version: every sub-operation answers in the shape that kernels and tools parse: 4.17, strings
 * that end, a capabilities list with the 64-bit interface, the features that Linux needs as dom0.
 */
#include "lib/test.h"

const char test_title[] = "version";

static bool ends(const char *s, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (!s[i])
			return true;
	return false;
}

void test_main(void)
{
	static xen_extraversion_t extra;
	static xen_compile_info_t compile;
	static xen_capabilities_info_t caps;
	static xen_changeset_info_t changes;
	static xen_platform_parameters_t params;
	static xen_commandline_t line;
	static xen_domain_handle_t handle;
	struct xen_feature_info f = {.submap_idx = 0};
	u32 want = 1u << XENFEAT_mmu_pt_update_preserve_ad | 1u << XENFEAT_highmem_assist |
	           1u << XENFEAT_gnttab_map_avail_bits | 1u << XENFEAT_dom0 |
	           1u << XENFEAT_memory_op_vnode_supported | 1u << XENFEAT_pae_pgdir_above_4gb;

	CHECK_EQ(hc_xen_version(XENVER_version, NULL), 4 << 16 | 17);
	CHECK_EQ(hc_xen_version(XENVER_extraversion, extra), 0);
	CHECK(ends(extra, sizeof(extra)));
	CHECK_EQ(hc_xen_version(XENVER_compile_info, &compile), 0);
	CHECK(ends(compile.compiler, sizeof(compile.compiler)));
	CHECK(ends(compile.compile_date, sizeof(compile.compile_date)));
	CHECK_EQ(hc_xen_version(XENVER_capabilities, caps), 0);
	CHECK(memcmp(caps, "xen-3.0-x86_64", 14) == 0);
	CHECK_EQ(hc_xen_version(XENVER_changeset, changes), 0);
	CHECK_EQ(hc_xen_version(XENVER_platform_parameters, &params), 0);
	CHECK_EQ(params.virt_start, 0xffff800000000000);
	CHECK_EQ(hc_xen_version(XENVER_get_features, &f), 0);
	CHECK_EQ(f.submap & want, want);
	CHECK_EQ(f.submap & 1u << XENFEAT_auto_translated_physmap, 0);
	f.submap_idx = 1;
	CHECK_EQ(hc_xen_version(XENVER_get_features, &f), -XEN_EINVAL);
	CHECK_EQ(hc_xen_version(XENVER_pagesize, NULL), 4096);
	CHECK_EQ(hc_xen_version(XENVER_guest_handle, handle), 0);
	CHECK_EQ(hc_xen_version(XENVER_commandline, line), 0);
	CHECK(ends(line, sizeof(line)));
	CHECK_EQ(hc_xen_version(999, line), -XEN_ENOSYS);
}
