# Rules of page types, one kernel a family.
PT_KERNELS = kernels/pt_writable_table.elf kernels/pt_pinning.elf kernels/pt_self_map.elf \
	kernels/pt_foreign_frames.elf kernels/pt_hypervisor_slots.elf kernels/pt_stale_tlb.elf \
	kernels/pt_emulated_writes.elf kernels/pt_batches.elf kernels/pt_descriptors.elf \
	kernels/pt_bases_and_flushes.elf kernels/pt_release.elf
TESTS += $(PT_KERNELS)
check_DATA += $(PT_KERNELS)
CLEANFILES += $(PT_KERNELS)
EXTRA_DIST += kernels/lib/pt.h $(PT_KERNELS:.elf=.c)

# On two CPUs.
check_DATA += kernels/pt_race.elf
CLEANFILES += kernels/pt_race.elf
EXTRA_DIST += kernels/pt_race.c
dist_check_SCRIPTS += kernels/pt_race_smp
TESTS += kernels/pt_race_smp
