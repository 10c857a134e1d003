# Pure parts of the PV guests' CPU and of dom0's builder: instruction decoder, ELF images, CPUID policy.
pv_cflags = $(KEEL_CFLAGS) $(CHECK_CFLAGS) -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
pv_cppflags = -I$(top_srcdir)/hypervisor
pv_tests = unit/insn_test unit/elf_test unit/cpu_policy_test

TESTS += $(pv_tests)
check_PROGRAMS += $(pv_tests)

unit_insn_test_SOURCES = unit/insn_test.c ../hypervisor/logic/insn.c
unit_insn_test_CPPFLAGS = $(pv_cppflags)
unit_insn_test_CFLAGS = $(pv_cflags)
unit_insn_test_LDADD = $(CHECK_LIBS)

unit_elf_test_SOURCES = unit/elf_test.c ../hypervisor/logic/elf.c
unit_elf_test_CPPFLAGS = $(pv_cppflags)
unit_elf_test_CFLAGS = $(pv_cflags)
unit_elf_test_LDADD = $(CHECK_LIBS)

unit_cpu_policy_test_SOURCES = unit/cpu_policy_test.c ../hypervisor/logic/cpu_policy.c
unit_cpu_policy_test_CPPFLAGS = $(pv_cppflags)
unit_cpu_policy_test_CFLAGS = $(pv_cflags)
unit_cpu_policy_test_LDADD = $(CHECK_LIBS)
