/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the boot loader (multiboot 1 or 2, 32-bit protected mode, paging off) to hypervisor_main() in
 * long mode at the image's linked address, and the same way for the other CPUs. */
#include "x86/asm.h"

#define phys(sym) ((sym) - VIRT_OFFSET)

#define MB1_MAGIC 0x1badb002
#define MB1_FLAGS 0x3 /* page-aligned modules, memory information */
#define MB2_MAGIC 0xe85250d6

	.section .boot.header, "a"
	.balign 8
mb1_header:
	.long MB1_MAGIC, MB1_FLAGS, -(MB1_MAGIC + MB1_FLAGS)
	.long 0, 0, 0, 0, 0 /* addresses: the ELF headers say */

	.balign 8
mb2_header:
	.long MB2_MAGIC, 0, mb2_header_end - mb2_header
	.long 0x100000000 - (MB2_MAGIC + (mb2_header_end - mb2_header))
	/* information request, optional: command line, loader, modules, memory map, framebuffer, EFI
	 * system table, ACPI old and new, EFI memory map */
1:	.short 1, 1
	.long 2f - 1b
	.long 1, 2, 3, 6, 8, 12, 14, 15, 17
2:
	.balign 8
	/* console flags, optional: EGA text is fine */
	.short 4, 1
	.long 12, 2
	.balign 8
	/* framebuffer, optional: whatever mode */
	.short 5, 1
	.long 20, 0, 0, 0
	.balign 8
	/* modules page-aligned */
	.short 6, 0
	.long 8
	/* end */
	.short 0, 0
	.long 8
mb2_header_end:

	.section .boot.text, "ax"
	.code32
	.globl boot_entry
boot_entry:
	cli
	cld
	lgdt phys(boot_gdt_ptr)
	mov $BOOT_DS, %ecx
	mov %ecx, %ds
	mov %ecx, %es
	mov %ecx, %ss
	ljmp $BOOT_CS32, $phys(1f)
1:	mov %eax, %ebp /* loader's magic */
	mov %ebx, %esi /* its information */

	/* bss, boot tables and stack included */
	mov $phys(__bss_start), %edi
	mov $phys(__bss_end), %ecx
	sub %edi, %ecx
	shr $2, %ecx
	xor %eax, %eax
	rep stosl
	mov $phys(boot_stack + STACK_BYTES), %esp
	push %esi

	/* long mode and NX, or nothing */
	mov $0x80000000, %eax
	cpuid
	cmp $0x80000001, %eax
	jb no_long_mode
	mov $0x80000001, %eax
	cpuid
	and $(1 << 29 | 1 << 20), %edx
	cmp $(1 << 29 | 1 << 20), %edx
	jne no_long_mode
	pop %esi

	/* Boot tables: the first 4 GiB, by 2 MiB pages, at 0, at the image's slot and in the direct map. */
	mov $phys(boot_l2), %edi
	mov $0x83, %eax
	xor %edx, %edx
	mov $2048, %ecx
1:	mov %eax, (%edi)
	mov %edx, 4(%edi)
	add $8, %edi
	add $0x200000, %eax
	dec %ecx
	jnz 1b
	mov $(phys(boot_l2) + 3), %eax
	mov %eax, phys(boot_l3)
	add $0x1000, %eax
	mov %eax, phys(boot_l3) + 8
	add $0x1000, %eax
	mov %eax, phys(boot_l3) + 16
	add $0x1000, %eax
	mov %eax, phys(boot_l3) + 24
	mov $(phys(boot_l3) + 3), %eax
	mov %eax, phys(boot_l4)
	mov %eax, phys(boot_l4) + 261 * 8
	mov %eax, phys(boot_l4) + 262 * 8

	mov $phys(start64), %edi
	jmp enter_long_mode

/* Expects: edi = physical address to go on at, in 64-bit mode. Clobbers eax, ecx, edx. */
enter_long_mode:
	mov $(1 << 5), %eax /* PAE */
	mov %eax, %cr4
	mov $phys(boot_l4), %eax
	mov %eax, %cr3
	mov $0xc0000080, %ecx
	rdmsr
	or $(1 << 11 | 1 << 8 | 1 << 0), %eax /* NXE, LME, SCE */
	wrmsr
	mov $0x80010033, %eax /* PG WP NE ET MP PE */
	mov %eax, %cr0
	push $BOOT_CS64
	push %edi
	lret

no_long_mode:
	mov $phys(no_long_mode_text), %esi
	mov $0xb8000, %edi
1:	lodsb
	test %al, %al
	jz 2f
	mov $0x4f, %ah
	stosw
	mov %al, %bl
	mov $0x3f8, %edx
	mov %bl, %al
	outb %al, %dx
	jmp 1b
2:	hlt
	jmp 2b
no_long_mode_text:
	.asciz "Keel needs a 64-bit CPU with NX.\r\n"

	.code64
start64:
	movabs $1f, %rax
	jmp *%rax
1:	lgdt boot_gdt_ptr_high(%rip)
	xor %eax, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %fs
	mov %eax, %gs
	mov %eax, %ss
	lea (boot_stack + STACK_BYTES - CPU_INFO_BYTES)(%rip), %rsp
	mov %ebp, %edi
	xor %ebp, %ebp
	jmp hypervisor_main

	/* Other CPUs. This page is copied below 1 MiB and started there in real mode; it refers to
	 * nothing but the image, whose addresses are fixed. */
	.code16
	.globl trampoline_start, trampoline_end
	.balign 16
trampoline_start:
	cli
	cld
	mov %cs, %ax
	mov %ax, %ds
	lgdtl trampoline_gdt_ptr - trampoline_start
	mov %cr0, %eax
	or $1, %al
	mov %eax, %cr0
	ljmpl $BOOT_CS32, $phys(ap_start32)
	.balign 4
trampoline_gdt_ptr:
	.short boot_gdt_end - boot_gdt - 1
	.long phys(boot_gdt)
trampoline_end:

	.code32
ap_start32:
	mov $BOOT_DS, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov $phys(ap_boot_stack_end), %esp
	mov $phys(ap_start64), %edi
	jmp enter_long_mode

	.code64
ap_start64:
	movabs $1f, %rax
	jmp *%rax
1:	xor %eax, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %fs
	mov %eax, %gs
	mov %eax, %ss
	mov idle_cr3(%rip), %rax
	mov ap_stack(%rip), %rsp
	mov %rax, %cr3
	lgdt boot_gdt_ptr_high(%rip)
	xor %ebp, %ebp
	jmp smp_ap_main

	.section .boot.data, "aw"
	.balign 16
boot_gdt:
	.quad 0
	.quad 0x00cf9b000000ffff /* 32-bit code */
	.quad 0x00cf93000000ffff /* data */
	.quad 0x00af9b000000ffff /* 64-bit code */
boot_gdt_end:
boot_gdt_ptr:
	.short boot_gdt_end - boot_gdt - 1
	.long phys(boot_gdt)
	.balign 8
	.short 0, 0, 0
boot_gdt_ptr_high:
	.short boot_gdt_end - boot_gdt - 1
	.quad boot_gdt

	.section .bss.boot, "aw", @nobits
	.balign STACK_BYTES
	.globl boot_stack
boot_stack:
	.skip STACK_BYTES
	.globl boot_l4
boot_l4:
	.skip 4096
boot_l3:
	.skip 4096
boot_l2:
	.skip 4 * 4096
	.skip 64
ap_boot_stack_end:
	.balign 8

	.section .note.GNU-stack, "", @progbits
