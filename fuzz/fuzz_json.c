/* SPDX-License-Identifier: Apache-2.0 */
/* JSON that the command reads: what was read, written again, reads as the same. */
#include <stdlib.h>
#include <string.h>

#include "../cli/json.h"
#include "../cli/json_read.h"
#include "fake_hv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Indices stay inside, members have names. */
static void check_structure(const struct json_document *document)
{
    size_t ends[JSON_DEPTH];
    unsigned depth = 0;
    for (size_t i = 0; i < document->count; i++) {
        const struct json_value *value = &document->values[i];
        while (depth > 0 && ends[depth - 1] == i)
            depth--;
        fake_check(value->behind > i && value->behind <= document->count, "it ends behind itself");
        fake_check(depth == 0 || value->behind <= ends[depth - 1], "inside of what is around it");
        fake_check((value->type == JSON_STRING) == (value->text != NULL), "strings have texts");
        bool container = value->type == JSON_ARRAY || value->type == JSON_OBJECT;
        fake_check(container || value->behind == i + 1, "nothing is in a scalar");
        if (container && value->behind > i + 1) {
            fake_check(depth < JSON_DEPTH, "the depth is bounded");
            ends[depth++] = value->behind;
        }
        if (value->type == JSON_OBJECT && value->behind > i + 1) {
            const char *name = document->values[i + 1].text;
            fake_check(name != NULL, "the first is a name");
            fake_check(json_member(document, value, name) == value + 2, "which is found");
        }
    }
}

static void write_scalar(struct json *json, const char *key, const struct json_value *value)
{
    char number[40];
    snprintf(number, sizeof(number), "%.17g", value->number);
    if (value->type == JSON_STRING)
        json_text(json, key, value->text);
    else if (value->type == JSON_NUMBER)
        json_literal(json, key, number);
    else if (value->type == JSON_BOOL)
        json_bool(json, key, value->truth);
    else
        json_literal(json, key, "null");
}

/* The whole document; its containers are closed where they end. */
static void write_again(const struct json_document *document, struct json *json)
{
    size_t open[JSON_DEPTH + 1] = {0};
    unsigned depth = 0;
    for (size_t i = 0; i <= document->count; i++) {
        for (; depth > 0 && document->values[open[depth - 1]].behind == i; depth--)
            json_close(json, document->values[open[depth - 1]].type == JSON_ARRAY ? ']' : '}');
        if (i == document->count)
            return;
        bool member = depth > 0 && document->values[open[depth - 1]].type == JSON_OBJECT;
        const char *key = member ? document->values[i++].text : NULL;
        const struct json_value *value = &document->values[i];
        if (value->type == JSON_ARRAY || value->type == JSON_OBJECT) {
            json_open(json, key, value->type == JSON_ARRAY ? '[' : '{');
            open[depth++] = i;
        } else {
            write_scalar(json, key, value);
        }
    }
}

static bool same(const struct json_value *a, const struct json_value *b)
{
    return a->type == b->type && a->behind == b->behind && a->truth == b->truth &&
           a->number == b->number && (a->text == NULL || strcmp(a->text, b->text) == 0);
}

static void check_round_trip(const struct json_document *document)
{
    struct json_document again;
    char *text = NULL;
    size_t size = 0;
    struct json json = {open_memstream(&text, &size), false};
    fake_check(json.out != NULL, "memory");
    write_again(document, &json);
    fake_check(json_end(&json), "it is written");
    fclose(json.out);
    fake_check(json_read(&again, text, size), "what is written can be read");
    fake_check(again.count == document->count, "as many values");
    for (size_t i = 0; i < again.count; i++)
        fake_check(same(&again.values[i], &document->values[i]), "the same values");
    json_free(&again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_document document;
    bool good = json_read(&document, data, size);
    fake_check(good == (document.problem == NULL), "what is wrong is described");
    fake_check(document.at <= size, "where it is wrong");
    if (good) {
        fake_check(document.count > 0 && document.values[0].behind == document.count, "one value");
        check_structure(&document);
        check_round_trip(&document);
    }
    json_free(&document);
    return 0;
}
