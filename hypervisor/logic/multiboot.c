/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "logic/multiboot.h"
#include <string.h>

/* ---- strings ---- */

static bool read_string(const struct boot_reader *r, u64 addr, char *dst, size_t size)
{
	size_t i;

	for (i = 0; i + 1 < size; i++) {
		if (!r->read(r->ctx, addr + i, &dst[i], 1)) {
			dst[i] = '\0';
			return i > 0;
		}
		if (!dst[i])
			return true;
	}
	dst[i] = '\0';
	return true;
}

static void drop_first_word(char *s)
{
	const char *p = s;

	while (*p && *p != ' ')
		p++;
	while (*p == ' ')
		p++;
	memmove(s, p, strlen(p) + 1);
}

/* GRUB 2 passes what stands after the file name; QEMU and others the file name too. */
static void drop_file_names(struct boot_info *bi)
{
	if (strncmp(bi->loader, "GRUB 2", 6) == 0)
		return;
	drop_first_word(bi->cmdline);
	for (u32 i = 0; i < bi->nr_modules; i++)
		drop_first_word(bi->modules[i].cmdline);
}

static const char *add_module(struct boot_info *bi, u64 start, u64 end)
{
	if (end < start)
		return "a boot module ends before it starts";
	if (bi->nr_modules >= BOOT_MODULES_MAX)
		return "too many boot modules";
	bi->modules[bi->nr_modules].start = start;
	bi->modules[bi->nr_modules].end = end;
	bi->nr_modules++;
	return NULL;
}

/* Types that neither specification names are reserved memory. */
static void add_memory(struct boot_info *bi, u64 addr, u64 size, u32 type)
{
	e820_add(&bi->e820, addr, size, type >= E820_RAM && type <= E820_UNUSABLE ? type : E820_RESERVED);
}

/* ---- multiboot 1 ---- */

struct mb1_info {
	u32 flags, mem_lower, mem_upper, boot_device, cmdline;
	u32 mods_count, mods_addr, syms[4];
	u32 mmap_length, mmap_addr, drives_length, drives_addr, config_table, loader_name, apm_table;
	u32 vbe_control_info, vbe_mode_info;
	u16 vbe_mode, vbe_seg, vbe_off, vbe_len;
	u64 fb_addr;
	u32 fb_pitch, fb_width, fb_height;
	u8 fb_bpp, fb_type, fb_color[6];
} __packed;

#define MB1_MEMORY  BIT(0)
#define MB1_CMDLINE BIT(2)
#define MB1_MODULES BIT(3)
#define MB1_MMAP    BIT(6)
#define MB1_LOADER  BIT(9)
#define MB1_FB      BIT(12)

struct mb1_module {
	u32 start, end, cmdline, reserved;
};

#define FB_INDEXED 0
#define FB_RGB     1
#define FB_TEXT    2

static void set_framebuffer(struct boot_framebuffer *fb, u64 addr, u32 pitch, u32 width, u32 height,
                            u8 bpp, u8 type, const u8 color[6])
{
	if (type > FB_TEXT || !width || !height || width > 0xffff || height > 0xffff)
		return;
	*fb = (struct boot_framebuffer){
	        .present = true, .text = type == FB_TEXT, .addr = addr, .pitch = pitch,
	        .width = width, .height = height, .bpp = bpp};
	if (type == FB_RGB) {
		fb->red_pos = color[0];
		fb->red_size = color[1];
		fb->green_pos = color[2];
		fb->green_size = color[3];
		fb->blue_pos = color[4];
		fb->blue_size = color[5];
	}
}

static const char *mb1_memory_map(struct boot_info *bi, const struct mb1_info *mi,
                                  const struct boot_reader *r)
{
	u64 at = mi->mmap_addr, end = at + mi->mmap_length;

	while (at + 24 <= end) {
		struct {
			u32 size; /* of what follows */
			u64 addr, len;
			u32 type;
		} __packed e;

		if (!r->read(r->ctx, at, &e, sizeof(e)) || e.size < 20)
			return "the boot loader's memory map cannot be read";
		add_memory(bi, e.addr, e.len, e.type);
		at += (u64)e.size + 4;
	}
	return NULL;
}

static const char *mb1_modules(struct boot_info *bi, const struct mb1_info *mi,
                               const struct boot_reader *r)
{
	if (mi->mods_count > BOOT_MODULES_MAX)
		return "too many boot modules";
	for (u32 i = 0; i < mi->mods_count; i++) {
		struct mb1_module m;
		const char *err;

		if (!r->read(r->ctx, mi->mods_addr + (u64)i * sizeof(m), &m, sizeof(m)))
			return "the boot loader's module list cannot be read";
		err = add_module(bi, m.start, m.end);
		if (err)
			return err;
		if (m.cmdline)
			read_string(r, m.cmdline, bi->modules[i].cmdline, BOOT_STRING_MAX);
	}
	return NULL;
}

