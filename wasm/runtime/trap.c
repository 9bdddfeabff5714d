/* SPDX-License-Identifier: Apache-2.0 */
/* How a module ends that cannot go on. */
#include <mote_guest.h>
#include <stdio.h>
#include <string.h>

#include "mote_wasm_rt.h"
#include "wasm-rt.h"

static const char *const words[] = {"no trap",
#define MOTE__X(name, text) text,
                                    MOTE__TRAP_MAP(MOTE__X)
#undef MOTE__X
};

_Noreturn void mote__wasm_trap(enum mote__trap trap)
{
    mote_abort_kind(MOTE_ABORT_TRAP, trap, words[trap], strlen(words[trap]));
}

/* The generated code's own numbering; the edited prelude names memory, tables
 * and call_indirect itself, so OOB and CALL_INDIRECT are what is left of them. */
static enum mote__trap trap_of(wasm_rt_trap_t code)
{
    switch (code) {
    case WASM_RT_TRAP_OOB:
        return MOTE__TRAP_TABLE;
    case WASM_RT_TRAP_INT_OVERFLOW:
        return MOTE__TRAP_INTEGER_OVERFLOW;
    case WASM_RT_TRAP_DIV_BY_ZERO:
        return MOTE__TRAP_DIVIDE_BY_ZERO;
    case WASM_RT_TRAP_INVALID_CONVERSION:
        return MOTE__TRAP_CONVERSION;
    case WASM_RT_TRAP_CALL_INDIRECT:
        return MOTE__TRAP_CALL_TYPE;
    case WASM_RT_TRAP_NULL_REF:
        return MOTE__TRAP_NULL_REFERENCE;
    case WASM_RT_TRAP_UNCAUGHT_EXCEPTION:
        return MOTE__TRAP_EXCEPTION;
    case WASM_RT_TRAP_UNALIGNED:
        return MOTE__TRAP_UNALIGNED;
    case WASM_RT_TRAP_EXHAUSTION:
        return MOTE__TRAP_STACK;
    default:
        return MOTE__TRAP_UNREACHABLE;
    }
}

void wasm_rt_trap(wasm_rt_trap_t code)
{
    mote__wasm_trap(trap_of(code));
}

_Noreturn void mote__wasm_no_memory(const char *what, unsigned long long bytes)
{
    char text[128];
    const int size = snprintf(text, sizeof text, "out of memory: %s of %llu bytes", what, bytes);
    mote_abort(MOTE__TRAP_NONE, text, (size_t)size);
}

_Noreturn void mote__wasm_import_failed(const char *name, int status)
{
    char text[MOTE_MAX_TEXT];
    const mote_string why = mote_error_text();
    const int room = why.size < sizeof text / 2 ? (int)why.size : (int)sizeof text / 2;
    int size = snprintf(text, sizeof text, "host function %s failed: %.*s (%d)", name, room,
                        why.size > 0 ? why.data : "", status);
    if (size >= (int)sizeof text)
        size = (int)sizeof text - 1;
    mote_abort_kind(MOTE_ABORT_TRAP, MOTE__TRAP_NONE, text, (size_t)size);
}
