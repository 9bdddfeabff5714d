/* SPDX-License-Identifier: Apache-2.0 */
/* Suspended calls: a host function has said that it will answer later. The sandbox is not
 * entered meanwhile, and any thread goes on with it. */
#include "error.h"
#include "park.h"
#include "sandbox.h"

static int enter_suspended(mote_sandbox *sandbox)
{
    int status = mote__sandbox_enter(sandbox);
    if (status || sandbox->state == MOTE_STATE_SUSPENDED)
        return status;
    status = sandbox->state == MOTE_STATE_READY
                 ? mote__call_refuse(sandbox, MOTE_EINVAL, "no call of the sandbox is suspended")
                 : mote__call_refuse(sandbox, MOTE_EPOISONED, "the suspended call has ended");
    mote__sandbox_leave(sandbox);
    return status;
}

static int check_results(mote_sandbox *sandbox, const mote_value *results, size_t nresults)
{
    if (nresults && !results)
        return mote__call_refuse(sandbox, MOTE_EINVAL, "mote_resume: results is NULL");
    if (!mote__image_is_program(sandbox->image))
        return mote__call_check_results(sandbox, sandbox->calls[0].function, nresults);
    return nresults <= 1 ? 0
                         : mote__call_refuse(sandbox, MOTE_ETYPE,
                                             "a program has one result, its exit status");
}

/* The exit status of a program is its result, an i32. */
static int finish(mote_sandbox *sandbox, enum mote__stop stop, mote_value *results, size_t nresults)
{
    if (!mote__image_is_program(sandbox->image))
        return mote__call_finish(sandbox, stop, results);
    int exit_status = 0, status = mote__run_finish(sandbox, stop, &exit_status);
    if (!status && nresults)
        results[0] = (mote_value){.type = MOTE_I32, .of.i32 = exit_status};
    return status;
}

/* A deadline that is named now counts from now, and can only be the earlier one. */
static void narrow_deadline(mote_sandbox *sandbox, const mote_call_options *options)
{
    uint64_t *deadline = &sandbox->calls[0].deadline;
    uint64_t wanted = mote__deadline_in(options->deadline_ns);
    if (wanted && (!*deadline || wanted < *deadline))
        *deadline = wanted;
}

/* How the pending host function is answered. */
struct answer {
    bool failed;
    const mote_value *value; /* where it has not */
    int code;                /* where it has */
    const char *text;
};

static int give(mote_sandbox *sandbox, const struct answer *answer)
{
    if (mote__handle_cause(sandbox->handle) != MOTE__CAUSE_NONE)
        return 0; /* it goes no further */
    return answer->failed ? mote__hostcall_fail(sandbox, answer->code, answer->text)
                          : mote__hostcall_answer(sandbox, answer->value);
}

static int go_on(mote_sandbox *sandbox, const mote_call_options *options,
                 const struct answer *answer, mote_value *results, size_t nresults)
{
    enum mote__stop stop = MOTE__STOP_EXIT;
    uint64_t deadline = sandbox->calls[0].deadline;
    narrow_deadline(sandbox, options);
    int status = mote__execute_resume(sandbox);
    if (status) { /* it is suspended as before */
        sandbox->calls[0].deadline = deadline;
        return status;
    }
    status = mote__execute_go_on(sandbox, give(sandbox, answer), &stop);
    return status ? status : finish(sandbox, stop, results, nresults);
}

static int resume(mote_sandbox *sandbox, const mote_call_options *given,
                  const struct answer *answer, mote_value *results, size_t nresults)
{
    mote_call_options options;
    int status = enter_suspended(sandbox);
    if (status)
        return status;
    mote__error_clear(&sandbox->error);
    status = mote__call_read_options(sandbox, given, &options);
    if (!status)
        status = check_results(sandbox, results, nresults);
    if (!status && !answer->failed)
        status = mote__hostcall_check(sandbox, answer->value);
    if (!status)
        status = mote__sandbox_need_shell(sandbox, &sandbox->error);
    if (!status)
        status = go_on(sandbox, &options, answer, results, nresults);
    mote__sandbox_leave(sandbox);
    return status;
}

int mote_resume(mote_sandbox *sandbox, const mote_call_options *options, const mote_value *answer,
                mote_value *results, size_t nresults)
{
    const struct answer later = {.value = answer};
    return resume(sandbox, options, &later, results, nresults);
}

int mote_resume_fail(mote_sandbox *sandbox, const mote_call_options *options, int code,
                     const char *text, mote_value *results, size_t nresults)
{
    const struct answer later = {.failed = true, .code = code, .text = text};
    return resume(sandbox, options, &later, results, nresults);
}

int mote_cancel(mote_sandbox *sandbox)
{
    int status = enter_suspended(sandbox);
    if (status)
        return status;
    mote__handle_end(sandbox->handle);
    sandbox->report.wall_ns = mote__now_ns() - sandbox->started;
    mote__fault_end(sandbox, MOTE_EINTERRUPTED, MOTE_FAULT_INTERRUPT, 0,
                    "the suspended call was cancelled");
    mote__report_place(sandbox);
    mote__parked_forget(sandbox);
    mote__sandbox_leave(sandbox);
    return 0;
}

uint64_t mote_sandbox_deadline(const mote_sandbox *sandbox)
{
    if (!sandbox || atomic_load(&sandbox->handle->phase) == MOTE__PHASE_IDLE)
        return 0;
    return atomic_load(&sandbox->handle->deadline);
}
