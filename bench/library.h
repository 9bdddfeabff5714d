/* SPDX-License-Identifier: Apache-2.0 */
/* mote as an embedder uses it: a host and one booted guest, and a sandbox of it. */
#ifndef LIBRARY_H
#define LIBRARY_H

#include <stdbool.h>

#include <mote.h>

struct library {
    mote_host *host;
    mote_image *image;
    mote_policy *policy; /* has env.add, for those that import it */
    mote_sandbox *sandbox;
    mote_func func; /* what library_find found last */
    bool suspend;   /* env.later answers later, with mote_resume; else 7, at once */
};

/* Opens and boots a guest of tests/guests under a limit of `memory` bytes (0: the
 * default); no sandbox yet. -1 after a message. */
int library_open(struct library *library, const char *guest, uint64_t memory);
/* The same with a host of these options. */
int library_open_with(struct library *library, const char *guest, uint64_t memory,
                      const mote_host_options *options);
void library_close(struct library *library);
int library_new_sandbox(struct library *library);
void library_free_sandbox(struct library *library);
int library_find(struct library *library, const char *name, const char *signature);
/* Says what went wrong with the sandbox's last operation; returns -1. */
int library_failed(const struct library *library, const char *what);

/* The whole of the above for a benchmark of calls. */
int library_start(struct library *library, const char *guest, const char *function,
                  const char *signature);
/* Calls `func` with one u32. */
int library_call_u32(struct library *library, uint32_t argument, mote_value *result,
                     size_t nresults);
/* Nanoseconds of n rounds in the guest without what the call itself costs: of `func`(n) less
 * `func`(0), which must answer n; -1 when one failed. */
int64_t library_time_storm(struct library *library, uint32_t n);

#endif
