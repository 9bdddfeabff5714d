/* SPDX-License-Identifier: Apache-2.0 */
/* The code of a bare VM: write to RCX pages from RSI on, then ring for ever. */
        .section .rodata
        .globl  bare_guest
        .globl  bare_guest_end
        .hidden bare_guest
        .hidden bare_guest_end
bare_guest:
        test    %rcx, %rcx
        jz      2f
1:      incb    (%rsi)
        add     $0x1000, %rsi
        dec     %rcx
        jnz     1b
2:      out     %al, $0x4d
        jmp     2b
bare_guest_end:
        .section .note.GNU-stack, "", @progbits
