/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOTE_TEST_EXPLAIN_H
#define MOTE_TEST_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>

/* Runs the scenarios in a traced child; 0 when every system call of the library is explained by
 * the seam. `control` (may be NULL): a name that is not marked, so that its calls must be found. */
int explain(void (*const *scenarios)(void), size_t count, const char *control);
/* Prints the names of the seam that it knows. */
void explain_names(void);
/* In that child: `call` is about to be made. Elsewhere nothing. */
void explain_mark(const char *call);
/* The scenario itself makes system calls from here on; or does so no more. */
void explain_outside(bool outside);

#endif
