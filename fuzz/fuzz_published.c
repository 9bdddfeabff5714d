/* SPDX-License-Identifier: Apache-2.0 */
/* What another process publishes, as `mote top` reads it. */
#include <stdlib.h>
#include <string.h>

#include "../cli/top.h"
#include "fake_hv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mote_use use;
    uint8_t *exact = malloc(size ? size : 1); /* so that a byte too far is seen */
    fake_check(exact != NULL, "memory");
    memcpy(exact, data, size);
    bool good = top_decode(&use, exact, size);
    fake_check(!good || (use.magic == MOTE_USE_MAGIC && use.size >= sizeof(use)), "one of ours");
    fake_check(!good || memcmp(&use, data, sizeof(use)) == 0, "a copy");
    free(exact);
    return 0;
}
