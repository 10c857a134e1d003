/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "logic/e820.h"

bool e820_add(struct e820_map *m, u64 addr, u64 size, u32 type)
{
	if (m->n >= E820_MAX || !size || addr + size < addr || !type)
		return false;
	m->e[m->n++] = (struct e820_entry){addr, size, type};
	return true;
}

/* Highest type of those raw entries that cover [at, next): the boundaries never split it. */
static u32 winning_type(const struct e820_map *m, u64 at)
{
	u32 type = 0;

	for (u32 i = 0; i < m->n; i++)
		if (at >= m->e[i].addr && at - m->e[i].addr < m->e[i].size && m->e[i].type > type)
			type = m->e[i].type;
	return type;
}

/* Smallest boundary of any entry above @at; @at itself if there is none. */
static u64 next_boundary(const struct e820_map *m, u64 at)
{
	u64 best = 0;

	for (u32 i = 0; i < m->n; i++) {
		u64 b[2] = {m->e[i].addr, m->e[i].addr + m->e[i].size};

		for (u32 k = 0; k < 2; k++)
			if (b[k] > at && (!best || b[k] < best))
				best = b[k];
	}
	return best ? best : at;
}

static bool append_merged(struct e820_map *m, u64 start, u64 end, u32 type)
{
	struct e820_entry *last = m->n ? &m->e[m->n - 1] : NULL;

	if (last && last->type == type && last->addr + last->size == start) {
		last->size += end - start;
		return true;
	}
	return e820_add(m, start, end - start, type);
}

static void trim_ram_to_pages(struct e820_map *m)
{
	u32 kept = 0;

	for (u32 i = 0; i < m->n; i++) {
		struct e820_entry e = m->e[i];

		if (e.type == E820_RAM) {
			u64 start = ROUND_UP(e.addr, PAGE_SIZE);
			u64 end = ROUND_DOWN(e.addr + e.size, PAGE_SIZE);

			if (start < e.addr || start >= end)
				continue;
			e.addr = start;
			e.size = end - start;
		}
		m->e[kept++] = e;
	}
	m->n = kept;
}

bool e820_sanitize(struct e820_map *m, struct e820_map *scratch)
{
	u64 at = 0, next;

	scratch->n = 0;
	for (;; at = next) {
		u32 type = winning_type(m, at);

		next = next_boundary(m, at);
		if (next == at)
			break;
		if (type && !append_merged(scratch, at, next, type))
			return false;
	}
	trim_ram_to_pages(scratch);
	*m = *scratch;
	return true;
}

u32 e820_type(const struct e820_map *m, u64 addr)
{
	for (u32 i = 0; i < m->n; i++)
		if (addr >= m->e[i].addr && addr - m->e[i].addr < m->e[i].size)
			return m->e[i].type;
	return 0;
}

bool e820_covers(const struct e820_map *m, u64 addr, u64 size, u32 type)
{
	u64 end = addr + size;

	if (end < addr)
		return false;
	for (u32 i = 0; i < m->n && addr < end; i++) {
		const struct e820_entry *e = &m->e[i];

		if (e->type == type && addr >= e->addr && addr - e->addr < e->size)
			addr = e->addr + e->size;
	}
	return addr >= end;
}

u64 e820_ram_end(const struct e820_map *m)
{
	u64 end = 0;

	for (u32 i = 0; i < m->n; i++)
		if (m->e[i].type == E820_RAM)
			end = MAX(end, m->e[i].addr + m->e[i].size);
	return end;
}

bool ranges_add(struct ranges *rs, u64 start, u64 end)
{
	if (rs->n >= RANGES_MAX)
		return false;
	if (start < end) {
		rs->r[rs->n].start = start;
		rs->r[rs->n].end = end;
		rs->n++;
	}
	return true;
}

bool ranges_remove(struct ranges *rs, u64 start, u64 end)
{
	u32 n = rs->n;

	for (u32 i = 0; i < n; i++) {
		u64 s = rs->r[i].start, e = rs->r[i].end;

		if (end <= s || start >= e || start >= end)
			continue;
		rs->r[i].end = MAX(s, start);
		if (rs->r[i].end == s) { /* the front goes: keep the back here */
			rs->r[i].start = MIN(e, end);
			rs->r[i].end = e;
		} else if (end < e && !ranges_add(rs, end, e)) {
			return false;
		}
	}
	return true;
}

u64 ranges_take(struct ranges *rs, u64 size, u32 shift, u64 limit)
{
	u64 best = 0;

	for (u32 i = 0; i < rs->n; i++) {
		u64 end = rs->r[i].end, at;

		if (limit && end > limit)
			end = limit;
		if (end < size || end <= rs->r[i].start)
			continue;
		at = (end - size) >> shift << shift;
		if (at >= rs->r[i].start && at > best)
			best = at;
	}
	if (best && !ranges_remove(rs, best, best + size))
		return 0;
	return best;
}
