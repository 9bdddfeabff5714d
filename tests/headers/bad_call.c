/* SPDX-License-Identifier: Apache-2.0 */
/* Calls with types that no guest function has. Each CASE but 0 must not compile, as C11 and as
 * C++17; check.sh tries them all. */
#include <mote_call.h>

#ifdef __cplusplus
#define NOTHING nullptr
#else
#define NOTHING NULL
#endif

int function(mote_sandbox *sandbox, mote_func func, const mote_value *args, size_t nargs);

int function(mote_sandbox *sandbox, mote_func func, const mote_value *args, size_t nargs)
{
    uint32_t result = 0;
    const uint32_t constant = 0;
    short small = 1;
    char byte = 1;
    void *address = &result;
    mote_chars text = mote_chars_of("", 0);
    int status = 0;

    (void)constant, (void)small, (void)byte, (void)address, (void)text;
    (void)args, (void)nargs;
#if CASE == 0 /* everything that is allowed */
    status += mote_invoke(sandbox, func, NOTHING);
    status += mote_invoke(sandbox, func, &result, "tea", 3u);
    status += mote_invoke(sandbox, func, &text, -1, 2u, (int64_t)-3, (uint64_t)4, 0.5f, 0.25,
                          (bool)1, "text", text, mote_blob_of("", 0), mote_value_of(1));
    status += mote_invoke_with(sandbox, func, NOTHING, &result, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
                               12, 13, 14, 15, constant);
    status += mote_take(args, nargs, &result);
    status += mote_take(args, nargs, &text, &status, &result);
#elif CASE == 1 /* a type that is no value */
    status = mote_invoke(sandbox, func, &result, small);
#elif CASE == 2
    status = mote_invoke(sandbox, func, &result, byte);
#elif CASE == 3 /* bytes without a size */
    status = mote_invoke(sandbox, func, &result, address);
#elif CASE == 4 /* a result that is no value */
    status = mote_invoke(sandbox, func, &small);
#elif CASE == 5 /* a result that cannot be written */
    status = mote_invoke(sandbox, func, &constant);
#elif CASE == 6 /* no pointer */
    status = mote_invoke(sandbox, func, result);
#elif CASE == 7 /* a result that would not be counted */
    const char *string;
    status = mote_invoke(sandbox, func, &string);
#elif CASE == 8 /* arguments of a host function into what is no value */
    status = mote_take(args, nargs, &result, &small);
#elif CASE == 9
    status = mote_take(args, nargs, &constant);
#elif CASE == 10 /* not a sandbox */
    status = mote_invoke(address == NOTHING ? 1 : 2, func, &result);
#elif CASE == 11 /* not options */
    status = mote_invoke_with(sandbox, func, &result, &result, 1u);
#elif CASE == 12 /* more than 16 (C only) */
    status = mote_invoke(sandbox, func, &result, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
                         16, 17);
#endif
    return status;
}
