/* SPDX-License-Identifier: Apache-2.0 */
/* A snapshot: immutable memory and registers from which sandboxes start. */
#ifndef MOTE_SNAPSHOT_H
#define MOTE_SNAPSHOT_H

#include "arch/x86_64/cpu.h"
#include "image/layout.h"
#include "linux/personality.h"
#include "vm/memory.h"

struct mote__shell;

/* A run of pages that are not all zero. */
struct mote__page_run {
    size_t offset, size; /* in ram, from its start */
};

struct mote__snapshot {
    const mote_allocator *allocator;
    struct mote__layout layout;
    mote_cpu cpu;
    struct mote__cpu_regs regs;     /* callee-saved ones; the rest are zero */
    struct mote__linux personality; /* the guest's view of its Linux */
    uint8_t *tables;                /* copy of the tables arena, D bits clear */
    size_t tables_size;
    size_t root;
    uint8_t *ram;               /* copy of ram behind the read-only part, sealed */
    size_t ram_size, read_only; /* bytes */
    int read_only_fd;           /* the image's, not owned */
    struct mote__page_run *runs;
    size_t nruns;
    bool *filled; /* for each page of ram: not all zero */
    struct mote__regions regions;
    struct mote__extents free;
};

/* Of a shell that stands at a doorbell, or (`entry` not 0) has not run yet. */
int mote__snapshot_take(struct mote__snapshot **snapshot, const mote_allocator *allocator,
                        struct mote__shell *shell, uint64_t entry, int read_only_fd, mote_cpu cpu,
                        const struct mote__linux *personality, mote_error *error);
void mote__snapshot_free(struct mote__snapshot *snapshot);

/* Bytes of memory that a sandbox of it needs at least. */
static inline size_t mote__snapshot_needs(const struct mote__snapshot *snapshot)
{
    return snapshot->read_only + snapshot->ram_size;
}

/* Makes a page what it was; to zero one is half the work of copying it. */
void mote__snapshot_put_page(const struct mote__snapshot *snapshot, size_t offset, uint8_t *to);

/* The snapshot's bytes of [offset, ...) in ram; offset is behind the read-only part. */
static inline const uint8_t *mote__snapshot_at(const struct mote__snapshot *snapshot, size_t offset)
{
    return snapshot->ram + (offset - snapshot->read_only);
}

#endif
