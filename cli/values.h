/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments and results of a guest's function as text. */
#ifndef MOTE_CLI_VALUES_H
#define MOTE_CLI_VALUES_H

#include <mote.h>
#include <stdio.h>

#include "json.h"

struct values {
    mote_value value[MOTE_PARAMS_MAX];
    void *owned[MOTE_PARAMS_MAX]; /* what values_free releases */
    bool stdin_taken;
};

/* Reads `words` (`count` of them) as the arguments of the function; false after
 * it has said which one is wrong, with the signature. */
bool values_parse(struct values *values, const mote_function_info *function, char **words,
                  size_t count);
void values_free(struct values *values);

/* A result on a line of its own; `raw`: string and bytes as they are, without newline. */
void value_print(FILE *out, const mote_value *value, bool raw);
/* {"type": ..., "value": ...} */
void value_json(struct json *json, const mote_value *value);

#endif
