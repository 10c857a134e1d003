/* SPDX-License-Identifier: GPL-3.0-or-later */
/* HVMOP_*: on a machine where only paravirtual guests run, everything here names a guest of the wrong
 * kind. Parameters are asked of any domain by tools that find out what it is. */
#include "core/domain.h"
#include "core/hypercall.h"
#include <xen/hvm/hvm_op.h>

static long param_op(u64 va)
{
	struct xen_hvm_param p;
	struct domain *d;

	if (!guest_read(&p, va))
		return -XEN_EFAULT;
	d = domain_get_for_caller(p.domid);
	if (!d)
		return -XEN_ESRCH;
	put_domain(d);
	return -XEN_EINVAL;
}

long hc_hvm_op(const u64 a[6])
{
	switch (a[0]) {
	case HVMOP_set_param:
	case HVMOP_get_param:
		return param_op(a[1]);
	case HVMOP_guest_request_vm_event:
		return -XEN_EINVAL;
	default:
		return -XEN_ENOSYS;
	}
}
