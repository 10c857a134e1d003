/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hypervisor's address space: docs/memory-map. Built once at boot; afterwards only the device
 * window and the stacks change. No entry is ever both writable and executable. */
#include "core/lock.h"
#include "core/log.h"
#include "core/mm.h"
#include "x86/asm.h"
#include "x86/boot.h"
#include "x86/desc.h"
#include "x86/x86.h"
#include <string.h>

#define PTE_P    BIT(0)
#define PTE_W    BIT(1)
#define PTE_U    BIT(2)
#define PTE_A    BIT(5)
#define PTE_D    BIT(6)
#define PTE_PS   BIT(7)
#define PTE_NX   BIT(63)
#define PTE_ADDR 0x000ffffffffff000ULL

#define PROT_RW  (PTE_P | PTE_W | PTE_A | PTE_D | PTE_NX)
#define PROT_RO  (PTE_P | PTE_A | PTE_NX)
#define PROT_RX  (PTE_P | PTE_A)
#define PROT_URO (PTE_P | PTE_U | PTE_A | PTE_NX)

#define SIZE_2M (1UL << 21)
#define SIZE_1G (1UL << 30)

u64 *idle_l4;
u64 idle_cr3;

static bool heap_ready; /* tables come from the heap from now on */

extern char __text_start[], __text_end[], __rodata_start[], __rodata_end[], __image_start[],
        __image_end[], __data_start[], boot_stack[];

static maddr_t new_table(void)
{
	void *p;

	if (!heap_ready)
		return boot_alloc(PAGE_SIZE, PAGE_SHIFT, 0x100000000);
	p = alloc_xen_page();
	return p ? virt_to_maddr(p) : 0;
}

/* The entry that maps @va at @level (1 = 4 KiB, 2 = 2 MiB, 3 = 1 GiB), with the tables above made as
 * needed. NULL without memory, or if a larger page is in the way. Tables carry user and write bits:
 * the leaves decide. */
static u64 *entry_of(u64 va, u32 level)
{
	u64 *table = idle_l4;

	for (u32 l = 4;; l--) {
		u64 *e = &table[va >> (12 + 9 * (l - 1)) & 511];

		if (l == level)
			return e;
		if (!(*e & PTE_P)) {
			maddr_t t = new_table();

			if (!t)
				return NULL;
			WRITE_ONCE(*e, t | PTE_P | PTE_W | PTE_U | PTE_A);
		} else if (*e & PTE_PS) {
			return NULL;
		}
		table = maddr_to_virt(*e & PTE_ADDR);
	}
}

/* Boot: maps with the largest pages that fit; panics when it cannot. */
static void map_range(u64 va, maddr_t ma, u64 bytes, u64 prot, u32 max_level)
{
	while (bytes) {
		u32 level = 1;
		u64 size = PAGE_SIZE;
		u64 *e;

		if (max_level >= 3 && bytes >= SIZE_1G && !((va | ma) & (SIZE_1G - 1))) {
			level = 3;
			size = SIZE_1G;
		} else if (max_level >= 2 && bytes >= SIZE_2M && !((va | ma) & (SIZE_2M - 1))) {
			level = 2;
			size = SIZE_2M;
		}
		e = entry_of(va, level);
		if (!e)
			panic("cannot map %#llx", (unsigned long long)va);
		WRITE_ONCE(*e, ma | prot | (level > 1 ? PTE_PS : 0));
		va += size;
		ma += size;
		bytes -= size;
	}
}

/* ---- the direct map ---- */

static void map_directly(u64 start, u64 end, u64 prot)
{
	if (start < end)
		map_range((u64)maddr_to_virt(start), start, end - start, prot,
		          cpu_features.page1gb ? 3 : 2);
}

/* RAM only: what lies between has other memory types. The image's text and constants are read-only
 * here as well. */
static void map_all_ram(void)
{
	u64 ro_start = (u64)__text_start - VIRT_OFFSET;
	u64 ro_end = (u64)__rodata_end - VIRT_OFFSET;
	bool image_seen = false;

	for (u32 i = 0; i < host_e820.n; i++) {
		u64 start = host_e820.e[i].addr, end = start + host_e820.e[i].size;

		if (host_e820.e[i].type != E820_RAM)
			continue;
		if (start <= ro_start && end >= ro_end) {
			map_directly(start, ro_start, PROT_RW);
			map_directly(ro_start, ro_end, PROT_RO);
			map_directly(ro_end, end, PROT_RW);
			image_seen = true;
		} else {
			map_directly(start, end, PROT_RW);
		}
	}
	if (!image_seen)
		panic("the image is not in RAM by the memory map");
}

