/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of functions, external references and exceptions. */
#include <stdint.h>
#include <stdlib.h>

#include "mote_wasm_rt.h"
#include "wasm-rt-exceptions.h"
#include "wasm-rt.h"

static void *allocate(uint32_t elements, size_t size)
{
    void *data = calloc(elements > 0 ? elements : 1, size);
    if (data == NULL)
        mote__wasm_no_memory("a table", (unsigned long long)elements * size);
    return data;
}

/* Room for `elements + delta`; NULL when it exceeds `max` or cannot be had. */
static void *grow(void *data, uint32_t elements, uint32_t delta, uint32_t max, size_t size)
{
    if (elements > max || delta > max - elements)
        return NULL;
    const size_t count = (size_t)elements + delta;
    return realloc(data, (count > 0 ? count : 1) * size);
}

#define DEFINE_TABLE(kind)                                                                   \
    void wasm_rt_allocate_##kind##_table(wasm_rt_##kind##_table_t *table, uint32_t elements, \
                                         uint32_t max)                                       \
    {                                                                                        \
        table->data = allocate(elements, sizeof *table->data);                               \
        table->size = elements;                                                              \
        table->max_size = max;                                                               \
    }                                                                                        \
    void wasm_rt_free_##kind##_table(wasm_rt_##kind##_table_t *table)                        \
    {                                                                                        \
        free(table->data);                                                                   \
        table->data = NULL;                                                                  \
    }                                                                                        \
    uint32_t wasm_rt_grow_##kind##_table(wasm_rt_##kind##_table_t *table, uint32_t delta,    \
                                         wasm_rt_##kind##_t init)                            \
    {                                                                                        \
        const uint32_t before = table->size;                                                 \
        void *data = grow(table->data, before, delta, table->max_size, sizeof *table->data); \
        if (data == NULL)                                                                    \
            return UINT32_MAX;                                                               \
        table->data = data;                                                                  \
        table->size = before + delta;                                                        \
        for (uint32_t i = before; i < table->size; i++)                                      \
            table->data[i] = init;                                                           \
        return before;                                                                       \
    }

DEFINE_TABLE(funcref)
DEFINE_TABLE(externref)
DEFINE_TABLE(exnref)
