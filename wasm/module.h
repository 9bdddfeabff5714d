/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the builder must know of a WebAssembly module: its imports, its exports
 * and their types. Reads hostile bytes: every length is checked, and memory use
 * is bounded by a small multiple of the module's size. The rest of the binary
 * (code, data, ...) is wasm-validate's to check.
 */
#ifndef MOTE_WASM_MODULE_H
#define MOTE_WASM_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* Bytes inside the module's binary. */
struct mote__wasm_slice {
    const uint8_t *data;
    size_t size;
};

enum mote__wasm_valtype { /* codes of the binary format */
                          MOTE__WASM_I32 = 0x7f,
                          MOTE__WASM_I64 = 0x7e,
                          MOTE__WASM_F32 = 0x7d,
                          MOTE__WASM_F64 = 0x7c,
                          MOTE__WASM_V128 = 0x7b,
                          MOTE__WASM_FUNCREF = 0x70,
                          MOTE__WASM_EXTERNREF = 0x6f,
                          MOTE__WASM_EXNREF = 0x69
};

/* Each byte of the slices is an enum mote__wasm_valtype. */
struct mote__wasm_type {
    struct mote__wasm_slice params;
    struct mote__wasm_slice results;
};

struct mote__wasm_import { /* of a function: no other kind is accepted */
    struct mote__wasm_slice module;
    struct mote__wasm_slice name;
    uint32_t type; /* index, checked */
};

enum mote__wasm_kind {
    MOTE__WASM_FUNCTION = 0,
    MOTE__WASM_TABLE = 1,
    MOTE__WASM_MEMORY = 2,
    MOTE__WASM_GLOBAL = 3,
    MOTE__WASM_TAG = 4
};

struct mote__wasm_export {
    struct mote__wasm_slice name;
    uint8_t kind;   /* enum mote__wasm_kind */
    uint32_t index; /* function: checked */
    uint32_t type;  /* function: index of its type, checked */
};

struct mote__wasm_section {
    uint8_t id;
    struct mote__wasm_slice payload;
};

struct mote__wasm_module {
    struct mote__wasm_slice binary;
    struct mote__wasm_section *sections;
    size_t nsections;
    struct mote__wasm_type *types;
    size_t ntypes;
    struct mote__wasm_import *imports;
    size_t nimports;
    uint32_t *functions; /* type index of each function that the module defines */
    size_t nfunctions;
    struct mote__wasm_export *exports;
    size_t nexports;
    size_t nmemories;
    uint64_t memory_pages; /* initial, of memory 0 */
    size_t code_size;      /* bytes of the code section */
};

/* Section ids of the binary format that the builder looks at. */
enum {
    MOTE__WASM_SECTION_CUSTOM = 0,
    MOTE__WASM_SECTION_TYPE = 1,
    MOTE__WASM_SECTION_IMPORT = 2,
    MOTE__WASM_SECTION_FUNCTION = 3,
    MOTE__WASM_SECTION_MEMORY = 5,
    MOTE__WASM_SECTION_EXPORT = 7,
    MOTE__WASM_SECTION_CODE = 10,
    MOTE__WASM_SECTION_LAST = 13
};

/*
 * Parses `size` bytes, which must outlive the module. Refuses by name what the
 * builder cannot take: imports that are not functions, a second memory, shared
 * or 64-bit memories, components. On failure `module` is empty.
 * Errors: EMODULE, ENOMEM.
 */
int mote__wasm_module_parse(struct mote__wasm_module *module, const void *data, size_t size,
                            struct mote__wasm_error *error);
/* The parsed module is freed; an empty one is fine. */
void mote__wasm_module_free(struct mote__wasm_module *module);

/* True when the host can call, or serve, a function of this type: at most 32
 * parameters and one result, all of i32, i64, f32, f64. */
bool mote__wasm_type_callable(const struct mote__wasm_type *type);
/* "i32", ...; NULL for what is no value type. */
const char *mote__wasm_valtype_name(uint8_t code);

#endif
