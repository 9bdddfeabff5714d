/* SPDX-License-Identifier: Apache-2.0 */
#include "json_read.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

struct reader {
    struct json_document *document;
    char *at; /* in the document's text, which a NUL ends */
    char *end;
    size_t room;
    size_t open[JSON_DEPTH]; /* indices of the arrays and objects around `at` */
    unsigned depth;
};

static bool wrong(struct reader *reader, const char *problem)
{
    reader->document->problem = problem;
    return false;
}

static void skip_space(struct reader *reader)
{
    while (*reader->at == ' ' || *reader->at == '\t' || *reader->at == '\n' || *reader->at == '\r')
        reader->at++;
}

/* The value is complete but for what `open` makes of it. */
static struct json_value *add(struct reader *reader, enum json_type type)
{
    struct json_document *document = reader->document;
    if (document->count == reader->room) {
        size_t room = reader->room == 0 ? 64 : reader->room * 2;
        struct json_value *more = realloc(document->values, room * sizeof(*more));
        if (more == NULL)
            return NULL;
        document->values = more;
        reader->room = room;
    }
    struct json_value *value = &document->values[document->count++];
    memset(value, 0, sizeof(*value));
    value->type = type;
    value->behind = document->count;
    return value;
}

/* ---- strings ---------------------------------------------------------------------- */

static int hex4(const char *text)
{
    static const char digits_of_hex[] = "0123456789abcdefABCDEF";
    int code = 0;
    for (int i = 0; i < 4; i++) {
        const char *found = text[i] != '\0' ? strchr(digits_of_hex, text[i]) : NULL;
        if (found == NULL)
            return -1;
        int digit = (int)(found - digits_of_hex);
        code = code * 16 + (digit < 16 ? digit : digit - 6);
    }
    return code;
}

/* Reads what follows "\u", with the second half of a pair; 0: not a character. */
static uint32_t read_code(struct reader *reader)
{
    int high = hex4(reader->at);
    if (high < 0)
        return 0;
    reader->at += 4;
    if (high < 0xd800 || high > 0xdfff)
        return (uint32_t)high;
    int low = reader->at[0] == '\\' && reader->at[1] == 'u' ? hex4(reader->at + 2) : -1;
    if (high > 0xdbff || low < 0xdc00 || low > 0xdfff)
        return 0;
    reader->at += 6;
    return 0x10000 + (((uint32_t)high & 0x3ff) << 10) + ((uint32_t)low & 0x3ff);
}

static char *put_code(char *out, uint32_t code)
{
    if (code < 0x80) {
        *out++ = (char)code;
        return out;
    }
    int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    *out++ = (char)((0xff00u >> (more + 1) & 0xffu) | code >> (6 * more));
    while (more-- > 0)
        *out++ = (char)(0x80 | (code >> (6 * more) & 0x3f));
    return out;
}

static char *read_escape(struct reader *reader, char *out)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    char c = *reader->at;
    reader->at += c != '\0';
    if (c == 'u') {
        uint32_t code = read_code(reader);
        return code == 0 ? NULL : put_code(out, code);
    }
    const char *found = c != '\0' ? strchr(from, c) : NULL;
    if (found == NULL)
        return NULL;
    *out = to[found - from];
    return out + 1;
}

/* Decodes it in place: no escape is shorter than what it stands for. */
static bool read_string(struct reader *reader)
{
    struct json_value *value = add(reader, JSON_STRING);
    if (value == NULL)
        return wrong(reader, "there is not enough memory");
    char *out = ++reader->at;
    value->text = out;
    while (*reader->at != '"') {
        const unsigned char *bytes = (const unsigned char *)reader->at;
        size_t length = reader->at < reader->end && *bytes >= 0x20
                            ? utf8_length(bytes, (size_t)(reader->end - reader->at))
                            : 0;
        if (length == 0)
            return wrong(reader, "a string has a control character or ill UTF-8, or does not end");
        if (*bytes == '\\') {
            reader->at++;
            out = read_escape(reader, out);
            if (out == NULL)
                return wrong(reader, "a string has an escape that there is not");
            continue;
        }
        memmove(out, reader->at, length);
        out += length;
        reader->at += length;
    }
    reader->at++;
    *out = '\0';
    return true;
}

/* ---- numbers and words ------------------------------------------------------------- */

static const char *digits(const char *at)
{
    if (!isdigit((unsigned char)*at))
        return NULL;
    while (isdigit((unsigned char)*at))
        at++;
    return at;
}

/* Where the number ends; NULL: it is none. */
static const char *number_end(const char *at)
{
    at += *at == '-';
    at = *at == '0' ? at + 1 : digits(at);
    if (at != NULL && *at == '.')
        at = digits(at + 1);
    if (at != NULL && (*at == 'e' || *at == 'E')) {
        at++;
        at = digits(at + (*at == '+' || *at == '-'));
    }
    return at;
}

static bool read_number(struct reader *reader)
{
    const char *end = number_end(reader->at);
    struct json_value *value = end != NULL ? add(reader, JSON_NUMBER) : NULL;
    if (value == NULL)
        return wrong(reader, end != NULL ? "there is not enough memory" : "a value is missing");
    value->number = strtod(reader->at, NULL);
    reader->at += end - reader->at;
    return isfinite(value->number) ? true : wrong(reader, "a number is too large");
}

