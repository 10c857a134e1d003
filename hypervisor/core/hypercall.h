/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hypercalls. The table is made from hypercalls.def; a handler is `long hc_NAME(const u64 a[6])`
 * returning >= 0 or -XEN_Exxx, and runs with interrupts on and no lock held. */
#pragma once
#include "core/guest.h"
#include "core/softirq.h"

typedef long hypercall_fn(const u64 a[6]);

#define HYPERCALL_ROW(nr, name, nargs, who, locks) hypercall_fn hc_##name;
#include "hypercalls.def"
#undef HYPERCALL_ROW

/* From the syscall entry (pv/): looks the call up in the table and sets guest rax. */
void hypercall_dispatch(struct cpu_user_regs *regs);
/* The same for one call with its arguments in hand (multicall, HVM). */
long hypercall_run(u64 nr, const u64 a[6]);

/* True when a long operation should make way: it then returns hypercall_continue(). */
bool hypercall_should_preempt(void);
/* Arranges that the guest makes call @nr again with @nargs arguments @a when it next runs (or that
 * a multicall resumes this entry); return its value from the handler unchanged. */
long hypercall_continue(u64 nr, u32 nargs, const u64 *a);

/* hypercall_continue() while in a multicall sets this, and the entry is repeated. */
struct multicall_state {
	bool active, preempted;
	struct multicall_entry call;
};
