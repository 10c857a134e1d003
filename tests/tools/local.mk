# Tests of the user-space tools; one fragment a subject.
include $(srcdir)/tools/tui.mk
include $(srcdir)/tools/console.mk
include $(srcdir)/tools/install.mk