static const char *mb1_parse(struct boot_info *bi, u64 info, const struct boot_reader *r)
{
	struct mb1_info mi = {0};
	const char *err = NULL;
	/* Fields beyond the flags' reach may not exist: read only what they promise. */
	size_t need = offsetof(struct mb1_info, apm_table);

	if (!r->read(r->ctx, info, &mi, need))
		return "the multiboot information cannot be read";
	if ((mi.flags & MB1_FB) && !r->read(r->ctx, info, &mi, sizeof(mi)))
		return "the multiboot information cannot be read";
	if (mi.flags & MB1_LOADER)
		read_string(r, mi.loader_name, bi->loader, sizeof(bi->loader));
	if (mi.flags & MB1_CMDLINE)
		read_string(r, mi.cmdline, bi->cmdline, sizeof(bi->cmdline));
	if (mi.flags & MB1_MODULES)
		err = mb1_modules(bi, &mi, r);
	if (!err && (mi.flags & MB1_MMAP)) {
		err = mb1_memory_map(bi, &mi, r);
	} else if (!err && (mi.flags & MB1_MEMORY)) {
		e820_add(&bi->e820, 0, (u64)mi.mem_lower << 10, E820_RAM);
		e820_add(&bi->e820, 1 << 20, (u64)mi.mem_upper << 10, E820_RAM);
	}
	if (!err && (mi.flags & MB1_FB))
		set_framebuffer(&bi->fb, mi.fb_addr, mi.fb_pitch, mi.fb_width, mi.fb_height,
		                mi.fb_bpp, mi.fb_type, mi.fb_color);
	return err;
}

/* ---- multiboot 2 ---- */

enum mb2_tag {
	MB2_END,
	MB2_CMDLINE,
	MB2_LOADER,
	MB2_MODULE,
	MB2_MEMORY,
	MB2_MMAP = 6,
	MB2_FB = 8,
	MB2_EFI64 = 12,
	MB2_RSDP_OLD = 14,
	MB2_RSDP_NEW = 15,
	MB2_EFI_MMAP = 17,
};

#define MB2_INFO_MAX (64u << 20)

struct mb2_tag_head {
	u32 type, size; /* header included, padding to 8 not */
};

static const char *mb2_mmap(struct boot_info *bi, u64 at, u32 size, const struct boot_reader *r)
{
	u32 head[2]; /* entry size, version */

	if (size < 8 || !r->read(r->ctx, at, head, 8) || head[0] < 24)
		return "the boot loader's memory map cannot be read";
	bi->e820.n = 0; /* better than what the EFI map gave */
	for (u64 o = 8; o + head[0] <= size; o += head[0]) {
		struct {
			u64 addr, len;
			u32 type, zero;
		} e;

		if (!r->read(r->ctx, at + o, &e, sizeof(e)))
			return "the boot loader's memory map cannot be read";
		add_memory(bi, e.addr, e.len, e.type);
	}
	return NULL;
}

/* UEFI 2.9 section 7.2: types whose memory is free once boot services are gone. */
static u32 efi_type_to_e820(u32 type)
{
	switch (type) {
	case 1: /* loader code, data; boot services code, data; conventional */
	case 2:
	case 3:
	case 4:
	case 7:
		return E820_RAM;
	case 8:
		return E820_UNUSABLE;
	case 9:
		return E820_ACPI;
	case 10:
		return E820_NVS;
	default:
		return E820_RESERVED;
	}
}

static const char *mb2_efi_mmap(struct boot_info *bi, u64 at, u32 size, const struct boot_reader *r)
{
	u32 head[2]; /* descriptor size, version */

	if (bi->e820.n) /* the loader's own map came first */
		return NULL;
	if (size < 8 || !r->read(r->ctx, at, head, 8) || head[0] < 40)
		return "the EFI memory map cannot be read";
	for (u64 o = 8; o + head[0] <= size; o += head[0]) {
		struct {
			u32 type, pad;
			u64 phys, virt, pages, attr;
		} d;

		if (!r->read(r->ctx, at + o, &d, sizeof(d)))
			return "the EFI memory map cannot be read";
		if (d.pages < (1ULL << 40))
			e820_add(&bi->e820, d.phys, d.pages << PAGE_SHIFT,
			         efi_type_to_e820(d.type));
	}
	return NULL;
}

