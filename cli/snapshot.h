/* SPDX-License-Identifier: Apache-2.0 */
/* `mote snapshot`, shared by its files. */
#ifndef MOTE_CLI_SNAPSHOT_H
#define MOTE_CLI_SNAPSHOT_H

#include "run.h"

/* What a snapshot's file says of itself (docs/abi.md, section 13). */
enum { SNAPSHOT_HEADER = 400 };
struct snapshot_header {
    uint32_t version, arch;
    uint64_t file_size;
    unsigned char identity[16], image[16], base[16]; /* checksums, high byte first */
    bool has_base;
    uint32_t cpu;
    bool at_entry;   /* of a program that has not run */
    uint64_t own;    /* bytes of pages in it */
    uint64_t memory; /* bytes of the guest's memory that may be written */
};

/* Reads the first SNAPSHOT_HEADER bytes of a file of `size` bytes; NULL, or what is wrong. Nothing
 * behind these is looked at. */
const char *snapshot_read_header(struct snapshot_header *header, const unsigned char *bytes,
                                 size_t length, uint64_t size);

/* snapshot_info.c: the command; the exit status. */
int snapshot_info(struct run *run, const struct snapshot_options *options);

#endif
