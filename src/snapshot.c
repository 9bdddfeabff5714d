/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots on demand: taken between two calls, given to other sandboxes, gone back to. */
#include "snapshot.h"

#include <stddef.h>
#include <string.h>

#include "error.h"
#include "options.h"
#include "resident.h"
#include "sandbox.h"

/* ---- taking ---- */

static int check_state(mote_sandbox *sandbox, mote_error *error)
{
    if (sandbox->state == MOTE_STATE_SUSPENDED)
        return mote__fail(error, MOTE_DOMAIN_API, MOTE_ESUSPENDED, 0,
                          "resume the call, or end it with mote_cancel or mote_reset",
                          "a call of the sandbox is suspended");
    if (sandbox->state == MOTE_STATE_CLOSED)
        return mote__fail(error, MOTE_DOMAIN_API, MOTE_EINVAL, 0, "take it before mote_run",
                          "the program has ended: nothing of it can go on");
    if (sandbox->state == MOTE_STATE_POISONED || (!sandbox->shell && !sandbox->parked) ||
        (sandbox->shell && sandbox->shell->memory.damaged))
        return mote__fail(error, MOTE_DOMAIN_API, MOTE_EPOISONED, 0, "reset it with mote_reset",
                          "the sandbox is poisoned by an earlier fault");
    return mote__sandbox_need_shell(sandbox, error);
}

/* What streams carried counts from each start; the guest's clock goes on where it stood. */
static struct mote__linux keep_personality(const mote_sandbox *sandbox)
{
    struct mote__linux kept = sandbox->personality;
    kept.stream_bytes = 0;
    if (kept.monotonic_zero)
        kept.monotonic_start = mote__now_ns() - kept.monotonic_zero;
    kept.monotonic_zero = 0;
    return kept;
}

static int take_state(mote_sandbox *sandbox, struct mote__snapshot **state, mote_error *error)
{
    mote__resident_stand(sandbox);
    struct mote__linux personality = keep_personality(sandbox);
    struct mote__snapshot_source source = {.allocator = &sandbox->host->allocator,
                                           .shell = sandbox->shell,
                                           .parent = sandbox->snapshot,
                                           .base_used = sandbox->base_used,
                                           .image = sandbox->image,
                                           .read_only_fd = sandbox->snapshot->read_only_fd,
                                           .cpu = sandbox->snapshot->cpu,
                                           .personality = &personality};
    return mote__snapshot_take(state, &source, error);
}

int mote__snapshot_wrap(mote_snapshot **out, mote_image *image, struct mote__snapshot *state,
                        mote_error *error)
{
    mote_snapshot *snapshot = mote__alloc(&image->host->allocator, sizeof *snapshot);
    if (!snapshot)
        return mote__fail_memory(error, "a snapshot");
    atomic_init(&snapshot->references, 1);
    snapshot->image = mote_image_ref(image);
    snapshot->state = state;
    *out = snapshot;
    return 0;
}

static int take(mote_snapshot **out, mote_sandbox *sandbox, mote_error *error)
{
    struct mote__snapshot *state = NULL;
    int status = check_state(sandbox, error);
    if (!status)
        status = take_state(sandbox, &state, error);
    if (status)
        return status;
    status = mote__snapshot_wrap(out, sandbox->image, state, error);
    if (status)
        mote__snapshot_unref(state);
    return status;
}

int mote_snapshot_take(mote_snapshot **out, mote_sandbox *sandbox, mote_error *error)
{
    if (!out || !sandbox)
        return mote__fail_argument(error, "mote_snapshot_take: snapshot or sandbox is NULL");
    int status = mote__host_check(sandbox->host, error);
    if (!status)
        status = mote__sandbox_enter(sandbox);
    if (status == MOTE_EBUSY)
        mote__describe(error, MOTE_DOMAIN_API, status, 0, "take it between two calls",
                       "mote_snapshot_take: the sandbox is in use");
    if (status)
        return status;
    status = take(out, sandbox, error);
    mote__sandbox_leave(sandbox);
    return status;
}

/* ---- life ---- */

mote_snapshot *mote_snapshot_ref(mote_snapshot *snapshot)
{
    if (snapshot)
        atomic_fetch_add(&snapshot->references, 1);
    return snapshot;
}

void mote_snapshot_unref(mote_snapshot *snapshot)
{
    if (!snapshot || atomic_fetch_sub(&snapshot->references, 1) != 1)
        return;
    mote__snapshot_unref(snapshot->state);
    mote_image_unref(snapshot->image);
    mote__free(snapshot);
}

/* ---- questions ---- */

int mote_snapshot_describe(const mote_snapshot *snapshot, mote_snapshot_info *info)
{
    mote_snapshot_info all = {.size = sizeof all};
    if (!snapshot || !info || info->size < MOTE__SIZE_UP_TO(mote_snapshot_info, layers) ||
        info->size > sizeof all)
        return MOTE_EINVAL;
    const struct mote__snapshot *s = snapshot->state;
    for (size_t i = 0; i < s->nruns; i++)
        all.shared += s->runs[i].size;
    all.own = s->own_size;
    all.shared -= all.own;
    all.memory = mote__snapshot_needs(s);
    all.cpu = s->cpu;
    all.layers = s->layers;
    all.size = info->size;
    memcpy(info, &all, info->size);
    return 0;
}
