/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes a guest has at its instruction pointer: the decoder reads no more than it was given, and what it
 * accepts is executed with any registers without undefined behaviour and within the operand. */
#include <stdlib.h>
#include <string.h>
#include "logic/pte_insn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cpu_user_regs regs = {0};
	struct pte_insn_result res;
	struct pte_insn in;
	u64 mem = 0, rip;
	size_t n = MIN(size, sizeof(mem));
	u8 *exact;
	bool ok;

	memcpy(&mem, data, n);
	data += n;
	size -= n;
	n = MIN(size, sizeof(regs));
	memcpy(&regs, data, n);
	data += n;
	size -= n;
	exact = malloc(size ? size : 1); /* so that the sanitizer sees a read beyond the end */
	if (!exact)
		return 0;
	memcpy(exact, data, size);
	ok = pte_insn_decode(exact, (u32)size, &in);
	free(exact);
	if (!ok)
		return 0;
	if (in.len == 0 || in.len > size || in.len > INSN_MAX_BYTES)
		abort();
	if (in.size != 1 && in.size != 2 && in.size != 4 && in.size != 8)
		abort();
	pte_insn_execute(&in, &regs, mem, &res);
	if (in.size < 8 && res.write && res.mem >> (8 * in.size))
		abort();
	rip = regs.rip;
	pte_insn_retire(&in, &res, &regs);
	if (regs.rip != rip + in.len)
		abort();
	return 0;
}
