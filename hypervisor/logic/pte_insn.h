/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The instructions with which guests write page-table entries through read-only mappings. PURE: decodes the
 * bytes, and computes what the write would be; the caller knows the operand's address (from CR2), checks the
 * new entry and commits it. Only 64-bit code; one memory operand of 1, 2, 4 or 8 bytes.
 */
#pragma once
#include "logic/abi.h"

#define INSN_MAX_BYTES 15

enum pte_op {
	PTE_OP_MOV, PTE_OP_XCHG, PTE_OP_CMPXCHG, PTE_OP_XADD,
	PTE_OP_ADD, PTE_OP_OR, PTE_OP_AND, PTE_OP_SUB, PTE_OP_XOR,
	PTE_OP_BTS, PTE_OP_BTR, PTE_OP_BTC,
};

struct pte_insn {
	enum pte_op op;
	u8 len;          /* bytes of the instruction, 1..15 */
	u8 size;         /* bytes of the operand: 1, 2, 4, 8 */
	bool has_imm;    /* the source is imm, else a register */
	u64 imm;         /* sign-extended, not yet cut to size */
	u8 reg;          /* 0..15: rax rcx rdx rbx rsp rbp rsi rdi r8.. */
	bool high_byte;  /* reg is ah, ch, dh, bh (0..3) */
};

/* What executing it does. */
struct pte_insn_result {
	bool write;        /* memory gets @mem */
	u64 mem;           /* cut to the operand's size */
	bool write_reg;    /* register @reg gets @reg_val: merge by size (4 clears the upper half) */
	bool write_rax;    /* the accumulator does (failed cmpxchg) */
	u64 reg_val;
	u64 flags, flags_mask; /* rflags bits that change */
};

/* @avail: bytes there are at the instruction pointer. False: not one of these, or cut off. */
bool pte_insn_decode(const u8 *code, u32 avail, struct pte_insn *out);

/* @mem: what the operand holds now. */
void pte_insn_execute(const struct pte_insn *in, const struct cpu_user_regs *regs, u64 mem,
                      struct pte_insn_result *out);

/* Stores the register results and flags, and moves rip on. */
void pte_insn_retire(const struct pte_insn *in, const struct pte_insn_result *res,
                     struct cpu_user_regs *regs);
