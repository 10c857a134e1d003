/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Page faults that the hypervisor answers itself: stale TLB entries, LDT pages not mapped yet, guests'
 * writes to their page tables through read-only mappings, and dom0's to read-only device frames. */
#include "logic/pte_insn.h"
#include "pv/mm_internal.h"
#include "x86/x86.h"

#define PF_P    1u
#define PF_W    2u
#define PF_RSVD 8u
#define PF_INSN 16u

#define COMMIT_TRIES 64 /* an entry changes under us only by CPUs setting A and D: twice at most */

static bool in_ldt_area(const struct vcpu *v, u64 va)
{
	return va >= LDT_VA(v->id) && va < LDT_VA(v->id) + 16 * PAGE_SIZE;
}

/* The CPU looked into the LDT. From the guest's view the fault is at its own address of the table. */
static bool ldt_fault(struct vcpu *v, struct cpu_user_regs *regs, u64 va, u32 ec)
{
	u64 offset = va - LDT_VA(v->id);
	bool from_guest = regs_from_guest(regs), mapped;

	/* Mapping may wait for locks and for other CPUs' flushes, so interrupts must be on. Where they
	 * were off: on the way to a guest pv_iret_fault() does it; at a switch the guest's failsafe handler
	 * loads the selector again. */
	if (!from_guest) {
		if (!(regs->rflags & X86_EFLAGS_IF))
			return false;
		local_irq_enable();
	}
	mapped = pv_map_ldt_page(v, (u32)(offset / PAGE_SIZE));
	if (from_guest && !mapped) {
		pv_inject_page_fault(v->pv->ldt_base + offset, ec);
		return true;
	}
	if (!from_guest)
		local_irq_disable();
	return mapped;
}

/* The tables allow what the CPU refused: its TLB was stale, and the fault dropped that entry. Only a
 * hint, read without the lock: at worst the access faults again. */
static bool is_spurious(struct vcpu *v, u64 va, u32 ec)
{
	mfn_t l4 = v->pv->kernel_mode || !v->pv->user_l4.n ? v->pv->kernel_l4 : v->pv->user_l4;
	u64 entry, rights;

	if ((ec & PF_RSVD) || !pv_walk_hint(l4, va, &entry, &rights))
		return false;
	if ((ec & PF_W) && !(rights & PTE_RW))
		return false;
	return !(ec & PF_INSN) || !(rights & PTE_NX);
}

/* ---- writes through read-only mappings ---- */

static bool fetch(const struct cpu_user_regs *regs, struct pte_insn *insn)
{
	u8 code[INSN_MAX_BYTES];
	u64 in_page = PAGE_SIZE - (regs->rip & ~PAGE_MASK);
	u32 n = sizeof(code);

	if (copy_from_guest_va(code, regs->rip, n)) {
		if (in_page >= n)
			return false;
		n = (u32)in_page; /* the next page may be absent, and not needed */
		if (copy_from_guest_va(code, regs->rip, n))
			return false;
	}
	return pte_insn_decode(code, n, insn);
}

static void retire(const struct pte_insn *insn, const struct pte_insn_result *res,
                   struct cpu_user_regs *regs)
{
	pte_insn_retire(insn, res, regs);
	regs->rflags &= ~(u64)X86_EFLAGS_RF;
	if (regs->rflags & X86_EFLAGS_TF)
		pv_single_step_trap(regs);
}

/* One try: what the instruction makes of the entry as it is now. @off: the operand's byte in it. */
static int commit_once(struct domain *d, struct page_info *table, u32 slot, u32 off,
                       const struct pte_insn *insn, const struct cpu_user_regs *regs,
                       struct pte_insn_result *res)
{
	u64 mask = (insn->size == 8 ? ~0ULL : BIT(8 * insn->size) - 1) << (8 * off);
	u64 old = READ_ONCE(pt_env_table(table)[slot]), val;
	int rc;

