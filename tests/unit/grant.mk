# Grant entries: rules and model.
TESTS += unit/grant_test
check_PROGRAMS += unit/grant_test
unit_grant_test_SOURCES = unit/grant_test.c ../hypervisor/logic/grant.c
unit_grant_test_CPPFLAGS = -I$(top_srcdir)/hypervisor
unit_grant_test_CFLAGS = $(KEEL_CFLAGS) $(CHECK_CFLAGS) -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -pthread
unit_grant_test_LDADD = $(CHECK_LIBS)
