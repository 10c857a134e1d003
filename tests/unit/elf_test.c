/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ELF images of PV kernels (logic/elf.c).
 *
 * Argument: an image is built field by field as the ELF specification and xen/elfnote.h lay it out; a good
 * one must give back what went in. Then the same image is spoilt, one rule at a time, and at every length
 * from 0 to whole: a cut image is never read past its end (the address sanitizer watches a buffer of
 * exactly that size) and is accepted only if all that it names is there.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <xen/elfnote.h>
#include "logic/elf.h"
#include "run_suite.h"

#define IMAGE_SIZE 1024
#define NOTES_AT   0x100
#define DATA_AT    0x300

struct maker {
	u8 bytes[IMAGE_SIZE];
	size_t notes;
};

static void note(struct maker *m, u32 type, const void *desc, u32 n)
{
	Elf64_Nhdr h = {.n_namesz = 4, .n_descsz = n, .n_type = type};
	u8 *p = m->bytes + NOTES_AT + m->notes;

	memcpy(p, &h, sizeof(h));
	memcpy(p + sizeof(h), "Xen", 4);
	memcpy(p + sizeof(h) + 4, desc, n);
	m->notes += sizeof(h) + 4 + (n + 3) / 4 * 4;
}

static void note_u64(struct maker *m, u32 type, u64 v)
{
	note(m, type, &v, sizeof(v));
}

static Elf64_Ehdr *header(struct maker *m)
{
	return (Elf64_Ehdr *)m->bytes;
}

static Elf64_Phdr *program(struct maker *m, u32 i)
{
	return (Elf64_Phdr *)(m->bytes + sizeof(Elf64_Ehdr)) + i;
}

static void finish(struct maker *m)
{
	program(m, 0)->p_filesz = program(m, 0)->p_memsz = m->notes;
}

static void make(struct maker *m)
{
	memset(m, 0, sizeof(*m));
	*header(m) = (Elf64_Ehdr){.e_ident = {0x7f, 'E', 'L', 'F', 2, 1, 1},
	                          .e_type = ET_EXEC,
	                          .e_machine = EM_X86_64,
	                          .e_phoff = sizeof(Elf64_Ehdr),
	                          .e_phentsize = sizeof(Elf64_Phdr),
	                          .e_phnum = 3};
	*program(m, 0) = (Elf64_Phdr){.p_type = PT_NOTE, .p_offset = NOTES_AT};
	*program(m, 1) = (Elf64_Phdr){.p_type = PT_LOAD, .p_offset = DATA_AT, .p_filesz = 0x100,
	                              .p_memsz = 0x3000, .p_paddr = 0x1000000,
	                              .p_vaddr = 0xffffffff81000000};
	/* As Linux's per-CPU segment: virtual address 0. */
	*program(m, 2) = (Elf64_Phdr){.p_type = PT_LOAD, .p_offset = DATA_AT + 0x80,
	                              .p_filesz = 0x40, .p_memsz = 0x40, .p_paddr = 0x1004000};
	note_u64(m, XEN_ELFNOTE_ENTRY, 0xffffffff81000123);
	note_u64(m, XEN_ELFNOTE_VIRT_BASE, 0xffffffff80000000);
	note_u64(m, XEN_ELFNOTE_INIT_P2M, 0x8000000000);
	note(m, XEN_ELFNOTE_GUEST_OS, "linux", 6);
	note(m, XEN_ELFNOTE_FEATURES, "!writable_page_tables|pae_pgdir_above_4gb", 42);
	note(m, XEN_ELFNOTE_MOD_START_PFN, "\1\0\0\0", 4);
	finish(m);
}

START_TEST(a_good_image)
{
	struct maker m;
	struct elf_kernel k;

	make(&m);
	ck_assert_int_eq(elf_parse(&k, m.bytes, sizeof(m.bytes)), ELF_OK);
	ck_assert_uint_eq(k.n, 2);
	ck_assert_uint_eq(k.entry, 0xffffffff81000123);
	ck_assert_uint_eq(k.virt_base, 0xffffffff80000000);
	ck_assert_uint_eq(k.paddr_start, 0x1000000);
	ck_assert_uint_eq(k.paddr_end, 0x1004040);
	ck_assert(k.has_init_p2m && k.init_p2m == 0x8000000000);
	ck_assert(k.mod_start_pfn && !k.has_hypercall_page);
	ck_assert_str_eq(k.guest_os, "linux");
	ck_assert_uint_eq(k.supported_features, BIT(0) | BIT(4));
	ck_assert_uint_eq(k.required_features, BIT(0));
	ck_assert_uint_eq(k.segment[0].offset, DATA_AT);
	ck_assert_uint_eq(k.segment[0].mem_size, 0x3000);
}
END_TEST

