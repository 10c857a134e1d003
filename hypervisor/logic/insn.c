/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "logic/insn.h"
#include <string.h>

/* Reading position. Every read is checked; the first failure sticks. */
struct cursor {
	const u8 *bytes;
	size_t n, pos;
	bool over;
};

static u8 next_byte(struct cursor *c)
{
	if (c->pos >= c->n) {
		c->over = true;
		return 0;
	}
	return c->bytes[c->pos++];
}

static s32 next_disp(struct cursor *c, u32 bytes)
{
	u32 v = 0;

	for (u32 i = 0; i < bytes; i++)
		v |= (u32)next_byte(c) << (8 * i);
	return bytes == 1 ? (s8)v : bytes == 2 ? (s16)v : (s32)v;
}

struct prefixes {
	bool opsize, addrsize, rep, lock;
	u8 rex;
	enum insn_seg seg;
};

/* True if @b is a legacy prefix; records it. */
static bool legacy_prefix(struct prefixes *p, u8 b)
{
	switch (b) {
	case 0x66: p->opsize = true; return true;
	case 0x67: p->addrsize = true; return true;
	case 0xf0: p->lock = true; return true;
	case 0xf2:
	case 0xf3: p->rep = true; return true;
	case 0x26: p->seg = SEG_ES; return true;
	case 0x2e: p->seg = SEG_CS; return true;
	case 0x36: p->seg = SEG_SS; return true;
	case 0x3e: p->seg = SEG_DS; return true;
	case 0x64: p->seg = SEG_FS; return true;
	case 0x65: p->seg = SEG_GS; return true;
	default: return false;
	}
}

/* Consumes prefixes; returns the opcode's first byte. REX counts only right before the opcode. */
static u8 read_prefixes(struct cursor *c, struct prefixes *p, bool long_mode)
{
	for (;;) {
		u8 b = next_byte(c);

		if (legacy_prefix(p, b)) {
			p->rex = 0;
		} else if (long_mode && (b & 0xf0) == 0x40) {
			p->rex = b;
		} else {
			return b;
		}
	}
}

/* 16-bit address forms are not decoded: nobody uses them with these instructions. */
static bool memory_operand(struct insn *i, struct cursor *c, u8 modrm, u8 rex)
{
	u8 mod = modrm >> 6, rm = modrm & 7;

	if (i->addr_size == 2)
		return false;
	i->mem = true;
	i->base = i->index = -1;
	i->scale = 1;
	if (rm == 4) {
		u8 sib = next_byte(c);
		u8 index = (sib >> 3 & 7) | (rex & 2) << 2;

		if (index != 4)
			i->index = (s8)index;
		i->scale = (u8)(1 << (sib >> 6));
		rm = sib & 7;
		if (rm != 5 || mod != 0)
			i->base = (s8)(rm | (rex & 1) << 3);
		else
			i->disp = next_disp(c, 4);
	} else if (rm == 5 && mod == 0) {
		i->rip_relative = i->addr_size == 8 || rex; /* absolute in 32-bit code */
		i->disp = next_disp(c, 4);
	} else {
		i->base = (s8)(rm | (rex & 1) << 3);
	}
	if (mod == 1)
		i->disp = next_disp(c, 1);
	else if (mod == 2)
		i->disp = next_disp(c, 4);
	return true;
}

static bool operand(struct insn *i, struct cursor *c, u8 modrm, u8 rex)
{
	if (modrm >> 6 != 3)
		return memory_operand(i, c, modrm, rex);
	i->rm = (modrm & 7) | (rex & 1) << 3;
	return true;
}

/* MOV to and from control and debug registers: the mod field is ignored, always registers. */
static bool mov_special(struct insn *i, struct cursor *c, const struct prefixes *p, u8 op,
                        bool long_mode)
{
	u8 modrm = next_byte(c);

	static const enum insn_op ops[4] = {INSN_MOV_FROM_CR, INSN_MOV_FROM_DR, INSN_MOV_TO_CR,
	                                    INSN_MOV_TO_DR};
	i->op = ops[op & 3];
	i->op_size = long_mode ? 8 : 4;
	i->reg = (modrm >> 3 & 7) | (p->rex & 4) << 1;
	if (p->lock && !(op & 1)) /* LOCK MOV CR0 means CR8 on AMD */
		i->reg |= 8;
	i->rm = (modrm & 7) | (p->rex & 1) << 3;
	return i->reg < 8 || !(op & 1);
}

