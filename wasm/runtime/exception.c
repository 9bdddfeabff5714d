/* SPDX-License-Identifier: Apache-2.0 */
/* The exception in flight. A guest has one thread. */
#include <string.h>

#include "mote_wasm_rt.h"
#include "wasm-rt-exceptions.h"

static wasm_rt_exnref_t active;
static wasm_rt_jmp_buf *target;

void wasm_rt_load_exception(const wasm_rt_tag_t tag, uint32_t size, const void *values)
{
    if (size > sizeof active.data)
        mote__wasm_trap(MOTE__TRAP_EXCEPTION);
    active.tag = tag;
    active.size = size;
    if (size > 0)
        memcpy(active.data, values, size);
}

void wasm_rt_throw(void)
{
    if (target == NULL)
        mote__wasm_trap(MOTE__TRAP_EXCEPTION);
    WASM_RT_LONGJMP(*target, 1);
    __builtin_unreachable();
}

wasm_rt_jmp_buf *wasm_rt_get_unwind_target(void)
{
    return target;
}

void wasm_rt_set_unwind_target(wasm_rt_jmp_buf *next)
{
    target = next;
}

wasm_rt_tag_t wasm_rt_exception_tag(void)
{
    return active.tag;
}

uint32_t wasm_rt_exception_size(void)
{
    return active.size;
}

void *wasm_rt_exception(void)
{
    return active.data;
}
