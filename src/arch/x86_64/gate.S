/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The code that the host lends to a VM. Position-independent: it is copied
 * into the gate page (guest, read+execute) and the monitor page (supervisor).
 * The scrub data lies one page above the gate page; its layout is
 * struct mote__scrub_data in monitor.h.
 */
#include "arch/x86_64/gate.h"

        .section .rodata

/* ---- gate page: runs as the guest ---- */
        .globl  mote__gate_begin
        .globl  mote__gate_end
        .hidden mote__gate_begin
        .hidden mote__gate_end
        .balign 64
mote__gate_begin:

#define DATA(field) (mote__gate_begin + MOTE__GATE_DATA + (field))(%rip)

/* void doorbell(void): hands control to the host. */
        .org    mote__gate_begin + MOTE__GATE_DOORBELL
        cmpl    $0, DATA(MOTE__RING_RESIDENT)
        jne     mote__gate_ring         /* far enough away to take 6 bytes */
        .org    mote__gate_begin + MOTE__GATE_DOORBELL_OUT
        out     %al, $MOTE__DOORBELL_PORT
        .org    mote__gate_begin + MOTE__GATE_DOORBELL_RETURN
        ret

/* Sets the FS base on the way back from arch_prctl: base in r11, return address in rcx,
 * both of which `syscall` destroys anyway. */
        .org    mote__gate_begin + MOTE__GATE_SET_FS
        wrfsbase %r11
        jmp     *%rcx

/* Restores what general registers do not hold from the snapshot's scrub data and goes to
 * its resume point. The host points RIP here at every reset. Changes no flags.
 * SS needs no care: our GDT has one segment that a guest can load there, and
 * kvm-pvm sets it at each entry. Null is what a 64-bit program has in the others. */
        .org    mote__gate_begin + MOTE__GATE_SCRUB
        movl    $0, %eax
#if !defined(MOTE_CONTROL_NO_SCRUB_SELECTORS)
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %fs
        movl    %eax, %gs
#endif
        movq    DATA(MOTE__SCRUB_FS_BASE), %rax
        wrfsbase %rax
        movq    DATA(MOTE__SCRUB_GS_BASE), %rax
#if !defined(MOTE_CONTROL_NO_SCRUB_BASES)
        wrgsbase %rax
#endif
#if !defined(MOTE_CONTROL_NO_SCRUB_XSTATE)
        fninit                  /* AMD before Zen: xrstor alone keeps the x87 pointers */
        movl    $-1, %eax
        movl    $-1, %edx
        xrstor64 DATA(MOTE__SCRUB_XSAVE)
#endif
        movl    $0, %eax
        movl    $0, %edx
        jmp     *DATA(MOTE__SCRUB_RESUME)

/* The doorbell of a resident guest (src/resident.c): says that it rang, with a full barrier
 * before it looks whether the host sleeps, waits a while for `go` to change, and then sleeps
 * in an `out`, with the `go` that it saw in RAX. Uses only what a call may destroy, and no
 * stack. */
        .org    mote__gate_begin + MOTE__GATE_RING
mote__gate_ring:
        movq    DATA(MOTE__RING_RUNG), %rdx
        movq    DATA(MOTE__RING_GO), %rax
        movq    %rax, %rcx
        xchgq   %rcx, (%rdx)
        cmpl    $0, DATA(MOTE__RING_WAKE)
        jne     2f
        movl    DATA(MOTE__RING_ROUNDS), %ecx
1:      cmpq    DATA(MOTE__RING_GO), %rax
        jne     3f
        pause
        subl    $1, %ecx
        jnz     1b
2:      out     %al, $MOTE__DOORBELL_PORT
        cmpq    DATA(MOTE__RING_GO), %rax
        je      2b
3:      cmpl    $0, DATA(MOTE__RING_FRESH)
        jne     mote__gate_fresh
        ret
        .org    mote__gate_begin + MOTE__GATE_RING_END

/* What the host loads at a reset by exit, from read-only memory; then the scrub stub. */
mote__gate_fresh:
#if !defined(MOTE_CONTROL_NO_FRESH_REGISTERS)
        leaq    DATA(MOTE__RING_RFLAGS), %rsp
        popfq
        movq    DATA(MOTE__RING_RBX), %rbx
        movq    DATA(MOTE__RING_RBP), %rbp
        movq    DATA(MOTE__RING_R12), %r12
        movq    DATA(MOTE__RING_R13), %r13
        movq    DATA(MOTE__RING_R14), %r14
        movq    DATA(MOTE__RING_R15), %r15
        movl    $0, %ecx
        movl    $0, %esi
        movl    $0, %edi
        movl    $0, %r8d
        movl    $0, %r9d
        movl    $0, %r10d
        movl    $0, %r11d
#endif
        movq    DATA(MOTE__RING_RSP), %rsp
        jmp     mote__gate_begin + MOTE__GATE_SCRUB
mote__gate_end:

/* ---- monitor page: the only code that runs privileged ---- */
        .globl  mote__monitor_iret
        .globl  mote__monitor_iret_end
        .hidden mote__monitor_iret
        .hidden mote__monitor_iret_end
mote__monitor_iret:
        iretq
mote__monitor_iret_end:

        .section .note.GNU-stack, "", @progbits
