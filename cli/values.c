/* SPDX-License-Identifier: Apache-2.0 */
/* Text to values. Each parser returns NULL, or what the text should have been. */
#include "values.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

static bool is_hex_number(const char *text)
{
    return text[0] == '0' && tolower((unsigned char)text[1]) == 'x';
}

static bool parse_unsigned(const char *text, uint64_t most, uint64_t *value)
{
    char *end;
    if (!isdigit((unsigned char)text[0]))
        return false;
    errno = 0;
    *value = strtoull(text, &end, is_hex_number(text) ? 16 : 10);
    return errno == 0 && *end == '\0' && *value <= most;
}

/* Two's complement in `bits` bits; hexadecimal is the bit pattern. */
static bool parse_signed(const char *text, unsigned bits, int64_t *value)
{
    uint64_t number;
    uint64_t top = UINT64_C(1) << (bits - 1);
    bool negative = text[0] == '-';
    uint64_t most = negative ? top : is_hex_number(text) ? top - 1 + top : top - 1;
    if (!parse_unsigned(text + negative, most, &number))
        return false;
    number = negative ? 0 - number : number;
    *value = bits == 32 ? (int32_t)(uint32_t)number : (int64_t)number;
    return true;
}

/* "nan", "-nan:0x7c0de": the forms of WebAssembly's text format. */
static bool parse_nan(const char *text, unsigned mantissa_bits, uint64_t *mantissa, bool *negative)
{
    *negative = text[0] == '-';
    text += *negative || text[0] == '+';
    *mantissa = UINT64_C(1) << (mantissa_bits - 1);
    if (strcmp(text, "nan") == 0)
        return true;
    uint64_t most = (UINT64_C(1) << mantissa_bits) - 1;
    return strncmp(text, "nan:0x", 6) == 0 && parse_unsigned(text + 4, most, mantissa) &&
           *mantissa != 0;
}

static const char *parse_f32(const char *text, float *value)
{
    uint64_t mantissa;
    bool negative;
    if (parse_nan(text, 23, &mantissa, &negative)) {
        uint32_t bits = (uint32_t)negative << 31 | 0x7f800000u | (uint32_t)mantissa;
        memcpy(value, &bits, sizeof(bits));
        return NULL;
    }
    char *end;
    *value = strtof(text, &end);
    return end != text && *end == '\0' && strchr(text, '(') == NULL ? NULL : "a number";
}

static const char *parse_f64(const char *text, double *value)
{
    uint64_t mantissa;
    bool negative;
    if (parse_nan(text, 52, &mantissa, &negative)) {
        uint64_t bits = (uint64_t)negative << 63 | 0x7ff0000000000000u | mantissa;
        memcpy(value, &bits, sizeof(bits));
        return NULL;
    }
    char *end;
    *value = strtod(text, &end);
    return end != text && *end == '\0' && strchr(text, '(') == NULL ? NULL : "a number";
}

static const char *parse_bool(const char *text, bool *value)
{
    *value = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
    return *value || strcmp(text, "false") == 0 || strcmp(text, "0") == 0 ? NULL : "true or false";
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, tolower((unsigned char)c)) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

