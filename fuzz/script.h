/* SPDX-License-Identifier: Apache-2.0 */
/* A fuzzer's input read as numbers; zeros when it has ended. */
#ifndef MOTE_FUZZ_SCRIPT_H
#define MOTE_FUZZ_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct script {
    const uint8_t *at;
    size_t left;
};

static inline bool script_ended(const struct script *script)
{
    return script->left == 0;
}

static inline void script_take(struct script *script, void *to, size_t size)
{
    size_t part = size < script->left ? size : script->left;
    memset(to, 0, size);
    if (part == 0)
        return;
    memcpy(to, script->at, part);
    script->at += part;
    script->left -= part;
}

static inline uint8_t script_u8(struct script *script)
{
    uint8_t value;
    script_take(script, &value, sizeof value);
    return value;
}

static inline uint16_t script_u16(struct script *script)
{
    uint16_t value;
    script_take(script, &value, sizeof value);
    return value;
}

static inline uint32_t script_u32(struct script *script)
{
    uint32_t value;
    script_take(script, &value, sizeof value);
    return value;
}

static inline uint64_t script_u64(struct script *script)
{
    uint64_t value;
    script_take(script, &value, sizeof value);
    return value;
}

#endif
