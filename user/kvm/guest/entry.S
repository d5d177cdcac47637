/* SPDX-License-Identifier: GPL-2.0-only */
#include "kvm/guest/probe_abi.h"

	.globl probe_image_addr, probe_image_max
	.set probe_image_addr, PROBE_IMAGE_ADDR
	.set probe_image_max, PROBE_IMAGE_MAX

/*
 * A vCPU begins here, in 64-bit mode: at its first entry, and again after each
 * shutdown. RDI: its struct probe_shared, with the stack's page below it.
 */
	.section .text.entry, "ax"
	.globl _start
_start:
	jmp	start
	.org	PROBE_EMULATED_ADDR - PROBE_IMAGE_ADDR
	outb	%al, $PROBE_PORT_DATA
	.org	PROBE_PREFIX_ADDR - PROBE_IMAGE_ADDR
	ud2
	.ascii	"kvm"
	.org	PROBE_CPUID_ADDR - PROBE_IMAGE_ADDR
	cpuid				/* the same bytes in 16-bit code, and in 32-bit code */
	outb	%al, $PROBE_PORT_DATA
start:
	mov	%rdi, %rsp
	push	%rdi			/* for guest_exception() */
	push	$0
	cld
	lgdt	gdt_pointer
	lidt	idt_pointer
	call	guest_main		/* does not return */

	.text
/* Exceptions and the one interrupt: all of them end in guest_exception(struct exception_frame *). */
	.macro	VECTOR number, error_code
vector_\number:
	.if	!\error_code
	push	$0
	.endif
	push	$\number
	jmp	exception
	.endm

	VECTOR	0, 0
	VECTOR	1, 0
	VECTOR	2, 0
	VECTOR	3, 0
	VECTOR	4, 0
	VECTOR	5, 0
	VECTOR	6, 0
	VECTOR	7, 0
	VECTOR	8, 1
	VECTOR	9, 0
	VECTOR	10, 1
	VECTOR	11, 1
	VECTOR	12, 1
	VECTOR	13, 1
	VECTOR	14, 1
	VECTOR	15, 0
	VECTOR	16, 0
	VECTOR	17, 1
	VECTOR	18, 0
	VECTOR	19, 0
	VECTOR	20, 0
	VECTOR	21, 1

vector_irq:
	push	$0
	push	$PROBE_IRQ_VECTOR

exception:
	push	%rax
	push	%rcx
	push	%rdx
	push	%rsi
	push	%rdi
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	mov	%rsp, %rdi
	call	guest_exception
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rdi
	pop	%rsi
	pop	%rdx
	pop	%rcx
	pop	%rax
	add	$16, %rsp		/* vector and error code */
	iretq

	.section .rodata
	.balign	8
	.macro	GATE number
	.word	vector_\number, 0x08	/* offset 15:0, code segment */
	.word	0x8e00, 0		/* present interrupt gate, offset 31:16 */
	.quad	0
	.endm

idt:
	.irp	number, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21
	GATE	\number
	.endr
	.fill	(PROBE_IRQ_VECTOR - 22) * 16, 1, 0
	GATE	irq
idt_end:

/* Accessed bits are set: no write to the image when a selector is loaded. */
gdt:
	.quad	0
	.quad	0x00af9b000000ffff	/* 0x08: 64-bit code */
	.quad	0x00cf93000000ffff	/* 0x10: data */
gdt_end:

idt_pointer:
	.word	idt_end - idt - 1
	.quad	idt
gdt_pointer:
	.word	gdt_end - gdt - 1
	.quad	gdt

	.section .note.GNU-stack, "", @progbits
