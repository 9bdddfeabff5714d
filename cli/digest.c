/* SPDX-License-Identifier: Apache-2.0 */
#include "digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <unistd.h>

enum { BYTES = 32, PIECE = 65536 };

static bool finish(EVP_MD_CTX *context, char digest[DIGEST_SIZE])
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    if (EVP_DigestFinal_ex(context, sum, &length) != 1 || length != BYTES)
        return false;
    for (size_t i = 0; i < BYTES; i++)
        snprintf(digest + 2 * i, 3, "%02x", sum[i]);
    return true;
}

bool digest_bytes(const void *data, size_t size, char digest[DIGEST_SIZE])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(context, data, size) == 1 && finish(context, digest);
    EVP_MD_CTX_free(context);
    return good;
}

static int write_whole(int out, const unsigned char *data, size_t size)
{
    while (out >= 0 && size > 0) {
        ssize_t written = write(out, data, size);
        if (written < 0 && errno != EINTR)
            return -errno;
        data += written > 0 ? written : 0;
        size -= written > 0 ? (size_t)written : 0;
    }
    return 0;
}

static int copy_pieces(EVP_MD_CTX *context, int in, int out, uint64_t *size)
{
    static unsigned char piece[PIECE];
    for (;;) {
        ssize_t got = read(in, piece, sizeof(piece));
        if (got == 0)
            return 0;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (EVP_DigestUpdate(context, piece, (size_t)got) != 1)
            return -ENOMEM;
        int rc = write_whole(out, piece, (size_t)got);
        if (rc != 0)
            return rc;
        *size += (uint64_t)got;
    }
}

int digest_copy(int in, int out, uint64_t *size, char digest[DIGEST_SIZE])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    *size = 0;
    int rc = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 ? 0 : -ENOMEM;
    rc = rc != 0 ? rc : copy_pieces(context, in, out, size);
    if (rc == 0 && !finish(context, digest))
        rc = -ENOMEM;
    EVP_MD_CTX_free(context);
    return rc;
}
