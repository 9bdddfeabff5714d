/* SPDX-License-Identifier: Apache-2.0 */
/* Structures of options from programs that were built against another version of mote.h. */
#ifndef MOTE_OPTIONS_H
#define MOTE_OPTIONS_H

#include "mote.h"

/*
 * Copies the caller's structure, which begins with its size, to `to` of `size` bytes; `from` may
 * be NULL: all zero. `least` is the size that the structure had first. What a smaller one lacks is
 * zero; of a larger one all that is beyond `size` must be zero. MOTE_EINVAL names `what`.
 */
int mote__options_copy(void *to, size_t size, const void *from, size_t least, const char *what,
                       mote_error *error);

/* For a structure that has not grown since its first version but for fields after `last`. */
#define MOTE__SIZE_UP_TO(type, last) (offsetof(type, last) + sizeof(((type *)NULL)->last))

#endif
