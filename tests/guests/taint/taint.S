/* SPDX-License-Identifier: Apache-2.0 */
/*
 * taint: a guest without libc and without SDK, which speaks the ABI of
 * mote_abi.h by hand. `taint` fills every piece of state that unprivileged
 * code can change, `look` tells what it finds of it. See taint.h.
 */
#include "taint.h"

/* What mote_abi.h says in C. */
#define MOTE_AT_INFO        0x6d6f7465
#define INFO_DOORBELL       8
#define INFO_MAILBOX        16
#define BOX_REQUEST         0
#define BOX_MESSAGE         8
#define BOX_CALL            16
#define FRAME_FUNCTION      0
#define FRAME_ARGS          16
#define SLOT                16
#define REQUEST_READY       1
#define REQUEST_RETURN      2
#define NOTE_ABI            1
#define NOTE_EXPORT         2
#define ABI_VERSION         0x10000

#define SYS_ARCH_PRCTL      158
#define SYS_EXIT_GROUP      231
#define ARCH_SET_FS         0x1002

/* ---- notes --------------------------------------------------------------- */

.macro note type:req            /* what follows, up to end_note, is its description */
        .balign 4
        .long   5, 2f - 1f, \type
        .asciz  "mote"
        .balign 4
1:
.endm

.macro end_note
2:      .balign 4
.endm

.macro export name:req, signature:req
        note    NOTE_EXPORT
        .long   0
        .asciz  "", "\name", "\signature"
        end_note
.endm

        .section .note.mote, "a", @note
        note    NOTE_ABI
        .long   ABI_VERSION
        end_note
        export  look,  "(u32)->bytes"
        export  taint, "(u32,u32)->void"
        export  probe, "(u32)->u64"

        .section .rodata
        .balign 8
exports:
        .quad   look, taint, probe

/* ---- start and loop ------------------------------------------------------ */

        .text
        .globl  _start
_start:
        lea     8(%rsp), %rbx           /* argv, then envp, then the auxiliary vector */
1:      cmpq    $0, (%rbx)
        lea     8(%rbx), %rbx
        jne     1b
1:      cmpq    $0, (%rbx)
        lea     8(%rbx), %rbx
        jne     1b
1:      mov     (%rbx), %rax
        mov     8(%rbx), %rcx
        add     $16, %rbx
        test    %rax, %rax
        jz      outside
        cmp     $MOTE_AT_INFO, %rax
        jne     1b
        mov     INFO_DOORBELL(%rcx), %rax
        mov     %rax, doorbell(%rip)
        mov     INFO_MAILBOX(%rcx), %rax
        mov     %rax, mailbox(%rip)

        lea     own_fs(%rip), %rsi      /* a base of our own, for the snapshot to keep */
        mov     $ARCH_SET_FS, %edi
        mov     $SYS_ARCH_PRCTL, %eax
        syscall

        lea     stack_top(%rip), %rsp
        mov     $REQUEST_READY, %eax
        jmp     ring

/* A call is over; its frame holds the result. */
return:
        mov     $REQUEST_RETURN, %eax

/* Rings the doorbell with the request in eax, then serves the next call. */
ring:
        mov     mailbox(%rip), %rbx
        mov     %eax, BOX_REQUEST(%rbx)
        movq    $0, BOX_MESSAGE(%rbx)
        call    *doorbell(%rip)

/* Here the guest is entered; nothing but the answer may change before all is seen. */
serve:
        mov     %rax, answer + LOOK_GPR + 0x00(%rip)
        mov     %rbx, answer + LOOK_GPR + 0x08(%rip)
        mov     %rcx, answer + LOOK_GPR + 0x10(%rip)
        mov     %rdx, answer + LOOK_GPR + 0x18(%rip)
        mov     %rsi, answer + LOOK_GPR + 0x20(%rip)
        mov     %rdi, answer + LOOK_GPR + 0x28(%rip)
        mov     %rbp, answer + LOOK_GPR + 0x30(%rip)
        mov     %rsp, answer + LOOK_GPR + 0x38(%rip)
        mov     %r8,  answer + LOOK_GPR + 0x40(%rip)
        mov     %r9,  answer + LOOK_GPR + 0x48(%rip)
        mov     %r10, answer + LOOK_GPR + 0x50(%rip)
        mov     %r11, answer + LOOK_GPR + 0x58(%rip)
        mov     %r12, answer + LOOK_GPR + 0x60(%rip)
        mov     %r13, answer + LOOK_GPR + 0x68(%rip)
        mov     %r14, answer + LOOK_GPR + 0x70(%rip)
        mov     %r15, answer + LOOK_GPR + 0x78(%rip)
        pushfq
        popq    answer + LOOK_FLAGS(%rip)
        mov     %ds, answer + LOOK_DS + 0x00(%rip)
        mov     %es, answer + LOOK_DS + 0x08(%rip)
        mov     %fs, answer + LOOK_DS + 0x10(%rip)
        mov     %gs, answer + LOOK_DS + 0x18(%rip)
        mov     %ss, answer + LOOK_DS + 0x20(%rip)
        mov     %cs, answer + LOOK_DS + 0x28(%rip)

        lea     stack_top(%rip), %rsp
        pushq   $0x202                  /* our own code wants clean flags */
        popfq
        mov     mailbox(%rip), %rbx
        mov     BOX_CALL(%rbx), %rbx    /* rbx: the frame, in every export */
        mov     FRAME_FUNCTION(%rbx), %eax
        lea     exports(%rip), %rcx
        jmp     *(%rcx, %rax, 8)

