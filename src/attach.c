/* SPDX-License-Identifier: Apache-2.0 */
/* A sandbox and its shell: how the one gets the other, and how they part. */
#include <string.h>

#include "error.h"
#include "park.h"
#include "pool.h"
#include "resident.h"
#include "sandbox.h"

/* Init data is the sandbox's own, not the snapshot's; no reset takes it away. */
static int map_init_data(mote_sandbox *sandbox, mote_error *error)
{
    struct mote__memory *memory = &sandbox->shell->memory;
    const struct mote__layout *l = sandbox->shell->layout;
    size_t size = (size_t)mote__align_up(sandbox->init_size, MOTE__PAGE), offset;
    /* Not from the free extents: those are the snapshot's, and come back at a reset. */
    if (size > mote__memory_room(memory))
        return mote__memory_fail_limit(memory, error);
    int status = mote__arena_take(&memory->ram, size, &offset, error);
    if (!status)
        status = mote__memory_map_at(memory, l->init, offset, size, MOTE__READ, MOTE__REGION_INIT,
                                     error);
    if (status)
        return status;
    memcpy(memory->ram.host + offset, sandbox->init_data, sandbox->init_size);
    for (size_t i = 0; i < memory->regions.count; i++)
        memory->regions.list[i].changed = false;
    return 0;
}

static int all_busy(const mote_host *host, mote_error *error)
{
    return mote__fail(error, MOTE_DOMAIN_API, MOTE_ELIMIT, 0,
                      "use fewer threads, or raise mote_host_options.shells_most",
                      "all %zu VMs that the host may have are in use, each by a thread that is in "
                      "its sandbox",
                      host->pool.most);
}

/* At the limit, another sandbox is parked for it. Somebody else may be faster to take that shell,
 * who then has made way for this one elsewhere. */
static int take_shell(mote_sandbox *sandbox, const struct mote__shell_wish *wish, mote_error *error)
{
    mote_host *host = sandbox->host;
    int status = mote__pool_take(&sandbox->shell, host, wish, error);
    while (status == MOTE__POOL_FULL) {
        status = mote__crowd_park_one(host, error);
        if (status)
            return status == MOTE_ELIMIT ? all_busy(host, error) : status;
        status = mote__pool_take(&sandbox->shell, host, wish, error);
    }
    return status;
}

int mote__sandbox_attach(mote_sandbox *sandbox, mote_error *error)
{
    const mote_policy *policy = sandbox->policy;
    size_t limit = policy ? policy->memory : MOTE__DEFAULT_MEMORY;
    size_t files = policy ? policy->mounts.file_pages : 0;
    struct mote__shell_wish wish = {
        .snapshot = sandbox->snapshot, .limit = limit, .files = files, .tenant = sandbox->tenant};
    int status = take_shell(sandbox, &wish, error);
    if (status)
        return status;
    if (sandbox->init_size)
        status = map_init_data(sandbox, error);
    if (!status && files)
        status = mote__memory_place_files(&sandbox->shell->memory, &policy->mounts, error);
    if (status) {
        mote__sandbox_retire(sandbox);
        return status;
    }
    mote__watchdog_add(&sandbox->host->watchdog, sandbox->handle);
    mote__crowd_add(sandbox);
    /* It may be of a snapshot of a resident guest, or have had one. */
    memset(mote__shell_ring(sandbox->shell), 0, sizeof(struct mote__ring));
    mote__resident_attach(sandbox);
    mote__published_renew(sandbox->host);
    sandbox->shell->memory.changed = false;
    sandbox->base_used = sandbox->shell->memory.ram.used;
    return 0;
}

void mote__sandbox_write_info(mote_sandbox *sandbox)
{
    const struct mote__layout *l = sandbox->shell->layout;
    struct mote__memory *memory = &sandbox->shell->memory;
    struct mote_info info = {
        .abi_version = MOTE_ABI_VERSION,
        .size = sizeof info,
        .doorbell = l->gate + MOTE__GATE_DOORBELL,
        .mailbox = l->mailbox,
        .mailbox_size = MOTE__MAILBOX_FIRST,
        .generation = sandbox->generation++,
        .init_data = sandbox->init_size ? l->init : 0,
        .init_data_size = sandbox->init_size,
        .memory_limit = memory->limit,
    };
    _Static_assert(sizeof(struct mote__scrub_data) <= MOTE__INFO_OFFSET, "one page for both");
    memcpy(mote__system_page(memory, MOTE__PAGE_SCRUB) + MOTE__INFO_OFFSET, &info, sizeof info);
}

int mote__sandbox_need_shell(mote_sandbox *sandbox, mote_error *error)
{
    return sandbox->shell ? 0 : mote__sandbox_unpark(sandbox, error);
}

/* In a forked child lists and their locks may be in any state. */
struct mote__left mote__sandbox_part(mote_sandbox *sandbox)
{
    struct mote__shell *shell = sandbox->shell;
    mote__resident_detach(sandbox);
    /* It can only be cleaned by the snapshot that its memory was made from. */
    bool whole =
        shell && !sandbox->broken && shell->snapshot && shell->snapshot == sandbox->snapshot;
    if (!mote__host_forked(sandbox->host)) {
        mote__crowd_remove(sandbox);
        if (sandbox->handle)
            mote__watchdog_remove(&sandbox->host->watchdog, sandbox->handle);
    }
    sandbox->shell = NULL;
    sandbox->broken = false;
    return (struct mote__left){shell, whole};
}

void mote__shell_left(mote_host *host, const struct mote__left *left)
{
    if (left->shell && left->whole)
        mote__pool_give(host, left->shell);
    else if (left->shell)
        mote__pool_drop(host, left->shell);
    mote__published_renew(host);
}

void mote__sandbox_retire(mote_sandbox *sandbox)
{
    struct mote__left left = mote__sandbox_part(sandbox);
    left.whole = false;
    mote__shell_left(sandbox->host, &left);
}

void mote__sandbox_detach(mote_sandbox *sandbox)
{
    struct mote__left left = mote__sandbox_part(sandbox);
    mote__shell_left(sandbox->host, &left);
}
