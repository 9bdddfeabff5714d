/* SPDX-License-Identifier: Apache-2.0 */
/* The pool's lists: a machine is in one of them, or in none. */
#ifndef MOTE_POOL_LIST_H
#define MOTE_POOL_LIST_H

#include "pool.h"
#include "vm/machine.h"

static inline void mote__machines_put_first(struct mote__machines *list,
                                            struct mote__machine *machine)
{
    machine->previous = NULL;
    machine->next = list->first;
    if (machine->next)
        machine->next->previous = machine;
    else
        list->last = machine;
    list->first = machine;
    list->count++;
}

static inline void mote__machines_take_out(struct mote__machines *list,
                                           struct mote__machine *machine)
{
    if (machine->previous)
        machine->previous->next = machine->next;
    else
        list->first = machine->next;
    if (machine->next)
        machine->next->previous = machine->previous;
    else
        list->last = machine->previous;
    list->count--;
}

static inline struct mote__machine *mote__machines_take_last(struct mote__machines *list)
{
    struct mote__machine *machine = list->last;
    if (machine)
        mote__machines_take_out(list, machine);
    return machine;
}

#endif
