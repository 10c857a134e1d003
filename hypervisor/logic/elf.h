/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The ELF image of a PV kernel: its segments and its notes for the hypervisor. PURE; every offset in
 * the file is checked against its size. ELF-64 object file format; xen/elfnote.h. */
#pragma once
#include "logic/types.h"

#define ELF_MAX_SEGMENTS 32

struct elf_segment {
	u64 offset, file_size; /* bytes in the image */
	u64 paddr, mem_size;   /* where they go, pseudo-physical; the rest is zero */
};

struct elf_kernel {
	u32 n;
	struct elf_segment segment[ELF_MAX_SEGMENTS];
	u64 paddr_start, paddr_end; /* of all segments; end exclusive */

	/* notes */
	bool has_entry, has_hypercall_page, has_init_p2m, mod_start_pfn;
	u64 entry, hypercall_page, init_p2m, virt_base, paddr_offset, hv_start_low;
	u64 supported_features;
	u64 required_features;      /* of the string note, those with '!' */
	char guest_os[16], xen_version[16], loader[16];
};

enum elf_error {
	ELF_OK, ELF_NOT_ELF, ELF_NOT_X86_64, ELF_TRUNCATED, ELF_BAD_SEGMENT, ELF_NO_NOTES,
	ELF_NO_ENTRY
};

/* Parses @image of @size bytes. Virtual address of a pseudo-physical one: paddr - paddr_offset +
 * virt_base. */
enum elf_error elf_parse(struct elf_kernel *out, const void *image, size_t size);
const char *elf_error_text(enum elf_error e);
