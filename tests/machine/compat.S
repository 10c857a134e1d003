/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A 32-bit Linux program: writes one line by each way into the kernel that this CPU has for 32-bit code: int 0x80,
 * and sysenter or syscall, whichever the kernel's vdso chose for __kernel_vsyscall (auxiliary vector, AT_SYSINFO). */
#define NR_EXIT    1
#define NR_WRITE   4
#define AT_SYSINFO 32

	.globl _start
_start:
	mov %esp, %esi
	lodsl                    /* argc */
	lea 4(%esi, %eax, 4), %esi /* past argv */
1:	lodsl                    /* past the environment */
	test %eax, %eax
	jnz 1b
2:	lodsl                    /* type, value of each auxiliary entry */
	test %eax, %eax
	jz fail
	cmp $AT_SYSINFO, %eax
	lodsl
	jne 2b
	mov %eax, %edi

	mov $by_int, %ecx
	mov $by_int_bytes, %edx
	mov $NR_WRITE, %eax
	mov $1, %ebx
	int $0x80
	cmp $by_int_bytes, %eax
	jne fail

	mov $100000, %esi        /* often enough for interrupts to fall in */
3:	mov $20, %eax            /* getpid */
	call *%edi
	dec %esi
	jnz 3b
	mov $by_vdso, %ecx
	mov $by_vdso_bytes, %edx
	mov $NR_WRITE, %eax
	mov $1, %ebx
	call *%edi
	cmp $by_vdso_bytes, %eax
	jne fail

	xor %ebx, %ebx
	mov $NR_EXIT, %eax
	call *%edi
fail:
	mov $1, %ebx
	mov $NR_EXIT, %eax
	int $0x80

	.section .rodata
by_int:
	.ascii "int 0x80\n"
	.set by_int_bytes, . - by_int
by_vdso:
	.ascii "vdso\n"
	.set by_vdso_bytes, . - by_vdso
	.section .note.GNU-stack, "", @progbits
