/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

/* Its memory, by frame: a table of each level, and its only page. */
enum { L1, L2, L3, L4, PAGE, FRAMES };

static void populate(domid_t id, u64 mfn[FRAMES])
{
	static xen_pfn_t list[FRAMES];
	struct xen_memory_reservation r = {.nr_extents = FRAMES, .domid = id};

	for (u32 i = 0; i < FRAMES; i++)
		list[i] = i;
	set_xen_guest_handle(r.extent_start, list);
	CHECK_EQ(hc_memory_op(XENMEM_populate_physmap, &r), FRAMES);
	for (u32 i = 0; i < FRAMES; i++)
		mfn[i] = list[i];
}

/* Shows a frame of @id's at @window; @mfn 0 takes it away again. */
static void show(domid_t id, void *window, u64 mfn)
{
	struct mmuext_op flush = {.cmd = MMUEXT_INVLPG_LOCAL, .arg1.linear_addr = P(window)};
	struct mmu_update u;

	pte_of(window, &u.ptr);
	u.val = mfn ? mfn << 12 | PTE_P | PTE_W | PTE_U : 0;
	CHECK_EQ(hc_mmu_update(&u, 1, NULL, mfn ? id : DOMID_SELF), 0);
	hc_mmuext_op(&flush, 1, NULL, DOMID_SELF);
}

static void fill(domid_t id, const u64 mfn[FRAMES], u64 *window, const void *code, size_t size)
{
	for (u32 i = L1; i <= L4; i++) {
		show(id, window, mfn[i]);
		memset(window, 0, PAGE_SIZE);
		window[GUEST_VA >> (12 + 9 * i) & 511] =
		        mfn[i == L1 ? PAGE : i - 1] << 12 | PTE_P | PTE_W | PTE_U;
	}
	show(id, window, mfn[PAGE]);
	memset(window, 0, PAGE_SIZE);
	memcpy(window, code, size);
}

static void set_context(domid_t id, u64 l4)
{
	static struct vcpu_guest_context c;
	struct mmuext_op pin = {.cmd = MMUEXT_PIN_L4_TABLE, .arg1.mfn = l4};
	struct xen_domctl op = domctl_for(XEN_DOMCTL_setvcpucontext, id);

	CHECK_EQ(hc_mmuext_op(&pin, 1, NULL, id), 0);
	c.flags = VGCF_in_kernel | VGCF_online;
	c.user_regs.rip = GUEST_VA;
	c.user_regs.cs = FLAT_KERNEL_CS;
	c.user_regs.ss = FLAT_KERNEL_SS;
	c.user_regs.rflags = 0x202;
	c.kernel_ss = FLAT_KERNEL_SS;
	c.ctrlreg[3] = xen_pfn_to_cr3(l4);
	set_xen_guest_handle(op.u.vcpucontext.ctxt, &c);
	CHECK_EQ(hc_domctl(&op), 0);
}

struct guest guest_make(const void *code, size_t size)
{
	struct xen_domctl d = small_domain(), op;
	struct guest g;
	u64 mfn[FRAMES];

	CHECK_EQ(hc_domctl(&d), 0);
	g.id = d.domain;
	op = domctl_for(XEN_DOMCTL_max_vcpus, g.id);
	op.u.max_vcpus.max = d.u.createdomain.max_vcpus;
	CHECK_EQ(hc_domctl(&op), 0);
	op = domctl_for(XEN_DOMCTL_max_mem, g.id);
	op.u.max_mem.max_memkb = 1024;
	CHECK_EQ(hc_domctl(&op), 0);
	populate(g.id, mfn);
	g.page = alloc_page();
	fill(g.id, mfn, g.page, code, size);
	set_context(g.id, mfn[L4]);
	return g;
}

void guest_control(const struct guest *g, u32 cmd)
{
	struct xen_domctl op = domctl_for(cmd, g->id);

	CHECK_EQ(hc_domctl(&op), 0);
}

void guest_end(const struct guest *g)
{
	show(g->id, g->page, 0);
	guest_control(g, XEN_DOMCTL_destroydomain);
}
