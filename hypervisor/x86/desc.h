/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside x86/: stacks and descriptor tables of CPUs. */
#pragma once
#include "core/machine.h"

#define IST_DF  1
#define IST_NMI 2
#define IST_MC  3
#define IST_DB  4

/* Stack blocks in L4 slot 257, a block's size apart. */
#define STACK_AREA 0xffff80c000000000UL

static inline u64 stack_block(u32 cpu)
{
	return STACK_AREA + (u64)cpu * CPU_STACK_SIZE;
}

bool stack_page_is_guard(u32 page);      /* page 0..15 of a block */
void idt_init(void);                     /* fills the table, no IST yet */
void ist_enable(void);                   /* from now on: the stacks are mapped */
void stubs_init(void);                   /* all CPUs' syscall stubs */
void gdt_page_set(u32 cpu, void *page);  /* before desc_init_this() of another CPU */
