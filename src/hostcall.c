/* SPDX-License-Identifier: Apache-2.0 */
/* Calls from the guest to functions of the embedder. */
#include <string.h>

#include "error.h"
#include "sandbox.h"
#include "signature.h"

/* What a host function may ask of its call. */
struct mote_context {
    mote_sandbox *sandbox;
    bool failed;
    int code;
    char text[MOTE_MAX_TEXT + 1];
};

mote_sandbox *mote_context_sandbox(const mote_context *context)
{
    return context ? context->sandbox : NULL;
}

/* What a host function returns after mote_context_fail; no MOTE_E* has this value. */
#define FAILED_FOR_THE_GUEST (-0x10000)

int mote_context_fail(mote_context *context, int code, const char *text)
{
    if (!context)
        return MOTE_EINVAL;
    context->failed = true;
    context->code = code;
    size_t size = text ? strnlen(text, MOTE_MAX_TEXT) : 0;
    if (size)
        memcpy(context->text, text, size);
    context->text[size] = '\0';
    return FAILED_FOR_THE_GUEST;
}

/* ---- reading the guest's side: copied once, then checked ---- */

struct request {
    struct mote_host_call head;
    struct mote_slot slots[MOTE_MAX_PARAMS];
};

static int answer_failure(mote_sandbox *sandbox, int32_t status, int64_t code, const char *text)
{
    mote_value value = mote_string(text);
    return mote__mailbox_answer(sandbox, status, code, &value);
}

static int answer_error(mote_sandbox *sandbox, int32_t status, const char *text)
{
    return answer_failure(sandbox, status, 0, text);
}

static int read_request(const mote_sandbox *sandbox, uint64_t message, struct request *request)
{
    const struct mote__memory *memory = &sandbox->shell->memory;
    int status = mote__memory_get(memory, message, &request->head, sizeof request->head);
    if (status)
        return status;
    if (request->head.nargs > MOTE_MAX_PARAMS)
        return MOTE_EINVAL;
    return mote__memory_get(memory, message + sizeof request->head, request->slots,
                            request->head.nargs * sizeof request->slots[0]);
}

/* NULL where the guest's idea of the call is the grant's, else what is wrong. */
static const char *mismatch(const struct mote_host_call *call, const mote_signature *signature)
{
#if defined(MOTE_CONTROL_NO_ARGUMENT_CHECK)
    (void)call;
    (void)signature;
    return NULL;
#endif
    if (call->nargs != signature->nparams)
        return "wrong number of arguments";
    for (uint32_t i = 0; i < call->nargs; i++)
        if (call->types[i] != signature->params[i])
            return "wrong type of an argument";
    return call->result_type == signature->result ? NULL : "wrong type of the result";
}

/* Bytes that host functions further out hold. */
static uint64_t held_outside(const mote_sandbox *sandbox)
{
    uint64_t held = 0;
    for (uint32_t i = 0; i < sandbox->depth; i++)
        held += sandbox->calls[i].arguments.used;
    return held;
}

/* Room for the values and, behind them, all strings and bytes. Together these may not exceed
 * the limit, however often the guest names the same bytes; nor may nested host functions hold
 * more together than the guest itself may have. */
static int reserve_arguments(mote_sandbox *sandbox, const struct request *request,
                             const mote_signature *signature)
{
    const struct mote__memory *memory = &sandbox->shell->memory;
    struct mote__buffer *buffer = &mote__call_now(sandbox)->arguments;
    size_t values = signature->nparams * sizeof(mote_value);
    uint64_t total = 0, limit = mote__call_bytes(sandbox);
    for (uint32_t i = 0; i < signature->nparams; i++) {
        if (!mote__type_is_bytes(signature->params[i]))
            continue;
        struct mote_slot slot = request->slots[i];
        if (!mote__memory_check(memory, slot.lo, slot.hi, MOTE__READ))
            return MOTE_ERANGE;
        total += slot.hi;
        if (total > limit || total > memory->limit)
            return MOTE_ELIMIT;
    }
    if (sandbox->depth && total + held_outside(sandbox) > memory->limit)
        return MOTE_ELIMIT;
    int status = mote__buffer_reserve(&sandbox->host->allocator, buffer, values + (size_t)total);
    buffer->used = status ? 0 : values;
    buffer->most = buffer->used > buffer->most ? buffer->used : buffer->most;
    return status;
}

#if defined(MOTE_CONTROL_NO_MAILBOX_COPY)
#define ARGUMENT_TYPE(i) ((mote_type)request->head.types[i])
#else
#define ARGUMENT_TYPE(i) (signature->params[i])
#endif

