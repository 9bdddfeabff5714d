/* SPDX-License-Identifier: Apache-2.0 */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

int mote__wasm_fail(struct mote__wasm_error *error, int status, const char *format, ...)
{
    if (error == NULL)
        return status;
    va_list list;
    va_start(list, format);
    vsnprintf(error->text, sizeof error->text, format, list);
    va_end(list);
    error->remedy[0] = '\0';
    return status;
}

int mote__wasm_fail_errno(struct mote__wasm_error *error, const char *format, ...)
{
    const int number = errno;
    if (error == NULL)
        return MOTE__WASM_ESYSTEM;
    va_list list;
    va_start(list, format);
    vsnprintf(error->text, sizeof error->text, format, list);
    va_end(list);
    const size_t used = strlen(error->text);
    snprintf(error->text + used, sizeof error->text - used, ": %s", strerror(number));
    error->remedy[0] = '\0';
    return MOTE__WASM_ESYSTEM;
}

int mote__wasm_out_of_memory(struct mote__wasm_error *error)
{
    return mote__wasm_fail(error, MOTE__WASM_ENOMEM, "out of memory");
}

int mote__wasm_remedy(struct mote__wasm_error *error, int status, const char *format, ...)
{
    if (error == NULL)
        return status;
    va_list list;
    va_start(list, format);
    vsnprintf(error->remedy, sizeof error->remedy, format, list);
    va_end(list);
    return status;
}

const char *mote__wasm_printable(char *out, size_t size, const void *bytes, size_t length)
{
    static const char hex[] = "0123456789abcdef";
    const uint8_t *in = bytes;
    size_t at = 0;
    size_t i = 0;
    /* 7: the longest step, three bytes, then "..." and the NUL. */
    for (; i < length && at + 7 <= size; i++) {
        if (in[i] >= 0x20 && in[i] < 0x7f && in[i] != '\\') {
            out[at++] = (char)in[i];
            continue;
        }
        out[at++] = '\\';
        out[at++] = hex[in[i] >> 4];
        out[at++] = hex[in[i] & 15];
    }
    if (i < length && at + 4 <= size) {
        memcpy(out + at, "...", 3);
        at += 3;
    }
    if (size > 0)
        out[at] = '\0';
    return out;
}
