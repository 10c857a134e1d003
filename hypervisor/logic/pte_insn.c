/* SPDX-License-Identifier: GPL-3.0-or-later */
/* See pte_insn.h. Encodings: Intel SDM vol. 2, appendix A; flags: vol. 1, appendix A. */
#include "logic/pte_insn.h"

#define FLAG_CF 0x001ULL
#define FLAG_PF 0x004ULL
#define FLAG_AF 0x010ULL
#define FLAG_ZF 0x040ULL
#define FLAG_SF 0x080ULL
#define FLAG_OF 0x800ULL
#define FLAGS_ARITH (FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

#define REX_W 8
#define REX_R 4

/* ---- decoding ---- */

struct cursor {
	const u8 *p;
	u32 at, end;
	bool bad;
};

static u8 next(struct cursor *c)
{
	if (c->at >= c->end) {
		c->bad = true;
		return 0;
	}
	return c->p[c->at++];
}

static void skip(struct cursor *c, u32 n)
{
	while (n--)
		(void)next(c);
}

static u64 immediate(struct cursor *c, u32 bytes)
{
	u64 v = 0;

	for (u32 i = 0; i < bytes; i++)
		v |= (u64)next(c) << (8 * i);
	if (bytes < 8 && (v >> (8 * bytes - 1) & 1))
		v |= ~0ULL << (8 * bytes); /* all sign-extend */
	return v;
}

/* Passes the ModRM byte, SIB and displacement of a memory operand; gives the reg field. */
static u8 modrm(struct cursor *c)
{
	u8 m = next(c), mod = m >> 6, rm = m & 7;

	if (mod == 3) {
		c->bad = true; /* no memory operand */
		return 0;
	}
	if (rm == 4) {
		u8 sib = next(c);
		if (mod == 0 && (sib & 7) == 5)
			skip(c, 4);
	} else if (mod == 0 && rm == 5) {
		skip(c, 4); /* rip-relative */
	}
	skip(c, mod == 1 ? 1 : mod == 2 ? 4 : 0);
	return m >> 3 & 7;
}

struct prefixes {
	bool op16;
	u8 rex;
};

static u8 prefixes(struct cursor *c, struct prefixes *p)
{
	for (;;) {
		u8 b = next(c);

		switch (b) {
		case 0x66:
			p->op16 = true;
			break;
		case 0x67: case 0xf0: case 0xf2: case 0xf3:
		case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64: case 0x65:
			break;
		default:
			if ((b & 0xf0) != 0x40)
				return b;
			/* REX counts only right before the opcode: one that is followed by another
			 * prefix is as if it were not there. */
			p->rex = b;
			continue;
		}
		p->rex = 0;
		if (c->bad)
			return 0;
	}
}

static void set_size(struct pte_insn *in, const struct prefixes *p, bool byte)
{
	in->size = byte ? 1 : p->rex & REX_W ? 8 : p->op16 ? 2 : 4;
}

static void source_register(struct pte_insn *in, const struct prefixes *p, u8 reg)
{
	if (in->size == 1 && !p->rex && reg >= 4) {
		in->high_byte = true;
		in->reg = reg - 4;
	} else {
		in->reg = reg | (p->rex & REX_R ? 8 : 0);
	}
}

static bool group1_op(u8 field, enum pte_op *op)
{
	switch (field) {
	case 0: *op = PTE_OP_ADD; return true;
	case 1: *op = PTE_OP_OR; return true;
	case 4: *op = PTE_OP_AND; return true;
	case 5: *op = PTE_OP_SUB; return true;
	case 6: *op = PTE_OP_XOR; return true;
	default: return false; /* adc, sbb, cmp */
	}
}

/* Immediate of at most 4 bytes, after the operand. */
static void source_immediate(struct pte_insn *in, struct cursor *c, u32 bytes)
{
	in->has_imm = true;
	in->imm = immediate(c, MIN(bytes, 4U));
}

