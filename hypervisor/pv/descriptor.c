/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Descriptor tables of guests. Their frames are PT_SEGDESC while a vCPU may load segments from them, so
 * the guest cannot write them; the CPU reads them, and sets accessed bits, through the per-domain slot. */
#include "logic/descriptor.h"
#include "pv/mm_internal.h"
#include "x86/x86.h"

#define PTE_DESC       (PTE_P | PTE_RW | PTE_A | PTE_D | PTE_NX) /* supervisor */
#define GDT_PAGES      14 /* FIRST_RESERVED_GDT_PAGE */
#define GDT_MAX        (GDT_PAGES * DESC_PER_PAGE)
#define LDT_PAGES      16
#define LDT_MAX        (LDT_PAGES * DESC_PER_PAGE)

bool pv_descriptor_ok(u64 *desc)
{
	return descriptor_fix(desc);
}

/* ---- GDT ---- */

static u64 *gdt_ptes(struct vcpu *v)
{
	u64 *pte = pv_perdomain_pte(v->domain, GDT_VA(v->id));

	ASSERT(pte); /* pv_mm_vcpu_init() made the table */
	return pte;
}

/* Behind the pages of a GDT that the guest has not set: a selector there is as one beyond the limit. */
static u64 empty_page; /* an entry */

static void clear_gdt_pages(struct vcpu *v)
{
	for (u32 i = 0; i < GDT_PAGES; i++)
		WRITE_ONCE(gdt_ptes(v)[i], empty_page);
}

/* Of a new vCPU. The first is dom0's, at boot, when there is one CPU. 0 or -XEN_ENOMEM. */
int pv_init_gdt(struct vcpu *v)
{
	if (!empty_page) {
		void *page = alloc_xen_page();

		if (!page)
			return -XEN_ENOMEM;
		empty_page = virt_to_maddr(page) | (PTE_DESC & ~PTE_RW);
	}
	clear_gdt_pages(v);
	return 0;
}

/* No CPU but its own uses a vCPU's GDT; if it runs elsewhere later, loading CR3 there flushes. */
static void flush_own(struct vcpu *v)
{
	if (v == current)
		tlb_flush_local();
}

void pv_destroy_gdt(struct vcpu *v)
{
	u64 frames[GDT_PAGES];
	u32 n = 0;

	if (!v->pv->gdt_entries)
		return;
	clear_gdt_pages(v);
	for (u32 i = 0; i < GDT_PAGES; i++) {
		if (v->pv->gdt_frames[i])
			frames[n++] = v->pv->gdt_frames[i];
		v->pv->gdt_frames[i] = 0;
	}
	v->pv->gdt_entries = 0;
	flush_own(v);
	while (n--)
		put_page_and_type(mfn_to_page(MFN(frames[n])));
}

int pv_set_gdt(struct vcpu *v, const u64 *frames, u32 entries)
{
	u32 pages = DIV_ROUND_UP(entries, DESC_PER_PAGE), i;
	u64 *pte = gdt_ptes(v);

	if (entries > GDT_MAX)
		return -XEN_EINVAL;
	for (i = 0; i < pages; i++) {
		struct page_info *pg = get_page_by_mfn(MFN(frames[i]), v->domain);

		if (pg && get_page_type(pg, PT_SEGDESC) == 0)
			continue;
		if (pg)
			put_page(pg);
		while (i--)
			put_page_and_type(mfn_to_page(MFN(frames[i])));
		return -XEN_EINVAL;
	}
	pv_destroy_gdt(v);
	for (i = 0; i < pages; i++) {
		v->pv->gdt_frames[i] = frames[i];
		WRITE_ONCE(pte[i], mfn_to_maddr(MFN(frames[i])) | PTE_DESC);
	}
	v->pv->gdt_entries = entries;
	flush_own(v);
	return 0;
}

long hc_set_gdt(const u64 a[6])
{
	u64 frames[GDT_PAGES];
	u32 entries = (u32)a[1];

	if (entries > GDT_MAX)
		return -XEN_EINVAL;
	if (copy_from_guest_va(frames, a[0], DIV_ROUND_UP(entries, DESC_PER_PAGE) * sizeof(frames[0])))
		return -XEN_EFAULT;
	return pv_set_gdt(current, frames, entries);
}

