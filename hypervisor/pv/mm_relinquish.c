/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A dying domain gives up its memory: what its vCPUs use, pins, then every frame. Frames that others
 * still map go when the last of these lets go. */
#include "pv/mm_internal.h"

enum stage { STAGE_VCPUS, STAGE_PAGES, STAGE_WORK, STAGE_DONE };

static int relinquish_vcpus(struct domain *d)
{
	struct vcpu *v;

	for_each_vcpu(d, v) {
		int rc;

		if (!v->pv)
			continue;
		pv_invalidate_ldt(v);
		pv_destroy_gdt(v);
		rc = pv_drop_bases(v);
		if (rc)
			return rc;
	}
	return 0;
}

static int relinquish_page(struct domain *d, struct page_info *pg)
{
	int rc = pv_mm_lock(d);

	if (!rc) {
		rc = pt_strip(&d->pv->pt, pg);
		pv_mm_unlock(d);
	}
	if (rc)
		return rc;
	(void)domain_release_page(d, pg); /* the guest may have released it before */
	return 0;
}

static int relinquish_pages(struct domain *d)
{
	struct page_info *pg;

	while ((pg = domain_leave_page(d)) != NULL) {
		int rc = relinquish_page(d, pg);

		if (!rc && hypercall_should_preempt()) {
			put_page(pg);
			return -XEN_ERESTART;
		}
		if (rc) {
			domain_leave_later(d, pg);
			return rc;
		}
		put_page(pg);
	}
	return 0;
}

static int finish_work(struct domain *d)
{
	int rc = pv_mm_lock(d);

	if (!rc)
		pv_mm_unlock(d);
	return rc;
}

int pv_mm_relinquish(struct domain *d)
{
	static int (*const step[])(struct domain *) = {
		[STAGE_VCPUS] = relinquish_vcpus,
		[STAGE_PAGES] = relinquish_pages,
		[STAGE_WORK] = finish_work,
	};

	while (d->pv->relinquish_stage < STAGE_DONE) {
		int rc = step[d->pv->relinquish_stage](d);

		if (rc)
			return rc;
		d->pv->relinquish_stage++;
	}
	return 0;
}
