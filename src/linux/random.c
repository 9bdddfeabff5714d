/* SPDX-License-Identifier: Apache-2.0 */
/* Randomness as the policy grants it. The seeded kind is SplitMix64: the same bytes for the same
 * seed from each reset on, and no secret from anybody who sees some of them. */
#include <string.h>
#include <sys/random.h>

#include "linux/internal.h"
#include "os/os.h"

bool mote__linux_has_random(const mote_sandbox *sandbox)
{
    return sandbox->policy && sandbox->policy->random != MOTE_RANDOM_NONE;
}

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

void mote__linux_seeded(uint64_t seed, uint64_t first, void *data, size_t size)
{
    for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
        uint64_t word = mix(seed + ++first * 0x9e3779b97f4a7c15u);
        size_t left = size - at;
        memcpy((uint8_t *)data + at, &word, left < sizeof word ? left : sizeof word);
    }
}

int64_t mote__linux_random(mote_sandbox *sandbox, void *data, size_t size)
{
    const mote_policy *policy = sandbox->policy;
    if (policy->random == MOTE_RANDOM_REAL)
        return mote__random(data, size);
    uint64_t *used = &sandbox->personality.random_words;
    mote__linux_seeded(policy->random_seed, *used, data, size);
    *used += (size + 7) / 8;
    return 0;
}

int64_t mote__linux_getrandom(mote_sandbox *sandbox, struct mote__syscall *call)
{
    uint8_t piece[MOTE__PIECE];
    uint64_t address = call->args[0], size = call->args[1], flags = call->args[2];
    if (!mote__linux_has_random(sandbox))
        return mote__linux_refuse(call);
    if (flags & ~(uint64_t)(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE))
        return -EINVAL;
    size = size < sizeof piece ? size : sizeof piece;
    if (!mote__memory_check(&sandbox->shell->memory, address, size, MOTE__WRITE))
        return -EFAULT;
    int64_t status = mote__linux_random(sandbox, piece, (size_t)size);
    if (!status)
        status = mote__linux_put(sandbox, address, piece, (size_t)size);
    return status ? status : (int64_t)size;
}
