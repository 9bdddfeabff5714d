/* SPDX-License-Identifier: Apache-2.0 */
#include "prelude.h"

#include <string.h>

/* In the order in which the texts stand in the prelude. */
static const struct edit {
    const char *what;
    const char *find;
    const char *put;
} edits[] = {
    /* A range of linear memory, for memory.copy, memory.fill and data segments. */
    {"MEM_ADDR", "#define MEM_ADDR(mem, addr, n) &((mem)->data[addr])\n",
     "#define MEM_ADDR(mem, addr, n) ((u8*)(uintptr_t)(addr))\n"},
    /* A load or store. The address is a u64: base and static offset were added without wrap. */
    {"MEM_ADDR_MEMOP",
     "#define MEM_ADDR_MEMOP(mem, addr, n) (&wasm_rt_local_memory_base[(addr)])\n",
     "#define MEM_ADDR_MEMOP(mem, addr, n) ((u8*)(uintptr_t)(addr))\n"},
    {"the check of a table index in call_indirect",
     "    // Table index out of bounds. Raise Wasm trap.\n    TRAP(CALL_INDIRECT);\n",
     "    mote__wasm_trap(MOTE__TRAP_UNDEFINED_ELEMENT);\n"},
    {"the check of a type in call_indirect",
     "    // Type check failed. Raise Wasm trap.\n    TRAP(CALL_INDIRECT);\n",
     "    mote__wasm_trap(func_ref->func ? MOTE__TRAP_CALL_TYPE : "
     "MOTE__TRAP_UNINITIALIZED_ELEMENT);\n"},
    /* Memories count their size in 64 bits, tables in 32. */
    {"RANGE_CHECK",
     "    if (UNLIKELY(res > (mem)->size))             \\\n"
     "      TRAP(OOB);                                 \\\n",
     "    if (UNLIKELY(res > (mem)->size))             \\\n"
     "      mote__wasm_trap(sizeof((mem)->size) == 8 ? MOTE__TRAP_MEMORY : MOTE__TRAP_TABLE); "
     "\\\n"},
    {"the check of a data segment", "    TRAP(OOB);\n  LOAD_DATA(",
     "    mote__wasm_trap(MOTE__TRAP_MEMORY);\n  LOAD_DATA("},
};

static int refuse(const char *what, struct mote__wasm_error *error)
{
    mote__wasm_fail(error, MOTE__WASM_ETOOL,
                    "the output of wasm2c is not what mote expects: %s is missing or doubled",
                    what);
    return mote__wasm_remedy(error, MOTE__WASM_ETOOL,
                             "use wasm2c 1.0.42 (scripts/fetch-wabt gets it)");
}

int mote__wasm_edit_prelude(const char *source, struct mote__text *out,
                            struct mote__wasm_error *error)
{
    const char *rest = source;
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        const char *found = strstr(source, edits[i].find);
        if (found == NULL || found < rest || strstr(found + 1, edits[i].find) != NULL)
            return refuse(edits[i].what, error);
        mote__text_append(out, rest, (size_t)(found - rest));
        mote__text_string(out, edits[i].put);
        rest = found + strlen(edits[i].find);
    }
    mote__text_string(out, rest);
    return mote__text_ok(out) ? 0 : mote__wasm_out_of_memory(error);
}
