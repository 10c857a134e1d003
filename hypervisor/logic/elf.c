/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "logic/elf.h"
#include <string.h>
#include <xen/elfnote.h>

struct elf_header {
	u8 ident[16];
	u16 type, machine;
	u32 version;
	u64 entry, phoff, shoff;
	u32 flags;
	u16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct program_header {
	u32 type, flags;
	u64 offset, vaddr, paddr, filesz, memsz, align;
};

struct note_header {
	u32 namesz, descsz, type;
};

#define PT_LOAD   1
#define PT_NOTE   4
#define EM_X86_64 62

/* Pseudo-physical addresses of a kernel: far below where the arithmetic could wrap. */
#define PADDR_LIMIT BIT(46)

struct image {
	const u8 *bytes;
	size_t size;
};

/* @n bytes at @offset of the image into @out; false if they are not all there. */
static bool read_at(const struct image *im, u64 offset, void *out, size_t n)
{
	if (offset > im->size || n > im->size - offset)
		return false;
	memcpy(out, im->bytes + offset, n);
	return true;
}

/* ---- notes ---- */

static void copy_string(char *out, size_t room, const u8 *desc, u32 n)
{
	size_t i;

	for (i = 0; i + 1 < room && i < n && desc[i]; i++)
		out[i] = (char)desc[i];
	out[i] = 0;
}

/* Numbers are 4 or 8 bytes, as their size says. */
static bool number(const u8 *desc, u32 n, u64 *out)
{
	*out = 0;
	if (n != 4 && n != 8)
		return false;
	memcpy(out, desc, n);
	return true;
}

/* Bits of the features that the string note knows by name, in order of their numbers. */
static const char *const feature_names[] = {
	"writable_page_tables", "writable_descriptor_tables", "auto_translated_physmap",
	"supervisor_mode_kernel", "pae_pgdir_above_4gb",
};

static void feature_word(struct elf_kernel *k, const u8 *s, u32 n)
{
	bool required = n && s[0] == '!';

	if (required) {
		s++;
		n--;
	}
	for (u32 i = 0; i < ARRAY_SIZE(feature_names); i++) {
		if (strlen(feature_names[i]) != n || memcmp(feature_names[i], s, n))
			continue;
		k->supported_features |= BIT(i);
		if (required)
			k->required_features |= BIT(i);
	}
}

/* "a|!b|c" */
static void feature_string(struct elf_kernel *k, const u8 *s, u32 n)
{
	u32 start = 0;

	for (u32 i = 0; i <= n; i++) {
		if (i < n && s[i] != '|' && s[i] != 0)
			continue;
		feature_word(k, s + start, i - start);
		start = i + 1;
		if (i < n && s[i] == 0)
			return;
	}
}

static bool is_yes(const u8 *desc, u32 n)
{
	u64 v;

	return (n >= 3 && !memcmp(desc, "yes", 3)) || (number(desc, n, &v) && v == 1);
}

static void take_note(struct elf_kernel *k, u32 type, const u8 *desc, u32 n)
{
	u64 v;

	switch (type) {
	case XEN_ELFNOTE_ENTRY:
		k->has_entry = number(desc, n, &k->entry);
		break;
	case XEN_ELFNOTE_HYPERCALL_PAGE:
		k->has_hypercall_page = number(desc, n, &k->hypercall_page);
		break;
	case XEN_ELFNOTE_VIRT_BASE:
		number(desc, n, &k->virt_base);
		break;
	case XEN_ELFNOTE_PADDR_OFFSET:
		number(desc, n, &k->paddr_offset);
		break;
	case XEN_ELFNOTE_HV_START_LOW:
		number(desc, n, &k->hv_start_low);
		break;
	case XEN_ELFNOTE_INIT_P2M:
		k->has_init_p2m = number(desc, n, &k->init_p2m);
		break;
	case XEN_ELFNOTE_MOD_START_PFN:
		k->mod_start_pfn = is_yes(desc, n);
		break;
	case XEN_ELFNOTE_SUPPORTED_FEATURES:
		if (number(desc, n, &v))
			k->supported_features |= v;
		break;
	case XEN_ELFNOTE_FEATURES:
		feature_string(k, desc, n);
		break;
	case XEN_ELFNOTE_GUEST_OS:
		copy_string(k->guest_os, sizeof(k->guest_os), desc, n);
		break;
	case XEN_ELFNOTE_XEN_VERSION:
		copy_string(k->xen_version, sizeof(k->xen_version), desc, n);
		break;
	case XEN_ELFNOTE_LOADER:
		copy_string(k->loader, sizeof(k->loader), desc, n);
		break;
	default:
		break;
	}
}

/* Notes in [start, end) of the image, which lies within it. True if one is for the hypervisor. */
static bool parse_notes(struct elf_kernel *k, const struct image *im, u64 start, u64 end)
{
	struct note_header h;
	bool found = false;

	while (end - start >= sizeof(h)) {
		u64 name = start + sizeof(h), desc, next;

		read_at(im, start, &h, sizeof(h));
		desc = name + ROUND_UP((u64)h.namesz, 4);
		next = desc + ROUND_UP((u64)h.descsz, 4);
		if (desc + h.descsz > end)
			break;
		if (h.namesz == 4 && !memcmp(im->bytes + name, "Xen", 4)) {
			take_note(k, h.type, im->bytes + desc, h.descsz);
			found = true;
		}
		if (next > end)
			break;
		start = next;
	}
	return found;
}

/* ---- segments ---- */

static bool add_segment(struct elf_kernel *k, const struct image *im, const struct program_header *p)
{
	struct elf_segment *s;

	if (p->memsz == 0)
		return true;
	if (k->n == ELF_MAX_SEGMENTS || p->filesz > p->memsz || p->offset > im->size ||
	    p->filesz > im->size - p->offset || p->paddr >= PADDR_LIMIT || p->memsz >= PADDR_LIMIT)
		return false;
	s = &k->segment[k->n++];
	*s = (struct elf_segment){p->offset, p->filesz, p->paddr, p->memsz};
	k->paddr_start = MIN(k->paddr_start, p->paddr);
	k->paddr_end = MAX(k->paddr_end, p->paddr + p->memsz);
	return true;
}

static bool header_ok(const struct elf_header *h)
{
	return h->ident[4] == 2 && h->ident[5] == 1 && h->machine == EM_X86_64 &&
	       h->phentsize == sizeof(struct program_header);
}

enum elf_error elf_parse(struct elf_kernel *k, const void *bytes, size_t size)
{
	struct image im = {bytes, size};
	struct elf_header h;
	struct program_header p;
	bool notes = false;

