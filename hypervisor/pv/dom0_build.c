/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Builds the control domain out of the boot loader's modules: a PV kernel at its pseudo-physical
 * place, the tables of xen.h "Start-of-day memory layout", and a first vCPU ready to run. */
#include "core/event.h"
#include "core/grant.h"
#include "core/options.h"
#include "core/sched.h"
#include "logic/cmdline.h"
#include "logic/elf.h"
#include "pv/pv.h"
#include "x86/boot.h"
#include "x86/x86.h"
#include <string.h>

#define PTE_TABLE   (PTE_P | PTE_RW | PTE_USER | PTE_A)
#define PTE_PAGE    (PTE_P | PTE_RW | PTE_USER | PTE_A | PTE_D)

#define REGION_ALIGN   0x400000UL /* the initial region ends at such a boundary */
#define REGION_PADDING 0x80000UL  /* at least so much behind the last element */
#define HEAP_RESERVE_MIN (64UL << (20 - PAGE_SHIFT))  /* pages left to the hypervisor: 64 MiB, or a */
#define HEAP_RESERVE_MAX (128UL << (20 - PAGE_SHIFT)) /* 16th of memory up to 128 MiB */

/* Where everything goes, in frames of the domain (pfn). Virtual address of pfn p in the initial
 * region: v_base + p * PAGE_SIZE. */
struct layout {
	u64 v_base, v_end;
	u64 nr_pages, max_pages;
	u64 start_info, tables, nr_tables, stack, region_pages;
	u64 initrd, initrd_pages;       /* initrd_bytes = 0: none */
	u64 initrd_bytes;
	u64 p2m_tables, nr_p2m_tables;  /* only with INIT_P2M */
	u64 p2m, p2m_pages;
	u64 p2m_va;
};

struct builder {
	struct domain *d;
	struct elf_kernel elf;
	const u8 *kernel, *initrd;
	struct layout l;
	u64 *frame;           /* mfn of each pfn, while building */
	u32 frame_order;
	u64 pool, pool_end;   /* pfns for page tables */
	u64 *l4;
};

static void *pfn_virt(const struct builder *b, u64 pfn)
{
	return mfn_to_virt(MFN(b->frame[pfn]));
}

static u64 pfn_va(const struct builder *b, u64 pfn)
{
	return b->l.v_base + pfn * PAGE_SIZE;
}

static u64 pages(u64 bytes)
{
	return DIV_ROUND_UP(bytes, PAGE_SIZE);
}

/* ---- how much memory ---- */

/* dom0_mem=SIZE,min:SIZE,max:SIZE; a size with '-' is what to leave of all memory. */
static bool parse_amount(const char **s, u64 all, u64 *out)
{
	bool leave = **s == '-';
	u64 bytes;

	if (leave)
		(*s)++;
	if (!parse_size(*s, s, &bytes))
		return false;
	*out = bytes >> PAGE_SHIFT;
	if (leave)
		*out = *out < all ? all - *out : 0;
	return **s == 0 || **s == ',';
}

static void parse_dom0_mem(const char *s, u64 all, u64 *size, u64 *min, u64 *max)
{
	while (*s) {
		u64 *which = size;

		if (!strncmp(s, "min:", 4))
			which = min;
		else if (!strncmp(s, "max:", 4))
			which = max;
		if (which != size)
			s += 4;
		if (!parse_amount(&s, all, which)) {
			log_warn("dom0_mem=%s: not understood\n", options.dom0_mem);
			return;
		}
		if (*s == ',')
			s++;
	}
}

static void choose_memory(struct layout *l)
{
	u64 avail = heap_free_pages(), reserve = avail / 16, size = 0, min = 0, max = 0;

	reserve = MIN(MAX(reserve, HEAP_RESERVE_MIN), HEAP_RESERVE_MAX);
	avail = avail > reserve ? avail - reserve : 0;
	parse_dom0_mem(options.dom0_mem, heap_total_pages(), &size, &min, &max);
	if (size == 0)
		size = avail;
	size = MAX(size, min);
	if (max)
		size = MIN(size, max);
	l->nr_pages = MIN(size, avail);
	l->max_pages = max ? MAX(max, l->nr_pages) : MAX(size, l->nr_pages);
}

