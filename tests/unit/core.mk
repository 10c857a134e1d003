# Pure parts of the core: frames, timers, run queue, event delivery, formatting.
core_cflags = $(KEEL_CFLAGS) $(CHECK_CFLAGS) -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -pthread
core_cppflags = -I$(top_srcdir)/hypervisor
core_tests = unit/buddy_test unit/timer_heap_test unit/runqueue_test unit/evtchn_test unit/printf_test \
	unit/evtchn_core_test

TESTS += $(core_tests)
check_PROGRAMS += $(core_tests)
EXTRA_DIST += unit/README.md unit/must.h unit/fake/core/machine.h

unit_buddy_test_SOURCES = unit/buddy_test.c ../hypervisor/logic/buddy.c
unit_buddy_test_CPPFLAGS = $(core_cppflags)
unit_buddy_test_CFLAGS = $(core_cflags)
unit_buddy_test_LDADD = $(CHECK_LIBS)

unit_timer_heap_test_SOURCES = unit/timer_heap_test.c ../hypervisor/logic/timer_heap.c
unit_timer_heap_test_CPPFLAGS = $(core_cppflags)
unit_timer_heap_test_CFLAGS = $(core_cflags)
unit_timer_heap_test_LDADD = $(CHECK_LIBS)

unit_runqueue_test_SOURCES = unit/runqueue_test.c ../hypervisor/logic/runqueue.c
unit_runqueue_test_CPPFLAGS = $(core_cppflags)
unit_runqueue_test_CFLAGS = $(core_cflags)
unit_runqueue_test_LDADD = $(CHECK_LIBS)

unit_evtchn_test_SOURCES = unit/evtchn_test.c ../hypervisor/logic/evtchn_fifo.c
unit_evtchn_test_CPPFLAGS = $(core_cppflags)
unit_evtchn_test_CFLAGS = $(core_cflags)
unit_evtchn_test_LDADD = $(CHECK_LIBS)

unit_printf_test_SOURCES = unit/printf_test.c ../hypervisor/core/printf.c
unit_printf_test_CPPFLAGS = $(core_cppflags)
unit_printf_test_CFLAGS = $(core_cflags) -Wno-format
unit_printf_test_LDADD = $(CHECK_LIBS)

unit_evtchn_core_test_SOURCES = unit/evtchn_core_test.c ../hypervisor/core/evtchn.c \
	../hypervisor/core/evtchn_fifo.c ../hypervisor/core/lock.c ../hypervisor/logic/evtchn_fifo.c
unit_evtchn_core_test_CPPFLAGS = -I$(srcdir)/unit/fake $(core_cppflags)
unit_evtchn_core_test_CFLAGS = $(core_cflags) -Wno-unused-parameter
unit_evtchn_core_test_LDADD = $(CHECK_LIBS)
