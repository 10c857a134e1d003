# Tests of lib/ and tui/: with a host of their own, under a pseudo-terminal of their own.
EXTRA_DIST += tools/README.md

check_LIBRARIES += tools/libfakehost.a
tools_libfakehost_a_SOURCES = tools/fake-host.c
tools_libfakehost_a_CFLAGS = $(AM_CFLAGS) $(XL_CFLAGS)

FAKE_LIBS = tools/libfakehost.a ../lib/libkeel.a $(XL_LIBS)

# The programs as they are, but for the host behind them.
check_PROGRAMS += tools/fake/keel tools/fake/keel-tui tools/fake/keel-guest-unit
tools_fake_keel_SOURCES = tools/fake-keel.c
tools_fake_keel_LDADD = ../tui/libkeelcli.a $(FAKE_LIBS) $(JSONC_LIBS)
tools_fake_keel_guest_unit_SOURCES = tools/fake-guest-unit.c
tools_fake_keel_guest_unit_LDADD = ../tui/libkeelunit.a $(FAKE_LIBS)
tools_fake_keel_tui_SOURCES = tools/fake-tui.c
tools_fake_keel_tui_LDADD = ../tui/libkeeltui.a ../lib/libkeelcon.a $(FAKE_LIBS) \
	$(NCURSES_LIBS) -lpthread

check_PROGRAMS += tools/test-lib
TESTS += tools/test-lib
tools_test_lib_SOURCES = tools/test-lib.c
tools_test_lib_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(XL_CFLAGS)
tools_test_lib_LDADD = $(FAKE_LIBS) $(CHECK_LIBS)

check_PROGRAMS += tools/ptydrive
tools_ptydrive_SOURCES = tools/ptydrive.c
tools_ptydrive_CFLAGS = $(AM_CFLAGS) -D_GNU_SOURCE $(VTERM_CFLAGS)
tools_ptydrive_LDADD = $(VTERM_LIBS) -lutil

tui_tests = tools/test-keel.sh tools/test-guest-unit.sh tools/test-tui.sh \
	tools/test-tui-console
dist_check_SCRIPTS += $(tui_tests)
TESTS += $(tui_tests)
EXTRA_DIST += tools/tui-common.sh

# The same in a machine: units and vCPUs with a real guest.
check_PROGRAMS += tools/guest-init
tools_guest_init_SOURCES = tools/guest-init.c
tools_guest_init_LDFLAGS = -static
dist_check_SCRIPTS += tools/units.sh
TESTS += tools/units.sh
