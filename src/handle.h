/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The handle of a sandbox: what other threads may reach of a call in progress.
 *
 * The thread that makes a call moves the phase IDLE -> GUEST <-> HOST -> IDLE.
 * Whoever wants to stop it moves GUEST or HOST to KICKING for a moment, leaves
 * the cause, sends the signal (GUEST only) and moves it back; the runner waits
 * that moment out before it leaves the phase. So a kick acts on the call that
 * was in progress when it came, and on nothing else: no signal is sent once
 * the call has returned, and none to a thread that may be gone.
 */
#ifndef MOTE_HANDLE_H
#define MOTE_HANDLE_H

#include <pthread.h>
#include <stdatomic.h>

#include "hv/hv.h"

enum mote__phase {
    MOTE__PHASE_IDLE,
    MOTE__PHASE_GUEST,  /* the thread runs the guest, or is about to */
    MOTE__PHASE_HOST,   /* the thread runs a host function */
    MOTE__PHASE_KICKING /* somebody is leaving a cause */
};

enum mote__cause { MOTE__CAUSE_NONE, MOTE__CAUSE_INTERRUPT, MOTE__CAUSE_DEADLINE };

struct mote_handle {
    _Atomic uint32_t references;
    _Atomic uint32_t phase;    /* enum mote__phase */
    _Atomic uint32_t cause;    /* enum mote__cause */
    _Atomic uint64_t deadline; /* nanoseconds, monotonic; 0: none */
    int signal;
    int owner;        /* the process that made it */
    pthread_t thread; /* of the last call; it lets the signal in */
    bool thread_known;
    struct mote__vm *vm;          /* valid outside IDLE */
    mote_handle *next, *previous; /* in the watchdog's list */
};

mote_handle *mote__handle_new(const mote_allocator *allocator, int signal);

/* By the thread that calls. */
/* False when this thread blocks the signal: it could not be stopped. */
bool mote__handle_begin(mote_handle *handle, struct mote__vm *vm, uint64_t deadline);
void mote__handle_move(mote_handle *handle, enum mote__phase phase); /* GUEST or HOST */
enum mote__cause mote__handle_end(mote_handle *handle);
static inline enum mote__cause mote__handle_cause(const mote_handle *handle)
{
    return (enum mote__cause)atomic_load(&handle->cause);
}

/* By anyone: stops the call in progress; false when there is none, or when its deadline
 * is still to come and that is the cause. */
bool mote__handle_kick(mote_handle *handle, enum mote__cause cause, uint64_t now);

#endif
