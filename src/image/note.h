/* SPDX-License-Identifier: Apache-2.0 */
/* The notes of a guest's ELF file: its ABI version, exports, imports and memory window. */
#ifndef MOTE_NOTE_H
#define MOTE_NOTE_H

#include "image/executable.h"

struct mote__functions {
    const mote_allocator *allocator;
    mote_function_info *list; /* strings are owned */
    uint32_t count;
};

struct mote__notes {
    uint32_t abi_version; /* 0: none, a plain program */
    uint64_t window;      /* bytes of linear memory at address 0; 0: none */
    struct mote__functions exports, imports;
};

/* Errors: EIMAGE, ENOMEM. Release with mote__notes_free, after failures too. */
int mote__notes_read(struct mote__notes *notes, const struct mote__elf *elf, const void *data,
                     const mote_allocator *allocator, mote_error *error);
void mote__notes_free(struct mote__notes *notes);

#endif
