/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Into the hypervisor and out again. docs/entry-exit has the picture. GS is never used: both its bases
 * are the guest's. What is per CPU is found from the stack. */
#include "x86/asm.h"

#define GUEST_CS_64       0xe033 /* FLAT_RING3_CS64 */
#define GUEST_CS_32     0xe023 /* FLAT_RING3_CS32 */
#define GUEST_SS        0xe02b /* FLAT_RING3_SS64 */
#define ENTRY_SYSCALL   0x100
#define ENTRY_SYSCALL32 0x101
#define ENTRY_SYSENTER  0x102

/* Below error_code of a struct cpu_user_regs. The registers then hold nothing of the guest's, so that
 * no mispredicted path computes with its values. */
.macro SAVE_ALL
	push %rdi
	push %rsi
	push %rdx
	push %rcx
	push %rax
	push %r8
	push %r9
	push %r10
	push %r11
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	xor %esi, %esi
	xor %edx, %edx
	xor %ecx, %ecx
	xor %eax, %eax
	xor %r8d, %r8d
	xor %r9d, %r9d
	xor %r10d, %r10d
	xor %r11d, %r11d
	xor %ebx, %ebx
	xor %r12d, %r12d
	xor %r13d, %r13d
	xor %r14d, %r14d
	xor %r15d, %r15d
.endm

.macro RESTORE_ALL
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rax
	pop %rcx
	pop %rdx
	pop %rsi
	pop %rdi
.endm

/* The guest may have set AC, which opens SMAP; syscall entries have it masked by SFMASK. */
.macro CLOSE_SMAP
	testb $1, smap_on(%rip)
	jz .Lclac\@
	clac
.Lclac\@:
.endm

/* Drains the CPU's buffers before a guest runs (MDS and kin). Clobbers flags only. */
.macro CLEAR_CPU_BUFFERS
	testb $1, verw_on(%rip)
	jz .Lverw\@
	verw verw_selector(%rip)
.Lverw\@:
.endm

	.section .rodata
verw_selector:
	.short 0xe010

	.text
/* ---- the 256 gates, 16 bytes each; x86/desc.c points the IDT at them ---- */
	.balign 16
	.globl gate_stubs
gate_stubs:
	vec = 0
	.rept 256
	.balign 16
	.if !(vec == 8 || (vec >= 10 && vec <= 14) || vec == 17 || vec == 21 || vec == 29 || vec == 30)
	push $0
	.endif
	movl $vec, 4(%rsp)
	.if vec == 1 || vec == 2 || vec == 8 || vec == 18
	jmp ist_entry
	.else
	jmp gate_entry
	.endif
	vec = vec + 1
	.endr

/* Expects: error code and vector pushed. From a guest the frame ends at cpu_info's guest_regs.es. */
	.balign 16
gate_entry:
	cld
	SAVE_ALL
	CLOSE_SMAP
	mov %rsp, %rdi
	testb $3, REGS_CS(%rsp)
	jz gate_from_hypervisor
gate_from_guest:
	xor %ebp, %ebp
	sub $8, %rsp
	cmpl $32, REGS_VECTOR(%rdi)
	jae 1f
	call trap_handler
	add $8, %rsp
	jmp ret_to_guest
1:	call irq_handler
	add $8, %rsp
	jmp ret_to_guest

gate_from_hypervisor:
	sub $8, %rsp
	cmpl $32, REGS_VECTOR(%rdi)
	jae 1f
	call trap_handler
	add $8, %rsp
	jmp 2f
1:	call irq_handler
	add $8, %rsp
2:	RESTORE_ALL
	add $8, %rsp
	iretq

/* NMI, #DB, #MC, #DF, each on a stack of its own in this CPU's stack block. What came from a guest
 * moves to the main stack and goes on as if there were no IST. */
	.balign 16
ist_entry:
	cld
	SAVE_ALL
	CLOSE_SMAP
	testb $3, REGS_CS(%rsp)
	mov %rsp, %rdi
	jz gate_from_hypervisor
	mov %rsp, %rsi
	or $(STACK_BYTES - 1), %rdi
	sub $(CPU_INFO_BYTES - 1), %rdi
	mov %rdi, %rdx
	mov $REGS_QWORDS, %ecx
	rep movsq
	mov %rdx, %rsp
	mov %rdx, %rdi
	jmp gate_from_guest

