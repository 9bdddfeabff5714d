/* SPDX-License-Identifier: Apache-2.0 */
/* The guest of an embedder who has only the installed SDK. */
#include <mote_guest.h>

static int32_t twice(int32_t x)
{
    return x * 2;
}
MOTE_EXPORT(twice, i32, i32);

static void crash(void)
{
    __builtin_trap();
}
MOTE_EXPORT(crash, void);
