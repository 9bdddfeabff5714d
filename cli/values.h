/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments and results of a guest's function as text. */
#ifndef MOTE_CLI_VALUES_H
#define MOTE_CLI_VALUES_H

#include <mote.h>
#include <stdio.h>

#include "cli.h"
#include "json.h"

struct values {
    mote_value value[MOTE_PARAMS_MAX];
    void *owned[MOTE_PARAMS_MAX];      /* what values_free releases */
    const char *from[MOTE_PARAMS_MAX]; /* bytes that values_load is to read: "@FILE" or "-" */
};

/* Reads `words` (`count` of them) as the arguments of the function; false after it has described
 * which one is wrong, with the signature. Pure: files are opened by values_load. */
bool values_parse(struct values *values, const mote_function_info *function, char **words,
                  size_t count, struct line *problem);
/* Reads the files and standard input that were named; false and a problem as above. */
bool values_load(struct values *values, const mote_function_info *function, struct line *problem);
void values_free(struct values *values);

/* A result on a line of its own; `raw`: string and bytes as they are, without newline. */
void value_print(FILE *out, const mote_value *value, bool raw);
/* {"type": ..., "value": ...} */
void value_json(struct json *json, const mote_value *value);

#endif
