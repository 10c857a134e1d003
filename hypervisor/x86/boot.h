/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the boot loader and the firmware said, and the order in which the machine is brought up. */
#pragma once
#include "core/machine.h"
#include "logic/acpi.h"
#include "logic/e820.h"
#include "logic/multiboot.h"

extern struct boot_info boot_info;      /* modules: [0] dom0's kernel, [1] its initramfs */
extern struct e820_map host_e820;       /* the machine's, hypervisor's memory included as RAM */

/* Where a module's bytes are, direct-map address; NULL if there is no module @i. */
const void *boot_module(u32 i, u64 *size);
/* Gives the module's frames to the heap; its bytes are gone. */
void boot_module_release(u32 i);
/* Physical address of the ACPI RSDP, 0 if there is none; of the EFI system table, 0 under BIOS. */
maddr_t boot_rsdp(void);
maddr_t boot_efi_system_table(void);
bool dmar_owns(maddr_t a);              /* registers of an IOMMU */
/* The screen as dom0 takes it over; returns the bytes used, 0 = no screen. */
struct dom0_vga_console_info;
u32 boot_video(struct dom0_vga_console_info *out);
void vga_release(void);                 /* dom0 drives the screen from now on */

extern struct acpi_fadt acpi_fadt;
extern struct acpi_madt acpi_madt;      /* in x86/acpi_tables.c */
extern struct acpi_mcfg acpi_mcfg;
extern struct acpi_hpet acpi_hpet;
extern struct acpi_srat acpi_srat;

/* The hypervisor's image in memory: [start, end) machine addresses. */
maddr_t image_start(void);
maddr_t image_end(void);

/* The boot list's items, in files of the same names. */
void hypervisor_main(u32 magic, u32 info) __noreturn;
void percpu_init(void);
void boot_memory_init(void);
void boot_memory_to_heap(void);
/* Frames before the heap exists; 2^align_shift aligned, below @limit (0 = any); panics if none. Zeroed. */
maddr_t boot_alloc(u64 bytes, u32 align_shift, maddr_t limit);
void paging_init(void);
void paging_map_stack(u32 cpu, maddr_t block);
void paging_seal(void);
void acpi_tables_init(void);
void apic_init(void);
void apic_init_this(void);
void ioapic_init(void);
void irq_init(void);
void time_init(void);
void time_init_ap(void);
void time_answer_ap(void);              /* boot CPU, while another starts */
void time_start_resync(void);
void smp_init(void);
void smp_boot_all(void);
void uart_init(void);
void uart_remap(void);                  /* once paging_init() is done */
void uart_init_irq(void);
u32 uart_irq_in_use(void);              /* ISA number, 0 = none */
void vga_remap(void);
int ioapic_setup_isa_irq(u32 isa_irq);  /* its GSI, routed and masked; -errno */
void vga_init(void);
