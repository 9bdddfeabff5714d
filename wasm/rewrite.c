/* SPDX-License-Identifier: Apache-2.0 */
#include "rewrite.h"

#include <stdio.h>
#include <string.h>

#include "reader.h"

/* Letters and digits stay; the rest becomes single underscores between them. wasm2c
 * escapes what looks like its own escapes ("0x"), so these go, too. */
void mote__wasm_export_symbol(const struct mote__wasm_export *export, size_t number,
                              char symbol[MOTE__SYMBOL_MAX])
{
    size_t at = (size_t)snprintf(symbol, MOTE__SYMBOL_MAX, "e%zu", number);
    bool gap = true;
    for (size_t i = 0; i < export->name.size && at + 3 < MOTE__SYMBOL_MAX; i++) {
        const uint8_t byte = export->name.data[i];
        const bool keep = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
                          (byte >= 'a' && byte <= 'z' && !(byte == 'x' && symbol[at - 1] == '0'));
        if (keep && gap)
            symbol[at++] = '_';
        if (keep)
            symbol[at++] = (char)byte;
        gap = !keep;
    }
    symbol[at] = '\0';
}

static void put_name(struct mote__text *out, const void *name, size_t size)
{
    mote__text_leb(out, (uint32_t)size);
    mote__text_append(out, name, size);
}

static void put_byte(struct mote__text *out, uint8_t byte)
{
    mote__text_append(out, &byte, 1);
}

static void put_section(struct mote__text *out, uint8_t id, const void *payload, size_t size)
{
    put_byte(out, id);
    mote__text_leb(out, (uint32_t)size);
    mote__text_append(out, payload, size);
}

/* Moves what `body` holds into a section of `out`. */
static void finish_section(struct mote__text *out, uint8_t id, struct mote__text *body)
{
    put_section(out, id, body->data, body->size);
    out->failed = out->failed || body->failed;
    mote__text_free(body);
}

static void put_imports(const struct mote__wasm_module *module, struct mote__text *out)
{
    struct mote__text body = MOTE__TEXT_INIT;
    mote__text_leb(&body, (uint32_t)module->nimports);
    for (size_t i = 0; i < module->nimports; i++) {
        put_name(&body, "h", 1);
        char name[24];
        const int length = snprintf(name, sizeof name, "i%zu", i);
        put_name(&body, name, (size_t)length);
        put_byte(&body, MOTE__WASM_FUNCTION);
        mote__text_leb(&body, module->imports[i].type);
    }
    finish_section(out, MOTE__WASM_SECTION_IMPORT, &body);
}

static void put_exports(const struct mote__wasm_module *module, struct mote__text *out)
{
    struct mote__text body = MOTE__TEXT_INIT;
    uint32_t count = 0;
    for (size_t i = 0; i < module->nexports; i++)
        count += module->exports[i].kind == MOTE__WASM_FUNCTION;
    mote__text_leb(&body, count);
    for (size_t i = 0; i < module->nexports; i++) {
        if (module->exports[i].kind != MOTE__WASM_FUNCTION)
            continue;
        char symbol[MOTE__SYMBOL_MAX];
        mote__wasm_export_symbol(&module->exports[i], i, symbol);
        put_name(&body, symbol, strlen(symbol));
        put_byte(&body, MOTE__WASM_FUNCTION);
        mote__text_leb(&body, module->exports[i].index);
    }
    finish_section(out, MOTE__WASM_SECTION_EXPORT, &body);
}

static bool is_name_section(const struct mote__wasm_section *section)
{
    struct mote__reader reader = mote__reader_of(section->payload);
    struct mote__wasm_slice name = {0};
    return section->id == MOTE__WASM_SECTION_CUSTOM && mote__read_slice(&reader, &name) &&
           name.size == 4 && memcmp(name.data, "name", 4) == 0;
}

void mote__wasm_rewrite(const struct mote__wasm_module *module, struct mote__text *out)
{
    mote__text_append(out, module->binary.data, 8); /* magic and version */
    for (size_t i = 0; i < module->nsections; i++) {
        const struct mote__wasm_section *section = &module->sections[i];
        if (section->id == MOTE__WASM_SECTION_IMPORT)
            put_imports(module, out);
        else if (section->id == MOTE__WASM_SECTION_EXPORT)
            put_exports(module, out);
        else if (section->id != MOTE__WASM_SECTION_CUSTOM || is_name_section(section))
            put_section(out, section->id, section->payload.data, section->payload.size);
    }
}
