# Instruction decoder, ELF images, CPUID policies: a short run here; each target runs as long as you like.
EXTRA_DIST += fuzz/insn_fuzz.c fuzz/elf_fuzz.c fuzz/cpu_policy_fuzz.c fuzz/pv_smoke
if HAVE_CLANG
pv_fuzz_targets = fuzz/insn_fuzz fuzz/elf_fuzz fuzz/cpu_policy_fuzz
pv_fuzz_cc = $(CLANG) -std=gnu17 -g -O1 -fsanitize=fuzzer,address,undefined \
	-fno-sanitize-recover=all -I$(top_srcdir)/hypervisor
check_SCRIPTS += $(pv_fuzz_targets)
CLEANFILES += $(pv_fuzz_targets)
TESTS += fuzz/pv_smoke

fuzz/insn_fuzz: fuzz/insn_fuzz.c $(top_srcdir)/hypervisor/logic/insn.c
	@$(MKDIR_P) fuzz
	$(AM_V_CC)$(pv_fuzz_cc) -o $@ $(srcdir)/fuzz/insn_fuzz.c \
		$(top_srcdir)/hypervisor/logic/insn.c
fuzz/elf_fuzz: fuzz/elf_fuzz.c $(top_srcdir)/hypervisor/logic/elf.c
	@$(MKDIR_P) fuzz
	$(AM_V_CC)$(pv_fuzz_cc) -o $@ $(srcdir)/fuzz/elf_fuzz.c \
		$(top_srcdir)/hypervisor/logic/elf.c
fuzz/cpu_policy_fuzz: fuzz/cpu_policy_fuzz.c $(top_srcdir)/hypervisor/logic/cpu_policy.c
	@$(MKDIR_P) fuzz
	$(AM_V_CC)$(pv_fuzz_cc) -o $@ $(srcdir)/fuzz/cpu_policy_fuzz.c \
		$(top_srcdir)/hypervisor/logic/cpu_policy.c
endif