	pte_insn_execute(insn, regs, (old & mask) >> (8 * off), res);
	if (!res->write)
		return 0;
	val = (old & ~mask) | res->mem << (8 * off);
	rc = pt_cmpxchg_entry(&d->pv->pt, table, slot, &old, val);
	if (rc == -XEN_EBUSY && pv_release_ldt_pages(d)) /* see mm_write_l1() */
		rc = pt_cmpxchg_entry(&d->pv->pt, table, slot, &old, val);
	return rc;
}

/* The L1 table of @d that is mapped at @va. NULL if that is something else. Lock held. */
static struct page_info *table_mapped_at(struct vcpu *v, u64 va)
{
	u64 entry, rights, type;
	struct page_info *pg;

	if (!pv_walk_hint(v->pv->kernel_l4, va, &entry, &rights))
		return NULL;
	pg = pt_env_page(pte_mfn(entry));
	if (!pg || READ_ONCE(pg->owner) != v->domain->pv->pt.owner)
		return NULL;
	type = READ_ONCE(pg->type);
	return pt_type(type) == PT_L1 && (type & PT_VALIDATED) && (type & PT_COUNT) ? pg : NULL;
}

static bool write_table(struct vcpu *v, struct cpu_user_regs *regs, u64 va)
{
	u32 off = va % sizeof(u64), slot = (va & ~PAGE_MASK) / sizeof(u64);
	struct pte_insn_result res = {0};
	struct page_info *table;
	struct pte_insn insn;
	int rc = -XEN_EAGAIN;

	if (!fetch(regs, &insn) || off + insn.size > sizeof(u64))
		return false;
	spin_lock(&v->domain->pv->mm_lock); /* L1 tables are never half done: no pt_finish() needed */
	table = table_mapped_at(v, va);
	for (u32 i = 0; table && rc == -XEN_EAGAIN && i < COMMIT_TRIES; i++)
		rc = commit_once(v->domain, table, slot, off, &insn, regs, &res);
	spin_unlock(&v->domain->pv->mm_lock);
	if (!table || rc)
		return false;
	retire(&insn, &res, regs);
	return true;
}

/* A plain store to a device frame that is read-only for dom0 does nothing. */
static bool discard_mmio_write(struct vcpu *v, struct cpu_user_regs *regs, u64 va)
{
	struct pte_insn_result res = {0};
	struct pte_insn insn;
	u64 entry, rights;

	if (!v->domain->is_control || !pv_walk_hint(v->pv->kernel_l4, va, &entry, &rights) ||
	    pt_env_page(pte_mfn(entry)) || !pv_mmio_is_readonly(pte_mfn(entry)))
		return false;
	if (!fetch(regs, &insn) || insn.op != PTE_OP_MOV)
		return false;
	retire(&insn, &res, regs);
	return true;
}

/* Guest kernels run on the ABI's flat selector or on one of their own GDT. (Never asks the LDT, whose pages
 * need not be there.) */
static bool is_code64(u16 cs)
{
	u32 rights;
	bool ok;

	if (cs & 4)
		return false;
	__asm__("lar %k2, %0" : "=r"(rights), "=@ccz"(ok) : "r"((u32)cs));
	return ok && (rights & BIT(21)); /* L */
}

bool pv_fixup_page_fault(struct cpu_user_regs *regs, u64 va, u32 error_code)
{
	struct vcpu *v = current;

	if (!v->pv)
		return false;
	if (in_ldt_area(v, va))
		return ldt_fault(v, regs, va, error_code);
	if (!is_canonical(va) || (va >= GUEST_HOLE_START && va < GUEST_HOLE_END))
		return false;
	if (is_spurious(v, va, error_code))
		return true;
	if (!regs_from_guest(regs) || !v->pv->kernel_mode || !is_code64(regs->cs) ||
	    (error_code & (PF_P | PF_W | PF_RSVD | PF_INSN)) != (PF_P | PF_W))
		return false;
	return write_table(v, regs, va) || discard_mmio_write(v, regs, va);
}
