/* SPDX-License-Identifier: Apache-2.0 */
/* The digests: how each module is called, its published vectors, its native tool. */
#ifndef HASH_WASM_DIGEST_H
#define HASH_WASM_DIGEST_H

#include "box.h"

#define DIGEST_MAX 64 /* bytes */

struct vector {
    const char *message; /* NULL ends a list */
    unsigned repeat;     /* the message so many times; 0: once */
    const char *hex;     /* its digest */
};

/* Where the parameter of an algorithm goes. */
enum parameter {
    PARAMETER_NONE,
    PARAMETER_INIT,  /* argument of Hash_Init */
    PARAMETER_BUFFER /* 8 bytes, little-endian, in the buffer before Hash_Init */
};

struct algorithm {
    const char *name;
    const char *module;
    unsigned size; /* bytes of a digest */
    enum parameter where;
    uint64_t parameter;
    uint32_t final;            /* argument of Hash_Final, where it has one */
    const char *const *native; /* command that reads standard input, NULL: none; see native.h */
    struct vector vectors[4];
};

extern const struct algorithm algorithms[]; /* by module; the last has no name */

void digest_init(struct box *box, const struct algorithm *algorithm);
void digest_update(struct box *box, const void *data, size_t size);
void digest_final(struct box *box, const struct algorithm *algorithm, uint8_t *digest);

/* The one with this name; it must exist. */
const struct algorithm *digest_find(const char *name);

/* `hex` receives 2 * size digits and a NUL. */
void digest_hex(const uint8_t *digest, size_t size, char *hex);

/* Number of vectors, and how many of them the module gets right. */
unsigned digest_vectors(struct box *box, const struct algorithm *algorithm, unsigned *right);

#endif
