/* SPDX-License-Identifier: Apache-2.0 */
/* An image: a guest's file, parsed and laid out, and the snapshot from which sandboxes start. */
#ifndef MOTE_IMAGE_H
#define MOTE_IMAGE_H

#include <pthread.h>

#include "host.h"
#include "image/executable.h"
#include "image/layout.h"
#include "image/note.h"
#include "image/symbol.h"
#include "vm/snapshot.h"

struct mote_image {
    _Atomic uint32_t references;
    mote_host *host;
    char *name;
    uint8_t *file; /* a copy of the whole file: segments at boot, symbols at faults */
    size_t file_size;
    struct mote__elf elf;
    struct mote__notes notes;
    struct mote__layout layout;
    int read_only_fd; /* an unnamed file with the segments that are never written; -1: none */
    size_t read_only;
    uint64_t boot_memory, boot_deadline_ns;
    mote_cpu cpu;
    struct mote__symbols *symbols;
    pthread_mutex_t boot_lock;
    struct mote__snapshot *_Atomic snapshot; /* NULL until booted; then never changes */
};

/* A program without exports: it runs from its entry to its end. */
static inline bool mote__image_is_program(const mote_image *image)
{
    return image->notes.exports.count == 0;
}

/* Boots the image once (boot.c). */
int mote__image_boot(mote_image *image, mote_error *error);
/* Maps the image's segments into an empty guest (load.c). */
struct mote__memory;
int mote__image_load(const mote_image *image, struct mote__memory *memory, mote_error *error);
/* Makes the unnamed file of read-only segments. */
int mote__image_share(mote_image *image, mote_error *error);

#endif
