/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of the API that run a guest or touch its memory. */
#include <stddef.h>
#include <string.h>

#include "error.h"
#include "options.h"
#include "sandbox.h"
#include "signature.h"
#include "snapshot.h"

/* ---- checks before anything runs ---- */

static const char *remedy_for(int code)
{
    return code == MOTE_EPOISONED    ? "reset it with mote_reset"
           : code == MOTE_ESUSPENDED ? "resume the call, or end it with mote_cancel or mote_reset"
                                     : NULL;
}

int mote__call_refuse(mote_sandbox *sandbox, int code, const char *text)
{
    mote__describe(&sandbox->error, MOTE_DOMAIN_API, code, 0, remedy_for(code), "%s", text);
    return code;
}

/* A macro, so that analyzers see that it is not 0. */
#define fail(sandbox, code, text) (mote__call_refuse(sandbox, code, text), (code))

int mote__call_check_results(mote_sandbox *sandbox, uint32_t function, size_t nresults)
{
    const mote_function_info *f = &sandbox->image->notes.exports.list[function];
    if (nresults == f->signature.nresults)
        return 0;
    return mote__fail(&sandbox->error, MOTE_DOMAIN_API, MOTE_ETYPE, 0, NULL,
                      "%.100s %.200s has %u results, room for %zu was given", f->name,
                      f->signature_text, f->signature.nresults, nresults);
}

static int check_count(mote_sandbox *sandbox, const mote_function_info *f, size_t nargs)
{
    if (nargs == f->signature.nparams)
        return 0;
    return mote__fail(&sandbox->error, MOTE_DOMAIN_API, MOTE_ETYPE, 0, NULL,
                      "%.100s %.200s takes %u arguments, %zu were given", f->name,
                      f->signature_text, f->signature.nparams, nargs);
}

static int check_types(mote_sandbox *sandbox, const mote_function_info *f, const mote_value *args)
{
    for (uint32_t i = 0; i < f->signature.nparams; i++) {
        if (args[i].type != f->signature.params[i])
            return mote__fail(&sandbox->error, MOTE_DOMAIN_API, MOTE_ETYPE, i, NULL,
                              "argument %u of %.100s is %s, not %s", i, f->name,
                              mote_type_name(f->signature.params[i]), mote_type_name(args[i].type));
        if (mote__type_is_bytes(args[i].type) && !args[i].of.bytes.data && args[i].of.bytes.size)
            return mote__fail(&sandbox->error, MOTE_DOMAIN_API, MOTE_EINVAL, i, NULL,
                              "argument %u of %.100s is NULL with a size", i, f->name);
    }
    return 0;
}

/* The last of the checks: from here on it has a shell. */
static int check_state(mote_sandbox *sandbox)
{
    if (sandbox->state == MOTE_STATE_POISONED || (!sandbox->shell && !sandbox->parked))
        return fail(sandbox, MOTE_EPOISONED, "the sandbox is poisoned by an earlier fault");
    if (sandbox->state == MOTE_STATE_CLOSED)
        return fail(sandbox, MOTE_EPOISONED, "the program has ended");
    return mote__sandbox_need_shell(sandbox, &sandbox->error);
}

int mote__call_read_options(mote_sandbox *sandbox, const mote_call_options *given,
                            mote_call_options *options)
{
    return mote__options_copy(options, sizeof *options, given,
                              MOTE__SIZE_UP_TO(mote_call_options, deadline_ns), "mote_call_options",
                              &sandbox->error);
}

/* A suspended call is still in progress, and its report with it: nothing of it is cleared. */
static int check_suspended(mote_sandbox *sandbox)
{
    return sandbox->state == MOTE_STATE_SUSPENDED
               ? fail(sandbox, MOTE_ESUSPENDED, "a call of the sandbox is suspended")
               : 0;
}

/* ---- running ---- */

void mote__call_forget(mote_sandbox *sandbox)
{
    sandbox->error.code = 0;
    sandbox->error.text[0] = sandbox->error.remedy[0] = '\0';
    sandbox->report.code = 0;
    sandbox->report.text[0] = '\0';
}

/* Error and report of the last call go; what belongs to the sandbox stays. Only what
 * the last call may have filled is cleared: this is on the path of every call. */
