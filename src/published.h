/* SPDX-License-Identifier: Apache-2.0 */
/* What a host tells other programs of itself, where its embedder wants that: mote_use.h. */
#ifndef MOTE_PUBLISHED_H
#define MOTE_PUBLISHED_H

#include <pthread.h>
#include <stdbool.h>

#include "mote.h"
#include "mote_use.h"

struct mote__published {
    mote_use *page; /* NULL: nothing is told */
    int fd;
    pthread_mutex_t
        lock; /* one writer of the numbers that are renewed; the pool's is taken inside */
};

int mote__published_start(mote_host *host, mote_error *error);
void mote__published_stop(mote_host *host);
/* After something has changed that it tells of, calls and resets aside. Holds no lock of the
 * caller's. */
void mote__published_renew(mote_host *host);

/* On the path of every call: an addition, if anything. */
static inline void mote__published_call(const struct mote__published *published)
{
    if (published->page)
        __atomic_fetch_add(&published->page->calls, 1, __ATOMIC_RELAXED);
}

static inline void mote__published_reset(const struct mote__published *published)
{
    if (published->page)
        __atomic_fetch_add(&published->page->resets, 1, __ATOMIC_RELAXED);
}

#endif
