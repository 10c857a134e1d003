/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Emulated writes of page-table entries (logic/pte_insn.c).
 *
 * Argument: the processor that runs this test is the reference. Random instructions of every kind that the
 * decoder takes, with random registers, flags and memory, are executed by it and by the emulator; memory,
 * all registers and all defined flags must agree. What the decoder must refuse, and addressing forms that
 * change an instruction's length, are listed by hand; their lengths too are checked against the processor,
 * as the instruction that follows would not run otherwise.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "logic/pte_insn.h"

#define ROUNDS 30000

/* rax rcx rdx rbx rsp(not used) rbp rsi rdi r8..r15 */
u64 native_in[16], native_out[16], native_flags_in, native_flags_out;
void *native_target;
void native_run(void);
extern char native_back[];

__asm__(".text\n"
        "native_run:\n"
        "push %rbx\npush %rbp\npush %r12\npush %r13\npush %r14\npush %r15\n"
        "pushq native_flags_in(%rip)\npopfq\n"
        "mov native_in+0(%rip), %rax\nmov native_in+8(%rip), %rcx\nmov native_in+16(%rip), %rdx\n"
        "mov native_in+24(%rip), %rbx\nmov native_in+40(%rip), %rbp\nmov native_in+48(%rip), %rsi\n"
        "mov native_in+56(%rip), %rdi\nmov native_in+64(%rip), %r8\nmov native_in+72(%rip), %r9\n"
        "mov native_in+80(%rip), %r10\nmov native_in+88(%rip), %r11\nmov native_in+96(%rip), %r12\n"
        "mov native_in+104(%rip), %r13\nmov native_in+112(%rip), %r14\nmov native_in+120(%rip), %r15\n"
        "jmp *native_target(%rip)\n"
        "native_back:\n"
        "mov %rax, native_out+0(%rip)\nmov %rcx, native_out+8(%rip)\nmov %rdx, native_out+16(%rip)\n"
        "mov %rbx, native_out+24(%rip)\nmov %rbp, native_out+40(%rip)\nmov %rsi, native_out+48(%rip)\n"
        "mov %rdi, native_out+56(%rip)\nmov %r8, native_out+64(%rip)\nmov %r9, native_out+72(%rip)\n"
        "mov %r10, native_out+80(%rip)\nmov %r11, native_out+88(%rip)\nmov %r12, native_out+96(%rip)\n"
        "mov %r13, native_out+104(%rip)\nmov %r14, native_out+112(%rip)\nmov %r15, native_out+120(%rip)\n"
        "pushfq\npopq native_flags_out(%rip)\n"
        "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbp\npop %rbx\nret\n");

static u8 *code;
static u64 rng = 0x9e3779b97f4a7c15ULL;

static u64 rnd(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng;
}

static void map_code(void)
{
	code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(code, MAP_FAILED);
}

/* Runs @len bytes with the inputs set, then comes back. */
static void run_native(const u8 *insn, u32 len)
{
	static const u8 jump[] = {0xff, 0x25, 0, 0, 0, 0}; /* jmp *0(%rip) */
	void *back = native_back;

	memcpy(code, insn, len);
	memcpy(code + len, jump, sizeof(jump));
	memcpy(code + len + sizeof(jump), &back, sizeof(back));
	native_target = code;
	native_run();
}

