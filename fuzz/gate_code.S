/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of the guest of fuzz_gate.c: position-independent, copied, run by the guest only. */
#include "gate_offsets.h"

#define READY  1
#define RETURN 2

        .section .rodata
        .globl  gate_start, gate_start_end, gate_answer, gate_answer_end
        .globl  gate_honest, gate_honest_end

/* The entry: READY (or not), then mailbox, registers and on to what follows. */
gate_start:
        cmpq    $1, GATE_PAGE_ADDRESS + PAGE_AT_BOOT
        je      1f
        cmpq    $1, GATE_PAGE_ADDRESS + PAGE_PROGRAM
        je      1f
        mov     GATE_PAGE_ADDRESS + PAGE_MAILBOX, %rax
        movl    $READY, (%rax)
        call    *(GATE_PAGE_ADDRESS + PAGE_DOORBELL)
1:      mov     GATE_PAGE_ADDRESS + PAGE_MAILBOX, %rdi
        mov     $GATE_PAGE_ADDRESS + PAGE_WORDS, %rsi
        mov     GATE_PAGE_ADDRESS + PAGE_NWORDS, %rcx
        rep movsq
        mov     $GATE_PAGE_ADDRESS, %rsp
        pop     %rax
        pop     %rbx
        pop     %rcx
        pop     %rdx
        pop     %rsi
        pop     %rdi
        pop     %rbp
        pop     %r8
        pop     %r9
        pop     %r10
        pop     %r11
        pop     %r12
        pop     %r13
        pop     %r14
        pop     %r15
        popfq
        pop     %rsp
gate_start_end:

/* Answers the call, and each further one, with whatever the frame holds. */
gate_answer:
        mov     GATE_PAGE_ADDRESS + PAGE_MAILBOX, %rax
        movl    $RETURN, (%rax)
        call    *(GATE_PAGE_ADDRESS + PAGE_DOORBELL)
        jmp     gate_answer
gate_answer_end:

/* Answers its argument. */
gate_honest:
        mov     GATE_PAGE_ADDRESS + PAGE_MAILBOX, %rax
        mov     16(%rax), %rdx          /* the frame */
        mov     16(%rdx), %rcx          /* its argument */
        mov     %rcx, 32(%rdx)          /* its result */
        movl    $RETURN, (%rax)
        call    *(GATE_PAGE_ADDRESS + PAGE_DOORBELL)
        jmp     gate_honest
gate_honest_end:

        .section .note.GNU-stack, "", @progbits
