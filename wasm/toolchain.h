/* SPDX-License-Identifier: Apache-2.0 */
/* The programs and files that a build needs, found and checked. */
#ifndef MOTE_WASM_TOOLCHAIN_H
#define MOTE_WASM_TOOLCHAIN_H

#include "builder.h"
#include "process.h"
#include "workspace.h"

struct mote__toolchain {
    char *wasm2c;
    char *wasm_validate;
    char *cc;
    char *sdk_library; /* libmote_guest.a of the compiler's libc */
    struct mote__limits limits;
    unsigned jobs;
};

/*
 * Finds the tools, checks the version of wasm2c, and makes the headers and
 * runtime sources visible in the workspace, so that no folder of the system
 * needs to be on the include path. Errors: ETOOL, ESYSTEM, ENOMEM.
 */
int mote__toolchain_find(struct mote__toolchain *tools,
                         const struct mote__wasm_build_options *options,
                         const struct mote__workspace *workspace, struct mote__wasm_error *error);
void mote__toolchain_free(struct mote__toolchain *tools);

/* Names of the runtime's source files; NULL-terminated. */
extern const char *const mote__runtime_sources[];

#endif
