# Kernels that xl boots as guests, of kernels/lib and what stands here; tests in machine/ use them.
hostile_parts = guests/domu.c guests/hostile/main.c guests/hostile/cpu.c guests/hostile/crash.c \
	guests/hostile/devices.c guests/hostile/random.c guests/hostile/resources.c \
	guests/hostile/rings.c
hostile_parts_h = guests/domu.h guests/hostile/hostile.h
check_DATA += guests/hostile.elf
CLEANFILES += guests/hostile.elf
EXTRA_DIST += guests/README.md $(hostile_parts) $(hostile_parts_h)

guests/hostile.elf: $(hostile_parts) $(hostile_parts_h) $(KERNEL_LIB) kernels/lib/pt.h
	@$(MKDIR_P) guests
	$(AM_V_CCLD)$(CC) $(KERNEL_FLAGS) -I$(srcdir) $(KERNEL_LINK) -o $@ \
		$(srcdir)/kernels/lib/head.S $(srcdir)/kernels/lib/lib.c \
		$(hostile_parts:%=$(srcdir)/%)
