# Tests of consoled/: the daemon as it is, but for guests that are simulated.
check_PROGRAMS += console-daemon
console_daemon_SOURCES = tools/console-fake.c
console_daemon_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
console_daemon_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS)
console_daemon_LDADD = ../consoled/libconsoled.a ../lib/libkeelcon.a $(UV_LIBS) \
	$(VTERM_LIBS) $(XENCON_LIBS) -lxenctrl $(SYSTEMD_LIBS) $(SECCOMP_LIBS) $(ZLIB_LIBS)
EXTRA_DIST += tools/console_sim.py
