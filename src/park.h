/* SPDX-License-Identifier: Apache-2.0 */
/* What a sandbox keeps while it is parked: all that a shell would hold of it. The rest, from its
 * descriptors to the arguments of a suspended call, is in the sandbox anyway. */
#ifndef MOTE_PARK_H
#define MOTE_PARK_H

#include "vm/delta.h"
#include "vm/shell.h"

struct mote__parked {
    struct mote__delta delta;
    bool state; /* it is in the middle of its life: the same start goes on */
    bool cpu;   /* the guest waits at a doorbell, with what `resume` says */
    struct mote__resume resume;
};

/* Of a sandbox that this thread has entered: keeps its state; it must part from its shell then.
 * Nothing has changed after a failure. */
int mote__sandbox_keep(mote_sandbox *sandbox, mote_error *error);
/* A fresh shell gets the state; the sandbox is not parked any more. */
int mote__sandbox_unpark(mote_sandbox *sandbox, mote_error *error);
/* Of a parked sandbox or any other: its state is gone, and it starts at the snapshot. */
void mote__parked_forget(mote_sandbox *sandbox);
/* It is not parked any more. */
void mote__parked_free(mote_sandbox *sandbox);

#endif
