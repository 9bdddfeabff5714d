/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of `mote inspect` share. */
#ifndef MOTE_CLI_INSPECT_H
#define MOTE_CLI_INSPECT_H

#include "command_line.h"
#include "json.h"

struct inspect_failure {
    const char *code; /* a name, for programs */
    const char *text;
    const char *remedy; /* may be empty */
};

/* Tells the failure in one line, or as JSON; returns `status`. */
int inspect_failed(const struct inspect_options *options, int status,
                   const struct inspect_failure *failure);

/* Prints text that may hold anything, then a newline. */
CLI_PRINTF(1, 2) void inspect_line(const char *format, ...);

/* A WebAssembly module of `size` bytes; the exit status. */
int inspect_wasm(const struct inspect_options *options, const void *data, size_t size);

#endif
