/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The buddy allocator under any sequence of operations: a frame is given away at most once at a time, in
 * blocks that are aligned and in the zones asked for, and the counts are those of a plain map.
 */
#include <string.h>
#include "core_fuzz.h"
#include "logic/buddy.h"

#define FRAMES 1024u

static struct page_info frames[FRAMES];
static bool given[FRAMES];
static struct buddy b;

static bool valid(u64 n)
{
	return n < FRAMES && (n < 300 || n >= 340);
}

static void mark(u64 n, u32 order, bool dirty)
{
	for (u64 i = n; i < n + BIT(order); i++) {
		HOLD(given[i]);
		given[i] = false;
		frames[i] = (struct page_info){.shadow = HEAPF_MAGIC | (dirty ? HEAPF_DIRTY : 0)};
	}
	buddy_free(&b, n, order);
}

static void taken(u64 n, u32 order, u32 first, u32 last)
{
	HOLD(n % BIT(order) == 0 && n + BIT(order) <= FRAMES);
	HOLD(buddy_zone(n) >= first && buddy_zone(n) <= last);
	for (u64 i = n; i < n + BIT(order); i++) {
		HOLD(valid(i) && !given[i]);
		given[i] = true;
		frames[i].shadow = 0;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct {
		u64 n;
		u32 order;
	} held[FRAMES];
	u32 nheld = 0, free = 0;

	memset(frames, 0, sizeof(frames));
	buddy_init(&b, frames, valid);
	for (u64 i = 0; i < FRAMES; i++)
		given[i] = true;
	for (u64 i = 1; i < FRAMES; i++)
		if (valid(i))
			mark(i, 0, i & 1);
	while (in.left > 0) {
		u32 order = take(&in, 11), first = take(&in, 10), last = first + take(&in, 10), got;
		u64 n;

		switch (take(&in, 4)) {
		case 0:
			n = buddy_alloc(&b, order, first, last, order & 1);
			if (n == ~0ULL)
				break;
			taken(n, order, first, last);
			held[nheld].n = n;
			held[nheld++].order = order;
			break;
		case 1:
			if (!nheld)
				break;
			got = take(&in, nheld);
			mark(held[got].n, held[got].order, order & 1);
			held[got] = held[--nheld];
			break;
		case 2:
			n = buddy_take_dirty(&b, order, &got);
			if (n == ~0ULL)
				break;
			HOLD(got <= order);
			taken(n, got, 0, BUDDY_ZONES);
			mark(n, got, false);
			break;
		case 3:
			buddy_coalesce(&b, order);
			break;
		}
	}
	for (u64 i = 0; i < FRAMES; i++)
		free += !given[i];
	HOLD(b.free == free);
	return 0;
}
