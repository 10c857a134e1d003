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
	machine/services.sh
dist_check_SCRIPTS += $(host_tests)
TESTS += $(host_tests)