static bool decode_one_byte(struct pte_insn *in, struct cursor *c, const struct prefixes *p, u8 opcode)
{
	u8 field;

	set_size(in, p, !(opcode & 1) && opcode != 0x82);
	switch (opcode) {
	case 0x00: case 0x01: case 0x08: case 0x09: case 0x20: case 0x21:
	case 0x28: case 0x29: case 0x30: case 0x31: /* add or and sub xor: memory, register */
		if (!group1_op(opcode >> 3, &in->op))
			return false;
		source_register(in, p, modrm(c));
		return true;
	case 0x80: case 0x81: case 0x83: /* the same with an immediate */
		field = modrm(c);
		source_immediate(in, c, opcode == 0x81 ? in->size : 1);
		return group1_op(field, &in->op);
	case 0x86: case 0x87:
		in->op = PTE_OP_XCHG;
		source_register(in, p, modrm(c));
		return true;
	case 0x88: case 0x89:
		in->op = PTE_OP_MOV;
		source_register(in, p, modrm(c));
		return true;
	case 0xc6: case 0xc7:
		in->op = PTE_OP_MOV;
		field = modrm(c);
		source_immediate(in, c, in->size);
		return field == 0;
	default:
		return false;
	}
}

static bool decode_two_bytes(struct pte_insn *in, struct cursor *c, const struct prefixes *p, u8 opcode)
{
	u8 field;

	set_size(in, p, opcode == 0xb0 || opcode == 0xc0);
	switch (opcode) {
	case 0xab: in->op = PTE_OP_BTS; break;
	case 0xb3: in->op = PTE_OP_BTR; break;
	case 0xbb: in->op = PTE_OP_BTC; break;
	case 0xb0: case 0xb1: in->op = PTE_OP_CMPXCHG; break;
	case 0xc0: case 0xc1: in->op = PTE_OP_XADD; break;
	case 0xba: /* bit operations with an immediate */
		field = modrm(c);
		source_immediate(in, c, 1);
		in->op = field == 5 ? PTE_OP_BTS : field == 6 ? PTE_OP_BTR : PTE_OP_BTC;
		return field >= 5;
	default:
		return false;
	}
	source_register(in, p, modrm(c));
	return true;
}

bool pte_insn_decode(const u8 *code, u32 avail, struct pte_insn *out)
{
	struct cursor c = {code, 0, MIN(avail, (u32)INSN_MAX_BYTES), false};
	struct prefixes p = {0};
	u8 opcode;
	bool ok;

	*out = (struct pte_insn){0};
	opcode = prefixes(&c, &p);
	if (opcode == 0x0f)
		ok = decode_two_bytes(out, &c, &p, next(&c));
	else
		ok = decode_one_byte(out, &c, &p, opcode);
	out->len = (u8)c.at;
	return ok && !c.bad;
}

/* ---- executing ---- */

static u64 size_mask(u8 size)
{
	return size == 8 ? ~0ULL : BIT(8 * size) - 1;
}

static u64 *reg_ptr(struct cpu_user_regs *r, u8 i)
{
	u64 *const map[16] = {
		&r->rax, &r->rcx, &r->rdx, &r->rbx, &r->rsp, &r->rbp, &r->rsi, &r->rdi,
		&r->r8, &r->r9, &r->r10, &r->r11, &r->r12, &r->r13, &r->r14, &r->r15,
	};

	return map[i & 15];
}

static u64 source(const struct pte_insn *in, const struct cpu_user_regs *regs)
{
	u64 v;

	if (in->has_imm)
		return in->imm;
	v = *reg_ptr((struct cpu_user_regs *)regs, in->reg);
	return in->high_byte ? v >> 8 : v;
}

static u64 result_flags(u64 v, u8 size)
{
	u64 f = 0;

	if (v == 0)
		f |= FLAG_ZF;
	if (v >> (8 * size - 1) & 1)
		f |= FLAG_SF;
	if (__builtin_parity((u32)(v & 0xff)) == 0)
		f |= FLAG_PF;
	return f;
}