START_TEST(numbers_of_four_bytes)
{
	struct maker m;
	struct elf_kernel k;

	make(&m);
	m.notes = 0;
	note(&m, XEN_ELFNOTE_ENTRY, "\x78\x56\x34\x12", 4);
	finish(&m);
	ck_assert_int_eq(elf_parse(&k, m.bytes, sizeof(m.bytes)), ELF_OK);
	ck_assert_uint_eq(k.entry, 0x12345678);
}
END_TEST

typedef void spoil_fn(struct maker *m);

static void bad_magic(struct maker *m) { m->bytes[1] = 'F'; }
static void class32(struct maker *m) { m->bytes[4] = 1; }
static void other_machine(struct maker *m) { header(m)->e_machine = EM_AARCH64; }
static void bad_phentsize(struct maker *m) { header(m)->e_phentsize = 32; }
static void phoff_wraps(struct maker *m) { header(m)->e_phoff = ~0ULL - 8; }
static void many_headers(struct maker *m) { header(m)->e_phnum = 0xffff; }
static void file_beyond(struct maker *m) { program(m, 1)->p_filesz = IMAGE_SIZE; }
static void offset_wraps(struct maker *m) { program(m, 1)->p_offset = ~0ULL - 0x10; }
static void file_over_memory(struct maker *m) { program(m, 1)->p_memsz = 0x80; }
static void paddr_wraps(struct maker *m) { program(m, 1)->p_paddr = ~0ULL - 0x100; }
static void memory_wraps(struct maker *m) { program(m, 1)->p_memsz = ~0ULL - 0x100; }
static void no_load(struct maker *m)
{
	program(m, 1)->p_type = program(m, 2)->p_type = PT_NULL;
}
static void no_notes(struct maker *m) { program(m, 0)->p_type = PT_NULL; }
static void other_owner(struct maker *m)
{
	m->notes = 0;
	note_u64(m, XEN_ELFNOTE_ENTRY, 1);
	memcpy(m->bytes + NOTES_AT + sizeof(Elf64_Nhdr), "GNU", 4);
	finish(m);
}
static void no_entry(struct maker *m)
{
	m->notes = 0;
	note_u64(m, XEN_ELFNOTE_VIRT_BASE, 0);
	finish(m);
}
static void entry_of_odd_size(struct maker *m)
{
	m->notes = 0;
	note(m, XEN_ELFNOTE_ENTRY, "abc", 3);
	finish(m);
}
static void note_beyond(struct maker *m)
{
	m->notes = 0;
	note_u64(m, XEN_ELFNOTE_ENTRY, 1);
	((Elf64_Nhdr *)(m->bytes + NOTES_AT))->n_descsz = 0xfffffff0;
	finish(m);
}

START_TEST(spoilt_images)
{
	static const struct {
		spoil_fn *spoil;
		enum elf_error error;
	} cases[] = {
		{bad_magic, ELF_NOT_ELF},        {class32, ELF_NOT_X86_64},
		{other_machine, ELF_NOT_X86_64}, {bad_phentsize, ELF_NOT_X86_64},
		{phoff_wraps, ELF_TRUNCATED},    {many_headers, ELF_TRUNCATED},
		{file_beyond, ELF_BAD_SEGMENT},  {offset_wraps, ELF_BAD_SEGMENT},
		{file_over_memory, ELF_BAD_SEGMENT}, {paddr_wraps, ELF_BAD_SEGMENT},
		{memory_wraps, ELF_BAD_SEGMENT}, {no_load, ELF_BAD_SEGMENT},
		{no_notes, ELF_NO_NOTES},        {other_owner, ELF_NO_NOTES},
		{no_entry, ELF_NO_ENTRY},        {entry_of_odd_size, ELF_NO_ENTRY},
		{note_beyond, ELF_NO_NOTES},
	};
	struct maker m;
	struct elf_kernel k;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum elf_error e;

		make(&m);
		cases[i].spoil(&m);
		e = elf_parse(&k, m.bytes, sizeof(m.bytes));
		if (e != cases[i].error)
			ck_abort_msg("case %zu: %s", i, elf_error_text(e));
	}
}
END_TEST

START_TEST(cut_images)
{
	struct maker m;

	make(&m);
	for (size_t n = 0; n < IMAGE_SIZE; n++) {
		u8 *exact = malloc(n ? n : 1);
		struct elf_kernel k;
		enum elf_error e;

		ck_assert_ptr_nonnull(exact);
		memcpy(exact, m.bytes, n);
		e = elf_parse(&k, exact, n);
		ck_assert_int_eq(e == ELF_OK, n >= DATA_AT + 0x100);
		free(exact);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, a_good_image);
	tcase_add_test(t, numbers_of_four_bytes);
	tcase_add_test(t, spoilt_images);
	tcase_add_test(t, cut_images);
	return run_case("elf", t);
}
