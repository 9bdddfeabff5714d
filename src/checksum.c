/* SPDX-License-Identifier: Apache-2.0 */
#include "checksum.h"

#define XXH_INLINE_ALL /* so that nobody who links the library needs libxxhash */
#include <xxhash.h>

_Static_assert(sizeof(XXH3_state_t) <= sizeof(struct mote__checksum_state), "room for the state");

static struct mote__checksum to_checksum(XXH128_hash_t hash)
{
    return (struct mote__checksum){hash.low64, hash.high64};
}

struct mote__checksum mote__checksum_of(const void *data, size_t size)
{
    return to_checksum(XXH3_128bits(data, size));
}

void mote__checksum_begin(struct mote__checksum_state *state)
{
    XXH3_128bits_reset((XXH3_state_t *)(void *)state);
}

void mote__checksum_add(struct mote__checksum_state *state, const void *data, size_t size)
{
    XXH3_128bits_update((XXH3_state_t *)(void *)state, data, size);
}

struct mote__checksum mote__checksum_end(const struct mote__checksum_state *state)
{
    return to_checksum(XXH3_128bits_digest((const XXH3_state_t *)(const void *)state));
}
