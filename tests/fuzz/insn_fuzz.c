/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Privileged instructions (logic/insn.c), any bytes. What must hold: nothing is read past the end; a
 * decoded instruction is at least a byte and no longer than was given; more bytes behind it do not change
 * it, fewer make it truncated; register numbers and sizes are of the few that exist.
 */
#include <stdlib.h>
#include <string.h>
#include "logic/insn.h"

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check_fields(const struct insn *i)
{
	must(i->reg < 16 && i->rm < 16 && i->base < 16 && i->index < 16);
	must(i->op_size == 1 || i->op_size == 2 || i->op_size == 4 || i->op_size == 8);
	must(i->addr_size == 2 || i->addr_size == 4 || i->addr_size == 8);
	must(!i->mem || i->scale == 1 || i->scale == 2 || i->scale == 4 || i->scale == 8);
	must(!i->forced || i->op == INSN_CPUID);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	bool long_mode = n && data[0] & 1;
	u8 more[64] = {0};
	struct insn a, b;

	if (n < 1 || n > sizeof(more))
		return 0;
	data++;
	n--;
	if (insn_decode(&a, data, n, long_mode) != INSN_OK)
		return 0;
	must(a.length >= 1 && a.length <= n && a.length <= INSN_MAX + 5);
	check_fields(&a);
	memcpy(more, data, a.length);
	must(insn_decode(&b, more, sizeof(more), long_mode) == INSN_OK);
	must(memcmp(&a, &b, sizeof(a)) == 0);
	must(insn_decode(&b, data, a.length - 1u, long_mode) != INSN_OK);
	return 0;
}
