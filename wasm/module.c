/* SPDX-License-Identifier: Apache-2.0 */
#include "module.h"

#include <stdlib.h>
#include <string.h>

#include "mote_abi.h"
#include "reader.h"

#define PRINTABLE 96 /* room for a name in a message */

static const char *const kind_names[] = {"function", "table", "memory", "global", "tag"};

static int malformed(struct mote__wasm_error *error, const char *where)
{
    mote__wasm_fail(error, MOTE__WASM_EMODULE, "the module is malformed in its %s", where);
    return mote__wasm_remedy(error, MOTE__WASM_EMODULE,
                             "check the file: wasm-validate names the byte");
}

const char *mote__wasm_valtype_name(uint8_t code)
{
    switch (code) {
    case MOTE__WASM_I32:
        return "i32";
    case MOTE__WASM_I64:
        return "i64";
    case MOTE__WASM_F32:
        return "f32";
    case MOTE__WASM_F64:
        return "f64";
    case MOTE__WASM_V128:
        return "v128";
    case MOTE__WASM_FUNCREF:
        return "funcref";
    case MOTE__WASM_EXTERNREF:
        return "externref";
    case MOTE__WASM_EXNREF:
        return "exnref";
    default:
        return NULL;
    }
}

static bool all_numbers(struct mote__wasm_slice types)
{
    for (size_t i = 0; i < types.size; i++)
        if (types.data[i] < MOTE__WASM_F64 || types.data[i] > MOTE__WASM_I32)
            return false;
    return true;
}

bool mote__wasm_type_callable(const struct mote__wasm_type *type)
{
    return type->params.size <= MOTE_MAX_PARAMS && type->results.size <= MOTE_MAX_RESULTS &&
           all_numbers(type->params) && all_numbers(type->results);
}

/* ---- sections ------------------------------------------------------------- */

static int read_valtypes(struct mote__reader *reader, struct mote__wasm_slice *types,
                         struct mote__wasm_error *error)
{
    if (!mote__read_slice(reader, types))
        return malformed(error, "type section");
    for (size_t i = 0; i < types->size; i++)
        if (mote__wasm_valtype_name(types->data[i]) == NULL)
            return mote__wasm_fail(error, MOTE__WASM_EMODULE,
                                   "the module uses value type 0x%02x, which is not supported",
                                   types->data[i]);
    return 0;
}

static int read_type(struct mote__reader *reader, struct mote__wasm_type *type,
                     struct mote__wasm_error *error)
{
    uint8_t form = 0;
    if (!mote__read_byte(reader, &form))
        return malformed(error, "type section");
    if (form != 0x60)
        return mote__wasm_fail(error, MOTE__WASM_EMODULE,
                               "the module defines a type of form 0x%02x; "
                               "only function types are supported",
                               form);
    const int status = read_valtypes(reader, &type->params, error);
    return status != 0 ? status : read_valtypes(reader, &type->results, error);
}

static int parse_types(struct mote__wasm_module *module, struct mote__reader reader,
                       struct mote__wasm_error *error)
{
    uint32_t count = 0;
    if (!mote__read_count(&reader, 3, &count))
        return malformed(error, "type section");
    module->types = calloc(count + (size_t)1, sizeof *module->types);
    if (module->types == NULL)
        return mote__wasm_out_of_memory(error);
    for (; module->ntypes < count; module->ntypes++) {
        const int status = read_type(&reader, &module->types[module->ntypes], error);
        if (status != 0)
            return status;
    }
    return mote__reader_left(&reader) == 0 ? 0 : malformed(error, "type section");
}

static int refuse_import(const struct mote__wasm_import *import, uint8_t kind,
                         struct mote__wasm_error *error)
{
    char module[PRINTABLE];
    char name[PRINTABLE];
    mote__wasm_printable(module, sizeof module, import->module.data, import->module.size);
    mote__wasm_printable(name, sizeof name, import->name.data, import->name.size);
    if (kind >= sizeof kind_names / sizeof kind_names[0])
        return malformed(error, "import section");
    mote__wasm_fail(error, MOTE__WASM_EMODULE, "the module imports %s %s.%s", kind_names[kind],
                    module, name);
    return mote__wasm_remedy(error, MOTE__WASM_EMODULE,
                             "only functions can be imported; build the module so that it "
                             "defines its own %s",
                             kind_names[kind]);
}

