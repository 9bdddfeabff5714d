/* SPDX-License-Identifier: Apache-2.0 */
/* Checksums against accidents, XXH3 of 128 bits: no signature, anybody can make one that fits. */
#ifndef MOTE_CHECKSUM_H
#define MOTE_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mote__checksum {
    uint64_t low, high;
};

struct mote__checksum mote__checksum_of(const void *data, size_t size);

static inline bool mote__checksum_equal(struct mote__checksum a, struct mote__checksum b)
{
    return a.low == b.low && a.high == b.high;
}

static inline bool mote__checksum_is_none(struct mote__checksum sum)
{
    return !sum.low && !sum.high;
}

/* Of data that come in pieces: the same as of all of them in one. */
struct mote__checksum_state {
    _Alignas(64) uint8_t bytes[640];
};
void mote__checksum_begin(struct mote__checksum_state *state);
void mote__checksum_add(struct mote__checksum_state *state, const void *data, size_t size);
struct mote__checksum mote__checksum_end(const struct mote__checksum_state *state);

#endif