long hc_update_descriptor(const u64 a[6])
{
	u64 ma = a[0], desc = a[1], type;
	struct page_info *pg;
	int rc;

	if ((ma & (sizeof(desc) - 1)) || !pv_descriptor_ok(&desc))
		return -XEN_EINVAL;
	pg = get_page_by_mfn(maddr_to_mfn(ma), current->domain);
	if (!pg)
		return -XEN_EINVAL;
	/* Whichever of the two it is stays so while we write; a page table is neither. */
	type = READ_ONCE(pg->type);
	type = pt_type(type) == PT_SEGDESC && (type & PT_COUNT) ? PT_SEGDESC : PT_WRITABLE;
	rc = get_page_type(pg, type);
	if (!rc) {
		WRITE_ONCE(*(u64 *)maddr_to_virt(ma), desc);
		put_page_type(pg);
	}
	put_page(pg);
	return rc;
}

/* ---- LDT: pages that cannot be mapped when it is set are tried again when the CPU asks for them ---- */

static u64 *ldt_ptes(struct vcpu *v)
{
	return gdt_ptes(v) + 16;
}

/* Clears the entries of @v's LDT pages; puts their frames into @frames. Lock held. */
static u32 ldt_unmap(struct vcpu *v, u64 frames[LDT_PAGES])
{
	u64 *pte = ldt_ptes(v);
	u32 n = 0;

	for (u32 i = 0; v->pv->ldt_mapped && i < LDT_PAGES; i++) {
		if (!(v->pv->ldt_mapped & BIT(i)))
			continue;
		frames[n++] = pte_mfn(pte[i]).n;
		WRITE_ONCE(pte[i], 0);
		v->pv->ldt_mapped &= ~(u32)BIT(i);
	}
	return n;
}

static void ldt_put(const u64 *frames, u32 n)
{
	while (n--)
		put_page_and_type(mfn_to_page(MFN(frames[n])));
}

void pv_invalidate_ldt(struct vcpu *v)
{
	u64 frames[LDT_PAGES];
	u32 n;

	spin_lock(&v->domain->pv->mm_lock);
	n = ldt_unmap(v, frames);
	spin_unlock(&v->domain->pv->mm_lock);
	if (n)
		flush_own(v);
	ldt_put(frames, n);
}

bool pv_release_ldt_pages(struct domain *d)
{
	bool any = false;
	struct vcpu *v;

	for_each_vcpu(d, v) {
		u64 frames[LDT_PAGES];
		u32 n = v->pv ? ldt_unmap(v, frames) : 0;

		if (!n)
			continue;
		any = true;
		tlb_flush_mask(&v->dirty_cpus); /* it may run: its CPU must fault, not read on */
		ldt_put(frames, n);
	}
	return any;
}

int pv_set_ldt(struct vcpu *v, u64 base, u32 entries)
{
	if (entries > LDT_MAX || (base & ~PAGE_MASK) ||
	    !guest_range_ok(base, entries * sizeof(u64)))
		return -XEN_EINVAL;
	if (base == v->pv->ldt_base && entries == v->pv->ldt_entries)
		return 0;
	pv_invalidate_ldt(v);
	v->pv->ldt_base = base;
	v->pv->ldt_entries = entries;
	if (v == current)
		pv_load_ldt(v);
	return 0;
}

bool pv_map_ldt_page(struct vcpu *v, u32 page)
{
	struct domain *d = v->domain;
	u64 va = v->pv->ldt_base + page * PAGE_SIZE, entry, rights;
	struct page_info *pg = NULL;
	u64 *pte;

	if (page >= LDT_PAGES || page >= DIV_ROUND_UP(v->pv->ldt_entries, DESC_PER_PAGE))
		return false;
	/* The page's own references are what counts, not how it was found. */
	if (pv_walk_hint(v->pv->kernel_l4, va, &entry, &rights))
		pg = get_page_by_mfn(pte_mfn(entry), d);
	if (!pg)
		return false;
	if (get_page_type(pg, PT_SEGDESC)) {
		put_page(pg);
		return false;
	}
	spin_lock(&d->pv->mm_lock);
	pte = &ldt_ptes(v)[page];
	if (!(v->pv->ldt_mapped & BIT(page))) {
		WRITE_ONCE(*pte, mfn_to_maddr(page_to_mfn(pg)) | PTE_DESC);
		v->pv->ldt_mapped |= (u32)BIT(page);
		pg = NULL;
	}
	spin_unlock(&d->pv->mm_lock);
	if (pg)
		put_page_and_type(pg);
	return true;
}