/* ---- layout ---- */

/* Tables of the levels below L4 that map [start, end). */
static u64 tables_for(u64 start, u64 end)
{
	u64 n = 0;

	for (u32 shift = 21; shift <= 39; shift += 9)
		n += (ROUND_UP(end, 1UL << shift) - ROUND_DOWN(start, 1UL << shift)) >> shift;
	return n;
}

/* The tables map themselves: their number and the region's end depend on each other. */
static void place_tables_and_stack(struct layout *l, u64 pfn)
{
	l->tables = pfn;
	for (l->nr_tables = 1;; l->nr_tables++) {
		l->stack = l->tables + l->nr_tables;
		l->v_end = ROUND_UP(l->v_base + (l->stack + 1) * PAGE_SIZE + REGION_PADDING,
		                    REGION_ALIGN);
		if (l->nr_tables >= 1 + tables_for(l->v_base, l->v_end))
			break;
	}
	l->region_pages = (l->v_end - l->v_base) >> PAGE_SHIFT;
}

static u64 place(u64 *next, u64 n)
{
	u64 at = *next;

	*next += n;
	return at;
}

static void plan(struct builder *b)
{
	const struct elf_kernel *k = &b->elf;
	struct layout *l = &b->l;
	u64 next = pages(k->paddr_end - k->paddr_offset);

	l->v_base = k->virt_base;
	l->initrd_pages = pages(l->initrd_bytes);
	l->p2m_pages = pages(l->nr_pages * sizeof(u64));
	if (!k->mod_start_pfn)
		l->initrd = place(&next, l->initrd_pages);
	if (!k->has_init_p2m) {
		l->p2m = place(&next, l->p2m_pages);
		l->p2m_va = pfn_va(b, l->p2m);
	}
	l->start_info = place(&next, 1);
	place_tables_and_stack(l, next);
	next = l->region_pages;
	if (k->mod_start_pfn)
		l->initrd = place(&next, l->initrd_pages);
	if (k->has_init_p2m) {
		l->p2m_va = k->init_p2m;
		l->nr_p2m_tables = tables_for(l->p2m_va, l->p2m_va + l->p2m_pages * PAGE_SIZE);
		l->p2m_tables = place(&next, l->nr_p2m_tables);
		l->p2m = place(&next, l->p2m_pages);
	}
	if (next > l->nr_pages)
		panic("dom0 needs at least %lu MiB of memory and has %lu\n",
		      (unsigned long)(next >> 8) + 1, (unsigned long)(l->nr_pages >> 8));
}

/* The kernel says where it wants things; that must be in the guest's part of the address space. */
static bool va_range_ok(u64 va, u64 bytes)
{
	return !(va & ~PAGE_MASK) && guest_range_ok(va, bytes);
}

static void check_plan(const struct builder *b)
{
	const struct elf_kernel *k = &b->elf;
	const struct layout *l = &b->l;

	if (!va_range_ok(l->v_base, l->v_end - l->v_base) || l->v_end <= l->v_base)
		panic("dom0's kernel: its addresses are not a guest's\n");
	if (k->has_init_p2m && (!va_range_ok(l->p2m_va, l->p2m_pages * PAGE_SIZE) ||
	                        l->p2m_va >> 39 == l->v_base >> 39))
		panic("dom0's kernel: no place for its frame list\n");
	if (!guest_range_ok(k->entry, 1))
		panic("dom0's kernel: its entry point is not a guest's address\n");
	if (k->required_features & ~(BIT(XENFEAT_writable_page_tables) |
	                             BIT(XENFEAT_pae_pgdir_above_4gb)))
		panic("dom0's kernel asks for features that there are not: %lx\n",
		      (unsigned long)k->required_features);
}

