/* SPDX-License-Identifier: Apache-2.0 */
#include "glue.h"

#include <string.h>

#include "mote_abi.h"
#include "rewrite.h"

struct words {
    const char *mote; /* in a signature of mote */
    const char *c;    /* C type on mote's side */
    const char *w2c;  /* C type on wasm2c's side */
};

static struct words words_of(uint8_t valtype)
{
    switch (valtype) {
    case MOTE__WASM_I32:
        return (struct words){"i32", "int32_t", "u32"};
    case MOTE__WASM_I64:
        return (struct words){"i64", "int64_t", "u64"};
    case MOTE__WASM_F32:
        return (struct words){"f32", "float", "f32"};
    default:
        return (struct words){"f64", "double", "f64"};
    }
}

static struct words result_of(const struct mote__wasm_type *type)
{
    if (type->results.size == 0)
        return (struct words){"void", "void", "void"};
    return words_of(type->results.data[0]);
}

/* The note of the guest ABI ends names with NUL and bounds their length. */
static bool fits_note(struct mote__wasm_slice name)
{
    return name.size <= MOTE_MAX_NAME && memchr(name.data, 0, name.size) == NULL;
}

static void put_mote_signature(struct mote__text *out, const struct mote__wasm_type *type)
{
    mote__text_string(out, result_of(type).mote);
    for (size_t i = 0; i < type->params.size; i++)
        mote__text_format(out, ", %s", words_of(type->params.data[i]).mote);
}

/* ---- exports -------------------------------------------------------------- */

static bool is_offered(const struct mote__wasm_module *module,
                       const struct mote__wasm_export *export)
{
    return export->kind == MOTE__WASM_FUNCTION && export->name.size > 0 &&
           fits_note(export->name) && mote__wasm_type_callable(&module->types[export->type]);
}

/* static double w_e3(int32_t p0, float p1) { return (double)w2c_guest_e3_add(&guest, (u32)p0,
 * (f32)p1); } */
static void put_export(struct mote__text *out, const struct mote__wasm_type *type, size_t number,
                       const struct mote__wasm_export *export)
{
    char symbol[MOTE__SYMBOL_MAX];
    mote__wasm_export_symbol(export, number, symbol);
    const struct words result = result_of(type);
    mote__text_format(out, "static %s w_e%zu(", result.c, number);
    for (size_t i = 0; i < type->params.size; i++)
        mote__text_format(out, "%s%s p%zu", i == 0 ? "" : ", ", words_of(type->params.data[i]).c,
                          i);
    mote__text_format(out, "%s)\n{\n    ", type->params.size == 0 ? "void" : "");
    if (type->results.size > 0)
        mote__text_format(out, "return (%s)", result.c);
    mote__text_format(out, "w2c_guest_%s(&guest", symbol);
    for (size_t i = 0; i < type->params.size; i++)
        mote__text_format(out, ", (%s)p%zu", words_of(type->params.data[i]).w2c, i);
    mote__text_format(out, ");\n}\nMOTE_EXPORT_AS(w_e%zu, \"", number);
    mote__text_c_string(out, export->name.data, export->name.size);
    mote__text_string(out, "\", ");
    put_mote_signature(out, type);
    mote__text_string(out, ");\n\n");
}

static size_t put_exports(const struct mote__wasm_module *module, struct mote__text *out)
{
    size_t count = 0;
    for (size_t i = 0; i < module->nexports && count < MOTE_MAX_EXPORTS; i++) {
        const struct mote__wasm_export *export = &module->exports[i];
        if (!is_offered(module, export))
            continue;
        put_export(out, &module->types[export->type], i, export);
        count++;
    }
    return count;
}

/* ---- imports -------------------------------------------------------------- */

static int refuse_import(const struct mote__wasm_import *import, const char *why,
                         struct mote__wasm_error *error)
{
    char module[96];
    char name[96];
    mote__wasm_printable(module, sizeof module, import->module.data, import->module.size);
    mote__wasm_printable(name, sizeof name, import->name.data, import->name.size);
    mote__wasm_fail(error, MOTE__WASM_EMODULE, "the module imports function %s.%s, %s", module,
                    name, why);
    return mote__wasm_remedy(error, MOTE__WASM_EMODULE,
                             "host functions take at most %u parameters of i32, i64, f32, f64 and "
                             "give at most one result",
                             MOTE_MAX_PARAMS);
}

