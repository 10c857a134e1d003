/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ELF images of PV kernels (logic/elf.c), any bytes. What must hold for an accepted one: every segment's
 * bytes are in the image, memory covers the file's part, the bounds enclose all segments, strings end. So
 * that inputs get past the header, its fixed bytes are put in before parsing.
 */
#include <stdlib.h>
#include <string.h>
#include "logic/elf.h"

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check(const struct elf_kernel *k, size_t n)
{
	must(k->n >= 1 && k->n <= ELF_MAX_SEGMENTS && k->has_entry);
	for (u32 i = 0; i < k->n; i++) {
		const struct elf_segment *s = &k->segment[i];

		must(s->offset <= n && s->file_size <= n - s->offset);
		must(s->file_size <= s->mem_size && s->mem_size > 0);
		must(s->paddr >= k->paddr_start && s->paddr + s->mem_size <= k->paddr_end);
		must(s->paddr + s->mem_size > s->paddr);
	}
	must(memchr(k->guest_os, 0, sizeof(k->guest_os)) != NULL);
	must(memchr(k->xen_version, 0, sizeof(k->xen_version)) != NULL);
	must(memchr(k->loader, 0, sizeof(k->loader)) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const u8 head[8] = {0x7f, 'E', 'L', 'F', 2, 1, 1, 0};
	struct elf_kernel k;
	u8 *image = malloc(n ? n : 1);

	if (!image)
		return 0;
	memcpy(image, data, n);
	if (elf_parse(&k, image, n) == ELF_OK)
		check(&k, n);
	if (n >= 64) {
		memcpy(image, head, sizeof(head));
		image[18] = 62; /* x86-64 */
		image[19] = 0;
		image[54] = 56; /* size of a program header */
		image[55] = 0;
		image[57] = 0; /* few of them */
		if (elf_parse(&k, image, n) == ELF_OK)
			check(&k, n);
	}
	free(image);
	return 0;
}
