/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside x86/: the end, with what is needed to find out why. */
#pragma once
#include "core/log.h"
#include "core/machine.h"

void panic_with_regs(const struct cpu_user_regs *regs, const char *fmt, ...) __printf(2, 3) __noreturn;
/* Prints registers and a backtrace of the hypervisor. */
void dump_regs(const struct cpu_user_regs *regs);
void dump_backtrace(u64 rip, u64 rbp);
