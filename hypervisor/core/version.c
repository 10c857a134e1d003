/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xen_version: who we are, in the terms of the interface. */
#include "core/domain.h"
#include "core/options.h"
#include "core/version.h"
#include "string.h"

#ifndef KEEL_VERSION
#define KEEL_VERSION "0.1"
#endif
#ifndef KEEL_COMPILE_DATE
#define KEEL_COMPILE_DATE "unknown" /* set by a build that wants it; reproducible otherwise */
#endif

#define EXTRAVERSION ".0-keel-" KEEL_VERSION

_Static_assert(sizeof(EXTRAVERSION) <= sizeof(xen_extraversion_t), "fits with its NUL");

static long give(u64 arg, const void *buf, size_t size)
{
	return copy_to_guest_va(arg, buf, size) ? -XEN_EFAULT : 0;
}

static long give_string(u64 arg, const char *s, char *buf, size_t size)
{
	size_t n = strnlen(s, size - 1);

	memset(buf, 0, size);
	memcpy(buf, s, n);
	return give(arg, buf, size);
}

static long compile_info(u64 arg)
{
	struct xen_compile_info info = {
	        .compiler = "gcc " __VERSION__,
	        .compile_by = "keel",
	        .compile_domain = "",
	        .compile_date = KEEL_COMPILE_DATE,
	};

	return give(arg, &info, sizeof(info));
}

static long capabilities(u64 arg)
{
	struct { char s[sizeof(xen_capabilities_info_t)]; } c;

	/* One word a guest type, each followed by a space. */
	return give_string(arg, "xen-3.0-x86_64 ", c.s, sizeof(c.s));
}

static u32 feature_map(const struct domain *d)
{
	u32 f = BIT(XENFEAT_memory_op_vnode_supported) | BIT(XENFEAT_pae_pgdir_above_4gb);

	if (d->is_control)
		f |= BIT(XENFEAT_dom0);
	if (d->cdf & XEN_DOMCTL_CDF_hvm)
		return f | BIT(XENFEAT_writable_page_tables) | BIT(XENFEAT_auto_translated_physmap) |
		       BIT(XENFEAT_hvm_callback_vector) | BIT(XENFEAT_hvm_safe_pvclock) |
		       BIT(XENFEAT_not_direct_mapped);
	return f | BIT(XENFEAT_mmu_pt_update_preserve_ad) | BIT(XENFEAT_highmem_assist) |
	       BIT(XENFEAT_gnttab_map_avail_bits) | BIT(XENFEAT_direct_mapped);
}

static long get_features(u64 arg)
{
	struct xen_feature_info fi;

	if (!guest_read(&fi, arg))
		return -XEN_EFAULT;
	if (fi.submap_idx >= XENFEAT_NR_SUBMAPS)
		return -XEN_EINVAL;
	fi.submap = feature_map(current->domain);
	return give(arg, &fi, sizeof(fi));
}

/* NULL asks for the size only; else the guest says how long its buffer is. */
static long build_id(u64 arg)
{
	u32 room, size;
	const void *id = version_build_id(&size);
	long rc;

	if (!id || size == 0)
		return -XEN_ENODATA;
	if (!arg)
		return size;
	if (!guest_read(&room, arg))
		return -XEN_EFAULT;
	if (room == 0)
		return -XEN_EINVAL;
	if (room < size)
		return -XEN_ENOBUFS;
	rc = give(arg + offsetof(struct xen_build_id, buf), id, size);
	return rc ? rc : (long)size;
}

long hc_xen_version(const u64 a[6])
{
	struct { char s[sizeof(xen_commandline_t)]; } buf;
	const struct domain *d = current->domain;
	u64 arg = a[1];

	switch ((u32)a[0]) {
	case XENVER_version:
		return XEN_VERSION_MAJOR << 16 | XEN_VERSION_MINOR;
	case XENVER_extraversion:
		return give_string(arg, EXTRAVERSION, buf.s, XEN_EXTRAVERSION_LEN);
	case XENVER_compile_info:
		return compile_info(arg);
	case XENVER_capabilities:
		return capabilities(arg);
	case XENVER_changeset:
		return give_string(arg, "keel " KEEL_VERSION, buf.s, XEN_CHANGESET_INFO_LEN);
	case XENVER_platform_parameters: {
		struct xen_platform_parameters p = {.virt_start = HYPERVISOR_VIRT_START};

		return give(arg, &p, sizeof(p));
	}
	case XENVER_get_features:
		return get_features(arg);
	case XENVER_pagesize:
		return arg ? -XEN_EINVAL : (long)PAGE_SIZE;
	case XENVER_guest_handle:
		return give(arg, d->handle, sizeof(d->handle));
	case XENVER_commandline:
		/* Guests need not know how their host was booted. */
		return give_string(arg, d->is_control ? options.command_line : "", buf.s,
		                   sizeof(buf.s));
	case XENVER_build_id:
		return d->is_control ? build_id(arg) : -XEN_EPERM;
	default:
		return -XEN_ENOSYS;
	}
}
