/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Address spaces of paravirtual domains: their top-level tables, what every one of them contains of the
 * hypervisor, and finding entries in them. The rules are logic/page_type.c's. */
#include "core/hypercall.h"
#include "logic/descriptor.h"
#include "pv/pv.h"
#include "x86/x86.h"
#include <string.h>

#define HYP_TABLE     (PTE_P | PTE_RW | PTE_A | PTE_D) /* supervisor only */
#define MMIO_RO_MAX   256

/* ---- lock ---- */

int pv_mm_lock(struct domain *d)
{
	int rc;

	spin_lock(&d->pv->mm_lock);
	d->pv->pt.no_preempt = is_idle_vcpu(current); /* boot: no guest waits, nobody would come back */
	rc = pt_finish(&d->pv->pt);
	if (rc)
		spin_unlock(&d->pv->mm_lock);
	return rc;
}

void pv_mm_unlock(struct domain *d)
{
	spin_unlock(&d->pv->mm_lock);
}

bool pv_mm_pending(struct domain *d)
{
	return READ_ONCE(d->pv->pt.pending) != NULL;
}

/* ---- a domain's own slot: descriptor tables ---- */

int pv_mm_domain_init(struct domain *d)
{
	struct pv_domain *pv = d->pv;

	spin_lock_init(&pv->mm_lock, LOCK_PAGE_TABLES, "page tables");
	pv->pt.owner = domain_owner_tag(d);
	pv->pt.privileged = d->is_control;
	pv->perdomain_l3_va = alloc_xen_page();
	if (!pv->perdomain_l3_va)
		return -XEN_ENOMEM;
	pv->perdomain_l3 = virt_to_mfn(pv->perdomain_l3_va);
	return 0;
}

static u64 *perdomain_below(u64 *table, u32 slot)
{
	u64 *below;

	if (table[slot] & PTE_P)
		return mfn_to_virt(pte_mfn(table[slot]));
	below = alloc_xen_page();
	if (below)
		WRITE_ONCE(table[slot], virt_to_maddr(below) | HYP_TABLE);
	return below;
}

int pv_mm_vcpu_init(struct vcpu *v)
{
	u64 va = GDT_VA(v->id);
	u64 *l2 = perdomain_below(v->domain->pv->perdomain_l3_va, va >> 30 & 511);

	if (!l2 || !perdomain_below(l2, va >> 21 & 511))
		return -XEN_ENOMEM;
	return pv_init_gdt(v);
}

static void perdomain_free(u64 *table, u32 level)
{
	for (u32 i = 0; level > 1 && i < 512; i++)
		if (table[i] & PTE_P)
			perdomain_free(mfn_to_virt(pte_mfn(table[i])), level - 1);
	free_xen_page(table);
}

void pv_mm_domain_free(struct domain *d)
{
	if (d->pv->perdomain_l3_va)
		perdomain_free(d->pv->perdomain_l3_va, 3);
	d->pv->perdomain_l3_va = NULL;
}

/* ---- the hypervisor's slots in a guest's top-level table ---- */

static bool m2p_strict(const struct domain *d)
{
	return READ_ONCE(d->vm_assist) & BIT(VMASST_TYPE_m2p_strict);
}

static u64 m2p_slot(void)
{
	return idle_l4[L4_SLOT_M2P] | PTE_USER;
}

void pv_fill_l4(struct domain *d, u64 *l4, mfn_t l4_mfn)
{
	for (u32 i = HYP_L4_FIRST; i <= HYP_L4_LAST; i++)
		WRITE_ONCE(l4[i], idle_l4[i] & ~PTE_USER); /* not even through the table's entry for itself */
	WRITE_ONCE(l4[L4_SLOT_PERDOMAIN], mfn_to_maddr(d->pv->perdomain_l3) | HYP_TABLE);
	WRITE_ONCE(l4[L4_SLOT_M2P], m2p_strict(d) ? m2p_slot() : 0);
}

void pt_env_l4_enter(struct pt_space *s, struct page_info *pg)
{
	struct pv_domain *pv = container_of(s, struct pv_domain, pt);
	struct domain *d = mfn_to_virt(MFN(s->owner));

	ASSERT(d->pv == pv);
	pv_fill_l4(d, page_to_virt(pg), page_to_mfn(pg));
}

void pt_env_l4_leave(struct pt_space *s, struct page_info *pg)
{
	u64 *l4 = page_to_virt(pg);

	(void)s;
	memset(&l4[HYP_L4_FIRST], 0, (HYP_L4_LAST - HYP_L4_FIRST + 1) * sizeof(*l4));
}

bool pt_env_segdesc_ok(struct page_info *pg)
{
	return descriptor_page_fix(page_to_virt(pg));
}

/* ---- frames that are no RAM: dom0's devices ---- */

static u64 mmio_ro[MMIO_RO_MAX]; /* frame + 1, 0 = free; atomic words */

