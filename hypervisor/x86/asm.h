/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers that assembly and C must agree on; x86/desc.c checks them against the structures. */
#pragma once

#define VIRT_OFFSET      0xffff828000000000 /* image address - machine address */
#define IMAGE_BASE       0x200000           /* where the boot loader puts the image */
#define STACK_BYTES      65536              /* CPU_STACK_SIZE */
#define CPU_INFO_BYTES   232                /* sizeof(struct cpu_info) */
#define CPU_INFO_SCRATCH 224

/* struct cpu_user_regs */
#define REGS_ERROR  120
#define REGS_VECTOR 124
#define REGS_RIP    128
#define REGS_CS     136
#define REGS_RFLAGS 144
#define REGS_RSP    152
#define REGS_SS     160
#define REGS_QWORDS 21 /* up to and including ss */

#define STUB_BYTES 128 /* a CPU's two syscall stubs */

/* The boot GDT, until a CPU has its own. */
#define BOOT_CS32 0x08
#define BOOT_DS   0x10
#define BOOT_CS64 0x18
