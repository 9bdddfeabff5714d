/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a static ELF executable. The file is hostile: nothing of it is believed unchecked. */
#ifndef MOTE_EXECUTABLE_H
#define MOTE_EXECUTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mote.h"

#define MOTE__MAX_SEGMENTS 16u

/* Guests live below this address; everything of ours that follows an image fits above it. */
#define MOTE__IMAGE_TOP 0x400000000000ull /* 64 TiB */

/* One loadable segment; pages of two segments never overlap. */
struct mote__segment {
    uint64_t address; /* of its first byte, where the guest sees it */
    uint64_t size;    /* bytes in memory */
    uint64_t file_offset, file_size;
    unsigned access; /* MOTE__READ | ...; never write and execute */
};

/* A run of ELF notes inside the file. */
struct mote__note_run {
    uint64_t file_offset, size;
};

struct mote__elf {
    struct mote__segment segments[MOTE__MAX_SEGMENTS];
    unsigned nsegments;
    struct mote__note_run notes[MOTE__MAX_SEGMENTS];
    unsigned nnotes;
    uint64_t entry;
    uint64_t low, high; /* all segments lie in [low, high), page-aligned */
    uint64_t phdr;      /* where the guest sees its program headers; 0: nowhere */
    uint16_t phnum;
};

/* Errors: EIMAGE with what is wrong. */
int mote__elf_parse(struct mote__elf *elf, const void *data, size_t size, mote_error *error);
/* Whether the guest may execute what is at `address`, as the file says. */
bool mote__elf_is_code(const struct mote__elf *elf, uint64_t address);

#endif