/* A random instruction of a kind the decoder takes, operand (%rdi). Returns its length. */
static u32 random_insn(u8 *p, bool *undefined_af, bool *only_cf)
{
	static const u8 one[] = {0x01, 0x09, 0x21, 0x29, 0x31, 0x87, 0x89};
	static const u8 two[] = {0xab, 0xb3, 0xbb, 0xb1, 0xc1};
	static const u8 group1[] = {0, 1, 4, 5, 6};
	u32 n = 0, kind = (u32)(rnd() % 5);
	bool byte = rnd() & 1, op16 = !(rnd() % 4), w = rnd() & 1;
	u8 reg = rnd() & 7, op;

	if (kind == 1 || kind == 4)
		byte = false; /* bit operations have no byte form */
	if (op16)
		p[n++] = 0x66;
	if (rnd() & 1)
		p[n++] = (u8)(0x40 | (w ? 8 : 0) | (rnd() & 1 ? 4 : 0));
	else
		w = false;
	if (reg == 4 && !(n && (p[n - 1] & 0xf4) == 0x44) && !(byte && !(n && (p[n - 1] & 0xf0) == 0x40)))
		reg = 3; /* not the stack pointer */
	*undefined_af = *only_cf = false;
	switch (kind) {
	case 0: /* memory, register */
		op = one[rnd() % sizeof(one)];
		*undefined_af = op == 0x09 || op == 0x21 || op == 0x31;
		p[n++] = byte ? op - 1 : op;
		p[n++] = (u8)(reg << 3 | 7);
		break;
	case 1: /* bit operations, cmpxchg, xadd */
		op = two[rnd() % sizeof(two)];
		*only_cf = op == 0xab || op == 0xb3 || op == 0xbb;
		p[n++] = 0x0f;
		p[n++] = op;
		p[n++] = (u8)(reg << 3 | 7);
		break;
	case 2: /* arithmetic with an immediate */
		reg = group1[rnd() % sizeof(group1)];
		*undefined_af = reg == 1 || reg == 4 || reg == 6;
		op = byte ? 0x80 : rnd() & 1 ? 0x81 : 0x83;
		p[n++] = op;
		p[n++] = (u8)(reg << 3 | 7);
		for (u32 i = 0, k = op != 0x81 ? 1 : op16 && !w ? 2 : 4; i < k; i++)
			p[n++] = (u8)rnd();
		break;
	case 3: /* mov with an immediate */
		p[n++] = byte ? 0xc6 : 0xc7;
		p[n++] = 7;
		for (u32 i = 0, k = byte ? 1 : op16 && !w ? 2 : 4; i < k; i++)
			p[n++] = (u8)rnd();
		break;
	default: /* bit operations with an immediate */
		*only_cf = true;
		p[n++] = 0x0f;
		p[n++] = 0xba;
		p[n++] = (u8)((5 + rnd() % 3) << 3 | 7);
		p[n++] = (u8)rnd();
		break;
	}
	return n;
}

static u64 *reg_at(struct cpu_user_regs *r, u32 i)
{
	u64 *const map[16] = {&r->rax, &r->rcx, &r->rdx, &r->rbx, &r->rsp, &r->rbp, &r->rsi, &r->rdi,
	                      &r->r8, &r->r9, &r->r10, &r->r11, &r->r12, &r->r13, &r->r14, &r->r15};
	return map[i];
}

static bool is_bit_op_by_register(const struct pte_insn *in)
{
	return !in->has_imm && in->op >= PTE_OP_BTS;
}

START_TEST(agrees_with_the_processor)
{
	map_code();
	for (u32 round = 0; round < ROUNDS; round++) {
		u8 insn[16];
		bool undefined_af, only_cf;
		u32 len = random_insn(insn, &undefined_af, &only_cf);
		u64 mem = rnd(), value = mem, mask, defined = 0x8d5, res_mem;
		struct cpu_user_regs regs = {0};
		struct pte_insn_result res;
		struct pte_insn in;

		ck_assert(pte_insn_decode(insn, len, &in));
		ck_assert_uint_eq(in.len, len);
		for (u32 i = 0; i < 16; i++)
			*reg_at(&regs, i) = native_in[i] = rnd() >> (rnd() % 64);
		if (rnd() & 1)
			value = mem = regs.rax; /* so that cmpxchg finds what it expects */
		regs.rdi = native_in[7] = (u64)&value;
		if (is_bit_op_by_register(&in)) { /* the unit accessed is the caller's business */
			native_in[in.reg] &= in.size * 8U - 1;
			*reg_at(&regs, in.reg) = native_in[in.reg];
			if (in.reg == 7)
				continue;
		}
		regs.rflags = native_flags_in = 0x202 | (rnd() & 0x8d5);
		run_native(insn, len);
		pte_insn_execute(&in, &regs, mem, &res);
		pte_insn_retire(&in, &res, &regs);

		mask = in.size == 8 ? ~0ULL : BIT(in.size * 8) - 1;
		res_mem = res.write ? (mem & ~mask) | res.mem : mem;
		ck_assert_msg(value == res_mem, "round %u op %d size %u: memory %#lx, processor %#lx", round,
		              in.op, in.size, res_mem, value);
		for (u32 i = 0; i < 16; i++)
			if (i != 4)
				ck_assert_msg(*reg_at(&regs, i) == native_out[i],
				              "round %u op %d size %u: register %u is %#lx, processor %#lx", round,
				              in.op, in.size, i, *reg_at(&regs, i), native_out[i]);
		if (undefined_af)
			defined &= ~0x10ULL;
		if (only_cf)
			defined = 0x41;
		ck_assert_msg((regs.rflags & defined) == (native_flags_out & defined),
		              "round %u op %d size %u: flags %#lx, processor %#lx", round, in.op, in.size,
		              (u64)regs.rflags, native_flags_out);
		ck_assert_uint_eq(regs.rip, len);
	}
}
END_TEST

