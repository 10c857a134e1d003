/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What boot loaders say (logic/multiboot.c).
 *
 * Argument: structures are laid out in a small machine memory as the two specifications have them,
 * once as QEMU does it and once as GRUB 2 does it, and every field must arrive. Then each single byte
 * of them is damaged, and the structure cut at each length: the parser must come back, keep strings
 * terminated and counts in bounds (the sanitizers watch what it reads).
 */
#include <stdlib.h>
#include <string.h>
#include "logic/multiboot.h"
#include "must.h"
#include "run_suite.h"

#define MEM_BASE  0x9000u
#define MEM_BYTES 4096u

static u8 mem[MEM_BYTES];
static u32 readable; /* bytes from MEM_BASE that can be read */
static struct boot_info bi;

static bool read_mem(void *ctx, u64 addr, void *dst, size_t n)
{
	(void)ctx;
	if (addr < MEM_BASE || addr - MEM_BASE > readable || n > readable - (addr - MEM_BASE))
		return false;
	memcpy(dst, mem + (addr - MEM_BASE), n);
	return true;
}

static const struct boot_reader reader = {.read = read_mem};

static const char *parse(u32 magic)
{
	return boot_info_parse(&bi, magic, MEM_BASE, &reader);
}

static void put(u32 at, const void *p, size_t n)
{
	ck_assert(at + n <= MEM_BYTES);
	memcpy(mem + at, p, n);
}

static void put32(u32 at, u32 v)
{
	put(at, &v, 4);
}

static void put64(u32 at, u64 v)
{
	put(at, &v, 8);
}

static void put_string(u32 at, const char *s)
{
	put(at, s, strlen(s) + 1);
}

static void clear(void)
{
	memset(mem, 0, sizeof(mem));
	readable = MEM_BYTES;
}

/* ---- multiboot 1, as QEMU lays it out ---- */

static void make_mb1(const char *loader)
{
	clear();
	put32(0, 1 << 0 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 9 | 1 << 12);
	put32(4, 639);
	put32(8, 65536);
	put32(16, MEM_BASE + 0x400); /* command line */
	put32(20, 2);                /* modules */
	put32(24, MEM_BASE + 0x200);
	put32(44, 2 * 24);           /* memory map */
	put32(48, MEM_BASE + 0x300);
	put32(64, MEM_BASE + 0x500); /* loader */
	put64(88, 0xe0000000);       /* framebuffer */
	put32(96, 4096);
	put32(100, 1024);
	put32(104, 768);
	put(108, "\x20\x01\x10\x08\x08\x08\x00\x08", 8);

	put32(0x200, 0x800000);
	put32(0x204, 0x900000);
	put32(0x208, MEM_BASE + 0x600);
	put32(0x210, 0xa00000);
	put32(0x214, 0xb00001);
	put32(0x218, MEM_BASE + 0x700);

	put32(0x300, 20);
	put64(0x304, 0);
	put64(0x30c, 0x9fc00);
	put32(0x314, 1);
	put32(0x318, 20);
	put64(0x31c, 0x100000);
	put64(0x324, 0x7ff00000);
	put32(0x32c, 1);

	put_string(0x400, "keel-hypervisor console=com1 noreboot");
	put_string(0x500, loader);
	put_string(0x600, "vmlinux root=/dev/sda1 console=hvc0");
	put_string(0x700, "initrd.img");
}

static void check_common(void)
{
	ck_assert_uint_eq(bi.nr_modules, 2);
	ck_assert_uint_eq(bi.modules[0].start, 0x800000);
	ck_assert_uint_eq(bi.modules[0].end, 0x900000);
	ck_assert_uint_eq(bi.modules[1].end, 0xb00001);
	ck_assert_uint_eq(bi.e820.n, 2);
	ck_assert_uint_eq(bi.e820.e[1].addr, 0x100000);
	ck_assert_uint_eq(bi.e820.e[1].size, 0x7ff00000);
	ck_assert(bi.fb.present && !bi.fb.text);
	ck_assert_uint_eq(bi.fb.addr, 0xe0000000);
	ck_assert_uint_eq(bi.fb.width, 1024);
	ck_assert_uint_eq(bi.fb.height, 768);
	ck_assert_uint_eq(bi.fb.pitch, 4096);
	ck_assert_uint_eq(bi.fb.bpp, 32);
	ck_assert_uint_eq(bi.fb.red_pos, 16);
	ck_assert_uint_eq(bi.fb.blue_size, 8);
}

