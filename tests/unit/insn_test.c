/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Decoder of privileged instructions (logic/insn.c).
 *
 * Argument: each instruction of the list is decoded from bytes that an assembler made (the encodings are
 * written here from the manual); prefixes and operand forms are varied one at a time; every proper prefix
 * of each instruction is "truncated"; and of all two- and three-byte openings only the listed ones are taken
 * for ours. Lengths are compared with the bytes given, so a decoder that reads too far or too little fails.
 */
#include <string.h>
#include "logic/insn.h"
#include "run_suite.h"

struct sample {
	const char *bytes;
	u8 n;
	enum insn_op op;
};
#define S(s, o) {s, sizeof(s) - 1, o}

static const struct sample samples[] = {
	S("\x0f\x32", INSN_RDMSR),
	S("\x0f\x30", INSN_WRMSR),
	S("\x0f\x20\xc0", INSN_MOV_FROM_CR),
	S("\x0f\x22\xd8", INSN_MOV_TO_CR),
	S("\x41\x0f\x22\xe1", INSN_MOV_TO_CR),
	S("\x0f\x21\xf8", INSN_MOV_FROM_DR),
	S("\x0f\x23\xf8", INSN_MOV_TO_DR),
	S("\x0f\x06", INSN_CLTS),
	S("\x0f\x01\xf0", INSN_LMSW),
	S("\x0f\x01\x74\x24\x08", INSN_LMSW),
	S("\x0f\x01\xe0", INSN_SMSW),
	S("\x0f\x01\xd1", INSN_XSETBV),
	S("\x0f\x01\xf9", INSN_RDTSCP),
	S("\x0f\x01\x38", INSN_INVLPG),
	S("\x0f\x09", INSN_WBINVD),
	S("\x0f\x08", INSN_INVD),
	S("\xf4", INSN_HLT),
	S("\xec", INSN_IN),
	S("\xe4\x60", INSN_IN),
	S("\x66\xed", INSN_IN),
	S("\xee", INSN_OUT),
	S("\xe7\x80", INSN_OUT),
	S("\xf3\x6d", INSN_INS),
	S("\xf3\x66\x6f", INSN_OUTS),
	S("\x0f\x31", INSN_RDTSC),
	S("\x0f\x33", INSN_RDPMC),
	S("\x0f\xa2", INSN_CPUID),
	S("\x0f\x0bxen\x0f\xa2", INSN_CPUID),
	S("\xfa", INSN_CLI),
	S("\xfb", INSN_STI),
};

static struct insn decode(const char *bytes, size_t n, bool long_mode)
{
	struct insn i;

	ck_assert_int_eq(insn_decode(&i, (const u8 *)bytes, n, long_mode), INSN_OK);
	ck_assert_uint_eq(i.length, n);
	return i;
}

START_TEST(each_instruction)
{
	for (size_t k = 0; k < ARRAY_SIZE(samples); k++) {
		const struct sample *s = &samples[k];
		char padded[32];
		struct insn i;

		ck_assert_int_eq(decode(s->bytes, s->n, true).op, s->op);
		/* Bytes behind it change nothing. */
		memset(padded, 0x90, sizeof(padded));
		memcpy(padded, s->bytes, s->n);
		ck_assert_int_eq(insn_decode(&i, (const u8 *)padded, sizeof(padded), true), INSN_OK);
		ck_assert_uint_eq(i.length, s->n);
		for (size_t n = 0; n < s->n; n++) {
			enum insn_result r = insn_decode(&i, (const u8 *)s->bytes, n, true);

			/* The opening of the forced prefix is UD2 until all of it is there. */
			if (s->bytes[1] == 0x0b && n >= 2 && n < 5)
				ck_assert_int_eq(r, INSN_UNKNOWN);
			else
				ck_assert_int_eq(r, INSN_TRUNCATED);
		}
	}
}
END_TEST

START_TEST(operands)
{
	struct insn i = decode("\x0f\x22\xd8", 3, true); /* mov %rax, %cr3 */

	ck_assert_uint_eq(i.reg, 3);
	ck_assert_uint_eq(i.rm, 0);
	ck_assert_uint_eq(i.op_size, 8);
	i = decode("\x45\x0f\x20\xc7", 4, true); /* mov %cr8, %r15 */
	ck_assert_uint_eq(i.reg, 8);
	ck_assert_uint_eq(i.rm, 15);
	i = decode("\xe4\x60", 2, true);
	ck_assert(i.port_imm && i.port == 0x60 && i.op_size == 1);
	i = decode("\xed", 1, true);
	ck_assert(!i.port_imm && i.op_size == 4);
	i = decode("\x66\xed", 2, true);
	ck_assert_uint_eq(i.op_size, 2);
	i = decode("\x48\xed", 2, true); /* REX.W: port I/O has no 64-bit form */
	ck_assert_uint_eq(i.op_size, 4);
	i = decode("\x67\xf3\x65\x6e", 4, true); /* rep outsb %gs:(%esi) */
	ck_assert(i.rep && i.seg == SEG_GS && i.addr_size == 4 && i.op_size == 1);
	ck_assert(decode("\x0f\x0bxen\x0f\xa2", 7, true).forced);
	ck_assert(!decode("\x0f\xa2", 2, true).forced);
	/* In 32-bit code 0x48 is DEC, not a prefix. */
	ck_assert_int_eq(insn_decode(&i, (const u8 *)"\x48\xed", 2, false), INSN_UNKNOWN);
	ck_assert_uint_eq(decode("\x0f\x20\xc0", 3, false).op_size, 4);
}
END_TEST