static void forget_last_call(mote_sandbox *sandbox)
{
    mote_report *r = &sandbox->report;
    mote__call_forget(sandbox);
    sandbox->ended = 0;
    if (r->fault != MOTE_FAULT_NONE) {
        memset(&r->registers, 0, sizeof r->registers);
        r->access = MOTE_ACCESS_NONE;
        r->address = 0;
        r->vector = r->error_code = 0;
        r->symbol[0] = '\0';
        memset(r->frames, 0, sizeof r->frames);
        r->nframes = 0;
    }
    r->fault = MOTE_FAULT_NONE;
    r->wall_ns = r->cpu_ns = r->exits = r->host_calls = r->syscalls = r->refused = 0;
}

/* An outermost call without one has the policy's; a nested one is under that of the call
 * around it in any case. */
static uint64_t deadline_of(const mote_sandbox *sandbox, uint64_t own)
{
    if (sandbox->depth == 0)
        return mote__deadline_in(own || !sandbox->policy ? own : sandbox->policy->deadline_ns);
    uint64_t outer = sandbox->calls[sandbox->depth - 1].deadline, inner = mote__deadline_in(own);
    return !inner || (outer && outer < inner) ? outer : inner;
}

int mote__call_finish(mote_sandbox *sandbox, enum mote__stop stop, mote_value *results)
{
    uint32_t function = mote__call_now(sandbox)->function;
    switch (stop) {
    case MOTE__STOP_RETURN:
        return mote__mailbox_collect(
            sandbox, &sandbox->image->notes.exports.list[function].signature, results);
    case MOTE__STOP_FAIL:
        return MOTE_EGUEST;
    case MOTE__STOP_PENDING:
        return MOTE_PENDING;
    default:
        return mote__fault_end(sandbox, MOTE_EEXITED, MOTE_FAULT_EXIT, sandbox->report.code,
                               "the guest program ended with status %lld instead of returning",
                               (long long)sandbox->report.code);
    }
}

/* The innermost call, from its arguments to its results. */
static int call(mote_sandbox *sandbox, uint32_t index, const mote_call_options *options,
                const mote_value *args, mote_value *results)
{
    const mote_function_info *f = &sandbox->image->notes.exports.list[index];
    enum mote__stop stop = MOTE__STOP_EXIT;
    uint64_t deadline = deadline_of(sandbox, options->deadline_ns);
    mote__call_now(sandbox)->function = index;
    mote__call_now(sandbox)->deadline = deadline;
    int status = mote__mailbox_post(sandbox, &f->signature, args);
    if (sandbox->shell->memory.damaged)
        sandbox->state = MOTE_STATE_POISONED;
    if (!status)
        status = sandbox->depth ? mote__execute_nested(sandbox, &stop)
                                : mote__execute(sandbox, deadline, &stop);
    return status ? status : mote__call_finish(sandbox, stop, results);
}

static int check_call(mote_sandbox *sandbox, mote_func func, const mote_call_options *given,
                      mote_call_options *options, const mote_value *args, size_t nargs,
                      const mote_value *results, size_t nresults)
{
    if (func.image != sandbox->image || func.index >= sandbox->image->notes.exports.count)
        return fail(sandbox, MOTE_EINVAL, "mote_call: the function is of another image");
    if ((nargs && !args) || (nresults && !results))
        return fail(sandbox, MOTE_EINVAL, "mote_call: args or results is NULL");
    const mote_function_info *f = &sandbox->image->notes.exports.list[func.index];
    int status = mote__call_read_options(sandbox, given, options);
    if (!status)
        status = check_count(sandbox, f, nargs);
    if (!status)
        status = mote__call_check_results(sandbox, func.index, nresults);
    if (!status)
        status = check_types(sandbox, f, args);
    return status ? status : check_state(sandbox);
}

bool mote__call_may_nest(const mote_sandbox *sandbox)
{
    return mote__callback_is_mine(sandbox) && sandbox->may_nest;
}

/* All around it has ended already: nothing of the sandbox is its own any more. */
static int orphan_ended(mote_sandbox *sandbox, int status)
{
    if (--sandbox->orphans == 0 && atomic_load(&sandbox->entered) == MOTE__LEFT_BEHIND)
        atomic_store(&sandbox->entered, 0);
    return status;
}

