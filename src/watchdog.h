/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watchdog: one thread of a host that stops calls which are late, or have
 * used up their processor time. While calls with such limits run it looks every
 * 2 ms; when there have been none for a while it sleeps until the first one
 * wakes it. Arming a limit is a store in the handle.
 */
#ifndef MOTE_WATCHDOG_H
#define MOTE_WATCHDOG_H

#include <pthread.h>
#include <stdatomic.h>

#include "mote.h"

struct mote__watchdog {
    pthread_mutex_t lock; /* guards the list */
    mote_handle *handles;
    pthread_t thread;
    bool started;
    _Atomic uint32_t asleep; /* 1 while the thread waits on it */
    _Atomic uint32_t stop;
};

int mote__watchdog_start(struct mote__watchdog *watchdog, mote_error *error);
void mote__watchdog_stop(struct mote__watchdog *watchdog);
/* The list has the handles of sandboxes with a shell: others run nothing. Adding twice, or removing
 * what is not there, does nothing. */
void mote__watchdog_add(struct mote__watchdog *watchdog, mote_handle *handle);
void mote__watchdog_remove(struct mote__watchdog *watchdog, mote_handle *handle);
/* After a limit was stored: wakes the thread if it sleeps. */
void mote__watchdog_armed(struct mote__watchdog *watchdog);

#endif
