# Tests of this folder append to TESTS and its companions. Each is a script that
# boots dom0 in QEMU by machine/run; run itself sees to it that machines do not share
# CPUs of the host, however many jobs make has.
EXTRA_DIST += machine/README.md machine/dom0.sh machine/guest-init machine/guest.sh machine/interactive machine/lib.sh machine/mini-iso machine/run

host_tests = \
	machine/boot-cpus.sh \
	machine/boot-firmware.sh \
	machine/boot-memory.sh \
	machine/cpu-policy.sh \
	machine/devices.sh \
	machine/end-to-end.sh \
	machine/guest-hostile.sh \
	machine/guest-life.sh \
	machine/guest-rounds.sh \
	machine/guest-save.sh \
	machine/guests-twenty.sh \
	machine/image.sh \
	machine/kernel-hook.sh \
	machine/power.sh \
	machine/runner.sh \
	machine/seldom.sh \
	machine/services.sh
dist_check_SCRIPTS += $(host_tests)
TESTS += $(host_tests)

# Programs for dom0. 32-bit code returns into ldt, which therefore lies low.
check_PROGRAMS += machine/ldt
machine_ldt_SOURCES = machine/ldt.c
machine_ldt_CFLAGS = -O1 -fno-pie
machine_ldt_LDFLAGS = -no-pie
check_DATA += machine/compat
CLEANFILES += machine/compat
EXTRA_DIST += machine/compat.S
machine/compat: machine/compat.S
	@$(MKDIR_P) machine
	$(AM_V_CCLD)$(CC) -m32 -nostdlib -static -o $@ $<