/* The arguments as values; they live in the call's buffer until it is answered. */
static int read_arguments(mote_sandbox *sandbox, const struct request *request,
                          const mote_signature *signature, const mote_value **args)
{
    int status = reserve_arguments(sandbox, request, signature);
    struct mote__buffer *buffer = &mote__call_now(sandbox)->arguments;
    mote_value *values = (mote_value *)(void *)buffer->data;
    for (uint32_t i = 0; !status && i < signature->nparams; i++)
        status =
            mote__mailbox_value(sandbox, ARGUMENT_TYPE(i), request->slots[i], buffer, &values[i]);
    *args = values;
    return status;
}

/* ---- calling ---- */

uint32_t mote__callback_begin(mote_sandbox *sandbox)
{
    atomic_store(&sandbox->callback, (uintptr_t)pthread_self());
    mote__handle_move(sandbox->handle, MOTE__PHASE_HOST);
    return sandbox->depth;
}

int mote__callback_end(mote_sandbox *sandbox, uint32_t depth)
{
    if (depth > sandbox->depth) /* an orphan's: the error is told */
        return MOTE_EHOSTFN;
    atomic_store(&sandbox->callback, 0);
    /* First: in a child the phase may stay where another thread's kick left it. */
    int forked = mote__host_check(sandbox->host, &sandbox->error);
    if (!forked)
        mote__handle_move(sandbox->handle, MOTE__PHASE_GUEST);
    return forked;
}

bool mote__callback_is_mine(const mote_sandbox *sandbox)
{
    return atomic_load(&sandbox->callback) == (uintptr_t)pthread_self();
}

static int host_function_failed(mote_sandbox *sandbox, const struct mote__grant *grant, int code)
{
    return mote__fault_end(sandbox, MOTE_EHOSTFN, MOTE_FAULT_HOST_FUNCTION, code,
                           "host function %s.%s failed with %d", grant->module, grant->name, code);
}

/* It broke the order in which calls return: inner first. */
static int out_of_order(mote_sandbox *sandbox, const struct mote__grant *grant, int code,
                        const char *what)
{
    return mote__fault_end(sandbox, MOTE_EHOSTFN, MOTE_FAULT_HOST_FUNCTION, code,
                           "host function %s.%s %s", grant->module, grant->name, what);
}

/* What was nested deeper stands on other stacks (coroutines), and ends when it gets to run. */
static int leave_orphans(mote_sandbox *sandbox, const struct mote__grant *grant, uint32_t depth,
                         int code)
{
    sandbox->orphans += sandbox->depth - depth;
    sandbox->depth = depth;
    return sandbox->ended
               ? sandbox->ended
               : out_of_order(sandbox, grant, code, "returned before the call nested in it");
}

static int give_result(mote_sandbox *sandbox, const struct mote__grant *grant,
                       const mote_value *result)
{
    if (grant->signature.nresults == 0)
        return mote__mailbox_answer(sandbox, 0, 0, NULL);
    if (mote__type_is_bytes(result->type) && result->of.bytes.size > mote__call_bytes(sandbox))
        return answer_error(sandbox, MOTE_GUEST_ENOMEM, "result too large");
    return mote__mailbox_answer(sandbox, 0, 0, result);
}

/* Whether it is what the grant promises. */
static bool fits(const struct mote__grant *grant, const mote_value *result)
{
    if (grant->signature.nresults == 0 || !result)
        return grant->signature.nresults == 0;
    bool no_bytes = mote__type_is_bytes(result->type) && !result->of.bytes.data;
    return result->type == grant->signature.result && !(no_bytes && result->of.bytes.size);
}

/* Only the outermost call: an inner one has a host function below it on the thread's stack. */
static int suspend(mote_sandbox *sandbox, const struct mote__grant *grant)
{
    if (sandbox->depth)
        return out_of_order(sandbox, grant, MOTE_PENDING,
                            "returned MOTE_PENDING in a nested call, which cannot be suspended");
    sandbox->pending = grant;
    return MOTE_PENDING;
}

static int answer(mote_sandbox *sandbox, const struct mote__grant *grant,
                  const mote_context *context, int status, const mote_value *result)
{
    if (context->failed)
        return answer_failure(sandbox, MOTE_GUEST_EFAILED, context->code, context->text);
    if (status == MOTE_PENDING)
        return suspend(sandbox, grant);
    if (status)
        return host_function_failed(sandbox, grant, status);
    if (!fits(grant, result))
        return host_function_failed(sandbox, grant, MOTE_ETYPE);
    return give_result(sandbox, grant, result);
}

static int run(mote_sandbox *sandbox, const struct mote__grant *grant, mote_context *context,
               const mote_value *args, mote_value *result, int *status)
{
    sandbox->report.host_calls++;
    uint32_t depth = mote__callback_begin(sandbox);
    sandbox->may_nest = true;
    *status = grant->fn(grant->user, context, args, grant->signature.nparams, result);
    sandbox->may_nest = false;
    return mote__callback_end(sandbox, depth);
}

