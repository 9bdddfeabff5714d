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

/* A static buffer serves: the first wrong argument ends the command. */
static const char *read_fd(int fd, mote_value *value, void **owned)
{
    static char problem[128];
    int rc = read_all(fd, owned, &value->of.bytes.size);
    value->of.bytes.data = *owned;
    if (rc == 0)
        return NULL;
    snprintf(problem, sizeof(problem), "a file that can be read (%s)", strerror(-rc));
    return problem;
}

static const char *read_path(const char *path, mote_value *value, void **owned)
{
    static char problem[128];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        snprintf(problem, sizeof(problem), "a file that can be read (%s)", strerror(errno));
        return problem;
    }
    const char *wrong = read_fd(fd, value, owned);
    close(fd);
    return wrong;
}

static const char *parse_bytes(struct values *values, const char *text, mote_value *value,
                               void **owned)
{
    if (text[0] == '@')
        return read_path(text + 1, value, owned);
    if (strncmp(text, "hex:", 4) == 0)
        return parse_hex(text + 4, value, owned);
    if (strncmp(text, "text:", 5) == 0) {
        value->of.bytes.data = text + 5;
        value->of.bytes.size = strlen(text + 5);
        return NULL;
    }
    if (strcmp(text, "-") != 0)
        return "@FILE, - (standard input), hex:DIGITS or text:TEXT";
    if (values->stdin_taken)
        return "something else: standard input can be read only once";
    values->stdin_taken = true;
    return read_fd(STDIN_FILENO, value, owned);
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
        return parse_bytes(values, text, value, &values->owned[i]);
    default:
        return parse_integer(text, value);
    }
}

bool values_parse(struct values *values, const mote_function_info *function, char **words,
                  size_t count)
{
    const mote_signature *signature = &function->signature;
    if (count != signature->nparams) {
        say("%s takes %u argument%s, %zu given; its signature is %s%s", function->name,
            signature->nparams, signature->nparams == 1 ? "" : "s", count, function->name,
            function->signature_text);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        mote_type type = signature->params[i];
        const char *wanted = parse_value(values, type, words[i], i);
        if (wanted != NULL) {
            say("%s: argument %zu (%s) must be %s, not '%.64s'; its signature is %s%s",
                function->name, i + 1, mote_type_name(type), wanted, words[i], function->name,
                function->signature_text);
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
