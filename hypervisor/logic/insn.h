/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Decoder of the instructions that trap when a PV guest runs them in ring 3. PURE: bytes in, a
 * description out. Encodings: AMD64 Architecture Programmer's Manual, volume 3. */
#pragma once
#include "logic/types.h"

#define INSN_MAX 15 /* longest instruction */
#define INSN_FORCED "\x0f\x0b" "xen" /* ud2 and a name: asks for the emulation of what follows */

enum insn_op {
	INSN_RDMSR, INSN_WRMSR, INSN_MOV_FROM_CR, INSN_MOV_TO_CR, INSN_MOV_FROM_DR,
	INSN_MOV_TO_DR, INSN_CLTS, INSN_LMSW, INSN_SMSW, INSN_XSETBV, INSN_WBINVD, INSN_INVD,
	INSN_HLT, INSN_IN, INSN_OUT, INSN_INS, INSN_OUTS, INSN_RDTSC, INSN_RDTSCP, INSN_RDPMC,
	INSN_CPUID, INSN_CLI, INSN_STI, INSN_INVLPG
};

enum insn_seg { SEG_DEFAULT, SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS };

struct insn {
	enum insn_op op;
	u8 length;         /* bytes, 1..15; with the forced-emulation prefix 20 at most */
	u8 op_size;        /* bytes of data: 1, 2, 4 (I/O, lmsw), 8 (control registers) */
	u8 addr_size;      /* 2, 4 or 8 */
	bool rep;          /* F2 or F3 */
	bool forced;       /* behind ud2 "xen" */
	bool port_imm;     /* port in @port, else in DX */
	u8 port;
	enum insn_seg seg; /* override */
	u8 reg;            /* control or debug register number */
	u8 rm;             /* general register number when @mem is false */
	bool mem;          /* memory operand: base + index * scale + disp */
	bool rip_relative;
	s8 base, index;    /* register numbers, -1 = none */
	u8 scale;          /* 1, 2, 4, 8 */
	s32 disp;
};

enum insn_result {
	INSN_OK,
	INSN_UNKNOWN,      /* not one of ours, or malformed */
	INSN_TRUNCATED     /* the bytes end before the instruction does */
};

/* Decodes the instruction at @bytes; @long_mode says that CS is a 64-bit segment (else 32-bit). */
enum insn_result insn_decode(struct insn *out, const u8 *bytes, size_t n, bool long_mode);
