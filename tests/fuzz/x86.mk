# What the firmware and the boot loader hand over: short runs; the programs run as long as you like.
EXTRA_DIST += fuzz/multiboot_fuzz.c fuzz/acpi_fuzz.c fuzz/boot_smoke
if HAVE_CLANG
boot_fuzzers = fuzz/multiboot_fuzz fuzz/acpi_fuzz
check_SCRIPTS += $(boot_fuzzers)
CLEANFILES += $(boot_fuzzers)
TESTS += fuzz/boot_smoke
boot_fuzz_cc = $(CLANG) -std=gnu17 -g -O1 -fsanitize=fuzzer,address,undefined \
	-fno-sanitize-recover=all -I$(top_srcdir)/hypervisor
fuzz/multiboot_fuzz: fuzz/multiboot_fuzz.c $(top_srcdir)/hypervisor/logic/multiboot.c $(top_srcdir)/hypervisor/logic/e820.c
	@$(MKDIR_P) fuzz
	$(AM_V_CC)$(boot_fuzz_cc) -o $@ $(srcdir)/fuzz/multiboot_fuzz.c \
		$(top_srcdir)/hypervisor/logic/multiboot.c $(top_srcdir)/hypervisor/logic/e820.c
fuzz/acpi_fuzz: fuzz/acpi_fuzz.c $(top_srcdir)/hypervisor/logic/acpi.c
	@$(MKDIR_P) fuzz
	$(AM_V_CC)$(boot_fuzz_cc) -o $@ $(srcdir)/fuzz/acpi_fuzz.c \
		$(top_srcdir)/hypervisor/logic/acpi.c
endif
