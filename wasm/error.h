/* SPDX-License-Identifier: Apache-2.0 */
/* What went wrong in a build, for people: what failed, on what, and what to do. */
#ifndef MOTE_WASM_ERROR_H
#define MOTE_WASM_ERROR_H

#include <stddef.h>

/* Why a build failed; 0 is success. */
enum mote__wasm_status {
    MOTE__WASM_OK = 0,
    MOTE__WASM_EINVAL = -1,   /* an option is missing or wrong */
    MOTE__WASM_EMODULE = -2,  /* the module is malformed, or uses what is not supported */
    MOTE__WASM_ETOOL = -3,    /* a tool is missing, too old, or behaved unexpectedly */
    MOTE__WASM_ESYSTEM = -4,  /* a file or process operation failed */
    MOTE__WASM_ENOMEM = -5,   /* out of memory */
    MOTE__WASM_ECANCELED = -6 /* the progress callback asked to stop */
};

struct mote__wasm_error {
    char text[512];   /* what failed, on what */
    char remedy[256]; /* what to do; may be empty */
};

/* Both fill `error` (may be NULL) and return `status`; the text is cut to fit. */
int mote__wasm_fail(struct mote__wasm_error *error, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* As above, with a remedy and, appended to the text, the words of `errno`. */
int mote__wasm_fail_errno(struct mote__wasm_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int mote__wasm_out_of_memory(struct mote__wasm_error *error);
/* Adds what to do; returns `status` for use in a return statement. */
int mote__wasm_remedy(struct mote__wasm_error *error, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Copies bytes of a module into a text: what is not printable ASCII becomes
 * \xx, a long text ends in "...". `out` always receives a NUL. Returns `out`. */
const char *mote__wasm_printable(char *out, size_t size, const void *bytes, size_t length);

#endif
