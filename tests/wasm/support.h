/* SPDX-License-Identifier: Apache-2.0 */
/* Modules written in text, built with mote_wasm, and the results in micro-VMs. A failure fails the
 * running test. */
#ifndef MOTE_TESTS_WASM_SUPPORT_H
#define MOTE_TESTS_WASM_SUPPORT_H

#include <mote.h>
/* cmocka needs these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* and then itself */
#include <cmocka.h>

#include "builder.h"

/* A private folder for the program's files. */
void scratch_create(void);
void scratch_remove(void);
/* A path in it; the last four answers stay valid. */
const char *scratch_path(const char *name, const char *suffix);

/* Converts the text of a module, or NAME.wat of this folder, to NAME.wasm in the scratch folder.
 * `flag` is for wat2wasm, or NULL. Returns its path. */
const char *assemble_text(const char *name, const char *text, const char *flag);
const char *assemble(const char *name);

/* Options for a build of the scratch folder's NAME.wasm to NAME.mote with the tools of this tree.
 */
struct mote__wasm_build_options build_options(const char *name);
/* Builds NAME.wat of this folder once; returns the path of its image. */
const char *build(const char *name);

/* A module in a micro-VM. */
struct guest {
    mote_image *image;
    mote_policy *policy;
    mote_sandbox *sandbox;
};

/* The host of the whole program. */
mote_host *the_host(void);
void release_host(void);

/* `policy` may be NULL. Takes the reference of `policy`. */
void guest_open(struct guest *guest, const char *name, mote_policy *policy);
void guest_close(struct guest *guest);

mote_value i32(int32_t value);
mote_value i64(int64_t value);
mote_value f32(float value);
mote_value f64(double value);

/* Arguments of a call: ARGS(i32(1), f64(2)). */
#define ARGS(...) \
    (const mote_value[]){__VA_ARGS__}, sizeof((mote_value[]){__VA_ARGS__}) / sizeof(mote_value)
#define NO_ARGS NULL, 0

/* Calls an export that must succeed, and returns its result (type MOTE_VOID without one). */
mote_value call(struct guest *guest, const char *name, const mote_value *args, size_t nargs);
/* Calls an export that must trap with these words, checks that the sandbox is poisoned until it is
 * reset, and resets it. */
void call_traps(struct guest *guest, const char *words, const char *name, const mote_value *args,
                size_t nargs);
/* As mote_call, by name. */
int call_status(struct guest *guest, const char *name, const mote_value *args, size_t nargs,
                mote_value *result);

#endif
