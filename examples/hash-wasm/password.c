/* SPDX-License-Identifier: Apache-2.0 */
#include "password.h"

#include <stdio.h>
#include <string.h>

#include "digest.h"

static unsigned compare(const char *what, const char *got, const char *expected)
{
    if (strcmp(got, expected) == 0)
        return 1;
    fprintf(stderr, "hash_wasm: %s: %s instead of %s\n", what, got, expected);
    return 0;
}

/* ---- bcrypt ----------------------------------------------------------------- */

/* The alphabet of bcrypt's base64. */
static const char letters[] = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/* The salt stands in characters 7 to 28 of a hash: 22 letters of 6 bits, 16 bytes. */
static void decode_salt(const char *hash, uint8_t salt[16])
{
    uint32_t bits = 0;
    unsigned have = 0;
    size_t at = 0;
    for (const char *letter = hash + 7; at < 16; letter++) {
        bits = bits << 6 | (uint32_t)(strchr(letters, *letter) - letters);
        have += 6;
        if (have >= 8) {
            have -= 8;
            salt[at++] = (uint8_t)(bits >> have);
        }
    }
}

static unsigned check_bcrypt(const struct boxes *boxes, struct box *box, unsigned *right)
{
    static const struct {
        const char *password;
        const char *hash; /* of the jBCrypt test suite */
    } vectors[] = {
        {"a", "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe"},
        {"abc", "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i"},
        {"abcdefghijklmnopqrstuvwxyz",
         "$2a$06$.rCVZVOThsIa97pEDOxvGuRRgzG64bvtJ0938xuqzv18d3ZpQhstC"},
        {"~!@#$%^&*()      ~!@#$%^&*()PNBFRD",
         "$2a$06$fPIsBO8qRqkjj273rfaOI.HtSV9jLDpTbZn782DC6/t7qT67P6FfO"},
    };
    const unsigned count = sizeof vectors / sizeof vectors[0];
    (void)boxes;
    for (unsigned i = 0; i < count; i++) {
        uint8_t salt[16];
        char hash[61] = "";
        const size_t length = strlen(vectors[i].password);
        decode_salt(vectors[i].hash, salt);
        box_reset(box);
        box_put(box, 0, salt, sizeof salt);
        box_put(box, sizeof salt, vectors[i].password, length);
        box_call(box, "bcrypt", (uint32_t)length, 6, 1);
        box_get(box, 0, hash, 60);
        *right += compare("bcrypt", hash, vectors[i].hash);
    }
    return count;
}

/* ---- PBKDF2-HMAC-SHA256 and scrypt -------------------------------------------- */

static void hmac_start(struct box *sha256, const void *key, size_t size, uint8_t pad)
{
    uint8_t block[64] = {0};
    memcpy(block, key, size); /* the vectors' passwords are shorter than a block */
    for (size_t i = 0; i < sizeof block; i++)
        block[i] ^= pad;
    digest_init(sha256, digest_find("sha256"));
    digest_update(sha256, block, sizeof block);
}

/* One iteration, which is all that scrypt uses. */
static void pbkdf2(struct box *sha256, const char *password, const void *salt, size_t salt_size,
                   uint8_t *out, size_t size)
{
    const struct algorithm *algorithm = digest_find("sha256");
    for (uint32_t number = 1; size > 0; number++) {
        const uint8_t suffix[4] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16),
                                   (uint8_t)(number >> 8), (uint8_t)number};
        uint8_t digest[32];
        hmac_start(sha256, password, strlen(password), 0x36);
        digest_update(sha256, salt, salt_size);
        digest_update(sha256, suffix, sizeof suffix);
        digest_final(sha256, algorithm, digest);
        hmac_start(sha256, password, strlen(password), 0x5c);
        digest_update(sha256, digest, sizeof digest);
        digest_final(sha256, algorithm, digest);
        const size_t piece = size < sizeof digest ? size : sizeof digest;
        memcpy(out, digest, piece);
        out += piece;
        size -= piece;
    }
}

struct scrypt_vector { /* RFC 7914, section 12 */
    const char *password;
    const char *salt;
    uint32_t cost;
    uint32_t block;
    uint32_t parallel;
    const char *hex;
};

static void scrypt(struct box *box, struct box *sha256, const struct scrypt_vector *vector,
                   uint8_t out[64])
{
    static uint8_t data[128 * 8 * 16];
    const uint32_t size = 128 * vector->block * vector->parallel;
    box_reset(box);
    box_resize(box, size + 128 * vector->block * vector->cost + 256 * vector->block);
    pbkdf2(sha256, vector->password, vector->salt, strlen(vector->salt), data, size);
    box_put(box, 0, data, size);
    box_call(box, "scrypt", vector->block, vector->cost, vector->parallel);
    box_get(box, 0, data, size);
    pbkdf2(sha256, vector->password, data, size, out, 64);
}

static unsigned check_scrypt(const struct boxes *boxes, struct box *box, unsigned *right)
{
    static const struct scrypt_vector vectors[] = {
        {"", "", 16, 1, 1,
         "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
         "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906"},
        {"password", "NaCl", 1024, 8, 16,
         "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
         "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"},
        {"pleaseletmein", "SodiumChloride", 16384, 8, 1,
         "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
         "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"},
    };
    const unsigned count = sizeof vectors / sizeof vectors[0];
    struct box sha256;
    box_open(&sha256, boxes, "sha256");
    for (unsigned i = 0; i < count; i++) {
        uint8_t out[64];
        char hex[129];
        scrypt(box, &sha256, &vectors[i], out);
        digest_hex(out, sizeof out, hex);
        *right += compare("scrypt", hex, vectors[i].hex);
    }
    box_close(&sha256);
    return count;
}

const struct password_function password_functions[] = {
    {"argon2", check_argon2},
    {"bcrypt", check_bcrypt},
    {"scrypt", check_scrypt},
    {NULL, NULL},
};
