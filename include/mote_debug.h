/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mote_debug.h: where a call ended, with functions, files and lines (libmote_debug).
 *
 * mote_report.frames needs frame pointers and tells addresses. This library reads the debug
 * information (DWARF) of the image's file, if it has any: it unwinds guests that were built
 * without frame pointers, and names inlined functions, files and lines.
 *
 * It is apart from libmote on purpose. It parses debug information with libdw (elfutils) in the
 * process that calls it. Who made the image chose every byte of that, and libdw is not made for
 * files that lie: it may crash, take long, take much memory, and it opens files that the debug
 * information names. For an image that is not your own call it in a process that may do
 * nothing: `mote run` does it in a forked child under seccomp and resource limits (cli/confine.c
 * shows how), with registers, frames and stack copied before.
 *
 * Functions return 0 or more, or a negative MOTE_E* that `error` (may be NULL) describes.
 * A mote_debug belongs to one thread at a time.
 */
#ifndef MOTE_DEBUG_H
#define MOTE_DEBUG_H

#include "mote.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mote_debug mote_debug;

/* Opens the file of an image, as mote_image_open does; its bytes are copied. Errors: EIMAGE (not
 * an ELF file that an image could come from), ESYSTEM, ENOMEM, EINVAL. */
MOTE_API int mote_debug_open(mote_debug **debug, const mote_source *source, mote_error *error);
/* NULL is fine. */
MOTE_API void mote_debug_close(mote_debug *debug);

/* Texts are the image's: any bytes but NUL. They live as long as the mote_debug. */
typedef struct mote_debug_frame {
    uint64_t address;     /* of the instruction for the innermost; else a return address */
    const char *function; /* as the source names it, else as the linker does; NULL: not known */
    uint64_t offset;  /* of the address, from the start of the function's symbol; 0: not known */
    const char *file; /* NULL: not known */
    uint32_t line;    /* 0: not known */
    uint32_t column;  /* 0: not known */
    bool inlined;     /* into the function of the next frame, which has the same address */
} mote_debug_frame;

/* Guest memory as the unwinder sees it: copies all of [address, address + size), or returns a
 * negative number. */
typedef int (*mote_debug_read_fn)(void *user, uint64_t address, void *data, size_t size);

/* The frames of a report, at most `size`, innermost first; how many. Unwinds from the report's
 * registers by the image's call frame information; the report's own frames are taken where they
 * reach farther. 0 when the report has no registers. */
MOTE_API int mote_debug_frames(mote_debug *debug, const mote_report *report,
                               mote_debug_read_fn read, void *user, mote_debug_frame *frames,
                               size_t size, mote_error *error);
/* The same of the last call of a sandbox of this image, before anything else is done with it. */
MOTE_API int mote_debug_backtrace(mote_debug *debug, mote_sandbox *sandbox,
                                  mote_debug_frame *frames, size_t size, mote_error *error);
/* The functions at one address, which is a return address or not: one, or more where they are
 * inlined. */
MOTE_API int mote_debug_describe(mote_debug *debug, uint64_t address, bool is_return,
                                 mote_debug_frame *frames, size_t size);

#ifdef __cplusplus
}
#endif

#endif
