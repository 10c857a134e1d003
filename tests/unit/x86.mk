# What the boot loader and the firmware say: multiboot, memory map, ACPI tables, command line; symbols.
# The local APIC, on a model of its registers.
x86_cflags = $(KEEL_CFLAGS) $(CHECK_CFLAGS) -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
x86_cppflags = -I$(top_srcdir)/hypervisor
x86_tests = unit/multiboot_test unit/e820_test unit/acpi_test unit/clock_test unit/cmdline_test \
	unit/symbols_test unit/apic_test

TESTS += $(x86_tests)
check_PROGRAMS += $(x86_tests)
EXTRA_DIST += unit/run_suite.h

unit_multiboot_test_SOURCES = unit/multiboot_test.c ../hypervisor/logic/multiboot.c ../hypervisor/logic/e820.c
unit_multiboot_test_CPPFLAGS = $(x86_cppflags)
unit_multiboot_test_CFLAGS = $(x86_cflags)
unit_multiboot_test_LDADD = $(CHECK_LIBS)

unit_e820_test_SOURCES = unit/e820_test.c ../hypervisor/logic/e820.c
unit_e820_test_CPPFLAGS = $(x86_cppflags)
unit_e820_test_CFLAGS = $(x86_cflags)
unit_e820_test_LDADD = $(CHECK_LIBS)

unit_acpi_test_SOURCES = unit/acpi_test.c ../hypervisor/logic/acpi.c
unit_acpi_test_CPPFLAGS = $(x86_cppflags)
unit_acpi_test_CFLAGS = $(x86_cflags)
unit_acpi_test_LDADD = $(CHECK_LIBS)

unit_cmdline_test_SOURCES = unit/cmdline_test.c ../hypervisor/logic/cmdline.c
unit_cmdline_test_CPPFLAGS = $(x86_cppflags)
unit_cmdline_test_CFLAGS = $(x86_cflags)
unit_cmdline_test_LDADD = $(CHECK_LIBS)

unit_symbols_test_SOURCES = unit/symbols_test.c ../hypervisor/logic/symbols.c
unit_symbols_test_CPPFLAGS = $(x86_cppflags)
unit_symbols_test_CFLAGS = $(x86_cflags)
unit_symbols_test_LDADD = $(CHECK_LIBS)

unit_clock_test_SOURCES = unit/clock_test.c ../hypervisor/logic/clock.c
unit_clock_test_CPPFLAGS = $(x86_cppflags)
unit_clock_test_CFLAGS = $(x86_cflags)
unit_clock_test_LDADD = $(CHECK_LIBS)

# apic.c is part of the test's own source: its registers are the model's.
unit_apic_test_SOURCES = unit/apic_test.c
unit_apic_test_CPPFLAGS = -I$(srcdir)/unit/fake $(x86_cppflags)
unit_apic_test_CFLAGS = $(x86_cflags) -Wno-unused-function -Wno-unused-parameter
unit_apic_test_LDADD = $(CHECK_LIBS)
