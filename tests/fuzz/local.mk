# Tests of this folder append to TESTS and its companions.
include $(srcdir)/fuzz/mm.mk
include $(srcdir)/fuzz/pv.mk
include $(srcdir)/fuzz/core.mk
include $(srcdir)/fuzz/x86.mk
include $(srcdir)/fuzz/install.mk
include $(srcdir)/fuzz/console.mk
