/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of libmote_debug. */
#ifndef MOTE_DEBUG_INTERNAL_H
#define MOTE_DEBUG_INTERNAL_H

#include <elfutils/libdwfl.h>

#include "mote_debug.h"

/* Addresses that are unwound at most; each may be several functions. */
#define MOTE__MOST_FRAMES 64u

struct mote_debug {
    char *bytes; /* of the file; libelf wants them writable */
    size_t size;
    Dwfl *dwfl;
    /* of the unwinding in progress */
    mote_registers registers;
    mote_debug_read_fn read;
    void *user;
    uint64_t *addresses;
    size_t count, room;
};

/* Fills `error` and returns `code`. */
__attribute__((format(printf, 3, 4))) int mote__debug_fail(mote_error *error, int code,
                                                           const char *format, ...);
/* Copies the source into debug->bytes. */
int mote__debug_load(mote_debug *debug, const mote_source *source, mote_error *error);
/* RIP and return addresses; at most `room`. At least one. */
size_t mote__debug_unwind(mote_debug *debug, const mote_registers *registers,
                          mote_debug_read_fn read, void *user, uint64_t *addresses, size_t room);

#endif