static const char *parse_hex(const char *text, mote_value *value, void **owned)
{
    size_t size = strlen(text) / 2;
    unsigned char *bytes = malloc(size + 1);
    *owned = bytes;
    if (bytes == NULL || strlen(text) % 2 != 0)
        return "an even number of hex digits";
    for (size_t i = 0; i < size; i++) {
        int high = hex_digit(text[2 * i]);
        int low = hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return "hex digits";
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    value->of.bytes.data = bytes;
    value->of.bytes.size = size;
    return NULL;
}

static bool takes_stdin(const struct values *values)
{
    for (size_t i = 0; i < MOTE_PARAMS_MAX; i++)
        if (values->from[i] != NULL && strcmp(values->from[i], "-") == 0)
            return true;
    return false;
}

static const char *parse_bytes(struct values *values, const char *text, size_t i)
{
    mote_value *value = &values->value[i];
    if (strncmp(text, "hex:", 4) == 0)
        return parse_hex(text + 4, value, &values->owned[i]);
    if (strncmp(text, "text:", 5) == 0) {
        value->of.bytes.data = text + 5;
        value->of.bytes.size = strlen(text + 5);
        return NULL;
    }
    if (text[0] != '@' && strcmp(text, "-") != 0)
        return "@FILE, - (standard input), hex:DIGITS or text:TEXT";
    if (text[0] == '-' && takes_stdin(values))
        return "something else: standard input can be read only once";
    values->from[i] = text;
    return NULL;
}

static const char *parse_integer(const char *text, mote_value *value)
{
    int64_t number = 0;
    uint64_t natural = 0;
    bool good;
    switch (value->type) {
    case MOTE_I32:
        good = parse_signed(text, 32, &number);
        value->of.i32 = (int32_t)number;
        return good ? NULL : "a whole number from -2147483648 to 2147483647";
    case MOTE_U32:
        good = parse_unsigned(text, UINT32_MAX, &natural);
        value->of.u32 = (uint32_t)natural;
        return good ? NULL : "a whole number from 0 to 4294967295";
    case MOTE_I64:
        good = parse_signed(text, 64, &value->of.i64);
        return good ? NULL : "a whole number from -9223372036854775808 to 9223372036854775807";
    default:
        good = parse_unsigned(text, UINT64_MAX, &value->of.u64);
        return good ? NULL : "a whole number from 0 to 18446744073709551615";
    }
}

static const char *parse_value(struct values *values, mote_type type, const char *text, size_t i)
{
    mote_value *value = &values->value[i];
    value->type = type;
    switch (type) {
    case MOTE_F32:
        return parse_f32(text, &value->of.f32);
    case MOTE_F64:
        return parse_f64(text, &value->of.f64);
    case MOTE_BOOL:
        return parse_bool(text, &value->of.boolean);
    case MOTE_STRING:
        *value = mote_string(text);
        return NULL;
    case MOTE_BYTES:
        return parse_bytes(values, text, i);
    default:
        return parse_integer(text, value);
    }
}

static void describe(struct line *problem, const mote_function_info *function, size_t i,
                     const char *wanted, const char *word)
{
    line_add(problem, "%s: argument %zu (%s) must be %s, not '%.64s'; its signature is %s%s",
             function->name, i + 1, mote_type_name(function->signature.params[i]), wanted, word,
             function->name, function->signature_text);
}

bool values_parse(struct values *values, const mote_function_info *function, char **words,
                  size_t count, struct line *problem)
{
    const mote_signature *signature = &function->signature;
    if (count != signature->nparams) {
        line_add(problem, "%s takes %u argument%s, %zu given; its signature is %s%s",
                 function->name, signature->nparams, signature->nparams == 1 ? "" : "s", count,
                 function->name, function->signature_text);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const char *wanted = parse_value(values, signature->params[i], words[i], i);
        if (wanted != NULL) {
            describe(problem, function, i, wanted, words[i]);
            return false;
        }
    }
    return true;
}

/* 0 or a negative errno. */
static int load(const char *from, mote_value *value, void **owned)
{
    bool file = from[0] == '@';
    int fd = file ? open(from + 1, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    if (fd < 0)
        return -errno;
    int rc = read_all(fd, owned, &value->of.bytes.size);
    value->of.bytes.data = *owned;
    if (file)
        close(fd);
    return rc;
}

bool values_load(struct values *values, const mote_function_info *function, struct line *problem)
{
    for (size_t i = 0; i < MOTE_PARAMS_MAX; i++) {
        const char *from = values->from[i];
        int rc = from != NULL ? load(from, &values->value[i], &values->owned[i]) : 0;
        if (rc != 0) {
            char wanted[128];
            snprintf(wanted, sizeof(wanted), "a file that can be read (%s)", strerror(-rc));
            describe(problem, function, i, wanted, from);
            return false;
        }
    }
    return true;
}

void values_free(struct values *values)
{
    for (size_t i = 0; i < MOTE_PARAMS_MAX; i++)
        free(values->owned[i]);
}
