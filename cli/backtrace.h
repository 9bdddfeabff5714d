/* SPDX-License-Identifier: Apache-2.0 */
/* Where a guest's call ended, in the manner of debuggers. */
#ifndef MOTE_CLI_BACKTRACE_H
#define MOTE_CLI_BACKTRACE_H

#include <mote.h>

#include "json.h"

/* Fixed in size, since a process that read hostile debug information sends them. */
struct backtrace_frame {
    uint64_t address, offset; /* offset: from the start of the function; 0: not known */
    uint32_t line, inlined;   /* line 0: not known */
    char function[200];       /* empty: not known */
    char file[280];           /* empty: not known */
};

struct backtrace {
    size_t count;
    struct backtrace_frame frames[64];
};

/* Of the last call: by the debug information of the file `path`, which a confined child reads;
 * else what the library knows by itself. */
void backtrace_take(struct backtrace *backtrace, const char *path, const mote_image *image,
                    mote_sandbox *sandbox);
void backtrace_print(const struct backtrace *backtrace); /* on stderr */
void backtrace_json(struct json *json, const struct backtrace *backtrace);

/* backtrace_child.c: the frames that the child found; false when it failed. */
bool backtrace_from_file(struct backtrace *backtrace, const char *path, const mote_report *report,
                         mote_sandbox *sandbox);

#endif
