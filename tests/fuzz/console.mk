# Rings, frames, configuration, terminal output: a short run here, long ones with
# FUZZ_SECONDS=3600 tests/fuzz/console-smoke.
EXTRA_DIST += fuzz/console-ring.c fuzz/console-frame.c fuzz/console-config.c \
	fuzz/console-screen.c fuzz/console-smoke
if HAVE_CLANG
if TOOLS
console_fuzz_targets = fuzz/console-ring fuzz/console-frame fuzz/console-config \
	fuzz/console-screen
console_fuzz_cc = $(CLANG) -std=gnu17 -D_GNU_SOURCE -g -O1 \
	-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -I$(top_srcdir)
check_SCRIPTS += $(console_fuzz_targets)
CLEANFILES += $(console_fuzz_targets) fuzz/console-ring.log fuzz/console-frame.log \
	fuzz/console-config.log fuzz/console-screen.log
TESTS += fuzz/console-smoke

fuzz/console-ring: $(srcdir)/fuzz/console-ring.c $(top_srcdir)/consoled/ring.c
	@$(MKDIR_P) fuzz
	$(AM_V_CC)$(console_fuzz_cc) -o $@ $(srcdir)/fuzz/console-ring.c \
		$(top_srcdir)/consoled/ring.c
fuzz/console-frame: $(srcdir)/fuzz/console-frame.c $(top_srcdir)/lib/console-proto.c
	@$(MKDIR_P) fuzz
	$(AM_V_CC)$(console_fuzz_cc) -o $@ $(srcdir)/fuzz/console-frame.c \
		$(top_srcdir)/lib/console-proto.c
fuzz/console-config: $(srcdir)/fuzz/console-config.c $(top_srcdir)/consoled/settings.c
	@$(MKDIR_P) fuzz
	$(AM_V_CC)$(console_fuzz_cc) -o $@ $(srcdir)/fuzz/console-config.c \
		$(top_srcdir)/consoled/settings.c
fuzz/console-screen: $(srcdir)/fuzz/console-screen.c $(top_srcdir)/consoled/terminal.c \
		$(top_srcdir)/lib/console-filter.c
	@$(MKDIR_P) fuzz
	$(AM_V_CC)$(console_fuzz_cc) -o $@ $(srcdir)/fuzz/console-screen.c \
		$(top_srcdir)/consoled/terminal.c $(top_srcdir)/lib/console-filter.c $(VTERM_LIBS)
endif
endif