static int call(mote_sandbox *sandbox, const struct mote__grant *grant, const mote_value *args)
{
    mote_context context;
    context.sandbox = sandbox;
    context.failed = false;
    mote_value result;
    memset(&result, 0, sizeof result);
    result.type = grant->signature.result;
    uint32_t depth = sandbox->depth;
    int status, forked = run(sandbox, grant, &context, args, &result, &status);
    if (forked)
        return forked;
    if (sandbox->depth != depth)
        return leave_orphans(sandbox, grant, depth, status);
    if (sandbox->ended) /* by a nested call, whose story is told */
        return sandbox->ended;
    if (sandbox->error.code)
        mote__call_forget(sandbox);
    status = answer(sandbox, grant, &context, status, &result);
    if (depth)
        mote__buffer_trim(&sandbox->calls[depth].arguments);
    return status;
}

/* ---- answers that come later ---- */

int mote__hostcall_check(mote_sandbox *sandbox, const mote_value *answer)
{
    const struct mote__grant *grant = sandbox->pending;
    mote_type type = answer ? answer->type : MOTE_VOID;
    if (type != grant->signature.result)
        return mote__fail(&sandbox->error, MOTE_DOMAIN_API, MOTE_ETYPE, 0, NULL,
                          "the answer of host function %.100s.%.100s is %s, not %s", grant->module,
                          grant->name, mote_type_name(grant->signature.result),
                          mote_type_name(type));
    if (!fits(grant, answer))
        return mote__fail(&sandbox->error, MOTE_DOMAIN_API, MOTE_EINVAL, 0, NULL,
                          "the answer of host function %.100s.%.100s is NULL with a size",
                          grant->module, grant->name);
    return 0;
}

int mote__hostcall_answer(mote_sandbox *sandbox, const mote_value *result)
{
    const struct mote__grant *grant = sandbox->pending;
    sandbox->pending = NULL;
    return give_result(sandbox, grant, result);
}

int mote__hostcall_fail(mote_sandbox *sandbox, int code, const char *text)
{
    mote_context context;
    mote_context_fail(&context, code, text);
    sandbox->pending = NULL;
    return answer_failure(sandbox, MOTE_GUEST_EFAILED, context.code, context.text);
}

/* ---- serving ---- */

/* A guest's mistake is its own to handle. */
static int refuse(mote_sandbox *sandbox, int status)
{
    switch (status) {
    case MOTE_ELIMIT:
        return answer_error(sandbox, MOTE_GUEST_ENOMEM, "arguments too large");
    case MOTE_ENOMEM:
        return mote__fault_end(sandbox, MOTE_ENOMEM, MOTE_FAULT_MEMORY, 0,
                               "no memory for the arguments of a host function");
    default:
        return answer_error(sandbox, MOTE_GUEST_EINVAL, "arguments out of range");
    }
}

int mote__hostcall_serve(mote_sandbox *sandbox, uint64_t message)
{
    struct request request;
    const mote_value *args;
    int status = read_request(sandbox, message, &request);
    if (status)
        return refuse(sandbox, status);
    if (!sandbox->imports)
        return answer_error(sandbox, MOTE_GUEST_EMISSING, "no host functions while booting");
    if (request.head.function >= sandbox->image->notes.imports.count)
        return answer_error(sandbox, MOTE_GUEST_EINVAL, "no such import");
    const struct mote__grant *grant = sandbox->imports[request.head.function];
    if (!grant)
        return answer_error(sandbox, MOTE_GUEST_EMISSING, "the host function was not granted");
    const char *wrong = mismatch(&request.head, &grant->signature);
    if (wrong)
        return answer_error(sandbox, MOTE_GUEST_EINVAL, wrong);
#if defined(MOTE_CONTROL_NO_MAILBOX_COPY)
    mote__sleep_ns(20000);
    read_request(sandbox, message, &request); /* believed without a second check */
#endif
    status = read_arguments(sandbox, &request, &grant->signature, &args);
    return status ? refuse(sandbox, status) : call(sandbox, grant, args);
}

/* What a listener adds to a line: no line is free, not even an empty one. */
#define LINE_COST 32u

int mote__hostcall_log(mote_sandbox *sandbox, uint64_t message)
{
    struct mote_text head;
    char text[MOTE_MAX_TEXT + 1];
    size_t size;
    if (mote__mailbox_text(sandbox, message, &head, text, &size))
        return answer_error(sandbox, MOTE_GUEST_EINVAL, "text out of range");
    const mote_policy *policy = sandbox->policy;
    if (policy && policy->log) {
        uint64_t cost = size + LINE_COST;
        if (cost > policy->stream_bytes - sandbox->personality.stream_bytes)
            return answer_error(sandbox, MOTE_GUEST_ENOMEM, "the log is full");
        sandbox->personality.stream_bytes += cost;
        uint32_t depth = mote__callback_begin(sandbox);
        policy->log(policy->log_user, sandbox, head.kind < 3 ? head.kind : 3, text, size);
        int ended = mote__callback_end(sandbox, depth);
        if (ended)
            return ended;
    }
    return mote__mailbox_answer(sandbox, 0, 0, NULL);
}
