/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A boot sector: says hello on COM1, then sends back what it receives; Ctrl-R resets the machine. */
#define COM1 0x3f8
#define LSR  (COM1 + 5)
#define CTRL_R 0x12

	.code16
	.globl _start
_start:
	cli
	xor	%ax, %ax
	mov	%ax, %ds
	mov	%ax, %ss
	mov	$_start, %sp
	mov	$(COM1 + 3), %dx
	mov	$3, %al			/* eight bits, no parity, one stop bit */
	out	%al, %dx
	mov	$hello, %si
1:	lodsb
	test	%al, %al
	jz	echo
	call	put
	jmp	1b
echo:	mov	$LSR, %dx
	in	%dx, %al
	test	$1, %al
	jz	echo
	mov	$COM1, %dx
	in	%dx, %al
	cmp	$CTRL_R, %al
	je	reset
	call	put
	jmp	echo
reset:	mov	$0xfe, %al		/* the keyboard controller's reset line */
	out	%al, $0x64
	hlt
put:	push	%ax
	mov	$LSR, %dx
1:	in	%dx, %al
	test	$0x20, %al
	jz	1b
	pop	%ax
	mov	$COM1, %dx
	out	%al, %dx
	ret
hello:	.asciz "hello from the serial line\r\n"
	.org 510
	.word 0xaa55