/* A call of a host function to the sandbox that called it, on its own thread. */
static int call_nested(mote_sandbox *sandbox, mote_func func, const mote_call_options *given,
                       const mote_value *args, size_t nargs, mote_value *results, size_t nresults)
{
    if (sandbox->ended)
        return MOTE_EPOISONED; /* error and report tell how it ended */
    mote_call_options options;
    mote__call_forget(sandbox);
    int status = check_call(sandbox, func, given, &options, args, nargs, results, nresults);
    if (!status && sandbox->depth == MOTE_MAX_DEPTH)
        status = mote__fail(&sandbox->error, MOTE_DOMAIN_API, MOTE_ELIMIT, MOTE_MAX_DEPTH, NULL,
                            "%u calls are nested in this sandbox already", MOTE_MAX_DEPTH);
    if (status)
        return status;
    uint32_t depth = sandbox->depth++;
    sandbox->may_nest = false;
    atomic_store(&sandbox->callback, 0);
    status = call(sandbox, func.index, &options, args, results);
    if (sandbox->depth <= depth)
        return orphan_ended(sandbox, status);
    if (sandbox->state == MOTE_STATE_POISONED)
        sandbox->ended = status;
    sandbox->depth = depth;
    atomic_store(&sandbox->callback, (uintptr_t)pthread_self());
    sandbox->may_nest = true;
    return status;
}

int mote_call(mote_sandbox *sandbox, mote_func func, const mote_call_options *given,
              const mote_value *args, size_t nargs, mote_value *results, size_t nresults)
{
    mote_call_options options;
    int status = mote__sandbox_enter(sandbox);
    if (status == MOTE_EBUSY && mote__call_may_nest(sandbox))
        return call_nested(sandbox, func, given, args, nargs, results, nresults);
    if (status)
        return status;
    status = check_suspended(sandbox);
    if (!status) {
        forget_last_call(sandbox);
        status = check_call(sandbox, func, given, &options, args, nargs, results, nresults);
    }
    if (!status)
        status = call(sandbox, func.index, &options, args, results);
    mote__sandbox_leave(sandbox);
    return status;
}

/* ---- programs ---- */

static int start(mote_sandbox *sandbox)
{
    struct mote__cpu_regs regs = sandbox->snapshot->regs;
    int status = mote__linux_start(sandbox, &regs, &sandbox->error);
    if (!status)
        mote__shell_go(sandbox->shell, &regs);
    return status;
}

int mote__run_finish(mote_sandbox *sandbox, enum mote__stop stop, int *exit_status)
{
    if (stop == MOTE__STOP_PENDING)
        return MOTE_PENDING;
    *exit_status = (int)sandbox->report.code;
    sandbox->state = MOTE_STATE_CLOSED;
    return 0;
}

static int run(mote_sandbox *sandbox, const mote_call_options *options, int *exit_status)
{
    enum mote__stop stop = MOTE__STOP_EXIT;
    int status = start(sandbox);
    if (!status)
        status = mote__execute(sandbox, deadline_of(sandbox, options->deadline_ns), &stop);
    return status ? status : mote__run_finish(sandbox, stop, exit_status);
}

static int check_run(mote_sandbox *sandbox, const mote_call_options *given,
                     mote_call_options *options, const int *exit_status)
{
    if (!exit_status)
        return fail(sandbox, MOTE_EINVAL, "mote_run: status is NULL");
    if (!mote__image_is_program(sandbox->image))
        return fail(sandbox, MOTE_EINVAL,
                    "mote_run: the guest exports functions; call them with mote_call");
    int status = mote__call_read_options(sandbox, given, options);
    return status ? status : check_state(sandbox);
}

int mote_run(mote_sandbox *sandbox, const mote_call_options *given, int *exit_status)
{
    mote_call_options options;
    int status = mote__sandbox_enter(sandbox);
    if (status)
        return status;
    status = check_suspended(sandbox);
    if (!status) {
        forget_last_call(sandbox);
        status = check_run(sandbox, given, &options, exit_status);
    }
    if (!status)
        status = run(sandbox, &options, exit_status);
    mote__sandbox_leave(sandbox);
    return status;
}

