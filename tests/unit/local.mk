# Tests of this folder append to TESTS and its companions.
include $(srcdir)/unit/grant.mk
include $(srcdir)/unit/core.mk
include $(srcdir)/unit/mm.mk
include $(srcdir)/unit/pv.mk
include $(srcdir)/unit/coverage.mk
include $(srcdir)/unit/x86.mk
include $(srcdir)/unit/abi.mk
