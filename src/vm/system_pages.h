/* SPDX-License-Identifier: Apache-2.0 */
/* The pages of a guest that are mote's own: the monitor, the gate and the read-only data. They lie
 * at the start of the tables arena (enum mote__system_page); the guest has no other of ours. */
#ifndef MOTE_SYSTEM_PAGES_H
#define MOTE_SYSTEM_PAGES_H

#include "image/layout.h"
#include "vm/memory.h"

/* Makes the root table and maps them. */
int mote__system_map(struct mote__arena *tables, size_t *root, const struct mote__layout *layout,
                     mote_error *error);
/* Writes the monitor and the gate; the scrub data and the info are their owner's. */
void mote__system_fill(struct mote__arena *tables, const struct mote__layout *layout);
/* Tables that mote__system_map takes at most. */
#define MOTE__SYSTEM_TABLES 7u

#endif
