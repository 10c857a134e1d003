/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The 80x25 text screen of BIOS machines, and what dom0 is told of the screen. */
#include "x86/vga.h"
#include "core/log.h"
#include "core/options.h"
#include "logic/cmdline.h"
#include "x86/boot.h"
#include "x86/x86.h"
#include <string.h>

#define VGA_MEMORY  0xb8000
#define VGA_COLUMNS 80
#define VGA_ROWS    25
#define VGA_BLANK   0x0720

static volatile u16 *screen; /* NULL: there is none, or it is dom0's */
static u32 row, column;

static bool firmware_uses_text(void)
{
	const struct boot_framebuffer *fb = &boot_info.fb;

	if (boot_info.efi_system_table)
		return false;
	return !fb->present || (fb->text && fb->width == VGA_COLUMNS && fb->height == VGA_ROWS);
}

void vga_init(void)
{
	if (!firmware_uses_text() || !list_has_word(options.console, "vga"))
		return;
	screen = maddr_to_virt(VGA_MEMORY); /* for now: the boot tables have it */
	for (u32 i = 0; i < VGA_COLUMNS * VGA_ROWS; i++)
		screen[i] = VGA_BLANK;
}

void vga_remap(void)
{
	if (screen)
		screen = ioremap(VGA_MEMORY, VGA_COLUMNS * VGA_ROWS * 2, MAP_UC);
}

static void scroll(void)
{
	for (u32 i = 0; i < VGA_COLUMNS * (VGA_ROWS - 1); i++)
		screen[i] = screen[i + VGA_COLUMNS];
	for (u32 i = 0; i < VGA_COLUMNS; i++)
		screen[VGA_COLUMNS * (VGA_ROWS - 1) + i] = VGA_BLANK;
	row = VGA_ROWS - 1;
}

static void put(char c)
{
	if (c == '\n' || column == VGA_COLUMNS) {
		column = 0;
		if (++row == VGA_ROWS)
			scroll();
	}
	if (c == '\n')
		return;
	if (c == '\r')
		column = 0;
	else
		screen[row * VGA_COLUMNS + column++] = (u16)(0x0700 | (u8)c);
}

void vga_write(const char *s, size_t n)
{
	if (!screen)
		return;
	while (n--)
		put(*s++);
}

void vga_release(void)
{
	screen = NULL;
}

static void fill_lfb(struct dom0_vga_console_info *out, const struct boot_framebuffer *fb)
{
	out->video_type = boot_info.efi_system_table ? XEN_VGATYPE_EFI_LFB : XEN_VGATYPE_VESA_LFB;
	out->u.vesa_lfb.width = (u16)fb->width;
	out->u.vesa_lfb.height = (u16)fb->height;
	out->u.vesa_lfb.bytes_per_line = (u16)fb->pitch;
	out->u.vesa_lfb.bits_per_pixel = fb->bpp;
	out->u.vesa_lfb.lfb_base = (u32)fb->addr;
	out->u.vesa_lfb.ext_lfb_base = (u32)(fb->addr >> 32);
	out->u.vesa_lfb.lfb_size = (u32)DIV_ROUND_UP((u64)fb->pitch * fb->height, 65536);
	out->u.vesa_lfb.red_pos = fb->red_pos;
	out->u.vesa_lfb.red_size = fb->red_size;
	out->u.vesa_lfb.green_pos = fb->green_pos;
	out->u.vesa_lfb.green_size = fb->green_size;
	out->u.vesa_lfb.blue_pos = fb->blue_pos;
	out->u.vesa_lfb.blue_size = fb->blue_size;
	if (fb->bpp == 32 && fb->red_size == 8) {
		out->u.vesa_lfb.rsvd_pos = 24;
		out->u.vesa_lfb.rsvd_size = 8;
	}
}

u32 boot_video(struct dom0_vga_console_info *out)
{
	const struct boot_framebuffer *fb = &boot_info.fb;

	memset(out, 0, sizeof(*out));
	if (fb->present && !fb->text) {
		if (fb->pitch > 0xffff || fb->bpp < 15)
			return 0;
		fill_lfb(out, fb);
		return sizeof(*out);
	}
	if (!firmware_uses_text())
		return 0;
	out->video_type = XEN_VGATYPE_TEXT_MODE_3;
	out->u.text_mode_3.font_height = 16;
	out->u.text_mode_3.cursor_x = (u16)MIN(column, VGA_COLUMNS - 1u);
	out->u.text_mode_3.cursor_y = (u16)row;
	out->u.text_mode_3.rows = VGA_ROWS;
	out->u.text_mode_3.columns = VGA_COLUMNS;
	return sizeof(*out);
}
