/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mmuext_op: pins, bases, TLB and cache flushes, LDT, pages cleared and copied. */
#include "pv/mm_internal.h"
#include "x86/x86.h"
#include <string.h>

static void flush_cache(void *unused)
{
	(void)unused;
	wbinvd();
}

static int flush_all_caches(bool everywhere)
{
	if (!current->domain->is_control)
		return -XEN_EACCES; /* no device does DMA for it: caches are none of its business */
	if (everywhere) {
		cpumask_t online = cpu_online_map;

		cpus_call(&online, flush_cache, NULL);
	} else {
		wbinvd();
	}
	return 0;
}

static int flush_vcpus(struct domain *d, const struct mmuext_op *op, bool one)
{
	cpumask_t mask;

	if (!pv_vcpumask_to_cpus(d, (u64)op->arg2.vcpumask.p, &mask))
		return -XEN_EINVAL;
	if (one)
		tlb_flush_mask_one(&mask, op->arg1.linear_addr);
	else
		tlb_flush_mask(&mask);
	return 0;
}

static int flush_everywhere(struct domain *d, const struct mmuext_op *op, bool one)
{
	cpumask_t mask = cpumask_and(&d->dirty_cpus, &cpu_online_map);

	if (one)
		tlb_flush_mask_one(&mask, op->arg1.linear_addr);
	else
		tlb_flush_mask(&mask);
	return 0;
}

static int clear_page(struct domain *d, mfn_t dst)
{
	struct page_info *pg = get_page_by_mfn(dst, d);
	int rc;

	if (!pg)
		return -XEN_EINVAL;
	rc = get_page_type(pg, PT_WRITABLE);
	if (!rc) {
		memset(page_to_virt(pg), 0, PAGE_SIZE);
		put_page_type(pg);
	}
	put_page(pg);
	return rc;
}

static int copy_page(struct domain *d, mfn_t dst, mfn_t src)
{
	struct page_info *from = get_page_by_mfn(src, d);
	struct page_info *to = get_page_by_mfn(dst, d);
	int rc = from && to ? get_page_type(to, PT_WRITABLE) : -XEN_EINVAL;

	if (!rc) {
		memmove(page_to_virt(to), page_to_virt(from), PAGE_SIZE);
		put_page_type(to);
	}
	if (from)
		put_page(from);
	if (to)
		put_page(to);
	return rc;
}

/* What acts on the caller's own vCPU or TLBs, whatever foreign domain was named. */
static int op_self(const struct mmuext_op *op)
{
	struct vcpu *v = current;

	switch (op->cmd) {
	case MMUEXT_NEW_BASEPTR:
		return pv_set_base(v, MFN(op->arg1.mfn));
	case MMUEXT_NEW_USER_BASEPTR:
		return pv_set_user_base(v, MFN(op->arg1.mfn));
	case MMUEXT_TLB_FLUSH_LOCAL:
		tlb_flush_local();
		return 0;
	case MMUEXT_INVLPG_LOCAL:
		tlb_flush_local_one(op->arg1.linear_addr);
		return 0;
	case MMUEXT_TLB_FLUSH_MULTI:
		return flush_vcpus(v->domain, op, false);
	case MMUEXT_INVLPG_MULTI:
		return flush_vcpus(v->domain, op, true);
	case MMUEXT_TLB_FLUSH_ALL:
		return flush_everywhere(v->domain, op, false);
	case MMUEXT_INVLPG_ALL:
		return flush_everywhere(v->domain, op, true);
	case MMUEXT_FLUSH_CACHE:
		return flush_all_caches(false);
	case MMUEXT_FLUSH_CACHE_GLOBAL:
		return flush_all_caches(true);
	case MMUEXT_SET_LDT:
		return pv_set_ldt(v, op->arg1.linear_addr, op->arg2.nr_ents);
	default:
		return -XEN_ENOSYS; /* MARK_SUPER and UNMARK_SUPER: no large pages */
	}
}

static int op_one(struct domain *d, const struct mmuext_op *op)
{
	mfn_t m = MFN(op->arg1.mfn);

	switch (op->cmd) {
	case MMUEXT_PIN_L1_TABLE:
	case MMUEXT_PIN_L2_TABLE:
	case MMUEXT_PIN_L3_TABLE:
	case MMUEXT_PIN_L4_TABLE:
		return pv_pin_table(d, m, pt_of_level(op->cmd - MMUEXT_PIN_L1_TABLE + 1));
	case MMUEXT_UNPIN_TABLE:
		return pv_unpin_table(d, m);
	case MMUEXT_CLEAR_PAGE:
		return clear_page(d, m);
	case MMUEXT_COPY_PAGE:
		return copy_page(d, m, MFN(op->arg2.src_mfn));
	default:
		return d == current->domain ? op_self(op) : -XEN_EPERM;
	}
}

/* The work an operation left is part of the call. */
static int finish_work(struct domain *d)
{
	int rc;

	if (!pv_mm_pending(d))
		return 0;
	rc = pv_mm_lock(d);
	if (!rc)
		pv_mm_unlock(d);
	return rc;
}

static int run_ops(struct domain *d, struct mm_batch *b)
{
	bool again = false;

	for (; b->i < b->count; b->i++) {
		struct mmuext_op op;
		int rc;

		if (again && hypercall_should_preempt())
			return -XEN_ERESTART;
		again = true;
		if (!guest_read(&op, b->reqs + b->i * sizeof(op)))
			return -XEN_EFAULT;
		rc = op_one(d, &op);
		if (rc)
			return rc;
	}
	return finish_work(d);
}

long hc_mmuext_op(const u64 a[6])
{
	struct mm_batch b;
	struct domain *d;
	int rc = mm_batch_begin(&b, a, sizeof(struct mmuext_op));

	if (rc)
		return rc;
	rc = mm_data_owner((u32)a[3] & 0xffff, &d);
	if (rc)
		return rc;
	rc = d->pv ? run_ops(d, &b) : -XEN_EINVAL;
	put_domain(d);
	return mm_batch_end(&b, a, __HYPERVISOR_mmuext_op, rc);
}
