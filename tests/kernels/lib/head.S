/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Start and trap stubs of the test kernels: a 64-bit paravirtual guest, booted as dom0.
 * Entry (public xen.h, "start of day"): rsi = start_info, events masked, rsp in the boot stack. */
#define __ASSEMBLY__
#include <xen/elfnote.h>
#include <xen/xen.h>

#define VIRT_BASE 0xffffffff80000000

	.macro elfnote type:req, payload:vararg
	.section .note.xen, "a", @note
	.balign 4
	.long 4, 2f - 1f, \type
	.asciz "Xen"
1:	\payload
2:	.balign 4
	.previous
	.endm

	elfnote XEN_ELFNOTE_GUEST_OS, .asciz "keel-test"
	elfnote XEN_ELFNOTE_GUEST_VERSION, .asciz "1"
	elfnote XEN_ELFNOTE_XEN_VERSION, .asciz "xen-3.0"
	elfnote XEN_ELFNOTE_LOADER, .asciz "generic"
	elfnote XEN_ELFNOTE_VIRT_BASE, .quad VIRT_BASE
	elfnote XEN_ELFNOTE_PADDR_OFFSET, .quad 0
	elfnote XEN_ELFNOTE_ENTRY, .quad start
	elfnote XEN_ELFNOTE_HYPERCALL_PAGE, .quad hypercall_page
	elfnote XEN_ELFNOTE_PAE_MODE, .asciz "yes"
	elfnote XEN_ELFNOTE_L1_MFN_VALID, .quad 1, 1
	elfnote XEN_ELFNOTE_FEATURES, .asciz "!writable_page_tables|pae_pgdir_above_4gb"

	.text
	.globl start
start:
	cld
	mov %rsi, %rdi
	lea boot_stack_end(%rip), %rsp
	xor %ebp, %ebp
	call kernel_main
	ud2

/* Frame from the hypervisor, low to high: rcx, r11, [error code], rip, cs, rflags, rsp, ss. */
	.altmacro
	.macro trap_stub vector
trap_\vector:
	pop %rcx
	pop %r11
	.if !((\vector == 8) || (\vector >= 10 && \vector <= 14) || (\vector == 17))
	push $0
	.endif
	push $\vector
	jmp trap_common
	.endm

	.set v, 0
	.rept 33
	trap_stub %v
	.set v, v + 1
	.endr

trap_common:
	push %rax
	push %rbx
	push %rcx
	push %rdx
	push %rsi
	push %rdi
	push %rbp
	push %r8
	push %r9
	push %r10
	push %r11
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, %rdi
	call trap_c
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rbp
	pop %rdi
	pop %rsi
	pop %rdx
	pop %rcx
	pop %rbx
	pop %rax
	add $16, %rsp
/* iret hypercall frame, low to high: rax, r11, rcx, flags, rip, cs, rflags, rsp, ss */
	push $0
	push %rcx
	push %r11
	push %rax
	mov $__HYPERVISOR_iret, %eax
	syscall
	ud2

	.globl event_entry
event_entry:
	pop %rcx
	pop %r11
	push $0
	push $256
	jmp trap_common

	.globl failsafe_entry
failsafe_entry: /* rcx r11 ds es fs gs rip cs rflags rsp ss */
	pop %rcx
	pop %r11
	add $32, %rsp
	push $0
	push $257
	jmp trap_common

	.globl syscall_entry
syscall_entry:
	pop %rcx
	pop %r11
	push $0
	push $258
	jmp trap_common

	.section .rodata
	.globl trap_entries
trap_entries:
	.macro trap_entry vector
	.quad trap_\vector
	.endm
	.set v, 0
	.rept 33
	trap_entry %v
	.set v, v + 1
	.endr

	.section .text.hypercall, "ax"
	.balign 4096
	.globl hypercall_page
hypercall_page:
	.fill 4096, 1, 0xcc

	.bss
	.balign 4096
	.globl boot_stack, boot_stack_end
boot_stack:
	.fill 32768
boot_stack_end:

	.section .note.GNU-stack, "", @progbits
