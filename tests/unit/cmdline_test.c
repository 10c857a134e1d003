/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Boot options (logic/cmdline.c, options.def).
 *
 * Argument: one line a spelling that users of stock Xen know, and one a mistake; a mistake changes
 * nothing, is counted and the first is named. Numbers are tried at their limits.
 */
#include <string.h>
#include "logic/cmdline.h"
#include "run_suite.h"

static struct options o;
static char bad[16];

static u32 parse(const char *s)
{
	options_default(&o);
	bad[0] = '\0';
	return options_parse(&o, s, bad, sizeof(bad));
}

START_TEST(defaults)
{
	ck_assert_uint_eq(parse(""), 0);
	ck_assert_str_eq(o.console, "com1,vga");
	ck_assert_str_eq(o.com1, "115200,8n1");
	ck_assert_str_eq(o.dom0_mem, "");
	ck_assert_uint_eq(o.dom0_max_vcpus, 0);
	ck_assert(o.smt && o.smap && o.smep && !o.noreboot && !o.pv_unsafe);
}
END_TEST

START_TEST(a_usual_line)
{
	ck_assert_uint_eq(parse("  dom0_mem=min:512M,max:2G,1024M dom0_max_vcpus=2 console=com1\t"
	                        "com1=115200,8n1 loglvl=all guest_loglvl=all noreboot smt=0"), 0);
	ck_assert_str_eq(o.dom0_mem, "min:512M,max:2G,1024M");
	ck_assert_uint_eq(o.dom0_max_vcpus, 2);
	ck_assert_str_eq(o.console, "com1");
	ck_assert_str_eq(o.loglvl, "all");
	ck_assert_str_eq(o.guest_loglvl, "all");
	ck_assert(o.noreboot);
	ck_assert(!o.smt);
	ck_assert_str_eq(o.command_line + 2, "dom0_mem=min:512M,max:2G,1024M dom0_max_vcpus=2 "
	                 "console=com1\tcom1=115200,8n1 loglvl=all guest_loglvl=all noreboot smt=0");
}
END_TEST

START_TEST(flags_in_every_spelling)
{
	static const char *const on[] = {"smap", "smap=1", "smap=yes", "smap=on", "smap=true",
	                                 "smap=enable", "no-smap smap"};
	static const char *const off[] = {"no-smap", "smap=0", "smap=no", "smap=off",
	                                  "smap=false", "smap=disable", "smap no-smap"};

	for (size_t i = 0; i < ARRAY_SIZE(on); i++) {
		ck_assert_uint_eq(parse(on[i]), 0);
		ck_assert(o.smap);
		ck_assert_uint_eq(parse(off[i]), 0);
		ck_assert(!o.smap);
	}
	ck_assert_uint_eq(parse("spec_ctrl=no pv_unsafe"), 0);
	ck_assert(!o.spec_ctrl && o.pv_unsafe);
	ck_assert_uint_eq(parse("spec-ctrl=no pv-unsafe"), 0);
	ck_assert(!o.spec_ctrl && o.pv_unsafe);
}
END_TEST

START_TEST(mistakes_change_nothing)
{
	struct options want;
	static const char *const wrong[] = {
	        "nonsense", "smap=maybe", "dom0_max_vcpus=", "dom0_max_vcpus=two",
	        "dom0_max_vcpus=4294967296", "dom0_max_vcpus=2x", "dom0_max_vcpus", "no-console",
	        "no-", "=", "console", "loglvl=a-value-longer-than-the-field-can-hold"};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		ck_assert_uint_eq(parse(wrong[i]), 1);
		options_default(&want);
		strcpy(want.command_line, o.command_line);
		ck_assert_mem_eq(&o, &want, sizeof(o));
	}
	ck_assert_uint_eq(parse("first-wrong-word-is-cut second smt=0"), 2);
	ck_assert_str_eq(bad, "first-wrong-wor");
	ck_assert(!o.smt);
}
END_TEST

START_TEST(numbers)
{
	const char *end;
	u64 v;

	ck_assert(parse_u64("18446744073709551615,", &end, &v) && v == UINT64_MAX && *end == ',');
	ck_assert(!parse_u64("18446744073709551616", &end, &v));
	ck_assert(parse_u64("0x10", &end, &v) && v == 16 && !*end);
	ck_assert(parse_u64("010", &end, &v) && v == 8);
	ck_assert(parse_u64("0", &end, &v) && v == 0 && !*end);
	ck_assert(!parse_u64("0x", &end, &v));
	ck_assert(!parse_u64("", &end, &v));
	ck_assert(!parse_u64("-1", &end, &v));
	ck_assert(parse_size("512M,max", &end, &v) && v == 512ULL << 20 && *end == ',');
	ck_assert(parse_size("2g", &end, &v) && v == 2ULL << 30 && !*end);
	ck_assert(parse_size("1024", &end, &v) && v == 1024 << 10 && !*end);
	ck_assert(parse_size("7b", &end, &v) && v == 7);
	ck_assert(parse_size("16777215T", &end, &v) && v == 16777215ULL << 40);
	ck_assert(!parse_size("16777216T", &end, &v));
	ck_assert(!parse_size("M", &end, &v));
}
END_TEST

static const struct uart_config plain = {.baud = 9600, .clock_hz = 1843200, .data_bits = 8,
                                         .stop_bits = 1, .parity = 'n', .base = 0x3f8, .irq = 4};

static struct uart_config serial(const char *s)
{
	struct uart_config c = plain;

	ck_assert_msg(uart_config_parse(&c, s), "%s", s);
	return c;
}

START_TEST(serial_lines)
{
	static const char *const wrong[] = {"0", "fast", "115200,9n1", "115200,8x1", "115200,8n3",
	                                    "115200,8n", "115200,8n1,port", "115200,8n1,0x3f8,256",
	                                    "115200,8n1,0x3f8,4,", "115200 ", "99999999"};
	struct uart_config c = serial("115200,7e2,0xfe000000,17");

	ck_assert(c.baud == 115200 && c.data_bits == 7 && c.parity == 'e' && c.stop_bits == 2);
	ck_assert(c.base == 0xfe000000 && c.irq == 17);
	c = serial("115200/24000000,8n1");
	ck_assert(c.baud == 115200 && c.clock_hz == 24000000 && c.base == 0x3f8 && c.irq == 4);
	c = serial("");
	ck_assert(c.baud == 9600 && c.irq == 4);
	c = serial("auto,,0x2f8,0");
	ck_assert(c.baud == 0 && c.data_bits == 8 && c.base == 0x2f8 && c.irq == 0);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		c = plain;
		ck_assert_msg(!uart_config_parse(&c, wrong[i]), "%s", wrong[i]);
	}
}
END_TEST

START_TEST(words_of_lists)
{
	ck_assert(list_has_word("com1,vga", "com1"));
	ck_assert(list_has_word("com1,vga", "vga"));
	ck_assert(!list_has_word("com1,vga", "com"));
	ck_assert(!list_has_word("com10", "com1"));
	ck_assert(list_has_word(",,vga", "vga"));
	ck_assert(!list_has_word("", "vga"));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("cmdline");

	tcase_add_test(t, defaults);
	tcase_add_test(t, a_usual_line);
	tcase_add_test(t, flags_in_every_spelling);
	tcase_add_test(t, mistakes_change_nothing);
	tcase_add_test(t, numbers);
	tcase_add_test(t, serial_lines);
	tcase_add_test(t, words_of_lists);
	return run_case("cmdline", t);
}