START_TEST(memory_operands)
{
	struct insn i = decode("\x0f\x01\xbc\xcb\x78\x56\x34\x12", 8, true);
	/* invlpg 0x12345678(%rbx,%rcx,8) */

	ck_assert(i.mem && i.base == 3 && i.index == 1 && i.scale == 8 && i.disp == 0x12345678);
	i = decode("\x0f\x01\x7d\xf8", 4, true); /* invlpg -8(%rbp) */
	ck_assert(i.mem && i.base == 5 && i.index == -1 && i.disp == -8);
	i = decode("\x0f\x01\x3d\x10\x00\x00\x00", 7, true); /* invlpg 16(%rip) */
	ck_assert(i.rip_relative && i.base == -1 && i.disp == 16);
	i = decode("\x43\x0f\x01\x3c\x25\x00\x00\x00\x80", 9, true); /* (,%r12), no base */
	ck_assert(i.base == -1 && i.index == 12 && i.disp == (s32)0x80000000);
	i = decode("\x41\x0f\x01\x3c\x24", 5, true); /* (%r12) */
	ck_assert(i.base == 12 && i.index == -1);
}
END_TEST

/* Opcodes that are ours, by the first byte behind the prefixes, and behind 0F. */
static bool one_byte_is_ours(u32 b)
{
	return b == 0xf4 || b == 0xfa || b == 0xfb || (b >= 0x6c && b <= 0x6f) ||
	       (b >= 0xe4 && b <= 0xe7) || (b >= 0xec && b <= 0xef);
}

static bool two_byte_is_ours(u32 b)
{
	return b == 0x06 || b == 0x08 || b == 0x09 || (b >= 0x20 && b <= 0x23) ||
	       (b >= 0x30 && b <= 0x33) || b == 0xa2;
}

static bool is_prefix(u32 b)
{
	return b == 0x66 || b == 0x67 || b == 0xf0 || b == 0xf2 || b == 0xf3 || b == 0x26 ||
	       b == 0x2e || b == 0x36 || b == 0x3e || b == 0x64 || b == 0x65 || (b & 0xf0) == 0x40;
}

START_TEST(nothing_else_is_ours)
{
	u8 bytes[16] = {0};
	struct insn i;

	for (u32 b = 0; b < 256; b++) {
		bytes[0] = (u8)b;
		bytes[1] = 0;
		if (b == 0x0f || is_prefix(b))
			continue;
		ck_assert_int_eq(insn_decode(&i, bytes, sizeof(bytes), true) == INSN_OK,
		                 one_byte_is_ours(b));
		bytes[0] = 0x0f;
		bytes[1] = (u8)b;
		if (b != 1)
			ck_assert_int_eq(insn_decode(&i, bytes, sizeof(bytes), true) == INSN_OK,
			                 two_byte_is_ours(b));
	}
}
END_TEST

START_TEST(limits)
{
	u8 bytes[32];
	struct insn i;

	/* Fifteen bytes are an instruction, sixteen are not. */
	memset(bytes, 0x66, sizeof(bytes));
	bytes[14] = 0xf4;
	ck_assert_int_eq(insn_decode(&i, bytes, sizeof(bytes), true), INSN_OK);
	ck_assert_uint_eq(i.length, 15);
	bytes[14] = 0x66;
	bytes[15] = 0xf4;
	ck_assert_int_eq(insn_decode(&i, bytes, sizeof(bytes), true), INSN_UNKNOWN);
	/* LOCK is an error but on MOV CR. */
	ck_assert_int_eq(insn_decode(&i, (const u8 *)"\xf0\x0f\x32", 3, true), INSN_UNKNOWN);
	/* The forced prefix goes with CPUID alone. */
	ck_assert_int_eq(insn_decode(&i, (const u8 *)"\x0f\x0bxen\x0f\x32", 7, true), INSN_UNKNOWN);
	/* INVLPG of a register does not exist. */
	ck_assert_int_eq(insn_decode(&i, (const u8 *)"\x0f\x01\xfb", 3, true), INSN_UNKNOWN);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, each_instruction);
	tcase_add_test(t, operands);
	tcase_add_test(t, memory_operands);
	tcase_add_test(t, nothing_else_is_ours);
	tcase_add_test(t, limits);
	return run_case("insn", t);
}