outside:
        mov     $1, %edi
exit:
        mov     $SYS_EXIT_GROUP, %eax
        syscall
        ud2

/* ---- look ---------------------------------------------------------------- */

look:
        mov     FRAME_ARGS(%rbx), %r12d /* r12: the flags */
        mov     %r12, answer + LOOK_GIVEN(%rip)
        lea     answer(%rip), %rdi
        lea     LOOK_VECTORS(%rdi), %rsi

        fxsave64 LOOK_FXSAVE(%rdi)
        test    $TAINT_AVX512, %r12d
        jnz     1f
        test    $TAINT_AVX, %r12d
        jz      2f
        .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        vmovdqu %ymm\n, (\n * 64)(%rsi)
        .endr
        jmp     2f
1:      .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        vmovdqu64 %zmm\n, (\n * 64)(%rsi)
        .endr
        .irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
        vmovdqu64 %zmm\n, (\n * 64)(%rsi)
        .endr
        .irp n, 0, 1, 2, 3, 4, 5, 6, 7
        kmovq   %k\n, (LOOK_MASKS + \n * 8)(%rdi)
        .endr
2:
        test    $TAINT_XSAVE, %r12d
        jz      1f
        mov     $0xfff9ffff, %eax       /* all components but the tiles, 17 and 18 */
        mov     $0x7fffffff, %edx
        xsave64 LOOK_XSAVE(%rdi)
1:
        test    $TAINT_AVX, %r12d
        jz      1f
        xor     %ecx, %ecx
        xgetbv
        mov     %eax, LOOK_XCR0(%rdi)
        mov     %edx, LOOK_XCR0 + 4(%rdi)
1:
        test    $TAINT_FSGSBASE, %r12d
        jz      1f
        rdfsbase %rax
        mov     %rax, LOOK_FS_BASE(%rdi)
        rdgsbase %rax
        mov     %rax, LOOK_GS_BASE(%rdi)
1:
        mov     %fs:0, %rax
        mov     %rax, LOOK_FS_WORD(%rdi)

        mov     %rdi, FRAME_ARGS + SLOT(%rbx)
        movq    $LOOK_SIZE, FRAME_ARGS + SLOT + 8(%rbx)
        jmp     return

/* ---- probe --------------------------------------------------------------- */

probe:
        mov     FRAME_ARGS(%rbx), %eax
        movq    $0, FRAME_ARGS + SLOT(%rbx)
        movq    $0, FRAME_ARGS + SLOT + 8(%rbx)
        cmp     $TAINT_PROBE_FSGSBASE, %eax
        je      1f
        cmp     $TAINT_PROBE_XGETBV, %eax
        je      2f
        cmp     $TAINT_PROBE_AVX, %eax
        je      3f
        cmp     $TAINT_PROBE_AVX512, %eax
        je      4f
        lea     answer(%rip), %rdi
        xor     %eax, %eax
        xor     %edx, %edx
        xsave64 LOOK_XSAVE(%rdi)
        jmp     return
1:      rdfsbase %rax
        wrfsbase %rax
        jmp     return
2:      xor     %ecx, %ecx
        xgetbv
        mov     %eax, FRAME_ARGS + SLOT(%rbx)
        mov     %edx, FRAME_ARGS + SLOT + 4(%rbx)
        jmp     return
3:      vmovdqu %ymm0, %ymm0
        jmp     return
4:      vmovdqu64 %zmm31, %zmm31
        kmovq   %k1, %k1
        jmp     return

/* ---- taint --------------------------------------------------------------- */

