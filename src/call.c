/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of the API that run a guest or touch its memory. */
#include <string.h>

#include "error.h"
#include "sandbox.h"
#include "signature.h"

/* ---- checks before anything runs ---- */

static void describe(mote_sandbox *sandbox, int code, const char *text)
{
    mote__describe(&sandbox->error, MOTE_DOMAIN_API, code, 0,
                   code == MOTE_EPOISONED ? "reset it with mote_reset" : NULL, "%s", text);
}

#define fail(sandbox, code, text) (describe(sandbox, code, text), (code))

static int check_count(mote_sandbox *sandbox, const mote_function_info *f, size_t nargs,
                       size_t nresults)
{
    if (nargs != f->signature.nparams)
        return mote__fail(&sandbox->error, MOTE_DOMAIN_API, MOTE_ETYPE, 0, NULL,
                          "%.100s %.200s takes %u arguments, %zu were given", f->name,
                          f->signature_text, f->signature.nparams, nargs);
    if (nresults != f->signature.nresults)
        return mote__fail(&sandbox->error, MOTE_DOMAIN_API, MOTE_ETYPE, 0, NULL,
                          "%.100s %.200s has %u results, room for %zu was given", f->name,
                          f->signature_text, f->signature.nresults, nresults);
    return 0;
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

static int check_state(mote_sandbox *sandbox)
{
    if (sandbox->state == MOTE_STATE_POISONED || !sandbox->shell)
        return fail(sandbox, MOTE_EPOISONED, "the sandbox is poisoned by an earlier fault");
    if (sandbox->state == MOTE_STATE_CLOSED)
        return fail(sandbox, MOTE_EPOISONED, "the program has ended");
    return 0;
}

static int check_options(mote_sandbox *sandbox, const mote_call_options *options)
{
    if (options && options->size < sizeof *options)
        return fail(sandbox, MOTE_EINVAL, "call options: the size is wrong");
    return 0;
}

/* ---- running ---- */

/* The report of the last call goes; what belongs to the sandbox stays. Only what
 * the last call may have filled is cleared: this is on the path of every call. */
static void begin(mote_sandbox *sandbox)
{
    mote_report *r = &sandbox->report;
    sandbox->error.code = 0;
    sandbox->error.text[0] = sandbox->error.remedy[0] = '\0';
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
    r->code = 0;
    r->text[0] = '\0';
    r->wall_ns = r->exits = r->host_calls = r->syscalls = r->refused = 0;
}

static uint64_t deadline_of(const mote_sandbox *sandbox, const mote_call_options *options)
{
    uint64_t wanted = options && options->deadline_ns ? options->deadline_ns
                      : sandbox->policy               ? sandbox->policy->deadline_ns
                                                      : 0;
    return mote__deadline_in(wanted);
}

static int execute(mote_sandbox *sandbox, const mote_call_options *options, enum mote__stop *stop)
{
    int status = mote__execute(sandbox, deadline_of(sandbox, options), stop);
    if (sandbox->shell)
        sandbox->report.memory = mote__memory_in_use(&sandbox->shell->memory);
    return status;
}

static int call(mote_sandbox *sandbox, uint32_t index, const mote_call_options *options,
                const mote_value *args, mote_value *results)
{
    const mote_function_info *f = &sandbox->image->notes.exports.list[index];
    enum mote__stop stop = MOTE__STOP_EXIT;
    int status = mote__mailbox_post(sandbox, index, &f->signature, args);
    if (sandbox->shell->memory.damaged)
        sandbox->state = MOTE_STATE_POISONED;
    if (!status)
        status = execute(sandbox, options, &stop);
    if (status)
        return status;
    switch (stop) {
    case MOTE__STOP_RETURN:
        return mote__mailbox_collect(sandbox, &f->signature, results);
    case MOTE__STOP_FAIL:
        return MOTE_EGUEST;
    default:
        return mote__fault_end(sandbox, MOTE_EEXITED, MOTE_FAULT_EXIT, sandbox->report.code,
                               "the guest program ended with status %lld instead of returning",
                               (long long)sandbox->report.code);
    }
}

static int check_call(mote_sandbox *sandbox, mote_func func, const mote_call_options *options,
                      const mote_value *args, size_t nargs, const mote_value *results,
                      size_t nresults)
{
    if (func.image != sandbox->image || func.index >= sandbox->image->notes.exports.count)
        return fail(sandbox, MOTE_EINVAL, "mote_call: the function is of another image");
    if ((nargs && !args) || (nresults && !results))
        return fail(sandbox, MOTE_EINVAL, "mote_call: args or results is NULL");
    const mote_function_info *f = &sandbox->image->notes.exports.list[func.index];
    int status = check_options(sandbox, options);
    if (!status)
        status = check_count(sandbox, f, nargs, nresults);
    if (!status)
        status = check_types(sandbox, f, args);
    return status ? status : check_state(sandbox);
}

int mote_call(mote_sandbox *sandbox, mote_func func, const mote_call_options *options,
              const mote_value *args, size_t nargs, mote_value *results, size_t nresults)
{
    int status = mote__sandbox_enter(sandbox);
    if (status)
        return status;
    begin(sandbox);
    status = check_call(sandbox, func, options, args, nargs, results, nresults);
    if (!status)
        status = call(sandbox, func.index, options, args, results);
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

static int run(mote_sandbox *sandbox, const mote_call_options *options, int *exit_status)
{
    enum mote__stop stop = MOTE__STOP_EXIT;
    int status = start(sandbox);
    if (!status)
        status = execute(sandbox, options, &stop);
    if (status)
        return status;
    *exit_status = (int)sandbox->report.code;
    sandbox->state = MOTE_STATE_CLOSED;
    return 0;
}

int mote_run(mote_sandbox *sandbox, const mote_call_options *options, int *exit_status)
{
    int status = mote__sandbox_enter(sandbox);
    if (status)
        return status;
    begin(sandbox);
    if (!exit_status)
        status = fail(sandbox, MOTE_EINVAL, "mote_run: status is NULL");
    else if (!mote__image_is_program(sandbox->image))
        status = fail(sandbox, MOTE_EINVAL,
                      "mote_run: the guest exports functions; call them with mote_call");
    if (!status)
        status = check_options(sandbox, options);
    if (!status)
        status = check_state(sandbox);
    if (!status)
        status = run(sandbox, options, exit_status);
    mote__sandbox_leave(sandbox);
    return status;
}

int mote_reset(mote_sandbox *sandbox)
{
    int status = mote__sandbox_enter(sandbox);
    if (status)
        return status;
    begin(sandbox);
    memset(sandbox->report.text, 0, sizeof sandbox->report.text);
    memset(sandbox->error.text, 0, sizeof sandbox->error.text);
    status = mote__sandbox_reset(sandbox, &sandbox->error);
    mote__sandbox_leave(sandbox);
    return status;
}

/* ---- memory ---- */

/* Like entering, but a host function of the sandbox's own call may do it. */
static int enter_memory(mote_sandbox *sandbox, const void *data, size_t size, bool *entered)
{
    *entered = false;
    if (!sandbox || (size && !data))
        return MOTE_EINVAL;
    if (mote__host_forked(sandbox->host))
        return MOTE_EFORKED;
    bool inside =
        sandbox->in_host_function && pthread_equal(sandbox->handle->thread, pthread_self());
    if (inside)
        return 0;
    int status = mote__sandbox_enter(sandbox);
    *entered = !status;
    if (!status && !sandbox->shell) {
        mote__sandbox_leave(sandbox);
        *entered = false;
        return MOTE_EPOISONED;
    }
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
