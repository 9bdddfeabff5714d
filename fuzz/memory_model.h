/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest's memory should be, page by page, as the Linux man pages tell
 * it: which pages are there, what may be done with them, what their first word
 * is. Small and slow; the reference for fuzz_memory.
 */
#ifndef MOTE_MEMORY_MODEL_H
#define MOTE_MEMORY_MODEL_H

#include "fake_hv.h"
#include "vm/memory.h"

void model_clear(void);
/* Takes over what the region table says of [start, end). */
void model_take(const struct mote__memory *memory, uint64_t start, uint64_t end);
void model_map(uint64_t start, uint64_t size, unsigned access);
void model_unmap(uint64_t start, uint64_t size);
void model_protect(uint64_t start, uint64_t size, unsigned access);
/* To another place or size, or both; all of the old one has the same rights. */
void model_move(uint64_t from, uint64_t size, uint64_t to, uint64_t new_size);
bool model_is_mapped(uint64_t start, uint64_t size);
/* Rights of the page, 0 also where nothing is mapped. */
unsigned model_access(uint64_t address);
void model_write(uint64_t address, uint64_t word);

bool model_is_full(void);

/* Aborts where memory, page tables and model do not agree. */
void model_check_pages(const struct mote__memory *memory, struct mote__vm *vm);
/* Regions are sorted, disjoint, aligned; no memory is shared, free twice or lost. */
void model_check_table(const struct mote__memory *memory);
/* The leaves are exactly those of the regions and of our own pages. */
void model_check_leaves(const struct mote__memory *memory, unsigned ours);

#endif
