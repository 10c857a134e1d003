/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the page-table hypercalls (pv/mm_update.c, pv/mm_ext.c, pv/mm_fault.c, pv/mm_grant.c). */
#pragma once
#include "core/hypercall.h"
#include "pv/pv.h"

/* Batches of requests: in the count of a call that is being continued. Then *pdone holds what earlier
 * rounds did. (Seen by the guest only in its registers while it is preempted.) */
#define BATCH_CONTINUED 0x80000000u

/* One hypercall's run over its array. */
struct mm_batch {
	u64 reqs, size;    /* guest array, bytes an element */
	u32 count, i;      /* elements in this round; done in this round */
	u32 before;        /* done in earlier rounds */
	u64 pdone;         /* guest address of the count done, 0 = none */
};

/* Reads a[0..2] as (array, count, pdone). 0 or -XEN_EFAULT. */
int mm_batch_begin(struct mm_batch *b, const u64 a[6], u64 size);
/* Writes *pdone and returns @rc, or the continuation when it is -XEN_ERESTART. */
long mm_batch_end(struct mm_batch *b, const u64 a[6], u64 nr, long rc);

/* Who must own the frames that new entries name: DOMID_SELF and own id, DOMID_IO, and for dom0 DOMID_XEN and
 * any domain. Takes a reference. 0, -XEN_EPERM, -XEN_ESRCH. */
int mm_data_owner(u32 domid, struct domain **out);

/* Writes an L1 entry of a table of @d as pt_write_entry(); lock held. Lets go of LDT pages that stand in
 * the way of a writable mapping. */
int mm_write_l1(struct domain *d, struct page_info *table, u32 slot, u64 val, u32 data_owner, bool keep_ad);

/* Makes the guest's change visible as UVMF_* of @flags say. 0 or -XEN_EFAULT. */
int mm_flush_va(struct domain *d, u64 va, u64 flags);