struct form {
	const char *what;
	u8 bytes[15], len;
	bool good;
	enum pte_op op;
	u8 size;
};

static const struct form forms[] = {
	{"mov %rax,(%rdi)", {0x48, 0x89, 0x07}, 3, true, PTE_OP_MOV, 8},
	{"mov %eax,8(%rdi)", {0x89, 0x47, 0x08}, 3, true, PTE_OP_MOV, 4},
	{"mov %rax,0x12345678(%r12)", {0x49, 0x89, 0x84, 0x24, 0x78, 0x56, 0x34, 0x12}, 8, true, PTE_OP_MOV, 8},
	{"mov %rax,0x10(%rip)", {0x48, 0x89, 0x05, 0x10, 0, 0, 0}, 7, true, PTE_OP_MOV, 8},
	{"mov %rax,0x10(,%rcx,8)", {0x48, 0x89, 0x04, 0xcd, 0x10, 0, 0, 0}, 8, true, PTE_OP_MOV, 8},
	{"mov %rax,%gs:(%rdi)", {0x65, 0x48, 0x89, 0x07}, 4, true, PTE_OP_MOV, 8},
	{"movq $0,(%rdi)", {0x48, 0xc7, 0x07, 0, 0, 0, 0}, 7, true, PTE_OP_MOV, 8},
	{"movw $1,(%rdi)", {0x66, 0xc7, 0x07, 1, 0}, 5, true, PTE_OP_MOV, 2},
	{"xchg %rax,(%rdi)", {0x48, 0x87, 0x07}, 3, true, PTE_OP_XCHG, 8},
	{"lock andb $0xfd,(%rdi)", {0xf0, 0x80, 0x27, 0xfd}, 4, true, PTE_OP_AND, 1},
	{"lock orb $2,(%rdi)", {0xf0, 0x80, 0x0f, 0x02}, 4, true, PTE_OP_OR, 1},
	{"lock cmpxchg %rcx,(%rdi)", {0xf0, 0x48, 0x0f, 0xb1, 0x0f}, 5, true, PTE_OP_CMPXCHG, 8},
	{"lock btr $1,(%rdi)", {0xf0, 0x48, 0x0f, 0xba, 0x37, 0x01}, 6, true, PTE_OP_BTR, 8},
	{"lock xadd %rax,(%rdi)", {0xf0, 0x48, 0x0f, 0xc1, 0x07}, 5, true, PTE_OP_XADD, 8},
	{"REX before a prefix does nothing", {0x48, 0xf0, 0x01, 0x07}, 4, true, PTE_OP_ADD, 4},
	{"register operand", {0x48, 0x89, 0xc7}, 3, false, 0, 0},
	{"adc", {0x48, 0x11, 0x07}, 3, false, 0, 0},
	{"cmp with an immediate", {0x80, 0x3f, 0x01}, 3, false, 0, 0},
	{"bt $1,(%rdi)", {0x48, 0x0f, 0xba, 0x27, 0x01}, 5, false, 0, 0},
	{"load", {0x48, 0x8b, 0x07}, 3, false, 0, 0},
	{"push", {0x50}, 1, false, 0, 0},
	{"stos", {0x48, 0xab}, 2, false, 0, 0},
	{"c7 /1", {0x48, 0xc7, 0x0f, 0, 0, 0, 0}, 7, false, 0, 0},
	{"nothing", {0}, 0, false, 0, 0},
	{"prefixes only", {0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0}, 15, false, 0, 0},
	{"cut off in the immediate", {0x48, 0xc7, 0x07, 0, 0}, 5, false, 0, 0},
	{"cut off in the displacement", {0x48, 0x89, 0x87, 0, 0}, 5, false, 0, 0},
};

START_TEST(knows_forms)
{
	for (u32 i = 0; i < ARRAY_SIZE(forms); i++) {
		const struct form *f = &forms[i];
		struct pte_insn in;
		bool ok = pte_insn_decode(f->bytes, f->len, &in);

		ck_assert_msg(ok == f->good, "%s: %s", f->what, ok ? "taken" : "refused");
		if (!ok)
			continue;
		ck_assert_msg(in.op == f->op && in.size == f->size && in.len == f->len, "%s: op %d size %u len %u",
		              f->what, in.op, in.size, in.len);
		for (u32 n = 0; n < f->len; n++) /* no byte too many is looked at */
			ck_assert_msg(!pte_insn_decode(f->bytes, n, &in), "%s: taken with %u bytes", f->what, n);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pte_insn");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_test(t, agrees_with_the_processor);
	tcase_add_test(t, knows_forms);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
