/* SPDX-License-Identifier: Apache-2.0 */
/* mote inspect MODULE.wasm: the functions of a module, as the builder reads them. */
#include <inttypes.h>
#include <module.h>
#include <stdio.h>
#include <string.h>

#include "inspect.h"

/* A name of the module, as text that ends; what does not fit is cut. */
static const char *name_text(struct mote__wasm_slice name, char *text, size_t size)
{
    size_t length = name.size < size - 1 ? name.size : size - 1;
    memcpy(text, name.data, length);
    text[length] = '\0';
    return text;
}

static void add(char *text, size_t size, const char *more)
{
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s", more);
}

static void add_types(char *text, size_t size, struct mote__wasm_slice types)
{
    for (size_t i = 0; i < types.size; i++) {
        const char *name = mote__wasm_valtype_name(types.data[i]);
        add(text, size, i > 0 ? "," : "");
        add(text, size, name != NULL ? name : "?");
    }
}

/* "(i32,i64)->f32"; several results in parentheses. */
static const char *type_text(const struct mote__wasm_type *type, char *text, size_t size)
{
    bool many = type->results.size > 1;
    text[0] = '\0';
    add(text, size, "(");
    add_types(text, size, type->params);
    add(text, size, many ? ")->(" : ")->");
    add_types(text, size, type->results);
    add(text, size, many ? ")" : type->results.size == 0 ? "void" : "");
    return text;
}

enum { NAME = 256, TYPE = 512 };

static void print_text(const struct mote__wasm_module *module)
{
    char name[NAME], from[NAME], type[TYPE];
    printf("kind      a WebAssembly module: 'mote build' makes a guest of it\n");
    printf("memory    %" PRIu64 " pages of 64 KiB\n", module->memory_pages);
    printf("code      %zu bytes\n", module->code_size);
    puts("exports");
    for (size_t i = 0; i < module->nexports; i++) {
        const struct mote__wasm_export *export = &module->exports[i];
        if (export->kind != MOTE__WASM_FUNCTION)
            continue;
        const struct mote__wasm_type *of = &module->types[export->type];
        inspect_line("  %s%s%s", name_text(export->name, name, NAME), type_text(of, type, TYPE),
                     mote__wasm_type_callable(of) ? "" : "  (cannot be called from the host)");
    }
    if (module->nimports > 0)
        puts("imports");
    for (size_t i = 0; i < module->nimports; i++) {
        const struct mote__wasm_import *import = &module->imports[i];
        inspect_line("  %s.%s%s", name_text(import->module, from, NAME),
                     name_text(import->name, name, NAME),
                     type_text(&module->types[import->type], type, TYPE));
    }
}

static void json_type(struct json *json, const struct mote__wasm_type *of)
{
    char type[TYPE];
    json_text(json, "signature", type_text(of, type, TYPE));
    json_bool(json, "callable", mote__wasm_type_callable(of));
}

static void json_exports(struct json *json, const struct mote__wasm_module *module)
{
    json_open(json, "exports", '[');
    for (size_t i = 0; i < module->nexports; i++) {
        const struct mote__wasm_export *export = &module->exports[i];
        if (export->kind != MOTE__WASM_FUNCTION)
            continue;
        json_open(json, NULL, '{');
        json_string(json, "name", export->name.data, export->name.size);
        json_type(json, &module->types[export->type]);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void json_imports(struct json *json, const struct mote__wasm_module *module)
{
    json_open(json, "imports", '[');
    for (size_t i = 0; i < module->nimports; i++) {
        const struct mote__wasm_import *import = &module->imports[i];
        json_open(json, NULL, '{');
        json_string(json, "module", import->module.data, import->module.size);
        json_string(json, "name", import->name.data, import->name.size);
        json_type(json, &module->types[import->type]);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static bool print_json(const struct mote__wasm_module *module)
{
    struct json json = {stdout, false};
    json_open(&json, NULL, '{');
    json_bool(&json, "ok", true);
    json_int(&json, "exit", CLI_OK);
    json_text(&json, "kind", "wasm");
    json_uint(&json, "memory", module->memory_pages * 65536);
    json_uint(&json, "code", module->code_size);
    json_exports(&json, module);
    json_imports(&json, module);
    json_close(&json, '}');
    return json_end(&json);
}

int inspect_wasm(const struct inspect_options *options, const void *data, size_t size)
{
    struct mote__wasm_module module = {0};
    struct mote__wasm_error error = {0};
    int rc = mote__wasm_module_parse(&module, data, size, &error);
    if (rc != 0) {
        const struct inspect_failure failure = {"MOTE_EIMAGE", error.text, error.remedy};
        return inspect_failed(options, rc == MOTE__WASM_ENOMEM ? CLI_MOTE : CLI_CANNOT_RUN,
                              &failure);
    }
    bool written = true;
    if (options->json)
        written = print_json(&module);
    else
        print_text(&module);
    mote__wasm_module_free(&module);
    return written && fflush(stdout) == 0 ? CLI_OK : CLI_MOTE;
}
