/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's page tables. They lie in the tables arena, out of the guest's
 * reach; only the processor (which sets A and D bits) and the host write them.
 *
 * A mapping that is added is seen at the next run. One that is taken away or
 * narrowed is seen only after the memory behind it was zapped in the host
 * (mote__release_pages, mote__zap_pages): the caller's duty.
 */
#ifndef MOTE_PAGING_H
#define MOTE_PAGING_H

#include "vm/arena.h"

/* Bits of an entry: Intel SDM vol. 3, section 4.5.4. */
#define MOTE__PTE_PRESENT  0x1ull
#define MOTE__PTE_WRITE    0x2ull
#define MOTE__PTE_USER     0x4ull
#define MOTE__PTE_ACCESSED 0x20ull
#define MOTE__PTE_DIRTY    0x40ull
#define MOTE__PTE_NX       0x8000000000000000ull
#define MOTE__PTE_ADDRESS  0x000ffffffffff000ull

/* What a guest may do with a page. */
#define MOTE__READ    1u
#define MOTE__WRITE   2u
#define MOTE__EXECUTE 4u
#define MOTE__MONITOR 8u /* supervisor only; with the others */

/* Takes the root table from the arena; returns its offset there. */
int mote__paging_init(struct mote__arena *tables, size_t *root, mote_error *error);
/* Maps pages of memory at `physical`; what stood there before is replaced. */
int mote__paging_map(struct mote__arena *tables, size_t root, uint64_t address, uint64_t physical,
                     size_t size, unsigned access, mote_error *error);
/* Clears the entries; tables stay. */
void mote__paging_unmap(struct mote__arena *tables, size_t root, uint64_t address, size_t size);
/* The leaf entries of `address` up to the end of its table; *count is how many
 * pages that are. NULL where the processor never used a table on the way, or there is
 * none: then *count is all that cannot have been used. */
uint64_t *mote__paging_leaves(struct mote__arena *tables, size_t root, uint64_t address,
                              size_t *count);
/* Page tables that were copied from where the VM's physical addresses were lower by `distance`, or,
 * as a two's complement, higher: all that they point to has moved along. */
void mote__paging_relocate(uint8_t *tables, size_t size, uint64_t distance);
/* Records that the host itself wrote these pages. */
void mote__paging_mark_dirty(struct mote__arena *tables, size_t root, uint64_t address,
                             size_t size);

#endif