bool pv_mmio_is_readonly(mfn_t m)
{
	if (hyp_uses_hpet_mfn(m))
		return true;
	for (u32 i = 0; i < MMIO_RO_MAX; i++)
		if (READ_ONCE(mmio_ro[i]) == m.n + 1)
			return true;
	return false;
}

int pv_mmio_set_readonly(mfn_t m, bool readonly)
{
	u64 from = readonly ? 0 : m.n + 1, to = readonly ? m.n + 1 : 0;

	if (readonly && pv_mmio_is_readonly(m))
		return 0;
	for (u32 i = 0; i < MMIO_RO_MAX; i++) {
		u64 expect = from;

		if (__atomic_compare_exchange_n(&mmio_ro[i], &expect, to, false, __ATOMIC_SEQ_CST,
		                                __ATOMIC_RELAXED))
			return 0;
	}
	return -XEN_ENOSPC;
}

int pt_env_mmio(u32 data_owner, mfn_t m, u64 *e)
{
	if (data_owner != domain_owner_tag(control_domain) && data_owner != domain_owner_tag(dom_io))
		return -XEN_EPERM;
	if (m.n >> (machine_phys_bits() - PAGE_SHIFT))
		return -XEN_EINVAL;
	if (hyp_owns_mfn(m))
		return -XEN_EPERM;
	if (pv_mmio_is_readonly(m))
		*e &= ~PTE_RW;
	return 0;
}

/* ---- bases ---- */

void pv_reload_cr3(struct vcpu *v)
{
	struct pv_vcpu *pv = v->pv;
	mfn_t l4 = pv->kernel_mode || !pv->user_l4.n ? pv->kernel_l4 : pv->user_l4;

	write_cr3(mfn_to_maddr(l4));
}

void pv_load_cr3(struct vcpu *v)
{
	u32 cpu = smp_cpu_id();

	/* Before the first translation can be cached. */
	if (!cpumask_test(&v->dirty_cpus, cpu))
		cpumask_set_atomic(&v->dirty_cpus, cpu);
	if (!cpumask_test(&v->domain->dirty_cpus, cpu))
		cpumask_set_atomic(&v->domain->dirty_cpus, cpu);
	enter_guest_tables();
	pv_reload_cr3(v);
}

/* The read-only M2P is there for guest kernels, and not for their users when the guest asks so. */
static void update_m2p_slot(struct domain *d, mfn_t l4, bool user)
{
	u64 *table = mfn_to_virt(l4);

	if (!user)
		WRITE_ONCE(table[L4_SLOT_M2P], m2p_slot());
	else if (m2p_strict(d))
		WRITE_ONCE(table[L4_SLOT_M2P], 0);
}

/* The old table's references become the caller's to drop. */
static mfn_t replace_base(struct vcpu *v, mfn_t l4, bool user)
{
	mfn_t *base = user ? &v->pv->user_l4 : &v->pv->kernel_l4;
	mfn_t old = *base;

	if (l4.n)
		update_m2p_slot(v->domain, l4, user);
	*base = l4;
	if (v == current && v->pv->kernel_mode != user)
		pv_reload_cr3(v); /* no CPU runs on the old one when its references go */
	return old;
}

/* Drops the references of a table that was a base, *l4; 0 or -XEN_ERESTART. */
static int drop_base(struct domain *d, mfn_t *l4)
{
	int rc;

	if (!l4->n || pt_put_table_unless_last(mfn_to_page(*l4))) {
		*l4 = MFN(0);
		return 0;
	}
	rc = pv_mm_lock(d);
	if (rc)
		return rc;
	pt_put_table(&d->pv->pt, mfn_to_page(*l4));
	*l4 = MFN(0);
	pv_mm_unlock(d);
	return 0;
}

/* A type reference for a base; the lock is only taken for a table that nobody uses as one yet. */
static int get_base(struct domain *d, struct page_info *pg)
{
	int rc;

	if (pt_get_table_again(pg, PT_L4))
		return 0;
	rc = pv_mm_lock(d);
	if (rc)
		return rc;
	rc = pt_get_table(&d->pv->pt, pg, PT_L4);
	pv_mm_unlock(d);
	return rc;
}

/* Its own vCPU's call, or while that is paused: nobody else changes the bases. A dying domain's vCPUs
 * are stopped before its tables are taken apart. */
static int set_base(struct vcpu *v, mfn_t l4, bool user)
{
	struct domain *d = v->domain;
	struct page_info *pg = NULL;
	int rc = drop_base(d, &v->pv->stale_l4);

	if (rc)
		return rc;
	if (READ_ONCE(d->dying) != DOMDYING_alive)
		return -XEN_EINVAL;
	if (l4.n) {
		pg = get_page_by_mfn(l4, d);
		if (!pg)
			return -XEN_EINVAL;
		rc = get_base(d, pg);
		if (rc) {
			put_page(pg);
			return rc;
		}
	}
	v->pv->stale_l4 = replace_base(v, l4, user); /* both references are the vCPU's now */
	return drop_base(d, &v->pv->stale_l4);
}

