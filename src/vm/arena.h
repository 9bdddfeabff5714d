/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An arena: a range of a VM's physical memory, reserved whole in the host's
 * address space and backed by memory slots that grow with use, so that a large
 * limit costs nothing until it is used. Offsets are bytes from its start.
 */
#ifndef MOTE_ARENA_H
#define MOTE_ARENA_H

#include "hv/hv.h"

/* Each arena doubles its slots as it grows: 32 are more than it can ever need. */
#define MOTE__ARENA_SLOTS 32u

struct mote__arena {
    struct mote__vm *vm;
    unsigned first_slot, slots;
    uint8_t *host;     /* where it begins in the host */
    uint64_t physical; /* where it begins in the VM */
    size_t reserved;   /* bytes of address space */
    size_t backed;     /* bytes that the VM can reach */
    size_t used;       /* bytes that were handed out */
};

/* Reserves address space; it belongs to no VM yet. */
int mote__arena_reserve(struct mote__arena *arena, size_t size, uint64_t physical,
                        unsigned first_slot, mote_error *error);
void mote__arena_release(struct mote__arena *arena);
/* Gives the arena to a fresh VM and backs at least `size` bytes. */
int mote__arena_attach(struct mote__arena *arena, struct mote__vm *vm, size_t size,
                       mote_error *error);
/* Hands out `size` bytes, zeroed, a multiple of the page; MOTE_ELIMIT when it is full. */
int mote__arena_take(struct mote__arena *arena, size_t size, size_t *offset, mote_error *error);

#endif
