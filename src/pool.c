/* SPDX-License-Identifier: Apache-2.0 */
#include "pool.h"

int mote__pool_take(struct mote__shell **shell, mote_host *host,
                    const struct mote__shell_wish *wish, mote_error *error)
{
    return mote__shell_from_snapshot(shell, &host->allocator, host->hv, wish->snapshot, wish->limit,
                                     wish->files, error);
}