/* u64 w2c_h_i0(struct w2c_h *h, u32 p0) { int64_t r = 0; if (w_i0(&r, (int32_t)p0) != 0) ... } */
static void put_import_body(struct mote__text *out, const struct mote__wasm_type *type,
                            size_t number)
{
    const struct words result = result_of(type);
    const bool has_result = type->results.size > 0;
    mote__text_format(out, "%s w2c_h_i%zu(struct w2c_h *h", result.w2c, number);
    for (size_t i = 0; i < type->params.size; i++)
        mote__text_format(out, ", %s p%zu", words_of(type->params.data[i]).w2c, i);
    mote__text_string(out, ")\n{\n    (void)h;\n");
    if (has_result)
        mote__text_format(out, "    %s result = 0;\n", result.c);
    mote__text_format(out, "    const int status = w_i%zu(%s", number, has_result ? "&result" : "");
    for (size_t i = 0; i < type->params.size; i++)
        mote__text_format(out, "%s(%s)p%zu", i == 0 && !has_result ? "" : ", ",
                          words_of(type->params.data[i]).c, i);
    mote__text_format(out,
                      ");\n    if (status != 0)\n"
                      "        mote__wasm_import_failed(w_i%zu_name, status);\n",
                      number);
    if (has_result)
        mote__text_format(out, "    return (%s)result;\n", result.w2c);
    mote__text_string(out, "}\n\n");
}

static void put_import(struct mote__text *out, const struct mote__wasm_type *type, size_t number,
                       const struct mote__wasm_import *import)
{
    mote__text_format(out, "static const char w_i%zu_name[] = \"", number);
    mote__text_c_string(out, import->module.data, import->module.size);
    mote__text_string(out, ".");
    mote__text_c_string(out, import->name.data, import->name.size);
    mote__text_format(out, "\";\nMOTE_IMPORT_AS(w_i%zu, \"", number);
    mote__text_c_string(out, import->module.data, import->module.size);
    mote__text_string(out, "\", \"");
    mote__text_c_string(out, import->name.data, import->name.size);
    mote__text_string(out, "\", ");
    put_mote_signature(out, type);
    mote__text_string(out, ")\n");
    put_import_body(out, type, number);
}

static int put_imports(const struct mote__wasm_module *module, struct mote__text *out,
                       struct mote__wasm_error *error)
{
    if (module->nimports > MOTE_MAX_IMPORTS)
        return mote__wasm_fail(error, MOTE__WASM_EMODULE,
                               "the module imports %zu functions; at most %u are possible",
                               module->nimports, MOTE_MAX_IMPORTS);
    for (size_t i = 0; i < module->nimports; i++) {
        const struct mote__wasm_import *import = &module->imports[i];
        const struct mote__wasm_type *type = &module->types[import->type];
        if (!mote__wasm_type_callable(type))
            return refuse_import(import, "whose type no host function can have", error);
        if (!fits_note(import->module) || !fits_note(import->name))
            return refuse_import(import, "whose name is too long or has a NUL", error);
        put_import(out, type, i, import);
    }
    return 0;
}

/* ---- the file ------------------------------------------------------------- */

int mote__wasm_glue(const struct mote__wasm_module *module, struct mote__text *out,
                    size_t *exported, struct mote__wasm_error *error)
{
    mote__text_string(out, "#include <mote_guest.h>\n\n"
                           "#include \"mote_wasm_rt.h\"\n"
                           "#include \"" MOTE__WASM_MODULE_NAME ".h\"\n\n");
    if (module->nmemories > 0)
        mote__text_string(out, "MOTE_WINDOW(0x200000000);\n\n");
    mote__text_string(out, "static w2c_guest guest;\n\n");
    const int status = put_imports(module, out, error);
    if (status != 0)
        return status;
    *exported = put_exports(module, out);
    mote__text_format(out,
                      "int main(void)\n{\n    wasm2c_guest_instantiate(&guest%s);\n"
                      "    return mote_serve();\n}\n",
                      module->nimports > 0 ? ", 0" : "");
    return mote__text_ok(out) ? 0 : mote__wasm_out_of_memory(error);
}