/* ---- tables indexed by frame: the frame table and the M2P, present where there is RAM ---- */

static void map_array_chunk(u64 va, u64 alias, u64 prot, u64 alias_prot, u8 fill)
{
	u64 *e = entry_of(va, 2);
	maddr_t chunk;

	if (!e)
		panic("cannot map the table at %#llx", (unsigned long long)va);
	if (*e & PTE_P)
		return;
	chunk = boot_alloc(SIZE_2M, 21, 0);
	memset(maddr_to_virt(chunk), fill, SIZE_2M);
	WRITE_ONCE(*e, chunk | prot | PTE_PS);
	if (!alias)
		return;
	e = entry_of(alias, 2);
	if (!e)
		panic("cannot map the table at %#llx", (unsigned long long)alias);
	WRITE_ONCE(*e, chunk | alias_prot | PTE_PS);
}

/* Entries [first, end) of @size bytes each. */
static void map_array(u64 base, u64 alias, u64 size, u64 first, u64 end, u64 prot, u64 alias_prot,
                      u8 fill)
{
	u64 from = ROUND_DOWN(base + first * size, SIZE_2M);

	for (u64 va = from; va < base + end * size; va += SIZE_2M)
		map_array_chunk(va, alias ? alias + (va - base) : 0, prot, alias_prot, fill);
}

static void map_frame_arrays(void)
{
	for (u32 i = 0; i < host_e820.n; i++) {
		u64 first = host_e820.e[i].addr >> PAGE_SHIFT;
		u64 end = first + (host_e820.e[i].size >> PAGE_SHIFT);

		if (host_e820.e[i].type != E820_RAM)
			continue;
		map_array(FRAME_TABLE_START, 0, sizeof(struct page_info), first, end, PROT_RW, 0, 0);
		map_array((u64)M2P_RO, (u64)M2P_RW, 8, first, end, PROT_URO, PROT_RW, 0xff);
	}
}

mfn_t machine_m2p_chunk(u64 chunk)
{
	u64 va = (u64)M2P_RO + chunk * SIZE_2M;
	u64 *table = idle_l4;

	if (chunk * (SIZE_2M / 8) >= max_mfn)
		return MFN(0);
	for (u32 l = 4; l > 2; l--) {
		u64 e = table[va >> (12 + 9 * (l - 1)) & 511];

		if (!(e & PTE_P))
			return MFN(0);
		table = maddr_to_virt(e & PTE_ADDR);
	}
	return maddr_to_mfn(table[va >> 21 & 511] & PTE_ADDR & ~(SIZE_2M - 1));
}

void m2p_map_info(u64 *start, u64 *end, u64 *max_mfn_out)
{
	*start = MACH2PHYS_VIRT_START;
	*end = MACH2PHYS_VIRT_END;
	*max_mfn_out = max_mfn - 1;
}

/* ---- the image ---- */

static void map_image(void)
{
	struct {
		char *start, *end;
		u64 prot;
	} parts[] = {
	        {__text_start, __text_end, PROT_RX},
	        {__rodata_start, __rodata_end, PROT_RO},
	        {__data_start, __image_end, PROT_RW},
	};

	for (u32 i = 0; i < ARRAY_SIZE(parts); i++)
		map_range((u64)parts[i].start, (u64)parts[i].start - VIRT_OFFSET,
		          (u64)(parts[i].end - parts[i].start), parts[i].prot, 1);
}

/* ---- stacks ---- */

void paging_map_stack(u32 cpu, maddr_t block)
{
	for (u32 i = 0; i < CPU_STACK_SIZE / PAGE_SIZE; i++) {
		u64 *e;

		if (stack_page_is_guard(i))
			continue;
		e = entry_of(stack_block(cpu) + i * PAGE_SIZE, 1);
		if (!e)
			panic("no memory for the stack of CPU %u", cpu);
		WRITE_ONCE(*e, (block + i * PAGE_SIZE) | PROT_RW);
	}
}