static int read_import(struct mote__reader *reader, struct mote__wasm_import *import,
                       struct mote__wasm_error *error)
{
    uint8_t kind = 0;
    if (!mote__read_slice(reader, &import->module) || !mote__read_slice(reader, &import->name) ||
        !mote__read_byte(reader, &kind))
        return malformed(error, "import section");
    if (kind != MOTE__WASM_FUNCTION)
        return refuse_import(import, kind, error);
    return mote__read_u32(reader, &import->type) ? 0 : malformed(error, "import section");
}

static int parse_imports(struct mote__wasm_module *module, struct mote__reader reader,
                         struct mote__wasm_error *error)
{
    uint32_t count = 0;
    if (!mote__read_count(&reader, 4, &count))
        return malformed(error, "import section");
    module->imports = calloc(count + (size_t)1, sizeof *module->imports);
    if (module->imports == NULL)
        return mote__wasm_out_of_memory(error);
    for (; module->nimports < count; module->nimports++) {
        const int status = read_import(&reader, &module->imports[module->nimports], error);
        if (status != 0)
            return status;
    }
    return mote__reader_left(&reader) == 0 ? 0 : malformed(error, "import section");
}

static int parse_functions(struct mote__wasm_module *module, struct mote__reader reader,
                           struct mote__wasm_error *error)
{
    uint32_t count = 0;
    if (!mote__read_count(&reader, 1, &count))
        return malformed(error, "function section");
    module->functions = calloc(count + (size_t)1, sizeof *module->functions);
    if (module->functions == NULL)
        return mote__wasm_out_of_memory(error);
    for (; module->nfunctions < count; module->nfunctions++)
        if (!mote__read_u32(&reader, &module->functions[module->nfunctions]))
            return malformed(error, "function section");
    return mote__reader_left(&reader) == 0 ? 0 : malformed(error, "function section");
}

static int parse_memories(struct mote__wasm_module *module, struct mote__reader reader,
                          struct mote__wasm_error *error)
{
    uint32_t count = 0;
    uint8_t flags = 0;
    uint64_t least = 0;
    if (!mote__read_count(&reader, 2, &count))
        return malformed(error, "memory section");
    if (count > 1)
        return mote__wasm_fail(error, MOTE__WASM_EMODULE,
                               "the module defines %u memories; multi-memory is not supported",
                               count);
    module->nmemories = count;
    if (count == 0)
        return 0;
    if (!mote__read_byte(&reader, &flags))
        return malformed(error, "memory section");
    if ((flags & ~1u) != 0)
        return mote__wasm_fail(error, MOTE__WASM_EMODULE,
                               "the module's memory is %s, which is not supported",
                               (flags & 4) != 0   ? "64-bit (memory64)"
                               : (flags & 2) != 0 ? "shared (threads)"
                                                  : "of a custom page size");
    if (!mote__read_leb(&reader, 32, &least))
        return malformed(error, "memory section");
    module->memory_pages = least;
    return 0; /* the maximum is wasm-validate's to check */
}

static int parse_exports(struct mote__wasm_module *module, struct mote__reader reader,
                         struct mote__wasm_error *error)
{
    uint32_t count = 0;
    if (!mote__read_count(&reader, 3, &count))
        return malformed(error, "export section");
    module->exports = calloc(count + (size_t)1, sizeof *module->exports);
    if (module->exports == NULL)
        return mote__wasm_out_of_memory(error);
    for (; module->nexports < count; module->nexports++) {
        struct mote__wasm_export *export = &module->exports[module->nexports];
        if (!mote__read_slice(&reader, &export->name) || !mote__read_byte(&reader, &export->kind) ||
            export->kind > MOTE__WASM_TAG || !mote__read_u32(&reader, &export->index))
            return malformed(error, "export section");
    }
    return mote__reader_left(&reader) == 0 ? 0 : malformed(error, "export section");
}

static int parse_section(struct mote__wasm_module *module, uint8_t id,
                         struct mote__wasm_slice payload, struct mote__wasm_error *error)
{
    const struct mote__reader reader = mote__reader_of(payload);
    switch (id) {
    case MOTE__WASM_SECTION_TYPE:
        return parse_types(module, reader, error);
    case MOTE__WASM_SECTION_IMPORT:
        return parse_imports(module, reader, error);
    case MOTE__WASM_SECTION_FUNCTION:
        return parse_functions(module, reader, error);
    case MOTE__WASM_SECTION_MEMORY:
        return parse_memories(module, reader, error);
    case MOTE__WASM_SECTION_EXPORT:
        return parse_exports(module, reader, error);
    case MOTE__WASM_SECTION_CODE:
        module->code_size = payload.size;
        return 0;
    default:
        return 0;
    }
}