int pv_set_base(struct vcpu *v, mfn_t kernel_l4)
{
	return kernel_l4.n ? set_base(v, kernel_l4, false) : -XEN_EINVAL;
}

int pv_set_user_base(struct vcpu *v, mfn_t user_l4)
{
	return set_base(v, user_l4, true);
}

int pv_drop_bases(struct vcpu *v)
{
	mfn_t *bases[] = {&v->pv->kernel_l4, &v->pv->user_l4, &v->pv->stale_l4};
	int rc = 0;

	for (u32 i = 0; i < ARRAY_SIZE(bases) && !rc; i++)
		rc = drop_base(v->domain, bases[i]);
	return rc;
}

/* ---- pins ---- */

int pv_pin_table(struct domain *d, mfn_t mfn, u64 type)
{
	struct page_info *pg = get_page_by_mfn(mfn, d);
	int rc;

	if (!pg)
		return -XEN_EINVAL;
	rc = pv_mm_lock(d);
	if (!rc) {
		/* A dying domain's frames are being stripped of their pins under this lock. */
		rc = READ_ONCE(d->dying) == DOMDYING_alive ? pt_pin(&d->pv->pt, pg, type) : -XEN_EINVAL;
		pv_mm_unlock(d);
	}
	put_page(pg);
	return rc;
}

int pv_unpin_table(struct domain *d, mfn_t mfn)
{
	struct page_info *pg = get_page_by_mfn(mfn, d);
	int rc;

	if (!pg)
		return -XEN_EINVAL;
	rc = pv_mm_lock(d);
	if (!rc) {
		rc = pt_unpin(&d->pv->pt, pg);
		pv_mm_unlock(d);
	}
	put_page(pg);
	return rc;
}

/* ---- finding entries ---- */

static u32 table_slot(u64 va, u32 level)
{
	return va >> (PAGE_SHIFT + 9 * (level - 1)) & 511;
}

static bool guest_address(u64 va)
{
	return is_canonical(va) && (va < GUEST_HOLE_START || va >= GUEST_HOLE_END);
}

/* One level down, from the entry for @va in table *m. What is not the user's is the hypervisor's, and large
 * pages are. Through a table's read-only entry for itself a walk may come to tables of other levels, so every
 * frame is looked at before it is read, and the last one's type decides. */
static bool step_down(mfn_t *m, u64 va, u32 level, u64 *entry)
{
	const u64 *t = mfn_to_virt(*m);

	*entry = READ_ONCE(t[table_slot(va, level)]);
	*m = pte_mfn(*entry);
	return (*entry & (PTE_P | PTE_USER | PTE_PSE)) == (PTE_P | PTE_USER) && mfn_valid(*m);
}

struct page_info *pv_walk_l1(mfn_t l4, u64 va, u32 *slot)
{
	struct page_info *pg;
	mfn_t m = l4;
	u64 entry, type;

	if (!guest_address(va) || !step_down(&m, va, 4, &entry) || !step_down(&m, va, 3, &entry) ||
	    !step_down(&m, va, 2, &entry))
		return NULL;
	pg = mfn_to_page(m);
	type = READ_ONCE(pg->type);
	*slot = table_slot(va, 1);
	return pt_type(type) == PT_L1 && (type & PT_VALIDATED) ? pg : NULL;
}

bool pv_walk_hint(mfn_t l4, u64 va, u64 *entry, u64 *rights)
{
	mfn_t m = l4;

	*rights = PTE_RW;
	if (!l4.n || !guest_address(va))
		return false;
	for (u32 level = 4; level > 1; level--) {
		if (!step_down(&m, va, level, entry))
			return false;
		*rights = (*rights & *entry & PTE_RW) | ((*rights | *entry) & PTE_NX);
	}
	*entry = READ_ONCE(((const u64 *)mfn_to_virt(m))[table_slot(va, 1)]);
	*rights = (*rights & *entry & PTE_RW) | ((*rights | *entry) & PTE_NX);
	return (*entry & PTE_P) && (*entry & PTE_USER);
}

bool pv_vcpumask_to_cpus(struct domain *d, u64 va, cpumask_t *out)
{
	cpumask_t mask = {0};
	u8 bits = 0;

	for (u32 i = 0; i < d->max_vcpus; i++) {
		struct vcpu *v = domain_vcpu(d, i);

		if (i % 8 == 0 && copy_from_guest_va(&bits, va + i / 8, 1))
			return false;
		if (v && (bits >> (i % 8) & 1))
			mask = cpumask_or(&mask, &v->dirty_cpus);
	}
	*out = cpumask_and(&mask, &cpu_online_map);
	return true;
}
