/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads JSON (RFC 8259) that somebody else wrote, strictly: nothing that the grammar lacks, no
 * member twice in an object is found but the first, no NUL and no ill UTF-8 in strings.
 */
#ifndef MOTE_CLI_JSON_READ_H
#define MOTE_CLI_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* How deep arrays and objects may be nested. */
enum { JSON_DEPTH = 32 };

struct json_value {
    enum json_type type;
    bool truth;       /* JSON_BOOL */
    double number;    /* JSON_NUMBER */
    const char *text; /* JSON_STRING; NUL-terminated */
    size_t behind;    /* index of what follows this value and all in it */
};

/* Values in the order of the text; an array's follow it, an object's, too, each after its name. */
struct json_document {
    struct json_value *values;
    size_t count;
    char *text;
    const char *problem; /* why it could not be read */
    size_t at;           /* where, in bytes */
};

/* False, with a problem, when it could not be read. Free it in both cases. */
bool json_read(struct json_document *document, const void *data, size_t size);
void json_free(struct json_document *document);

/* The member of an object; NULL where there is none, or `object` is none or NULL. */
const struct json_value *json_member(const struct json_document *document,
                                     const struct json_value *object, const char *name);
/* The first element of an array, or the one after `element`; NULL: no more, or no array. */
const struct json_value *json_element(const struct json_document *document,
                                      const struct json_value *array,
                                      const struct json_value *element);

/* Of a member: its text, or NULL where it is not a string; its number, or `otherwise`. */
const char *json_member_text(const struct json_document *document, const struct json_value *object,
                             const char *name);
double json_member_number(const struct json_document *document, const struct json_value *object,
                          const char *name, double otherwise);

#endif
