/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Per-CPU variables: one section of the image is the boot CPU's; the others get copies of zeros. */
#include "core/heap.h"
#include "core/log.h"
#include "x86/boot.h"

u64 percpu_offset[MAX_CPUS];

extern char __percpu_start[], __percpu_end[];

void percpu_init(void)
{
	u64 size = (u64)(__percpu_end - __percpu_start);
	u32 order = 0;

	while (PAGE_SIZE << order < size)
		order++;
	for (u32 cpu = 1; cpu < nr_cpus; cpu++) {
		char *area = alloc_xen_pages(order);

		if (!area)
			panic("no memory for the variables of CPU %u", cpu);
		percpu_offset[cpu] = (u64)area - (u64)__percpu_start;
	}
}
