/* SPDX-License-Identifier: Apache-2.0 */
/* The region table: what a guest may touch, by guest address; and the free
 * extents of its memory. Plain sorted lists, bounded, kept by the host alone. */
#ifndef MOTE_REGION_H
#define MOTE_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mote.h"

/* A guest that maps more gets ENOMEM; no host list grows beyond it. */
#define MOTE__MAX_REGIONS  1024u
#define MOTE__UNDO_REGIONS 4u

#define MOTE__UNBACKED     SIZE_MAX /* a region without memory: all access is denied */

enum mote__region_kind {
    MOTE__REGION_IMAGE,
    MOTE__REGION_HEAP,
    MOTE__REGION_STACK,
    MOTE__REGION_MAILBOX,
    MOTE__REGION_MMAP,
    MOTE__REGION_WINDOW,
    MOTE__REGION_INIT,
    MOTE__REGION_FILE,        /* pages of a granted file, as they are */
    MOTE__REGION_FILE_PRIVATE /* the same, writable now or before: no other region has them */
};

struct mote__region {
    uint64_t start, end; /* guest addresses, page-aligned */
    size_t offset;       /* in the memory arena, or MOTE__UNBACKED */
    unsigned access;     /* MOTE__READ | ... */
    enum mote__region_kind kind;
    bool changed; /* since the snapshot */
};

struct mote__regions {
    bool undoing;                    /* a few more are allowed for a while, to take mappings away */
    const mote_allocator *allocator; /* NULL: the C library's */
    struct mote__region *list;       /* sorted by start, disjoint */
    size_t count, room;
};

int mote__regions_copy(struct mote__regions *to, const struct mote__regions *from);
void mote__regions_free(struct mote__regions *regions);
/* The first region that ends behind `address`; regions->count when there is none. */
size_t mote__regions_find(const struct mote__regions *regions, uint64_t address);
/* Joins it with a neighbour that changed, too, where both continue each other. MOTE_ELIMIT,
 * MOTE_ENOMEM. */
int mote__regions_insert(struct mote__regions *regions, struct mote__region region);
void mote__regions_remove(struct mote__regions *regions, size_t index);
/* Makes `address` a boundary between regions. */
int mote__regions_split(struct mote__regions *regions, uint64_t address);
/* The lowest gap of `size` bytes in [low, high); 0 when there is none. */
uint64_t mote__regions_gap(const struct mote__regions *regions, uint64_t size, uint64_t low,
                           uint64_t high);

struct mote__extent {
    size_t offset, size;
};

struct mote__extents {
    const mote_allocator *allocator;
    struct mote__extent *list; /* sorted, disjoint, never touching */
    size_t count, room;
};

int mote__extents_copy(struct mote__extents *to, const struct mote__extents *from);
void mote__extents_free(struct mote__extents *extents);
int mote__extents_give(struct mote__extents *extents, size_t offset, size_t size);
/* Takes up to `size` bytes from the first extent; 0 when there is none. */
size_t mote__extents_take(struct mote__extents *extents, size_t size, size_t *offset);

#endif
