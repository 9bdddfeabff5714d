/* SPDX-License-Identifier: Apache-2.0 */
/* serve.c: the loop of a guest. */
#include "internal.h"

/* Here and only here: a program that never serves has no such note, and is
 * an ordinary program whose result is its exit status. */
#define BUILT_FOR 0x10000 /* as the assembler reads it: without suffix */
_Static_assert(BUILT_FOR == MOTE_ABI_VERSION, "the version is written twice");
__asm__(MOTE__NOTE(MOTE_NOTE_ABI, MOTE__LONG(BUILT_FOR)));

int mote_serve(void)
{
    if (mote_info() == NULL)
        return -1;
    mote__serving = true;
    mote__request(MOTE_REQUEST_READY, NULL);
    for (;;)
        mote__answer();
}