static u64 add_flags(u64 a, u64 b, u64 sum, u8 size)
{
	u64 f = result_flags(sum, size), sign = BIT(8 * size - 1);

	if (sum < a)
		f |= FLAG_CF;
	if (~(a ^ b) & (a ^ sum) & sign)
		f |= FLAG_OF;
	if ((a ^ b ^ sum) & 0x10)
		f |= FLAG_AF;
	return f;
}

static u64 sub_flags(u64 a, u64 b, u64 diff, u8 size)
{
	u64 f = result_flags(diff, size), sign = BIT(8 * size - 1);

	if (a < b)
		f |= FLAG_CF;
	if ((a ^ b) & (a ^ diff) & sign)
		f |= FLAG_OF;
	if ((a ^ b ^ diff) & 0x10)
		f |= FLAG_AF;
	return f;
}

static void execute_cmpxchg(const struct pte_insn *in, const struct cpu_user_regs *regs, u64 mem,
                            u64 src, struct pte_insn_result *out)
{
	u64 mask = size_mask(in->size), acc = regs->rax & mask;

	out->flags = sub_flags(acc, mem, (acc - mem) & mask, in->size);
	out->flags_mask = FLAGS_ARITH;
	if (acc == mem) {
		out->mem = src;
	} else {
		out->write = false;
		out->write_rax = true;
		out->reg_val = mem;
	}
}

static void execute_bit(const struct pte_insn *in, u64 mem, u64 src, struct pte_insn_result *out)
{
	u64 bit = BIT(src & (8u * in->size - 1)); /* CR2 is that of the unit the bit is in */

	out->flags = mem & bit ? FLAG_CF : 0;
	out->flags_mask = FLAG_CF;
	out->mem = in->op == PTE_OP_BTS ? mem | bit : in->op == PTE_OP_BTR ? mem & ~bit : mem ^ bit;
}

void pte_insn_execute(const struct pte_insn *in, const struct cpu_user_regs *regs, u64 mem,
                      struct pte_insn_result *out)
{
	u64 mask = size_mask(in->size), src = source(in, regs) & mask;

	mem &= mask;
	*out = (struct pte_insn_result){.write = true};
	switch (in->op) {
	case PTE_OP_MOV:
		out->mem = src;
		return;
	case PTE_OP_XCHG:
		out->mem = src;
		out->write_reg = true;
		out->reg_val = mem;
		return;
	case PTE_OP_CMPXCHG:
		execute_cmpxchg(in, regs, mem, src, out);
		return;
	case PTE_OP_XADD:
		out->write_reg = true;
		out->reg_val = mem;
		/* fallthrough */
	case PTE_OP_ADD:
		out->mem = (mem + src) & mask;
		out->flags = add_flags(mem, src, out->mem, in->size);
		break;
	case PTE_OP_SUB:
		out->mem = (mem - src) & mask;
		out->flags = sub_flags(mem, src, out->mem, in->size);
		break;
	case PTE_OP_OR:
		out->mem = mem | src;
		out->flags = result_flags(out->mem, in->size);
		break;
	case PTE_OP_AND:
		out->mem = mem & src;
		out->flags = result_flags(out->mem, in->size);
		break;
	case PTE_OP_XOR:
		out->mem = mem ^ src;
		out->flags = result_flags(out->mem, in->size);
		break;
	default:
		execute_bit(in, mem, src, out);
		return;
	}
	out->flags_mask = FLAGS_ARITH;
}

static void set_register(u64 *reg, u64 v, u8 size, bool high_byte)
{
	u64 mask = size_mask(size);

	if (size == 4)
		*reg = v & mask;
	else if (high_byte)
		*reg = (*reg & ~0xff00ULL) | (v & 0xff) << 8;
	else
		*reg = (*reg & ~mask) | (v & mask);
}

void pte_insn_retire(const struct pte_insn *in, const struct pte_insn_result *res,
                     struct cpu_user_regs *regs)
{
	if (res->write_rax)
		set_register(&regs->rax, res->reg_val, in->size, false);
	else if (res->write_reg)
		set_register(reg_ptr(regs, in->reg), res->reg_val, in->size, in->high_byte);
	regs->rflags = (regs->rflags & ~res->flags_mask) | res->flags;
	regs->rip += in->len;
}