taint:
        mov     FRAME_ARGS(%rbx), %r12d         /* r12: the flags */
        mov     FRAME_ARGS + SLOT(%rbx), %r13d  /* r13: the selector */
        mov     mailbox(%rip), %rax
        movl    $REQUEST_RETURN, BOX_REQUEST(%rax)
        movq    $0, BOX_MESSAGE(%rax)
        call    taint_selectors
        call    taint_bases
        call    taint_vectors
        call    taint_x87

        test    $TAINT_UD2, %r12d
        lea     end_in_ud2(%rip), %rax
        jnz     1f
        test    $TAINT_SPIN, %r12d
        lea     end_in_spin(%rip), %rax
        jnz     1f
        test    $TAINT_EXIT, %r12d
        lea     exit_tainted(%rip), %rax
        jnz     1f
        lea     end_in_doorbell(%rip), %rax
1:      mov     %rax, end(%rip)

        mov     $TAINT_FLAGS | 2, %eax
        test    $TAINT_TF, %r12d
        jz      1f
        or      $0x100, %eax
1:      push    %rax
        mov     $TAINT_GPR + 0, %rax
        mov     $TAINT_GPR + 1, %rbx
        mov     $TAINT_GPR + 2, %rcx
        mov     $TAINT_GPR + 3, %rdx
        mov     $TAINT_GPR + 4, %rsi
        mov     $TAINT_GPR + 5, %rdi
        mov     $TAINT_GPR + 6, %rbp
        mov     $TAINT_GPR + 8, %r8
        mov     $TAINT_GPR + 9, %r9
        mov     $TAINT_GPR + 10, %r10
        mov     $TAINT_GPR + 11, %r11
        mov     $TAINT_GPR + 12, %r12
        mov     $TAINT_GPR + 13, %r13
        mov     $TAINT_GPR + 14, %r14
        mov     $TAINT_GPR + 15, %r15
        popfq
        jmp     *end(%rip)

end_in_doorbell:
        call    *doorbell(%rip)
        jmp     serve
end_in_ud2:
        ud2
end_in_spin:
        jmp     end_in_spin
exit_tainted:
        mov     $3, %edi
        mov     $SYS_EXIT_GROUP, %eax
        syscall
        ud2

taint_selectors:
        mov     $3, %eax
        test    $TAINT_SELECTORS, %r12d
        cmovnz  %r13d, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %fs
        mov     %eax, %gs
        test    $TAINT_SS, %r12d
        jz      1f
        mov     %r13d, %ss
1:      ret

taint_bases:
        lea     tainted_fs(%rip), %rsi
        test    $TAINT_FSGSBASE, %r12d
        jz      1f
        wrfsbase %rsi
        wrgsbase %rsi
        ret
1:      mov     $ARCH_SET_FS, %edi
        mov     $SYS_ARCH_PRCTL, %eax
        syscall
        ret

taint_vectors:
        lea     pattern(%rip), %rsi
        .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        movdqu  (%rsi), %xmm\n
        .endr
        test    $TAINT_AVX, %r12d
        jz      1f
        .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        vmovdqu (%rsi), %ymm\n
        .endr
1:      test    $TAINT_AVX512, %r12d
        jz      1f
        .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        vmovdqu64 (%rsi), %zmm\n
        .endr
        .irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
        vmovdqu64 (%rsi), %zmm\n
        .endr
        .irp n, 0, 1, 2, 3, 4, 5, 6, 7
        kmovq   (%rsi), %k\n
        .endr
1:      ldmxcsr tainted_mxcsr(%rip)
        ret

/* A full register stack, flags in the status word, another control word. */
taint_x87:
        fninit
        fldcw   tainted_fcw(%rip)
        .rept 8
        fldpi
        .endr
        fld1                            /* one too many: the stack overflows, masked */
        test    $TAINT_PENDING_X87, %r12d
        jz      1f
        fninit
        fldcw   unmasked_fcw(%rip)
        fld1
        fldz
        fdivrp                          /* pending until the next x87 instruction that waits */
1:      ret

/* ---- data ---------------------------------------------------------------- */

        .section .rodata
        .balign 64
pattern:
        .fill   64, 1, TAINT_BYTE
tainted_mxcsr:
        .long   TAINT_MXCSR
tainted_fcw:
        .word   TAINT_FCW
unmasked_fcw:
        .word   0x0340

        .data
        .balign 64
own_fs:
        .quad   LOOK_MARK
tainted_fs:
        .quad   TAINT_MARK
doorbell:
        .quad   0
mailbox:
        .quad   0
end:
        .quad   0

        .bss
        .balign 64
answer:
        .skip   LOOK_SIZE
        .balign 64
        .skip   8192
stack_top:

        .section .note.GNU-stack, "", @progbits