START_TEST(qemu_puts_file_names_first)
{
	make_mb1("qemu");
	ck_assert_ptr_null(parse(MB1_BOOT_MAGIC));
	check_common();
	ck_assert_str_eq(bi.cmdline, "console=com1 noreboot");
	ck_assert_str_eq(bi.modules[0].cmdline, "root=/dev/sda1 console=hvc0");
	ck_assert_str_eq(bi.modules[1].cmdline, "");
	ck_assert_uint_eq(bi.efi_system_table, 0);
}
END_TEST

START_TEST(grub_leaves_them_out)
{
	make_mb1("GRUB 2.06");
	ck_assert_ptr_null(parse(MB1_BOOT_MAGIC));
	ck_assert_str_eq(bi.loader, "GRUB 2.06");
	ck_assert_str_eq(bi.cmdline, "keel-hypervisor console=com1 noreboot");
	ck_assert_str_eq(bi.modules[1].cmdline, "initrd.img");
}
END_TEST

START_TEST(without_a_map_two_sizes_do)
{
	make_mb1("qemu");
	put32(0, 1);
	ck_assert_ptr_null(parse(MB1_BOOT_MAGIC));
	ck_assert_uint_eq(bi.e820.n, 2);
	ck_assert_uint_eq(bi.e820.e[0].size, 639 << 10);
	ck_assert_uint_eq(bi.e820.e[1].size, 65536ULL << 10);
	ck_assert_uint_eq(bi.nr_modules, 0);
	put32(0, 0);
	ck_assert_ptr_nonnull(parse(MB1_BOOT_MAGIC));
}
END_TEST

/* ---- multiboot 2 ---- */

static u32 mb2_end;

static u32 tag(u32 type, u32 body)
{
	u32 at = mb2_end;

	put32(at, type);
	put32(at + 4, body + 8);
	mb2_end = ROUND_UP(at + 8 + body, 8u);
	return at + 8;
}

static void string_tag(u32 type, const char *s)
{
	put_string(tag(type, (u32)strlen(s) + 1), s);
}

static void module_tag(u32 start, u32 end, const char *s)
{
	u32 at = tag(3, 8 + (u32)strlen(s) + 1);

	put32(at, start);
	put32(at + 4, end);
	put_string(at + 8, s);
}

static void efi_map_tag(void)
{
	u32 at = tag(17, 8 + 48);

	put32(at, 48);
	put32(at + 4, 1);
	put32(at + 8, 7);
	put64(at + 16, 0x5000);
	put64(at + 32, 3);
}

static void map_tag(void)
{
	u32 at = tag(6, 8 + 2 * 24);

	put32(at, 24);
	put64(at + 8, 0);
	put64(at + 16, 0x9fc00);
	put32(at + 24, 1);
	put64(at + 32, 0x100000);
	put64(at + 40, 0x7ff00000);
	put32(at + 48, 1);
}

static void make_mb2(bool own_map)
{
	u32 at;

	clear();
	mb2_end = 8;
	string_tag(1, "console=com1 noreboot");
	string_tag(2, "GRUB 2.06-13+deb12u1");
	efi_map_tag();
	if (own_map)
		map_tag();
	module_tag(0x800000, 0x900000, "root=/dev/sda1 console=hvc0");
	module_tag(0xa00000, 0xb00001, "");
	at = tag(8, 30);
	put64(at, 0xe0000000);
	put32(at + 8, 4096);
	put32(at + 12, 1024);
	put32(at + 16, 768);
	put(at + 20, "\x20\x01\x00\x00\x10\x08\x08\x08\x00\x08", 10);
	put64(tag(12, 8), 0x7f9ee018);
	memset(mem + tag(14, 20), 'o', 20);
	memset(mem + tag(15, 36), 'n', 36);
	memset(mem + tag(14, 20), 'o', 20);
	tag(0, 0);
	put32(0, mb2_end);
}

START_TEST(grub_under_uefi)
{
	make_mb2(true);
	ck_assert_ptr_null(parse(MB2_BOOT_MAGIC));
	check_common();
	ck_assert_str_eq(bi.cmdline, "console=com1 noreboot");
	ck_assert_str_eq(bi.modules[0].cmdline, "root=/dev/sda1 console=hvc0");
	ck_assert_uint_eq(bi.efi_system_table, 0x7f9ee018);
	ck_assert(bi.rsdp_is_new);
	ck_assert_uint_eq(bi.rsdp_len, 36);
	ck_assert_uint_eq(bi.rsdp[35], 'n');
}
END_TEST