/* ---- memory ---- */

static void allocate_frames(struct builder *b)
{
	u64 pfn = 0;
	u32 order = HEAP_MAX_ORDER;

	while (pfn < b->l.nr_pages) {
		struct page_info *pg;

		while (BIT(order) > b->l.nr_pages - pfn)
			order--;
		pg = domain_alloc_pages(b->d, order, HEAP_DIRTY_OK);
		if (!pg && order == 0)
			panic("dom0: out of memory after %lu MiB\n", (unsigned long)pfn >> 8);
		if (!pg) {
			order--;
			continue;
		}
		for (u64 i = 0; i < BIT(order); i++, pfn++) {
			b->frame[pfn] = page_to_mfn(pg).n + i;
			m2p_set(MFN(b->frame[pfn]), pfn);
		}
	}
}

static void allocate_memory(struct builder *b)
{
	u64 bytes = b->l.nr_pages * sizeof(u64);

	while (PAGE_SIZE << b->frame_order < bytes)
		b->frame_order++;
	b->frame = alloc_xen_pages(b->frame_order);
	if (!b->frame)
		panic("dom0: no memory for its frame list\n");
	b->d->max_pages = b->l.max_pages;
	allocate_frames(b);
	/* What the kernel finds in its initial region is what is put there, and zeroes. */
	for (u64 pfn = 0; pfn < b->l.region_pages; pfn++)
		memset(pfn_virt(b, pfn), 0, PAGE_SIZE);
}

/* Copies bytes to pseudo-physical address @paddr. */
static void copy_to_domain(const struct builder *b, u64 paddr, const u8 *src, u64 bytes)
{
	while (bytes) {
		u64 off = paddr & ~PAGE_MASK, n = MIN(bytes, PAGE_SIZE - off);

		memcpy((u8 *)pfn_virt(b, paddr >> PAGE_SHIFT) + off, src, n);
		paddr += n;
		src += n;
		bytes -= n;
	}
}

static void load_modules(struct builder *b)
{
	for (u32 i = 0; i < b->elf.n; i++) {
		const struct elf_segment *s = &b->elf.segment[i];

		copy_to_domain(b, s->paddr - b->elf.paddr_offset, b->kernel + s->offset,
		               s->file_size);
	}
	copy_to_domain(b, b->l.initrd * PAGE_SIZE, b->initrd, b->l.initrd_bytes);
}

/* ---- page tables ---- */

static u64 *new_table(struct builder *b, u64 *pfn)
{
	u64 *t;

	ASSERT(b->pool < b->pool_end);
	*pfn = b->pool++;
	t = pfn_virt(b, *pfn);
	memset(t, 0, PAGE_SIZE);
	return t;
}

/* The L1 entry for @va; tables on the way come from the pool. */
static u64 *l1_entry(struct builder *b, u64 va)
{
	u64 *table = b->l4, pfn;

	for (u32 shift = 39; shift > 12; shift -= 9) {
		u64 *e = &table[va >> shift & 511];

		if (*e & PTE_P) {
			table = mfn_to_virt(pte_mfn(*e));
			continue;
		}
		table = new_table(b, &pfn);
		*e = b->frame[pfn] << PAGE_SHIFT | PTE_TABLE;
	}
	return &table[va >> 12 & 511];
}

static void map_range(struct builder *b, u64 va, u64 pfn, u64 n)
{
	for (u64 i = 0; i < n; i++)
		*l1_entry(b, va + i * PAGE_SIZE) = b->frame[pfn + i] << PAGE_SHIFT | PTE_PAGE;
}

