/* SPDX-License-Identifier: Apache-2.0 */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "os/os.h"

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
    case MOTE_OK:
        return "MOTE_OK";
#define MOTE_X(name, number, text) \
    case MOTE_##name:              \
        return "MOTE_" #name;
        MOTE_ERROR_MAP(MOTE_X)
#undef MOTE_X
    default:
        return "MOTE_E?";
    }
}

const char *mote_error_string(int code)
{
    switch (code) {
    case MOTE_OK:
        return "success";
#define MOTE_X(name, number, text) \
    case MOTE_##name:              \
        return text;
        MOTE_ERROR_MAP(MOTE_X)
#undef MOTE_X
    default:
        return "unknown error";
    }
}

const char *mote_fault_name(mote_fault_kind kind)
{
    switch (kind) {
#define MOTE_X(number, name, words) \
    case MOTE_FAULT_##name:         \
        return words;
        MOTE_FAULT_MAP(MOTE_X)
#undef MOTE_X
    default:
        return "unknown fault";
    }
}

/* Whether the second byte fits the first: no overlong forms, no surrogates, nothing above
 * U+10FFFF, no control characters of U+0080 to U+009F (RFC 3629, section 4). */
static bool second_fits(const unsigned char *at)
{
    switch (at[0]) {
    case 0xc2:
    case 0xe0:
        return at[1] >= 0xa0;
    case 0xed:
        return at[1] < 0xa0;
    case 0xf0:
        return at[1] >= 0x90;
    case 0xf4:
        return at[1] < 0x90;
    default:
        return true;
    }
}

static size_t length_by_first(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first < 0xe0)
        return 2;
    if (first >= 0xe0 && first < 0xf0)
        return 3;
    return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

/* Bytes of a well-formed UTF-8 sequence at `at`, 0 where there is none. */
static size_t sequence(const unsigned char *at)
{
    size_t size = length_by_first(at[0]);
    for (size_t i = 1; i < size; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return size < 2 || second_fits(at) ? size : 0;
}

/* Guests, files and embedders name things: what we print of it is printable UTF-8. */
static void make_printable(char *text)
{
    unsigned char *at = (unsigned char *)text;
    while (*at) {
        size_t size = sequence(at);
        if (size == 0 || *at < ' ' || *at == 0x7f) {
            *at = '?';
            size = 1;
        }
        at += size;
    }
}

void mote__describe_list(mote_error *error, int domain, int code, int64_t detail,
                         const char *remedy, const char *format, va_list arguments)
{
    if (!error || error->size < sizeof *error)
        return;
    error->domain = domain;
    error->code = code;
    error->detail = detail;
    vsnprintf(error->text, sizeof error->text, format, arguments);
    make_printable(error->text);
    snprintf(error->remedy, sizeof error->remedy, "%s", remedy ? remedy : "");
    make_printable(error->remedy);
}

void mote__describe(mote_error *error, int domain, int code, int64_t detail, const char *remedy,
                    const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    mote__describe_list(error, domain, code, detail, remedy, format, arguments);
    va_end(arguments);
}

/* Failures of the operating system that have a code or a remedy of their own. */
static const struct known {
    int error, code;
    const char *remedy;
} known[] = {
    {ENOMEM, MOTE_ENOMEM, "free memory or raise the limits of the process"},
    {EMFILE, MOTE_EFILES, "raise RLIMIT_NOFILE (ulimit -n)"},
    {ENFILE, MOTE_EFILES, "raise the system's limit: sysctl fs.file-max"},
    {EAGAIN, MOTE_EPROCESSES, "raise RLIMIT_NPROC (ulimit -u), or pids.max of the control group"},
    {MOTE__ELOCKED_MEMORY, MOTE_ELOCKED,
     "raise RLIMIT_MEMLOCK (ulimit -l), or do not lock all memory of the process"},
};

static const struct known *find_known(int error)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].error == error)
            return &known[i];
    return NULL;
}

int mote__system_code(int errno_negative)
{
    const struct known *k = find_known(-errno_negative);
    return k ? k->code : MOTE_ESYSTEM;
}

void mote__describe_system(mote_error *error, int errno_negative, const char *what)
{
    const struct known *k = find_known(-errno_negative);
    const char *text = errno_negative == -MOTE__ELOCKED_MEMORY ? "too much memory would be locked"
                                                               : strerrordesc_np(-errno_negative);
    mote__describe(error, MOTE_DOMAIN_SYSTEM, k ? k->code : MOTE_ESYSTEM, -errno_negative,
                   k ? k->remedy : NULL, "%s: %s", what, text ? text : "unknown error");
}

void mote__error_clear(mote_error *error)
{
    *error = (mote_error)MOTE_ERROR_INIT;
}
