/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The firmware's memory map. PURE. */
#pragma once
#include "logic/types.h"

struct e820_entry {
	u64 addr, size;
	u32 type; /* E820_*, as the BIOS call defines */
} __packed;

#define E820_RAM      1
#define E820_RESERVED 2
#define E820_ACPI     3
#define E820_NVS      4
#define E820_UNUSABLE 5

#define E820_MAX 512

struct e820_map {
	u32 n;
	struct e820_entry e[E820_MAX];
};

/* Adds one entry as the firmware gave it. False when the map is full or the range is empty or wraps. */
bool e820_add(struct e820_map *m, u64 addr, u64 size, u32 type);
/* Makes @m ascending, without overlaps (the higher type wins) and with RAM rounded inward to whole
 * pages; adjacent entries of one type merge. False if the result does not fit: @m is then unchanged.
 * @scratch is working memory of the same size. */
bool e820_sanitize(struct e820_map *m, struct e820_map *scratch);
/* Type of the byte at @addr in a sanitized map, 0 = hole. */
u32 e820_type(const struct e820_map *m, u64 addr);
/* Is [addr, addr+size) wholly in entries of @type? */
bool e820_covers(const struct e820_map *m, u64 addr, u64 size, u32 type);
/* One past the last byte of RAM. */
u64 e820_ram_end(const struct e820_map *m);

/* ---- free ranges of RAM while booting ---- */
#define RANGES_MAX 640

struct ranges {
	u32 n;
	struct {
		u64 start, end;
	} r[RANGES_MAX];
};

bool ranges_add(struct ranges *rs, u64 start, u64 end);
/* Takes [start, end) away from whatever holds it. False when splitting does not fit. */
bool ranges_remove(struct ranges *rs, u64 start, u64 end);
/* Takes @size bytes aligned to 1 << @shift below @limit (0 = no limit), highest first. Its address,
 * or 0 if there is none (address 0 is never handed out). */
u64 ranges_take(struct ranges *rs, u64 size, u32 shift, u64 limit);