/* ---- the whole ------------------------------------------------------------ */

static int parse_header(struct mote__reader *reader, struct mote__wasm_error *error)
{
    static const uint8_t magic[4] = {0, 'a', 's', 'm'};
    static const uint8_t version[4] = {1, 0, 0, 0};
    if (mote__reader_left(reader) < 8 || memcmp(reader->at, magic, 4) != 0)
        return mote__wasm_fail(error, MOTE__WASM_EMODULE,
                               "not a WebAssembly binary: it does not begin with \\0asm");
    if (reader->at[6] == 1) {
        mote__wasm_fail(error, MOTE__WASM_EMODULE, "the file is a component, not a core module");
        return mote__wasm_remedy(error, MOTE__WASM_EMODULE,
                                 "take its core modules out: wasm-tools component unbundle");
    }
    if (memcmp(reader->at + 4, version, 4) != 0)
        return mote__wasm_fail(error, MOTE__WASM_EMODULE,
                               "the module is of a binary version other than 1");
    reader->at += 8;
    return 0;
}

static int add_section(struct mote__wasm_module *module, struct mote__wasm_section section,
                       struct mote__wasm_error *error)
{
    const size_t n = module->nsections;
    if ((n & (n - 1)) == 0) { /* full at each power of two */
        struct mote__wasm_section *grown =
            realloc(module->sections, (n == 0 ? 1 : n * 2) * sizeof *grown);
        if (grown == NULL)
            return mote__wasm_out_of_memory(error);
        module->sections = grown;
    }
    module->sections[module->nsections++] = section;
    return 0;
}

static int parse_sections(struct mote__wasm_module *module, struct mote__reader *reader,
                          struct mote__wasm_error *error)
{
    uint32_t seen = 0; /* bit n: section n */
    while (mote__reader_left(reader) > 0) {
        struct mote__wasm_section section = {0};
        if (!mote__read_byte(reader, &section.id) || section.id > MOTE__WASM_SECTION_LAST ||
            !mote__read_slice(reader, &section.payload))
            return malformed(error, "section headers");
        if (section.id != MOTE__WASM_SECTION_CUSTOM && (seen >> section.id & 1) != 0)
            return malformed(error, "section headers: one comes twice");
        seen |= 1u << section.id;
        int status = add_section(module, section, error);
        if (status == 0)
            status = parse_section(module, section.id, section.payload, error);
        if (status != 0)
            return status;
    }
    return 0;
}

/* Finds the type of each function that is imported or exported. */
static int resolve(struct mote__wasm_module *module, struct mote__wasm_error *error)
{
    for (size_t i = 0; i < module->nimports; i++)
        if (module->imports[i].type >= module->ntypes)
            return malformed(error, "import section");
    for (size_t i = 0; i < module->nexports; i++) {
        struct mote__wasm_export *export = &module->exports[i];
        if (export->kind != MOTE__WASM_FUNCTION)
            continue;
        if (export->index < module->nimports)
            export->type = module->imports[export->index].type;
        else if (export->index - module->nimports < module->nfunctions)
            export->type = module->functions[export->index - module->nimports];
        else
            return malformed(error, "export section");
        if (export->type >= module->ntypes)
            return malformed(error, "function section");
    }
    return 0;
}

int mote__wasm_module_parse(struct mote__wasm_module *module, const void *data, size_t size,
                            struct mote__wasm_error *error)
{
    memset(module, 0, sizeof *module);
    module->binary = (struct mote__wasm_slice){size == 0 ? (const uint8_t *)"" : data, size};
    struct mote__reader reader = mote__reader_of(module->binary);
    int status = parse_header(&reader, error);
    if (status == 0)
        status = parse_sections(module, &reader, error);
    if (status == 0)
        status = resolve(module, error);
    if (status != 0)
        mote__wasm_module_free(module);
    return status;
}

void mote__wasm_module_free(struct mote__wasm_module *module)
{
    free(module->sections);
    free(module->types);
    free(module->imports);
    free(module->functions);
    free(module->exports);
    memset(module, 0, sizeof *module);
}
