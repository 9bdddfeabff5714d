/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Linux that a guest sees: what static programs need to start, allocate,
 * print and use what the policy grants; everything else is ENOSYS and counted.
 * table.c lists the calls, docs/abi.md describes them.
 */
#ifndef MOTE_PERSONALITY_H
#define MOTE_PERSONALITY_H

#include <stdbool.h>
#include <stdint.h>

#include "arch/x86_64/cpu.h"
#include "mote.h"

/* What the guest can change of it; part of every snapshot. Descriptors are not: they are as
 * the policy says, and those of a boot are none. */
struct mote__linux {
    uint64_t brk;             /* end of the heap, any byte */
    uint64_t stream_bytes;    /* written to streams since the snapshot */
    uint64_t random_words;    /* taken from the seeded stream */
    uint64_t blocked;         /* signal mask */
    uint64_t ignored;         /* signals whose action is SIG_IGN, by bit number - 1 */
    uint64_t monotonic_zero;  /* host's clock when the guest first asked; 0: not yet */
    uint64_t monotonic_start; /* what that clock showed then: of a snapshot in which it ran */
    uint64_t cpu_ns;          /* of a processor, between its looks at that clock */
    uint32_t umask;
    char name[16]; /* prctl(PR_SET_NAME) */
};

/* As a program finds it at its entry. */
void mote__linux_begin(struct mote__linux *linux, uint64_t heap);
/* Builds the initial stack of a program and the registers for its entry (start.c). */
int mote__linux_start(mote_sandbox *sandbox, struct mote__cpu_regs *regs, mote_error *error);

/* What a system call comes to. */
enum mote__syscall_outcome {
    MOTE__SYSCALL_RETURN, /* the guest goes on with regs */
    MOTE__SYSCALL_EXIT,   /* the program ended; the status is in regs->rdi */
    MOTE__SYSCALL_ABORT,  /* it sent itself a signal; the number is in regs->rdi */
    MOTE__SYSCALL_FAILED  /* the call of the embedder ends; the sandbox's error says why */
};

/* Serves the call that `regs` ask for and leaves the answer there. */
enum mote__syscall_outcome mote__linux_syscall(mote_sandbox *sandbox, struct mote__cpu_regs *regs);

#endif
