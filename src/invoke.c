/* SPDX-License-Identifier: Apache-2.0 */
/* A call whose result goes into a C variable; mote_call.h is the front of it. */
#include "mote_call.h"

#include "error.h"
#include "sandbox.h"

_Static_assert(sizeof(mote_chars) == sizeof(((mote_value *)0)->of.bytes) &&
                   sizeof(mote_blob) == sizeof(mote_chars),
               "mote__store copies one for the other");

static int mismatch(mote_sandbox *sandbox, const mote_function_info *f, mote_type type)
{
    return mote__fail(&sandbox->error, MOTE_DOMAIN_API, MOTE_ETYPE, 0, NULL,
                      "the result of %.100s %.200s is %s, not %s", f->name, f->signature_text,
                      mote_type_name(f->signature.result), mote_type_name(type));
}

static int refuse(mote_sandbox *sandbox, const mote_function_info *f, mote_type type)
{
    int status = mote__sandbox_enter(sandbox);
    if (status == MOTE_EBUSY && mote__call_may_nest(sandbox))
        return sandbox->ended ? MOTE_EPOISONED : mismatch(sandbox, f, type);
    if (status)
        return status;
    status = mismatch(sandbox, f, type);
    mote__sandbox_leave(sandbox);
    return status;
}

int mote_call_into(mote_sandbox *sandbox, mote_func func, const mote_call_options *options,
                   const mote_value *args, size_t nargs, mote_type type, void *result)
{
    if (!sandbox || (type != MOTE_VOID && !result))
        return MOTE_EINVAL;
    const struct mote__functions *exports = &sandbox->image->notes.exports;
    if (func.image == sandbox->image && func.index < exports->count &&
        exports->list[func.index].signature.result != type)
        return refuse(sandbox, &exports->list[func.index], type);
    mote_value value = {.type = MOTE_VOID};
    int status = mote_call(sandbox, func, options, args, nargs, &value, type != MOTE_VOID);
    if (status == 0)
        mote__store(&value, result);
    return status;
}
