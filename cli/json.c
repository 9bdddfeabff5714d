/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include <inttypes.h>
#include <string.h>

size_t utf8_length(const unsigned char *s, size_t size)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (s[0] < 0x80)
        return 1;
    size_t length = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc0 || s[0] > 0xf4 || length > size)
        return 0;
    uint32_t code = s[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (s[i] & 0x3fu);
    }
    bool surrogate = code >= 0xd800 && code < 0xe000;
    return code >= least[length] && code <= 0x10ffff && !surrogate ? length : 0;
}

static void quote(FILE *out, const unsigned char *s, size_t size)
{
    fputc('"', out);
    while (size > 0) {
        size_t length = utf8_length(s, size);
        if (length == 0) {
            fputs("\\ufffd", out);
            length = 1;
        } else if (s[0] < 0x20 || s[0] == 0x7f) {
            fprintf(out, "\\u%04x", s[0]);
        } else if (s[0] == '"' || s[0] == '\\') {
            fprintf(out, "\\%c", s[0]);
        } else {
            fwrite(s, 1, length, out);
        }
        s += length;
        size -= length;
    }
    fputc('"', out);
}

static void begin(struct json *json, const char *key)
{
    if (json->more)
        fputc(',', json->out);
    json->more = true;
    if (key != NULL) {
        quote(json->out, (const unsigned char *)key, strlen(key));
        fputc(':', json->out);
    }
}

void json_open(struct json *json, const char *key, char bracket)
{
    begin(json, key);
    fputc(bracket, json->out);
    json->more = false;
}

void json_close(struct json *json, char bracket)
{
    fputc(bracket, json->out);
    json->more = true;
}

void json_literal(struct json *json, const char *key, const char *literal)
{
    begin(json, key);
    fputs(literal, json->out);
}

void json_bool(struct json *json, const char *key, bool value)
{
    json_literal(json, key, value ? "true" : "false");
}

void json_int(struct json *json, const char *key, int64_t value)
{
    begin(json, key);
    fprintf(json->out, "%" PRId64, value);
}

void json_uint(struct json *json, const char *key, uint64_t value)
{
    begin(json, key);
    fprintf(json->out, "%" PRIu64, value);
}

void json_text(struct json *json, const char *key, const char *text)
{
    json_string(json, key, text, strlen(text));
}

void json_string(struct json *json, const char *key, const void *text, size_t size)
{
    begin(json, key);
    quote(json->out, text, size);
}

void json_address(struct json *json, const char *key, uint64_t value)
{
    begin(json, key);
    fprintf(json->out, "\"0x%" PRIx64 "\"", value);
}

void json_hex(struct json *json, const char *key, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    begin(json, key);
    fputc('"', json->out);
    for (size_t i = 0; i < size; i++)
        fprintf(json->out, "%02x", bytes[i]);
    fputc('"', json->out);
}

bool json_end(struct json *json)
{
    fputc('\n', json->out);
    return fflush(json->out) == 0 && !ferror(json->out);
}
