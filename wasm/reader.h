/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded cursor over the bytes of a module. A read beyond the end, or of a
 * malformed number, fails and leaves the cursor where it was. */
#ifndef MOTE_WASM_READER_H
#define MOTE_WASM_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "module.h"

struct mote__reader {
    const uint8_t *at;
    const uint8_t *end;
};

static inline struct mote__reader mote__reader_of(struct mote__wasm_slice slice)
{
    return (struct mote__reader){slice.data, slice.data + slice.size};
}

static inline size_t mote__reader_left(const struct mote__reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

static inline bool mote__read_byte(struct mote__reader *reader, uint8_t *byte)
{
    if (reader->at == reader->end)
        return false;
    *byte = *reader->at++;
    return true;
}

/* Unsigned LEB128 of `bits` bits (32 or 64): no more bytes than these need, and
 * no bit set beyond them. */
static inline bool mote__read_leb(struct mote__reader *reader, unsigned bits, uint64_t *number)
{
    const uint8_t *at = reader->at;
    uint64_t value = 0;
    for (unsigned shift = 0; shift < bits && at < reader->end; shift += 7) {
        const uint8_t byte = *at++;
        const unsigned room = bits - shift;
        if (room < 7 && (byte & 0x7f) >> room != 0)
            return false;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            reader->at = at;
            *number = value;
            return true;
        }
    }
    return false;
}

static inline bool mote__read_u32(struct mote__reader *reader, uint32_t *number)
{
    uint64_t value = 0;
    if (!mote__read_leb(reader, 32, &value))
        return false;
    *number = (uint32_t)value;
    return true;
}

/* A count of items, each of at least `least` bytes: it cannot exceed what is left. */
static inline bool mote__read_count(struct mote__reader *reader, size_t least, uint32_t *count)
{
    struct mote__reader probe = *reader;
    if (!mote__read_u32(&probe, count) || *count > mote__reader_left(&probe) / least)
        return false;
    *reader = probe;
    return true;
}

/* A length and as many bytes. */
static inline bool mote__read_slice(struct mote__reader *reader, struct mote__wasm_slice *slice)
{
    uint32_t size = 0;
    if (!mote__read_count(reader, 1, &size))
        return false;
    slice->data = reader->at;
    slice->size = size;
    reader->at += size;
    return true;
}

#endif
