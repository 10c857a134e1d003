# Heap, event queues, run queue and timers: a short run here; each target runs as long as you like.
EXTRA_DIST += fuzz/README.md fuzz/core_fuzz.h fuzz/buddy_fuzz.c fuzz/evtchn_fuzz.c fuzz/sched_fuzz.c fuzz/core_smoke
if HAVE_CLANG
core_fuzz_targets = fuzz/buddy_fuzz fuzz/evtchn_fuzz fuzz/sched_fuzz
core_fuzz_cc = $(CLANG) -std=gnu17 -g -O1 -fsanitize=fuzzer,address,undefined \
	-fno-sanitize-recover=all -I$(top_srcdir)/hypervisor
check_SCRIPTS += $(core_fuzz_targets)
CLEANFILES += $(core_fuzz_targets)
TESTS += fuzz/core_smoke

fuzz/buddy_fuzz: fuzz/buddy_fuzz.c fuzz/core_fuzz.h $(top_srcdir)/hypervisor/logic/buddy.c
	@$(MKDIR_P) fuzz
	$(AM_V_CC)$(core_fuzz_cc) -o $@ $(srcdir)/fuzz/buddy_fuzz.c \
		$(top_srcdir)/hypervisor/logic/buddy.c
fuzz/evtchn_fuzz: fuzz/evtchn_fuzz.c fuzz/core_fuzz.h $(top_srcdir)/hypervisor/logic/evtchn_fifo.c
	@$(MKDIR_P) fuzz
	$(AM_V_CC)$(core_fuzz_cc) -o $@ $(srcdir)/fuzz/evtchn_fuzz.c \
		$(top_srcdir)/hypervisor/logic/evtchn_fifo.c
fuzz/sched_fuzz: fuzz/sched_fuzz.c fuzz/core_fuzz.h $(top_srcdir)/hypervisor/logic/runqueue.c \
		$(top_srcdir)/hypervisor/logic/timer_heap.c
	@$(MKDIR_P) fuzz
	$(AM_V_CC)$(core_fuzz_cc) -o $@ $(srcdir)/fuzz/sched_fuzz.c \
		$(top_srcdir)/hypervisor/logic/runqueue.c $(top_srcdir)/hypervisor/logic/timer_heap.c
endif
