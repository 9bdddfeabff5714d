/* SPDX-License-Identifier: Apache-2.0 */
#include "signature.h"

#include <stdio.h>
#include <string.h>

#include "error.h"
#include "mote_abi.h"

/* The API and the wire name the same types and limits. */
_Static_assert((int)MOTE_VOID == MOTE_TYPE_VOID && (int)MOTE_I32 == MOTE_TYPE_I32 &&
                   (int)MOTE_BOOL == MOTE_TYPE_BOOL && (int)MOTE_STRING == MOTE_TYPE_STRING &&
                   (int)MOTE_BYTES == MOTE_TYPE_BYTES,
               "mote.h and mote_abi.h");
_Static_assert(MOTE_PARAMS_MAX == MOTE_MAX_PARAMS, "mote.h and mote_abi.h");

static const char *const type_names[] = {"void", "i32", "u32",  "i64",    "u64",
                                         "f32",  "f64", "bool", "string", "bytes"};

#define NTYPES (sizeof type_names / sizeof type_names[0])

const char *mote_type_name(mote_type type)
{
    return (unsigned)type < NTYPES ? type_names[type] : "?";
}

bool mote__type_is_bytes(mote_type type)
{
    return type == MOTE_STRING || type == MOTE_BYTES;
}

static const char *skip_spaces(const char *at)
{
    while (*at == ' ')
        at++;
    return at;
}

/* Reads one type name; returns what follows, or NULL. */
static const char *parse_type(const char *at, mote_type *type)
{
    at = skip_spaces(at);
    for (size_t i = 0; i < NTYPES; i++) {
        size_t size = strlen(type_names[i]);
        char next = at[0] && strncmp(at, type_names[i], size) == 0 ? at[size] : 'x';
        if (next == '\0' || next == ',' || next == ')' || next == ' ') {
            *type = (mote_type)i;
            return skip_spaces(at + size);
        }
    }
    return NULL;
}

/* Reads "(a,b)"; returns what follows; *failed_at is where it stopped otherwise. */
static const char *parse_params(mote_signature *signature, const char *at, const char **failed_at)
{
    *failed_at = at;
    if (*at != '(')
        return NULL;
    at = skip_spaces(at + 1);
    if (*at == ')')
        return at + 1;
    for (;;) {
        *failed_at = at;
        mote_type type;
        const char *next = parse_type(at, &type);
        if (!next || type == MOTE_VOID || signature->nparams == MOTE_PARAMS_MAX)
            return NULL;
        signature->params[signature->nparams++] = type;
        if (*next == ')')
            return next + 1;
        if (*next != ',')
            return NULL;
        at = skip_spaces(next + 1);
    }
}

static const char *parse_result(mote_signature *signature, const char *at, const char **failed_at)
{
    *failed_at = at = skip_spaces(at);
    if (strncmp(at, "->", 2) != 0)
        return NULL;
    *failed_at = at = skip_spaces(at + 2);
    at = parse_type(at, &signature->result);
    if (!at || *at)
        return NULL;
    signature->nresults = signature->result != MOTE_VOID;
    return at;
}

int mote_signature_parse(mote_signature *signature, const char *text, mote_error *error)
{
    if (!signature || !text)
        return mote__fail_argument(error, "mote_signature_parse: signature or text is NULL");
    memset(signature, 0, sizeof *signature);
    const char *failed_at = text;
    const char *at = parse_params(signature, skip_spaces(text), &failed_at);
    if (at)
        at = parse_result(signature, at, &failed_at);
    if (at)
        return 0;
    return mote__fail(error, MOTE_DOMAIN_API, MOTE_EINVAL, failed_at - text,
                      "write it like (i32,string)->bytes, with at most 32 parameters",
                      "signature \"%.200s\" is wrong at byte %td", text, failed_at - text);
}

/* Appends to a text of `size` bytes of which `*used` would be in use. */
static void append(char *text, size_t size, size_t *used, const char *more)
{
    if (*used < size)
        snprintf(text + *used, size - *used, "%s", more);
    *used += strlen(more);
}

size_t mote_signature_format(const mote_signature *signature, char *text, size_t size)
{
    size_t used = 0;
    append(text, size, &used, "(");
    for (uint32_t i = 0; i < signature->nparams && i < MOTE_PARAMS_MAX; i++) {
        append(text, size, &used, i ? "," : "");
        append(text, size, &used, mote_type_name(signature->params[i]));
    }
    append(text, size, &used, ")->");
    append(text, size, &used, signature->nresults ? mote_type_name(signature->result) : "void");
    return used;
}

bool mote__signature_equal(const mote_signature *a, const mote_signature *b)
{
    return a->nparams == b->nparams && a->nresults == b->nresults && a->result == b->result &&
           memcmp(a->params, b->params, a->nparams * sizeof a->params[0]) == 0;
}

mote_value mote_string(const char *text)
{
    mote_value value = {.type = MOTE_STRING};
    value.of.bytes.data = text;
    value.of.bytes.size = text ? strlen(text) : 0;
    return value;
}
