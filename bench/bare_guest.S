/* SPDX-License-Identifier: Apache-2.0 */
/* The code of a bare VM: write to RCX pages, the first at RDI and the others from RSI on,
 * then ring for ever; or, at bare_guest_calls, make system calls for ever. bare_iretq is the
 * way back from one. */
        .section .rodata
        .globl  bare_guest
        .globl  bare_guest_calls
        .globl  bare_iretq
        .globl  bare_guest_size
        .hidden bare_guest
        .hidden bare_guest_calls
        .hidden bare_iretq
        .hidden bare_guest_size
bare_guest:
        test    %rcx, %rcx
        jz      2f
        incb    (%rdi)
        dec     %rcx
        jz      2f
1:      incb    (%rsi)
        add     $0x1000, %rsi
        dec     %rcx
        jnz     1b
2:      out     %al, $0x4d
        jmp     2b

bare_guest_calls:
        mov     $39, %eax       /* getpid */
        syscall
        jmp     bare_guest_calls

bare_iretq:
        iretq

        .balign 4
bare_guest_size:
        .long   . - bare_guest
        .section .note.GNU-stack, "", @progbits
