# Tests of consoled/: the daemon as it is, but for guests that are simulated.
console_libs = ../consoled/libconsoled.a ../lib/libkeelcon.a $(UV_LIBS) $(VTERM_LIBS) \
	$(XENCON_LIBS) -lxenctrl $(SYSTEMD_LIBS) $(SECCOMP_LIBS) $(ZLIB_LIBS)

check_PROGRAMS += console-daemon console-render console-sandbox console-xswatch \
	tools/console-unit
console_daemon_SOURCES = tools/console-fake.c
console_daemon_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
console_daemon_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS)
console_daemon_LDADD = $(console_libs)
console_render_SOURCES = tools/console-render.c
console_render_LDADD = $(console_libs)
console_xswatch_SOURCES = tools/console-xswatch.c
console_xswatch_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
console_xswatch_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS) $(XENCON_CFLAGS)
console_xswatch_LDADD = $(console_libs) -lpthread
console_sandbox_SOURCES = tools/console-sandbox.c
console_sandbox_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
console_sandbox_LDADD = $(console_libs)
tools_console_unit_SOURCES = tools/console-unit.c
tools_console_unit_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
tools_console_unit_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tools_console_unit_LDADD = ../consoled/libconsole.a $(console_libs) $(CHECK_LIBS)

console_tests = tools/console-sessions tools/console-roles tools/console-logs \
	tools/console-hostile tools/console-client tools/console-stress \
	tools/console-xenstore
# A machine with real guests: GRUB for Xen (Debian's grub-xen-host).
console_tests += tools/console-machine.sh
# A real HVM guest on stock Xen: a boot sector.
console_tests += tools/console-hvm.sh
check_DATA += tools/console-hvm.img
CLEANFILES += tools/console-hvm.img
EXTRA_DIST += tools/console-hvm.S
tools/console-hvm.img: tools/console-hvm.S
	@$(MKDIR_P) tools
	$(AM_V_GEN)$(CC) -m32 -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-Ttext=0x7c00 \
		-Wl,--oformat=binary -o $@ $(srcdir)/tools/console-hvm.S && truncate -s 1M $@
dist_check_SCRIPTS += $(console_tests)
TESTS += tools/console-unit $(console_tests)
EXTRA_DIST += tools/console_sim.py tools/console-bench

# Figures of the console daemon, beside xenconsoled's where it can be measured.
console_flood_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
EXTRA_PROGRAMS = console-flood
console_flood_SOURCES = tools/console-flood.c
console_flood_LDADD = $(console_libs) -lpthread
# Xen's libraries for xenconsoled, over simulated guests: loaded in their place.
console-xenlibs.so: tools/console-xenlibs.c
	$(CC) $(AM_CFLAGS) $(CFLAGS) -D_GNU_SOURCE -shared -fPIC -o $@ \
		$(srcdir)/tools/console-xenlibs.c
EXTRA_DIST += tools/console-xenlibs.c
# Debian's daemon, as dom0's image has it; without an image, the one of this machine.
xenconsoled = usr/lib/xen-4.17/bin/xenconsoled
CLEANFILES += console-flood console-xenlibs.so xenconsoled
bench-console: console-daemon console-flood console-xenlibs.so
	if test -e ../dom0/base.tar; then \
		tar -xf ../dom0/base.tar --occurrence=1 --transform='s,.*/,,' ./$(xenconsoled); \
	fi
	top_builddir='$(abs_top_builddir)' $(srcdir)/tools/console-bench
