/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes where the boot loader's information should be: the parser ends, its strings end, and the
 * memory map it yields can be made sane. */
#include <stdlib.h>
#include <string.h>
#include "logic/multiboot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BASE 0x1000u

struct input {
	const u8 *data;
	size_t size;
};

static bool read_input(void *ctx, u64 addr, void *dst, size_t n)
{
	const struct input *in = ctx;

	if (addr < BASE || addr - BASE > in->size || n > in->size - (addr - BASE))
		return false;
	memcpy(dst, in->data + (addr - BASE), n);
	return true;
}

static void check_map(struct boot_info *bi)
{
	static struct e820_map scratch;

	if (!e820_sanitize(&bi->e820, &scratch))
		return;
	for (u32 i = 1; i < bi->e820.n; i++)
		if (bi->e820.e[i - 1].addr + bi->e820.e[i - 1].size > bi->e820.e[i].addr)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct boot_info bi;
	struct input in;
	struct boot_reader r = {.read = read_input, .ctx = &in};

	if (!size)
		return 0;
	in = (struct input){data + 1, size - 1};
	if (boot_info_parse(&bi, data[0] & 1 ? MB1_BOOT_MAGIC : MB2_BOOT_MAGIC, BASE, &r))
		return 0;
	if (bi.nr_modules > BOOT_MODULES_MAX || bi.e820.n > E820_MAX || !bi.e820.n)
		abort();
	if (strnlen(bi.cmdline, sizeof(bi.cmdline)) == sizeof(bi.cmdline))
		abort();
	for (u32 i = 0; i < bi.nr_modules; i++)
		if (strnlen(bi.modules[i].cmdline, BOOT_STRING_MAX) == BOOT_STRING_MAX)
			abort();
	check_map(&bi);
	return 0;
}
