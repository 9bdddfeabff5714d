/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine: a VM, and the shells that stand in it side by side, each with page tables and memory
 * of its own at its own physical addresses, one of them chosen. To turn to another costs a new
 * root of the page tables at the next run, and no fault: all stay mapped. No table of one
 * leads to memory of another. Only the chosen shell's guest can run.
 */
#ifndef MOTE_MACHINE_H
#define MOTE_MACHINE_H

#include "vm/shell.h"

#define MOTE__SEATS 8u

struct mote__machine {
    struct mote__vm *vm;
    mote_cpu cpu;
    struct mote__shell *seats[MOTE__SEATS];
    size_t count, room;         /* of seats, and how many there may be */
    struct mote__shell *chosen; /* whose page tables the vCPU has */
    uint64_t clock;             /* counts choices */

    /* pool.c's */
    struct mote__machine *next, *previous; /* in a list of the pool */
    uint64_t number;                       /* of all that the host made */
    char *tenant; /* whose guests ran in it; NULL: nobody's, or see `used` */
    bool used;    /* it had a sandbox; without a tenant it has no second one */
};

/* Makes the VM for its first shell. */
int mote__machine_new(struct mote__shell *shell, struct mote__hv *hv, mote_cpu cpu,
                      mote_error *error);
void mote__machine_free(struct mote__machine *machine);
void mote__machine_abandon(struct mote__machine *machine);

/* Whether there is a seat left for such a shell. */
bool mote__machine_has_room(const struct mote__machine *machine,
                            const struct mote__snapshot *snapshot, size_t limit, size_t files);
/* A shell in the state of the snapshot, in a seat that is left. After a failure the machine is of
 * no more use. */
int mote__machine_add(struct mote__shell **shell, struct mote__machine *machine,
                      const mote_allocator *allocator, struct mote__snapshot *snapshot,
                      size_t limit, size_t files, mote_error *error);
/* The guest of this shell starts clean at the next run. */
int mote__machine_choose(struct mote__shell *shell, mote_error *error);

#endif
