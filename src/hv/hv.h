/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The backend contract: what the core asks of a hypervisor. A backend knows
 * VMs, memory slots, registers and exits; it never hears of sandboxes, calls
 * or guests. All functions that return int return 0 or a MOTE_E* and describe
 * the failure in `error`.
 */
#ifndef MOTE_HV_H
#define MOTE_HV_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/x86_64/cpu.h"
#include "mote.h"

struct mote__hv; /* an opened hypervisor */
struct mote__vm; /* one VM with its one vCPU */

/* Why the guest stopped. */
enum mote__exit_kind {
    MOTE__EXIT_DOORBELL,    /* the doorbell instruction; nothing is pending */
    MOTE__EXIT_HALT,        /* the monitor halted: a trap or a system call */
    MOTE__EXIT_BAD_ACCESS,  /* a port or a physical address that is not there; completed */
    MOTE__EXIT_INTERRUPTED, /* kicked, or a signal that is not ours */
    MOTE__EXIT_NO_THREAD,   /* the VM's kernel thread was denied (RLIMIT_NPROC, pids.max) */
    MOTE__EXIT_STRANGE      /* the VM cannot go on; text in mote__exit */
};

struct mote__exit {
    enum mote__exit_kind kind;
    char text[96]; /* bad access and strange: what happened, in words */
};

/* Opens the hypervisor and checks that it can do all that mote needs. */
int mote__hv_open(struct mote__hv **hv, const mote_allocator *allocator, const char *device,
                  mote_error *error);
void mote__hv_close(struct mote__hv *hv);
/* Whether guests of this feature level can run here. */
int mote__hv_check_cpu(struct mote__hv *hv, mote_cpu level, mote_error *error);
/* Bits of physical addresses, and memory slots that a VM may have. */
void mote__hv_room(const struct mote__hv *hv, unsigned *address_bits, unsigned *slots);
/* Answers CPUID for a guest of this level, from a table of ours. */
void mote__hv_cpuid(struct mote__hv *hv, mote_cpu level, uint32_t *eax, uint32_t *ebx,
                    uint32_t *ecx, uint32_t *edx);

/* A VM whose vCPU stands at `setup->entry`; map memory before it runs. */
int mote__vm_create(struct mote__vm **vm, struct mote__hv *hv, const struct mote__cpu_setup *setup,
                    mote_error *error);
/* From the next run on the vCPU has another address space, and stands in the guest there. */
int mote__vm_switch(struct mote__vm *vm, const struct mote__cpu_setup *setup, mote_error *error);
void mote__vm_destroy(struct mote__vm *vm);
/* In a forked child, before it is destroyed: what was mapped of it is not there. */
void mote__vm_abandon(struct mote__vm *vm);
/* Backs [physical, physical + size) of the VM with host memory; slots are
 * numbered by the caller, from 0, and never change. */
int mote__vm_map(struct mote__vm *vm, unsigned slot, uint64_t physical, void *host, size_t size,
                 mote_error *error);

/* Runs the guest until it stops. Exactly one KVM_RUN where nothing is wrong. */
void mote__vm_run(struct mote__vm *vm, struct mote__exit *exit);
/* General registers as of the last exit; all are the guest's, all are hostile. */
struct mote__cpu_regs *mote__vm_regs(struct mote__vm *vm);
/* The registers that mote__vm_regs gives were changed: load them at the next run. */
void mote__vm_regs_changed(struct mote__vm *vm);
/* CR2, bases and privilege: what general registers do not show; slow. */
int mote__vm_get_special(struct mote__vm *vm, struct mote__cpu_special *special, mote_error *error);
/* The control words of x87 and SSE; slow. */
int mote__vm_get_controls(struct mote__vm *vm, struct mote__cpu_special *special,
                          mote_error *error);
/* Forgets events that wait for delivery, so that the next run starts clean. */
int mote__vm_forget_events(struct mote__vm *vm, mote_error *error);

/* From any thread or signal handler: the run that goes on, or the next one,
 * ends with MOTE__EXIT_INTERRUPTED once the thread also gets a signal. */
void mote__vm_kick(struct mote__vm *vm);
void mote__vm_unkick(struct mote__vm *vm);

#endif
