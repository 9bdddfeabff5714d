/* SPDX-License-Identifier: Apache-2.0 */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MOTE__TEXT2(x) #x
#define MOTE__TEXT(x)  MOTE__TEXT2(x)

const char *mote_version(void)
{
    return MOTE__TEXT(MOTE_VERSION_MAJOR) "." MOTE__TEXT(MOTE_VERSION_MINOR) "." MOTE__TEXT(
        MOTE_VERSION_PATCH);
}

const char *mote_error_name(int code)
{
    switch (code) {
    case MOTE_OK: return "MOTE_OK";
#define MOTE_X(name, number, text) \
    case MOTE_##name: return "MOTE_" #name;
        MOTE_ERROR_MAP(MOTE_X)
#undef MOTE_X
    default: return "MOTE_E?";
    }
}

const char *mote_error_string(int code)
{
    switch (code) {
    case MOTE_OK: return "success";
#define MOTE_X(name, number, text) \
    case MOTE_##name: return text;
        MOTE_ERROR_MAP(MOTE_X)
#undef MOTE_X
    default: return "unknown error";
    }
}

const char *mote_fault_name(mote_fault_kind kind)
{
    switch (kind) {
#define MOTE_X(number, name, words) \
    case MOTE_FAULT_##name: return words;
        MOTE_FAULT_MAP(MOTE_X)
#undef MOTE_X
    default: return "unknown fault";
    }
}

int mote__fail(mote_error *error, int domain, int code, int64_t detail, const char *remedy,
               const char *format, ...)
{
    if (!error || error->size < sizeof *error)
        return code;
    error->domain = domain;
    error->code = code;
    error->detail = detail;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    snprintf(error->remedy, sizeof error->remedy, "%s", remedy ? remedy : "");
    return code;
}

int mote__fail_memory(mote_error *error, const char *what)
{
    return mote__fail(error, MOTE_DOMAIN_SYSTEM, MOTE_ENOMEM, ENOMEM,
                      "free memory or raise the limits of the process", "no memory for %s", what);
}

int mote__fail_system(mote_error *error, int errno_negative, const char *what)
{
    if (errno_negative == -ENOMEM)
        return mote__fail_memory(error, what);
    const char *remedy = errno_negative == -EMFILE ? "raise RLIMIT_NOFILE (ulimit -n)"
                         : errno_negative == -EAGAIN ? "raise RLIMIT_NPROC (ulimit -u)"
                                                     : NULL;
    return mote__fail(error, MOTE_DOMAIN_SYSTEM, MOTE_ESYSTEM, -errno_negative, remedy, "%s: %s",
                      what, strerrordesc_np(-errno_negative));
}

int mote__fail_argument(mote_error *error, const char *what)
{
    return mote__fail(error, MOTE_DOMAIN_API, MOTE_EINVAL, 0, NULL, "%s", what);
}

void mote__error_clear(mote_error *error)
{
    *error = (mote_error)MOTE_ERROR_INIT;
}
