/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A snapshot as a file: a header, tables of regions and of runs of pages, zeros up to a whole
 * page, then the pages that are the snapshot's own, in the order of the runs. All numbers are
 * little-endian; docs/abi.md describes the format. There are no page tables in it, and nothing of
 * the monitor: these are made anew of what was checked.
 */
#ifndef MOTE_SNAPSHOT_FILE_H
#define MOTE_SNAPSHOT_FILE_H

#include "checksum.h"
#include "snapshot.h"

#define MOTE__SNAPSHOT_MAGIC   "MOTESNAP"
#define MOTE__SNAPSHOT_VERSION 1u
#define MOTE__SNAPSHOT_ARCH    62u /* EM_X86_64 */

/* No padding: each byte counts into the checksum. */
struct mote__snapshot_header {
    char magic[8];
    uint32_t version;
    uint32_t arch;
    uint64_t file_size;
    struct mote__checksum tables; /* of all before the pages, with this field zero: also the
                                     identity of the snapshot as a base */
    struct mote__checksum pages;  /* of the pages */
    struct mote__checksum image;  /* of the image's file */
    struct mote__checksum base;   /* the identity of the snapshot whose pages it shares; 0: none */
    struct mote__layout layout;
    uint32_t cpu;      /* mote_cpu */
    uint32_t at_entry; /* 1: of a program before it ran; 0: at the doorbell */
    uint64_t rbx, rbp, rsp, r12, r13, r14, r15;
    uint64_t fs_base, gs_base;
    uint32_t x87_control, mxcsr;
    uint64_t brk, random_words, blocked, ignored, monotonic_start, cpu_ns;
    char name[16];
    uint32_t umask;
    uint32_t nregions;
    uint64_t nruns;
    uint64_t read_only, ram_size;
};
_Static_assert(sizeof(struct mote__snapshot_header) == 8 + 2 * 4 + 8 + 4 * 16 + 16 * 8 + 2 * 4 +
                                                           9 * 8 + 2 * 4 + 6 * 8 + 16 + 2 * 4 +
                                                           3 * 8,
               "no padding");

struct mote__file_region {
    uint64_t start, end; /* guest addresses */
    uint64_t offset;     /* in ram; MOTE__FILE_UNBACKED: none */
    uint64_t access;
};
#define MOTE__FILE_UNBACKED UINT64_MAX

enum mote__file_source {
    MOTE__FILE_OWN = 1, /* the next pages of the file */
    MOTE__FILE_BASE = 2 /* those of the base at the same place */
};

/* Pages of ram that are not zero. */
struct mote__file_run {
    uint64_t offset, size; /* in ram, bytes */
    uint64_t source;
};

/* Bytes before the pages. */
static inline uint64_t mote__snapshot_tables_size(uint64_t nregions, uint64_t nruns)
{
    return mote__align_up(sizeof(struct mote__snapshot_header) +
                              nregions * sizeof(struct mote__file_region) +
                              nruns * sizeof(struct mote__file_run),
                          MOTE__PAGE);
}

/* mote_snapshot_open of an open file; `name` is for messages. */
int mote__snapshot_open_fd(mote_snapshot **snapshot, mote_image *image, const mote_snapshot *base,
                           int fd, const char *name, mote_error *error);
/* Whether what the file says of regions and registers can be of this image; the error says what
 * cannot (snapshot_check.c). */
int mote__snapshot_check(const struct mote__snapshot_header *header,
                         const struct mote__file_region *regions, const struct mote__file_run *runs,
                         const mote_image *image, const char *name, mote_error *error);
enum mote__region_kind mote__snapshot_kind(const struct mote__layout *layout, uint64_t address);

/* Of a snapshot that was saved or opened. */
struct mote__checksum mote__snapshot_identity(const struct mote__snapshot *snapshot);

#define mote__fail_snapshot(error, ...) \
    mote__fail(error, MOTE_DOMAIN_IMAGE, MOTE_ESNAPSHOT, 0, NULL, __VA_ARGS__)

#endif
