/* SPDX-License-Identifier: Apache-2.0 */
/* The same digests from Debian's own tools. */
#ifndef HASH_WASM_NATIVE_H
#define HASH_WASM_NATIVE_H

#include <stdbool.h>

/*
 * Digests a file with a command that reads standard input and prints, among its words, the
 * digest of `size` bytes in hex. "adler32" and "crc32" are zlib's, "xz crc64" is the check that
 * xz computes. False when there is no such command here.
 */
bool native_digest(const char *const *command, const char *path, unsigned size, char *hex);

#endif