	memset(k, 0, sizeof(*k));
	k->paddr_start = ~0ULL;
	if (!read_at(&im, 0, &h, sizeof(h)) || memcmp(h.ident, "\177ELF", 4))
		return ELF_NOT_ELF;
	if (!header_ok(&h))
		return ELF_NOT_X86_64;
	for (u32 i = 0; i < h.phnum; i++) {
		if (h.phoff > size || !read_at(&im, h.phoff + (u64)i * sizeof(p), &p, sizeof(p)))
			return ELF_TRUNCATED;
		if (p.type == PT_LOAD && !add_segment(k, &im, &p))
			return ELF_BAD_SEGMENT;
		if (p.type == PT_NOTE && p.offset <= size && p.filesz <= size - p.offset)
			notes |= parse_notes(k, &im, p.offset, p.offset + p.filesz);
	}
	if (k->n == 0)
		return ELF_BAD_SEGMENT;
	if (!notes)
		return ELF_NO_NOTES;
	return k->has_entry ? ELF_OK : ELF_NO_ENTRY;
}

const char *elf_error_text(enum elf_error e)
{
	static const char *const text[] = {
		[ELF_OK] = "fine",
		[ELF_NOT_ELF] = "not an ELF image (is it compressed?)",
		[ELF_NOT_X86_64] = "not a 64-bit x86 ELF image",
		[ELF_TRUNCATED] = "cut off",
		[ELF_BAD_SEGMENT] = "segments are missing or out of bounds",
		[ELF_NO_NOTES] = "no notes for a PV hypervisor",
		[ELF_NO_ENTRY] = "no PV entry point in its notes",
	};

	return text[e];
}
