/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/control.h"
#include "core/sched.h"
#include <string.h>

static spinlock_t lock = SPINLOCK(LOCK_DOMCTL, "control");

bool control_lock(void)
{
	return spin_trylock(&lock);
}

void control_unlock(void)
{
	spin_unlock(&lock);
}

bool bitmap_from_guest(u64 *map, u32 bits, const struct xenctl_bitmap *from)
{
	u32 bytes = MIN(DIV_ROUND_UP(from->nr_bits, 8U), DIV_ROUND_UP(bits, 8U));
	u32 take = MIN(from->nr_bits, bits);

	memset(map, 0, BITMAP_WORDS(bits) * sizeof(u64));
	if (bytes && copy_from_guest_va(map, (u64)from->bitmap.p, bytes))
		return false;
	for (u32 i = take; i < BITMAP_WORDS(bits) * 64; i++)
		bit_clear(map, i);
	return true;
}

bool bitmap_to_guest(const struct xenctl_bitmap *to, const u64 *map, u32 bits)
{
	u32 want = DIV_ROUND_UP(to->nr_bits, 8U), have = DIV_ROUND_UP(bits, 8U);
	u32 bytes = MIN(want, have);

	if (bytes && copy_to_guest_va((u64)to->bitmap.p, map, bytes))
		return false;
	return want == bytes || !clear_guest_va((u64)to->bitmap.p + bytes, want - bytes);
}

void domain_fill_info(struct domain *d, struct xen_domctl_getdomaininfo *info)
{
	struct vcpu *v;

	memset(info, 0, sizeof(*info));
	info->domain = d->id;
	info->max_vcpu_id = XEN_INVALID_MAX_VCPU_ID;
	info->flags = XEN_DOMINF_blocked;
	for_each_vcpu(d, v) {
		info->max_vcpu_id = v->id;
		info->cpu_time += vcpu_cpu_time(v);
		if (bit_test(&v->pause_flags, VPF_DOWN))
			continue;
		info->nr_online_vcpus++;
		if (!bit_test(&v->pause_flags, VPF_BLOCKED))
			info->flags &= ~XEN_DOMINF_blocked;
		if (READ_ONCE(v->is_running))
			info->flags |= XEN_DOMINF_running;
	}
	info->flags |= (d->dying == DOMDYING_dead ? XEN_DOMINF_dying : 0) |
	               (d->shut_down ? XEN_DOMINF_shutdown : 0) |
	               (d->controller_pause_count ? XEN_DOMINF_paused : 0) |
	               (d->cdf & XEN_DOMCTL_CDF_xs_domain ? XEN_DOMINF_xs_domain : 0) |
	               (u32)d->shutdown_code << XEN_DOMINF_shutdownshift;
	info->tot_pages = READ_ONCE(d->tot_pages);
	info->max_pages = READ_ONCE(d->max_pages);
	info->outstanding_pages = READ_ONCE(d->claimed_pages);
	info->shared_info_frame =
	        d->shared_info ? virt_to_mfn(d->shared_info).n : INVALID_MFN.n;
	info->ssidref = d->ssidref;
	memcpy(info->handle, d->handle, sizeof(info->handle));
	info->gpaddr_bits = (u8)machine_phys_bits();
}
