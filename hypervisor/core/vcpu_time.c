/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a guest sees of its time: the pvclock record in vcpu_info, and the copies of clock and runstate
 * that it asked for by VCPUOP_register_*_memory_area. */
#include "core/guest.h"
#include "core/sched.h"

/* Writes the runstate where its guest asked for it. False if that is not mapped now. */
static bool runstate_to_guest(struct vcpu *v)
{
	u64 va = v->runstate_guest;
	struct vcpu_runstate_info r;
	u64 entry;
	bool flagged = READ_ONCE(v->domain->vm_assist) & BIT(VMASST_TYPE_runstate_update_flag);
	u64 entry_va = va + offsetof(struct vcpu_runstate_info, state_entry_time);

	if (!va)
		return true;
	r = vcpu_runstate(v);
	if (!flagged)
		return guest_write(va, &r);
	entry = r.state_entry_time;
	r.state_entry_time |= XEN_RUNSTATE_UPDATE;
	if (!guest_write(entry_va, &r.state_entry_time))
		return false;
	smp_wmb();
	if (!guest_write(va, &r))
		return false;
	smp_wmb();
	return guest_write(entry_va, &entry);
}

/* A pvclock record: odd version while it is written. */
static void time_to_record(struct vcpu_time_info *dst, const struct vcpu_time_info *src)
{
	u32 version = (READ_ONCE(dst->version) + 1) | 1;
	struct vcpu_time_info t = *src;

	WRITE_ONCE(dst->version, version);
	smp_wmb();
	t.version = version;
	*dst = t;
	smp_wmb();
	WRITE_ONCE(dst->version, version + 1);
}

static bool time_to_guest_copy(struct vcpu *v, const struct vcpu_time_info *src)
{
	struct vcpu_time_info t = *src;
	u64 va = v->time_info_guest;
	u32 version;

	if (!va)
		return true;
	if (!guest_read(&version, va))
		return false;
	version = (version + 1) | 1;
	if (!guest_write(va, &version))
		return false;
	smp_wmb();
	t.version = version;
	if (!guest_write(va, &t))
		return false;
	smp_wmb();
	version++;
	return guest_write(va, &version);
}

void vcpu_update_guest_time(struct vcpu *v)
{
	struct vcpu_time_info t = {0};
	bool ok;

	arch_vcpu_time(v, &t);
	time_to_record(&v->info->time, &t);
	ok = time_to_guest_copy(v, &t);
	ok &= runstate_to_guest(v);
	v->guest_copies_stale = !ok;
}
