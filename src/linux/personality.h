/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Linux that a guest sees: the few system calls with which static programs
 * start, allocate and print; everything else is ENOSYS and counted.
 * docs/abi.md lists them.
 */
#ifndef MOTE_PERSONALITY_H
#define MOTE_PERSONALITY_H

#include <stdbool.h>
#include <stdint.h>

#include "arch/x86_64/cpu.h"
#include "mote.h"

/* What the guest can change of it; part of every snapshot. */
struct mote__linux {
    uint64_t brk;          /* end of the heap, any byte */
    uint64_t stream_bytes; /* written to streams since the snapshot */
};

/* What a system call comes to. */
enum mote__syscall_outcome {
    MOTE__SYSCALL_RETURN, /* the guest goes on with regs */
    MOTE__SYSCALL_EXIT,   /* the program ended; the status is in regs->rdi */
    MOTE__SYSCALL_ABORT,  /* it sent itself a signal; the number is in regs->rdi */
    MOTE__SYSCALL_FAILED  /* the host failed; the sandbox's error says how */
};

/* Serves the call that `regs` ask for and leaves the answer there. */
enum mote__syscall_outcome mote__linux_syscall(mote_sandbox *sandbox, struct mote__cpu_regs *regs);

#endif
