/* SPDX-License-Identifier: Apache-2.0 */
/* A snapshot as an embedder holds it: a state of a guest, with the image that it is of. */
#ifndef MOTE_PUBLIC_SNAPSHOT_H
#define MOTE_PUBLIC_SNAPSHOT_H

#include "image/image.h"

struct mote_snapshot {
    _Atomic uint32_t references;
    mote_image *image;            /* whose read-only part it needs */
    struct mote__snapshot *state; /* what sandboxes start from */
};

/* Takes the reference to `state` when it succeeds. */
int mote__snapshot_wrap(mote_snapshot **snapshot, mote_image *image, struct mote__snapshot *state,
                        mote_error *error);

#endif
