/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a multiboot 1 or 2 boot loader says, in one structure. PURE: memory is read through a
 * callback; nothing the loader says is trusted. Sources: the Multiboot 0.6.96 and Multiboot2 2.0
 * specifications. */
#pragma once
#include "logic/e820.h"

#define MB1_BOOT_MAGIC 0x2badb002
#define MB2_BOOT_MAGIC 0x36d76289

#define BOOT_MODULES_MAX 8
#define BOOT_STRING_MAX  1024

struct boot_module {
	u64 start, end; /* machine addresses, start <= end */
	char cmdline[BOOT_STRING_MAX];
};

struct boot_framebuffer {
	bool present;
	bool text; /* EGA text: width and height are characters */
	u64 addr;
	u32 pitch, width, height;
	u8 bpp;
	u8 red_pos, red_size, green_pos, green_size, blue_pos, blue_size;
};

struct boot_info {
	char loader[64];
	char cmdline[BOOT_STRING_MAX];
	u32 nr_modules;
	struct boot_module modules[BOOT_MODULES_MAX];
	struct e820_map e820; /* as given, unsorted */
	struct boot_framebuffer fb;
	u64 efi_system_table; /* 0 = BIOS */
	u8 rsdp[36];          /* copy of the RSDP */
	u32 rsdp_len;         /* 0 = not given */
	bool rsdp_is_new;     /* ACPI 2.0 or later */
};

/* Copies @n bytes at machine address @addr; false if they cannot be read. */
struct boot_reader {
	bool (*read)(void *ctx, u64 addr, void *dst, size_t n);
	void *ctx;
};

/* NULL, or why @info cannot be used. Strings are cut to fit; a file name that the loader put before
 * a string is dropped. */
const char *boot_info_parse(struct boot_info *out, u32 magic, u64 info, const struct boot_reader *r);
