/* SPDX-License-Identifier: Apache-2.0 */
/* Where sandboxes get their shells from. */
#ifndef MOTE_POOL_H
#define MOTE_POOL_H

#include "host.h"
#include "vm/shell.h"

/* What a sandbox wants of a shell. */
struct mote__shell_wish {
    struct mote__snapshot *snapshot; /* in whose state it is */
    size_t limit;                    /* bytes of memory for the guest */
    size_t files;                    /* bytes of the granted files that will be placed in it */
};

/* A shell in the state of the snapshot; mote__shell_free ends it. */
int mote__pool_take(struct mote__shell **shell, mote_host *host,
                    const struct mote__shell_wish *wish, mote_error *error);

#endif
