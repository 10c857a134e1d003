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

/* Moves the next page out of the way, with a general reference; NULL when none is left. */
static struct page_info *next_page(struct domain *d)
{
	struct page_info *pg = NULL;

	spin_lock(&d->page_alloc_lock);
	while (!pg && !list_empty(&d->page_list)) {
		pg = list_first(&d->page_list, struct page_info, link);
		list_del(&pg->link);
		list_add_tail(&d->pv->relinquish_list, &pg->link);
		if (!get_page(pg, d))
			pg = NULL; /* just being freed: whoever does that takes it off the list */
	}
	spin_unlock(&d->page_alloc_lock);
	return pg;
}

/* Puts @pg back: it is not done with. */
static void again_later(struct domain *d, struct page_info *pg)
{
	spin_lock(&d->page_alloc_lock);
	list_del(&pg->link);
	list_add(&d->page_list, &pg->link);
	spin_unlock(&d->page_alloc_lock);
	put_page(pg);
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

	while ((pg = next_page(d)) != NULL) {
		int rc = relinquish_page(d, pg);

		if (!rc && hypercall_should_preempt()) {
			put_page(pg);
			return -XEN_ERESTART;
		}
		if (rc) {
			again_later(d, pg);
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