static void build_page_tables(struct builder *b)
{
	struct layout *l = &b->l;
	u64 l4_pfn;

	b->pool = l->tables;
	b->pool_end = l->tables + l->nr_tables;
	b->l4 = new_table(b, &l4_pfn);
	map_range(b, l->v_base, 0, l->region_pages);
	for (u64 i = 0; i < l->nr_tables; i++)
		*l1_entry(b, pfn_va(b, l->tables + i)) &= ~PTE_RW;
	if (!l->nr_p2m_tables)
		return;
	b->pool = l->p2m_tables;
	b->pool_end = l->p2m_tables + l->nr_p2m_tables;
	map_range(b, l->p2m_va, l->p2m, l->p2m_pages);
}

static void fill_p2m(struct builder *b)
{
	u64 n = b->l.nr_pages, per_page = PAGE_SIZE / sizeof(u64);

	for (u64 pg = 0; pg < b->l.p2m_pages; pg++) {
		u64 *out = pfn_virt(b, b->l.p2m + pg), first = pg * per_page;

		for (u64 i = 0; i < per_page; i++)
			out[i] = first + i < n ? b->frame[first + i] : M2P_INVALID;
	}
}

/* From here on they are page tables, checked like those of any guest. */
static void make_tables_real(struct builder *b, struct vcpu *v)
{
	mfn_t l4 = virt_to_mfn(b->l4);
	int rc;

	do
		rc = pv_pin_table(b->d, l4, PT_L4);
	while (rc == -XEN_ERESTART);
	if (rc == 0)
		rc = pv_set_base(v, l4);
	if (rc)
		panic("dom0's first page tables were refused: %d\n", rc);
}

/* ---- what the kernel is told ---- */

static void copy_command_line(char *out, size_t room)
{
	const char *given = boot_info.modules[0].cmdline;
	size_t n = strnlen(given, room - 1);

	memcpy(out, given, n);
	out[n] = 0;
	/* Under UEFI the kernel, which has no EFI services, would not find the ACPI tables. */
	if (boot_efi_system_table() && boot_rsdp() && !strstr(out, "acpi_rsdp="))
		ksnprintf(out + n, room - n, " acpi_rsdp=0x%lx", (unsigned long)boot_rsdp());
}

static void fill_start_info(struct builder *b)
{
	struct start_info *si = pfn_virt(b, b->l.start_info);
	const struct layout *l = &b->l;
	void *video = (u8 *)si + ROUND_UP(sizeof(*si), 16);

	ksnprintf(si->magic, sizeof(si->magic), "xen-3.0-x86_64");
	si->nr_pages = l->nr_pages;
	si->shared_info = virt_to_maddr(b->d->shared_info);
	si->flags = SIF_PRIVILEGED | SIF_INITDOMAIN;
	si->pt_base = pfn_va(b, l->tables);
	si->nr_pt_frames = l->nr_tables;
	si->mfn_list = l->p2m_va;
	if (l->initrd_bytes) {
		si->mod_start = b->elf.mod_start_pfn ? l->initrd : pfn_va(b, l->initrd);
		si->mod_len = l->initrd_bytes;
		if (b->elf.mod_start_pfn)
			si->flags |= SIF_MOD_START_PFN;
	}
	if (l->nr_p2m_tables) {
		si->first_p2m_pfn = l->p2m_tables;
		si->nr_p2m_frames = l->nr_p2m_tables + l->p2m_pages;
	}
	copy_command_line((char *)si->cmd_line, sizeof(si->cmd_line));
	si->console.dom0.info_size = boot_video(video);
	si->console.dom0.info_off = si->console.dom0.info_size ? ROUND_UP(sizeof(*si), 16) : 0;
}

static void fill_hypercall_page(struct builder *b)
{
	u64 va = b->elf.hypercall_page;

	if (!b->elf.has_hypercall_page)
		return;
	if ((va & ~PAGE_MASK) || va < b->l.v_base || va >= b->l.v_end)
		panic("dom0's kernel: its hypercall page is outside its image\n");
	pv_fill_hypercall_page(pfn_virt(b, (va - b->l.v_base) >> PAGE_SHIFT));
}

