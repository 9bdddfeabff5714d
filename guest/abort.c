/* SPDX-License-Identifier: Apache-2.0 */
/* abort.c: how a guest gives up. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

/* Outside mote there is nobody to tell but the standard error. */
static _Noreturn void abort_plainly(const char *text, size_t size)
{
    if (write(STDERR_FILENO, text, size) == (ssize_t)size)
        (void)!write(STDERR_FILENO, "\n", 1);
    abort();
}

_Noreturn void mote_abort_kind(uint32_t kind, uint32_t code, const char *text, size_t size)
{
    const struct mote_text message = {kind, code, (uintptr_t)text, size};

    if (mote_info() == NULL)
        abort_plainly(text, size);
    for (;;)
        mote__ring(MOTE_REQUEST_ABORT, &message);
}

_Noreturn void mote_abort(uint32_t code, const char *text, size_t size)
{
    mote_abort_kind(MOTE_ABORT_PROGRAM, code, text, size);
}

_Noreturn void mote_abort_text(const char *text)
{
    mote_abort(0, text, strlen(text));
}
