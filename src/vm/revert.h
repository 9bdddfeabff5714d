/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Back to the snapshot. The processor marks each page that the guest writes in
 * our own page tables (D bits), the host marks what it writes itself; to revert
 * is to read the marks and to copy those pages back, without a system call.
 * Marks stay set: clearing one would need the page to be zapped, or later writes
 * go unseen. Mappings that changed are put back, and a large growth of the
 * marked set is given up, with one system call for each contiguous range.
 */
#ifndef MOTE_REVERT_H
#define MOTE_REVERT_H

#include "vm/shell.h"

/* Of mote__shell_revert, of a shell whose guest may be running: more was written than can be put
 * back meanwhile. Again, when it stands. */
#define MOTE__MUST_STAND 1

/* Makes the memory that of the snapshot, with `base` bytes of ram in use; what lies behind the
 * snapshot's own is left as it is. `*dirty` becomes the number of pages that had been written.
 * After a failure the shell is of no more use. */
int mote__shell_revert(struct mote__shell *shell, const struct mote__snapshot *snapshot,
                       size_t base, size_t *dirty, mote_error *error);
/* Tables only ever grow; a guest that spread its mappings far must not leave its successor
 * without room. */
bool mote__shell_outgrown(const struct mote__shell *shell);
/* Makes the shell what it was before it had a sandbox: its own snapshot's memory, nothing of init
 * data or granted files, and the snapshot's start at the next run. The same about failures. */
int mote__shell_clean(struct mote__shell *shell, mote_error *error);

#endif
