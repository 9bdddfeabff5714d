/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sandboxes of a host that have a shell, where their number has a limit. One more takes the
 * shell of the one that nobody has used for the longest time, which is parked: by whatever thread
 * needs it, as if that had entered it. No lock is held meanwhile, and a thread that has entered a
 * sandbox never waits for another sandbox, so that nobody waits in a circle: who wants to enter
 * what is being parked waits until its state is kept.
 */
#ifndef MOTE_CROWD_H
#define MOTE_CROWD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "mote.h"

struct mote__crowd {
    pthread_mutex_t lock; /* guards the list; nothing else is locked inside */
    bool ready;
    mote_sandbox *first;
    _Atomic uint32_t sandboxes, parked; /* numbers of them, for those who ask */
};

/* A sandbox's place in the list; guarded by its lock but for `used`. */
struct mote__crowd_place {
    mote_sandbox *next, *previous;
    bool listed;
    _Atomic uint64_t used; /* when a call began in it, monotonic */
};

void mote__crowd_start(struct mote__crowd *crowd);
void mote__crowd_stop(struct mote__crowd *crowd);
/* When it gets a shell, and when it loses it; nothing happens twice. */
void mote__crowd_add(mote_sandbox *sandbox);
void mote__crowd_remove(mote_sandbox *sandbox);
/* Parks the least recently used sandbox that nobody is in: MOTE_ELIMIT, and nothing is told, when
 * there is none. */
int mote__crowd_park_one(mote_host *host, mote_error *error);

#endif
