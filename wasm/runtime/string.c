/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memcpy, memmove and memset in SSE2, in place of musl's, whose `rep movs` costs
 * interpreters 10 % and more. glibc chooses good ones itself.
 *
 * Small blocks: two loads (or stores) that overlap in the middle, no loop. Large
 * ones: the unaligned head and tail the same way, the rest in 64-byte steps. From 2 KiB the
 * processor's own string instructions are faster, unless the blocks overlap.
 */
#include <features.h>

#ifndef __GLIBC__

/* Compiled with -fno-builtin; gcc would still make calls of memset out of loops. */
#ifndef __clang__
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif

#include <emmintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef __m128i vector;
typedef uint64_t word64 __attribute__((aligned(1), may_alias));
typedef uint32_t word32 __attribute__((aligned(1), may_alias));
typedef uint16_t word16 __attribute__((aligned(1), may_alias));

#define STRING_INSTRUCTIONS 2048 /* bytes from which they pay */

static inline vector load(const unsigned char *from)
{
    return _mm_loadu_si128((const vector *)(const void *)from);
}

static inline void store(unsigned char *to, vector value)
{
    _mm_storeu_si128((vector *)(void *)to, value);
}

/* 0 to 16 bytes; everything is read before anything is written. */
static inline void move_16(unsigned char *to, const unsigned char *from, size_t size)
{
    if (size >= 8) {
        const word64 head = *(const word64 *)from;
        const word64 tail = *(const word64 *)(from + size - 8);
        *(word64 *)to = head;
        *(word64 *)(to + size - 8) = tail;
    } else if (size >= 4) {
        const word32 head = *(const word32 *)from;
        const word32 tail = *(const word32 *)(from + size - 4);
        *(word32 *)to = head;
        *(word32 *)(to + size - 4) = tail;
    } else if (size >= 2) {
        const word16 head = *(const word16 *)from;
        const word16 tail = *(const word16 *)(from + size - 2);
        *(word16 *)to = head;
        *(word16 *)(to + size - 2) = tail;
    } else if (size == 1) {
        *to = *from;
    }
}

/* 17 to 64 bytes, the same way. */
static inline void move_64(unsigned char *to, const unsigned char *from, size_t size)
{
    const vector a = load(from);
    const vector z = load(from + size - 16);
    if (size > 32) {
        const vector b = load(from + 16);
        const vector y = load(from + size - 32);
        store(to + 16, b);
        store(to + size - 32, y);
    }
    store(to, a);
    store(to + size - 16, z);
}

static inline void move_block(unsigned char *to, const unsigned char *from)
{
    const vector a = load(from);
    const vector b = load(from + 16);
    const vector c = load(from + 32);
    const vector d = load(from + 48);
    store(to, a);
    store(to + 16, b);
    store(to + 32, c);
    store(to + 48, d);
}

/* More than 64 bytes, upwards: `to` is below `from`, or they do not overlap. The
 * last 64 are read first, since the loop may write over them. */
static void move_up(unsigned char *to, const unsigned char *from, size_t size)
{
    const unsigned char *const last = from + size - 64;
    unsigned char *const end = to + size - 64;
    const vector a = load(last);
    const vector b = load(last + 16);
    const vector c = load(last + 32);
    const vector d = load(last + 48);
    for (; to < end; to += 64, from += 64)
        move_block(to, from);
    store(end, a);
    store(end + 16, b);
    store(end + 32, c);
    store(end + 48, d);
}

/* More than 64 bytes, downwards: `to` is above `from`. */
static void move_down(unsigned char *to, const unsigned char *from, size_t size)
{
    const vector a = load(from);
    const vector b = load(from + 16);
    const vector c = load(from + 32);
    const vector d = load(from + 48);
    size_t left = size;
    for (; left > 64; left -= 64)
        move_block(to + left - 64, from + left - 64);
    store(to, a);
    store(to + 16, b);
    store(to + 32, c);
    store(to + 48, d);
}

static inline void move_clear(unsigned char *to, const unsigned char *from, size_t size)
{
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
}

void *memmove(void *destination, const void *source, size_t size)
{
    unsigned char *const to = destination;
    const unsigned char *const from = source;
    if (size <= 16)
        move_16(to, from, size);
    else if (size <= 64)
        move_64(to, from, size);
    else if (size >= STRING_INSTRUCTIONS && (uintptr_t)to - (uintptr_t)from >= size &&
             (uintptr_t)from - (uintptr_t)to >= size)
        move_clear(to, from, size);
    else if ((uintptr_t)to - (uintptr_t)from >= size) /* below, or clear of it */
        move_up(to, from, size);
    else
        move_down(to, from, size);
    return destination;
}

void *memcpy(void *restrict destination, const void *restrict source, size_t size)
    __attribute__((alias("memmove")));

void *memset(void *destination, int byte, size_t size)
{
    unsigned char *const to = destination;
    const word64 word = 0x0101010101010101u * (unsigned char)byte;
    if (size < 16) {
        if (size >= 8) {
            *(word64 *)to = word;
            *(word64 *)(to + size - 8) = word;
        } else if (size >= 4) {
            *(word32 *)to = (word32)word;
            *(word32 *)(to + size - 4) = (word32)word;
        } else if (size > 0) {
            to[0] = (unsigned char)byte;
            to[size / 2] = (unsigned char)byte;
            to[size - 1] = (unsigned char)byte;
        }
        return destination;
    }
    if (size >= STRING_INSTRUCTIONS) {
        unsigned char *at = to;
        __asm__ volatile("rep stosb" : "+D"(at), "+c"(size) : "a"(byte) : "memory");
        return destination;
    }
    const vector value = _mm_set1_epi8((char)byte);
    for (size_t at = 0; at < size - 16; at += 16)
        store(to + at, value);
    store(to + size - 16, value);
    return destination;
}

#endif