START_TEST(the_efi_map_stands_in)
{
	make_mb2(false);
	ck_assert_ptr_null(parse(MB2_BOOT_MAGIC));
	ck_assert_uint_eq(bi.e820.n, 1);
	ck_assert_uint_eq(bi.e820.e[0].addr, 0x5000);
	ck_assert_uint_eq(bi.e820.e[0].size, 0x3000);
	ck_assert_uint_eq(bi.e820.e[0].type, E820_RAM);
}
END_TEST

START_TEST(unknown_memory_is_reserved)
{
	make_mb1("qemu");
	put32(0x314, 20);
	put32(0x32c, 0);
	ck_assert_ptr_null(parse(MB1_BOOT_MAGIC));
	ck_assert_uint_eq(bi.e820.e[0].type, E820_RESERVED);
	ck_assert_uint_eq(bi.e820.e[1].type, E820_RESERVED);
}
END_TEST

START_TEST(too_much_is_refused)
{
	make_mb2(true);
	mb2_end -= 8;
	for (u32 i = 0; i < BOOT_MODULES_MAX; i++)
		module_tag(1, 2, "");
	tag(0, 0);
	put32(0, mb2_end);
	ck_assert_ptr_nonnull(parse(MB2_BOOT_MAGIC));
	make_mb2(true);
	put32(0, 0xfffffff8);
	ck_assert_ptr_nonnull(parse(MB2_BOOT_MAGIC));
	make_mb1("qemu");
	put32(20, BOOT_MODULES_MAX + 1);
	ck_assert_ptr_nonnull(parse(MB1_BOOT_MAGIC));
	make_mb1("qemu");
	put32(0x204, 0x700000); /* ends before it starts */
	ck_assert_ptr_nonnull(parse(MB1_BOOT_MAGIC));
	ck_assert_ptr_nonnull(parse(0));
}
END_TEST

START_TEST(long_strings_are_cut)
{
	make_mb1("qemu");
	memset(mem + 0x800, 'x', 0x700);
	put_string(0x800, "file ");
	mem[0x805] = 'x';
	put32(16, MEM_BASE + 0x800);
	ck_assert_ptr_null(parse(MB1_BOOT_MAGIC));
	ck_assert_uint_eq(strlen(bi.cmdline), BOOT_STRING_MAX - 1 - 5);
}
END_TEST

static void check_bounds(void)
{
	MUST(bi.nr_modules <= BOOT_MODULES_MAX);
	MUST(bi.e820.n <= E820_MAX);
	MUST(strnlen(bi.cmdline, sizeof(bi.cmdline)) < sizeof(bi.cmdline));
	MUST(strnlen(bi.loader, sizeof(bi.loader)) < sizeof(bi.loader));
	for (u32 i = 0; i < bi.nr_modules; i++) {
		MUST(strnlen(bi.modules[i].cmdline, BOOT_STRING_MAX) < BOOT_STRING_MAX);
		MUST(bi.modules[i].start <= bi.modules[i].end);
	}
}

static void damage_all(u32 magic, u32 bytes)
{
	static const u8 values[] = {0, 1, 0x7f, 0x80, 0xff};

	for (u32 at = 0; at < bytes; at++) {
		u8 good = mem[at];

		for (size_t i = 0; i < sizeof(values); i++) {
			mem[at] = values[i];
			if (!parse(magic))
				check_bounds();
		}
		mem[at] = good;
	}
	for (readable = 0; readable < bytes; readable++)
		if (!parse(magic))
			check_bounds();
	readable = MEM_BYTES;
	MUST(!parse(magic));
}

START_TEST(damage_is_survived)
{
	make_mb1("qemu");
	damage_all(MB1_BOOT_MAGIC, 0x720);
	make_mb2(true);
	damage_all(MB2_BOOT_MAGIC, mb2_end);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("multiboot");

	tcase_add_test(t, qemu_puts_file_names_first);
	tcase_add_test(t, grub_leaves_them_out);
	tcase_add_test(t, without_a_map_two_sizes_do);
	tcase_add_test(t, grub_under_uefi);
	tcase_add_test(t, the_efi_map_stands_in);
	tcase_add_test(t, unknown_memory_is_reserved);
	tcase_add_test(t, too_much_is_refused);
	tcase_add_test(t, long_strings_are_cut);
	tcase_add_test(t, damage_is_survived);
	return run_case("multiboot", t);
}