/* 0F 01: a group chosen by ModRM.reg, and some whole bytes of their own. */
static bool group_0f01(struct insn *i, struct cursor *c, const struct prefixes *p)
{
	u8 modrm = next_byte(c);

	if (modrm == 0xd1) {
		i->op = INSN_XSETBV;
		return true;
	}
	if (modrm == 0xf9) {
		i->op = INSN_RDTSCP;
		return true;
	}
	switch (modrm >> 3 & 7) {
	case 4:
		i->op = INSN_SMSW;
		break;
	case 6:
		i->op = INSN_LMSW;
		break;
	case 7:
		if (modrm >> 6 == 3)
			return false;
		i->op = INSN_INVLPG;
		break;
	default:
		return false;
	}
	if (i->op != INSN_SMSW || modrm >> 6 != 3)
		i->op_size = 2;
	return operand(i, c, modrm, p->rex);
}

static bool two_byte(struct insn *i, struct cursor *c, const struct prefixes *p, bool long_mode)
{
	u8 op = next_byte(c);

	switch (op) {
	case 0x01: return group_0f01(i, c, p);
	case 0x06: i->op = INSN_CLTS; return true;
	case 0x08: i->op = INSN_INVD; return true;
	case 0x09: i->op = INSN_WBINVD; return true;
	case 0x20 ... 0x23: return mov_special(i, c, p, op, long_mode);
	case 0x30: i->op = INSN_WRMSR; return true;
	case 0x31: i->op = INSN_RDTSC; return true;
	case 0x32: i->op = INSN_RDMSR; return true;
	case 0x33: i->op = INSN_RDPMC; return true;
	case 0xa2: i->op = INSN_CPUID; return true;
	default: return false;
	}
}

/* IN, OUT, INS, OUTS: bit 0 of the opcode is "not a byte". */
static bool port_io(struct insn *i, struct cursor *c, u8 op)
{
	bool out = op & 2;

	if (!(op & 1))
		i->op_size = 1;
	if (op < 0x70) {
		i->op = out ? INSN_OUTS : INSN_INS;
		return true;
	}
	i->op = out ? INSN_OUT : INSN_IN;
	i->port_imm = op < 0xe8;
	if (i->port_imm)
		i->port = next_byte(c);
	return true;
}

static bool one_byte(struct insn *i, struct cursor *c, const struct prefixes *p, u8 op,
                     bool long_mode)
{
	switch (op) {
	case 0x0f: return two_byte(i, c, p, long_mode);
	case 0x6c ... 0x6f:
	case 0xe4 ... 0xe7:
	case 0xec ... 0xef: return port_io(i, c, op);
	case 0xf4: i->op = INSN_HLT; return true;
	case 0xfa: i->op = INSN_CLI; return true;
	case 0xfb: i->op = INSN_STI; return true;
	default: return false;
	}
}

/* ud2 "xen" in front of CPUID asks for emulation. */
static bool forced_prefix(struct cursor *c)
{
	const size_t n = sizeof(INSN_FORCED) - 1;

	if (c->n < n || memcmp(c->bytes, INSN_FORCED, n))
		return false;
	c->pos = n;
	return true;
}

enum insn_result insn_decode(struct insn *i, const u8 *bytes, size_t n, bool long_mode)
{
	struct cursor c = {.bytes = bytes, .n = n};
	struct prefixes p = {0};
	size_t start;
	bool known;
	u8 op;

	memset(i, 0, sizeof(*i));
	i->forced = forced_prefix(&c);
	start = c.pos;
	op = read_prefixes(&c, &p, long_mode);
	i->rep = p.rep;
	i->seg = p.seg;
	i->op_size = p.opsize ? 2 : 4;
	i->addr_size = long_mode ? (p.addrsize ? 4 : 8) : (p.addrsize ? 2 : 4);
	known = one_byte(i, &c, &p, op, long_mode);
	if (c.over)
		return n - start >= INSN_MAX ? INSN_UNKNOWN : INSN_TRUNCATED;
	if (!known || c.pos - start > INSN_MAX || (i->forced && i->op != INSN_CPUID))
		return INSN_UNKNOWN;
	if (p.lock && i->op != INSN_MOV_TO_CR && i->op != INSN_MOV_FROM_CR)
		return INSN_UNKNOWN;
	i->length = (u8)c.pos;
	return INSN_OK;
}
