/* SPDX-License-Identifier: Apache-2.0 */
/* Parking: a sandbox without a shell, which keeps what it needs to go on in another. */
#include "park.h"

#include "error.h"
#include "resident.h"
#include "sandbox.h"

/* Leaves nothing of the guest's in what it frees. */
static void discard(struct mote__parked *parked)
{
    mote__delta_free(&parked->delta);
    mote__wipe(&parked->resume, sizeof parked->resume);
    mote__free(parked);
}

/* ---- taking ---- */

/* Whether there is anything to go on with: a sandbox that only a reset can help has nothing. */
static bool has_state(const mote_sandbox *sandbox)
{
    return sandbox->shell && !sandbox->shell->memory.damaged &&
           (sandbox->state == MOTE_STATE_READY || sandbox->state == MOTE_STATE_SUSPENDED);
}

static int take_state(struct mote__parked *parked, mote_sandbox *sandbox, mote_error *error)
{
    struct mote__shell *shell = sandbox->shell;
    const struct mote__mounts *mounts = sandbox->policy ? &sandbox->policy->mounts : NULL;
    int status = mote__delta_take(&parked->delta, &shell->memory, sandbox->snapshot,
                                  sandbox->base_used, mounts, error);
    parked->state = true;
    parked->cpu = shell->stand != MOTE__STAND_SNAPSHOT;
    if (!status && parked->cpu)
        status = mote__shell_keep(shell, &parked->resume, error);
    return status;
}

int mote__sandbox_keep(mote_sandbox *sandbox, mote_error *error)
{
    struct mote__parked *parked = mote__alloc(&sandbox->host->allocator, sizeof *parked);
    if (!parked)
        return mote__fail_memory(error, "a parked sandbox");
    parked->delta.allocator = &sandbox->host->allocator;
    mote__resident_stand(sandbox);
    int status = has_state(sandbox) ? take_state(parked, sandbox, error) : 0;
    if (status) {
        discard(parked);
        return status;
    }
    sandbox->parked = parked;
    atomic_fetch_add(&sandbox->host->crowd.parked, 1);
    return 0;
}

int mote_sandbox_park(mote_sandbox *sandbox)
{
    int status = mote__sandbox_enter(sandbox);
    if (status)
        return status;
    if (!sandbox->parked) {
        status = mote__sandbox_keep(sandbox, &sandbox->error);
        if (!status)
            mote__sandbox_detach(sandbox);
    }
    mote__sandbox_leave(sandbox);
    return status;
}

/* ---- going on ---- */

static int put_state(mote_sandbox *sandbox, const struct mote__parked *parked, mote_error *error)
{
    struct mote__shell *shell = sandbox->shell;
    int status = mote__delta_put(&parked->delta, &shell->memory, sandbox->snapshot, error);
    if (!status && parked->cpu)
        mote__shell_go_resume(shell, &parked->resume);
    return status;
}

int mote__sandbox_unpark(mote_sandbox *sandbox, mote_error *error)
{
    struct mote__parked *parked = sandbox->parked;
    int status = mote__sandbox_attach(sandbox, error);
    if (!status)
        status = put_state(sandbox, parked, error);
    if (status) {
        mote__sandbox_retire(sandbox);
        return status;
    }
    if (parked->state)
        sandbox->generation--; /* no start: the guest finds the number that it had */
    mote__sandbox_write_info(sandbox);
    mote__parked_free(sandbox);
    mote__published_renew(sandbox->host);
    return 0;
}

void mote__parked_forget(mote_sandbox *sandbox)
{
    struct mote__parked *parked = sandbox->parked;
    if (!parked)
        return;
    mote__delta_free(&parked->delta);
    mote__wipe(&parked->resume, sizeof parked->resume);
    parked->state = parked->cpu = false;
}

void mote__parked_free(mote_sandbox *sandbox)
{
    if (!sandbox->parked)
        return;
    discard(sandbox->parked);
    sandbox->parked = NULL;
    atomic_fetch_sub(&sandbox->host->crowd.parked, 1);
}
