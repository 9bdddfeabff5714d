/* SPDX-License-Identifier: Apache-2.0 */
/* A sandbox goes back to its snapshot. */
#include "error.h"
#include "park.h"
#include "resident.h"
#include "sandbox.h"
#include "vm/revert.h"

static int new_shell(mote_sandbox *sandbox, mote_error *error)
{
    mote__host_log(sandbox->host, 1, "%s: a sandbox gets a new VM", sandbox->image->name);
    mote__sandbox_retire(sandbox);
    return mote__sandbox_attach(sandbox, error);
}

static int restore(mote_sandbox *sandbox, mote_error *error)
{
    struct mote__shell *shell = sandbox->shell;
    if (sandbox->parked) { /* it gets a shell when it needs one */
        mote__parked_forget(sandbox);
        sandbox->report.reset_pages = 0;
        return 0;
    }
    if (!shell || sandbox->broken || shell->memory.damaged || mote__shell_outgrown(shell))
        return new_shell(sandbox, error);
    size_t dirty = 0;
    int status = mote__shell_revert(shell, sandbox->snapshot, sandbox->base_used, &dirty, error);
    if (status == MOTE__MUST_STAND) {
        mote__resident_stand(sandbox);
        status = mote__shell_revert(shell, sandbox->snapshot, sandbox->base_used, &dirty, error);
    }
    sandbox->report.reset_pages = dirty;
    return status ? new_shell(sandbox, error) : 0;
}

int mote__sandbox_reset(mote_sandbox *sandbox, mote_error *error)
{
    mote__buffer_wipe(&sandbox->results);
    mote__calls_clear(sandbox);
    mote__resident_before_reset(sandbox);
    int status = restore(sandbox, error);
    if (status) {
        sandbox->state = MOTE_STATE_POISONED;
        return status;
    }
    sandbox->personality = sandbox->snapshot->personality;
    mote__fds_reset(&sandbox->fds);
    sandbox->state = MOTE_STATE_READY;
    sandbox->report.resets++;
    mote__published_reset(&sandbox->host->published);
    if (sandbox->parked)
        return 0;
    mote__sandbox_write_info(sandbox);
    if (!mote__resident_start_anew(sandbox))
        mote__shell_go_clean(sandbox->shell, sandbox->snapshot);
    return 0;
}

/* The new state may differ from the old one in anything: it gets a shell of its own. */
int mote__sandbox_restore(mote_sandbox *sandbox, struct mote__snapshot *snapshot, mote_error *error)
{
    struct mote__snapshot *old = sandbox->snapshot;
    if (old != snapshot) {
        mote__sandbox_detach(sandbox);
        sandbox->snapshot = mote__snapshot_ref(snapshot);
        mote__snapshot_unref(old);
    }
    return mote__sandbox_reset(sandbox, error);
}
