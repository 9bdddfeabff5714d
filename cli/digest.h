/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 in the form of OCI's digests, without "sha256:". */
#ifndef MOTE_CLI_DIGEST_H
#define MOTE_CLI_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DIGEST_SIZE = 65 }; /* 64 digits and the NUL */

/* False when libcrypto has no memory. */
bool digest_bytes(const void *data, size_t size, char digest[DIGEST_SIZE]);
/* All that can be read from `in` from its offset on, copied to `out` unless that is -1; 0 or a
 * negative errno. */
int digest_copy(int in, int out, uint64_t *size, char digest[DIGEST_SIZE]);

#endif
