/* SPDX-License-Identifier: Apache-2.0 */
/* The header of a snapshot's file, as `mote snapshot info` reads it: the first two bytes say how
 * much larger the file is than the input, the rest is its beginning. */
#include <stdlib.h>
#include <string.h>

#include "../cli/snapshot.h"
#include "fake_hv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct snapshot_header header;
    if (size < 2)
        return 0;
    uint64_t file_size = size - 2 + ((uint64_t)data[0] << 8 | data[1]);
    size_t length = size - 2 < SNAPSHOT_HEADER ? size - 2 : SNAPSHOT_HEADER;
    unsigned char *bytes =
        malloc(length > 0 ? length : 1); /* of its exact size, so that a byte too far is seen */
    fake_check(bytes != NULL, "memory");
    memcpy(bytes, data + 2, length);
    const char *problem = snapshot_read_header(&header, bytes, length, file_size);
    if (problem == NULL) {
        fake_check(header.version == 1 && header.file_size == file_size, "what was checked");
        fake_check(header.own <= file_size - SNAPSHOT_HEADER, "pages are inside of the file");
    }
    free(bytes);
    return 0;
}
