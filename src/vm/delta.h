/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A delta: how the memory of a guest differs from that of a fresh shell in the state of its
 * snapshot. It is what a parked sandbox keeps. Taking one reads the guest's memory and changes
 * nothing; putting one into a fresh shell makes that memory what it was.
 */
#ifndef MOTE_DELTA_H
#define MOTE_DELTA_H

#include "vm/memory.h"
#include "vm/snapshot.h"

struct mote__delta_page; /* delta.c */

struct mote__delta {
    const mote_allocator *allocator;
    struct mote__delta_page *pages;
    size_t npages, room;
    uint8_t *data; /* contents of those that are not zero, one behind the other */
    size_t size;   /* bytes of data */
    bool mappings; /* they differ, too; else the rest is not used */
    struct mote__regions regions;
    struct mote__extents free;
    size_t ram_used, private_files;
};

/* `delta` is zero but for its allocator, `base` what was used of ram when the guest started,
 * `mounts` the granted files or NULL. To be freed after a failure, too. */
int mote__delta_take(struct mote__delta *delta, struct mote__memory *memory,
                     const struct mote__snapshot *snapshot, size_t base,
                     const struct mote__mounts *mounts, mote_error *error);
/* Into memory in the state of the snapshot, with init data and files in place. After a failure that
 * memory is good for nothing. */
int mote__delta_put(const struct mote__delta *delta, struct mote__memory *memory,
                    const struct mote__snapshot *snapshot, mote_error *error);
/* Leaves nothing of the guest's in what it frees. */
void mote__delta_free(struct mote__delta *delta);
/* Bytes that it takes from the allocator. */
size_t mote__delta_bytes(const struct mote__delta *delta);

#endif
