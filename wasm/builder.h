/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiles a WebAssembly module ahead of time to a guest image: wasm-validate,
 * wasm2c 1.0.42, an edited prelude, a C compiler, a static ELF file at 1 TiB
 * whose linear memory lies at address 0.
 *
 * Translator and compiler are children under resource limits, in a private
 * folder. They read hostile bytes and are not jailed yet.
 */
#ifndef MOTE_WASM_BUILDER_H
#define MOTE_WASM_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

enum mote__wasm_step {
    MOTE__WASM_VALIDATE,
    MOTE__WASM_TRANSLATE,
    MOTE__WASM_COMPILE,
    MOTE__WASM_LINK,
    MOTE__WASM_DONE
};

/* Told at the start of each step and as it advances: `done` of `total` parts.
 * Anything but 0 stops the build with MOTE__WASM_ECANCELED. */
typedef int (*mote__wasm_progress_fn)(void *user, enum mote__wasm_step step, unsigned done,
                                      unsigned total);

struct mote__wasm_build_options {
    const char *input;           /* the module */
    const char *output;          /* the image; replaced whole or not at all */
    const char *sdk_include_dir; /* has mote_guest.h */
    const char *sdk_lib_dir;     /* has libmote_guest.a, or musl/ and gcc/ with one each */
    const char *runtime_dir;     /* has the sources of wasm/runtime (share/mote/wasm) */
    const char *wasm2c;          /* program, or NULL: $PATH; wasm-validate lies beside it */
    const char *wabt_include;    /* has wasm-rt.h, or NULL: beside wasm2c's folder, /usr/include */
    const char *cc;              /* program, or NULL: musl-gcc, else gcc */
    int opt_level;               /* 1 to 3; 0: 2 */
    unsigned jobs;               /* compilers at a time; 0: one per processor */
    uint64_t cpu_seconds;        /* of each tool; 0: 600 */
    uint64_t memory_bytes;       /* address space of each tool; 0: 4 GiB */
    bool keep_temp;              /* leave the temporary folder, for debugging */
    mote__wasm_progress_fn progress; /* may be NULL */
    void *user;                      /* for it */
};

struct mote__wasm_build_result {
    size_t exports;      /* functions that the host can call */
    size_t hidden;       /* exported functions whose type or name it cannot have */
    size_t imports;      /* host functions that it must grant */
    uint64_t memory;     /* initial bytes of linear memory */
    char temp_dir[4096]; /* with keep_temp */
};

/* `result` and `error` may be NULL. Returns 0 or an enum mote__wasm_status. */
int mote__wasm_build(const struct mote__wasm_build_options *options,
                     struct mote__wasm_build_result *result, struct mote__wasm_error *error);

/* "validating", ...; static storage. */
const char *mote__wasm_step_name(enum mote__wasm_step step);

#endif
