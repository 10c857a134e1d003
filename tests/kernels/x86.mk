# The hypervisor's own end, without a kernel.
dist_check_SCRIPTS += kernels/panic_output
TESTS += kernels/panic_output
