/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot.h"

#include <string.h>

/* Where the numbers lie, all little-endian (docs/abi.md, section 13). */
enum {
    AT_VERSION = 8,
    AT_ARCH = 12,
    AT_FILE_SIZE = 16,
    AT_IDENTITY = 24,
    AT_IMAGE = 56,
    AT_BASE = 72,
    AT_CPU = 216,
    AT_ENTRY = 220,
    AT_REGIONS = 372,
    AT_RUNS = 376,
    AT_MEMORY = 392,
    REGION_SIZE = 32,
    RUN_SIZE = 24,
    PAGE_SIZE = 4096,
    KNOWN_VERSION = 1
};

static uint64_t number(const unsigned char *bytes, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = size; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

static void copy_reversed(unsigned char to[16], const unsigned char *from)
{
    for (int i = 0; i < 16; i++)
        to[i] = from[15 - i];
}

/* The pages follow the tables, from a whole page on. */
static const char *find_own(struct snapshot_header *header, uint64_t regions, uint64_t runs)
{
    static const char damaged[] = "it is damaged: its tables are larger than the file";
    if (runs > header->file_size / RUN_SIZE || regions > header->file_size / REGION_SIZE)
        return damaged;
    uint64_t tables = SNAPSHOT_HEADER + regions * REGION_SIZE + runs * RUN_SIZE;
    tables = (tables + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE;
    if (tables > header->file_size)
        return damaged;
    header->own = header->file_size - tables;
    return NULL;
}

const char *snapshot_read_header(struct snapshot_header *header, const unsigned char *bytes,
                                 size_t length, uint64_t size)
{
    static const unsigned char none[16];
    memset(header, 0, sizeof(*header));
    if (length < SNAPSHOT_HEADER || memcmp(bytes, "MOTESNAP", 8) != 0)
        return "it is not a snapshot of mote";
    header->version = (uint32_t)number(bytes + AT_VERSION, 4);
    if (header->version != KNOWN_VERSION)
        return "it has a version of the format that this command does not know";
    header->arch = (uint32_t)number(bytes + AT_ARCH, 4);
    header->file_size = number(bytes + AT_FILE_SIZE, 8);
    copy_reversed(header->identity, bytes + AT_IDENTITY);
    copy_reversed(header->image, bytes + AT_IMAGE);
    copy_reversed(header->base, bytes + AT_BASE);
    header->has_base = memcmp(header->base, none, sizeof(none)) != 0;
    header->cpu = (uint32_t)number(bytes + AT_CPU, 4);
    header->at_entry = number(bytes + AT_ENTRY, 4) == 1;
    header->memory = number(bytes + AT_MEMORY, 8);
    if (header->file_size > size)
        return "it is truncated";
    if (header->file_size < size)
        return "it is damaged: it is larger than it says";
    return find_own(header, number(bytes + AT_REGIONS, 4), number(bytes + AT_RUNS, 8));
}
