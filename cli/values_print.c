/* SPDX-License-Identifier: Apache-2.0 */
/* Values to text: what values.c reads back. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "values.h"

enum { NUMBER_SIZE = 40 };

static void write_nan(char text[NUMBER_SIZE], bool negative, uint64_t mantissa, unsigned bits)
{
    if (mantissa == UINT64_C(1) << (bits - 1))
        snprintf(text, NUMBER_SIZE, "%snan", negative ? "-" : "");
    else
        snprintf(text, NUMBER_SIZE, "%snan:0x%" PRIx64, negative ? "-" : "", mantissa);
}

/* The fewest digits that read back as the same number. */
static void write_f32(char text[NUMBER_SIZE], float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    if (isnan(value)) {
        write_nan(text, bits >> 31, bits & 0x7fffffu, 23);
        return;
    }
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(text, NUMBER_SIZE, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value)
            return;
    }
}

static void write_f64(char text[NUMBER_SIZE], double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    if (isnan(value)) {
        write_nan(text, bits >> 63, bits & 0xfffffffffffffu, 52);
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, NUMBER_SIZE, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            return;
    }
}

/* Numbers and booleans. */
static void write_plain(char text[NUMBER_SIZE], const mote_value *value)
{
    switch (value->type) {
    case MOTE_I32:
        snprintf(text, NUMBER_SIZE, "%" PRId32, value->of.i32);
        break;
    case MOTE_U32:
        snprintf(text, NUMBER_SIZE, "%" PRIu32, value->of.u32);
        break;
    case MOTE_I64:
        snprintf(text, NUMBER_SIZE, "%" PRId64, value->of.i64);
        break;
    case MOTE_U64:
        snprintf(text, NUMBER_SIZE, "%" PRIu64, value->of.u64);
        break;
    case MOTE_F32:
        write_f32(text, value->of.f32);
        break;
    case MOTE_F64:
        write_f64(text, value->of.f64);
        break;
    default:
        snprintf(text, NUMBER_SIZE, "%s", value->of.boolean ? "true" : "false");
        break;
    }
}

static void print_hex(FILE *out, const mote_value *value)
{
    const unsigned char *bytes = value->of.bytes.data;
    for (size_t i = 0; i < value->of.bytes.size; i++)
        fprintf(out, "%02x", bytes[i]);
    fputc('\n', out);
}

void value_print(FILE *out, const mote_value *value, bool raw)
{
    char text[NUMBER_SIZE] = "";
    bool counted = value->type == MOTE_STRING || value->type == MOTE_BYTES;
    if (value->type == MOTE_BYTES && !raw) {
        print_hex(out, value);
    } else if (counted) {
        fwrite(value->of.bytes.data, 1, value->of.bytes.size, out);
        fputs(raw ? "" : "\n", out);
    } else {
        write_plain(text, value);
        fprintf(out, "%s\n", text);
    }
}

static bool is_number(const mote_value *value)
{
    return !(value->type == MOTE_F32 && !isfinite(value->of.f32)) &&
           !(value->type == MOTE_F64 && !isfinite(value->of.f64));
}

void value_json(struct json *json, const mote_value *value)
{
    char text[NUMBER_SIZE] = "";
    json_open(json, NULL, '{');
    json_text(json, "type", mote_type_name(value->type));
    if (value->type == MOTE_STRING) {
        json_string(json, "value", value->of.bytes.data, value->of.bytes.size);
    } else if (value->type == MOTE_BYTES) {
        json_hex(json, "value", value->of.bytes.data, value->of.bytes.size);
    } else {
        write_plain(text, value);
        if (is_number(value))
            json_literal(json, "value", text);
        else
            json_text(json, "value", text);
    }
    json_close(json, '}');
}
