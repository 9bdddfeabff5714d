/* SPDX-License-Identifier: Apache-2.0 */
/* serve.c: the loop of a guest. */
#include "internal.h"

int mote_serve(void)
{
    if (mote_info() == NULL)
        return -1;
    mote__serving = true;
    mote__request(MOTE_REQUEST_READY, NULL);
    for (;;)
        mote__answer();
}
