/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOTE_ERROR_H
#define MOTE_ERROR_H

#include "mote.h"

/* Describes a failure in `error` (may be NULL) and returns `code`. `remedy` may be NULL. */
__attribute__((format(printf, 6, 7))) int mote__fail(mote_error *error, int domain, int code,
                                                     int64_t detail, const char *remedy,
                                                     const char *format, ...);
/* No memory for `what`. */
int mote__fail_memory(mote_error *error, const char *what);
/* The operating system refused `what` with the negative errno `errno_negative`. */
int mote__fail_system(mote_error *error, int errno_negative, const char *what);
/* The caller's argument is wrong: `what` says which and why. */
int mote__fail_argument(mote_error *error, const char *what);
void mote__error_clear(mote_error *error);

#endif
