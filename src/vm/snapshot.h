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

/* How a snapshot is written to a file, from the first time on (snapshot_save.c). */
enum mote__snapshot_form { MOTE__FORM_UNKNOWN, MOTE__FORM_WHOLE, MOTE__FORM_LAYERED };

struct mote__snapshot {
    _Atomic uint32_t references;
    const void *image;     /* of which it is; only to be compared */
    _Atomic uint32_t form; /* enum mote__snapshot_form */
    _Atomic bool saved;    /* there is a file of it, with this checksum */
    _Atomic uint64_t identity[2];
    const mote_allocator *allocator;
    struct mote__snapshot *parent; /* whose pages it shares; NULL: none */
    uint32_t layers;               /* snapshots below it */
    struct mote__layout layout;
    mote_cpu cpu;
    struct mote__cpu_regs regs;       /* callee-saved ones; the rest are zero */
    uint64_t resume;                  /* where the scrub stub leads */
    struct mote__cpu_special special; /* what it restores: bases and control words */
    struct mote__linux personality;   /* the guest's view of its Linux */
    uint8_t *tables;                  /* what the tables arena begins with, D bits clear */
    size_t tables_size;
    size_t root;
    size_t ram_size, read_only; /* bytes of ram: behind the image's read-only part, and that part */
    int read_only_fd;           /* the image's, not owned */
    _Atomic bool forgotten;     /* that image is gone: nothing can be made of it any more */
    const uint8_t **pages;      /* for each page of ram_size; NULL: it is all zero */
    uint8_t *own;               /* the pages that are not the parent's, sealed or a file's */
    size_t own_size;            /* bytes */
    struct mote__page_run *runs;
    size_t nruns;
    struct mote__regions regions;
    struct mote__extents free;
};

/* What a snapshot is taken of: a shell that stands at a doorbell, or has not run yet. */
struct mote__snapshot_source {
    const mote_allocator *allocator;
    struct mote__shell *shell;     /* its registers and memory are only read */
    struct mote__snapshot *parent; /* in whose state the shell began; NULL: none, at a boot */
    size_t base_used;              /* bytes of ram in use when it began; 0 without a parent */
    uint64_t entry;                /* without a parent: of a program that has not run; 0: at a
                                      doorbell */
    const void *image;
    int read_only_fd;
    mote_cpu cpu;
    const struct mote__linux *personality;
};

/* One reference. The shell is as it was: it may go on. snapshot_take.c */
int mote__snapshot_take(struct mote__snapshot **snapshot,
                        const struct mote__snapshot_source *source, mote_error *error);
struct mote__snapshot *mote__snapshot_ref(struct mote__snapshot *snapshot);
void mote__snapshot_unref(struct mote__snapshot *snapshot); /* NULL is fine */
/* Makes what follows from regions, pages, registers and layout: runs, free extents and page
 * tables. MOTE_ESNAPSHOT where two regions share memory, or a page is no region's. */
int mote__snapshot_complete(struct mote__snapshot *snapshot, mote_error *error);

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
/* The same of a snapshot that may not reach so far; NULL there, too. */
const uint8_t *mote__snapshot_page_or_none(const struct mote__snapshot *snapshot, size_t offset);
/* Copies [offset, offset + size), whole pages, over memory that is zero. */
void mote__snapshot_copy(const struct mote__snapshot *snapshot, size_t offset, size_t size,
                         uint8_t *to);

#endif
