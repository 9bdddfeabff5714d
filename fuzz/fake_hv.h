/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hypervisor for fuzzers, behind the contract of src/hv/hv.h: no KVM, no
 * system call. The guest is a function of the fuzzer. It reaches memory as the
 * processor does, through the page tables that the host built, and so it sets
 * the A and D bits; and it stops as a real guest does, by a doorbell or in the
 * monitor. Each entry into the guest is checked: CPL 3, nothing else.
 */
#ifndef MOTE_FAKE_HV_H
#define MOTE_FAKE_HV_H

#include "hv/hv.h"

#define FAKE_SLOTS 64

struct fake_slot {
    uint64_t physical;
    uint8_t *host;
    size_t size;
};

struct mote__vm {
    struct mote__cpu_regs regs;
    struct mote__cpu_setup setup;
    struct fake_slot slots[FAKE_SLOTS];
    bool privileged; /* it halted in the monitor */
    uint64_t cr2;
    unsigned refused_entries; /* runs that end as a signal came before the guest was entered */
};

/* Runs the guest until it stops; NULL: it rings the doorbell at once. */
extern void (*fake_guest)(struct mote__vm *vm, struct mote__exit *exit);

/* Aborts where it does not hold. */
void fake_check(bool holds, const char *what);

/* Rights of a page at CPL 3, MOTE__READ | ...; 0 where an access would fault. */
unsigned fake_access(struct mote__vm *vm, uint64_t address);
/* As the guest: false where a byte of the range would fault; nothing moves then. */
bool fake_read(struct mote__vm *vm, uint64_t address, void *to, size_t size);
/* The same without a trace in the page tables. */
bool fake_peek(struct mote__vm *vm, uint64_t address, void *to, size_t size);
bool fake_write(struct mote__vm *vm, uint64_t address, const void *from, size_t size);

/* ---- ways to stop: the guest's function fills `exit` with one of them ---- */

void fake_doorbell(struct mote__vm *vm, struct mote__exit *exit);
/* rax and the arguments are in vm->regs; it would return to `rip`. */
void fake_syscall(struct mote__vm *vm, struct mote__exit *exit, uint64_t rip);
void fake_trap(struct mote__vm *vm, struct mote__exit *exit, uint32_t vector, uint32_t error_code,
               uint64_t cr2);

#endif