void paging_init(void)
{
	idle_cr3 = boot_alloc(PAGE_SIZE, PAGE_SHIFT, 0x100000000);
	idle_l4 = maddr_to_virt(idle_cr3);
	/* Guests' L4 tables copy these slots: what hangs below must exist now. */
	for (u32 slot = 256; slot < 262; slot++) {
		if (slot == 258)
			continue; /* each domain has its own */
		idle_l4[slot] = boot_alloc(PAGE_SIZE, PAGE_SHIFT, 0x100000000) | PTE_P | PTE_W |
		                PTE_U | PTE_A;
	}
	map_all_ram();
	map_image();
	paging_map_stack(0, (u64)boot_stack - VIRT_OFFSET);
	write_cr3(idle_cr3);
	/* The whole of RAM can be reached now, so these may lie anywhere. */
	map_frame_arrays();
}

void paging_seal(void)
{
	heap_ready = true;
}

/* ---- the device window: pages of slot 257 from its start ---- */

#define IO_WINDOW       0xffff808000000000UL
#define IO_WINDOW_PAGES (1u << 19) /* 2 GiB */

static u64 io_used[BITMAP_WORDS(IO_WINDOW_PAGES)]; /* lock: io_lock */
static u32 io_next;
static spinlock_t io_lock = SPINLOCK(LOCK_IOREMAP, "ioremap");

/* First of @n free pages in a row with a free one behind (a guard), or IO_WINDOW_PAGES. */
static u32 find_window(u32 from, u32 n)
{
	u32 run = 0;

	for (u32 i = from; i < IO_WINDOW_PAGES; i++) {
		run = bit_test(io_used, i) ? 0 : run + 1;
		if (run > n)
			return i - n;
	}
	return IO_WINDOW_PAGES;
}

static u32 take_window(u32 n)
{
	u32 at = find_window(io_next, n);

	if (at == IO_WINDOW_PAGES)
		at = find_window(0, n);
	if (at == IO_WINDOW_PAGES)
		return at;
	for (u32 i = 0; i < n; i++)
		bit_set(io_used, at + i);
	io_next = at + n + 1;
	return at;
}

static void drop_window(u32 at, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		u64 *e = entry_of(IO_WINDOW + (u64)(at + i) * PAGE_SIZE, 1);

		if (e)
			WRITE_ONCE(*e, 0);
	}
	tlb_flush_everywhere();
	spin_lock(&io_lock);
	for (u32 i = 0; i < n; i++)
		bit_clear(io_used, at + i);
	spin_unlock(&io_lock);
}

void *ioremap(maddr_t addr, u64 size, u64 attr)
{
	maddr_t first = ROUND_DOWN(addr, PAGE_SIZE);
	u64 n = (ROUND_UP(addr + size, PAGE_SIZE) - first) >> PAGE_SHIFT;
	u32 at;

	if (!size || addr + size < addr || n >= IO_WINDOW_PAGES ||
	    (addr + size - 1) >> cpu_features.phys_bits)
		return NULL;
	spin_lock(&io_lock);
	at = take_window((u32)n);
	/* Tables appear under the lock: two mappings may share one. */
	for (u32 i = 0; at != IO_WINDOW_PAGES && i < n; i++) {
		u64 *e = entry_of(IO_WINDOW + (u64)(at + i) * PAGE_SIZE, 1);

		if (!e) {
			spin_unlock(&io_lock);
			drop_window(at, (u32)n);
			return NULL;
		}
		WRITE_ONCE(*e, (first + (u64)i * PAGE_SIZE) | PROT_RW | attr);
	}
	spin_unlock(&io_lock);
	if (at == IO_WINDOW_PAGES)
		return NULL;
	return (void *)(IO_WINDOW + (u64)at * PAGE_SIZE + (addr & (PAGE_SIZE - 1)));
}

void iounmap(void *va, u64 size)
{
	u64 first = ROUND_DOWN((u64)va, PAGE_SIZE);
	u64 n = (ROUND_UP((u64)va + size, PAGE_SIZE) - first) >> PAGE_SHIFT;

	ASSERT(first >= IO_WINDOW && first + n * PAGE_SIZE <= IO_WINDOW + IO_WINDOW_PAGES * PAGE_SIZE);
	drop_window((u32)((first - IO_WINDOW) >> PAGE_SHIFT), (u32)n);
}