/* ---- syscall; from this CPU's stub (x86/desc.c), which pushed ss and rsp and has rax in scratch ---- */
	.balign 16
	.globl syscall_entry, syscall32_entry, sysenter_entry
syscall_entry:
	push %r11
	push $GUEST_CS_64
	push %rcx
	push $0
	movl $ENTRY_SYSCALL, 4(%rsp)
	mov (CPU_INFO_SCRATCH - REGS_ERROR)(%rsp), %rax
	jmp syscall_common

syscall32_entry:
	push %r11
	push $GUEST_CS_32
	push %rcx
	push $0
	movl $ENTRY_SYSCALL32, 4(%rsp)
	mov (CPU_INFO_SCRATCH - REGS_ERROR)(%rsp), %rax
	jmp syscall_common

/* sysenter saves nothing: rip and rsp are the caller's convention. rsp is at guest_regs.es. The MSR
 * cannot clear AC, NT or TF for us. */
sysenter_entry:
	push $GUEST_SS
	push $0
	pushfq
	push $GUEST_CS_32
	push $0
	push $0
	movl $ENTRY_SYSENTER, 4(%rsp)
	orl $0x200, 24(%rsp) /* IF was on: a guest never has it off */
	push $2
	popfq
syscall_common:
	SAVE_ALL
	mov %rsp, %rdi
	xor %ebp, %ebp
	sub $8, %rsp
	sti
	call pv_syscall
	add $8, %rsp
	/* fall through */

/* Expects: rsp = guest_regs. Interrupts either way. */
	.globl ret_to_guest
ret_to_guest:
	mov %rsp, %rdi
	xor %ebp, %ebp
	sub $8, %rsp
	call pv_exit_to_guest
	add $8, %rsp

	cmpl $ENTRY_SYSCALL, REGS_VECTOR(%rsp)
	jne exit_by_iret
	cmpw $GUEST_CS_64, REGS_CS(%rsp)
	jne exit_by_iret
	cmpw $GUEST_SS, REGS_SS(%rsp)
	jne exit_by_iret
	testl $0x10100, REGS_RFLAGS(%rsp) /* RF, TF */
	jnz exit_by_iret
	mov REGS_RIP(%rsp), %rcx /* SYSRET to a non-canonical address faults in ring 0 on Intel's */
	mov %rcx, %rax
	shl $16, %rax
	sar $16, %rax
	cmp %rcx, %rax
	jne exit_by_iret

	RESTORE_ALL
	mov (REGS_RIP - REGS_ERROR)(%rsp), %rcx
	mov (REGS_RFLAGS - REGS_ERROR)(%rsp), %r11
	CLEAR_CPU_BUFFERS
	mov (REGS_RSP - REGS_ERROR)(%rsp), %rsp
	sysretq

exit_by_iret:
	RESTORE_ALL
	add $8, %rsp
	CLEAR_CPU_BUFFERS
	.globl guest_iret
guest_iret:
	iretq /* may fault: trap_handler() knows this address */

/* Expects: guest_regs whole again after guest_iret faulted; rsp = guest_regs. */
	.globl iret_fault_exit
iret_fault_exit:
	mov %rsp, %rdi
	sub $8, %rsp
	sti
	call pv_iret_fault
	add $8, %rsp
	jmp ret_to_guest

/* ---- retpolines: indirect branches whose target the CPU cannot be taught to guess ---- */
.macro THUNK reg
	.globl __x86_indirect_thunk_\reg
	.balign 32
__x86_indirect_thunk_\reg:
	call 2f
1:	pause
	lfence
	jmp 1b
2:	mov %\reg, (%rsp)
	ret
	int3
.endm
	.irp reg, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
	THUNK \reg
	.endr

/* Each CPU's stubs, written once at boot through the direct map, before the text is sealed. */
	.section .text.stubs, "ax"
	.balign 4096
	.globl syscall_stubs
syscall_stubs:
	.skip 256 * STUB_BYTES, 0xcc

	.section .note.GNU-stack, "", @progbits
