/* SPDX-License-Identifier: Apache-2.0 */
/* Writes JSON (RFC 8259) on one line. `key` is NULL inside an array. */
#ifndef MOTE_CLI_JSON_H
#define MOTE_CLI_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json {
    FILE *out;
    bool more; /* a value stands before this one */
};

/* Bytes of the UTF-8 sequence at `s`, 0 when it is not one; `size` is at least 1. */
size_t utf8_length(const unsigned char *s, size_t size);

void json_open(struct json *json, const char *key, char bracket); /* '{' or '[' */
void json_close(struct json *json, char bracket);                 /* '}' or ']' */
void json_bool(struct json *json, const char *key, bool value);
void json_int(struct json *json, const char *key, int64_t value);
void json_uint(struct json *json, const char *key, uint64_t value);
void json_text(struct json *json, const char *key, const char *text);
/* Bytes that are not UTF-8 become U+FFFD. */
void json_string(struct json *json, const char *key, const void *text, size_t size);
/* "0x..." */
void json_address(struct json *json, const char *key, uint64_t value);
void json_hex(struct json *json, const char *key, const void *data, size_t size);
/* A number that is already written. */
void json_literal(struct json *json, const char *key, const char *literal);
/* Ends the document; false when it could not be written. */
bool json_end(struct json *json);

#endif
