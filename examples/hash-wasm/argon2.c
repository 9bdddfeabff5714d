/* SPDX-License-Identifier: Apache-2.0 */
#include "password.h"

#include <stdio.h>
#include <string.h>

#include "digest.h"

struct argon2_vector {
    uint32_t type; /* 0: d, 1: i, 2: id */
    uint32_t lanes, tag_size, memory_kib, passes;
    const char *password, *salt, *secret, *data;
    const char *hex;
};

static void put_u32(uint8_t *out, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

/* ---- BLAKE2b, in its own micro-VM --------------------------------------------- */

static void blake_start(struct box *blake, uint32_t size)
{
    struct algorithm algorithm = *digest_find("blake2b");
    algorithm.parameter = 8 * (uint64_t)size;
    digest_init(blake, &algorithm);
}

static void blake_end(struct box *blake, uint32_t size, uint8_t *out)
{
    struct algorithm algorithm = *digest_find("blake2b");
    algorithm.size = size;
    digest_final(blake, &algorithm, out);
}

static void blake_number(struct box *blake, uint32_t value)
{
    uint8_t bytes[4];
    put_u32(bytes, value);
    digest_update(blake, bytes, sizeof bytes);
}

/* A field of H0: its length, then its bytes. */
static void blake_field(struct box *blake, const char *text)
{
    blake_number(blake, (uint32_t)strlen(text));
    digest_update(blake, text, strlen(text));
}

/* H' of RFC 9106, section 3.3: a hash of any length. */
static void long_hash(struct box *blake, const void *data, size_t data_size, uint8_t *out,
                      uint32_t size)
{
    uint8_t link[64];
    blake_start(blake, size < 64 ? size : 64);
    blake_number(blake, size);
    digest_update(blake, data, data_size);
    if (size <= 64) {
        blake_end(blake, size, out);
        return;
    }
    blake_end(blake, 64, link);
    uint32_t left = size;
    while (left > 64) {
        memcpy(out, link, 32);
        out += 32;
        left -= 32;
        blake_start(blake, left < 64 ? left : 64);
        digest_update(blake, link, sizeof link);
        blake_end(blake, left < 64 ? left : 64, link);
    }
    memcpy(out, link, left);
}

/* ---- argon2 -------------------------------------------------------------------- */

static void first_hash(struct box *blake, const struct argon2_vector *vector, uint8_t out[64])
{
    blake_start(blake, 64);
    blake_number(blake, vector->lanes);
    blake_number(blake, vector->tag_size);
    blake_number(blake, vector->memory_kib);
    blake_number(blake, vector->passes);
    blake_number(blake, 0x13);
    blake_number(blake, vector->type);
    blake_field(blake, vector->password);
    blake_field(blake, vector->salt);
    blake_field(blake, vector->secret);
    blake_field(blake, vector->data);
    blake_end(blake, 64, out);
}

/* The module wants the first two blocks of each lane, and the parameters behind the memory. */
static void fill(struct box *box, struct box *blake, const struct argon2_vector *vector)
{
    const uint32_t parameters[6] = {
        vector->lanes, vector->tag_size, vector->memory_kib, vector->passes, 0x13, vector->type};
    const size_t lane_blocks = (size_t)4 * (vector->memory_kib / (vector->lanes * 4));
    uint8_t seed[72];
    uint8_t block[1024];
    box_put(box, (size_t)vector->memory_kib * 1024, parameters, sizeof parameters);
    first_hash(blake, vector, seed);
    for (uint32_t lane = 0; lane < vector->lanes; lane++)
        for (uint32_t i = 0; i < 2; i++) {
            put_u32(seed + 64, i);
            put_u32(seed + 68, lane);
            long_hash(blake, seed, sizeof seed, block, sizeof block);
            box_put(box, (lane * lane_blocks + i) * sizeof block, block, sizeof block);
        }
}

static const struct argon2_vector vectors[] = {
#define ONES   "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1"
#define TWOS   "\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2"
#define THREES "\3\3\3\3\3\3\3\3"
#define FOURS  "\4\4\4\4\4\4\4\4\4\4\4\4"
    /* RFC 9106, section 5 */
    {0, 4, 32, 32, 3, ONES, TWOS, THREES, FOURS,
     "512b391b6f1162975371d30919734294f868e3be3984f3c1a13a4db9fabe4acb"},
    {1, 4, 32, 32, 3, ONES, TWOS, THREES, FOURS,
     "c814d9d1dc7f37aa13f0d77f2494bda1c8de6b016dd388d29952a4c4672b6ce8"},
    {2, 4, 32, 32, 3, ONES, TWOS, THREES, FOURS,
     "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"},
    /* test.c of the reference implementation: 64 MiB, which the module's memory grows to */
    {2, 1, 32, 65536, 2, "password", "somesalt", "", "",
     "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"},
};

unsigned check_argon2(const struct boxes *boxes, struct box *box, unsigned *right)
{
    const unsigned count = sizeof vectors / sizeof vectors[0];
    struct box blake;
    box_open(&blake, boxes, "blake2b");
    for (unsigned i = 0; i < count; i++) {
        const struct argon2_vector *vector = &vectors[i];
        uint8_t block[1024];
        uint8_t tag[32];
        char hex[65];
        box_reset(box);
        box_resize(box, vector->memory_kib * 1024 + 1024);
        fill(box, &blake, vector);
        box_call(box, "Hash_Calculate", 0, vector->memory_kib, 0);
        box_get(box, 0, block, sizeof block);
        long_hash(&blake, block, sizeof block, tag, sizeof tag);
        digest_hex(tag, sizeof tag, hex);
        *right += strcmp(hex, vector->hex) == 0;
        if (strcmp(hex, vector->hex) != 0)
            fprintf(stderr, "hash_wasm: argon2: %s instead of %s\n", hex, vector->hex);
    }
    box_close(&blake);
    return count;
}
