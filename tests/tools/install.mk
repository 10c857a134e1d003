# Tests of installer/: its library, its command line, its wizard under a pseudo-terminal.
INSTALL_TEST_LIBS = ../installer/libkeelinstall.a ../lib/libkeel.a $(ISO9660_LIBS) \
	$(UDF_LIBS) $(ARCHIVE_LIBS) $(OSINFO_LIBS) $(SECCOMP_LIBS) $(JSONC_LIBS) \
	$(CURL_LIBS) $(XL_LIBS)

check_PROGRAMS += tools/install-unit
TESTS += tools/install-unit
tools_install_unit_SOURCES = \
	tools/install-unit.c tools/install-unit.h \
	tools/install-unit-execute.c \
	tools/install-unit-media.c \
	tools/install-unit-parse.c \
	tools/install-unit-plan.c
tools_install_unit_CFLAGS = $(AM_CFLAGS) -D_GNU_SOURCE $(CHECK_CFLAGS) $(ARCHIVE_CFLAGS)
tools_install_unit_LDADD = $(INSTALL_TEST_LIBS) $(CHECK_LIBS)

dist_check_SCRIPTS += tools/install-cli.sh tools/install-tree.sh tools/install-wizard.sh
TESTS += tools/install-cli.sh tools/install-tree.sh tools/install-wizard.sh
EXTRA_DIST += tools/install-common.sh tools/install-server.py tools/install-udf.b64

# The stand-in for a distribution's installer, /init of an initramfs.
check_PROGRAMS += tools/install-guest-init
tools_install_guest_init_SOURCES = tools/install-guest-init.c
tools_install_guest_init_LDFLAGS = -static
# A whole install in dom0.
dist_check_SCRIPTS += tools/install-machine.sh
TESTS += tools/install-machine.sh
