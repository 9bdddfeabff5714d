/* SPDX-License-Identifier: Apache-2.0 */
/* How the functions of os.h ask whether they may go on; for the files of this folder only. */
#ifndef MOTE_SEAM_H
#define MOTE_SEAM_H

#include "os/os.h"

/* 0, or the errno with which `call` fails in a test build. */
static inline int mote__seam(const char *call)
{
#ifdef MOTE_SEAM
    return mote__seam_hook ? mote__seam_hook(call) : 0;
#else
    (void)call;
    return 0;
#endif
}

/* Leaves the function with the failure that the seam orders, if any. */
#define MOTE__SEAM(call)                   \
    do {                                   \
        int seam_error = mote__seam(call); \
        if (seam_error)                    \
            return -seam_error;            \
    } while (0)

#endif
