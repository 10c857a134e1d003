# Test kernels: each kernels/NAME.c is a PV kernel of its own, booted as dom0 by kernels/run.
TEST_KERNELS = kernels/start_of_day.elf kernels/version.elf kernels/hostile_pointers.elf \
	kernels/event_channels.elf kernels/grants.elf kernels/memory.elf kernels/control.elf \
	kernels/vcpus_and_timers.elf kernels/multicall.elf kernels/traps.elf \
	kernels/seldom_calls.elf kernels/cpu_shares.elf
TESTS += $(TEST_KERNELS)
check_DATA += $(TEST_KERNELS) kernels/bench_micro.elf
CLEANFILES += $(TEST_KERNELS) kernels/bench_micro.elf
TEST_EXTENSIONS += .elf
ELF_LOG_COMPILER = $(srcdir)/kernels/run
EXTRA_DIST += kernels/run kernels/README.md kernels/lib/head.S kernels/lib/kernel.lds \
	kernels/lib/lib.c kernels/lib/guest.c kernels/lib/test.h $(TEST_KERNELS:.elf=.c) kernels/bench_micro.c

KERNEL_FLAGS = -std=gnu17 -O2 -g -ffreestanding -fno-pic -mcmodel=kernel -mno-red-zone \
	-mgeneral-regs-only -fno-stack-protector -fno-asynchronous-unwind-tables \
	-fcf-protection=none -Wall -Wextra -Werror -I$(srcdir)/kernels
KERNEL_LINK = -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,max-page-size=4096 \
	-Wl,--no-warn-rwx-segments -Wl,-T,$(srcdir)/kernels/lib/kernel.lds
KERNEL_LIB = kernels/lib/head.S kernels/lib/lib.c kernels/lib/guest.c kernels/lib/test.h kernels/lib/kernel.lds

kernels/%.elf: kernels/%.c $(KERNEL_LIB)
	@$(MKDIR_P) kernels
	$(AM_V_CCLD)$(CC) $(KERNEL_FLAGS) $(KERNEL_LINK) -o $@ \
		$(addprefix $(srcdir)/kernels/lib/,head.S lib.c guest.c) $<
# All of them on the hypervisor that is shipped.
dist_check_SCRIPTS += kernels/release
TESTS += kernels/release

include $(srcdir)/kernels/mm.mk
include $(srcdir)/kernels/x86.mk
