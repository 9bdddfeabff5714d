/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/system_pages.h"

#include "arch/x86_64/monitor.h"
#include "os/os.h"

static int map_ours(struct mote__arena *tables, size_t root, uint64_t address,
                    enum mote__system_page page, unsigned access, mote_error *error)
{
    return mote__paging_map(tables, root, address, tables->physical + (uint64_t)page * MOTE__PAGE,
                            MOTE__PAGE, access, error);
}

int mote__system_map(struct mote__arena *tables, size_t *root, const struct mote__layout *l,
                     mote_error *error)
{
    int status = mote__paging_init(tables, root, error);
    if (!status)
        status = map_ours(tables, *root, l->monitor, MOTE__PAGE_MONITOR,
                          MOTE__READ | MOTE__EXECUTE | MOTE__MONITOR, error);
    if (!status)
        status = map_ours(tables, *root, l->monitor + MOTE__PAGE, MOTE__PAGE_MONITOR_STACK,
                          MOTE__READ | MOTE__WRITE | MOTE__MONITOR, error);
    if (!status)
        status =
            map_ours(tables, *root, l->gate, MOTE__PAGE_GATE, MOTE__READ | MOTE__EXECUTE, error);
    if (!status)
        status = map_ours(tables, *root, l->scrub, MOTE__PAGE_SCRUB, MOTE__READ, error);
    return status;
}

void mote__system_fill(struct mote__arena *tables, const struct mote__layout *l)
{
    mote__monitor_build(tables->host + MOTE__PAGE_MONITOR * MOTE__PAGE, l->monitor,
                        l->monitor_stack_top);
    mote__gate_build(tables->host + MOTE__PAGE_GATE * MOTE__PAGE);
}
