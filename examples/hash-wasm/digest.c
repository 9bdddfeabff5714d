/* SPDX-License-Identifier: Apache-2.0 */
#include "digest.h"

#include <stdio.h>
#include <string.h>

void digest_init(struct box *box, const struct algorithm *algorithm)
{
    if (algorithm->where == PARAMETER_BUFFER) {
        uint8_t bytes[8];
        for (unsigned i = 0; i < 8; i++)
            bytes[i] = (uint8_t)(algorithm->parameter >> (8 * i));
        box_put(box, 0, bytes, sizeof bytes);
    }
    box_call(box, "Hash_Init", (uint32_t)algorithm->parameter, 0, 0);
}

void digest_update(struct box *box, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    while (size > 0) {
        const size_t piece = size < BOX_BUFFER ? size : BOX_BUFFER;
        box_put(box, 0, bytes, piece);
        box_call(box, "Hash_Update", (uint32_t)piece, 0, 0);
        bytes += piece;
        size -= piece;
    }
}

void digest_final(struct box *box, const struct algorithm *algorithm, uint8_t *digest)
{
    box_call(box, "Hash_Final", algorithm->final, 0, 0);
    box_get(box, 0, digest, algorithm->size);
}

const struct algorithm *digest_find(const char *name)
{
    const struct algorithm *algorithm = algorithms;
    while (strcmp(algorithm->name, name) != 0)
        algorithm++;
    return algorithm;
}

void digest_hex(const uint8_t *digest, size_t size, char *hex)
{
    for (size_t i = 0; i < size; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

unsigned digest_vectors(struct box *box, const struct algorithm *algorithm, unsigned *right)
{
    unsigned count = 0;
    for (const struct vector *vector = algorithm->vectors; vector->message != NULL; vector++) {
        uint8_t digest[DIGEST_MAX];
        char hex[2 * DIGEST_MAX + 1];
        box_reset(box);
        digest_init(box, algorithm);
        for (unsigned i = 0; i < (vector->repeat > 0 ? vector->repeat : 1); i++)
            digest_update(box, vector->message, strlen(vector->message));
        digest_final(box, algorithm, digest);
        digest_hex(digest, algorithm->size, hex);
        count++;
        *right += strcmp(hex, vector->hex) == 0;
        if (strcmp(hex, vector->hex) != 0)
            fprintf(stderr, "hash_wasm: %s of \"%.20s\": %s instead of %s\n", algorithm->name,
                    vector->message, hex, vector->hex);
    }
    return count;
}
