/* SPDX-License-Identifier: Apache-2.0 */
/* The guest that `mote doctor` carries inside itself and runs. */
#include <mote_guest.h>

static uint32_t add(uint32_t a, uint32_t b)
{
    return a + b;
}
MOTE_EXPORT(add, u32, u32, u32);
