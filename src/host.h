/* SPDX-License-Identifier: Apache-2.0 */
/* The root object of an embedder: hypervisor, watchdog, signal, allocator, log, fork mark. */
#ifndef MOTE_HOST_H
#define MOTE_HOST_H

#include "crowd.h"
#include "hv/hv.h"
#include "os/os.h"
#include "pool.h"
#include "published.h"
#include "watchdog.h"

struct mote_host {
    mote_allocator allocator; /* without functions: the C library's */
    mote_host_log_fn log;
    void *log_user;
    struct mote__hv *hv;
    int signal;
    bool signal_is_ours;
    void *fork_mark;          /* a page that a fork wipes */
    _Atomic uint32_t *alive;  /* at its start: 1, or 0 in a child */
    _Atomic uint32_t objects; /* images, policies and sandboxes that live */
    struct mote__watchdog watchdog;
    struct mote__pool pool;
    struct mote__crowd crowd;
    struct mote__published published;
};

/* MOTE_EFORKED in a child of the process that made the host, else 0. */
int mote__host_check(const mote_host *host, mote_error *error);
void mote__host_ref(mote_host *host);
void mote__host_unref(mote_host *host);
/* One line for the embedder's operator, where it wants to hear any. */
__attribute__((format(printf, 3, 4))) void mote__host_log(const mote_host *host, unsigned level,
                                                          const char *format, ...);
bool mote__host_forked(const mote_host *host);

#endif
