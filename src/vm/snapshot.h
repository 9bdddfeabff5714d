/* SPDX-License-Identifier: Apache-2.0 */
/* A snapshot: immutable memory and registers from which sandboxes start. Pages that it shares
 * with its parent are the parent's. Used by any number of threads. */
#ifndef MOTE_SNAPSHOT_H
#define MOTE_SNAPSHOT_H

#include "arch/x86_64/cpu.h"
#include "image/layout.h"
#include "linux/personality.h"
#include "os/os.h"
#include "vm/memory.h"

struct mote__shell;

/* A run of pages that are not all zero. */
struct mote__page_run {
    size_t offset, size; /* in ram, from its start */
};

struct mote__snapshot {
    _Atomic uint32_t references;
    const mote_allocator *allocator;
    struct mote__snapshot *parent; /* whose pages it shares; NULL: none */
    struct mote__layout layout;
    mote_cpu cpu;
    struct mote__cpu_regs regs;     /* callee-saved ones; the rest are zero */
    struct mote__linux personality; /* the guest's view of its Linux */
    uint8_t *tables;                /* copy of the tables arena, D bits clear */
    size_t tables_size;
    size_t root;
    size_t ram_size, read_only; /* bytes of ram: behind the image's read-only part, and that part */
    int read_only_fd;           /* the image's, not owned */
    const uint8_t **pages;      /* for each page of ram_size; NULL: it is all zero */
    uint8_t *own;               /* the pages that are not the parent's, sealed */
    size_t own_size;            /* bytes */
    struct mote__page_run *runs;
    size_t nruns;
    struct mote__regions regions;
    struct mote__extents free;
};

/* Of a shell that stands at a doorbell, or (`entry` not 0) has not run yet; one reference. */
int mote__snapshot_take(struct mote__snapshot **snapshot, const mote_allocator *allocator,
                        struct mote__shell *shell, uint64_t entry, int read_only_fd, mote_cpu cpu,
                        const struct mote__linux *personality, mote_error *error);
struct mote__snapshot *mote__snapshot_ref(struct mote__snapshot *snapshot);
void mote__snapshot_unref(struct mote__snapshot *snapshot); /* NULL is fine */

/* Bytes of memory that a sandbox of it needs at least. */
static inline size_t mote__snapshot_needs(const struct mote__snapshot *snapshot)
{
    return snapshot->read_only + snapshot->ram_size;
}

/* Makes a page what it was; to zero one is half the work of copying it. */
void mote__snapshot_put_page(const struct mote__snapshot *snapshot, size_t offset, uint8_t *to);

/* The snapshot's page at `offset` in ram, which is behind the read-only part; NULL: all zero. */
static inline const uint8_t *mote__snapshot_page(const struct mote__snapshot *snapshot,
                                                 size_t offset)
{
    return snapshot->pages[(offset - snapshot->read_only) / MOTE__PAGE];
}
/* Copies [offset, offset + size), whole pages, over memory that is zero. */
void mote__snapshot_copy(const struct mote__snapshot *snapshot, size_t offset, size_t size,
                         uint8_t *to);

#endif