/* ---- back to a snapshot ---- */

static void forget_for_reset(mote_sandbox *sandbox)
{
    if (sandbox->state == MOTE_STATE_SUSPENDED)
        mote__handle_end(sandbox->handle);
    forget_last_call(sandbox);
    memset(sandbox->report.text, 0, sizeof sandbox->report.text);
    memset(sandbox->error.text, 0, sizeof sandbox->error.text);
}

int mote_reset(mote_sandbox *sandbox)
{
    int status = mote__sandbox_enter(sandbox);
    if (status)
        return status;
    forget_for_reset(sandbox);
    status = mote__sandbox_reset(sandbox, &sandbox->error);
    mote__sandbox_leave(sandbox);
    return status;
}

/* What can be known before anything of the sandbox is given up. */
static int check_restore(mote_sandbox *sandbox, const mote_snapshot *snapshot)
{
    size_t limit = sandbox->policy ? sandbox->policy->memory : MOTE__DEFAULT_MEMORY;
    limit = (size_t)mote__align_up(limit, MOTE_REGION_ALIGN);
    if (!snapshot)
        return fail(sandbox, MOTE_EINVAL, "mote_sandbox_restore: the snapshot is NULL");
    if (snapshot->image != sandbox->image)
        return fail(sandbox, MOTE_EINVAL,
                    "mote_sandbox_restore: the snapshot is of another image than the sandbox");
    size_t needs = mote__snapshot_needs(snapshot->state);
    size_t init = (size_t)mote__align_up(sandbox->init_size, MOTE__PAGE);
    if (needs > limit || init > limit - needs)
        return mote__fail(&sandbox->error, MOTE_DOMAIN_API, MOTE_ELIMIT, 0,
                          "grant more memory: MOTE_OPT_MEMORY, mote run --memory",
                          "memory too small: snapshot and init data need %zu KiB, the limit is "
                          "%zu KiB",
                          (needs + init) >> 10, limit >> 10);
    return 0;
}

int mote_sandbox_restore(mote_sandbox *sandbox, mote_snapshot *snapshot)
{
    int status = mote__sandbox_enter(sandbox);
    if (status)
        return status;
    status = check_restore(sandbox, snapshot);
    if (!status) {
        forget_for_reset(sandbox);
        status = mote__sandbox_restore(sandbox, snapshot->state, &sandbox->error);
    }
    mote__sandbox_leave(sandbox);
    return status;
}

/* ---- memory ---- */

/* A sandbox that was parked in need of a reset has no memory any more. */
static int need_memory(mote_sandbox *sandbox)
{
    bool alive = sandbox->state == MOTE_STATE_READY || sandbox->state == MOTE_STATE_SUSPENDED;
    if (!sandbox->shell && !(sandbox->parked && alive))
        return MOTE_EPOISONED;
    return mote__sandbox_need_shell(sandbox, &sandbox->error);
}

/* Like entering, but a host function of the sandbox's own call may do it. */
static int enter_memory(mote_sandbox *sandbox, const void *data, size_t size, bool *entered)
{
    *entered = false;
    if (!sandbox || (size && !data))
        return MOTE_EINVAL;
    if (mote__host_forked(sandbox->host))
        return MOTE_EFORKED;
    if (mote__callback_is_mine(sandbox))
        return 0;
    int status = mote__sandbox_enter(sandbox);
    if (status)
        return status;
    status = need_memory(sandbox);
    if (status)
        mote__sandbox_leave(sandbox);
    *entered = !status;
    return status;
}

int mote_memory_read(mote_sandbox *sandbox, uint64_t address, void *data, size_t size)
{
    bool entered;
    int status = enter_memory(sandbox, data, size, &entered);
    if (!status)
        status = mote__memory_get(&sandbox->shell->memory, address, data, size);
    if (entered)
        mote__sandbox_leave(sandbox);
    return status;
}

int mote_memory_write(mote_sandbox *sandbox, uint64_t address, const void *data, size_t size)
{
    bool entered;
    int status = enter_memory(sandbox, data, size, &entered);
    if (!status)
        status = mote__memory_put(&sandbox->shell->memory, address, data, size);
    if (entered)
        mote__sandbox_leave(sandbox);
    return status;
}
