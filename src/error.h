/* SPDX-License-Identifier: Apache-2.0 */
/* How the library tells a failure: a code, a text, a remedy. */
#ifndef MOTE_ERROR_H
#define MOTE_ERROR_H

#include <errno.h>
#include <stdarg.h>

#include "mote.h"

/* Fills `error` (may be NULL); `remedy` may be NULL. */
__attribute__((format(printf, 6, 7))) void mote__describe(mote_error *error, int domain, int code,
                                                          int64_t detail, const char *remedy,
                                                          const char *format, ...);
/* The same with a list of arguments. */
__attribute__((format(printf, 6, 0))) void
mote__describe_list(mote_error *error, int domain, int code, int64_t detail, const char *remedy,
                    const char *format, va_list arguments);
/* The code for a negative errno; never 0. */
int mote__system_code(int errno_negative);
/* The operating system refused `what` with the negative errno. */
void mote__describe_system(mote_error *error, int errno_negative, const char *what);

static inline int mote__code(int code)
{
    return code;
}

/* Each describes a failure and is the code to return; a macro and inline functions, so
 * that analyzers see that it is not 0. */
#define mote__fail(error, domain, code, detail, remedy, ...) \
    (mote__describe(error, domain, code, detail, remedy, __VA_ARGS__), mote__code(code))

/* No memory for `what`. */
static inline int mote__fail_memory(mote_error *error, const char *what)
{
    mote__describe_system(error, -ENOMEM, what);
    return MOTE_ENOMEM;
}

static inline int mote__fail_system(mote_error *error, int errno_negative, const char *what)
{
    mote__describe_system(error, errno_negative, what);
    int code = mote__system_code(errno_negative);
    return code ? code : MOTE_ESYSTEM;
}

/* The caller's argument is wrong: `what` says which and why. */
static inline int mote__fail_argument(mote_error *error, const char *what)
{
    mote__describe(error, MOTE_DOMAIN_API, MOTE_EINVAL, 0, NULL, "%s", what);
    return MOTE_EINVAL;
}

void mote__error_clear(mote_error *error);

#endif