static const char *mb2_module(struct boot_info *bi, u64 at, u32 size, const struct boot_reader *r)
{
	u32 range[2];
	const char *err;

	if (size < 8 || !r->read(r->ctx, at, range, 8))
		return "a boot module's tag cannot be read";
	err = add_module(bi, range[0], range[1]);
	if (!err && size > 8)
		read_string(r, at + 8, bi->modules[bi->nr_modules - 1].cmdline,
		            MIN((size_t)size - 8, (size_t)BOOT_STRING_MAX));
	return err;
}

static void mb2_rsdp(struct boot_info *bi, u64 at, u32 size, bool new, const struct boot_reader *r)
{
	u32 want = new ? 36 : 20;

	if (size < want || (bi->rsdp_len && !new))
		return;
	if (r->read(r->ctx, at, bi->rsdp, want)) {
		bi->rsdp_len = want;
		bi->rsdp_is_new = new;
	}
}

static void mb2_framebuffer(struct boot_info *bi, u64 at, u32 size, const struct boot_reader *r)
{
	struct {
		u64 addr;
		u32 pitch, width, height;
		u8 bpp, type;
		u16 reserved;
		u8 color[6];
	} __packed t = {0};

	if (size < 24 || !r->read(r->ctx, at, &t, MIN((size_t)size, sizeof(t))))
		return;
	if (t.type == FB_RGB && size < sizeof(t))
		return;
	set_framebuffer(&bi->fb, t.addr, t.pitch, t.width, t.height, t.bpp, t.type, t.color);
}

/* One tag; @at and @size are of its body. */
static const char *mb2_tag(struct boot_info *bi, u32 type, u64 at, u32 size,
                           const struct boot_reader *r)
{
	switch (type) {
	case MB2_CMDLINE:
		read_string(r, at, bi->cmdline, MIN((size_t)size, sizeof(bi->cmdline)));
		return NULL;
	case MB2_LOADER:
		read_string(r, at, bi->loader, MIN((size_t)size, sizeof(bi->loader)));
		return NULL;
	case MB2_MODULE:
		return mb2_module(bi, at, size, r);
	case MB2_MMAP:
		return mb2_mmap(bi, at, size, r);
	case MB2_FB:
		mb2_framebuffer(bi, at, size, r);
		return NULL;
	case MB2_EFI64:
		if (size >= 8 && !r->read(r->ctx, at, &bi->efi_system_table, 8))
			bi->efi_system_table = 0;
		return NULL;
	case MB2_RSDP_OLD:
	case MB2_RSDP_NEW:
		mb2_rsdp(bi, at, size, type == MB2_RSDP_NEW, r);
		return NULL;
	case MB2_EFI_MMAP:
		return mb2_efi_mmap(bi, at, size, r);
	default:
		return NULL;
	}
}

static const char *mb2_parse(struct boot_info *bi, u64 info, const struct boot_reader *r)
{
	u32 total, at;

	if (!r->read(r->ctx, info, &total, 4))
		return "the multiboot2 information cannot be read";
	if (total > MB2_INFO_MAX)
		return "the multiboot2 information is absurdly long";
	for (at = 8; at < total && total - at >= sizeof(struct mb2_tag_head);) {
		struct mb2_tag_head h;
		const char *err;

		if (!r->read(r->ctx, info + at, &h, sizeof(h)))
			return "a multiboot2 tag cannot be read";
		if (h.type == MB2_END)
			return NULL;
		if (h.size < sizeof(h) || h.size > total - at)
			return "a multiboot2 tag runs over the end";
		err = mb2_tag(bi, h.type, info + at + sizeof(h), h.size - sizeof(h), r);
		if (err)
			return err;
		if (total - at < ROUND_UP(h.size, 8U)) /* the padding may be missing at the end */
			break;
		at += ROUND_UP(h.size, 8U);
	}
	return NULL;
}

const char *boot_info_parse(struct boot_info *out, u32 magic, u64 info, const struct boot_reader *r)
{
	const char *err;

	memset(out, 0, sizeof(*out));
	if (magic == MB1_BOOT_MAGIC)
		err = mb1_parse(out, info, r);
	else if (magic == MB2_BOOT_MAGIC)
		err = mb2_parse(out, info, r);
	else
		return "not started by a multiboot loader";
	if (!err && !out->e820.n)
		err = "the boot loader gave no memory map";
	if (!err)
		drop_file_names(out);
	return err;
}