static bool read_scalar(struct reader *reader)
{
    static const struct {
        const char *word;
        enum json_type type;
        bool truth;
    } words[] = {
        {"null", JSON_NULL, false}, {"true", JSON_BOOL, true}, {"false", JSON_BOOL, false}};
    if (*reader->at == '"')
        return read_string(reader);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t length = strlen(words[i].word);
        if (strncmp(reader->at, words[i].word, length) != 0)
            continue;
        struct json_value *value = add(reader, words[i].type);
        if (value == NULL)
            return wrong(reader, "there is not enough memory");
        value->truth = words[i].truth;
        reader->at += length;
        return true;
    }
    return read_number(reader);
}

/* ---- arrays and objects -------------------------------------------------------------- */

static enum json_type innermost(const struct reader *reader)
{
    return reader->document->values[reader->open[reader->depth - 1]].type;
}

static bool read_name(struct reader *reader)
{
    skip_space(reader);
    if (*reader->at != '"')
        return wrong(reader, "the name of a member is missing");
    if (!read_string(reader))
        return false;
    skip_space(reader);
    if (*reader->at != ':')
        return wrong(reader, "there is no ':' behind a name");
    reader->at++;
    return true;
}

static bool open_container(struct reader *reader)
{
    enum json_type type = *reader->at == '[' ? JSON_ARRAY : JSON_OBJECT;
    if (reader->depth == JSON_DEPTH)
        return wrong(reader, "it is nested too deep");
    if (add(reader, type) == NULL)
        return wrong(reader, "there is not enough memory");
    reader->at++;
    reader->open[reader->depth++] = reader->document->count - 1;
    return true;
}

/* Whether `at` closes the innermost; then it is closed. */
static bool closes(struct reader *reader)
{
    skip_space(reader);
    if (reader->depth == 0 || *reader->at != (innermost(reader) == JSON_ARRAY ? ']' : '}'))
        return false;
    reader->at++;
    reader->depth--;
    reader->document->values[reader->open[reader->depth]].behind = reader->document->count;
    return true;
}

/* Behind a value: closes what ends here, and goes on to the next value, if there is one. */
static bool go_on(struct reader *reader)
{
    while (closes(reader))
        ;
    if (reader->depth == 0)
        return reader->at == reader->end ? true : wrong(reader, "something follows the value");
    if (*reader->at != ',')
        return wrong(reader, "a ',' or the end of an array or object is missing");
    reader->at++;
    return innermost(reader) == JSON_ARRAY || read_name(reader);
}

static bool read_all_values(struct reader *reader)
{
    do {
        bool container;
        skip_space(reader);
        container = *reader->at == '[' || *reader->at == '{';
        if (!(container ? open_container(reader) : read_scalar(reader)))
            return false;
        if (container && !closes(reader)) {
            if (innermost(reader) == JSON_OBJECT && !read_name(reader))
                return false;
            continue;
        }
        if (!go_on(reader))
            return false;
    } while (reader->depth > 0);
    return true;
}

bool json_read(struct json_document *document, const void *data, size_t size)
{
    memset(document, 0, sizeof(*document));
    document->text = calloc(1, size + 1);
    if (document->text == NULL) {
        document->problem = "there is not enough memory";
        return false;
    }
    if (size > 0)
        memcpy(document->text, data, size);
    struct reader reader = {.document = document, .at = document->text};
    reader.end = document->text + size;
    bool good = read_all_values(&reader);
    document->at = (size_t)(reader.at - document->text);
    return good;
}

void json_free(struct json_document *document)
{
    free(document->values);
    free(document->text);
}

/* ---- finding --------------------------------------------------------------------------- */

const struct json_value *json_member(const struct json_document *document,
                                     const struct json_value *object, const char *name)
{
    if (object == NULL || object->type != JSON_OBJECT)
        return NULL;
    size_t i = (size_t)(object - document->values) + 1;
    while (i < object->behind) {
        if (strcmp(document->values[i].text, name) == 0)
            return &document->values[i + 1];
        i = document->values[i + 1].behind;
    }
    return NULL;
}

const struct json_value *json_element(const struct json_document *document,
                                      const struct json_value *array,
                                      const struct json_value *element)
{
    if (array == NULL || array->type != JSON_ARRAY)
        return NULL;
    size_t next = element != NULL ? element->behind : (size_t)(array - document->values) + 1;
    return next < array->behind ? &document->values[next] : NULL;
}

const char *json_member_text(const struct json_document *document, const struct json_value *object,
                             const char *name)
{
    const struct json_value *value = json_member(document, object, name);
    return value != NULL && value->type == JSON_STRING ? value->text : NULL;
}

double json_member_number(const struct json_document *document, const struct json_value *object,
                          const char *name, double otherwise)
{
    const struct json_value *value = json_member(document, object, name);
    return value != NULL && value->type == JSON_NUMBER ? value->number : otherwise;
}
