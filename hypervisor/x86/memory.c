/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The machine's RAM while booting: what is free, who takes it, and what goes to the heap. */
#include "core/heap.h"
#include "core/log.h"
#include "x86/asm.h"
#include "x86/boot.h"
#include "x86/smp.h"
#include "x86/x86.h"
#include <string.h>

struct e820_map host_e820;
u64 max_mfn;
const u64 *ram_map;

#define CHUNK_FRAMES 512UL /* of a bit in ram_map */

static struct ranges free_ranges;
static bool to_heap; /* the heap has it all */

extern char __image_end[];

maddr_t image_start(void)
{
	return IMAGE_BASE;
}

maddr_t image_end(void)
{
	return (u64)__image_end - VIRT_OFFSET;
}

u32 machine_e820(const struct e820_entry **entries)
{
	*entries = host_e820.e;
	return host_e820.n;
}

bool mfn_in_ram_range(mfn_t m)
{
	u32 lo = 0, hi = host_e820.n;
	u64 addr = mfn_to_maddr(m);

	while (lo < hi) { /* the first entry that begins above addr */
		u32 mid = (lo + hi) / 2;

		if (host_e820.e[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo)
		return false;
	lo--;
	return host_e820.e[lo].type == E820_RAM && addr - host_e820.e[lo].addr < host_e820.e[lo].size;
}

bool hyp_owns_mfn(mfn_t m)
{
	maddr_t a = mfn_to_maddr(m);

	return apic_owns(a) || ioapic_owns(a) || dmar_owns(a);
}

static const char *e820_type_name(u32 type)
{
	static const char *const names[] = {"hole", "RAM", "reserved", "ACPI data", "ACPI NVS",
	                                    "unusable"};

	return type < ARRAY_SIZE(names) ? names[type] : "other";
}

static void reserve(u64 start, u64 end)
{
	if (!ranges_remove(&free_ranges, ROUND_DOWN(start, PAGE_SIZE), ROUND_UP(end, PAGE_SIZE)))
		panic("the memory map has too many pieces");
}

/* RAM beyond what the direct map can show is left alone, and said so. */
static void cut_to_direct_map(void)
{
	u64 limit = DIRECTMAP_END - DIRECTMAP_START;

	for (u32 i = 0; i < host_e820.n; i++) {
		struct e820_entry *e = &host_e820.e[i];

		if (e->type != E820_RAM || e->addr + e->size <= limit)
			continue;
		log_warn("RAM above %llu GiB is not used\n", (unsigned long long)(limit >> 30));
		if (e->addr >= limit)
			e->type = E820_RESERVED;
		else
			e->size = limit - e->addr;
	}
}

static void make_ram_map(void)
{
	u32 chunks = (u32)DIV_ROUND_UP(max_mfn, CHUNK_FRAMES);
	u64 *map = maddr_to_virt(boot_alloc(BITMAP_WORDS(chunks) * sizeof(u64), PAGE_SHIFT, BIT(32)));

	for (u32 i = 0; i < host_e820.n; i++) {
		const struct e820_entry *e = &host_e820.e[i];
		u64 end = (e->addr + e->size) / (CHUNK_FRAMES << PAGE_SHIFT);

		if (e->type != E820_RAM)
			continue;
		for (u64 c = DIV_ROUND_UP(e->addr, CHUNK_FRAMES << PAGE_SHIFT); c < end; c++)
			bit_set(map, (u32)c);
	}
	ram_map = map;
}

void boot_memory_init(void)
{
	static struct e820_map scratch;
	u64 total = 0;

	host_e820 = boot_info.e820;
	if (!e820_sanitize(&host_e820, &scratch))
		panic("the firmware's memory map has too many entries");
	cut_to_direct_map();
	log_info("memory map:\n");
	for (u32 i = 0; i < host_e820.n; i++) {
		const struct e820_entry *e = &host_e820.e[i];

		log_info("  %012llx-%012llx %s\n", (unsigned long long)e->addr,
		         (unsigned long long)(e->addr + e->size - 1), e820_type_name(e->type));
		if (e->type != E820_RAM)
			continue;
		total += e->size;
		if (!ranges_add(&free_ranges, e->addr, e->addr + e->size))
			panic("the memory map has too many pieces");
	}
	max_mfn = e820_ram_end(&host_e820) >> PAGE_SHIFT;
	log_info("%llu MiB RAM\n", (unsigned long long)(total >> 20));

	if (!e820_covers(&host_e820, image_start(), image_end() - image_start(), E820_RAM))
		log_warn("the memory map does not list the hypervisor's own place as RAM\n");
	reserve(0, 1 << 20);
	reserve(image_start(), image_end());
	for (u32 i = 0; i < boot_info.nr_modules; i++)
		reserve(boot_info.modules[i].start, boot_info.modules[i].end);
	make_ram_map();
}

maddr_t boot_alloc(u64 bytes, u32 align_shift, maddr_t limit)
{
	maddr_t a;

	if (align_shift < PAGE_SHIFT)
		align_shift = PAGE_SHIFT;
	a = to_heap ? 0 : ranges_take(&free_ranges, ROUND_UP(bytes, PAGE_SIZE), align_shift, limit);
	if (!a)
		panic("no room for %llu bytes while booting", (unsigned long long)bytes);
	memset(maddr_to_virt(a), 0, bytes);
	return a;
}

void boot_memory_to_heap(void)
{
	to_heap = true;
	for (u32 i = 0; i < free_ranges.n; i++)
		if (free_ranges.r[i].start < free_ranges.r[i].end)
			heap_add(maddr_to_mfn(free_ranges.r[i].start),
			         maddr_to_mfn(free_ranges.r[i].end));
}

/* ---- boot modules ---- */

const void *boot_module(u32 i, u64 *size)
{
	const struct boot_module *m = &boot_info.modules[i];

	if (i >= boot_info.nr_modules)
		return NULL;
	if (!e820_covers(&host_e820, ROUND_DOWN(m->start, PAGE_SIZE),
	                 ROUND_UP(m->end, PAGE_SIZE) - ROUND_DOWN(m->start, PAGE_SIZE), E820_RAM))
		return NULL;
	*size = m->end - m->start;
	return maddr_to_virt(m->start);
}

void boot_module_release(u32 i)
{
	const struct boot_module *m = &boot_info.modules[i];
	u64 start = ROUND_DOWN(m->start, PAGE_SIZE), end = ROUND_UP(m->end, PAGE_SIZE);

	if (i >= boot_info.nr_modules || start >= end)
		return;
	/* A module that shares a page with the image or another module keeps it. */
	if (start < image_end() && end > image_start())
		return;
	for (u32 k = 0; k < boot_info.nr_modules; k++) {
		const struct boot_module *o = &boot_info.modules[k];

		if (k == i)
			continue;
		if (o->end > start && o->start < ROUND_UP(m->start, PAGE_SIZE))
			start += PAGE_SIZE;
		if (o->start < end && o->end > ROUND_DOWN(m->end, PAGE_SIZE))
			end -= PAGE_SIZE;
	}
	if (start < (1 << 20) || start >= end)
		return;
	heap_add(maddr_to_mfn(start), maddr_to_mfn(end));
}