static void set_registers(struct builder *b, struct vcpu *v)
{
	struct cpu_user_regs *r = &v->regs;

	memset(r, 0, sizeof(*r));
	r->rip = b->elf.entry;
	r->rsp = pfn_va(b, b->l.stack + 1);
	r->rsi = pfn_va(b, b->l.start_info);
	r->rflags = X86_EFLAGS_IF | X86_EFLAGS_MBS;
	r->cs = FLAT_KERNEL_CS;
	r->ss = FLAT_KERNEL_SS;
	v->pv->kernel_ss = FLAT_KERNEL_SS;
	v->pv->kernel_sp = r->rsp;
	v->pv->kernel_mode = true;
	v->info->evtchn_upcall_mask = 1;
	v->is_initialised = true;
}

/* ---- all of it ---- */

static void open_modules(struct builder *b)
{
	u64 size;
	enum elf_error e;

	b->kernel = boot_module(0, &size);
	if (!b->kernel)
		panic("no kernel for dom0: the boot loader gave no module\n");
	e = elf_parse(&b->elf, b->kernel, size);
	if (e != ELF_OK)
		panic("dom0's kernel is unusable: %s\n", elf_error_text(e));
	b->initrd = boot_module(1, &b->l.initrd_bytes);
	if (!b->initrd)
		b->l.initrd_bytes = 0;
}

static void create_domain(struct builder *b)
{
	u32 vcpus = options.dom0_max_vcpus ? options.dom0_max_vcpus : nr_cpus;
	struct xen_domctl_createdomain cfg = {
		.max_vcpus = MIN(MAX(vcpus, 1U), 8192U),
		.max_evtchn_port = ~0U,
		.max_grant_frames = -1,
		.max_maptrack_frames = -1,
		.grant_opts = XEN_DOMCTL_GRANT_version(1),
	};
	int err = 0;

	b->d = domain_create(0, &cfg, true, &err);
	if (!b->d)
		panic("dom0 cannot be created: error %d\n", err);
	for (u32 i = 0; i < cfg.max_vcpus; i++)
		if (!vcpu_create(b->d, i))
			panic("dom0: no memory for vCPU %u\n", i);
}

static void report(const struct builder *b)
{
	const struct layout *l = &b->l;

	log_info("dom0: %s, %lu MiB of %lu, kernel %lx-%lx, entry %lx, initial region to %lx\n",
	         b->elf.guest_os, (unsigned long)l->nr_pages >> 8, (unsigned long)l->max_pages >> 8,
	         (unsigned long)(b->elf.paddr_start - b->elf.paddr_offset + l->v_base),
	         (unsigned long)(b->elf.paddr_end - b->elf.paddr_offset + l->v_base),
	         (unsigned long)b->elf.entry, (unsigned long)l->v_end);
}

/* Builds dom0 and lets it run as soon as the scheduler does; panics with the reason if it cannot. */
void dom0_build(void)
{
	static struct builder b;
	struct vcpu *v;

	open_modules(&b);
	create_domain(&b);
	v = b.d->vcpu[0];
	choose_memory(&b.l);
	if (b.elf.paddr_offset > b.elf.paddr_start)
		panic("dom0's kernel: its physical offset is beyond its segments\n");
	plan(&b);
	check_plan(&b);
	report(&b);
	allocate_memory(&b);
	load_modules(&b);
	build_page_tables(&b);
	fill_p2m(&b);
	fill_start_info(&b);
	fill_hypercall_page(&b);
	make_tables_real(&b, v);
	set_registers(&b, v);
	free_xen_pages(b.frame, b.frame_order);
	boot_module_release(1);
	boot_module_release(0);
	domain_update_wallclock(b.d);
	vga_release();
	bit_test_and_clear_atomic(&v->pause_flags, VPF_DOWN);
	domain_unpause_by_controller(b.d);
}
