# Emulated page-table writes: a short run here; fuzz/pte_insn_fuzz itself runs as long as you like.
EXTRA_DIST += fuzz/pte_insn_fuzz.c fuzz/pte_insn_smoke
if HAVE_CLANG
check_SCRIPTS += fuzz/pte_insn_fuzz
CLEANFILES += fuzz/pte_insn_fuzz
TESTS += fuzz/pte_insn_smoke
fuzz/pte_insn_fuzz: fuzz/pte_insn_fuzz.c $(top_srcdir)/hypervisor/logic/pte_insn.c
	@$(MKDIR_P) fuzz
	$(AM_V_CC)$(CLANG) -std=gnu17 -g -O1 -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all -I$(top_srcdir)/hypervisor -o $@ \
		$(srcdir)/fuzz/pte_insn_fuzz.c $(top_srcdir)/hypervisor/logic/pte_insn.c
endif
